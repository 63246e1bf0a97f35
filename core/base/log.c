/*
 * The log. A caller formats on its own stack and copies the line into `filling` under a mutex; the writer thread swaps
 * `filling` with `writing` and does the I/O without the mutex. So the mutex is held for a copy at the most, and a disk that
 * hangs fills one buffer and costs lines, never time.
 *
 * The writer is started by the first line, sleeps when there is none, and is never joined: a program calls spk_log_flush
 * before it ends. Levels and secrets are read without a lock: both are published as immutable values.
 */
#include "core/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/check.h"
#include "core/base/clock.h"
#include "core/base/conf.h"
#include "core/base/file.h"
#include "core/base/metrics.h"
#include "core/base/redact.h"

enum {
	RING_SIZE = 256 * 1024,
	MESSAGE_MAX = 4096,
	HEAD_MAX = 96,
	LINE_MAX_SIZE = HEAD_MAX + 4 * MESSAGE_MAX,  /* a control character becomes \xNN */
	TARGET_MAX = 31,
	TARGETS_MAX = 32,
};

struct level_rule { char target[TARGET_MAX + 1]; enum spk_log_level level; };

/* Never changed once published, and never freed: a reader may still be in it. Chained so that none is lost. */
struct levels {
	struct levels *older;
	enum spk_log_level general;
	int count;
	struct level_rule rule[TARGETS_MAX];
};

#define LEVEL_NAME(id, name) name,
static const char *const level_names[] = { SPK_LOG_LEVEL_LIST(LEVEL_NAME) };

static struct levels default_levels = { .general = SPK_LOG_WARN };
static struct levels *_Atomic levels = &default_levels;
static _Atomic int most_verbose = SPK_LOG_WARN;  /* of all rules: the fast no */

struct lines { char *data; size_t size; };

static struct {
	pthread_mutex_t lock;
	pthread_cond_t work, done;
	struct lines filling, writing;
	uint64_t logged, written;      /* lines ever taken into `filling`, and those of them that reached the sink */
	uint64_t lost;                 /* since the last notice about it */
	bool started, busy;            /* a writer thread is there; somebody is in `writing` */
	pthread_t owner;               /* who is in `writing` while busy */
	spk_log_sink sink;
	void *user;
	int fd;                        /* of spk_log_open_file, or -1: stderr */
} ring = { .lock = PTHREAD_MUTEX_INITIALIZER, .work = PTHREAD_COND_INITIALIZER, .done = PTHREAD_COND_INITIALIZER, .fd = -1 };

/* ---- Levels -------------------------------------------------------------------------------------------------------- */

static spk_status parse_level(const char *text, size_t size, enum spk_log_level *out, spk_error *err)
{
	char name[16];
	const char *closest;

	for (size_t i = 0; i < SPK_COUNT_OF(level_names); i++) {
		if (strlen(level_names[i]) == size && memcmp(level_names[i], text, size) == 0) {
			*out = (enum spk_log_level)i;
			return SPK_OK;
		}
	}
	snprintf(name, sizeof(name), "%.*s", (int)SPK_MIN(size, sizeof(name)), text);
	spk_fail(err, SPK_USAGE, "'%s' is not a log level", name);
	closest = spk_closest_name(name, level_names, (int)SPK_COUNT_OF(level_names));
	if (closest)
		spk_hint(err, "did you mean '%s'?", closest);
	else
		spk_hint(err, "error, warn, info, debug or trace, or per target: warn,stream=debug");
	return SPK_USAGE;
}

static spk_status parse_level_rule(const char *at, const char *end, struct levels *out, spk_error *err)
{
	const char *equals = memchr(at, '=', (size_t)(end - at));
	struct level_rule *rule;

	if (!equals)
		return parse_level(at, (size_t)(end - at), &out->general, err);
	if (equals == at || equals - at > TARGET_MAX)
		return spk_fail(err, SPK_USAGE, "log target '%.*s' is empty or longer than %d bytes", (int)(end - at), at, TARGET_MAX);
	if (out->count == TARGETS_MAX)
		return spk_fail(err, SPK_USAGE, "more than %d log targets", TARGETS_MAX);
	rule = &out->rule[out->count++];
	snprintf(rule->target, sizeof(rule->target), "%.*s", (int)(equals - at), at);
	return parse_level(equals + 1, (size_t)(end - equals - 1), &rule->level, err);
}

static spk_status parse_levels(const char *text, struct levels *out, spk_error *err)
{
	for (const char *at = text + strspn(text, " "); *at;) {
		size_t size = strcspn(at, " ,");

		SPK_TRY(parse_level_rule(at, at + size, out, err));
		at += size;
		at += strspn(at, " ,");
	}
	return SPK_OK;
}

