/*
 * The one memory budget of the process, and the accounts that reserve from it.
 *
 * Whatever is large reserves before it allocates: arenas, hash tables, caches, encoded epochs, RocksDB's caches and
 * librdkafka's queues (these two by their configured bounds). Over the limit a reservation is refused with
 * SPK_MEMORY_LIMIT; the message names the largest accounts. Operators then spill, the source slows down, or the query
 * fails. The limit is `memory.limit`.
 *
 * Threads: everything here may be called from any thread.
 */
#ifndef SPK_CORE_BASE_MEMORY_H
#define SPK_CORE_BASE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "sparklet/status.h"

struct spk_memory_account;

enum { SPK_MEMORY_ACCOUNTS_MAX = 128 };

/* Finds or makes the account of that name (static lifetime; at most SPK_MEMORY_ACCOUNTS_MAX, from there on "other").
 * Never NULL. Names count by their first 47 bytes. Wherever an account is asked for, NULL stands for "other". */
struct spk_memory_account *spk_memory_account(const char *name);

/*
 * An account of the caller's own that measures what one holder takes: its bytes count to `parent` (NULL: "other") as well, which it is
 * reported as. Freed when nothing is reserved from it any more. NULL: malloc failed.
 */
struct spk_memory_account *spk_memory_meter_new(struct spk_memory_account *parent);
void spk_memory_meter_free(struct spk_memory_account *meter);  /* NULL is fine */

void spk_memory_set_limit(size_t bytes);
size_t spk_memory_limit(void);
size_t spk_memory_used(void);
size_t spk_memory_peak(void);
/* The peak is that of the process, or of the time since this was called: by whoever wants to know it of what comes. */
void spk_memory_peak_restart(void);
/* The peak since the last call of this one: for one caller, who looks at it from time to time. */
size_t spk_memory_take_peak(void);
size_t spk_memory_account_used(const struct spk_memory_account *account);

/* Exact: the total never passes the limit. CANCELLED when this thread's work is to stop (interrupt.h). Also the fault point `malloc`, for everything that reserves. */
spk_status spk_memory_reserve(struct spk_memory_account *account, size_t bytes, spk_error *err);
void spk_memory_unreserve(struct spk_memory_account *account, size_t bytes);
/* True when over `percent` of the limit is reserved: the sign to spill or to take smaller bites. */
bool spk_memory_pressure(int percent);

/* Calls `each` for every account that has bytes, largest first. */
void spk_memory_each(void (*each)(const char *name, size_t bytes, void *user), void *user);

/*
 * malloc family that reserves first; sizes must be given back. NULL: out of memory or budget refused. Which of the two it
 * was is remembered per thread: spk_fail_memory (check.h, behind SPK_TRY_PTR) makes the right error of it, NO_MEMORY or
 * MEMORY_LIMIT, or CANCELLED.
 */
void *spk_malloc(struct spk_memory_account *account, size_t size);
void *spk_calloc(struct spk_memory_account *account, size_t size);
void *spk_realloc(struct spk_memory_account *account, void *p, size_t old_size, size_t new_size);
void spk_free(struct spk_memory_account *account, void *p, size_t size);

#endif
