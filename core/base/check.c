#include "core/base/check.h"

#include <stdlib.h>

#include "core/base/log.h"

_Noreturn void spk_assert_failed(const char *file, int line, const char *what, const char *why)
{
	spk_log_write(SPK_LOG_ERROR, "assert", "%s:%d: %s: %s", file, line, what, why);
	spk_log_flush();
	abort();
}