spk_status spk_log_set_levels(const char *text, spk_error *err)
{
	struct levels *fresh = malloc(sizeof(*fresh));
	int most = SPK_LOG_ERROR;
	spk_status status;

	SPK_TRY_PTR(fresh, err);
	*fresh = (struct levels){ .general = SPK_LOG_WARN };
	status = parse_levels(text, fresh, err);
	if (status) {
		free(fresh);
		return status;
	}
	most = (int)fresh->general;
	for (int i = 0; i < fresh->count; i++)
		most = SPK_MAX(most, (int)fresh->rule[i].level);
	pthread_mutex_lock(&ring.lock);
	fresh->older = atomic_load_explicit(&levels, memory_order_relaxed);
	atomic_store_explicit(&levels, fresh, memory_order_release);
	atomic_store_explicit(&most_verbose, most, memory_order_relaxed);
	pthread_mutex_unlock(&ring.lock);
	return SPK_OK;
}

/* A rule for "kafka" is also one for "kafka.consumer". */
static size_t match_length(const char *rule, const char *target)
{
	size_t length = strlen(rule);

	return strncmp(rule, target, length) == 0 && (target[length] == '\0' || target[length] == '.') ? length : 0;
}

bool spk_log_enabled(enum spk_log_level level, const char *target)
{
	const struct levels *now;
	enum spk_log_level allowed;
	size_t best = 0;

	if ((int)level > atomic_load_explicit(&most_verbose, memory_order_relaxed))
		return false;
	now = atomic_load_explicit(&levels, memory_order_acquire);
	allowed = now->general;
	for (int i = 0; i < now->count; i++) {
		size_t length = match_length(now->rule[i].target, target);

		if (length > best) {
			best = length;
			allowed = now->rule[i].level;
		}
	}
	return level <= allowed;
}

/* ---- Writing out ----------------------------------------------------------------------------------------------------- */

/* To a descriptor, as far as it goes: a log that cannot be written is not worth a failure. */
static void write_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno == EAGAIN) {
			struct pollfd ready = { .fd = fd, .events = POLLOUT };

			poll(&ready, 1, -1);
		} else if (n < 0 && errno != EINTR) {
			return;
		} else if (n > 0) {
			data += n;
			size -= (size_t)n;
		}
	}
}

static void write_lines(const struct lines *lines, spk_log_sink sink, void *user, int fd)
{
	if (!sink) {
		write_all(fd >= 0 ? fd : STDERR_FILENO, lines->data, lines->size);
		return;
	}
	for (const char *at = lines->data, *end = at + lines->size; at < end;) {
		const char *next = (const char *)memchr(at, '\n', (size_t)(end - at)) + 1;

		sink(at, (int)(next - at), user);
		at = next;
	}
}

static size_t format_head(char *out, enum spk_log_level level, const char *target)
{
	int64_t now = spk_clock_wall_us();
	time_t seconds = (time_t)(now / 1000000);
	struct tm utc;
	size_t at;

	gmtime_r(&seconds, &utc);
	at = strftime(out, HEAD_MAX, "%Y-%m-%dT%H:%M:%S", &utc);
	at += (size_t)snprintf(out + at, HEAD_MAX - at, ".%06dZ %-5s %.*s ", (int)(now % 1000000), level_names[level],
	                       TARGET_MAX, target);
	return at;
}

/* With the lock held. The notice about lost lines takes its place among the lines, where they are missing. */
static void put_notice(void)
{
	char line[HEAD_MAX + 64];
	size_t size;

	if (!ring.lost || !ring.filling.data)
		return;
	size = format_head(line, SPK_LOG_WARN, "log");
	size += (size_t)snprintf(line + size, sizeof(line) - size, "%llu lines lost: the log could not be written as fast\n",
	                         (unsigned long long)ring.lost);
	if (size > RING_SIZE - ring.filling.size)
		return;
	memcpy(ring.filling.data + ring.filling.size, line, size);
	ring.filling.size += size;
	ring.logged++;
	ring.lost = 0;
}

/* With the lock held, which is given up while the sink works: one round of all that is there. */
static void write_round(void)
{
	struct lines lines = ring.filling;
	uint64_t upto = ring.logged;
	spk_log_sink sink = ring.sink;
	void *user = ring.user;
	int fd = ring.fd;

	ring.filling = ring.writing;
	ring.filling.size = 0;
	ring.writing = lines;
	ring.busy = true;
	ring.owner = pthread_self();
	put_notice();
	pthread_mutex_unlock(&ring.lock);
	write_lines(&lines, sink, user, fd);
	pthread_mutex_lock(&ring.lock);
	ring.busy = false;
	ring.written = upto;
	pthread_cond_broadcast(&ring.done);
}

static void *writer_main(void *unused)
{
	(void)unused;
	pthread_mutex_lock(&ring.lock);
	for (;;) {
		if (!ring.busy && ring.filling.size > 0)
			write_round();
		else
			pthread_cond_wait(&ring.work, &ring.lock);
	}
	return NULL;
}

