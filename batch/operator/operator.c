/* What all operators share: handing batches on, failing rows. See operator.h. */
#include "batch/operator/operator.h"

#include <stdlib.h>

#include "core/base/clock.h"

enum { BITES_OF_LIMIT = 64, BITE_BYTES = 512 * 1024, BITE_ROWS = 64 };

bool spk_op_consumers_done(const struct spk_op *op)
{
	for (int i = 0; i < op->outputs; i++)
		if (!op->output[i].op->done)
			return false;
	return op->outputs > 0;
}

struct spk_op *spk_op_turn(struct spk_pipeline *p, struct spk_op *op)
{
	struct spk_op *was = p->turn;
	int64_t now;

	if (!p->timed)
		return NULL;
	now = spk_clock_monotonic_us();
	if (was)
		was->own_us += now - p->turn_us;
	p->turn = op;
	p->turn_us = now;
	return was;
}

spk_status spk_op_check_cancelled(const struct spk_op *op, spk_error *err)
{
	const struct spk_task *task = op->pipeline->task_handle;

	return task && spk_task_cancelled(task) ? spk_fail(err, SPK_CANCELLED, "the query was cancelled") : SPK_OK;
}

/*
 * Rows that are pushed at once. What an operator makes of a batch (keys, copies) is about as large as it, and cannot be spilled before the batch
 * is taken: so where memory is short for rows like these they come in smaller bites. WRITE cuts its batches itself.
 */
static int bite(const struct spk_op *to, const struct spk_batch *batch)
{
	size_t most = SPK_MAX(spk_memory_limit() / BITES_OF_LIMIT, (size_t)BITE_BYTES), bytes = spk_arena_bytes(batch->arena);

	if (!to->pipeline->spill || bytes <= most || to->type == &spk_op_write)
		return batch->selected;
	return (int)SPK_MAX((size_t)batch->selected * most / bytes, (size_t)BITE_ROWS);
}

static spk_status push_to(const struct spk_op_edge *edge, struct spk_batch *batch, spk_error *err)
{
	struct spk_op *to = edge->op, *was = spk_op_turn(to->pipeline, to);
	int n = bite(to, batch);
	spk_status status = SPK_OK;

	if (n >= batch->selected)
		status = to->type->push(to, edge->input, batch, err);
	else
		for (int from = 0; from < batch->selected && status == SPK_OK && !to->done; from += n) {
			struct spk_batch *part;

			status = spk_op_slice(&part, batch, from, SPK_MIN(n, batch->selected - from), err);
			if (status != SPK_OK)
				break;
			status = to->type->push(to, edge->input, part, err);
			spk_batch_unref(part);
		}
	spk_op_turn(to->pipeline, was);
	return status;
}

spk_status spk_op_emit(struct spk_op *op, struct spk_batch *batch, spk_error *err)
{
	struct spk_batch *shown = batch;
	spk_status status = SPK_OK;

	if (batch->selected == 0)
		return SPK_OK;
	if (!op->pipeline->plan->streaming)
		SPK_TRY(spk_op_check_cancelled(op, err));
	op->rows_out += batch->selected;
	op->batches_out++;
	if (op->pipeline->verify)
		SPK_TRY(spk_batch_reencode(&shown, batch, (uint64_t)op->batches_out * 31 + (uint64_t)op->plan->id, err));
	for (int i = 0; i < op->outputs && status == SPK_OK; i++)
		status = push_to(&op->output[i], shown, err);
	if (op->pipeline->verify)
		spk_batch_unref(shown);
	op->done = op->done || spk_op_consumers_done(op);
	return status;
}

struct spk_eval spk_op_eval(const struct spk_op *op, struct spk_arena *arena, struct spk_row_errors *errors)
{
	const struct spk_run *run = op->pipeline->run;

	return (struct spk_eval){ .arena = arena, .now_us = run->time_us, .timezone = run->timezone, .draws = op->draws,
		.errors = spk_op_errors(op, errors) };
}

struct spk_row_errors *spk_op_errors(const struct spk_op *op, struct spk_row_errors *errors)
{
	return op->pipeline->run->streaming ? errors : NULL;
}

