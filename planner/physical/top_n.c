/*
 * The first rows of every partition in a stream, kept by an operator of their own: a filter that bounds row_number(), rank() or dense_rank() by a
 * constant, and ORDER BY with a LIMIT. What else the filter asks stays behind it.
 *
 * Where nothing above looks at the rank it is not computed: a row that moves within the bounds is then no change.
 */
#include "planner/physical/build.h"

#include "core/base/check.h"
#include "core/expr/function.h"

/* What was recognised. over: OVER, or LIMIT's SORT. */
struct top { const struct spk_logical *project, *filter, *over; int64_t first, last; struct spk_percentile percentile; struct spk_expr *rest; bool shows_rank; };

/* --- recognising --- */

static bool is_number(const struct spk_expr *e)
{
	return e->kind == SPK_EXPR_CONSTANT && !e->value.null && e->type.id == SPK_TYPE_BIGINT;
}

/* The comparison with its sides changed over. */
static const char *turned(const char *name)
{
	static const char *const turn[][2] = { { "<", ">" }, { "<=", ">=" }, { ">", "<" }, { ">=", "<=" }, { "=", "=" } };

	for (size_t i = 0; i < SPK_COUNT_OF(turn); i++)
		if (strcmp(turn[i][0], name) == 0)
			return turn[i][1];
	return "";
}

/* Narrows the bounds by `rank < 4` and its like; false: it is none. */
static bool take_bound(struct top *t, const struct spk_expr *e, int rank)
{
	const struct spk_expr *number;
	const char *name;
	bool first;

	if (e->kind != SPK_EXPR_CALL || e->args != 2)
		return false;
	first = e->arg[0]->kind == SPK_EXPR_COLUMN && e->arg[0]->column == rank;
	if (!first && !(e->arg[1]->kind == SPK_EXPR_COLUMN && e->arg[1]->column == rank))
		return false;
	number = e->arg[first];
	name = first ? e->function->name : turned(e->function->name);
	if (!is_number(number) || number->value.i64 == INT64_MAX || number->value.i64 == INT64_MIN || !*turned(name))
		return false;
	if (name[0] == '<' || name[0] == '=')
		t->last = SPK_MIN(t->last, number->value.i64 - (strcmp(name, "<") == 0));
	if (name[0] == '>' || name[0] == '=')
		t->first = SPK_MAX(t->first, number->value.i64 + (strcmp(name, ">") == 0));
	return true;
}

static spk_status take_condition(struct spk_build *b, struct top *t, struct spk_expr *e, int rank, spk_error *err)
{
	struct spk_expr *both[2] = { t->rest, e };

	if (e->kind == SPK_EXPR_AND) {
		for (int i = 0; i < e->args; i++)
			SPK_TRY(take_condition(b, t, e->arg[i], rank, err));
		return SPK_OK;
	}
	if (take_bound(t, e, rank))
		return SPK_OK;
	if (!t->rest) {
		t->rest = e;
		return SPK_OK;
	}
	return spk_expr_make(b->arena, SPK_EXPR_AND, both, 2, false, e->position, &t->rest, err);
}

struct looks { int column; bool found; };

static void look(int column, void *user)
{
	struct looks *l = user;

	l->found = l->found || column == l->column;
}

static bool ranks(const struct spk_logical *l)
{
	return l->kind == SPK_LOGICAL_OVER && l->calls == 1 && (l->call->function == SPK_WINDOW_FUNCTION_ROW_NUMBER || l->call->function == SPK_WINDOW_FUNCTION_RANK ||
	       l->call->function == SPK_WINDOW_FUNCTION_DENSE_RANK);
}

/* FILTER over OVER, with the PROJECT over it if there is one. t->over stays NULL where it is something else. */
static spk_status match_rank(struct spk_build *b, const struct spk_logical *l, struct top *t, spk_error *err)
{
	struct looks looks = { 0 };

	*t = (struct top){ .project = l->kind == SPK_LOGICAL_PROJECT ? l : NULL, .first = 1, .last = INT64_MAX };
	t->filter = t->project ? l->input[0] : l;
	if (t->filter->kind != SPK_LOGICAL_FILTER || !ranks(t->filter->input[0]))
		return SPK_OK;
	looks.column = t->filter->input[0]->schema->count - 1;
	SPK_TRY(take_condition(b, t, t->filter->filter, looks.column, err));
	if (t->last == INT64_MAX || t->last < t->first)
		return SPK_OK;
	t->over = t->filter->input[0];
	if (t->rest)
		spk_expr_columns(t->rest, look, &looks);
	for (int i = 0; t->project && i < t->project->expr_count; i++)
		spk_expr_columns(t->project->expr[i], look, &looks);
	t->shows_rank = looks.found || !t->project;
	return SPK_OK;
}

