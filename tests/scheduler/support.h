/* Batches of one bigint column, and a scheduler stack to run graphs on. */
#ifndef SPK_TESTS_SCHEDULER_SUPPORT_H
#define SPK_TESTS_SCHEDULER_SUPPORT_H

#include "scheduler/dag.h"
#include "tests/support/test.h"

static struct spk_field number_field = { .name = "n", .type = { .id = SPK_TYPE_BIGINT } };
static const struct spk_schema number_schema = { .count = 1, .field = &number_field };

/* A batch of `rows` values first, first + 1, ... */
static inline spk_status numbers(struct spk_batch **out, int64_t first, int rows, spk_error *err)
{
	SPK_TRY(spk_batch_new(out, &number_schema, NULL, err));
	struct spk_batch *b = *out;

	if (spk_vector_init(&b->column[0], number_field.type, rows, b->arena, err) != SPK_OK) {
		spk_batch_unref(b);
		return SPK_NO_MEMORY;
	}
	for (int i = 0; i < rows; i++)
		spk_vector_i64(&b->column[0])[i] = first + i;
	b->rows = b->selected = rows;
	return SPK_OK;
}

/* Writes such a batch. */
static inline spk_status write_numbers(struct spk_task *task, int to, int64_t first, int rows, spk_error *err)
{
	struct spk_batch *b;

	SPK_TRY(numbers(&b, first, rows, err));
	spk_status status = spk_task_write(task, to, b, err);

	spk_batch_unref(b);
	return status;
}

/* Executor, task scheduler, shuffle service and DAG scheduler. */
struct stack {
	struct spk_executor_backend *executor;
	struct spk_task_scheduler *tasks;
	struct spk_shuffle_service *shuffle;
	struct spk_dag_scheduler *dag;
};

static inline void stack_open(struct stack *s, int threads, struct spk_event_log *events)
{
	spk_error err = { 0 };
	struct spk_dag_options options = { .task_retry = { .retries = 3, .first_us = 200, .longest_us = 1000 }, .events = events };

	REQUIRE_OK(spk_local_executor_new(&s->executor, threads, &err), err);
	REQUIRE_OK(spk_fifo_scheduler_new(&s->tasks, s->executor, &err), err);
	REQUIRE_OK(spk_memory_shuffle_new(&s->shuffle, &err), err);
	options.tasks = s->tasks;
	options.shuffle = s->shuffle;
	REQUIRE_OK(spk_dag_scheduler_new(&s->dag, &options, &err), err);
}

static inline void stack_close(struct stack *s)
{
	spk_dag_scheduler_free(s->dag);
	s->tasks->type->close(s->tasks);
	s->executor->type->close(s->executor);
	s->shuffle->type->close(s->shuffle);
}

#endif
