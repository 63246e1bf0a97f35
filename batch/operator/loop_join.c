/*
 * Loop join: compares every row of input 0 with every row of input 1, which is kept.
 *
 *   input   1 (build): all rows, before the first row of 0 (probe)
 *   output  as the logical join has it (enum spk_join_type)
 *   state   the build side's rows, in memory or on disk (join_core.h): of this task, or shared by all tasks when it is broadcast
 *
 * The condition is computed for a whole column of pairs at once: one row of one side, as constants, with many of the other, as they lie. Which
 * side gives the one row is chosen so that there are few such columns. Pairs that meet it are collected to full batches.
 */
#include "batch/operator/join_core.h"

struct loop_join {
	struct spk_join_core core;
	struct spk_batch column;         /* of pairs: what the condition is computed over; not in an arena of its own */
	uint64_t null;                   /* the bitmap of a constant NULL */
	int32_t open[SPK_BATCH_ROWS];    /* probe rows that are still to be asked, by position */
	int opened;
	int32_t row[SPK_BATCH_ROWS], keep[SPK_BATCH_ROWS];
};

static struct loop_join *self(struct spk_join_core *c) { return (struct loop_join *)c; }

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
	index = spk_arena_alloc_vector(l->core.work, sizeof *index * (size_t)rows);
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
		if (l->core.j.looked_at[first + c])
			SPK_TRY(one_value(l, &column[c], row, rows, &l->column.column[first + c], err));
	return SPK_OK;
}

/* Rows [from, from + SPK_BATCH_ROWS) of the build side as they lie. Arrays and records are not cut: all pairs say where their row is. */
static spk_status show_build(struct loop_join *l, uint32_t from, int rows, spk_error *err)
{
	const struct spk_join_table *t = l->core.table;

	for (int c = 0; c < t->columns; c++) {
		const struct spk_vector *v = &t->column[c];
		struct spk_vector *out = &l->column.column[l->core.j.build_first + c];
		uint32_t *index;

		if (!l->core.j.looked_at[l->core.j.build_first + c])
			continue;
		*out = *v;
		if (v->type.id != SPK_TYPE_ARRAY && v->type.id != SPK_TYPE_ROW) {
			out->data = (char *)v->data + (size_t)from * (size_t)spk_type_width(v->type);
			out->valid = v->valid ? v->valid + from / 64 : NULL;
			continue;
		}
		index = spk_arena_alloc_vector(l->core.work, sizeof *index * (size_t)rows);
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
	const struct spk_expr *filter = l->core.base.plan->filter;
	struct spk_eval ev = spk_op_eval(&l->core.base, l->core.work, NULL);
	struct spk_vector answer;
	struct spk_reader r;

	if (filter && l->core.j.type != SPK_JOIN_MARK)
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
			l->core.pairs.unknown[at ? at[i] : only] = 1;
		}
	}
	return SPK_OK;
}

/* --- the loops --- */

static spk_status take(struct loop_join *l, int at, int32_t probe_row, uint32_t build_row, spk_error *err)
{
	if (l->core.j.shows_pairs)
		return spk_join_pairs_add(&l->core.pairs, at, probe_row, build_row, err);
	l->core.pairs.hit[at] = 1;
	return SPK_OK;
}

/* The probe's rows that are to be asked: where one match is enough, those without one. */
static void narrow(struct loop_join *l)
{
	int n = 0;

	for (int i = 0; i < l->opened && !l->core.j.shows_pairs; i++) {
		l->open[n] = l->open[i];
		l->row[n] = l->row[i];
		n += !l->core.pairs.hit[l->open[i]];
	}
	if (!l->core.j.shows_pairs)
		l->opened = n;
}

