#include "core/base/fault.h"

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/check.h"

enum { RULES_MAX = 32, NUMBER_DIGITS_MAX = 9 };

enum action { ACTION_FAIL, ACTION_KILL, ACTION_SLEEP };

struct rule {
	enum spk_fault point;
	int64_t pass;
	bool every_from;
	enum action action;
	int64_t sleep_ms;
};

struct rules {
	struct rule rule[RULES_MAX];
	int count;
};

#define FAULT_NAME(id, name, text) name,
static const char *const names[] = { SPK_FAULT_LIST(FAULT_NAME) };

_Atomic unsigned spk_fault_armed;

/* Taken by armed programs alone, that is by tests. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct rules active;
static int64_t passes[SPK_FAULT_COUNT];

const char *spk_fault_name(enum spk_fault point)
{
	return (unsigned)point < SPK_FAULT_COUNT ? names[point] : "unknown";
}

static bool starts_with(const char **at, const char *end, const char *word)
{
	size_t length = strlen(word);

	if ((size_t)(end - *at) < length || memcmp(*at, word, length) != 0)
		return false;
	*at += length;
	return true;
}

static bool parse_number(const char **at, const char *end, int64_t *out)
{
	const char *start = *at;

	*out = 0;
	while (*at < end && **at >= '0' && **at <= '9' && *at - start < NUMBER_DIGITS_MAX)
		*out = *out * 10 + *(*at)++ - '0';
	return *at > start;
}

static bool parse_point(const char **at, const char *end, enum spk_fault *out)
{
	for (int i = 0; i < SPK_FAULT_COUNT; i++) {
		const char *rest = *at;

		if (starts_with(&rest, end, names[i]) && rest < end && *rest == ':') {
			*at = rest + 1;
			*out = (enum spk_fault)i;
			return true;
		}
	}
	return false;
}

static bool parse_action(const char *at, const char *end, struct rule *rule)
{
	if (at == end)
		return true;
	if (starts_with(&at, end, ":kill"))
		rule->action = ACTION_KILL;
	else if (starts_with(&at, end, ":sleep=") && parse_number(&at, end, &rule->sleep_ms))
		rule->action = ACTION_SLEEP;
	else if (!starts_with(&at, end, ":fail"))
		return false;
	return at == end;
}

static spk_status parse_rule(const char *text, const char *end, struct rule *rule, spk_error *err)
{
	const char *at = text;
	int length = (int)(end - text);

	*rule = (struct rule){ .action = ACTION_FAIL };
	if (!parse_point(&at, end, &rule->point))
		return spk_fail(err, SPK_USAGE, "fault '%.*s' names no fault point", length, text);
	if (!parse_number(&at, end, &rule->pass) || rule->pass < 1)
		return spk_fail(err, SPK_USAGE, "fault '%.*s' has no pass number from 1 after its point", length, text);
	rule->every_from = starts_with(&at, end, "+");
	if (!parse_action(at, end, rule))
		return spk_fail(err, SPK_USAGE, "fault '%.*s' has an action that is not fail, kill or sleep=MS", length, text);
	return SPK_OK;
}

spk_status spk_fault_set(const char *specification, spk_error *err)
{
	struct rules parsed = { .count = 0 };
	const char *at = specification ? specification : "";

	while (*at) {
		const char *end = strchrnul(at, ',');

		if (parsed.count == RULES_MAX)
			return spk_fail(err, SPK_USAGE, "more than %d faults", RULES_MAX);
		if (parse_rule(at, end, &parsed.rule[parsed.count++], err)) {
			spk_hint(err, "point:n[+][:fail|kill|sleep=MS], separated by commas, such as txn.commit:2:kill");
			return SPK_USAGE;
		}
		at = *end ? end + 1 : end;
	}
	pthread_mutex_lock(&lock);
	active = parsed;
	memset(passes, 0, sizeof(passes));
	__atomic_store_n((unsigned *)(void *)&spk_fault_armed, (unsigned)parsed.count, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&lock);
	return SPK_OK;
}

spk_status spk_fault_load_environment(spk_error *err)
{
	const char *specification = getenv("SPARKLET_FAULT");

	return specification ? spk_fault_set(specification, err) : SPK_OK;
}

int64_t spk_fault_passes(enum spk_fault point)
{
	int64_t n;

	pthread_mutex_lock(&lock);
	n = passes[point];
	pthread_mutex_unlock(&lock);
	return n;
}

/* Counts a pass; the rule that it meets goes to *out. */
static bool count_pass(enum spk_fault point, int64_t *pass, struct rule *out)
{
	bool met = false;

	pthread_mutex_lock(&lock);
	*pass = ++passes[point];
	for (int i = 0; i < active.count && !met; i++) {
		const struct rule *r = &active.rule[i];

		met = r->point == point && (r->every_from ? *pass >= r->pass : *pass == r->pass);
		if (met)
			*out = *r;
	}
	pthread_mutex_unlock(&lock);
	return met;
}

static void sleep_ms(int64_t ms)
{
	struct timespec left = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	while (nanosleep(&left, &left) != 0) {
	}
}

static _Noreturn void die(void)
{
	kill(getpid(), SIGKILL);
	/* Another thread may be the first to be told; nothing may happen here meanwhile. */
	for (;;)
		pause();
}

spk_status spk_fault_hit(enum spk_fault point, spk_error *err)
{
	struct rule rule;
	int64_t pass;

	if (!count_pass(point, &pass, &rule))
		return SPK_OK;
	if (rule.action == ACTION_KILL)
		die();
	if (rule.action == ACTION_SLEEP) {
		sleep_ms(rule.sleep_ms);
		return SPK_OK;
	}
	spk_fail(err, SPK_IO, "injected fault at %s (pass %lld)", spk_fault_name(point), (long long)pass);
	if (err)
		err->retriable = true;
	return SPK_IO;
}
