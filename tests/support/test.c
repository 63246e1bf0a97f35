#include "tests/support/test.h"

#include <CUnit/Basic.h>
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- The main program ------------------------------------------------------------------------------------------------ */

static int run_registered(void)
{
	CU_basic_set_mode(CU_BRM_VERBOSE);
	if (CU_basic_run_tests() != CUE_SUCCESS)
		return 2;
	if (CU_get_number_of_failures() || CU_get_number_of_tests_failed())
		return 1;
	if (!CU_get_number_of_asserts()) {
		fprintf(stderr, "nothing was checked\n");
		return 1;
	}
	return 0;
}

int spk_test_main(int argc, char **argv, const char *suite, const spk_test *tests, size_t count)
{
	const char *filter = argc > 1 ? argv[1] : "";
	size_t chosen = 0;
	int status = 2;

	/* A crash must not take the name of the running test with it. */
	setvbuf(stdout, NULL, _IONBF, 0);
	if (CU_initialize_registry() != CUE_SUCCESS)
		return 2;
	CU_pSuite s = CU_add_suite(suite, NULL, NULL);
	for (size_t i = 0; s && i < count; i++) {
		if (!strstr(tests[i].name, filter))
			continue;
		if (!CU_add_test(s, tests[i].name, tests[i].run)) {
			fprintf(stderr, "cannot add test '%s': %s\n", tests[i].name, CU_get_error_msg());
			goto done;
		}
		chosen++;
	}
	if (!chosen)
		fprintf(stderr, "no test of suite %s has '%s' in its name\n", suite, filter);
	else
		status = run_registered();
done:
	CU_cleanup_registry();
	return status;
}

/* ---- Checks ---------------------------------------------------------------------------------------------------------- */

enum { SHOWN = 4000 };          /* longest text of a failure, in bytes; CUnit copies it */

static bool passed(const spk_test_site *site)
{
	CU_assertImplementation(CU_TRUE, site->line, site->text, site->file, "", CU_FALSE);
	return true;
}

SPK_PRINTF(2, 3) static bool failed(const spk_test_site *site, const char *format, ...)
{
	char text[SHOWN];
	int used = snprintf(text, sizeof text, "%.500s: ", site->text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + used, sizeof text - (size_t)used, format, args);
	va_end(args);
	CU_assertImplementation(CU_FALSE, site->line, text, site->file, "", site->fatal);
	return false;
}

bool spk_test_true(const spk_test_site *site, bool value)
{
	return value ? passed(site) : failed(site, "is false");
}

bool spk_test_int(const spk_test_site *site, long long got, long long want)
{
	return got == want ? passed(site) : failed(site, "got %lld, want %lld", got, want);
}

bool spk_test_near(const spk_test_site *site, double got, double want, double within)
{
	return fabs(got - want) <= within ? passed(site) : failed(site, "got %.17g, want %.17g", got, want);
}

bool spk_test_str(const spk_test_site *site, const char *got, const char *want)
{
	size_t same = 0;

	if (got == want || (got && want && !strcmp(got, want)))
		return passed(site);
	if (!got || !want)
		return failed(site, "got %.1500s, want %.1500s", got ? got : "NULL", want ? want : "NULL");
	while (got[same] && got[same] == want[same])
		same++;
	return failed(site, "got \"%.1500s\", want \"%.1500s\"; they part at byte %zu", got, want, same);
}

bool spk_test_mem(const spk_test_site *site, const void *got, const void *want, size_t size)
{
	const unsigned char *g = got, *w = want;

	for (size_t i = 0; i < size; i++)
		if (g[i] != w[i])
			return failed(site, "byte %zu of %zu: got 0x%02x, want 0x%02x", i, size, g[i], w[i]);
	return passed(site);
}

bool spk_test_holds(const spk_test_site *site, const char *got, const char *part)
{
	if (got && strstr(got, part))
		return passed(site);
	return failed(site, "no \"%.1000s\" in \"%.2000s\"", part, got ? got : "NULL");
}

bool spk_test_ok(const spk_test_site *site, int status, const spk_error *err)
{
	if (status == SPK_OK)
		return passed(site);
	return failed(site, "failed with status %d: %s%s%s", status, err->message, err->hint[0] ? " -- " : "", err->hint);
}

bool spk_test_fails(const spk_test_site *site, int status, int want, const spk_error *err)
{
	if (status != want)
		return failed(site, "got status %d (%s), want %d", status, status ? err->message : "ok", want);
	if (!err->message[0])
		return failed(site, "failed with status %d as it should, but without a message", status);
	return passed(site);
}

/* ---- Randomness ------------------------------------------------------------------------------------------------------ */

static uint64_t seed;
static pthread_once_t seed_once = PTHREAD_ONCE_INIT;

