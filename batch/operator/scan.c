/*
 * Leaf: the rows of one source partition. In a stream the run brings the epoch's chunks; a batch query fetches by itself until the
 * partition ends, and leaves out rows of which joins say that they meet nothing (key_filter.h). Measures the partition's event time on the
 * way, since nobody else sees every row.
 */
#include <stdlib.h>
#include <time.h>

#include "batch/operator/key_filter.h"

/* Smaller bites when memory.limit is small: every worker has one in its mouth. */
enum { FETCH_BYTES = 4 << 20, FETCH_BYTES_LEAST = 256 << 10, FETCH_SHARE = 64, FETCH_ROWS = 1 << 16, FETCH_WAIT_US = 100000, TURN_WAIT_US = 1000 };

/* A runtime filter is given up when, after so many rows, more than such a part of them came through. */
enum { FILTER_TRIAL = 1 << 15, FILTER_PASSES_PERCENT = 80 };

/* A key that rows must have on the build side of a join. */
struct key_check { const struct spk_key_filter *filter; const struct spk_expr *expr; int64_t seen, kept; };

struct scan {
	struct spk_op base;
	struct key_check *check;         /* room for the plan's */
	int checks;                      /* of this run */
	bool *first;                     /* by column: some check needs it */
	struct spk_sieve sieve;
};

/* --- runtime filters --- */

static spk_status check_rows(struct scan *s, struct key_check *c, const struct spk_batch *batch, int32_t *sel, int *n, spk_error *err)
{
	struct spk_eval ev = spk_op_eval(&s->base, batch->arena, NULL);
	struct spk_vector key;

	SPK_TRY(spk_expr_eval(c->expr, batch, sel, *n, &ev, &key, err));
	c->seen += *n;
	*n = spk_key_filter_keep(c->filter, &key, sel, *n);
	c->kept += *n;
	return SPK_OK;
}

static spk_status keep_rows(void *user, const struct spk_batch *batch, int32_t *sel, int *n, spk_error *err)
{
	struct scan *s = user;
	int before = *n;

	for (int i = 0; i < s->checks && *n; i++)
		SPK_TRY(check_rows(s, &s->check[i], batch, sel, n, err));
	s->base.rows_filtered += before - *n;
	return SPK_OK;
}

static void need_column(int column, void *user) { ((bool *)user)[column] = true; }

/* The columns that the checks need, when they can be had before the others. */
static void choose_first(struct scan *s)
{
	const struct spk_plan_source *source = &s->base.pipeline->plan->source[s->base.plan->source];
	/* The open source's: it may have found out that a column stands in the files' paths. */
	const char *const *metadata = s->base.pipeline->run->source[s->base.plan->source].source->spec->table->metadata;

	memset(s->first, 0, sizeof *s->first * (size_t)source->columns);
	for (int i = 0; i < s->checks; i++)
		spk_expr_columns(s->check[i].expr, need_column, s->first);
	s->sieve = (struct spk_sieve){ .first = s->first, .keep = keep_rows, .user = s };
	for (int c = 0; c < source->columns; c++) {
		struct spk_type type = source->schema->field[c].type;

		if (spk_type_is_nested(type) || type.id == SPK_TYPE_JSONB || (s->first[c] && metadata && metadata[source->column[c]]))
			s->sieve.first = NULL;
	}
}

static const struct spk_op *find_join(const struct spk_pipeline *p, const struct spk_physical *join)
{
	for (int i = 0; i < p->op_count; i++)
		if (p->op[i]->plan == join)
			return p->op[i];
	return NULL;
}

/* What the joins above know by now. *nothing: no row would be of use. */
static void ask_joins(struct scan *s, bool *nothing)
{
	const struct spk_physical *plan = s->base.plan;

	s->checks = 0;
	*nothing = false;
	for (int i = 0; i < plan->runtime_filters; i++) {
		const struct spk_runtime_filter *f = &plan->runtime_filter[i];
		const struct spk_op *join = find_join(s->base.pipeline, f->join);
		const struct spk_key_filter *filter = join && f->expr ? spk_join_key_filter(join, f->key) : NULL;

		*nothing = *nothing || (join && spk_join_is_empty(join));
		if (filter)
			s->check[s->checks++] = (struct key_check){ .filter = filter, .expr = f->expr };
	}
	if (s->checks)
		choose_first(s);
}

/* Checks that nearly all rows pass are not worth it. What was seen depends on the partition's rows alone, so a replay does the same. */
static void drop_checks(struct scan *s)
{
	int left = 0;

	for (int i = 0; i < s->checks; i++) {
		const struct key_check *c = &s->check[i];

		if (c->seen < FILTER_TRIAL || c->kept * 100 <= c->seen * FILTER_PASSES_PERCENT)
			s->check[left++] = *c;
	}
	if (left == s->checks)
		return;
	s->checks = left;
	if (left)
		choose_first(s);
}