static void match_limit(const struct spk_logical *l, struct top *t)
{
	const struct spk_logical *sort = l->input[0];

	*t = (struct top){ .first = l->offset + 1 };
	if (sort->kind != SPK_LOGICAL_SORT || l->limit <= 0 || __builtin_add_overflow(l->limit, l->offset, &t->last) || t->last == INT64_MAX)
		return;
	for (int i = 0; i < sort->sort_count; i++)
		if (sort->sort[i].expr->kind != SPK_EXPR_COLUMN)
			return;
	t->over = sort;
}

/* The ORDER BY of DISTINCT ON, which says what row is the first of its kind; its window call stands nowhere in the text. */
static bool orders_distinct(const struct spk_logical *l)
{
	const struct spk_logical *below = l->input[0];

	while (below->kind == SPK_LOGICAL_PROJECT)
		below = below->input[0];
	return below->kind == SPK_LOGICAL_FILTER && ranks(below->input[0]) && below->input[0]->call->position == 0;
}

/* --- building --- */

static spk_status put_meaning(const struct spk_physical *node, struct spk_buffer *text, spk_error *err)
{
	const struct spk_schema *in = node->input[0]->schema;
	char type[64];

	SPK_TRY(spk_build_window_meaning(node, text, err));
	SPK_TRY(spk_buffer_append_str(text, spk_top_n_is_first_row(node) ? "first row" : node->window_key >= 0 ? "rows by window in order" : "rows in order", err));
	for (int i = 0; i < in->count; i++)
		SPK_TRY(spk_buffer_printf(text, err, "%s %s %s", i ? "," : "", in->field[i].name, spk_type_format(in->field[i].type, type, sizeof type)));
	SPK_TRY(spk_buffer_append_str(text, "; by", err));
	for (int i = 0; i < node->key_count; i++)
		SPK_TRY(spk_buffer_printf(text, err, " %d", node->key[i]));
	for (int i = 0; i < node->sort_count; i++)
		SPK_TRY(spk_buffer_printf(text, err, "%s %d %d %d", i ? "," : "; order", node->sort[i].expr->column, node->sort[i].descending, node->sort[i].nulls_first));
	if (node->percentile.asked)
		SPK_TRY(spk_buffer_printf(text, err, "; %s at %.17g", node->percentile.between ? "value" : "row", node->percentile.share));
	if (spk_top_n_keeps_all(node))
		return spk_buffer_append_str(text, "; all", err);
	return spk_buffer_printf(text, err, "; %s up to %lld", node->calls ? spk_window_function_name(node->call->function) : "row_number", (long long)(node->offset + node->limit));
}

static bool is_key(const struct spk_physical *node, int column)
{
	for (int i = 0; i < node->key_count; i++)
		if (node->key[i] == column)
			return true;
	return false;
}

spk_status spk_build_order(struct spk_build *b, const struct spk_logical *l, struct spk_physical *node, spk_error *err)
{
	node->sort = SPK_NEW_ARRAY(b->arena, struct spk_sort_key, l->sort_count + 1);
	SPK_TRY_PTR(node->sort, err);
	for (int i = 0; i < l->sort_count; i++)
		if (l->sort[i].expr->kind == SPK_EXPR_COLUMN && !is_key(node, l->sort[i].expr->column))
			node->sort[node->sort_count++] = l->sort[i];
	return SPK_OK;
}

/* over: over the columns of `in`, whose partition `key` is. */
static spk_status build_node(struct spk_build *b, const struct top *t, const struct spk_logical *over, const struct spk_over_keys *keys, struct spk_closing closing, struct spk_ports *ports, spk_error *err)
{
	const bool by_window = closing.key >= 0, retracts = ports->retracts, by_time = !by_window && t->filter && spk_build_goes_by_time(b, t->over, ports);
	struct spk_buffer text = { 0 };
	struct spk_physical *node;
	spk_status status;

	SPK_TRY(by_time ? spk_build_hold(b, t->over, keys, ports, err) : spk_build_exchange(b, ports, keys->column, keys->count, -1, ports, err));
	node = spk_build_node(b, SPK_PHYSICAL_TOP_N, t->shows_rank ? over->schema : ports->node[0]->schema, ports, over);
	SPK_TRY_PTR(node, err);
	node->left = node->schema;
	node->key = keys->column;
	node->key_count = keys->count;
	node->offset = t->first - 1;
	node->limit = t->last - node->offset;
	node->percentile = t->percentile;
	node->calls = over->calls;
	node->call = over->call;
	if (by_window)
		spk_build_by_window(b, t->over, closing, node);
	/* In the order of time what comes later never displaces what is there. */
	node->retracts = by_window ? closing.changes : !by_time;
	/* Rows that have a key are no more than its values, whether they change or not. */
	node->bound = by_window ? SPK_BOUND_TIME : (retracts || t->percentile.asked) && !t->over->input[0]->properties.key_count ? SPK_BOUND_NOTHING : SPK_BOUND_KEY;
	SPK_TRY(spk_build_order(b, over, node, err));
	status = put_meaning(node, &text, err);
	if (status == SPK_OK)
		status = spk_build_state(b, node, "top", &text, err);
	spk_buffer_release(&text);
	SPK_TRY(status);
	*ports = spk_build_port(b, node, node->retracts);
	return ports->node ? SPK_OK : spk_fail_memory(err);
}

