/*
 * Runtime filters: what the build side of a hash join tells the scan that its probe rows come from. All leaves that meet in a join are driven
 * by one task, build sides first (leaf_groups.c), so that the build side's keys are known before the first row of the probe side is read.
 *
 *   which joins   hash joins that drop probe rows without a match
 *   which scans   of the join's own stage; between them only operators that hand a row on or drop it, whatever the other rows are, and joins
 *                 that such a scan is the probe side of. Behind an exchange there is none: its producers may run before the build side does.
 *                 But one that may be left out is passed: the scan finds out whether the join is in its task
 *   when          the join is expected to drop a good part of the probe rows. At run time a filter that drops few is given up
 *
 * Apart from keys, a scan is told by every such join above it when there is nothing to meet, and reads nothing then.
 */
#include "planner/physical/build.h"

#include "core/base/check.h"

/* A filter is made when no larger part of the probe rows is expected to come through. */
static const double PASSES_AT_MOST = 0.7;

/* A key on its way from a join to the scans below it. expr: over the node at hand; NULL: only emptiness. */
struct descent { struct spk_build *b; struct spk_physical *join; int key; };

static bool is_input(const struct spk_physical *from, const struct spk_physical *to, int input)
{
	for (int i = 0; i < from->outputs; i++)
		if (from->output[i].node == to && from->output[i].input == input)
			return true;
	return false;
}

/* Whether probe rows without a match are of no use to the join. */
static bool drops_probe(const struct spk_physical *n)
{
	switch (n->join) {
	case SPK_JOIN_INNER:
	case SPK_JOIN_SEMI: return true;
	case SPK_JOIN_LEFT:
	case SPK_JOIN_ANTI: return n->build_left;
	case SPK_JOIN_RIGHT: return !n->build_left;
	case SPK_JOIN_FULL:
	case SPK_JOIN_MARK:
	case SPK_JOIN_SINGLE:
	case SPK_JOIN_ASOF:
	case SPK_JOIN_ASOF_LEFT:
	case SPK_JOIN_LOOKUP:
	case SPK_JOIN_LOOKUP_LEFT: break;
	}
	return false;
}

/* Whether what comes out for a probe row depends on that row and the build side alone. */
static bool row_by_row(const struct spk_physical *n)
{
	switch (n->join) {
	case SPK_JOIN_INNER: return true;
	case SPK_JOIN_LEFT:
	case SPK_JOIN_SEMI:
	case SPK_JOIN_ANTI: return !n->build_left;
	case SPK_JOIN_RIGHT: return n->build_left;
	case SPK_JOIN_FULL:
	case SPK_JOIN_MARK:
	case SPK_JOIN_SINGLE:
	case SPK_JOIN_ASOF:
	case SPK_JOIN_ASOF_LEFT:
	case SPK_JOIN_LOOKUP:
	case SPK_JOIN_LOOKUP_LEFT: break;
	}
	return false;
}

/* --- expressions on their way down --- */

struct columns { int first, count; bool all; };

static void look_at_column(int column, void *user)
{
	struct columns *c = user;

	c->all = c->all && column >= c->first && column < c->first + c->count;
}

/* Over the probe side of the join `n`, when it needs no other columns; *out NULL: it does. */
static spk_status through_join(struct spk_build *b, const struct spk_physical *n, const struct spk_expr *e, struct spk_expr **out, spk_error *err)
{
	bool both = n->join != SPK_JOIN_SEMI && n->join != SPK_JOIN_ANTI;
	const struct spk_schema *probe = n->build_left ? n->right : n->left;
	struct columns c = { both && n->build_left ? n->left->count : 0, probe->count, true };
	struct spk_expr **by = SPK_NEW_ARRAY(b->arena, struct spk_expr *, c.first + c.count + 1);

	*out = NULL;
	SPK_TRY_PTR(by, err);
	if (!row_by_row(n))
		return SPK_OK;
	spk_expr_columns(e, look_at_column, &c);
	if (!c.all)
		return SPK_OK;
	for (int i = 0; i < c.count; i++) {
		by[c.first + i] = spk_expr_column(b->arena, i, &probe->field[i]);
		SPK_TRY_PTR(by[c.first + i], err);
	}
	*out = spk_expr_substitute(b->arena, e, by);
	SPK_TRY_PTR(*out, err);
	return SPK_OK;
}

