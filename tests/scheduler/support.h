/* Batches of one bigint column. */
#ifndef SPK_TESTS_SCHEDULER_SUPPORT_H
#define SPK_TESTS_SCHEDULER_SUPPORT_H

#include "tests/scheduler/stack.h"

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

#endif
