/*
 * Blocks of memory that are used again: those of 64 KiB to 4 MiB go to a pool when they are freed. malloc would give their pages back to the system,
 * and touching new ones costs more than what is done with them (a scan of a file spent half of its time so, an aggregate a sixth).
 *
 * What lies in the pool counts to nobody's account; it is bounded by a 32nd of the memory limit instead. Blocks of other sizes come from malloc, and from
 * 2 MiB on from the system: aligned for large pages, and really gone when they are freed. Any thread.
 */
#ifndef SPK_CORE_BASE_POOL_H
#define SPK_CORE_BASE_POOL_H

#include <stddef.h>

enum {
	/* The smallest: room for the vectors of a full batch, one of 4096 string views or two of 4096 int64, with padding and alignment. */
	SPK_POOL_CHUNK = 64 * 1024 + 512,
	SPK_POOL_LARGE = 2 << 20,      /* from here on blocks are mapped; a multiple of it wastes nothing */
};

/* The size that a block for `size` bytes has: four steps to a doubling where the pool has it, otherwise `size`. */
size_t spk_pool_round(size_t size);

/* A block of a size from spk_pool_round, with whatever is in it. NULL: out of memory. */
void *spk_pool_alloc(size_t size);
void spk_pool_free(void *p, size_t size);

#endif
