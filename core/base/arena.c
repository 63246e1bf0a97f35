/*
 * Arenas over chunks.
 *
 *   first chunk    1 KiB from malloc, holds struct spk_arena itself: an arena that stays tiny is one malloc
 *   second chunk   8 KiB from malloc, unless the request is larger than half of it
 *   others         64 KiB (and a little, see pool.h) from the pool
 *   large blocks   a block of their own, for what does not fit such a chunk, from the pool
 */
#include "core/base/arena.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/check.h"
#include "core/base/memory.h"
#include "core/base/poison.h"
#include "core/base/pool.h"

enum {
	ALIGN = 16,
	VECTOR_ALIGN = 64,
	FIRST_SIZE = 1024,       /* small enough for malloc's per-thread cache */
	SECOND_SIZE = 8 * 1024,
	GAP = SPK_ARENA_POISONING ? ALIGN : 0,
};

struct chunk {
	struct chunk *next;
	size_t size;             /* with this header; a multiple of ALIGN */
};

struct hold {
	struct hold *next;
	struct spk_arena *arena;
};

struct spk_arena {
	struct spk_arena_run run;    /* first: spk_arena_alloc relies on it */
	_Atomic int64_t refs;
	struct chunk *chunks;        /* all but the first, newest first */
	struct hold *holds;          /* newest first; the nodes lie in the arena */
	struct spk_memory_account *account;
	size_t bytes;
	struct spk_arena *next_dead; /* used by unref alone */
};

_Static_assert(sizeof(struct chunk) % ALIGN == 0, "a chunk's memory starts aligned");
_Static_assert(offsetof(struct spk_arena, run) == 0, "spk_arena_alloc casts an arena to its run");

static size_t round_up(size_t n, size_t to)
{
	return (n + to - 1) & ~(to - 1);
}

static void chunks_free(struct chunk *list)
{
	for (struct chunk *c = list, *next; c; c = next) {
		next = c->next;
		UNPOISON(c, c->size);
		spk_pool_free(c, c->size);
	}
}

static void set_run(struct spk_arena *arena, char *next, char *end)
{
	arena->run = (struct spk_arena_run){ next, end };
	POISON(next, (size_t)(end - next));
}

struct spk_arena *spk_arena_new(struct spk_memory_account *account)
{
	struct spk_arena *arena = spk_malloc(account, FIRST_SIZE);

	if (!arena)
		return NULL;
	*arena = (struct spk_arena){ .account = account, .bytes = FIRST_SIZE };
	atomic_init(&arena->refs, 1);
	set_run(arena, (char *)arena + round_up(sizeof(*arena), ALIGN), (char *)arena + FIRST_SIZE);
	return arena;
}

struct spk_arena *spk_arena_ref(struct spk_arena *arena)
{
	atomic_fetch_add_explicit(&arena->refs, 1, memory_order_relaxed);
	return arena;
}

/* Gives the chunks back, all but the first. */
static void give_chunks_back(struct spk_arena *arena)
{
	struct chunk *chunks = arena->chunks;

	arena->chunks = NULL;
	chunks_free(chunks);
	spk_memory_unreserve(arena->account, arena->bytes - FIRST_SIZE);
	arena->bytes = FIRST_SIZE;
}

/* Drops one reference; an arena that was the last's goes on the list of the dead. */
static struct spk_arena *drop(struct spk_arena *arena, struct spk_arena *dead)
{
	/* acq_rel: what other holders did to the memory happens before its end here. */
	if (atomic_fetch_sub_explicit(&arena->refs, 1, memory_order_acq_rel) > 1)
		return dead;
	arena->next_dead = dead;
	return arena;
}

/* Drops what `arena` holds. Nothing is freed yet, so the nodes, which lie in its chunks, stay readable. */
static struct spk_arena *drop_holds(struct spk_arena *arena, struct spk_arena *dead)
{
	for (struct hold *h = arena->holds; h; h = h->next)
		dead = drop(h->arena, dead);
	arena->holds = NULL;
	return dead;
}

/* A list and not recursion: a chain of holds is as long as the history of a stream. */
static void bury(struct spk_arena *dead)
{
	while (dead) {
		struct spk_arena *arena = dead;

		dead = drop_holds(arena, arena->next_dead);
		give_chunks_back(arena);
		UNPOISON(arena, (size_t)FIRST_SIZE);
		spk_free(arena->account, arena, FIRST_SIZE);
	}
}

void spk_arena_unref(struct spk_arena *arena)
{
	if (arena)
		bury(drop(arena, NULL));
}

void spk_arena_clear(struct spk_arena *arena)
{
	struct spk_arena *dead;

	SPK_ASSERT(atomic_load_explicit(&arena->refs, memory_order_acquire) == 1, "clear of an arena that others use");
	dead = drop_holds(arena, NULL);
	give_chunks_back(arena);
	set_run(arena, (char *)arena + round_up(sizeof(*arena), ALIGN), (char *)arena + FIRST_SIZE);
	bury(dead);
}

