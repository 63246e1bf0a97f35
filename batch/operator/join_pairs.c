/* Pairs of a probe batch. See join_pairs.h. */
#include "batch/operator/join_pairs.h"

void spk_join_pairs_begin(struct spk_join_pairs *p, struct spk_batch *in)
{
	p->in = in;
	p->count = 0;
	memset(p->hit, 0, (size_t)in->selected);
	if (p->j->type == SPK_JOIN_MARK)
		memset(p->unknown, 0, (size_t)in->selected);
}

/* Which of the pairs meet the condition: at positions keep[0..*kept) of `batch`. */
static spk_status filter_pairs(struct spk_join_pairs *p, struct spk_batch *batch, int32_t *keep, int *kept, spk_error *err)
{
	struct spk_eval ev = spk_op_eval(p->j->op, batch->arena, NULL);
	struct spk_vector answer;
	struct spk_reader r;

	if (p->j->type != SPK_JOIN_MARK)
		return spk_expr_filter(p->filter, batch, NULL, p->count, &ev, keep, kept, err);
	SPK_TRY(spk_expr_eval(p->filter, batch, NULL, p->count, &ev, &answer, err));
	r = spk_vector_reader(&answer);
	*kept = 0;
	for (int i = 0; i < p->count; i++) {
		uint32_t slot = spk_reader_slot(&r, i);

		if (!spk_reader_valid(&r, slot)) {
			p->unknown[p->at[i]] = 1;
			continue;
		}
		keep[*kept] = i;
		*kept += ((const uint8_t *)r.data)[slot];
	}
	return SPK_OK;
}

static spk_status note_pairs(struct spk_join_pairs *p, const int32_t *keep, int kept, spk_error *err)
{
	for (int k = 0; k < kept; k++) {
		int i = keep ? keep[k] : k;

		if (p->j->type == SPK_JOIN_SINGLE && p->hit[p->at[i]])
			return spk_joiner_more_than_one(p->j, err);
		p->hit[p->at[i]] = 1;
		if (p->matched && p->build_row[i] < p->table->rows)
			p->matched[p->build_row[i]] = 1;
	}
	return SPK_OK;
}

spk_status spk_join_pairs_flush(struct spk_join_pairs *p, spk_error *err)
{
	bool shows = p->j->shows_pairs;
	struct spk_batch *batch = NULL;
	int32_t *keep = NULL;
	int kept = p->count;
	spk_status status = SPK_OK;

	if (!p->count)
		return SPK_OK;
	SPK_TRY(spk_op_check_cancelled(p->j->op, err));
	if (p->filter || shows)
		SPK_TRY(spk_joiner_pairs(p->j, p->in, p->probe_row, p->table, p->build_row, p->count, shows, &batch, err));
	if (p->filter) {
		keep = spk_arena_alloc(batch->arena, sizeof *keep * (size_t)p->count);
		status = keep ? filter_pairs(p, batch, keep, &kept, err) : spk_fail_memory(err);
	}
	if (status == SPK_OK)
		status = note_pairs(p, keep, kept, err);
	if (status == SPK_OK && shows) {
		batch->sel = kept < p->count ? keep : NULL;
		batch->selected = kept;
		status = spk_op_emit(p->j->op, batch, err);
	}
	spk_batch_unref(batch);
	p->count = 0;
	return status;
}

spk_status spk_join_pairs_emit_probe(const struct spk_join_pairs *p, bool hit, spk_error *err)
{
	int32_t sel[SPK_BATCH_ROWS];
	int n = 0;

	SPK_EACH_ROW(p->in, i, row) {
		sel[n] = row;
		n += p->hit[i] == hit;
	}
	return spk_joiner_emit_probe(p->j, p->in, sel, n, err);
}

static spk_status fill_mark(const struct spk_join_pairs *p, struct spk_vector *v, struct spk_arena *arena, spk_error *err)
{
	SPK_TRY(spk_vector_init(v, spk_type(SPK_TYPE_BOOLEAN), p->in->rows, arena, err));
	SPK_EACH_ROW(p->in, i, row) {
		spk_vector_bool(v)[row] = p->hit[i];
		if (p->hit[i] || !p->unknown[i])
			continue;
		SPK_TRY(spk_vector_need_valid(v, p->in->rows, arena, err));
		spk_bit_clear(v->valid, row);
	}
	return SPK_OK;
}

spk_status spk_join_pairs_emit_mark(const struct spk_join_pairs *p, spk_error *err)
{
	const struct spk_joiner *j = p->j;
	struct spk_batch *out;
	spk_status status;

	SPK_TRY(spk_batch_derive(&out, p->in, j->op->plan->schema, err));
	memcpy(out->column, p->in->column, sizeof *out->column * (size_t)j->probe->count);
	status = fill_mark(p, &out->column[j->probe->count], out->arena, err);
	if (status == SPK_OK)
		status = spk_op_emit(j->op, out, err);
	spk_batch_unref(out);
	return status;
}