static spk_status scan_open(struct spk_op *op, spk_error *err)
{
	struct scan *s = (struct scan *)op;

	s->check = calloc((size_t)op->plan->runtime_filters + 1, sizeof *s->check);
	s->first = calloc((size_t)op->pipeline->plan->source[op->plan->source].columns + 1, sizeof *s->first);
	SPK_TRY_PTR(s->check && s->first, err);
	return SPK_OK;
}

static void scan_close(struct spk_op *op)
{
	free(((struct scan *)op)->check);
	free(((struct scan *)op)->first);
}

/* --- rows --- */

static spk_status measure_time(struct spk_op *op, const struct spk_batch *batch, struct spk_run_partition *p, spk_error *err)
{
	const struct spk_plan_source *source = &op->pipeline->plan->source[op->plan->source];
	struct spk_row_errors errors = { 0 };
	struct spk_eval ev = spk_op_eval(op, batch->arena, &errors);
	int64_t most = INT64_MIN;
	struct spk_vector time;
	struct spk_reader r;

	if (!source->time || batch->selected == 0)
		return SPK_OK;
	SPK_TRY(spk_expr_eval(source->time, batch, batch->sel, batch->selected, &ev, &time, err));
	r = spk_vector_reader(&time);
	SPK_EACH_ROW(batch, i, row) {
		uint32_t slot = spk_reader_slot(&r, row);
		int64_t t = spk_reader_valid(&r, slot) ? ((const int64_t *)r.data)[slot] : INT64_MIN;

		/* Infinity is no point in time: it would end the source. */
		if (t > most && t != INT64_MAX)
			most = t;
	}
	/* A task that is run again for a lost output finds the watermark as it left it, and must not write: others read it by then. */
	if (most != INT64_MIN && !__builtin_sub_overflow(most, source->watermark_delay_us, &most) && most > p->watermark)
		p->watermark = most;
	return SPK_OK;
}

/* Decodes rows [from, from + n) and hands them on. */
static spk_status emit_rows(struct spk_op *op, struct spk_source *source, const struct spk_chunk *chunk, int from, int n, struct spk_run_partition *p, spk_error *err)
{
	const struct spk_sieve *sieve = ((const struct scan *)op)->checks ? &((const struct scan *)op)->sieve : NULL;
	struct spk_row_errors errors = { 0 };
	struct spk_batch *batch = NULL;
	spk_status status = SPK_OK;

	SPK_TRY(spk_source_decode_sieved(source, chunk, from, n, sieve, spk_op_errors(op, &errors), &batch, err));
	if (errors.count) {
		int32_t *sel = spk_op_selection(batch, batch->arena);
		int left = batch->selected;

		status = sel ? spk_op_reject(op, batch, &errors, sel, &left, err) : spk_fail_memory(err);
		batch->sel = sel;
		batch->selected = left;
	}
	if (status == SPK_OK)
		status = measure_time(op, batch, p, err);
	if (status == SPK_OK)
		status = spk_op_emit(op, batch, err);
	spk_batch_unref(batch);
	if (sieve)
		drop_checks((struct scan *)op);
	return status;
}

static spk_status emit_chunk(struct spk_op *op, struct spk_source *source, const struct spk_chunk *chunk, struct spk_run_partition *p, spk_error *err)
{
	int n;

	for (int from = 0; from < chunk->rows && !op->done; from += n) {
		n = spk_source_fits(source, chunk, from, SPK_MIN(op->pipeline->batch_rows, chunk->rows - from));
		if (spk_task_cancelled(op->pipeline->task_handle))
			return spk_fail(err, SPK_CANCELLED, "the query was cancelled");
		SPK_TRY(emit_rows(op, source, chunk, from, n, p, err));
	}
	return SPK_OK;
}

/* The same source once more, at its start. Files that come and go between two attempts are not the same. */
static spk_status open_again(const struct spk_source *first, int partition, struct spk_source **out, spk_error *err)
{
	int64_t *position;
	spk_status status;

	SPK_TRY(first->type->open(out, first->spec, err));
	if (partition >= (*out)->partitions || strcmp(first->type->partition_name(first, partition), first->type->partition_name(*out, partition)) != 0)
		return spk_fail(err, SPK_IO, "table \"%s\": its partitions changed while it was read", first->spec->table->name);
	position = calloc((size_t)(*out)->partitions, 2 * sizeof *position);
	SPK_TRY_PTR(position, err);
	for (int i = 0; i < (*out)->partitions; i++)
		position[i] = SPK_POSITION_START;
	status = first->type->seek(*out, position, position + (*out)->partitions, err);
	free(position);
	return status;
}

