/*
 * The local executor backend: a fixed pool of worker threads, a queue of work in order of arrival, and a list of delayed work.
 *
 * There is no timer thread: a worker with nothing to do sleeps until the earliest delayed work is due.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "core/base/check.h"
#include "core/base/clock.h"
#include "core/base/memory.h"
#include "scheduler/spi.h"

struct delayed {
	int64_t due_us;                   /* monotonic */
	struct spk_work work;
};

struct local_executor {
	struct spk_executor_backend base;
	struct spk_memory_account *account;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct spk_work *queue;           /* ring */
	size_t queue_capacity, queue_first, queue_count;
	struct delayed *delayed;          /* latest first, so that the next one due is taken off the end */
	size_t delayed_capacity, delayed_count;
	int idle;                         /* workers in pthread_cond_wait */
	bool closing;
	int threads;
	pthread_t thread[];
};

static spk_status queue_grow(struct local_executor *e, spk_error *err)
{
	size_t capacity = e->queue_capacity ? e->queue_capacity * 2 : 64;
	struct spk_work *queue = spk_malloc(e->account, capacity * sizeof(*queue));

	SPK_TRY_PTR(queue, err);
	for (size_t i = 0; i < e->queue_count; i++)
		queue[i] = e->queue[(e->queue_first + i) % e->queue_capacity];
	spk_free(e->account, e->queue, e->queue_capacity * sizeof(*queue));
	e->queue = queue;
	e->queue_capacity = capacity;
	e->queue_first = 0;
	return SPK_OK;
}

/* @locks: e->lock held */
static spk_status enqueue(struct local_executor *e, struct spk_work work, spk_error *err)
{
	if (e->queue_count == e->queue_capacity)
		SPK_TRY(queue_grow(e, err));
	e->queue[(e->queue_first + e->queue_count++) % e->queue_capacity] = work;
	if (e->idle)
		pthread_cond_signal(&e->wake);
	return SPK_OK;
}

/* Takes the next work that may run now: due delayed work before queued work. @locks: e->lock held */
static bool take(struct local_executor *e, struct spk_work *out)
{
	if (e->delayed_count && (e->closing || e->delayed[e->delayed_count - 1].due_us <= spk_clock_monotonic_us())) {
		*out = e->delayed[--e->delayed_count].work;
		return true;
	}
	if (!e->queue_count)
		return false;
	*out = e->queue[e->queue_first];
	e->queue_first = (e->queue_first + 1) % e->queue_capacity;
	e->queue_count--;
	return true;
}

/* @locks: e->lock held, released while asleep */
static void sleep_until_work(struct local_executor *e)
{
	e->idle++;
	if (e->delayed_count) {
		int64_t due = e->delayed[e->delayed_count - 1].due_us;
		struct timespec at = { .tv_sec = due / 1000000, .tv_nsec = due % 1000000 * 1000 };

		pthread_cond_timedwait(&e->wake, &e->lock, &at);
	} else {
		pthread_cond_wait(&e->wake, &e->lock);
	}
	e->idle--;
}

static void *worker(void *user)
{
	struct local_executor *e = user;
	struct spk_work work;

	pthread_mutex_lock(&e->lock);
	for (;;) {
		if (take(e, &work)) {
			pthread_mutex_unlock(&e->lock);
			work.run(work.user);
			pthread_mutex_lock(&e->lock);
		} else if (e->closing) {
			break;
		} else {
			sleep_until_work(e);
		}
	}
	pthread_mutex_unlock(&e->lock);
	return NULL;
}

static int local_slots(const struct spk_executor_backend *b)
{
	return spk_container_of(b, const struct local_executor, base)->threads;
}

static spk_status local_launch(struct spk_executor_backend *b, struct spk_work work, spk_error *err)
{
	struct local_executor *e = spk_container_of(b, struct local_executor, base);

	pthread_mutex_lock(&e->lock);
	spk_status status = enqueue(e, work, err);
	pthread_mutex_unlock(&e->lock);
	return status;
}

