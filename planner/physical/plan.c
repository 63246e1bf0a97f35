/* Physical planning: walks the logical trees of a job and builds one shared graph of physical nodes. See physical.h. */
#include "planner/physical/build.h"

#include "core/base/check.h"
#include "core/columnar/hash.h"

const char *spk_physical_kind_name(enum spk_physical_kind kind)
{
	static const char *const names[] = {
#define NAME(id, name) name,
		SPK_PHYSICAL_LIST(NAME)
#undef NAME
	};

	return kind < SPK_PHYSICAL_COUNT ? names[kind] : "?";
}

bool spk_physical_may_expire(const struct spk_physical *node)
{
	switch (node->kind) {
	case SPK_PHYSICAL_STREAM_AGGREGATE: return node->window_key < 0 && node->expr_count;
	case SPK_PHYSICAL_TOP_N: return node->window_key < 0 && node->key_count;
	case SPK_PHYSICAL_RECOMPUTE: return node->window_key < 0 && node->key_count && !node->complete && node->inner->nodes > 1;  /* a view's rows are kept for those who ask */
	case SPK_PHYSICAL_STREAM_JOIN: return node->join_keys && !node->time.kind;
	default: return false;
	}
}

bool spk_physical_has_buckets(const struct spk_physical *node)
{
	switch (node->kind) {
	case SPK_PHYSICAL_WINDOW_AGGREGATE:
	case SPK_PHYSICAL_PANE_AGGREGATE:
	case SPK_PHYSICAL_SESSION:
	case SPK_PHYSICAL_PACED_CHANGES:
	case SPK_PHYSICAL_INTERVAL_JOIN:
	case SPK_PHYSICAL_NORMALIZE:  /* one, which a TRUNCATE takes */
	case SPK_PHYSICAL_WINDOW_JOIN:
	case SPK_PHYSICAL_STREAM_ASOF_JOIN:
	case SPK_PHYSICAL_LOOKUP_JOIN: return true;
	case SPK_PHYSICAL_RECOMPUTE:
	case SPK_PHYSICAL_STREAM_AGGREGATE:
	case SPK_PHYSICAL_TOP_N: return node->window_key >= 0 || node->state_ttl_us[0];
	case SPK_PHYSICAL_STREAM_JOIN: return node->time.kind || node->state_ttl_us[0] || node->state_ttl_us[1];
	default: return false;
	}
}

/* --- nodes and edges --- */

static bool add_edge(struct spk_build *b, struct spk_physical *from, struct spk_physical *to, int input)
{
	struct spk_physical_edge *grown = SPK_NEW_ARRAY(b->arena, struct spk_physical_edge, from->outputs + 1);

	if (!grown)
		return false;
	if (from->outputs)
		memcpy(grown, from->output, sizeof *grown * (size_t)from->outputs);
	grown[from->outputs] = (struct spk_physical_edge){ to, input };
	from->output = grown;
	from->outputs++;
	return true;
}

static bool add_node(struct spk_build *b, struct spk_physical *node)
{
	struct spk_physical_plan *plan = b->plan;

	if (plan->nodes == b->node_capacity) {
		int capacity = b->node_capacity ? 2 * b->node_capacity : 32;
		struct spk_physical **grown = SPK_NEW_ARRAY(b->arena, struct spk_physical *, capacity);

		if (!grown)
			return false;
		if (plan->nodes)
			memcpy(grown, plan->node, sizeof(*grown) * (size_t)plan->nodes);
		plan->node = grown;
		b->node_capacity = capacity;
	}
	node->id = plan->nodes;
	plan->node[plan->nodes++] = node;
	return true;
}

struct spk_physical *spk_build_node(struct spk_build *b, enum spk_physical_kind kind, const struct spk_schema *schema, const struct spk_ports *from, const struct spk_logical *logical)
{
	struct spk_physical *node = SPK_NEW(b->arena, struct spk_physical);
	int inputs = from ? from->count : 0;

