/*
 * Joins: which side is kept (built), how rows that meet come to one task, and which operator does it.
 *
 *   broadcast hash   every task gets all of the build side, and all tasks share one table over it; the probe side stays where it is. Not for
 *                    a build side whose rows without a match come out: no task alone knows which these are
 *   shuffle hash     both sides are exchanged by the hash of the keys, unless their rows are together already
 *   merge            the same exchange; both sides are sorted by the keys (by hint)
 *   loop             no keys: every pair; what is kept is broadcast, or all goes to one task for a FULL join
 *   stream           in a stream both sides are kept by key, each task those of its share of the keys; without keys one task has all. Not for good where
 *                    the condition bounds time (interval, window); where every epoch's changes of windows are wanted (emit = 'on-update'), by window
 *
 * Costs are rules of thumb over estimate.c; what hints ask for is done where the kind of join allows it. Without a hint the first two are one plan with
 * both exchanges, if what follows allows it (adaptive.c): which of them it is shows when the build side's size is known.
 */
#include "planner/physical/build.h"

#include "core/base/check.h"
#include "core/base/memory.h"

/* A side that was expected to be small is kept whole up to so many times the size at which it would not have been chosen. */
enum { BROADCAST_SLACK = 2 };

enum strategy { BROADCAST_HASH, SHUFFLE_HASH, MERGE, LOOP, STREAM, INTERVAL, WINDOW, ASOF, STREAM_ASOF, LOOKUP };

/* A build side up to this is kept whole rather than exchanged, if that is cheaper: it is there once in the process. Not more than this part of
 * the memory limit: beyond it every task would have to read from disk what all of them keep. */
static const double BROADCAST_BYTES = 64 << 20, BROADCAST_PART = 1.0 / 8;
/* What it costs to handle a row, about, probing a table being 1. */
static const double BUILD_COST = 4, EXCHANGE_COST = 2;

struct join_plan {
	struct spk_build *b;
	const struct spk_logical *l;
	struct spk_join_condition c;
	struct spk_ports side[2];        /* left, right */
	struct spk_expr **key[2];
	struct spk_expr *filter;         /* beside the keys */
	bool unknown;
	struct spk_join_time time;       /* in a stream */
	struct spk_asof asof;
	double rows[2], bytes[2];
	enum strategy strategy;
	bool build_left;
};

/* --- what the kind of join allows --- */

bool spk_join_may_share(enum spk_join_type join, int side)
{
	switch (join) {
	case SPK_JOIN_INNER: return true;
	case SPK_JOIN_RIGHT: return side == 0;
	case SPK_JOIN_FULL: return false;
	case SPK_JOIN_LEFT:
	case SPK_JOIN_SEMI:
	case SPK_JOIN_ANTI:
	case SPK_JOIN_MARK:
	case SPK_JOIN_SINGLE:
	case SPK_JOIN_ASOF:
	case SPK_JOIN_ASOF_LEFT:
	case SPK_JOIN_LOOKUP:
	case SPK_JOIN_LOOKUP_LEFT: break;
	}
	return side == 1;
}

static bool may_build_left(const struct spk_logical *l)
{
	return l->join != SPK_JOIN_MARK && l->join != SPK_JOIN_SINGLE;
}

/* --- the condition --- */

/*
 * MARK's answer is NULL where no pair is true but some is NULL, so a key that gives NULL cannot just be looked up. Where other keys give true
 * or false alone they are enough to find the pairs worth computing, and the rest of the condition is computed for these.
 */
static void settle_mark(struct join_plan *j)
{
	struct spk_join_condition *c = &j->c;
	int sure = 0;

	for (int k = 0; k < c->keys; k++)
		sure += c->two_valued[k];
	if (sure == c->keys)
		return;
	j->filter = c->keys == 1 && !c->rest ? NULL : j->l->filter;
	j->unknown = sure == 0;
	if (sure == 0)
		return;
	sure = 0;
	for (int k = 0; k < c->keys; k++) {
		if (!c->two_valued[k])
			continue;
		c->left[sure] = c->left[k];
		c->right[sure] = c->right[k];
		c->null_safe[sure] = c->null_safe[k];
		c->two_valued[sure++] = true;
	}
	c->keys = sure;
}

