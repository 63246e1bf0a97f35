/*
 * Hash join: keeps input 1 as a table by key, then looks up every row of input 0 in it.
 *
 *   input   1 (build): all rows, before the first row of 0 (probe)
 *   output  as the logical join has it (enum spk_join_type); pairs in the order of the probe's rows, then of the build's; build rows without
 *           a match come last. What was spilled comes after what was not
 *   state   the table, and what is on disk (join_core.h): of this task, or shared by all tasks when the build side is broadcast
 *
 * A batch is looked up at once: keys, hashes, first rows of the chains. Where a probe row has one match at most and nothing else is to be
 * computed, the batch goes on as it is, with a selection, and the build side's columns beside it as dictionaries. Otherwise pairs are
 * collected to full batches, and the rest of the condition is computed over those.
 */
#include "batch/operator/join_core.h"

struct hash_join {
	struct spk_join_core core;
	uint32_t *lacking;               /* MARK: build rows of the table at hand without a key */
	uint32_t lacking_count, lacking_rows;
	struct spk_vector *key;
	uint32_t head[SPK_BATCH_ROWS];   /* by position in the selection: first build row */
};

static struct hash_join *self(struct spk_join_core *c) { return (struct hash_join *)c; }

/* --- the build side --- */

/* Build rows that MARK must look at one by one: what they lack makes the condition NULL, not false. */
static spk_status list_lacking(struct hash_join *h, const struct spk_join_table *t, spk_error *err)
{
	h->lacking = spk_malloc(h->core.base.pipeline->account, t->rows * sizeof *h->lacking);
	SPK_TRY_PTR(h->lacking, err);
	h->lacking_rows = t->rows;
	for (uint32_t i = 0; i < t->rows && t->any_null; i++) {
		bool lacks = false;

		for (int k = 0; k < t->keys; k++)
			lacks = lacks || (t->key[k].vector->valid && !spk_bit(t->key[k].vector->valid, (int)i));
		h->lacking[h->lacking_count] = i;
		h->lacking_count += lacks;
	}
	return SPK_OK;
}

static spk_status hash_join_use(struct spk_join_core *c, spk_error *err)
{
	const struct spk_physical *plan = c->base.plan;
	struct hash_join *h = self(c);

	if (h->lacking)
		spk_free(c->base.pipeline->account, h->lacking, h->lacking_rows * sizeof *h->lacking);
	h->lacking = NULL;
	h->lacking_count = 0;
	return c->table && c->table->rows && plan->unknown && plan->filter ? list_lacking(h, c->table, err) : SPK_OK;
}

/* --- one match at most --- */

/* Build row by probe row into index[], the rows that come out into sel[]. */
static int choose_rows(struct hash_join *h, const struct spk_batch *in, uint32_t *index, int32_t *sel)
{
	bool all = h->core.j.keeps_probe;
	uint32_t otherwise = all ? h->core.table->rows : 0;
	uint8_t *matched = h->core.pairs.matched;
	int n = 0;

	/* Every index must be in range, also those of rows that do not count. */
	if (in->sel)
		memset(index, 0, sizeof *index * (size_t)in->rows);
	SPK_EACH_ROW(in, i, row) {
		uint32_t found = h->head[i];
		bool none = found == SPK_NO_ROW;

		index[row] = none ? otherwise : found;
		sel[n] = row;
		n += all || !none;
		if (matched && !none)
			matched[found] = 1;
	}
	return n;
}

/* The batch as it is, with the build side's columns beside it. */
static spk_status fill_beside(struct hash_join *h, struct spk_batch *in, struct spk_batch *out, spk_error *err)
{
	const struct spk_joiner *j = &h->core.j;
	uint32_t *index = spk_arena_alloc_vector(out->arena, sizeof *index * (size_t)in->rows);
	int32_t *sel = spk_arena_alloc(out->arena, sizeof *sel * (size_t)in->selected);

	SPK_TRY_PTR(index && sel, err);
	SPK_TRY(spk_arena_hold(out->arena, h->core.table->arena, err));
	out->selected = choose_rows(h, in, index, sel);
	if (out->selected < in->selected)
		out->sel = sel;
	memcpy(&out->column[j->probe_first], in->column, sizeof *in->column * (size_t)j->probe->count);
	for (int c = 0; c < j->build->count; c++)
		out->column[j->build_first + c] = (struct spk_vector){ .type = h->core.table->column[c].type, .layout = SPK_DICTIONARY, .index = index, .dictionary = &h->core.table->column[c] };
	return SPK_OK;
}

static spk_status probe_unique(struct hash_join *h, struct spk_batch *in, spk_error *err)
{
	struct spk_batch *out;
	spk_status status;

	SPK_TRY(spk_batch_derive(&out, in, h->core.base.plan->schema, err));
	status = fill_beside(h, in, out, err);
	if (status == SPK_OK)
		status = spk_op_emit(&h->core.base, out, err);
	spk_batch_unref(out);
	return status;
}

/* --- which rows have a match --- */

static void note_heads(struct hash_join *h, int n)
{
	for (int i = 0; i < n; i++)
		h->core.pairs.hit[i] |= h->head[i] != SPK_NO_ROW;
}

/* A chain is marked whole or not at all: nothing but the key decides. */
static void mark_chains(struct hash_join *h, int n)
{
	const uint32_t *next = h->core.table->next;
	uint8_t *matched = h->core.pairs.matched;

	for (int i = 0; i < n; i++)
		for (uint32_t row = h->head[i]; row != SPK_NO_ROW && !matched[row]; row = next ? next[row] : SPK_NO_ROW)
			matched[row] = 1;
}

