/*
 * The step of calls with DISTINCT or ORDER BY: gathers the rows, and at the end feeds them to the aggregate itself, many groups together
 * so that small groups cost no batch of their own.
 */
#include "core/expr/aggregate_rows.h"

/* Rows on their way from the records to the aggregate. */
struct feed {
	struct spk_aggregate_call inner;   /* the call as if it had neither DISTINCT nor ORDER BY */
	struct spk_arena *arena;           /* of the rows at hand */
	struct spk_vector vector[SPK_AGGREGATE_ARGS_MAX];
	char *state[SPK_BATCH_ROWS];       /* by row */
	int n;
};

static spk_status start_batch(struct feed *f, spk_error *err)
{
	spk_arena_clear(f->arena);
	f->n = 0;
	for (int i = 0; i < f->inner.args; i++)
		SPK_TRY(spk_vector_init(&f->vector[i], f->inner.input[i]->type, SPK_BATCH_ROWS, f->arena, err));
	return SPK_OK;
}

static spk_status flush(struct feed *f, spk_error *err)
{
	if (!f->n)
		return SPK_OK;
	SPK_TRY(f->inner.step->update(&f->inner, f->state, f->vector, NULL, f->n, NULL, err));
	return start_batch(f, err);
}

/* One group's rows, in order. */
static spk_status feed_group(struct feed *f, const struct spk_sorted *rows, char *inner, spk_error *err)
{
	for (size_t i = 0; i < rows->count; i++) {
		if (f->n == SPK_BATCH_ROWS)
			SPK_TRY(flush(f, err));
		SPK_TRY(spk_record_read(rows->row[i].record, f->vector, f->inner.args, f->n, SPK_BATCH_ROWS, f->arena, err));
		f->state[f->n++] = inner;
	}
	return SPK_OK;
}

static spk_status feed_groups(struct feed *f, const struct spk_aggregate_call *call, char *const *state, int n, char **inner, spk_error *err)
{
	struct spk_arena *sorting = spk_arena_new(call->account);
	spk_status status;

	SPK_TRY_PTR(sorting, err);
	status = start_batch(f, err);
	for (int i = 0; i < n && status == SPK_OK; i++) {
		struct spk_sorted rows;

		status = spk_rows_sort(call, SPK_STATE(spk_rows, state, i), sorting, &rows, err);
		if (status == SPK_OK)
			status = feed_group(f, &rows, inner[i], err);
		spk_arena_clear(sorting);
	}
	if (status == SPK_OK)
		status = flush(f, err);
	spk_arena_unref(sorting);
	return status;
}

static spk_status gather_final_in(struct feed *f, const struct spk_aggregate_call *call, char *const *state, int n, struct spk_arena *scratch, struct spk_vector *out, int at, int rows, struct spk_arena *arena, spk_error *err)
{
	const size_t size = ((size_t)call->aggregate->state_size + 15) / 16 * 16;
	char *block = spk_arena_zalloc(scratch, size * (size_t)n), **inner = SPK_NEW_ARRAY(scratch, char *, n);
	spk_status status;

	SPK_TRY_PTR(block && inner, err);
	for (int i = 0; i < n; i++)
		inner[i] = block + (size_t)i * size;
	status = feed_groups(f, call, state, n, inner, err);
	if (status == SPK_OK)
		status = f->inner.step->final(&f->inner, inner, n, out, at, rows, arena, err);
	for (int i = 0; i < n && f->inner.step->release; i++)
		f->inner.step->release(&f->inner, inner[i]);
	return status;
}

SPK_AGGREGATE_FINAL(gather_final)
{
	struct spk_arena *scratch = spk_arena_new(call->account);
	struct feed *f = scratch ? SPK_NEW(scratch, struct feed) : NULL;
	spk_status status = f && (f->arena = spk_arena_new(call->account)) ? SPK_OK : spk_fail_memory(err);

	if (status == SPK_OK) {
		f->inner = *call;
		f->inner.step = call->aggregate;
		f->inner.distinct = false;
		f->inner.sorts = 0;
		f->inner.offset = 0;
		status = gather_final_in(f, call, state, n, scratch, out, at, rows, arena, err);
		spk_arena_unref(f->arena);
	}
	spk_arena_unref(scratch);
	return status;
}

static const struct spk_aggregate gatherer = { .name = "gather", SPK_ROWS_STATE, .final = gather_final };

const struct spk_aggregate *spk_aggregate_gatherer(void) { return &gatherer; }