/* --- choosing --- */

static double broadcast_cost(const struct join_plan *j, int build)
{
	return BUILD_COST * j->rows[build] + j->rows[!build];
}

static double shuffle_cost(const struct join_plan *j, int build)
{
	return broadcast_cost(j, build) + EXCHANGE_COST * (j->rows[0] + j->rows[1]);
}

/* The side to build where both would do: the cheaper one. */
static int cheaper_side(const struct join_plan *j, bool left, bool right)
{
	if (left && right)
		return broadcast_cost(j, 0) < broadcast_cost(j, 1) ? 0 : 1;
	return left ? 0 : 1;
}

/* What a side may have at the most that every task reads whole. */
static double broadcast_most(const struct spk_build *b)
{
	double most = b->options->broadcast_bytes ? (double)b->options->broadcast_bytes : BROADCAST_BYTES;

	return SPK_MIN(most, BROADCAST_PART * (double)spk_memory_limit());
}

/* The side to broadcast, -1: none may be. */
static int broadcast_side(const struct join_plan *j, bool any_size)
{
	double most = broadcast_most(j->b);
	bool may[2];

	for (int s = 0; s < 2; s++)
		may[s] = spk_join_may_share(j->l->join, s) && (any_size || j->bytes[s] <= most);
	return may[0] || may[1] ? cheaper_side(j, may[0], may[1]) : -1;
}

static enum strategy choose_in_stream(const struct join_plan *j)
{
	if (spk_join_is_asof(j->l->join))
		return STREAM_ASOF;
	if (spk_join_is_lookup(j->l->join))
		return LOOKUP;
	if (j->time.kind == SPK_JOIN_BY_WINDOW)
		return j->b->options->emit == SPK_EMIT_ON_UPDATE ? STREAM : WINDOW;
	return j->time.kind == SPK_JOIN_BY_INTERVAL ? INTERVAL : STREAM;
}

static void choose(struct join_plan *j)
{
	enum spk_join_hint hint = j->l->hint;
	int shuffled = cheaper_side(j, may_build_left(j->l), true);
	int broadcast = broadcast_side(j, hint == SPK_JOIN_BROADCAST || j->unknown);

	if (j->b->options->streaming) {
		j->strategy = choose_in_stream(j);
		j->build_left = false;
	} else if (spk_join_is_asof(j->l->join)) {
		j->strategy = ASOF;
		j->build_left = false;
	} else if (!j->c.keys || hint == SPK_JOIN_LOOP) {
		j->strategy = LOOP;
		j->build_left = broadcast_side(j, true) == 0;
	} else if (hint == SPK_JOIN_MERGE && j->l->join != SPK_JOIN_MARK && j->l->join != SPK_JOIN_SINGLE) {
		j->strategy = MERGE;
		j->build_left = false;
	} else if (broadcast >= 0 && (j->unknown || hint == SPK_JOIN_BROADCAST ||
	                              (hint != SPK_JOIN_SHUFFLE_HASH && broadcast_cost(j, broadcast) <= shuffle_cost(j, shuffled)))) {
		j->strategy = BROADCAST_HASH;
		j->build_left = broadcast == 0;
	} else {
		j->strategy = SHUFFLE_HASH;
		j->build_left = shuffled == 0;
	}
}

/* --- exchanges --- */

