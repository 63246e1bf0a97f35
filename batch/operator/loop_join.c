/*
 * Loop join: compares every row of input 0 with every row of input 1, which is kept.
 *
 *   input   1 (build): all rows, before the first row of 0 (probe)
 *   output  as the logical join has it (enum spk_join_type)
 *   state   the build side's rows: of this task, or shared by all tasks when it is broadcast
 *
 * The condition is computed for a whole column of pairs at once: one row of one side, as constants, with many of the other, as they lie. Which
 * side gives the one row is chosen so that there are few such columns. Pairs that meet it are collected to full batches.
 */
#include "batch/operator/join_build.h"
#include "batch/operator/join_pairs.h"

struct loop_join {
	struct spk_op base;
	struct spk_arena *arena;         /* of what open makes */
	struct spk_arena *work;          /* of the column of pairs at hand */
	struct spk_joiner j;
	struct spk_join_build build;
	struct spk_join_pairs pairs;
	struct spk_batch column;         /* of pairs: what the condition is computed over; not in an arena of its own */
	uint64_t null;                   /* the bitmap of a constant NULL */
	int32_t open[SPK_BATCH_ROWS];    /* probe rows that are still to be asked, by position */
	int opened;
	int32_t row[SPK_BATCH_ROWS], keep[SPK_BATCH_ROWS];
};

static spk_status loop_join_open(struct spk_op *op, spk_error *err)
{
	struct loop_join *l = (struct loop_join *)op;

	l->arena = spk_arena_new(op->pipeline->account);
	l->work = spk_arena_new(op->pipeline->account);
	SPK_TRY_PTR(l->arena && l->work, err);
	l->build.j = l->pairs.j = &l->j;
	SPK_TRY(spk_joiner_init(&l->j, op, l->arena, err));
	l->column = (struct spk_batch){ .arena = l->work, .account = op->pipeline->account, .schema = &l->j.pairs, .columns = l->j.pairs.count,
		.column = SPK_NEW_ARRAY(l->arena, struct spk_vector, l->j.pairs.count) };
	return l->column.column ? SPK_OK : spk_fail_memory(err);
}

static spk_status loop_join_end(struct spk_op *op, int input, spk_error *err)
{
	struct loop_join *l = (struct loop_join *)op;

	if (input != 1)
		return SPK_OK;
	SPK_TRY(spk_join_build_end(&l->build, err));
	l->pairs.table = l->build.table;
	l->pairs.matched = l->build.matched;
	return SPK_OK;
}

/* --- columns of pairs --- */

/* One value of a column for all pairs. Arrays and records have no constant form: all pairs point to the one row. */
static spk_status one_value(struct loop_join *l, const struct spk_vector *v, int row, int rows, struct spk_vector *out, spk_error *err)
{
	struct spk_reader r = spk_vector_reader(v);
	uint32_t slot = spk_reader_slot(&r, row), *index;

	if (v->type.id != SPK_TYPE_ARRAY && v->type.id != SPK_TYPE_ROW) {
		*out = (struct spk_vector){ .type = v->type, .layout = SPK_CONSTANT, .data = (char *)(uintptr_t)r.data + (size_t)slot * (size_t)spk_type_width(v->type) };
		if (!spk_reader_valid(&r, slot))
			out->valid = &l->null;
		return SPK_OK;
	}
	*out = *v;
	if (v->layout == SPK_CONSTANT)
		return SPK_OK;
	index = spk_arena_alloc_vector(l->work, sizeof *index * (size_t)rows);
	SPK_TRY_PTR(index, err);
	for (int i = 0; i < rows; i++)
		index[i] = slot;
	*out = (struct spk_vector){ .type = v->type, .layout = SPK_DICTIONARY, .index = index, .dictionary = v->layout == SPK_DICTIONARY ? v->dictionary : v };
	return SPK_OK;
}

/* One side's columns as one row of it; only those that the condition looks at. */
static spk_status fix_side(struct loop_join *l, const struct spk_vector *column, int count, int first, int row, int rows, spk_error *err)
{
	l->column.rows = l->column.selected = rows;
	for (int c = 0; c < count; c++)
		if (l->j.looked_at[first + c])
			SPK_TRY(one_value(l, &column[c], row, rows, &l->column.column[first + c], err));
	return SPK_OK;
}