/* One build row after the other, each with all rows of the batch. */
static spk_status each_build_row(struct loop_join *l, struct spk_batch *in, spk_error *err)
{
	const struct spk_join_table *t = l->core.table;

	for (int c = 0; c < l->core.j.probe->count; c++)
		l->column.column[l->core.j.probe_first + c] = in->column[c];
	for (uint32_t b = 0; b < t->rows && l->opened; b++) {
		int kept, i = 0;

		SPK_TRY(spk_op_check_cancelled(&l->core.base, err));
		spk_arena_clear(l->core.work);
		SPK_TRY(fix_side(l, t->column, t->columns, l->core.j.build_first, (int)b, in->rows, err));
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
	const struct spk_join_table *t = l->core.table;

	SPK_EACH_ROW(in, i, row) {
		for (uint32_t from = 0; from < t->rows; from += SPK_BATCH_ROWS) {
			int n = (int)SPK_MIN(t->rows - from, (uint32_t)SPK_BATCH_ROWS), kept;

			if (!l->core.j.shows_pairs && l->core.pairs.hit[i])
				break;
			SPK_TRY(spk_op_check_cancelled(&l->core.base, err));
			spk_arena_clear(l->core.work);
			SPK_TRY(fix_side(l, in->column, l->core.j.probe->count, l->core.j.probe_first, row, n, err));
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
	const struct spk_join_table *t = l->core.table;
	struct spk_batch *out;
	spk_status status;

	SPK_TRY(spk_batch_derive(&out, in, l->core.base.plan->schema, err));
	memcpy(&out->column[l->core.j.probe_first], in->column, sizeof *in->column * (size_t)l->core.j.probe->count);
	for (int c = 0; c < t->columns; c++) {
		out->column[l->core.j.build_first + c] = t->column[c];
		out->column[l->core.j.build_first + c].layout = SPK_CONSTANT;
	}
	status = spk_arena_hold(out->arena, t->arena, err);
	if (l->core.pairs.matched)
		l->core.pairs.matched[0] = 1;
	if (status == SPK_OK)
		status = spk_op_emit(&l->core.base, out, err);
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

/* --- the operator --- */

static spk_status loop_join_match(struct spk_join_core *c, struct spk_batch *in, spk_error *err)
{
	struct loop_join *l = self(c);
	uint64_t rows = c->table->rows, passes = (uint64_t)in->selected * ((rows + SPK_BATCH_ROWS - 1) / SPK_BATCH_ROWS);

	l->opened = 0;
	SPK_EACH_ROW(in, i, row) {
		if (!c->j.shows_pairs && c->pairs.hit[i])
			continue;
		l->open[l->opened] = i;
		l->row[l->opened++] = row;
	}
	SPK_TRY(rows <= passes ? each_build_row(l, in, err) : each_probe_row(l, in, err));
	return spk_join_pairs_flush(&c->pairs, err);
}

static spk_status loop_join_short_cut(struct spk_join_core *c, struct spk_batch *in, bool *done, spk_error *err)
{
	*done = c->table->rows == 1 && !c->base.plan->filter && c->j.shows_pairs && !is_nested(c->table);
	return *done ? emit_beside_one(self(c), in, err) : SPK_OK;
}

static const struct spk_join_kind loop_join_kind = { .match = loop_join_match, .short_cut = loop_join_short_cut };

static spk_status loop_join_open(struct spk_op *op, spk_error *err)
{
	struct loop_join *l = (struct loop_join *)op;

	SPK_TRY(spk_join_core_open(&l->core, &loop_join_kind, err));
	l->column = (struct spk_batch){ .arena = l->core.work, .account = op->pipeline->account, .schema = &l->core.j.pairs, .columns = l->core.j.pairs.count,
		.column = SPK_NEW_ARRAY(l->core.arena, struct spk_vector, l->core.j.pairs.count) };
	return l->column.column ? SPK_OK : spk_fail_memory(err);
}

const struct spk_op_type spk_op_loop_join = {
	.name = "loop join",
	.size = sizeof(struct loop_join),
	.open = loop_join_open,
	.begin = spk_join_core_begin,
	.push = spk_join_core_push,
	.finish = spk_join_core_finish,
	.end = spk_join_core_end,
	.close = spk_join_core_close,
};