	if (!node || !add_node(b, node))
		return NULL;
	*node = (struct spk_physical){ .kind = kind, .id = node->id, .schema = schema, .logical = logical, .source = -1, .sink = -1,
		.window_key = -1, .for_all = -1, .hash_column = -1, .exchange = -1, .limit = -1, .stage = -1, .tasks = 1, .bound = SPK_BOUND_STATELESS, .expected_rows = -1 };
	if (b->options->estimate && logical)
		node->expected_rows = spk_build_rows(b, logical);
	node->input = SPK_NEW_ARRAY(b->arena, struct spk_physical *, inputs + 1);
	if (!node->input)
		return NULL;
	for (int i = 0; i < inputs; i++) {
		node->input[node->inputs++] = from->node[i];
		if (!add_edge(b, from->node[i], node, 0))
			return NULL;
	}
	if (from)
		node->retracts = from->retracts;
	return node;
}

struct spk_physical *spk_build_join_node(struct spk_build *b, enum spk_physical_kind kind, const struct spk_schema *schema, const struct spk_ports *probe, const struct spk_ports *build, const struct spk_logical *logical)
{
	struct spk_physical *node = spk_build_node(b, kind, schema, probe, logical);
	struct spk_physical **input = SPK_NEW_ARRAY(b->arena, struct spk_physical *, probe->count + build->count);

	if (!node || !input)
		return NULL;
	memcpy(input, node->input, sizeof(*input) * (size_t)node->inputs);
	node->input = input;
	for (int i = 0; i < build->count; i++) {
		node->input[node->inputs++] = build->node[i];
		if (!add_edge(b, build->node[i], node, 1))
			return NULL;
	}
	node->retracts = probe->retracts || build->retracts;
	return node;
}

struct spk_ports spk_build_port(struct spk_build *b, struct spk_physical *node, bool retracts)
{
	struct spk_ports ports = { .count = 1, .retracts = retracts };

	ports.node = SPK_NEW_ARRAY(b->arena, struct spk_physical *, 1);
	if (ports.node)
		ports.node[0] = node;
	return ports;
}

/* What is spread over tasks by this exchange, about. A partial aggregate may pass rows on as they came, or several states of a group. */
static double bytes_spread(const struct spk_build *b, const struct spk_ports *from)
{
	enum { STATES = 8 };
	double bytes = 0;

	for (int i = 0; i < from->count; i++) {
		const struct spk_physical *n = from->node[i], *known = n;
		double rows;

		while (!known->logical && known->inputs)
			known = known->input[0];
		if (!known->logical)
			continue;
		rows = spk_build_rows(b, known->logical);
		if (n->kind == SPK_PHYSICAL_PARTIAL_AGGREGATE)
			rows = SPK_MIN(rows * STATES, spk_build_rows(b, known->logical->input[0]));
		bytes += rows * spk_build_row_bytes(b, known->logical);
	}
	return bytes;
}

spk_status spk_build_project(struct spk_build *b, const struct spk_logical *l, const struct spk_schema *schema, struct spk_expr **expr, struct spk_ports *ports, spk_error *err)
{
	struct spk_physical *node = spk_build_node(b, SPK_PHYSICAL_PROJECT, schema, ports, l);

	SPK_TRY_PTR(node, err);
	node->expr = expr;
	node->expr_count = schema->count;
	*ports = spk_build_port(b, node, ports->retracts);
	SPK_TRY_PTR(ports->node, err);
	return SPK_OK;
}

/* WRITE and READ nodes and the exchange between them. */
static spk_status add_exchange(struct spk_build *b, const struct spk_ports *from, struct spk_exchange exchange, struct spk_physical **writer, struct spk_ports *out, spk_error *err)
{
	const struct spk_schema *schema = from->node[0]->schema;
	struct spk_physical *write = spk_build_node(b, SPK_PHYSICAL_WRITE, schema, from, NULL);
	struct spk_physical *read = spk_build_node(b, SPK_PHYSICAL_READ, schema, NULL, NULL);
	struct spk_physical_plan *plan = b->plan;
	struct spk_exchange *grown = SPK_NEW_ARRAY(b->arena, struct spk_exchange, plan->exchanges + 1);

	SPK_TRY_PTR(write && read && grown, err);
	if (plan->exchanges)
		memcpy(grown, plan->exchange, sizeof(*grown) * (size_t)plan->exchanges);
	plan->exchange = grown;
	grown[plan->exchanges] = exchange;
	if (!plan->streaming && !exchange.single && !exchange.broadcast && !exchange.asked_for)
		plan->spread_bytes = SPK_MAX(plan->spread_bytes, bytes_spread(b, from));
	write->exchange = read->exchange = plan->exchanges++;
	write->retracts = read->retracts = from->retracts;
	/* The reader is the writer's input in the tree that EXPLAIN shows; no edge: batches go through the shuffle. */
	read->input = SPK_NEW_ARRAY(b->arena, struct spk_physical *, 1);
	SPK_TRY_PTR(read->input, err);
	read->input[0] = write;
	read->inputs = 1;
	*writer = write;
	*out = spk_build_port(b, read, from->retracts);
	SPK_TRY_PTR(out->node, err);
	return SPK_OK;
}