int32_t *spk_op_selection(const struct spk_batch *in, struct spk_arena *arena)
{
	int32_t *sel = spk_arena_alloc(arena, sizeof *sel * (size_t)SPK_MAX(in->selected, 1));

	if (!sel)
		return NULL;
	if (in->sel)
		memcpy(sel, in->sel, sizeof *sel * (size_t)in->selected);
	else
		for (int i = 0; i < in->selected; i++)
			sel[i] = i;
	return sel;
}

spk_status spk_op_slice(struct spk_batch **out, const struct spk_batch *in, int from, int n, spk_error *err)
{
	struct spk_batch *part;
	int32_t *sel;

	SPK_TRY(spk_batch_derive(&part, in, in->schema, err));
	memcpy(part->column, in->column, sizeof *in->column * (size_t)in->columns);
	sel = spk_op_selection(in, part->arena);
	if (!sel) {
		spk_batch_unref(part);
		return spk_fail_memory(err);
	}
	part->sel = sel + from;
	part->selected = n;
	*out = part;
	return SPK_OK;
}

static struct spk_arena *output_arena(struct spk_pipeline *p)
{
	if (!p->output.arena)
		p->output.arena = spk_arena_new(spk_memory_account("dead letters"));
	if (!p->output.last)
		p->output.last = &p->output.letters;
	return p->output.arena;
}

/* The row's bytes outlive the chunk that they came in. */
static spk_status keep_raw(struct spk_arena *arena, const struct spk_view *raw, struct spk_view *out, spk_error *err)
{
	const char *copy = spk_arena_copy(arena, spk_view_data(raw), raw->length);

	SPK_TRY_PTR(copy, err);
	*out = spk_view(copy, raw->length);
	return SPK_OK;
}

spk_status spk_op_dead_letter(struct spk_op *op, const struct spk_batch *in, int32_t row, spk_status code, bool late, int64_t watermark, const char *reason, spk_error *err)
{
	struct spk_task_output *out = &op->pipeline->output;
	struct spk_arena *arena;
	struct spk_dead_letter *letter;

	if (in->repeats)
		return SPK_OK;
	arena = output_arena(op->pipeline);
	SPK_TRY_PTR(arena, err);
	letter = SPK_NEW(arena, struct spk_dead_letter);
	SPK_TRY_PTR(letter, err);
	letter->code = code;
	letter->late = late;
	letter->watermark = watermark;
	letter->partition = -1;
	letter->reason = spk_arena_strdup(arena, reason ? reason : "");
	SPK_TRY_PTR(letter->reason, err);
	if (in->origin) {
		letter->source = in->origin->source;
		letter->partition = in->origin->partition;
		letter->position = in->origin->offset ? in->origin->offset[row] : -1;
		if (in->origin->raw)
			SPK_TRY(keep_raw(arena, &in->origin->raw[row], &letter->raw, err));
	}
	*out->last = letter;
	out->last = &letter->next;
	*(late ? &out->late : &out->bad) += 1;
	return SPK_OK;
}

static int compare_rows(const void *a, const void *b)
{
	const struct spk_row_error *x = a, *y = b;

	return (x->row > y->row) - (x->row < y->row);
}

spk_status spk_op_reject(struct spk_op *op, const struct spk_batch *in, const struct spk_row_errors *errors, int32_t *sel, int *n, spk_error *err)
{
	int kept = 0, e = 0;

	if (errors->count == 0)
		return SPK_OK;
	qsort(errors->list, (size_t)errors->count, sizeof *errors->list, compare_rows);
	for (int i = 0; i < *n; i++) {
		while (e < errors->count && errors->list[e].row < sel[i])
			e++;
		if (e == errors->count || errors->list[e].row != sel[i]) {
			sel[kept++] = sel[i];
			continue;
		}
		SPK_TRY(spk_op_dead_letter(op, in, sel[i], errors->list[e].code, false, 0, errors->list[e].message, err));
	}
	*n = kept;
	return SPK_OK;
}