/* @locks: e->lock held */
static spk_status delay(struct local_executor *e, struct spk_work work, int64_t delay_us, spk_error *err)
{
	if (e->delayed_count == e->delayed_capacity) {
		size_t capacity = e->delayed_capacity ? e->delayed_capacity * 2 : 16;
		struct delayed *grown = spk_realloc(e->account, e->delayed, e->delayed_capacity * sizeof(*grown),
		                                    capacity * sizeof(*grown));

		SPK_TRY_PTR(grown, err);
		e->delayed = grown;
		e->delayed_capacity = capacity;
	}
	struct delayed d = { .due_us = spk_clock_monotonic_us() + delay_us, .work = work };
	size_t at = e->delayed_count++;

	for (; at > 0 && e->delayed[at - 1].due_us <= d.due_us; at--)
		e->delayed[at] = e->delayed[at - 1];
	e->delayed[at] = d;
	/* Whoever sleeps without an end, or for too long, has to look again. */
	if (e->idle)
		pthread_cond_signal(&e->wake);
	return SPK_OK;
}

static spk_status local_launch_later(struct spk_executor_backend *b, struct spk_work work, int64_t delay_us, spk_error *err)
{
	struct local_executor *e = spk_container_of(b, struct local_executor, base);

	pthread_mutex_lock(&e->lock);
	spk_status status = delay_us <= 0 ? enqueue(e, work, err) : delay(e, work, delay_us, err);
	pthread_mutex_unlock(&e->lock);
	return status;
}

/* Joins `started` threads and frees. */
static void shut_down(struct local_executor *e, int started)
{
	pthread_mutex_lock(&e->lock);
	e->closing = true;
	pthread_cond_broadcast(&e->wake);
	pthread_mutex_unlock(&e->lock);
	for (int i = 0; i < started; i++) {
		SPK_ASSERT(!pthread_equal(e->thread[i], pthread_self()), "a pool is not closed by its own worker");
		pthread_join(e->thread[i], NULL);
	}
	pthread_cond_destroy(&e->wake);
	pthread_mutex_destroy(&e->lock);
	spk_free(e->account, e->queue, e->queue_capacity * sizeof(*e->queue));
	spk_free(e->account, e->delayed, e->delayed_capacity * sizeof(*e->delayed));
	spk_free(e->account, e, sizeof(*e) + (size_t)e->threads * sizeof(e->thread[0]));
}

static void local_close(struct spk_executor_backend *b)
{
	struct local_executor *e = spk_container_of(b, struct local_executor, base);

	shut_down(e, e->threads);
}

static const struct spk_executor_backend_type local_executor_type = {
	.name = "local",
	.slots = local_slots,
	.launch = local_launch,
	.launch_later = local_launch_later,
	.close = local_close,
};

/* Cores this process may use, which under a container is less than there are. */
static int usable_cores(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 1;
	return SPK_MAX(CPU_COUNT(&set), 1);
}

/* Starts the workers with all signals blocked: signals are the loop's business. Returns how many were started. */
static int start_workers(struct local_executor *e)
{
	sigset_t all, old;
	int started = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	for (; started < e->threads; started++) {
		char name[16];

		if (pthread_create(&e->thread[started], NULL, worker, e) != 0)
			break;
		snprintf(name, sizeof(name), "spk-worker-%d", started % 1000);
		pthread_setname_np(e->thread[started], name);
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return started;
}

spk_status spk_local_executor_new(struct spk_executor_backend **out, int threads, spk_error *err)
{
	struct spk_memory_account *account = spk_memory_account("scheduler");

	if (threads < 0 || threads > 1024)
		return spk_fail(err, SPK_USAGE, "a pool has 1 to 1024 threads, not %d", threads);
	if (threads == 0)
		threads = usable_cores();
	struct local_executor *e = spk_calloc(account, sizeof(*e) + (size_t)threads * sizeof(e->thread[0]));

	SPK_TRY_PTR(e, err);
	e->base.type = &local_executor_type;
	e->account = account;
	e->threads = threads;
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&e->wake, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_mutex_init(&e->lock, NULL);

	int started = start_workers(e);

	if (started < threads) {
		shut_down(e, started);
		return spk_fail(err, SPK_NO_MEMORY, "cannot start worker thread %d of %d", started + 1, threads);
	}
	*out = &e->base;
	return SPK_OK;
}
