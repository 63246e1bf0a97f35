/* What hash and loop joins have in common. See join_core.h. */
#include "batch/operator/join_core.h"

static struct spk_join_core *core(struct spk_op *op) { return (struct spk_join_core *)op; }

spk_status spk_join_core_open(struct spk_join_core *c, const struct spk_join_kind *kind, spk_error *err)
{
	struct spk_op *op = &c->base;
	const struct spk_physical *plan = op->plan;

	c->kind = kind;
	spk_spill_share_init(&c->share, op);
	c->arena = spk_arena_new(op->pipeline->account);
	c->work = spk_arena_new(op->pipeline->account);
	SPK_TRY_PTR(c->arena && c->work, err);
	SPK_TRY(spk_joiner_init(&c->j, op, c->arena, err));
	c->pairs.j = &c->j;
	c->probe_schema = plan->input[0]->schema;
	c->collector = (struct spk_join_collector){ .j = &c->j, .share = &c->share, .schema = plan->input[plan->inputs - 1]->schema,
		.parts = plan->join_keys && !plan->unknown ? SPK_JOIN_PARTS : 1 };
	return SPK_OK;
}

/* --- the table at hand --- */

static void drop_matched(struct spk_join_core *c)
{
	if (c->matched)
		spk_free(c->base.pipeline->account, c->matched, c->table->rows);
	c->matched = c->pairs.matched = NULL;
}

spk_status spk_join_core_use(struct spk_join_core *c, const struct spk_join_table *t, spk_error *err)
{
	drop_matched(c);
	c->table = c->pairs.table = t;
	if (t && t->rows && (c->j.keeps_build || (c->j.build_left && !c->j.shows_pairs))) {
		c->matched = c->pairs.matched = spk_calloc(c->base.pipeline->account, t->rows);
		SPK_TRY_PTR(c->matched, err);
	}
	return c->kind->use ? c->kind->use(c, err) : SPK_OK;
}

spk_status spk_join_core_emit_build(struct spk_join_core *c, spk_error *err)
{
	return c->matched ? spk_joiner_emit_build(&c->j, c->table, c->matched, c->j.type == SPK_JOIN_SEMI, err) : SPK_OK;
}

/* --- probing --- */

spk_status spk_join_core_conclude(struct spk_join_core *c, spk_error *err)
{
	if (c->j.type == SPK_JOIN_MARK)
		return spk_join_pairs_emit_mark(&c->pairs, err);
	if (c->j.shows_pairs ? c->j.keeps_probe : !c->j.build_left)
		return spk_join_pairs_emit_probe(&c->pairs, c->j.type == SPK_JOIN_SEMI, err);
	return SPK_OK;
}

spk_status spk_join_core_probe(struct spk_join_core *c, struct spk_batch *in, spk_error *err)
{
	bool alone = c->j.type == SPK_JOIN_ANTI || c->j.type == SPK_JOIN_MARK || c->j.keeps_probe, done = false;

	if (!c->table->rows && !alone)
		return SPK_OK;
	spk_arena_clear(c->work);
	if (c->kind->short_cut)
		SPK_TRY(c->kind->short_cut(c, in, &done, err));
	if (done)
		return SPK_OK;
	spk_join_pairs_begin(&c->pairs, in);
	SPK_TRY(c->kind->match(c, in, err));
	return spk_join_core_conclude(c, err);
}

/* Rows whose partition is in the table are matched, the others wait for theirs. */
static spk_status probe_or_wait(struct spk_join_core *c, struct spk_batch *in, spk_error *err)
{
	const struct spk_join_side *side = c->side;
	struct spk_batch *now;
	uint64_t hash[SPK_BATCH_ROWS];
	int32_t row[SPK_BATCH_ROWS];
	int n = 0;
	spk_status status;

	if (c->waiting.count == 1)
		return spk_join_parts_put_all(&c->waiting, in, NULL, err);
	spk_arena_clear(c->work);
	SPK_TRY(spk_join_hash(&c->j, false, in, c->work, hash, err));
	for (int to = 0; to < c->waiting.count; to++) {
		n = 0;
		SPK_EACH_ROW(in, i, at) {
			row[n] = at;
			n += !side->resident[to] && spk_join_part_of(&c->waiting, hash[i]) == to;
		}
		SPK_TRY(spk_join_parts_put(&c->waiting, in, row, n, to, err));
	}
	n = 0;
	SPK_EACH_ROW(in, i, at) {
		row[n] = at;
		n += side->resident[spk_join_part_of(&c->waiting, hash[i])];
	}
	if (!n)
		return SPK_OK;
	SPK_TRY(spk_batch_derive(&now, in, in->schema, err));
	memcpy(now->column, in->column, sizeof *in->column * (size_t)in->columns);
	now->sel = spk_arena_copy(now->arena, row, sizeof *row * (size_t)n);
	now->selected = n;
	status = now->sel ? spk_join_core_probe(c, now, err) : spk_fail_memory(err);
	spk_batch_unref(now);
	return status;
}

/* --- the operator --- */

static void clear(struct spk_join_core *c)
{
	spk_join_collector_clear(&c->collector);
	spk_join_parts_release(&c->waiting);
	drop_matched(c);
	c->table = c->pairs.table = NULL;
	c->piecewise = false;
	if (c->kind && c->kind->use)
		(void)c->kind->use(c, NULL);
	spk_join_side_unref(c->side);
	c->side = NULL;
}

spk_status spk_join_core_begin(struct spk_op *op, spk_error *err)
{
	struct spk_join_core *c = core(op);

	clear(c);
	spk_join_collector_begin(&c->collector);
	return spk_spill_share_begin(&c->share, err);
}

spk_status spk_join_core_push(struct spk_op *op, int input, struct spk_batch *in, spk_error *err)
{
	struct spk_join_core *c = core(op);

	if (input == 1)
		return spk_join_collector_add(&c->collector, in, err);
	return c->side->spilled ? probe_or_wait(c, in, err) : spk_join_core_probe(c, in, err);
}

spk_status spk_join_core_end(struct spk_op *op, int input, spk_error *err)
{
	struct spk_join_core *c = core(op);

	if (input != 1)
		return SPK_OK;
	SPK_TRY(spk_join_collector_end(&c->collector, &c->side, err));
	if (c->side->spilled)
		spk_join_parts_init(&c->waiting, &c->share, c->probe_schema, c->side->parts.count, 0);
	return spk_join_core_use(c, c->side->table, err);
}

spk_status spk_join_core_finish(struct spk_op *op, spk_error *err)
{
	struct spk_join_core *c = core(op);

	SPK_TRY(spk_join_core_emit_build(c, err));
	SPK_TRY(spk_join_core_use(c, NULL, err));
	if (c->side->spilled)
		SPK_TRY(spk_join_external(c, err));
	clear(c);
	spk_spill_share_end(&c->share);
	return SPK_OK;
}

void spk_join_core_close(struct spk_op *op)
{
	struct spk_join_core *c = core(op);

	if (c->j.op)
		clear(c);
	spk_join_collector_release(&c->collector);
	spk_spill_share_release(&c->share);
	spk_arena_unref(c->work);
	spk_arena_unref(c->arena);
}

const struct spk_key_filter *spk_join_key_filter(const struct spk_op *join, int key)
{
	const struct spk_join_side *side = ((const struct spk_join_core *)join)->side;

	return side && side->filter ? side->filter[key] : NULL;
}

bool spk_join_is_empty(const struct spk_op *join)
{
	const struct spk_join_side *side = ((const struct spk_join_core *)join)->side;

	return side && !side->spilled && side->table->rows == 0;
}
