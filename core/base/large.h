/*
 * Large blocks of memory: mapped and not cut out of malloc's heap, aligned for large pages (fewer misses when they are read in any order),
 * zeroed, and really gone when they are freed. Small ones come from malloc, zeroed too. They count to an account like spk_malloc's.
 */
#ifndef SPK_CORE_BASE_LARGE_H
#define SPK_CORE_BASE_LARGE_H

#include "core/base/memory.h"

enum { SPK_LARGE_BLOCK = 2 << 20 };   /* from this size on they are mapped; a multiple of it wastes nothing */

/* NULL: out of memory or budget refused (spk_fail_memory tells which). */
void *spk_large_alloc(struct spk_memory_account *account, size_t size);
void spk_large_free(struct spk_memory_account *account, void *p, size_t size);

#endif