/* An exchange hashes columns: keys that are none become columns behind the side's own. */
static spk_status project_keys(struct join_plan *j, int side, spk_error *err)
{
	const struct spk_schema *in = j->side[side].node[0]->schema;
	struct spk_build *b = j->b;
	struct spk_schema *schema = SPK_NEW(b->arena, struct spk_schema);
	struct spk_expr **expr = SPK_NEW_ARRAY(b->arena, struct spk_expr *, in->count + j->c.keys);
	struct spk_partitioning partitioned = j->side[side].partitioned;

	SPK_TRY_PTR(schema && expr && (schema->field = SPK_NEW_ARRAY(b->arena, struct spk_field, in->count + j->c.keys)), err);
	for (; schema->count < in->count; schema->count++) {
		schema->field[schema->count] = in->field[schema->count];
		SPK_TRY_PTR(expr[schema->count] = spk_expr_column(b->arena, schema->count, &in->field[schema->count]), err);
	}
	for (int k = 0; k < j->c.keys; k++) {
		struct spk_expr *e = j->key[side][k];
		struct spk_field field = { spk_arena_printf(b->arena, "key %d", k + 1), e->type, e->nullable };

		if (spk_build_hashed(e)->kind == SPK_EXPR_COLUMN)
			continue;
		expr[schema->count] = e;
		schema->field[schema->count] = field;
		SPK_TRY_PTR(field.name && (j->key[side][k] = spk_expr_column(b->arena, schema->count, &field)), err);
		schema->count++;
	}
	if (schema->count == in->count)
		return SPK_OK;
	SPK_TRY(spk_build_project(b, j->l->input[side], schema, expr, &j->side[side], err));
	j->side[side].partitioned = partitioned;
	return SPK_OK;
}

/* Whether it may turn out another strategy than this one. */
static bool adapts(const struct join_plan *j)
{
	return j->b->options->adaptive_joins && !j->l->hint && !j->unknown && j->c.keys && (j->strategy == SHUFFLE_HASH || j->strategy == BROADCAST_HASH) &&
	       spk_join_may_share(j->l->join, j->build_left ? 0 : 1);
}

static struct spk_exchange *exchange_of(const struct join_plan *j, int side) { return &j->b->plan->exchange[j->side[side].node[0]->exchange]; }

/* Exchanges a side by the hash of its keys order[0..keys). */
static spk_status exchange_side(struct join_plan *j, int side, const int *order, int keys, spk_error *err)
{
	struct spk_partition_key *known = SPK_NEW_ARRAY(j->b->arena, struct spk_partition_key, keys);
	int *column = SPK_NEW_ARRAY(j->b->arena, int, keys);

	SPK_TRY_PTR(known && column, err);
	SPK_TRY(project_keys(j, side, err));
	for (int k = 0; k < keys; k++) {
		column[k] = spk_build_hashed(j->key[side][order[k]])->column;
		known[k] = (struct spk_partition_key){ 1, &column[k] };
	}
	SPK_TRY(spk_build_exchange(j->b, &j->side[side], column, keys, -1, &j->side[side], err));
	j->side[side].partitioned = (struct spk_partitioning){ .keys = keys, .key = known };
	if (adapts(j) && (side == 0) != j->build_left)
		exchange_of(j, side)->left_out_bytes = (int64_t)broadcast_most(j->b) * (j->strategy == BROADCAST_HASH ? BROADCAST_SLACK : 1);
	return SPK_OK;
}

/* Brings rows with equal keys to one task. A side whose rows are together already stays, and the other one goes where that one is. */
static spk_status shuffle(struct join_plan *j, spk_error *err)
{
	int keys = j->c.keys, most = SPK_MAX(SPK_MAX(j->side[0].partitioned.keys, j->side[1].partitioned.keys), keys);
	int *order[2] = { SPK_NEW_ARRAY(j->b->arena, int, most), SPK_NEW_ARRAY(j->b->arena, int, most) };
	bool stays[2];
	int by;

	SPK_TRY_PTR(order[0] && order[1], err);
	for (int s = 0; s < 2; s++)
		stays[s] = spk_partitioned_within(&j->side[s].partitioned, j->key[s], keys, order[s]);
	by = stays[0] && stays[1] ? (j->rows[0] >= j->rows[1] ? 0 : 1) : stays[0] ? 0 : 1;
	if (stays[0] && stays[1] && j->side[0].partitioned.keys == j->side[1].partitioned.keys &&
	    memcmp(order[0], order[1], sizeof **order * (size_t)j->side[0].partitioned.keys) == 0)
		return SPK_OK;
	if (stays[by])
		return exchange_side(j, !by, order[by], j->side[by].partitioned.keys, err);
	for (int k = 0; k < keys; k++)
		order[0][k] = k;
	for (int s = 0; s < 2; s++)
		SPK_TRY(exchange_side(j, s, order[0], keys, err));
	return SPK_OK;
}