spk_status spk_arena_hold(struct spk_arena *arena, struct spk_arena *other, spk_error *err)
{
	struct hold *h;

	if (!other || other == arena || (arena->holds && arena->holds->arena == other))
		return SPK_OK;
	h = spk_arena_alloc(arena, sizeof(*h));
	SPK_TRY_PTR(h, err);
	*h = (struct hold){ arena->holds, spk_arena_ref(other) };
	arena->holds = h;
	return SPK_OK;
}

static size_t choose_size(const struct spk_arena *arena, size_t size)
{
	if (!arena->chunks && size <= SECOND_SIZE / 2)
		return SECOND_SIZE;
	return SPK_MAX(size + sizeof(struct chunk), (size_t)SPK_POOL_CHUNK);
}

/* A new chunk with room for `size` bytes (a multiple of ALIGN). */
static struct chunk *add_chunk(struct spk_arena *arena, size_t size)
{
	const size_t total = spk_pool_round(choose_size(arena, size));
	struct chunk *c;

	if (spk_memory_reserve(arena->account, total, NULL))
		return NULL;
	c = spk_pool_alloc(total);
	if (!c) {
		spk_memory_unreserve(arena->account, total);
		return NULL;
	}
	*c = (struct chunk){ arena->chunks, total };
	arena->chunks = c;
	arena->bytes += total;
	return c;
}

/* Takes `size` bytes from a run that has them. */
static void *take(struct spk_arena_run *run, size_t size)
{
	char *p = run->next;

	UNPOISON(p, size);
	run->next = p + SPK_MIN(round_up(size, ALIGN) + GAP, (size_t)(run->end - p));
	return p;
}

void *spk_arena_alloc_slow(struct spk_arena *arena, size_t size)
{
	struct chunk *c;
	struct spk_arena_run fresh;
	void *p;

	if (size <= (size_t)(arena->run.end - arena->run.next))
		return take(&arena->run, size);
	if (size > SIZE_MAX / 2)
		return NULL;
	c = add_chunk(arena, round_up(size, ALIGN));
	if (!c)
		return NULL;
	fresh = (struct spk_arena_run){ (char *)(c + 1), (char *)c + c->size };
	p = take(&fresh, size);
	/* The longer of the two rests goes on being used: a large block must not waste a good chunk. */
	if (fresh.end - fresh.next > arena->run.end - arena->run.next)
		set_run(arena, fresh.next, fresh.end);
	return p;
}

static size_t misalignment(const char *p)
{
	return (size_t)(-(uintptr_t)p & (VECTOR_ALIGN - 1));
}

void *spk_arena_alloc_vector(struct spk_arena *arena, size_t size)
{
	size_t padded, gap = misalignment(arena->run.next);
	char *p;

	if (size > SIZE_MAX / 4)
		return NULL;
	padded = round_up(size, VECTOR_ALIGN) + VECTOR_ALIGN;
	if (gap + padded > (size_t)(arena->run.end - arena->run.next))
		gap = VECTOR_ALIGN - ALIGN;  /* a new chunk, aligned who knows how */
	p = spk_arena_alloc(arena, gap + padded);
	return p ? p + misalignment(p) : NULL;
}

void *spk_arena_zalloc(struct spk_arena *arena, size_t size)
{
	void *p = spk_arena_alloc(arena, size);

	return p ? memset(p, 0, size) : NULL;
}

void *spk_arena_zalloc_array(struct spk_arena *arena, size_t size, size_t n)
{
	size_t total;

	return __builtin_mul_overflow(size, n, &total) ? NULL : spk_arena_zalloc(arena, total);
}

void *spk_arena_copy(struct spk_arena *arena, const void *data, size_t size)
{
	void *p = spk_arena_alloc(arena, size);

	return p && size ? memcpy(p, data, size) : p;
}

char *spk_arena_strdup(struct spk_arena *arena, const char *s)
{
	return spk_arena_copy(arena, s, strlen(s) + 1);
}

char *spk_arena_strndup(struct spk_arena *arena, const char *s, size_t n)
{
	size_t length = strnlen(s, n);
	char *p = spk_arena_alloc(arena, length + 1);

	if (p) {
		memcpy(p, s, length);
		p[length] = '\0';
	}
	return p;
}

char *spk_arena_printf(struct spk_arena *arena, const char *format, ...)
{
	va_list args;
	int length;
	char *p;

	va_start(args, format);
	length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	p = length < 0 ? NULL : spk_arena_alloc(arena, (size_t)length + 1);
	if (p) {
		va_start(args, format);
		vsnprintf(p, (size_t)length + 1, format, args);
		va_end(args);
	}
	return p;
}

size_t spk_arena_bytes(const struct spk_arena *arena)
{
	return arena->bytes;
}
