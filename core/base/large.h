/*
 * Large blocks of memory: out of the pool (pool.h), or mapped, aligned for large pages (fewer misses when they are read in any order) and really gone
 * when they are freed. Small ones come from malloc. Nothing is zeroed. They count to an account like spk_malloc's.
 */
#ifndef SPK_CORE_BASE_LARGE_H
#define SPK_CORE_BASE_LARGE_H

#include "core/base/memory.h"
#include "core/base/pool.h"

enum { SPK_LARGE_BLOCK = SPK_POOL_LARGE };   /* a good size */

/* NULL: out of memory or budget refused (spk_fail_memory tells which). */
void *spk_large_alloc(struct spk_memory_account *account, size_t size);
void spk_large_free(struct spk_memory_account *account, void *p, size_t size);

#endif
