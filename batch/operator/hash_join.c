/*
 * Hash join: keeps input 1 as a table by key, then looks up every row of input 0 in it.
 *
 *   input   1 (build): all rows, before the first row of 0 (probe)
 *   output  as the logical join has it (enum spk_join_type); pairs in the order of the probe's rows, then of the build's; build rows without
 *           a match come last
 *   state   the table: of this task, or shared by all tasks when the build side is broadcast
 *
 * A batch is looked up at once: keys, hashes, first rows of the chains. Where a probe row has one match at most and nothing else is to be
 * computed, the batch goes on as it is, with a selection, and the build side's columns beside it as dictionaries. Otherwise pairs are
 * collected to full batches, and the rest of the condition is computed over those.
 */
#include "batch/operator/join_build.h"
#include "batch/operator/join_pairs.h"

#include <stdlib.h>

struct hash_join {
	struct spk_op base;
	struct spk_arena *arena;         /* of what open makes */
	struct spk_arena *work;          /* of the batch at hand */
	struct spk_joiner j;
	struct spk_join_build build;
	const struct spk_join_table *table;  /* of build */
	uint32_t *lacking;               /* MARK: build rows without a key */
	uint32_t lacking_count;
	struct spk_vector *key;
	uint32_t head[SPK_BATCH_ROWS];   /* by position: first build row */
	struct spk_join_pairs pairs;
};

static spk_status hash_join_open(struct spk_op *op, spk_error *err)
{
	struct hash_join *h = (struct hash_join *)op;

	h->arena = spk_arena_new(op->pipeline->account);
	h->work = spk_arena_new(op->pipeline->account);
	SPK_TRY_PTR(h->arena && h->work, err);
	h->key = SPK_NEW_ARRAY(h->arena, struct spk_vector, op->plan->join_keys);
	SPK_TRY_PTR(h->key, err);
	h->build.j = h->pairs.j = &h->j;
	h->pairs.filter = op->plan->filter;
	return spk_joiner_init(&h->j, op, h->arena, err);
}

/* --- the build side --- */

static void drop_table(struct hash_join *h)
{
	if (h->lacking)
		spk_free(h->base.pipeline->account, h->lacking, h->table->rows * sizeof *h->lacking);
	h->lacking = NULL;
	h->lacking_count = 0;
	h->table = h->pairs.table = NULL;
	h->pairs.matched = NULL;
	spk_join_build_clear(&h->build);
}

/* Build rows that MARK must look at one by one: what they lack makes the condition NULL, not false. */
static spk_status list_lacking(struct hash_join *h, spk_error *err)
{
	const struct spk_join_table *t = h->table;

	if (!h->base.plan->unknown || !h->base.plan->filter || !t->rows)
		return SPK_OK;
	h->lacking = spk_malloc(h->base.pipeline->account, t->rows * sizeof *h->lacking);
	SPK_TRY_PTR(h->lacking, err);
	for (uint32_t i = 0; i < t->rows && t->any_null; i++) {
		bool lacks = false;

		for (int k = 0; k < t->keys; k++)
			lacks = lacks || (t->key[k].vector->valid && !spk_bit(t->key[k].vector->valid, (int)i));
		h->lacking[h->lacking_count] = i;
		h->lacking_count += lacks;
	}
	return SPK_OK;
}

static spk_status hash_join_end(struct spk_op *op, int input, spk_error *err)
{
	struct hash_join *h = (struct hash_join *)op;

	if (input != 1)
		return SPK_OK;
	SPK_TRY(spk_join_build_end(&h->build, err));
	h->table = h->pairs.table = h->build.table;
	h->pairs.matched = h->build.matched;
	return list_lacking(h, err);
}

/* --- one match at most --- */