/* Rows [from, from + SPK_BATCH_ROWS) of the build side as they lie. Arrays and records are not cut: all pairs say where their row is. */
static spk_status show_build(struct loop_join *l, uint32_t from, int rows, spk_error *err)
{
	const struct spk_join_table *t = l->build.table;

	for (int c = 0; c < t->columns; c++) {
		const struct spk_vector *v = &t->column[c];
		struct spk_vector *out = &l->column.column[l->j.build_first + c];
		uint32_t *index;

		if (!l->j.looked_at[l->j.build_first + c])
			continue;
		*out = *v;
		if (v->type.id != SPK_TYPE_ARRAY && v->type.id != SPK_TYPE_ROW) {
			out->data = (char *)v->data + (size_t)from * (size_t)spk_type_width(v->type);
			out->valid = v->valid ? v->valid + from / 64 : NULL;
			continue;
		}
		index = spk_arena_alloc_vector(l->work, sizeof *index * (size_t)rows);
		SPK_TRY_PTR(index, err);
		for (int i = 0; i < rows; i++)
			index[i] = from + (uint32_t)i;
		*out = (struct spk_vector){ .type = v->type, .layout = SPK_DICTIONARY, .index = index, .dictionary = v };
	}
	return SPK_OK;
}

/*
 * Which of the pairs row[0..n) (of the column; NULL: all) meet the condition: keep[0..*kept), by row of the column. Those whose condition is NULL
 * are noted for MARK: at position at[i], or `only` when that is NULL.
 */
static spk_status ask(struct loop_join *l, const int32_t *row, int n, const int32_t *at, int only, int *kept, spk_error *err)
{
	const struct spk_expr *filter = l->base.plan->filter;
	struct spk_eval ev = spk_op_eval(&l->base, l->work, NULL);
	struct spk_vector answer;
	struct spk_reader r;

	if (filter && l->j.type != SPK_JOIN_MARK)
		return spk_expr_filter(filter, &l->column, row, n, &ev, l->keep, kept, err);
	*kept = 0;
	if (filter)
		SPK_TRY(spk_expr_eval(filter, &l->column, row, n, &ev, &answer, err));
	r = filter ? spk_vector_reader(&answer) : (struct spk_reader){ 0 };
	for (int i = 0; i < n; i++) {
		int32_t k = row ? row[i] : i;
		uint32_t slot = spk_reader_slot(&r, k);

		if (spk_reader_valid(&r, slot)) {
			l->keep[*kept] = k;
			*kept += filter ? ((const uint8_t *)r.data)[slot] : 1;
		} else {
			l->pairs.unknown[at ? at[i] : only] = 1;
		}
	}
	return SPK_OK;
}

/* --- the loops --- */

static spk_status take(struct loop_join *l, int at, int32_t probe_row, uint32_t build_row, spk_error *err)
{
	if (l->j.shows_pairs)
		return spk_join_pairs_add(&l->pairs, at, probe_row, build_row, err);
	l->pairs.hit[at] = 1;
	return SPK_OK;
}

/* The probe's rows that are to be asked: where one match is enough, those without one. */
static void narrow(struct loop_join *l)
{
	int n = 0;

	for (int i = 0; i < l->opened && !l->j.shows_pairs; i++) {
		l->open[n] = l->open[i];
		l->row[n] = l->row[i];
		n += !l->pairs.hit[l->open[i]];
	}
	if (!l->j.shows_pairs)
		l->opened = n;
}

/* One build row after the other, each with all rows of the batch. */
static spk_status each_build_row(struct loop_join *l, struct spk_batch *in, spk_error *err)
{
	const struct spk_join_table *t = l->build.table;

	for (int c = 0; c < l->j.probe->count; c++)
		l->column.column[l->j.probe_first + c] = in->column[c];
	for (uint32_t b = 0; b < t->rows && l->opened; b++) {
		int kept, i = 0;

		spk_arena_clear(l->work);
		SPK_TRY(fix_side(l, t->column, t->columns, l->j.build_first, (int)b, in->rows, err));
		SPK_TRY(ask(l, l->row, l->opened, l->open, 0, &kept, err));
		for (int k = 0; k < kept; k++) {
			while (l->row[i] != l->keep[k])
				i++;
			SPK_TRY(take(l, l->open[i], l->row[i], b, err));
		}
		if (kept)
			narrow(l);
	}
	return SPK_OK;
}