static void before_fork(void)
{
	pthread_mutex_lock(&ring.lock);
}

static void after_fork(void)
{
	pthread_mutex_unlock(&ring.lock);
}

/* The child has no writer thread; what the parent had not written yet is the parent's to write. */
static void after_fork_in_child(void)
{
	pthread_cond_init(&ring.work, NULL);
	pthread_cond_init(&ring.done, NULL);
	ring.started = ring.busy = false;
	ring.filling.size = 0;
	ring.written = ring.logged;
	pthread_mutex_unlock(&ring.lock);
}

static bool allocate_once(void)
{
	static bool fork_handled;

	if (!ring.filling.data)
		ring.filling.data = malloc(RING_SIZE);
	if (!ring.writing.data)
		ring.writing.data = malloc(RING_SIZE);
	if (!fork_handled)
		fork_handled = pthread_atfork(before_fork, after_fork, after_fork_in_child) == 0;
	return ring.filling.data && ring.writing.data;
}

/* With the lock held. Without a thread (none to be had) the next flush writes. */
static void start_writer(void)
{
	sigset_t all, before;
	pthread_attr_t attributes;
	pthread_t thread;

	if (ring.started || pthread_attr_init(&attributes) != 0)
		return;
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	/* Signals are for the program's own threads. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ring.started = pthread_create(&thread, &attributes, writer_main, NULL) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
}

static void put_line(const char *line, size_t size)
{
	bool taken;

	pthread_mutex_lock(&ring.lock);
	taken = allocate_once() && size <= RING_SIZE - ring.filling.size;
	if (taken) {
		memcpy(ring.filling.data + ring.filling.size, line, size);
		ring.filling.size += size;
		ring.logged++;
		start_writer();
		pthread_cond_signal(&ring.work);
	} else {
		ring.lost++;
	}
	pthread_mutex_unlock(&ring.lock);
	if (!taken)
		spk_metric_add(spk_metric(SPK_COUNTER, "log_lost_total", NULL), 1);
}

/* With the lock held: true in a sink, which would wait for itself. */
static bool in_sink(void)
{
	return ring.busy && pthread_equal(ring.owner, pthread_self());
}

/* With the lock held: waits until all lines so far are written and nobody uses the sink. */
static void settle(void)
{
	uint64_t upto = ring.logged;

	while (!in_sink() && (ring.written < upto || ring.busy)) {
		if (!ring.started && !ring.busy)
			write_round();
		else
			pthread_cond_wait(&ring.done, &ring.lock);
	}
}

void spk_log_flush(void)
{
	pthread_mutex_lock(&ring.lock);
	settle();
	/* What was lost belongs to what was logged before; the notice may have come up while settling. */
	put_notice();
	pthread_cond_signal(&ring.work);
	settle();
	pthread_mutex_unlock(&ring.lock);
}

/* Lines logged before go where lines went before; when this returns the old sink is not in use any more. */
static void replace_sink(spk_log_sink sink, void *user, int fd)
{
	int old;

	pthread_mutex_lock(&ring.lock);
	settle();
	old = ring.fd;
	ring.sink = sink;
	ring.user = user;
	ring.fd = fd;
	pthread_mutex_unlock(&ring.lock);
	if (old >= 0)
		close(old);
}

void spk_log_set_sink(spk_log_sink sink, void *user)
{
	replace_sink(sink, user, -1);
}

spk_status spk_log_open_file(const char *path, spk_error *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (fd < 0)
		return spk_fail_errno(err, errno, "cannot open log file %s", path);
	replace_sink(NULL, NULL, fd);
	return SPK_OK;
}

/* ---- Lines ----------------------------------------------------------------------------------------------------------- */

/* A message must stay one line and must not steer a terminal: control characters are written out. */
static size_t escape(char *out, const char *text)
{
	size_t at = 0;

	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		if (*c >= 0x20 && *c != 0x7f)
			out[at++] = (char)*c;
		else if (*c == '\n' || *c == '\t')
			at += (size_t)sprintf(out + at, "\\%c", *c == '\n' ? 'n' : 't');
		else
			at += (size_t)sprintf(out + at, "\\x%02x", *c);
	}
	return at;
}

void spk_log_write(enum spk_log_level level, const char *target, const char *format, ...)
{
	char message[MESSAGE_MAX], line[LINE_MAX_SIZE + 1];
	va_list args;
	size_t size;
	int length;

	va_start(args, format);
	length = vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	if (length < 0)
		snprintf(message, sizeof(message), "cannot format '%s'", format);
	spk_log_redact_text(message);
	if (length >= (int)sizeof(message))
		spk_redact_torn_end(message);
	size = format_head(line, level, target);
	size += escape(line + size, message);
	line[size++] = '\n';
	put_line(line, size);
}