spk_status spk_build_exchange(struct spk_build *b, const struct spk_ports *from, const int *key, int keys, int hash_column, struct spk_ports *out, spk_error *err)
{
	struct spk_exchange exchange = { .single = keys == 0 && hash_column < 0 };
	struct spk_physical *write;

	SPK_TRY(add_exchange(b, from, exchange, &write, out, err));
	write->key_count = keys;
	write->key = keys ? spk_arena_copy(b->arena, key, sizeof *key * (size_t)keys) : NULL;
	write->hash_column = hash_column;
	return keys && !write->key ? spk_fail_memory(err) : SPK_OK;
}

spk_status spk_build_repartition(struct spk_build *b, const struct spk_ports *from, const int *key, int keys, bool direct, int readers, struct spk_ports *out, spk_error *err)
{
	struct spk_exchange exchange = { .readers = readers, .spread = keys == 0, .direct = direct, .asked_for = true };
	struct spk_physical *write;

	SPK_TRY(add_exchange(b, from, exchange, &write, out, err));
	write->key_count = keys;
	write->key = keys ? spk_arena_copy(b->arena, key, sizeof *key * (size_t)keys) : NULL;
	return keys && !write->key ? spk_fail_memory(err) : SPK_OK;
}

spk_status spk_build_broadcast(struct spk_build *b, const struct spk_ports *from, struct spk_ports *out, spk_error *err)
{
	struct spk_physical *write;

	return add_exchange(b, from, (struct spk_exchange){ .broadcast = true }, &write, out, err);
}

spk_status spk_build_ranges(struct spk_build *b, const struct spk_ports *from, struct spk_sort_key *sort, int sort_count, struct spk_ports *out, spk_error *err)
{
	struct spk_physical *write;

	SPK_TRY(add_exchange(b, from, (struct spk_exchange){ .range = true }, &write, out, err));
	write->sort = out->node[0]->sort = sort;
	write->sort_count = out->node[0]->sort_count = sort_count;
	return SPK_OK;
}

/* --- relations --- */

static bool has_leaf(const struct spk_physical *node, enum spk_physical_kind kind)
{
	if (node->kind == kind)
		return true;
	if (node->kind == SPK_PHYSICAL_READ)
		return false;
	for (int i = 0; i < node->inputs; i++)
		if (has_leaf(node->input[i], kind))
			return true;
	return false;
}

static bool any_leaf(const struct spk_ports *p, enum spk_physical_kind kind)
{
	for (int i = 0; i < p->count; i++)
		if (has_leaf(p->node[i], kind))
			return true;
	return false;
}

static void mark_below(const struct spk_physical *node, bool *below)
{
	if (below[node->id])
		return;
	below[node->id] = true;
	for (int i = 0; i < node->inputs; i++)
		mark_below(node->input[i], below);
}

/* Marks what is computed for the exchanges that the node and those it takes rows from without one read. */
static void mark_read(const struct spk_physical *node, bool *below)
{
	if (node->kind == SPK_PHYSICAL_READ)
		mark_below(node->input[0], below);
	for (int i = 0; i < node->inputs && node->kind != SPK_PHYSICAL_READ; i++)
		mark_read(node->input[i], below);
}

/* The node, or one that it takes rows from without an exchange. */
static bool is_marked(const struct spk_physical *node, const bool *below)
{
	bool marked = below[node->id];

	for (int i = 0; i < node->inputs && node->kind != SPK_PHYSICAL_READ && !marked; i++)
		marked = is_marked(node->input[i], below);
	return marked;
}