/* A broadcast join with exchanges that only take place when its kept side turns out large. Without them rows would stay where they are. */
static spk_status shuffle_if_large(struct join_plan *j, spk_error *err)
{
	int build = j->build_left ? 0 : 1, *order = SPK_NEW_ARRAY(j->b->arena, int, j->c.keys);
	struct spk_partitioning stays = j->side[!build].partitioned;

	SPK_TRY_PTR(order, err);
	for (int k = 0; k < j->c.keys; k++)
		order[k] = k;
	for (int s = 0; s < 2; s++)
		SPK_TRY(exchange_side(j, s, order, j->c.keys, err));
	exchange_of(j, !build)->unlikely = true;
	exchange_of(j, build)->whole = true;
	j->side[!build].partitioned = stays;
	return SPK_OK;
}

/* --- where the rows are that come out --- */

/* Adds the side's columns of key `from` to those in column[0..*n), as the join's columns. */
static void add_columns(const struct join_plan *j, int side, const struct spk_partition_key *from, int *column, int *n)
{
	const struct spk_schema *own = j->l->input[side]->schema;

	if (spk_join_extends_with_null(j->l->join, side) || (side == 1 && !spk_join_shows_right(j->l->join)))
		return;
	for (int i = 0; i < from->columns; i++)
		if (from->column[i] < own->count)
			column[(*n)++] = from->column[i] + (side ? j->l->input[0]->schema->count : 0);
}

static spk_status output_partitioning(struct join_plan *j, struct spk_partitioning *out, spk_error *err)
{
	bool both = j->strategy == SHUFFLE_HASH || j->strategy == MERGE || j->strategy == ASOF;
	int probe = j->build_left ? 1 : 0, keys = j->side[probe].partitioned.keys;
	struct spk_partition_key *key = SPK_NEW_ARRAY(j->b->arena, struct spk_partition_key, keys);

	SPK_TRY_PTR(key, err);
	for (int k = 0; k < keys; k++) {
		const struct spk_partition_key *from[2];
		int *column, n = 0;

		from[probe] = &j->side[probe].partitioned.key[k];
		from[!probe] = both ? &j->side[!probe].partitioned.key[k] : &(struct spk_partition_key){ 0 };
		column = SPK_NEW_ARRAY(j->b->arena, int, from[0]->columns + from[1]->columns);
		SPK_TRY_PTR(column, err);
		for (int s = 0; s < 2; s++)
			add_columns(j, s, from[s], column, &n);
		if (n == 0)
			return SPK_OK;
		key[k] = (struct spk_partition_key){ n, column };
	}
	*out = (struct spk_partitioning){ .keys = keys, .key = key };
	return SPK_OK;
}

/* --- the node --- */

static spk_status bring_together(struct join_plan *j, spk_error *err)
{
	const bool streaming = j->b->options->streaming;
	int build = j->build_left ? 0 : 1;

	if (j->strategy == SHUFFLE_HASH || j->strategy == MERGE || ((streaming || j->strategy == ASOF) && j->c.keys))
		return shuffle(j, err);
	if (adapts(j) && !spk_build_is_single(j->b, &j->side[!build]))
		return shuffle_if_large(j, err);
	if (j->l->join != SPK_JOIN_FULL && !streaming && j->strategy != ASOF)
		return spk_build_broadcast(j->b, &j->side[build], &j->side[build], err);
	for (int s = 0; s < 2; s++)
		SPK_TRY(spk_build_exchange(j->b, &j->side[s], NULL, 0, -1, &j->side[s], err));
	return SPK_OK;
}

/* Whether a side's rows are kept so that one that is taken back is found: there they lie otherwise. */
static bool takes(const struct join_plan *j, int side) { return j->strategy == STREAM && j->side[side].retracts; }