static spk_status add_rest(struct spk_build *b, const struct top *t, struct spk_ports *ports, spk_error *err)
{
	struct spk_physical *node;

	SPK_TRY(spk_build_check_timeless(b, t->filter, ports->retracts, err));
	node = spk_build_node(b, SPK_PHYSICAL_FILTER, ports->node[0]->schema, ports, t->filter);
	SPK_TRY_PTR(node, err);
	node->filter = t->rest;
	*ports = spk_build_port(b, node, ports->retracts);
	return ports->node ? SPK_OK : spk_fail_memory(err);
}

static spk_status build_rank(struct spk_build *b, const struct top *t, struct spk_ports *out, spk_error *err)
{
	struct spk_closing closing;
	struct spk_over_keys keys;
	struct spk_logical *over;

	SPK_TRY(spk_build_relation(b, t->over->input[0], out, err));
	SPK_TRY(spk_build_over_closes(b, t->over, out, &closing, err));
	SPK_TRY(spk_build_over_columns(b, t->over, out, &over, &keys, err));
	SPK_TRY(build_node(b, t, over, &keys, closing, out, err));
	SPK_TRY(spk_build_pace(b, over, keys.column, keys.count, closing, out, err));
	/* Columns that were computed for the order lie before the rank; without it they are behind all that anyone looks at. */
	if (t->shows_rank && over->schema->count > t->over->schema->count)
		SPK_TRY(spk_build_over_drop(b, t->over, out, err));
	if (t->rest)
		SPK_TRY(add_rest(b, t, out, err));
	return t->project ? spk_build_project(b, t->project, t->project->schema, t->project->expr, out, err) : SPK_OK;
}

spk_status spk_build_top_n(struct spk_build *b, const struct spk_logical *l, struct spk_ports *out, bool *built, spk_error *err)
{
	const struct spk_over_keys none = { 0 };
	struct top t = { 0 };

	*built = false;
	if (!b->options->streaming || l->inputs != 1)
		return SPK_OK;
	if (l->kind == SPK_LOGICAL_SORT && orders_distinct(l)) {
		*built = true;
		return spk_build_relation(b, l->input[0], out, err);
	}
	if (l->kind == SPK_LOGICAL_LIMIT)
		match_limit(l, &t);
	else if (l->kind == SPK_LOGICAL_FILTER || l->kind == SPK_LOGICAL_PROJECT)
		SPK_TRY(match_rank(b, l, &t, err));
	*built = t.over != NULL;
	if (!t.over)
		return SPK_OK;
	if (l->kind != SPK_LOGICAL_LIMIT)
		return build_rank(b, &t, out, err);
	SPK_TRY(spk_build_relation(b, t.over->input[0], out, err));
	return build_node(b, &t, t.over, &none, (struct spk_closing){ .key = -1 }, out, err);
}

/* One row of every key. */
static spk_status build_one(struct spk_build *b, const struct top *t, int keys, struct spk_sort_key *sort, int sorts, struct spk_closing closing, struct spk_ports *ports, spk_error *err)
{
	struct spk_logical *order = spk_logical_new(b->arena, SPK_LOGICAL_SORT, ports->node[0]->schema, t->over->input, 1);
	struct spk_over_keys key = { SPK_NEW_ARRAY(b->arena, int, keys + 1), keys };

	SPK_TRY_PTR(order && key.column, err);
	for (int i = 0; i < keys; i++)
		key.column[i] = i;
	order->sort = sort;
	order->sort_count = sorts;
	order->position = t->over->position;
	return build_node(b, t, order, &key, closing, ports, err);
}

spk_status spk_build_first_row(struct spk_build *b, const struct spk_logical *l, int keys, struct spk_sort_key *sort, int sorts, struct spk_closing closing, struct spk_ports *ports, spk_error *err)
{
	const struct top t = { .over = l, .first = 1, .last = 1 };

	return build_one(b, &t, keys, sort, sorts, closing, ports, err);
}

spk_status spk_build_percentile(struct spk_build *b, const struct spk_logical *l, int keys, struct spk_sort_key *sort, struct spk_percentile percentile, struct spk_closing closing, struct spk_ports *ports, spk_error *err)
{
	const struct top t = { .over = l, .first = 1, .last = 1, .percentile = percentile };

	return build_one(b, &t, keys, sort, 1, closing, ports, err);
}