static size_t fetch_bytes(void)
{
	size_t share = spk_memory_limit() / FETCH_SHARE;

	return SPK_MAX(SPK_MIN(share, (size_t)FETCH_BYTES), (size_t)FETCH_BYTES_LEAST);
}

static void wait_a_moment(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = TURN_WAIT_US * 1000 }, NULL);
}

/* Of a source that several tasks have, and that takes one of them at a time: none waits in it for rows. Perhaps nothing. */
static spk_status fetch_in_turn(struct spk_op *op, struct spk_run_source *s, struct spk_chunk *chunk, spk_error *err)
{
	spk_status status;

	while (__atomic_exchange_n(&s->fetching, true, __ATOMIC_ACQUIRE))
		wait_a_moment();
	status = s->source->type->fetch(s->source, op->pipeline->partition, INT64_MAX, FETCH_ROWS, fetch_bytes(), 0, chunk, err);
	__atomic_store_n(&s->fetching, false, __ATOMIC_RELEASE);
	if (status == SPK_OK && !chunk->rows && !chunk->finished)
		wait_a_moment();
	return status;
}

/* Batch: reads the partition to its end, or until nobody needs more. shared: where the source is other tasks' as well. */
static spk_status scan_all(struct spk_op *op, struct spk_source *source, struct spk_run_source *shared, struct spk_run_partition *p, spk_error *err)
{
	const bool in_turn = shared && !source->type->parallel_fetch;
	bool finished = false;

	while (!finished) {
		struct spk_chunk chunk = { 0 };
		spk_status status = in_turn ? fetch_in_turn(op, shared, &chunk, err) : source->type->fetch(source, op->pipeline->partition, INT64_MAX, FETCH_ROWS, fetch_bytes(), FETCH_WAIT_US, &chunk, err);

		if (status == SPK_OK)
			status = emit_chunk(op, source, &chunk, p, err);
		if (status == SPK_OK && chunk.rows) {
			__atomic_store_n(&p->position, chunk.end, __ATOMIC_RELAXED);
			__atomic_fetch_add(&p->rows, chunk.rows, __ATOMIC_RELAXED);
		}
		finished = chunk.finished || op->done;
		spk_chunk_release(&chunk);
		SPK_TRY(status);
		if (spk_task_cancelled(op->pipeline->task_handle))
			return spk_fail(err, SPK_CANCELLED, "the query was cancelled");
	}
	return SPK_OK;
}

/* Batch: a source of ready batches. */
static spk_status scan_batches(struct spk_op *op, struct spk_source *source, spk_error *err)
{
	int64_t at = 0;

	for (;;) {
		struct spk_batch *batch;
		spk_status status;

		SPK_TRY(source->type->next(source, op->pipeline->partition, &at, &batch, err));
		if (!batch)
			return SPK_OK;
		status = spk_op_emit(op, batch, err);
		spk_batch_unref(batch);
		SPK_TRY(status);
		if (spk_task_cancelled(op->pipeline->task_handle))
			return spk_fail(err, SPK_CANCELLED, "the query was cancelled");
	}
}

/* The run's source is at its start for the first reader only; a task that is tried again, or whose output was lost, opens another. */
static spk_status scan_from_start(struct spk_op *op, struct spk_run_source *s, struct spk_run_partition *p, spk_error *err)
{
	struct spk_source *again = NULL;
	spk_status status;

	if (__atomic_fetch_add(&p->reads, 1, __ATOMIC_RELAXED) == 0)
		return scan_all(op, s->source, s, p, err);
	status = open_again(s->source, op->pipeline->partition, &again, err);
	if (status == SPK_OK)
		status = scan_all(op, again, NULL, p, err);
	if (again)
		again->type->close(again);
	return status;
}

static spk_status scan_lead(struct spk_op *op, spk_error *err)
{
	struct spk_run_source *s = &op->pipeline->run->source[op->plan->source];
	struct spk_run_partition *p = &s->partition[op->pipeline->partition];
	bool nothing;

	ask_joins((struct scan *)op, &nothing);
	if (nothing)
		return SPK_OK;
	if (s->source->type->next)
		return scan_batches(op, s->source, err);
	if (op->done)
		return SPK_OK;
	if (!op->pipeline->run->streaming)
		return scan_from_start(op, s, p, err);
	for (int i = 0; i < p->chunks; i++)
		SPK_TRY(emit_chunk(op, s->source, &p->chunk[i], p, err));
	return SPK_OK;
}

const struct spk_op_type spk_op_scan = { .name = "scan", .size = sizeof(struct scan), .open = scan_open, .lead = scan_lead, .close = scan_close };
