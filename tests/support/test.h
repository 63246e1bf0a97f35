/*
 * What every test program of Sparklet uses, on top of CUnit.
 *
 *   static void grows(void) { ... CHECK_EQ_INT(spk_arena_used(&a), 64); }
 *
 *   SPK_TEST_SUITE("arena", {"grows past its first block", grows}, {"is empty after clear", clears})
 *
 * The suite macro is the program's main: it runs every test (or, with an argument, those whose name holds it), prints CUnit's
 * summary and returns 0 only when something was checked and nothing failed. CHECK_* note a failure and go on; REQUIRE_* end
 * the test. Both belong to the thread that runs the test: CUnit's counters have no lock.
 */
#ifndef SPK_TESTS_SUPPORT_TEST_H
#define SPK_TESTS_SUPPORT_TEST_H

#include <CUnit/CUnit.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sparklet/status.h"

typedef struct spk_test {
	const char *name;       /* what is tested, as a phrase */
	void (*run)(void);
} spk_test;

/* Runs `count` tests as one suite; the value is for main to return. */
int spk_test_main(int argc, char **argv, const char *suite, const spk_test *tests, size_t count);

#define SPK_TEST_SUITE(suite, ...) \
	int main(int argc, char **argv) \
	{ \
		static const spk_test tests_[] = {__VA_ARGS__}; \
		return spk_test_main(argc, argv, suite, tests_, sizeof(tests_) / sizeof(tests_[0])); \
	}

/* ---- Checks. On failure the values are shown. ---------------------------------------------------------------------- */

/* Where a check stands and whether its failure ends the test. */
typedef struct spk_test_site {
	const char *file, *text;
	unsigned line;
	bool fatal;
} spk_test_site;

#define SPK_TEST_SITE(text_, fatal_) \
	(&(spk_test_site){.file = __FILE__, .text = (text_), .line = __LINE__, .fatal = (fatal_)})

bool spk_test_true(const spk_test_site *site, bool value);
bool spk_test_int(const spk_test_site *site, long long got, long long want);
bool spk_test_near(const spk_test_site *site, double got, double want, double within);
bool spk_test_str(const spk_test_site *site, const char *got, const char *want);
bool spk_test_mem(const spk_test_site *site, const void *got, const void *want, size_t size);
bool spk_test_holds(const spk_test_site *site, const char *got, const char *part);
bool spk_test_ok(const spk_test_site *site, int status, const spk_error *err);
bool spk_test_fails(const spk_test_site *site, int status, int want, const spk_error *err);

#define CHECK(condition) spk_test_true(SPK_TEST_SITE(#condition, false), (condition))
#define CHECK_EQ_INT(got, want) \
	spk_test_int(SPK_TEST_SITE(#got " == " #want, false), (long long)(got), (long long)(want))
#define CHECK_NEAR(got, want, within) \
	spk_test_near(SPK_TEST_SITE(#got " ~ " #want, false), (double)(got), (double)(want), (double)(within))
#define CHECK_EQ_STR(got, want) spk_test_str(SPK_TEST_SITE(#got " == " #want, false), (got), (want))
#define CHECK_EQ_MEM(got, want, size) spk_test_mem(SPK_TEST_SITE(#got " == " #want, false), (got), (want), (size))
/* `got` has `part` somewhere in it. */
#define CHECK_HOLDS(got, part) spk_test_holds(SPK_TEST_SITE(#got " holds " #part, false), (got), (part))
/* The call returns SPK_OK; `err` is the spk_error (not a pointer) that it was given. */
#define CHECK_OK(call, err) spk_test_ok(SPK_TEST_SITE(#call, false), (int)(call), &(err))
/* The call fails with this code and says why. */
#define CHECK_FAILS(call, code, err) spk_test_fails(SPK_TEST_SITE(#call, false), (int)(call), (int)(code), &(err))

#define REQUIRE(condition) spk_test_true(SPK_TEST_SITE(#condition, true), (condition))
#define REQUIRE_EQ_INT(got, want) \
	spk_test_int(SPK_TEST_SITE(#got " == " #want, true), (long long)(got), (long long)(want))
#define REQUIRE_OK(call, err) spk_test_ok(SPK_TEST_SITE(#call, true), (int)(call), &(err))

/* ---- Randomness that can be repeated --------------------------------------------------------------------------------- */

/* SPARKLET_SEED, or one drawn from the clock; the same for the whole process, printed at the first call. */
uint64_t spk_test_seed(void);
/* True in `make check-long`: randomized tests then do more rounds. */
bool spk_test_long(void);
/* True when this program was built with a sanitizer: it has no threads after a fork, and keeps freed memory for a while. */
bool spk_test_sanitized(void);

/* splitmix64 (Steele, Lea, Flood 2014): one word of state, good enough for inputs. */
typedef struct spk_test_rng {
	uint64_t state;
} spk_test_rng;

/* A generator for one test: the process's seed mixed with `stream`, so that tests do not disturb each other. */
spk_test_rng spk_test_rng_new(uint64_t stream);
uint64_t spk_test_next(spk_test_rng *rng);
/* Uniform in [0, bound); bound > 0. */
uint64_t spk_test_below(spk_test_rng *rng, uint64_t bound);
/* Uniform in [low, high], both included. */
int64_t spk_test_between(spk_test_rng *rng, int64_t low, int64_t high);
/* Uniform in [0, 1). */
double spk_test_unit(spk_test_rng *rng);
/* True once in `n` times on average. */
bool spk_test_one_in(spk_test_rng *rng, uint64_t n);
void spk_test_bytes(spk_test_rng *rng, void *out, size_t size);

/* ---- Files and programs; any failure here aborts with a message ------------------------------------------------------ */

/* A fresh, empty directory for this test program under SPARKLET_TMP (else under /tmp, removed at exit). Caller frees. */
char *spk_test_dir(const char *name);
/* Removes a file or a whole directory; fine if it is not there. */
void spk_test_remove(const char *path);
/* How many entries a folder has whose names do not begin with a dot; -1: there is no such folder. */
int spk_test_files(const char *dir);
/* `path` inside the source tree. Caller frees. */
char *spk_test_source(const char *path);
/* printf into a fresh string. Caller frees. */
char *spk_test_format(const char *format, ...) SPK_PRINTF(1, 2);
/* A file's bytes with a NUL behind them; *size (may be NULL) is without it. NULL if it cannot be opened. Caller frees. */
char *spk_test_slurp(const char *path, size_t *size);
void spk_test_spew(const char *path, const void *data, size_t size);
/* Runs a shell command and waits; *output (may be NULL) becomes its stdout, caller frees. Exit status, or 128 + signal. */
int spk_test_run(char **output, const char *format, ...) SPK_PRINTF(2, 3);

#endif