/* One row of the batch after the other, each with all build rows. */
static spk_status each_probe_row(struct loop_join *l, struct spk_batch *in, spk_error *err)
{
	const struct spk_join_table *t = l->build.table;

	SPK_EACH_ROW(in, i, row) {
		for (uint32_t from = 0; from < t->rows; from += SPK_BATCH_ROWS) {
			int n = (int)SPK_MIN(t->rows - from, (uint32_t)SPK_BATCH_ROWS), kept;

			if (!l->j.shows_pairs && l->pairs.hit[i])
				break;
			spk_arena_clear(l->work);
			SPK_TRY(fix_side(l, in->column, l->j.probe->count, l->j.probe_first, row, n, err));
			SPK_TRY(show_build(l, from, n, err));
			SPK_TRY(ask(l, NULL, n, NULL, i, &kept, err));
			for (int k = 0; k < kept; k++)
				SPK_TRY(take(l, i, row, from + (uint32_t)l->keep[k], err));
		}
	}
	return SPK_OK;
}

/* A single build row and no condition (a scalar subquery, mostly): the batch with constants beside it. */
static spk_status emit_beside_one(struct loop_join *l, struct spk_batch *in, spk_error *err)
{
	const struct spk_join_table *t = l->build.table;
	struct spk_batch *out;
	spk_status status;

	SPK_TRY(spk_batch_derive(&out, in, l->base.plan->schema, err));
	memcpy(&out->column[l->j.probe_first], in->column, sizeof *in->column * (size_t)l->j.probe->count);
	for (int c = 0; c < t->columns; c++) {
		out->column[l->j.build_first + c] = t->column[c];
		out->column[l->j.build_first + c].layout = SPK_CONSTANT;
	}
	status = spk_arena_hold(out->arena, t->arena, err);
	if (l->pairs.matched)
		l->pairs.matched[0] = 1;
	if (status == SPK_OK)
		status = spk_op_emit(&l->base, out, err);
	spk_batch_unref(out);
	return status;
}

static bool is_nested(const struct spk_join_table *t)
{
	for (int c = 0; c < t->columns; c++)
		if (t->column[c].type.id == SPK_TYPE_ARRAY || t->column[c].type.id == SPK_TYPE_ROW)
			return true;
	return false;
}

static spk_status loop(struct loop_join *l, struct spk_batch *in, spk_error *err)
{
	uint64_t rows = l->build.table->rows, passes = (uint64_t)in->selected * ((rows + SPK_BATCH_ROWS - 1) / SPK_BATCH_ROWS);

	SPK_EACH_ROW(in, i, row) {
		l->open[i] = i;
		l->row[i] = row;
	}
	l->opened = in->selected;
	SPK_TRY(rows <= passes ? each_build_row(l, in, err) : each_probe_row(l, in, err));
	return spk_join_pairs_flush(&l->pairs, err);
}

static spk_status loop_join_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err)
{
	struct loop_join *l = (struct loop_join *)op;

	if (input == 1)
		return spk_join_build_keep(&l->build, in, err);
	if (l->build.table->rows == 1 && !op->plan->filter && l->j.shows_pairs && !is_nested(l->build.table))
		return emit_beside_one(l, in, err);
	spk_join_pairs_begin(&l->pairs, in);
	SPK_TRY(loop(l, in, err));
	if (l->j.type == SPK_JOIN_MARK)
		return spk_join_pairs_emit_mark(&l->pairs, err);
	if (l->j.shows_pairs && !l->j.keeps_probe)
		return SPK_OK;
	return spk_join_pairs_emit_probe(&l->pairs, l->j.type == SPK_JOIN_SEMI, err);
}

static spk_status loop_join_finish(struct spk_op *op, spk_error *err)
{
	struct loop_join *l = (struct loop_join *)op;

	if (l->build.matched)
		SPK_TRY(spk_joiner_emit_build(&l->j, l->build.table, l->build.matched, 0, err));
	spk_join_build_clear(&l->build);
	return SPK_OK;
}

static spk_status loop_join_begin(struct spk_op *op, spk_error *err)
{
	(void)err;
	spk_join_build_clear(&((struct loop_join *)op)->build);
	return SPK_OK;
}

static void loop_join_close(struct spk_op *op)
{
	struct loop_join *l = (struct loop_join *)op;

	spk_join_build_release(&l->build);
	spk_arena_unref(l->work);
	spk_arena_unref(l->arena);
}

const struct spk_op_type spk_op_loop_join = {
	.name = "loop join",
	.size = sizeof(struct loop_join),
	.open = loop_join_open,
	.begin = loop_join_begin,
	.push = loop_join_push,
	.finish = loop_join_finish,
	.end = loop_join_end,
	.close = loop_join_close,
};
