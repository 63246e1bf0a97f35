/* What graphs run on: executor, task scheduler, shuffle service and DAG scheduler. For the tests of every layer that runs some. */
#ifndef SPK_TESTS_SCHEDULER_STACK_H
#define SPK_TESTS_SCHEDULER_STACK_H

#include "scheduler/dag.h"
#include "tests/support/test.h"

struct stack {
	struct spk_executor_backend *executor;
	struct spk_task_scheduler *tasks;
	struct spk_shuffle_service *shuffle;
	struct spk_dag_scheduler *dag;
};

/* A task that fails is tried again at once, `retries` times. `events` and `area` may be NULL. */
static inline void stack_open_spilling(struct stack *s, int threads, int retries, struct spk_event_log *events, struct spk_spill_area *area)
{
	spk_error err = { 0 };
	struct spk_dag_options options = { .task_retry = { .retries = retries, .first_us = 100, .longest_us = 1000 }, .events = events };

	REQUIRE_OK(spk_local_executor_new(&s->executor, threads, &err), err);
	REQUIRE_OK(spk_fifo_scheduler_new(&s->tasks, s->executor, &err), err);
	REQUIRE_OK(spk_local_shuffle_new(&s->shuffle, area, &err), err);
	options.tasks = s->tasks;
	options.shuffle = s->shuffle;
	REQUIRE_OK(spk_dag_scheduler_new(&s->dag, &options, &err), err);
}

static inline void stack_open(struct stack *s, int threads, int retries, struct spk_event_log *events)
{
	stack_open_spilling(s, threads, retries, events, NULL);
}

static inline void stack_close(struct stack *s)
{
	spk_dag_scheduler_free(s->dag);
	s->tasks->type->close(s->tasks);
	s->executor->type->close(s->executor);
	s->shuffle->type->close(s->shuffle);
}

#endif