static void draw_seed(void)
{
	const char *given = getenv("SPARKLET_SEED");
	struct timespec now;

	if (given && *given) {
		seed = strtoull(given, NULL, 0);
	} else {
		clock_gettime(CLOCK_REALTIME, &now);
		spk_test_rng rng = {(uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec};
		/* Short enough to be typed. */
		seed = spk_test_next(&rng) >> 32;
	}
	printf("\n    seed: %" PRIu64 " (SPARKLET_SEED=%" PRIu64 " repeats it)\n", seed, seed);
}

uint64_t spk_test_seed(void)
{
	pthread_once(&seed_once, draw_seed);
	return seed;
}

bool spk_test_sanitized(void)
{
	const char *sanitizer = getenv("SPARKLET_SANITIZER");

	return sanitizer && *sanitizer;
}

bool spk_test_long(void)
{
	const char *value = getenv("SPARKLET_LONG");

	return value && *value;
}

spk_test_rng spk_test_rng_new(uint64_t stream)
{
	spk_test_rng rng = {stream * UINT64_C(0xd1342543de82ef95)};

	rng.state = spk_test_next(&rng) ^ spk_test_seed();
	return rng;
}

uint64_t spk_test_next(spk_test_rng *rng)
{
	uint64_t z = rng->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

uint64_t spk_test_below(spk_test_rng *rng, uint64_t bound)
{
	return (uint64_t)(((unsigned __int128)spk_test_next(rng) * bound) >> 64);
}

int64_t spk_test_between(spk_test_rng *rng, int64_t low, int64_t high)
{
	uint64_t span = (uint64_t)high - (uint64_t)low + 1;

	return (int64_t)((uint64_t)low + (span ? spk_test_below(rng, span) : spk_test_next(rng)));
}

double spk_test_unit(spk_test_rng *rng)
{
	return (double)(spk_test_next(rng) >> 11) * 0x1p-53;
}

bool spk_test_one_in(spk_test_rng *rng, uint64_t n)
{
	return spk_test_below(rng, n) == 0;
}

void spk_test_bytes(spk_test_rng *rng, void *out, size_t size)
{
	unsigned char *to = out;

	for (size_t i = 0; i < size; i++)
		to[i] = (unsigned char)spk_test_next(rng);
}

/* ---- Files and programs ---------------------------------------------------------------------------------------------- */

SPK_PRINTF(1, 2) static _Noreturn void give_up(const char *format, ...)
{
	int code = errno;
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, ": %s\n", strerror(code));
	abort();
}

static char *format_args(const char *format, va_list args)
{
	char *text = NULL;

	if (vasprintf(&text, format, args) < 0)
		give_up("test support: formatting");
	return text;
}

char *spk_test_format(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	char *text = format_args(format, args);
	va_end(args);
	return text;
}

static char root[1024];
static pthread_once_t root_once = PTHREAD_ONCE_INIT;

static void remove_root(void)
{
	spk_test_remove(root);
}

static void make_root(void)
{
	const char *given = getenv("SPARKLET_TMP");

	if (given && *given) {
		snprintf(root, sizeof root, "%s", given);
		return;
	}
	snprintf(root, sizeof root, "/tmp/sparklet-test-XXXXXX");
	if (!mkdtemp(root))
		give_up("test support: mkdtemp %s", root);
	atexit(remove_root);
}

char *spk_test_dir(const char *name)
{
	pthread_once(&root_once, make_root);

	char *path = spk_test_format("%s/%s", root, name);
	spk_test_remove(path);
	if (mkdir(path, 0700))
		give_up("test support: mkdir %s", path);
	return path;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
	(void)info, (void)kind, (void)walk;
	return remove(path);
}

int spk_test_files(const char *dir)
{
	DIR *d = opendir(dir);
	int n = 0;

	if (!d)
		return -1;
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

void spk_test_remove(const char *path)
{
	if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) && errno != ENOENT)
		give_up("test support: remove %s", path);
}

char *spk_test_source(const char *path)
{
	const char *source = getenv("SPARKLET_SRC");

	return spk_test_format("%s/%s", source && *source ? source : ".", path);
}

static char *read_all(FILE *in, size_t *size)
{
	size_t used = 0, room = 4096;
	char *data = malloc(room);

	while (data) {
		used += fread(data + used, 1, room - used - 1, in);
		if (used < room - 1)
			break;
		room *= 2;
		data = realloc(data, room);
	}
	if (!data || ferror(in))
		give_up("test support: reading");
	data[used] = 0;
	if (size)
		*size = used;
	return data;
}

char *spk_test_slurp(const char *path, size_t *size)
{
	FILE *in = fopen(path, "rb");

	if (!in)
		return NULL;
	char *data = read_all(in, size);
	fclose(in);
	return data;
}

void spk_test_spew(const char *path, const void *data, size_t size)
{
	FILE *out = fopen(path, "wb");

	if (!out || fwrite(data, 1, size, out) != size || fclose(out))
		give_up("test support: writing %s", path);
}

int spk_test_run(char **output, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	char *command = format_args(format, args);
	va_end(args);
	FILE *pipe = popen(command, "r");
	if (!pipe)
		give_up("test support: running %s", command);
	char *text = read_all(pipe, NULL);
	int status = pclose(pipe);
	free(command);
	if (output)
		*output = text;
	else
		free(text);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