/* How long late rows are taken for a window that has come out. */
static int64_t lateness(const struct join_plan *j) { return j->time.kind == SPK_JOIN_BY_WINDOW ? j->b->options->lateness_us : 0; }

static bool scans_versions(const struct spk_logical *l)
{
	bool found = l->kind == SPK_LOGICAL_SCAN && l->history;

	for (int i = 0; i < l->inputs && !found; i++)
		found = scans_versions(l->input[i]);
	return found;
}

/* The right side is every version of a changelog's rows. */
static bool has_versions(const struct spk_logical *l) { return l->input[1]->kind == SPK_LOGICAL_SCAN && l->input[1]->history; }

/* What the state means: what is kept of either side, by which keys, for which kind of join. */
static spk_status put_meaning(const struct join_plan *j, const struct spk_physical *node, struct spk_buffer *text, spk_error *err)
{
	char type[64];

	SPK_TRY(spk_build_window_meaning(node, text, err));
	SPK_TRY(spk_buffer_printf(text, err, "join %s", spk_join_name(j->l->join)));
	for (int s = 0; s < 2; s++) {
		const struct spk_schema *schema = j->l->input[s]->schema;

		SPK_TRY(spk_buffer_printf(text, err, "; %s", s ? "right" : "left"));
		for (int i = 0; i < schema->count; i++)
			SPK_TRY(spk_buffer_printf(text, err, "%s %s %s", i ? "," : "", schema->field[i].name, spk_type_format(schema->field[i].type, type, sizeof type)));
	}
	if (has_versions(j->l))
		SPK_TRY(spk_buffer_append_str(text, ", every version", err));
	if (j->time.kind)
		SPK_TRY(spk_buffer_printf(text, err, "; %s, by %lld", j->time.kind == SPK_JOIN_BY_WINDOW ? "window" : "interval", (long long)j->time.bucket_us));
	if (!j->l->filter)
		return SPK_OK;
	SPK_TRY(spk_buffer_append_str(text, "; on ", err));
	return spk_expr_format(j->l->filter, text, err);
}

/* Only pairs and rows that meet something never go again while rows are only added; where time is bounded, nothing does. */
static spk_status keep_both(struct join_plan *j, struct spk_physical *node, spk_error *err)
{
	struct spk_buffer text = { 0 };
	spk_status status;

	node->time = j->time;
	for (int s = 0; s < 2; s++)
		node->takes[s] = takes(j, s);
	if (j->strategy == LOOKUP) {
		node->waits = j->l->input[1]->properties.bounded;
		node->time_sources = node->waits ? spk_build_sources_below(j->b, j->l->input[1], true) : 0;
		node->bound = j->l->properties.bound;
		node->retracts = false;
	} else if (j->strategy != STREAM) {
		node->lateness_us = lateness(j);
		node->on_close = true;
		node->retracts = node->lateness_us > 0;
	} else {
		node->lateness_us = lateness(j);
		node->retracts = j->side[0].retracts || j->side[1].retracts || (j->l->join != SPK_JOIN_INNER && j->l->join != SPK_JOIN_SEMI);
		node->bound = SPK_BOUND_NOTHING;
	}
	if (j->strategy != LOOKUP && (j->time.kind || j->strategy == STREAM_ASOF)) {
		spk_build_time(j->b, j->l, node);
		node->bound = j->l->properties.bound;
	}
	status = put_meaning(j, node, &text, err);
	if (status == SPK_OK)
		status = spk_build_check_timeless(j->b, j->l, node->retracts, err);
	if (status == SPK_OK)
		status = spk_build_state(j->b, node, "join", &text, err);
	spk_buffer_release(&text);
	return status;
}