static bool any_marked(const struct spk_ports *p, const bool *below)
{
	for (int i = 0; i < p->count; i++)
		if (is_marked(p->node[i], below))
			return true;
	return false;
}

/*
 * UNION ALL: the ports of all inputs. Those that go on to what another one reads from an exchange go through one, too: else what is computed once for both
 * would be in one stage with what it feeds. So do those straight from a source when others come from an exchange: scans may be shared later.
 */
static spk_status build_union(struct spk_build *b, const struct spk_logical *l, struct spk_ports *out, spk_error *err)
{
	struct spk_ports *in = SPK_NEW_ARRAY(b->arena, struct spk_ports, l->inputs);
	bool read = false, *below;
	int count = 0;

	SPK_TRY_PTR(in, err);
	for (int i = 0; i < l->inputs; i++) {
		SPK_TRY(spk_build_relation(b, l->input[i], &in[i], err));
		read = read || any_leaf(&in[i], SPK_PHYSICAL_READ);
		out->retracts = out->retracts || in[i].retracts;
		count += in[i].count;
	}
	SPK_TRY_PTR(below = SPK_NEW_ARRAY(b->arena, bool, b->plan->nodes + 1), err);
	for (int i = 0; i < l->inputs; i++)
		for (int k = 0; k < in[i].count; k++)
			mark_read(in[i].node[k], below);
	out->node = SPK_NEW_ARRAY(b->arena, struct spk_physical *, count);
	SPK_TRY_PTR(out->node, err);
	for (int i = 0; i < l->inputs; i++) {
		if ((read && any_leaf(&in[i], SPK_PHYSICAL_SCAN)) || any_marked(&in[i], below))
			SPK_TRY(spk_build_exchange(b, &in[i], NULL, 0, -1, &in[i], err));
		for (int k = 0; k < in[i].count; k++)
			out->node[out->count++] = in[i].node[k];
	}
	return SPK_OK;
}

static spk_status refuse_yet(const struct spk_logical *l, spk_error *err)
{
	spk_fail(err, SPK_UNSUPPORTED, "%s is not supported yet", spk_logical_kind_name(l->kind));
	if (err)
		err->position = l->position;
	return SPK_UNSUPPORTED;
}

static spk_status refuse_in_stream(const struct spk_build *b, const struct spk_logical *l, const char *what, spk_error *err)
{
	if (!b->options->streaming)
		return SPK_OK;
	spk_fail(err, SPK_PLAN, "%s cannot be kept up to date over a stream", what);
	spk_hint(err, "A stream has no end to sort or count to: leave it out here and order where the result is read.");
	if (err)
		err->position = l->position;
	return SPK_PLAN;
}

/* Looks for an expression of a node for which `holds` is false. */
struct search { bool (*holds)(const struct spk_expr *e); bool found; };

static spk_status search_expr(struct spk_expr **e, void *user, spk_error *err)
{
	struct search *s = user;

	(void)err;
	s->found = s->found || !s->holds(*e);
	return SPK_OK;
}

static bool all_hold(const struct spk_logical *l, bool (*holds)(const struct spk_expr *e))
{
	struct spk_logical copy = *l;  /* nothing is replaced */
	struct search s = { .holds = holds };

	(void)spk_logical_each_expr(&copy, search_expr, &s, NULL);
	return !s.found;
}

/* What is computed at every use in a stream must come out the same. */
static spk_status check_repeats(const struct spk_build *b, const struct spk_logical *l, spk_error *err)
{
	if (!b->options->streaming)
		return SPK_OK;
	for (int i = 0; i < l->inputs; i++)
		SPK_TRY(check_repeats(b, l->input[i], err));
	if (all_hold(l, spk_expr_deterministic))
		return SPK_OK;
	spk_fail(err, SPK_UNSUPPORTED, "a WITH query with volatile functions is not supported in a stream yet");
	if (err)
		err->position = l->position;
	return SPK_UNSUPPORTED;
}