/* --- pairs --- */

/* All pairs that agree in the keys. Where a row need not be asked twice, it is not asked again once it was hit. */
static spk_status each_pair(struct hash_join *h, struct spk_batch *in, spk_error *err)
{
	const uint32_t *next = h->core.table->next;
	struct spk_join_pairs *p = &h->core.pairs;
	bool once = !h->core.j.shows_pairs && !h->core.j.build_left, whole = h->core.j.keeps_probe && !p->filter && !h->core.piecewise;

	SPK_EACH_ROW(in, i, row) {
		uint32_t found = h->head[i];

		if (found == SPK_NO_ROW && whole)
			SPK_TRY(spk_join_pairs_add(p, i, row, h->core.table->rows, err));
		for (; found != SPK_NO_ROW; found = next ? next[found] : SPK_NO_ROW) {
			if (once && p->hit[i])
				break;
			if (!h->core.j.shows_pairs && p->matched && p->matched[found])
				continue;
			SPK_TRY(spk_join_pairs_add(p, i, row, found, err));
		}
	}
	return spk_join_pairs_flush(&h->core.pairs, err);
}

/* --- MARK: where the answer is NULL --- */

static bool probe_lacks(const struct hash_join *h, int32_t row)
{
	for (int k = 0; k < h->core.base.plan->join_keys; k++)
		if (spk_vector_is_null(&h->key[k], row))
			return true;
	return false;
}

/* A single key and nothing else: NULL compares with everything, and everything with a NULL, as NULL. */
static void mark_unknown(struct hash_join *h, const struct spk_batch *in)
{
	SPK_EACH_ROW(in, i, row)
		h->core.pairs.unknown[i] |= h->core.table->any_null || (h->core.table->rows && probe_lacks(h, row));
}

/* Rows that found nothing are compared with all build rows when they lack a key, else with those that lack one. */
static spk_status ask_unknown(struct hash_join *h, struct spk_batch *in, spk_error *err)
{
	struct spk_join_pairs *p = &h->core.pairs;

	SPK_EACH_ROW(in, i, row) {
		bool lacks = !p->hit[i] && !p->unknown[i] && probe_lacks(h, row);
		uint32_t rows = lacks ? h->core.table->rows : h->lacking_count;

		for (uint32_t k = 0; k < rows && !p->hit[i] && !p->unknown[i]; k++)
			SPK_TRY(spk_join_pairs_add(p, i, row, lacks ? k : h->lacking[k], err));
	}
	return spk_join_pairs_flush(&h->core.pairs, err);
}

static spk_status match_mark(struct hash_join *h, struct spk_batch *in, spk_error *err)
{
	const struct spk_physical *plan = h->core.base.plan;

	if (plan->filter) {
		SPK_TRY(each_pair(h, in, err));
		return plan->unknown ? ask_unknown(h, in, err) : SPK_OK;
	}
	note_heads(h, in->selected);
	if (plan->unknown)
		mark_unknown(h, in);
	return SPK_OK;
}

/* --- the operator --- */

static spk_status look_up(struct hash_join *h, struct spk_batch *in, spk_error *err)
{
	const struct spk_physical *plan = h->core.base.plan;
	struct spk_eval ev = spk_op_eval(&h->core.base, h->core.work, NULL);

	for (int k = 0; k < plan->join_keys; k++)
		SPK_TRY(spk_expr_eval(plan->probe_key[k], in, in->sel, in->selected, &ev, &h->key[k], err));
	spk_join_table_find(h->core.table, h->key, in->sel, in->selected, h->head);
	return SPK_OK;
}

static spk_status hash_join_match(struct spk_join_core *c, struct spk_batch *in, spk_error *err)
{
	struct hash_join *h = self(c);

	SPK_TRY(look_up(h, in, err));
	if (c->j.type == SPK_JOIN_MARK)
		return match_mark(h, in, err);
	if (c->j.shows_pairs || c->base.plan->filter)
		return each_pair(h, in, err);
	if (c->j.build_left)
		mark_chains(h, in->selected);
	else
		note_heads(h, in->selected);
	return SPK_OK;
}

static spk_status hash_join_short_cut(struct spk_join_core *c, struct spk_batch *in, bool *done, spk_error *err)
{
	struct hash_join *h = self(c);

	*done = c->j.shows_pairs && !c->base.plan->filter && !c->table->next;
	if (!*done)
		return SPK_OK;
	SPK_TRY(look_up(h, in, err));
	return probe_unique(h, in, err);
}

static const struct spk_join_kind hash_join_kind = { .use = hash_join_use, .match = hash_join_match, .short_cut = hash_join_short_cut };

static spk_status hash_join_open(struct spk_op *op, spk_error *err)
{
	struct hash_join *h = (struct hash_join *)op;

	SPK_TRY(spk_join_core_open(&h->core, &hash_join_kind, err));
	h->core.pairs.filter = op->plan->filter;
	h->key = SPK_NEW_ARRAY(h->core.arena, struct spk_vector, op->plan->join_keys);
	return h->key ? SPK_OK : spk_fail_memory(err);
}

const struct spk_op_type spk_op_hash_join = {
	.name = "hash join",
	.size = sizeof(struct hash_join),
	.open = hash_join_open,
	.begin = spk_join_core_begin,
	.push = spk_join_core_push,
	.finish = spk_join_core_finish,
	.end = spk_join_core_end,
	.close = spk_join_core_close,
};
