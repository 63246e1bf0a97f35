/*
 * The FIFO task scheduler: hands the most urgent work to the backend as soon as one of its slots is free; equal priorities in
 * order of submission.
 *
 * It keeps at most `slots` closures at the backend. Each of them takes work off the heap until that is empty. What a piece of work
 * submits itself waits for its end: then its thread takes the first of it and calls others for the rest. So a chain of stages with
 * one task each stays in one thread and wakes nobody.
 */
#include <pthread.h>

#include "core/base/check.h"
#include "core/base/memory.h"
#include "scheduler/spi.h"

struct entry {
	int64_t priority;
	uint64_t order;                   /* of submission */
	struct spk_work work;
};

struct fifo {
	struct spk_task_scheduler base;
	struct spk_executor_backend *backend;
	struct spk_memory_account *account;
	pthread_mutex_t lock;
	pthread_cond_t quiet;             /* nothing is at the backend any more */
	struct entry *heap;
	size_t capacity, count;
	uint64_t submitted;
	int slots, active;                /* closures at the backend: running or about to */
	int delayed;                      /* timers at the backend */
};

struct later {
	struct fifo *fifo;
	int64_t priority;
	struct spk_work work;
};

/* The scheduler whose work this thread is running. */
static _Thread_local const struct fifo *inside;

static bool before(const struct entry *a, const struct entry *b)
{
	return a->priority != b->priority ? a->priority < b->priority : a->order < b->order;
}

static spk_status heap_push(struct fifo *f, struct entry e, spk_error *err)
{
	if (f->count == f->capacity) {
		size_t capacity = f->capacity ? f->capacity * 2 : 64;
		struct entry *grown = spk_realloc(f->account, f->heap, f->capacity * sizeof(*grown), capacity * sizeof(*grown));

		SPK_TRY_PTR(grown, err);
		f->heap = grown;
		f->capacity = capacity;
	}
	size_t at = f->count++;

	for (; at > 0 && before(&e, &f->heap[(at - 1) / 2]); at = (at - 1) / 2)
		f->heap[at] = f->heap[(at - 1) / 2];
	f->heap[at] = e;
	return SPK_OK;
}

static struct spk_work heap_pop(struct fifo *f)
{
	struct spk_work first = f->heap[0].work;
	struct entry last = f->heap[--f->count];
	size_t at = 0;

	for (size_t child = 1; child < f->count; child = 2 * at + 1) {
		if (child + 1 < f->count && before(&f->heap[child + 1], &f->heap[child]))
			child++;
		if (!before(&f->heap[child], &last))
			break;
		f->heap[at] = f->heap[child];
		at = child;
	}
	f->heap[at] = last;
	return first;
}

static void drain(void *user);

/* One more closure at the backend. @locks: f->lock held */
static spk_status hire(struct fifo *f, spk_error *err)
{
	SPK_TRY(f->backend->type->launch(f->backend, (struct spk_work){ drain, f }, err));
	f->active++;
	return SPK_OK;
}

/* @locality: worker */
static void drain(void *user)
{
	struct fifo *f = user;

	pthread_mutex_lock(&f->lock);
	while (f->count) {
		struct spk_work work = heap_pop(f);

		/* Refused: slower, but this thread will come to it. */
		for (size_t more = f->count; more && f->active < f->slots && hire(f, NULL) == SPK_OK; more--)
			;
		pthread_mutex_unlock(&f->lock);
		inside = f;
		work.run(work.user);
		inside = NULL;
		pthread_mutex_lock(&f->lock);
	}
	f->active--;
	if (!f->active && !f->delayed)
		pthread_cond_broadcast(&f->quiet);
	pthread_mutex_unlock(&f->lock);
}

/* Adds work and sees to it that somebody takes it. @locks: f->lock held */
static spk_status add(struct fifo *f, struct spk_work work, int64_t priority, spk_error *err)
{
	struct entry e = { .priority = priority, .order = f->submitted++, .work = work };

	SPK_TRY(heap_push(f, e, err));
	if (f->active == f->slots || inside == f)
		return SPK_OK;
	spk_error why = { 0 };
	spk_status status = hire(f, &why);

	if (status == SPK_OK || f->active)
		return SPK_OK;
	/* Nobody is at work, so the heap holds this entry alone. */
	heap_pop(f);
	if (err)
		*err = why;
	return status;
}

/* @locality: worker */
static void due(void *user)
{
	struct later *l = user;
	struct fifo *f = l->fifo;
	struct spk_work work = l->work;

	pthread_mutex_lock(&f->lock);
	spk_status status = add(f, work, l->priority, NULL);

	spk_free(f->account, l, sizeof(*l));
	pthread_mutex_unlock(&f->lock);
	if (status != SPK_OK)
		work.run(work.user);  /* there is a thread at hand, after all */
	pthread_mutex_lock(&f->lock);
	f->delayed--;
	if (!f->active && !f->delayed)
		pthread_cond_broadcast(&f->quiet);
	pthread_mutex_unlock(&f->lock);
}

/* @locks: f->lock held */
static spk_status add_later(struct fifo *f, struct spk_work work, int64_t priority, int64_t after_us, spk_error *err)
{
	struct later *l = spk_malloc(f->account, sizeof(*l));

	SPK_TRY_PTR(l, err);
	*l = (struct later){ .fifo = f, .priority = priority, .work = work };
	spk_status status = f->backend->type->launch_later(f->backend, (struct spk_work){ due, l }, after_us, err);

	if (status == SPK_OK)
		f->delayed++;
	else
		spk_free(f->account, l, sizeof(*l));
	return status;
}

static spk_status fifo_submit(struct spk_task_scheduler *s, struct spk_work work, int64_t priority, int64_t after_us, spk_error *err)
{
	struct fifo *f = spk_container_of(s, struct fifo, base);

	pthread_mutex_lock(&f->lock);
	spk_status status = after_us > 0 ? add_later(f, work, priority, after_us, err) : add(f, work, priority, err);
	pthread_mutex_unlock(&f->lock);
	return status;
}

static void fifo_close(struct spk_task_scheduler *s)
{
	struct fifo *f = spk_container_of(s, struct fifo, base);

	/* The last task may have told its run that all is over and still be on its way out of drain(). */
	pthread_mutex_lock(&f->lock);
	while (f->active || f->delayed)
		pthread_cond_wait(&f->quiet, &f->lock);
	SPK_ASSERT(!f->count, "a task scheduler is closed when nothing is queued");
	pthread_mutex_unlock(&f->lock);
	pthread_cond_destroy(&f->quiet);
	pthread_mutex_destroy(&f->lock);
	spk_free(f->account, f->heap, f->capacity * sizeof(*f->heap));
	spk_free(f->account, f, sizeof(*f));
}

static const struct spk_task_scheduler_type fifo_type = { .name = "fifo", .submit = fifo_submit, .close = fifo_close };

spk_status spk_fifo_scheduler_new(struct spk_task_scheduler **out, struct spk_executor_backend *backend, spk_error *err)
{
	struct spk_memory_account *account = spk_memory_account("scheduler");
	struct fifo *f = spk_calloc(account, sizeof(*f));

	SPK_TRY_PTR(f, err);
	f->base.type = &fifo_type;
	f->backend = backend;
	f->account = account;
	f->slots = backend->type->slots(backend);
	SPK_ASSERT(f->slots >= 1, "a backend runs something");
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->quiet, NULL);
	*out = &f->base;
	return SPK_OK;
}
