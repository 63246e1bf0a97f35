/* A pool of blocks. See pool.h. One mutex for all of it: it is taken for a few instructions, once for 64 KiB or more. */
#define _GNU_SOURCE 1
#include "core/base/pool.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "core/base/arena.h"
#include "core/base/check.h"
#include "core/base/memory.h"
#include "core/base/poison.h"

enum {
	STEPS = 24,                    /* sizes: STEPS / 4 doublings from 64 KiB on */
	SHARE = 32,                    /* the pool holds at most this part of the memory limit */
	PAGE = 4096,
};

/* A leak checker finds its way by these: they are not poisoned. */
struct block { struct block *next; };

/* Free blocks by size: first those of SPK_POOL_CHUNK, then by steps. */
static struct {
	pthread_mutex_t lock;
	struct block *free[1 + STEPS];
	size_t bytes;
} pool = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* The list of blocks of the size that `size` is rounded to, -1: the pool has none such. */
static int list_of(size_t *size)
{
	int doubling;
	size_t step;

	if (*size <= SPK_POOL_CHUNK)
		return *size == SPK_POOL_CHUNK ? 0 : -1;
	doubling = 63 - __builtin_clzll(*size - 1);
	step = (size_t)1 << (doubling - 2);
	if ((doubling - 16) * 4 + 3 >= STEPS)
		return -1;
	*size = (*size + step - 1) & ~(step - 1);
	return 1 + (doubling - 16) * 4 + (int)(*size / step - 5);
}

size_t spk_pool_round(size_t size)
{
	list_of(&size);
	return size;
}

static void *map(size_t size)
{
	const size_t room = size + SPK_POOL_LARGE;
	char *all = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *data;

	if (all == MAP_FAILED)
		return NULL;
	data = (char *)(((uintptr_t)all + SPK_POOL_LARGE - 1) & ~(uintptr_t)(SPK_POOL_LARGE - 1));
	if (data > all)
		munmap(all, (size_t)(data - all));
	if (data + size < all + room)
		munmap(data + size, (size_t)(all + room - data) - size);
	/* Advice: it may fail. */
	(void)madvise(data, size, MADV_HUGEPAGE);
	return data;
}

static size_t whole_pages(size_t size) { return (size + PAGE - 1) & ~(size_t)(PAGE - 1); }

void *spk_pool_alloc(size_t size)
{
	const int list = list_of(&size);
	struct block *b = NULL;

	if (list >= 0) {
		pthread_mutex_lock(&pool.lock);
		b = pool.free[list];
		if (b) {
			pool.free[list] = b->next;
			pool.bytes -= size;
		}
		pthread_mutex_unlock(&pool.lock);
	}
	if (b) {
		UNPOISON(b, size);
		return b;
	}
	return size < SPK_POOL_LARGE ? malloc(size) : map(whole_pages(size));
}

void spk_pool_free(void *p, size_t size)
{
	const int list = list_of(&size);
	const size_t most = spk_memory_limit() / SHARE;
	struct block *b = p;
	bool kept = false;

	if (list >= 0 && size <= most) {
		pthread_mutex_lock(&pool.lock);
		kept = pool.bytes <= most - size;
		if (kept) {
			b->next = pool.free[list];
			pool.free[list] = b;
			pool.bytes += size;
			POISON(b + 1, size - sizeof *b);
		}
		pthread_mutex_unlock(&pool.lock);
	}
	if (kept)
		return;
	if (size < SPK_POOL_LARGE)
		free(p);
	else
		munmap(p, whole_pages(size));
}