/* The expression over the inputs of `n`; *out NULL: there is none. */
static spk_status through(struct spk_build *b, const struct spk_physical *n, struct spk_expr *e, struct spk_expr **out, spk_error *err)
{
	*out = NULL;
	switch (n->kind) {
	case SPK_PHYSICAL_FILTER:
		*out = e;
		return SPK_OK;
	case SPK_PHYSICAL_PROJECT:
		*out = spk_expr_substitute(b->arena, e, n->expr);
		SPK_TRY_PTR(*out, err);
		if (spk_expr_can_fail(*out) || !spk_expr_deterministic(*out))
			*out = NULL;
		return SPK_OK;
	case SPK_PHYSICAL_HASH_JOIN:
		return through_join(b, n, e, out, err);
	default:
		return SPK_OK;
	}
}

/* --- from a join down to scans --- */

static spk_status add_filter(const struct descent *d, struct spk_physical *scan, struct spk_expr *e, spk_error *err)
{
	struct spk_runtime_filter *grown = SPK_NEW_ARRAY(d->b->arena, struct spk_runtime_filter, scan->runtime_filters + 1);

	SPK_TRY_PTR(grown, err);
	if (scan->runtime_filters)
		memcpy(grown, scan->runtime_filter, sizeof(*grown) * (size_t)scan->runtime_filters);
	grown[scan->runtime_filters++] = (struct spk_runtime_filter){ d->join, d->key, e };
	scan->runtime_filter = grown;
	if (!e)
		return SPK_OK;
	if (!d->join->filters)
		d->join->filters = SPK_NEW_ARRAY(d->b->arena, bool, d->join->join_keys);
	SPK_TRY_PTR(d->join->filters, err);
	d->join->filters[d->key] = true;
	return SPK_OK;
}

/* `n` and what is below it, as long as nobody else needs their rows. */
static spk_status descend(const struct descent *d, struct spk_physical *n, struct spk_expr *e, int stage, spk_error *err)
{
	bool join = n->kind == SPK_PHYSICAL_HASH_JOIN;
	struct spk_expr *below = NULL;

	if (n->outputs != 1 || n->stage != stage)
		return SPK_OK;
	if (n->kind == SPK_PHYSICAL_READ && d->b->plan->exchange[n->exchange].left_out_bytes) {
		for (int i = 0; i < n->input[0]->inputs; i++)
			SPK_TRY(descend(d, n->input[0]->input[i], e, n->input[0]->stage, err));
		return SPK_OK;
	}
	if (n->kind == SPK_PHYSICAL_SCAN)
		return add_filter(d, n, e, err);
	if (e) {
		SPK_TRY(through(d->b, n, e, &below, err));
		if (!below)
			return SPK_OK;
	}
	for (int i = 0; i < n->inputs; i++)
		if (!join || is_input(n->input[i], n, 0))
			SPK_TRY(descend(d, n->input[i], below, stage, err));
	return SPK_OK;
}

static spk_status descend_from(struct spk_build *b, struct spk_physical *join, int key, struct spk_expr *e, spk_error *err)
{
	struct descent d = { b, join, key };

	for (int i = 0; i < join->inputs; i++)
		if (is_input(join->input[i], join, 0))
			SPK_TRY(descend(&d, join->input[i], e, join->stage, err));
	return SPK_OK;
}

/* --- which joins --- */

/* Whether a filter is expected to pay. */
static bool drops_enough(const struct spk_build *b, const struct spk_physical *n)
{
	const struct spk_logical *l = n->logical;
	double build = spk_build_rows(b, l->input[n->build_left ? 0 : 1]), probe = spk_build_rows(b, l->input[n->build_left ? 1 : 0]);

	/* Of joins that show build rows only, no estimate says how many probe rows meet them. */
	if ((n->join == SPK_JOIN_SEMI || n->join == SPK_JOIN_ANTI) && n->build_left)
		return build < probe;
	return build < probe && spk_build_rows(b, l) <= PASSES_AT_MOST * probe;
}

static spk_status add_join(struct spk_build *b, struct spk_physical *n, spk_error *err)
{
	if (n->kind != SPK_PHYSICAL_HASH_JOIN || !drops_probe(n))
		return SPK_OK;
	SPK_TRY(descend_from(b, n, -1, NULL, err));
	if (b->options->runtime_filters != SPK_RUNTIME_FILTERS_ALWAYS && !drops_enough(b, n))
		return SPK_OK;
	for (int k = 0; k < n->join_keys; k++)
		if (!n->null_safe[k] && !spk_expr_can_fail(n->probe_key[k]) && spk_expr_deterministic(n->probe_key[k]))
			SPK_TRY(descend_from(b, n, k, n->probe_key[k], err));
	return SPK_OK;
}

spk_status spk_build_runtime_filters(struct spk_build *b, spk_error *err)
{
	for (int i = 0; i < b->plan->nodes; i++)
		SPK_TRY(add_join(b, b->plan->node[i], err));
	return SPK_OK;
}
