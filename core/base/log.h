/*
 * The log: lines of "time level target message", written by a thread of its own from a bounded ring.
 *
 * A caller formats into the ring and goes on; it never waits for the disk or the terminal. When the ring is full the
 * line is dropped and counted, and the writer says how many were lost. Nothing is written to stdout, ever.
 * Secrets registered with spk_log_redact are masked in every line. Threads: any.
 */
#ifndef SPK_CORE_BASE_LOG_H
#define SPK_CORE_BASE_LOG_H

#include <stdbool.h>

#include "sparklet/status.h"

#define SPK_LOG_LEVEL_LIST(X) X(ERROR, "error") X(WARN, "warn") X(INFO, "info") X(DEBUG, "debug") X(TRACE, "trace")

enum spk_log_level {
#define SPK_LOG_ENUM(id, name) SPK_LOG_##id,
	SPK_LOG_LEVEL_LIST(SPK_LOG_ENUM)
#undef SPK_LOG_ENUM
};

/* Where lines go; `write` is called by the writer thread alone, with a line that ends in '\n'. */
typedef void (*spk_log_sink)(const char *line, int size, void *user);

/* levels: "info", or per target "warn,stream=debug,kafka=info". */
spk_status spk_log_set_levels(const char *levels, spk_error *err);
void spk_log_set_sink(spk_log_sink sink, void *user);  /* NULL: stderr */
spk_status spk_log_open_file(const char *path, spk_error *err);
/* Blocks until all lines that were logged before are written. */
void spk_log_flush(void);
/* Masks this value in everything that is logged from now on. */
void spk_log_redact(const char *secret);
/* Replaces registered secrets in `text` by "***" in place (the text can only get shorter or stay). */
void spk_log_redact_text(char *text);

bool spk_log_enabled(enum spk_log_level level, const char *target);
void spk_log_write(enum spk_log_level level, const char *target, const char *format, ...) SPK_PRINTF(3, 4);

#define SPK_LOG(level, target, ...) \
	do { \
		if (spk_log_enabled(SPK_LOG_##level, target)) \
			spk_log_write(SPK_LOG_##level, target, __VA_ARGS__); \
	} while (0)

#endif