spk_status spk_build_check_timeless(const struct spk_build *b, const struct spk_logical *l, bool retracts, spk_error *err)
{
	if (!b->options->streaming || !retracts || all_hold(l, spk_expr_timeless))
		return SPK_OK;
	spk_fail(err, SPK_PLAN, "%s by now() or random() cannot be kept up to date over rows that may be taken back: a later epoch would decide otherwise", spk_logical_kind_name(l->kind));
	spk_hint(err, "Compute it where the rows come in, as a column (SELECT *, now() AS seen FROM ...), before they are aggregated or joined.");
	if (err)
		err->position = l->position;
	return SPK_PLAN;
}

static void fill_window(const struct spk_logical *l, struct spk_physical *node)
{
	node->time_column = l->time_column;
	node->window = l->window;
	node->window_size_us = l->window_size_us;
	node->window_slide_us = l->window_slide_us;
	node->window_offset_us = l->window_offset_us;
	node->zone = l->zone;
}

/* Nodes with one input that stay in its stage. */
spk_status spk_build_simple(struct spk_build *b, const struct spk_logical *l, enum spk_physical_kind kind, const struct spk_ports *in, struct spk_ports *out, spk_error *err)
{
	struct spk_physical *node = spk_build_node(b, kind, l->schema, in, l);

	SPK_TRY_PTR(node, err);
	node->filter = l->filter;
	node->expr_count = l->expr_count;
	node->expr = l->expr;
	node->value_rows = l->value_rows;
	node->value = l->value;
	if (kind == SPK_PHYSICAL_WINDOW)
		fill_window(l, node);
	if (kind == SPK_PHYSICAL_UNNEST)
		spk_build_series(b, node);
	*out = spk_build_port(b, node, in ? in->retracts : false);
	SPK_TRY_PTR(out->node, err);
	if (kind == SPK_PHYSICAL_FILTER)
		out->partitioned = in->partitioned;
	if (kind == SPK_PHYSICAL_PROJECT)
		SPK_TRY(spk_partitioned_behind(b, &in->partitioned, l->expr, l->expr_count, &out->partitioned, err));
	return SPK_OK;
}

/* By columns; those of the input that the expressions name. */
static spk_status build_repartition(struct spk_build *b, const struct spk_logical *l, const struct spk_ports *in, struct spk_ports *out, spk_error *err)
{
	int *key = SPK_NEW_ARRAY(b->arena, int, l->expr_count + 1);

	SPK_TRY_PTR(key, err);
	for (int i = 0; i < l->expr_count; i++) {
		SPK_ASSERT(l->expr[i]->kind == SPK_EXPR_COLUMN, "rows are spread by columns");
		key[i] = l->expr[i]->column;
	}
	return spk_build_repartition(b, in, key, l->expr_count, l->direct, l->partitions, out, err);
}

/* The rows that `l` takes: its input's, or those of SORT's where LIMIT sorts as well. */
static spk_status build_input(struct spk_build *b, const struct spk_logical *l, struct spk_ports *in, spk_error *err)
{
	const bool spreads = b->spreads, top = l->kind == SPK_LOGICAL_LIMIT && l->input[0]->kind == SPK_LOGICAL_SORT;
	spk_status status;

	if (l->kind == SPK_LOGICAL_AGGREGATE || l->kind == SPK_LOGICAL_SORT || l->kind == SPK_LOGICAL_OVER || top)
		b->spreads = true;
	else if (l->kind == SPK_LOGICAL_LIMIT)
		b->spreads = false;
	spk_build_note_sort(b, l, l->input[0]);
	status = spk_build_relation(b, top ? l->input[0]->input[0] : l->input[0], in, err);
	b->spreads = spreads;
	return status;
}

/* The first rows by some order, or as they came, of all rows that are kept. What they are ordered by is a column by now: computed when they came. */
static spk_status build_stream_limit(struct spk_build *b, const struct spk_logical *l, const struct spk_ports *in, struct spk_ports *out, spk_error *err)
{
	const struct spk_recompute r = { .l = l, .inner = spk_build_limit, .closing = { .key = -1 }, .what = "limit" };

	return spk_build_recompute(b, &r, in, out, err);
}