/* Build row by probe row into index[], the rows that come out into sel[]. */
static int choose_rows(struct hash_join *h, const struct spk_batch *in, uint32_t *index, int32_t *sel)
{
	bool all = h->j.keeps_probe;
	uint32_t otherwise = all ? h->table->rows : 0;
	uint8_t *matched = h->pairs.matched;
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
	const struct spk_joiner *j = &h->j;
	uint32_t *index = spk_arena_alloc_vector(out->arena, sizeof *index * (size_t)in->rows);
	int32_t *sel = spk_arena_alloc(out->arena, sizeof *sel * (size_t)in->selected);

	SPK_TRY_PTR(index && sel, err);
	SPK_TRY(spk_arena_hold(out->arena, h->table->arena, err));
	out->selected = choose_rows(h, in, index, sel);
	if (out->selected < in->selected)
		out->sel = sel;
	memcpy(&out->column[j->probe_first], in->column, sizeof *in->column * (size_t)j->probe->count);
	for (int c = 0; c < j->build->count; c++)
		out->column[j->build_first + c] = (struct spk_vector){ .type = h->table->column[c].type, .layout = SPK_DICTIONARY, .index = index, .dictionary = &h->table->column[c] };
	return SPK_OK;
}

static spk_status probe_unique(struct hash_join *h, struct spk_batch *in, spk_error *err)
{
	struct spk_batch *out;
	spk_status status;

	SPK_TRY(spk_batch_derive(&out, in, h->base.plan->schema, err));
	status = fill_beside(h, in, out, err);
	if (status == SPK_OK)
		status = spk_op_emit(&h->base, out, err);
	spk_batch_unref(out);
	return status;
}

/* --- which rows have a match --- */

static void note_heads(struct hash_join *h, int n)
{
	for (int i = 0; i < n; i++)
		h->pairs.hit[i] = h->head[i] != SPK_NO_ROW;
}

/* A chain is marked whole or not at all: nothing but the key decides. */
static void mark_chains(struct hash_join *h, int n)
{
	const uint32_t *next = h->table->next;
	uint8_t *matched = h->pairs.matched;

	for (int i = 0; i < n; i++)
		for (uint32_t row = h->head[i]; row != SPK_NO_ROW && !matched[row]; row = next ? next[row] : SPK_NO_ROW)
			matched[row] = 1;
}

/* --- pairs --- */

/* All pairs that agree in the keys. Where a row need not be asked twice, it is not asked again once it was hit. */
static spk_status each_pair(struct hash_join *h, struct spk_batch *in, spk_error *err)
{
	const uint32_t *next = h->table->next;
	struct spk_join_pairs *p = &h->pairs;
	bool once = !h->j.shows_pairs && !h->j.build_left, whole = h->j.keeps_probe && !p->filter;

	SPK_EACH_ROW(in, i, row) {
		uint32_t found = h->head[i];

		if (found == SPK_NO_ROW && whole)
			SPK_TRY(spk_join_pairs_add(p, i, row, h->table->rows, err));
		for (; found != SPK_NO_ROW; found = next ? next[found] : SPK_NO_ROW) {
			if (once && p->hit[i])
				break;
			if (!h->j.shows_pairs && p->matched && p->matched[found])
				continue;
			SPK_TRY(spk_join_pairs_add(p, i, row, found, err));
		}
	}
	return spk_join_pairs_flush(&h->pairs, err);
}

/* --- MARK: where the answer is NULL --- */

static bool probe_lacks(const struct hash_join *h, int32_t row)
{
	for (int k = 0; k < h->base.plan->join_keys; k++)
		if (spk_vector_is_null(&h->key[k], row))
			return true;
	return false;
}

/* A single key and nothing else: NULL compares with everything, and everything with a NULL, as NULL. */
static void mark_unknown(struct hash_join *h, const struct spk_batch *in)
{
	SPK_EACH_ROW(in, i, row)
		h->pairs.unknown[i] = h->table->any_null || (h->table->rows && probe_lacks(h, row));
}

/* Rows that found nothing are compared with all build rows when they lack a key, else with those that lack one. */
static spk_status ask_unknown(struct hash_join *h, struct spk_batch *in, spk_error *err)
{
	struct spk_join_pairs *p = &h->pairs;

	SPK_EACH_ROW(in, i, row) {
		bool lacks = !p->hit[i] && !p->unknown[i] && probe_lacks(h, row);
		uint32_t rows = lacks ? h->table->rows : h->lacking_count;

		for (uint32_t k = 0; k < rows && !p->hit[i] && !p->unknown[i]; k++)
			SPK_TRY(spk_join_pairs_add(p, i, row, lacks ? k : h->lacking[k], err));
	}
	return spk_join_pairs_flush(&h->pairs, err);
}