static spk_status make_node(struct join_plan *j, struct spk_ports *out, spk_error *err)
{
	static const enum spk_physical_kind kinds[] = { SPK_PHYSICAL_HASH_JOIN, SPK_PHYSICAL_HASH_JOIN, SPK_PHYSICAL_MERGE_JOIN, SPK_PHYSICAL_LOOP_JOIN, SPK_PHYSICAL_STREAM_JOIN,
		SPK_PHYSICAL_INTERVAL_JOIN, SPK_PHYSICAL_WINDOW_JOIN, SPK_PHYSICAL_ASOF_JOIN, SPK_PHYSICAL_STREAM_ASOF_JOIN, SPK_PHYSICAL_LOOKUP_JOIN };
	const bool streaming = j->b->options->streaming;
	int build = j->build_left ? 0 : 1;
	struct spk_physical *node = spk_build_join_node(j->b, kinds[j->strategy], j->l->schema, &j->side[!build], &j->side[build], j->l);

	SPK_TRY_PTR(node, err);
	node->join = j->l->join;
	node->build_left = j->build_left;
	node->broadcast = (j->strategy == BROADCAST_HASH && !exchange_of(j, build)->whole) || (j->strategy == LOOP && j->l->join != SPK_JOIN_FULL);
	node->left = j->l->input[0]->schema;
	node->right = j->l->input[1]->schema;
	node->filter = j->filter;
	node->unknown = j->unknown;
	node->asof = j->asof;
	node->history = has_versions(j->l);
	if (j->strategy == LOOP) {
		node->filter = j->l->filter;
		node->unknown = false;
	} else {
		node->join_keys = j->c.keys;
		node->probe_key = j->key[!build];
		node->build_key = j->key[build];
		node->null_safe = j->c.null_safe;
	}
	if (streaming)
		SPK_TRY(keep_both(j, node, err));
	*out = spk_build_port(j->b, node, streaming && node->retracts);
	SPK_TRY_PTR(out->node, err);
	return streaming ? SPK_OK : output_partitioning(j, &out->partitioned, err);
}

static spk_status refuse_changes(const struct spk_logical *l, const struct join_plan *j, spk_error *err)
{
	if (j->b->options->streaming || (!j->side[0].retracts && !j->side[1].retracts))
		return SPK_OK;
	spk_fail(err, SPK_UNSUPPORTED, "a join of a table whose rows take others back (a changelog) is not supported yet");
	spk_hint(err, "Aggregate it by its key first, so that only the last row of each is left.");
	if (err)
		err->position = l->position;
	return SPK_UNSUPPORTED;
}

static spk_status refuse(const struct spk_logical *l, spk_status status, const char *what, const char *hint, spk_error *err)
{
	spk_fail(err, status, "%s", what);
	spk_hint(err, "%s", hint);
	if (err)
		err->position = l->position;
	return status;
}

/* A stream can tell what is nearest when the watermark has passed: of event times alone. */
static spk_status check_stream_asof(struct join_plan *j, spk_error *err)
{
	const struct spk_expr *e[2] = { j->asof.left, j->asof.right };

	if (j->side[0].retracts && has_versions(j->l))
		return refuse(j->l, SPK_UNSUPPORTED, "rows that may be taken back cannot be joined with versions of a table yet",
			      "Join first, then aggregate; or leave out FOR SYSTEM_TIME AS OF, which joins what both sides have.", err);
	if (j->side[0].retracts || j->side[1].retracts)
		return refuse(j->l, SPK_UNSUPPORTED, "an ASOF JOIN of rows that may be taken back is not supported in a stream yet",
			      "Join tables that are only added to; FOR SYSTEM_TIME AS OF a column that is PROCTIME() looks up what a changing table has when a row comes.", err);
	for (int s = 0; s < 2; s++) {
		const struct spk_properties *p = &j->l->input[s]->properties;

		if (e[s]->kind != SPK_EXPR_COLUMN || (e[s]->column != p->time_column && e[s]->column != p->other.time))
			return refuse(j->l, SPK_PLAN, "an ASOF JOIN in a stream must compare the event times of both sides: which row is nearest is certain when the watermark has passed",
				      "Give both tables a WATERMARK and compare these columns as they are.", err);
		j->time.column[s] = e[s]->column;
	}
	return SPK_OK;
}