static spk_status build_relation(struct spk_build *b, const struct spk_logical *l, struct spk_ports *out, spk_error *err)
{
	struct spk_ports in = { 0 };
	bool built, taken = false;

	*out = (struct spk_ports){ 0 };
	SPK_TRY(spk_build_top_n(b, l, out, &built, err));
	if (built)
		return SPK_OK;
	if (l->kind == SPK_LOGICAL_RECURSIVE)
		SPK_TRY(refuse_in_stream(b, l, "WITH RECURSIVE", err));
	if (l->kind == SPK_LOGICAL_UNION)
		return build_union(b, l, out, err);
	if (l->kind == SPK_LOGICAL_JOIN)
		return spk_build_join(b, l, out, err);
	if (l->kind == SPK_LOGICAL_AGGREGATE)
		SPK_TRY(spk_build_session_groups(b, l, &taken, out, err));
	if (l->kind == SPK_LOGICAL_AGGREGATE && !taken)
		SPK_TRY(spk_build_panes(b, l, &taken, out, err));
	if (taken)
		return SPK_OK;
	if (l->kind == SPK_LOGICAL_SHARED && l->alias)
		return spk_build_view(b, l, out, err);
	if (l->inputs)
		SPK_TRY(build_input(b, l, &in, err));
	switch (l->kind) {
	case SPK_LOGICAL_SCAN:
		return spk_build_scan(b, l, out, err);
	case SPK_LOGICAL_VALUES:
		return spk_build_simple(b, l, SPK_PHYSICAL_VALUES, NULL, out, err);
	case SPK_LOGICAL_FILTER:
		SPK_TRY(spk_build_check_timeless(b, l, in.retracts, err));
		return spk_build_simple(b, l, SPK_PHYSICAL_FILTER, &in, out, err);
	case SPK_LOGICAL_PROJECT:
		return spk_build_simple(b, l, SPK_PHYSICAL_PROJECT, &in, out, err);
	case SPK_LOGICAL_UNNEST:
		return spk_build_simple(b, l, SPK_PHYSICAL_UNNEST, &in, out, err);
	case SPK_LOGICAL_WINDOW:
		return l->window == SPK_WINDOW_SESSION ? spk_build_session(b, l, &in, out, err) : spk_build_simple(b, l, SPK_PHYSICAL_WINDOW, &in, out, err);
	case SPK_LOGICAL_AGGREGATE:
		return spk_build_aggregate(b, l, &in, out, err);
	case SPK_LOGICAL_CALLBACK:
		SPK_TRY(refuse_in_stream(b, l, "a typed function", err));
		return spk_build_callback(b, l, &in, out, err);
	case SPK_LOGICAL_SORT:
		SPK_TRY(refuse_in_stream(b, l, "ORDER BY", err));
		return spk_build_sort(b, l, &in, out, err);
	case SPK_LOGICAL_LIMIT:
		return b->options->streaming ? build_stream_limit(b, l, &in, out, err) : spk_build_limit(b, l, &in, out, err);
	case SPK_LOGICAL_OVER:
		return b->options->streaming ? spk_build_rows_over(b, l, &in, out, err) : spk_build_over(b, l, &in, out, err);
	case SPK_LOGICAL_EXPAND:
		return spk_build_simple(b, l, SPK_PHYSICAL_EXPAND, &in, out, err);
	case SPK_LOGICAL_SHARED:  /* whoever runs batches computes it before (session/materialize.c); in a stream it is computed where it is used */
		SPK_TRY(check_repeats(b, l->input[0], err));
		*out = in;
		return SPK_OK;
	case SPK_LOGICAL_JOIN:
	case SPK_LOGICAL_RECURSIVE:
	case SPK_LOGICAL_WORK_TABLE:
		return refuse_yet(l, err);
	case SPK_LOGICAL_REPARTITION:
		return build_repartition(b, l, &in, out, err);
	case SPK_LOGICAL_UNION:
	case SPK_LOGICAL_SINK:
		break;
	}
	return spk_fail(err, SPK_INTERNAL, "logical node kind %d inside a query", (int)l->kind);
}

spk_status spk_build_relation(struct spk_build *b, const struct spk_logical *l, struct spk_ports *out, spk_error *err)
{
	if (spk_build_find_equal(b, l, out))
		return SPK_OK;
	SPK_TRY(build_relation(b, l, out, err));
	return spk_build_remember(b, l, out, err);
}

