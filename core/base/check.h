/* Assertions for what the code itself guarantees. Input from outside is never asserted: it is checked and reported. */
#ifndef SPK_CORE_BASE_CHECK_H
#define SPK_CORE_BASE_CHECK_H

#include <stddef.h>

#include "sparklet/status.h"

/* Logs place and text, then aborts; on in every build, because a wrong row is worse than a crash that replays. */
_Noreturn void spk_assert_failed(const char *file, int line, const char *what, const char *why);

#define SPK_ASSERT(condition, why) \
	((condition) ? (void)0 : spk_assert_failed(__FILE__, __LINE__, #condition, why))

#define SPK_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define SPK_MIN(a, b) ((a) < (b) ? (a) : (b))
#define SPK_MAX(a, b) ((a) > (b) ? (a) : (b))
#define SPK_LIKELY(x) __builtin_expect(!!(x), 1)
#define SPK_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define SPK_UNUSED __attribute__((unused))
#define spk_container_of(ptr, type, member) ((type *)(void *)((char *)(ptr) - offsetof(type, member)))

/* Fails when `ptr` is NULL: with MEMORY_LIMIT if this thread's last reservation was refused, else with NO_MEMORY. */
#define SPK_TRY_PTR(ptr, err) \
	do { \
		if (SPK_UNLIKELY(!(ptr))) \
			return spk_fail_memory(err); \
	} while (0)

spk_status spk_fail_memory(spk_error *err);

#endif
