/* Large blocks of memory. See large.h. */
#define _GNU_SOURCE 1
#include "core/base/large.h"

#include <sys/mman.h>

static void *map(size_t size)
{
	const size_t room = size + SPK_LARGE_BLOCK;
	char *all = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *data;

	if (all == MAP_FAILED)
		return NULL;
	data = (char *)(((uintptr_t)all + SPK_LARGE_BLOCK - 1) & ~(uintptr_t)(SPK_LARGE_BLOCK - 1));
	if (data > all)
		munmap(all, (size_t)(data - all));
	if (data + size < all + room)
		munmap(data + size, (size_t)(all + room - data) - size);
	/* Advice: it may fail. */
	(void)madvise(data, size, MADV_HUGEPAGE);
	return data;
}

static size_t rounded(size_t size) { return (size + 4095) & ~(size_t)4095; }

void *spk_large_alloc(struct spk_memory_account *account, size_t size)
{
	void *p;

	if (size < SPK_LARGE_BLOCK)
		return spk_calloc(account, size);
	if (spk_memory_reserve(account, size, NULL) != SPK_OK)
		return NULL;
	p = map(rounded(size));
	if (!p)
		spk_memory_unreserve(account, size);
	return p;
}

void spk_large_free(struct spk_memory_account *account, void *p, size_t size)
{
	if (size < SPK_LARGE_BLOCK) {
		spk_free(account, p, size);
		return;
	}
	if (!p)
		return;
	munmap(p, rounded(size));
	spk_memory_unreserve(account, size);
}
