/*
 * Status codes and errors: how every function of Sparklet reports failure.
 *
 * A function that can fail returns spk_status and takes a nullable, caller-owned `spk_error *err` as its last argument.
 * On failure it fills *err (when given) and leaves its outputs as they were. An spk_error is a plain value: zero
 * initialise it, copy it freely, never free it.
 */
#ifndef SPARKLET_STATUS_H
#define SPARKLET_STATUS_H

#include <stdbool.h>

#if defined(__GNUC__)
#define SPK_API __attribute__((visibility("default")))
#define SPK_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define SPK_MUST_CHECK __attribute__((warn_unused_result))
#else
#define SPK_API
#define SPK_PRINTF(fmt, args)
#define SPK_MUST_CHECK
#endif

/* X(name, text): the closed set of codes; the text is what `sparklet` prints before the message. */
#define SPK_STATUS_LIST(X) \
	X(OK, "ok") \
	X(USAGE, "wrong usage")                   /* wrong arguments or configuration: exit code 2 */ \
	X(SYNTAX, "syntax error")                 /* SQL that does not parse: exit code 2 */ \
	X(BIND, "error")                          /* unknown name, type clash, no such function: exit code 2 */ \
	X(PLAN, "cannot plan")                    /* a query that cannot be planned as asked: exit code 2 */ \
	X(UNSUPPORTED, "not supported")           /* known, but not built: exit code 2 */ \
	X(DATA, "bad data")                       /* a row or a value: overflow, division by zero, malformed input */ \
	X(NOT_FOUND, "not found") \
	X(EXISTS, "exists already") \
	X(NO_MEMORY, "out of memory")             /* malloc failed */ \
	X(MEMORY_LIMIT, "memory limit reached")   /* the budget refused; the message names the largest consumers */ \
	X(IO, "input/output error") \
	X(CORRUPT, "corrupt data")                /* a checksum or a format check failed */ \
	X(UNAVAILABLE, "service not reachable")   /* exit code 3 */ \
	X(TIMEOUT, "timed out") \
	X(CANCELLED, "cancelled") \
	X(FENCED, "fenced")                       /* another instance of the job has taken over */ \
	X(DIVERGED, "replay differs")             /* recomputed input or output is not what the epoch record says */ \
	X(INTERNAL, "internal error")

typedef enum spk_status {
#define SPK_STATUS_ENUM(name, text) SPK_##name,
	SPK_STATUS_LIST(SPK_STATUS_ENUM)
#undef SPK_STATUS_ENUM
} spk_status;

/* What went wrong, where, why, and what to do about it. */
typedef struct spk_error {
	spk_status code;
	bool retriable;     /* the same call may succeed later without any change */
	bool fatal;         /* the object the call was made on is of no further use */
	int line, column;   /* 1-based place in the SQL text, 0 when there is none */
	int position;       /* 0-based byte offset in the SQL text + 1; 0 when there is none */
	char message[1024];
	char hint[512];     /* the way out, may be empty */
} spk_error;

/* Name of a code ("DATA") and its text ("bad data"); both are static strings. */
SPK_API const char *spk_status_name(spk_status code);
SPK_API const char *spk_status_text(spk_status code);

/*
 * Fills *err (may be NULL) and returns `code`, so that a function can end in `return spk_fail(err, ...)`. The arguments may
 * point into *err. UNAVAILABLE and TIMEOUT come out retriable, FENCED fatal; set the flags afterwards where that is wrong.
 */
SPK_API spk_status spk_fail(spk_error *err, spk_status code, const char *format, ...) SPK_PRINTF(3, 4);
/* Adds a way out to an error that was filled before; returns err->code, or INTERNAL (a failure still) when err is NULL. */
SPK_API spk_status spk_hint(spk_error *err, const char *format, ...) SPK_PRINTF(2, 3);
/* Puts "context: " before the message: says what was being done when the error came up. Returns as
 * spk_hint does. */
SPK_API spk_status spk_error_context(spk_error *err, const char *format, ...) SPK_PRINTF(2, 3);

/* Passes a failure up. */
#define SPK_TRY(expr) \
	do { \
		spk_status spk_try_status_ = (expr); \
		if (spk_try_status_ != SPK_OK) \
			return spk_try_status_; \
	} while (0)

#endif