static spk_status probe_mark(struct hash_join *h, struct spk_batch *in, spk_error *err)
{
	if (!h->base.plan->filter) {
		note_heads(h, in->selected);
		if (h->base.plan->unknown)
			mark_unknown(h, in);
	} else {
		SPK_TRY(each_pair(h, in, err));
		if (h->base.plan->unknown)
			SPK_TRY(ask_unknown(h, in, err));
	}
	return spk_join_pairs_emit_mark(&h->pairs, err);
}

/* --- probing --- */

static spk_status look_up(struct hash_join *h, struct spk_batch *in, spk_error *err)
{
	const struct spk_physical *plan = h->base.plan;
	struct spk_eval ev = spk_op_eval(&h->base, h->work, NULL);

	for (int k = 0; k < plan->join_keys; k++)
		SPK_TRY(spk_expr_eval(plan->probe_key[k], in, in->sel, in->selected, &ev, &h->key[k], err));
	spk_join_table_find(h->table, h->key, in->sel, in->selected, h->head);
	return SPK_OK;
}

static spk_status probe_pairs(struct hash_join *h, struct spk_batch *in, spk_error *err)
{
	SPK_TRY(each_pair(h, in, err));
	return h->j.keeps_probe && h->base.plan->filter ? spk_join_pairs_emit_probe(&h->pairs, false, err) : SPK_OK;
}

static spk_status probe_has(struct hash_join *h, struct spk_batch *in, spk_error *err)
{
	bool filters = h->base.plan->filter;

	if (h->j.build_left && !filters) {
		mark_chains(h, in->selected);
		return SPK_OK;
	}
	if (filters)
		SPK_TRY(each_pair(h, in, err));
	else
		note_heads(h, in->selected);
	return h->j.build_left ? SPK_OK : spk_join_pairs_emit_probe(&h->pairs, h->j.type == SPK_JOIN_SEMI, err);
}

static spk_status probe(struct hash_join *h, struct spk_batch *in, spk_error *err)
{
	bool nothing = h->j.type == SPK_JOIN_ANTI || h->j.type == SPK_JOIN_MARK || h->j.keeps_probe;

	if (!h->table->rows && !nothing)
		return SPK_OK;
	SPK_TRY(look_up(h, in, err));
	spk_join_pairs_begin(&h->pairs, in);
	if (h->j.type == SPK_JOIN_MARK)
		return probe_mark(h, in, err);
	if (!h->j.shows_pairs)
		return probe_has(h, in, err);
	return h->base.plan->filter || h->table->next ? probe_pairs(h, in, err) : probe_unique(h, in, err);
}

static spk_status hash_join_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err)
{
	struct hash_join *h = (struct hash_join *)op;

	if (input == 1)
		return spk_join_build_keep(&h->build, in, err);
	spk_arena_clear(h->work);
	return probe(h, in, err);
}

static spk_status hash_join_finish(struct spk_op *op, spk_error *err)
{
	struct hash_join *h = (struct hash_join *)op;

	if (h->pairs.matched)
		SPK_TRY(spk_joiner_emit_build(&h->j, h->table, h->pairs.matched, h->j.type == SPK_JOIN_SEMI, err));
	drop_table(h);
	return SPK_OK;
}

static spk_status hash_join_begin(struct spk_op *op, spk_error *err)
{
	struct hash_join *h = (struct hash_join *)op;

	(void)err;
	drop_table(h);
	return SPK_OK;
}

static void hash_join_close(struct spk_op *op)
{
	struct hash_join *h = (struct hash_join *)op;

	drop_table(h);
	spk_join_build_release(&h->build);
	spk_arena_unref(h->work);
	spk_arena_unref(h->arena);
}

const struct spk_op_type spk_op_hash_join = {
	.name = "hash join",
	.size = sizeof(struct hash_join),
	.open = hash_join_open,
	.begin = hash_join_begin,
	.push = hash_join_push,
	.finish = hash_join_finish,
	.end = hash_join_end,
	.close = hash_join_close,
};