/* --- the whole plan --- */

static spk_status build_query(struct spk_build *b, const struct spk_logical *root, spk_error *err)
{
	struct spk_ports in;

	if (b->options->keep)
		spk_build_note_sort(b, NULL, root);
	SPK_TRY(spk_build_relation(b, root, &in, err));
	if (!b->options->keep && !spk_build_is_single(b, &in))
		SPK_TRY(spk_build_exchange(b, &in, NULL, 0, -1, &in, err));
	b->plan->collect = spk_build_node(b, SPK_PHYSICAL_COLLECT, root->schema, &in, root);
	SPK_TRY_PTR(b->plan->collect, err);
	return SPK_OK;
}

static spk_status build_root(struct spk_build *b, const struct spk_logical *root, spk_error *err)
{
	struct spk_ports in;

	if (root->kind != SPK_LOGICAL_SINK) {
		b->root_name = "query";
		return build_query(b, root, err);
	}
	b->root_name = root->table->name;
	SPK_TRY(spk_build_relation(b, root->input[0], &in, err));
	return spk_build_sink(b, root, &in, err);
}

/* What EXPLAIN does not show, but changes results: types of columns, constants. */
static spk_status add_fine_print(const struct spk_physical *n, struct spk_buffer *text, spk_error *err)
{
	char type[64];

	if (n->kind != SPK_PHYSICAL_SCAN && n->kind != SPK_PHYSICAL_VALUES && n->kind != SPK_PHYSICAL_SINK)
		return SPK_OK;
	SPK_TRY(spk_buffer_printf(text, err, "#%d:", n->id));
	for (int i = 0; i < n->schema->count; i++)
		SPK_TRY(spk_buffer_printf(text, err, " %s %s", n->schema->field[i].name, spk_type_format(n->schema->field[i].type, type, sizeof type)));
	for (int i = 0; i < n->value_rows * n->schema->count; i++) {
		SPK_TRY(spk_buffer_append_str(text, ", ", err));
		SPK_TRY(spk_expr_format(n->value[i], text, err));
	}
	return spk_buffer_append_str(text, "\n", err);
}

static spk_status hash_plan(struct spk_build *b, spk_error *err)
{
	struct spk_buffer text = { 0 };
	spk_status status = spk_physical_format(b->plan, NULL, NULL, &text, err);

	for (int i = 0; i < b->plan->nodes && status == SPK_OK; i++)
		status = add_fine_print(b->plan->node[i], &text, err);
	if (status == SPK_OK) {
		b->plan->text = spk_arena_strndup(b->arena, text.data ? text.data : "", text.size);
		b->plan->hash = spk_hash_bytes(text.data, text.size);
		if (!b->plan->text)
			status = spk_fail_memory(err);
	}
	spk_buffer_release(&text);
	return status;
}

spk_status spk_physical_plan_make(struct spk_arena *arena, struct spk_logical *const *root, int roots, const struct spk_physical_options *options, struct spk_physical_plan **out, spk_error *err)
{
	struct spk_build b = { .arena = arena, .options = options, .spreads = options->keep };

	b.plan = SPK_NEW(arena, struct spk_physical_plan);
	SPK_TRY_PTR(b.plan, err);
	b.plan->streaming = options->streaming;
	b.plan->sink = SPK_NEW_ARRAY(arena, struct spk_plan_sink, roots);
	SPK_TRY_PTR(b.plan->sink, err);
	SPK_TRY(spk_build_sources(&b, root, roots, err));
	for (int i = 0; i < roots; i++)
		SPK_TRY(build_root(&b, root[i], err));
	for (bool again = true; again;) {
		SPK_TRY(spk_build_stages(&b, err));
		SPK_TRY(spk_build_adaptive(&b, &again, err));
	}
	if (!options->streaming && options->runtime_filters != SPK_RUNTIME_FILTERS_NEVER)
		SPK_TRY(spk_build_runtime_filters(&b, err));
	SPK_TRY(hash_plan(&b, err));
	*out = b.plan;
	return SPK_OK;
}
