/*
 * Arenas: memory that is given back all at once, shared by counting references.
 *
 * Everything on the hot path is allocated from an arena per batch, task, epoch or query and nothing is freed one by one.
 * An arena may hold others (spk_arena_hold): they live at least as long as it does. That is how a batch whose string
 * views point into its input's memory keeps that input alive: one reference is enough for the whole chain.
 *
 * Chunks come from a process-wide pool and count against the memory budget (memory.h) under the arena's name.
 * Threads: ref and unref may be called from any thread; all else by one thread at a time.
 */
#ifndef SPK_CORE_BASE_ARENA_H
#define SPK_CORE_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "sparklet/status.h"

struct spk_arena;
struct spk_memory_account;

/* Under AddressSanitizer every allocation gets a poisoned gap behind it and free chunks are poisoned whole. */
#if defined(__SANITIZE_ADDRESS__)
#define SPK_ARENA_POISONING 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SPK_ARENA_POISONING 1
#endif
#endif
#ifndef SPK_ARENA_POISONING
#define SPK_ARENA_POISONING 0
#endif

/* The free run at the head of every arena; here only so that the common allocation is a compare and an add. */
struct spk_arena_run { char *next, *end; };

/* A new arena with one reference, counted to `account` (NULL: the account "other"). NULL when memory is out. */
struct spk_arena *spk_arena_new(struct spk_memory_account *account);
struct spk_arena *spk_arena_ref(struct spk_arena *arena);
/* Drops a reference (NULL is fine); the last one gives the memory and the held arenas back. */
void spk_arena_unref(struct spk_arena *arena);
/* Gives all memory (but the first KiB) and held arenas back and keeps the arena for reuse; only with a single reference. */
void spk_arena_clear(struct spk_arena *arena);

/* Makes `arena` keep `other` alive (takes its own reference; holding one twice in a row costs nothing, NULL and itself
 * neither). Arenas that hold each other in a circle are never given back. */
spk_status spk_arena_hold(struct spk_arena *arena, struct spk_arena *other, spk_error *err);

/* What spk_arena_alloc does when the run is too short: a new chunk. Not to be called by others. */
void *spk_arena_alloc_slow(struct spk_arena *arena, size_t size);
/* 16-byte aligned, uninitialised; NULL when memory is out or the budget refuses. size 0 gives a valid pointer. */
static inline void *spk_arena_alloc(struct spk_arena *arena, size_t size)
{
	struct spk_arena_run *run = (struct spk_arena_run *)(void *)arena;
	char *p = run->next;

	/* The run's length is a multiple of 16, so what fits also fits rounded up. */
	if (SPK_ARENA_POISONING || __builtin_expect(size > (size_t)(run->end - p), 0))
		return spk_arena_alloc_slow(arena, size);
	run->next = p + ((size + 15) & ~(size_t)15);
	return p;
}
/* 64-byte aligned (vector data, padded to a multiple of 64 bytes and 64 more: kernels may read past the end). */
void *spk_arena_alloc_vector(struct spk_arena *arena, size_t size);
void *spk_arena_zalloc(struct spk_arena *arena, size_t size);
void *spk_arena_zalloc_array(struct spk_arena *arena, size_t size, size_t n);  /* NULL also when size * n overflows */
void *spk_arena_copy(struct spk_arena *arena, const void *data, size_t size);
char *spk_arena_strdup(struct spk_arena *arena, const char *s);
char *spk_arena_strndup(struct spk_arena *arena, const char *s, size_t n);
char *spk_arena_printf(struct spk_arena *arena, const char *format, ...) SPK_PRINTF(2, 3);
/* Bytes taken from the system by this arena itself. */
size_t spk_arena_bytes(const struct spk_arena *arena);

#define SPK_NEW(arena, type) ((type *)spk_arena_zalloc(arena, sizeof(type)))
#define SPK_NEW_ARRAY(arena, type, n) ((type *)spk_arena_zalloc_array(arena, sizeof(type), (size_t)(n)))

#endif