/* The comparison of an ASOF join, by sides. */
static spk_status take_asof(struct join_plan *j, spk_error *err)
{
	const struct spk_schema *left = j->l->input[0]->schema, *right = j->l->input[1]->schema;
	struct spk_expr **by = SPK_NEW_ARRAY(j->b->arena, struct spk_expr *, left->count + right->count + 1);

	if (!spk_join_is_asof(j->l->join))
		return SPK_OK;
	if (!spk_join_asof(j->l, &j->asof) || !j->filter || j->filter->kind == SPK_EXPR_AND)
		return refuse(j->l, SPK_UNSUPPORTED, "the equalities of an ASOF JOIN must be of values that can be hashed (no arrays, records, json)", "Compare a part of them, or a text of them.", err);
	SPK_TRY_PTR(by, err);
	for (int i = 0; i < right->count; i++)
		SPK_TRY_PTR(by[left->count + i] = spk_expr_column(j->b->arena, i, &right->field[i]), err);
	SPK_TRY_PTR(j->asof.right = spk_expr_substitute(j->b->arena, j->asof.right, by), err);
	j->filter = NULL;
	if (!j->b->options->streaming)
		return SPK_OK;
	SPK_TRY(check_stream_asof(j, err));
	/* A version that comes late is the newest one all the same. */
	for (int s = 0; s < (has_versions(j->l) ? 1 : 2); s++)
		SPK_TRY(spk_build_late(j->b, j->l, j->time.column[s], 0, true, &j->side[s], err));
	return SPK_OK;
}

static spk_status check_lookup(const struct join_plan *j, spk_error *err)
{
	if (!spk_join_is_lookup(j->l->join) || !j->side[0].retracts)
		return SPK_OK;
	return refuse(j->l, SPK_PLAN, "rows that may be taken back cannot be looked up for: what they met then is not kept", "Join first, then aggregate; or leave out FOR SYSTEM_TIME AS OF.", err);
}

/* In a stream: what the condition says of time. Late rows do not come so far. */
static spk_status take_time(struct join_plan *j, spk_error *err)
{
	const bool retracts = j->side[0].retracts || j->side[1].retracts;

	if (!j->b->options->streaming || spk_join_is_asof(j->l->join))
		return SPK_OK;
	j->time = spk_join_time_of(j->l);
	/* Rows that may be taken back go with their windows, but for those whose bounds change; how far apart their times are does not bound when that is. */
	if (retracts && (j->time.kind != SPK_JOIN_BY_WINDOW || spk_build_bounds_change(j->b, j->l))) {
		j->time = (struct spk_join_time){ .kind = SPK_JOIN_TIMELESS };
		return SPK_OK;
	}
	for (int s = 0; s < 2 && j->time.kind; s++)
		SPK_TRY(spk_build_late(j->b, j->l, j->time.column[s], lateness(j), j->time.kind != SPK_JOIN_BY_WINDOW, &j->side[s], err));
	return SPK_OK;
}

/* A MARK join of a stream whose answer may be NULL, which an operator for pairs cannot tell: as other nodes. */
static spk_status plan_unknown(struct spk_build *b, const struct spk_logical *l, struct spk_ports *out, bool *done, spk_error *err)
{
	struct spk_join_condition c;
	struct spk_logical *plain = NULL;

	*done = false;
	if (!b->options->streaming || l->join != SPK_JOIN_MARK)
		return SPK_OK;
	SPK_TRY(spk_join_take_apart(b, l, &c, err));
	for (int k = 0; k < c.keys; k++)
		*done = *done || !c.two_valued[k];
	*done = *done || (c.rest && c.rest->nullable);
	if (!*done)
		return SPK_OK;
	SPK_TRY(spk_build_unknown_mark(b, l, &c, &plain, err));
	if (!plain)
		return refuse(l, SPK_UNSUPPORTED, "IN or NOT IN with several values, or conditions, that may be NULL is not supported in a stream yet",
			      "Use EXISTS or NOT EXISTS, whose answer is never NULL.", err);
	return spk_build_relation(b, plain, out, err);
}

static bool is_one_at_most(const struct spk_logical *l)
{
	return (l->kind == SPK_LOGICAL_AGGREGATE && l->expr_count == 0) || (l->kind == SPK_LOGICAL_VALUES && l->value_rows <= 1);
}

/* EXISTS over rows that do not depend on the query around it: one of them is enough, and nothing is read behind it. */
static spk_status one_is_enough(struct spk_build *b, const struct spk_logical *l, struct spk_logical **right, spk_error *err)
{
	struct spk_logical *limit;

	if (l->filter || (l->join != SPK_JOIN_SEMI && l->join != SPK_JOIN_ANTI && l->join != SPK_JOIN_MARK) || is_one_at_most(*right))
		return SPK_OK;
	SPK_TRY_PTR(limit = spk_logical_new(b->arena, SPK_LOGICAL_LIMIT, (*right)->schema, right, 1), err);
	limit->limit = 1;
	limit->position = l->position;
	*right = limit;
	return SPK_OK;
}

/* In a batch all that a lookup may find is there. */
static spk_status plain_join(struct spk_build *b, const struct spk_logical **l, spk_error *err)
{
	struct spk_logical *plain;

	if (b->options->streaming || !spk_join_is_lookup((*l)->join))
		return SPK_OK;
	SPK_TRY_PTR(plain = spk_logical_clone(b->arena, *l), err);
	plain->join = plain->join == SPK_JOIN_LOOKUP ? SPK_JOIN_INNER : SPK_JOIN_LEFT;
	*l = plain;
	return SPK_OK;
}

/* A row that comes out has the end of its window on a side that is there. */
static spk_status pace(const struct join_plan *j, struct spk_ports *out, spk_error *err)
{
	const enum spk_join_type join = j->l->join;
	const int left = j->time.column[0], right = j->l->input[0]->schema->count + j->time.column[1];

	return spk_build_pace_join(j->b, j->l, (const int[]){ join == SPK_JOIN_RIGHT ? -1 : left, join == SPK_JOIN_RIGHT || join == SPK_JOIN_FULL ? right : -1 }, out, err);
}

spk_status spk_build_join(struct spk_build *b, const struct spk_logical *l, struct spk_ports *out, spk_error *err)
{
	bool done;

	SPK_TRY(plain_join(b, &l, err));
	SPK_TRY(plan_unknown(b, l, out, &done, err));
	if (done)
		return SPK_OK;
	struct join_plan j = { .b = b, .l = l };
	struct spk_logical *input[2] = { l->input[0], l->input[1] };

	if (l->dependent)
		return spk_fail(err, SPK_INTERNAL, "a join was not decorrelated");
	if (spk_join_is_asof(l->join) && scans_versions(l->input[1]) && (!has_versions(l) || l->input[1]->filter))
		return spk_fail(err, SPK_INTERNAL, "something came between a join and the versions of its table");
	SPK_TRY(one_is_enough(b, l, &input[1], err));
	for (int s = 0; s < 2; s++) {
		SPK_TRY(spk_build_relation(b, input[s], &j.side[s], err));
		/* The other side cannot be sent where a range is. */
		if (j.side[s].partitioned.range)
			j.side[s].partitioned = (struct spk_partitioning){ 0 };
		j.rows[s] = spk_build_rows(b, input[s]);
		j.bytes[s] = j.rows[s] * spk_build_row_bytes(b, input[s]);
	}
	SPK_TRY(refuse_changes(l, &j, err));
	SPK_TRY(spk_join_take_apart(b, l, &j.c, err));
	j.filter = j.c.rest;
	if (l->join == SPK_JOIN_MARK)
		settle_mark(&j);
	j.key[0] = j.c.left;
	j.key[1] = j.c.right;
	SPK_TRY(check_lookup(&j, err));
	SPK_TRY(take_asof(&j, err));
	SPK_TRY(take_time(&j, err));
	choose(&j);
	SPK_TRY(bring_together(&j, err));
	SPK_TRY(make_node(&j, out, err));
	return j.strategy == STREAM && j.time.kind ? pace(&j, out, err) : SPK_OK;
}
