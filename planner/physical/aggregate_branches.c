/*
 * Aggregates in a stream of which some calls need more of a group than one state: each such call has a branch, an operator that keeps what the call needs and hands on what
 * changes of it. What the branches say of a group meets in the aggregate above them, which keeps states alone.
 *
 *   calls that go on from their states                     PartialAggregate > exchange                             \
 *   DISTINCT calls of the same arguments                   StreamAggregate by group and arguments > PartialAggregate  > exchange > aggregate by group
 *   min, max and their like over rows that are taken back, first and last ORDER BY
 *                                                          TopN by group, 1 row > PartialAggregate                 |
 *   percentiles at a constant share                        TopN by group, the row there > PartialAggregate         |
 *   mode                                                   StreamAggregate by group and value > TopN by group, the value that is there most often > PartialAggregate  /
 *
 * All partial aggregates lay out the states of all calls; each updates its own. A DISTINCT call's FILTER is asked below: whether it is true for some row of the
 * group with these arguments, so that calls with other FILTERs share what is kept.
 */
#include "planner/physical/build.h"

#include "core/base/check.h"

enum branch { PLAIN, DISTINCT, FIRST, PERCENTILE, MODE, NONE };

static bool is_named(const struct spk_aggregate_call *c, const char *name) { return !c->aggregate->user && strcmp(c->aggregate->name, name) == 0; }

/* min(x), or arg_min(x, y): the value is input 0, by the last one. Any value may be the least. */
static bool is_extreme(const struct spk_aggregate_call *c, bool *most)
{
	static const char *const names[2][3] = { { "min", "arg_min", "min_by" }, { "max", "arg_max", "max_by" } };

	for (int i = 0; i < 6; i++) {
		*most = i >= 3;
		if (is_named(c, names[*most][i % 3]))
			return true;
	}
	*most = false;
	return is_named(c, "any_value") && !spk_type_is_json(c->arg_type) && !spk_type_is_nested(c->arg_type);
}

/* Keys of the arguments bring back other values than they were made of, which count() alone does not mind. */
static bool keeps_arguments(const struct spk_aggregate_call *c)
{
	bool keeps = true;

	for (int i = 0; i < c->inputs; i++)
		keeps = keeps && spk_key_keeps(c->input[i]->type);
	return keeps || strcmp(c->aggregate->name, "count") == 0;
}

/* first(x ORDER BY y), or last. */
static bool is_ordered_pick(const struct spk_aggregate_call *c, bool *last)
{
	*last = is_named(c, "last");
	return c->sorts && (*last || is_named(c, "first"));
}

/* Which row of a group a percentile is, where its share is one number that is known. */
static bool is_percentile(const struct spk_aggregate_call *c, struct spk_percentile *out)
{
	const struct spk_expr *share = c->inputs ? c->input[0] : NULL;

	*out = (struct spk_percentile){ .asked = true, .between = is_named(c, "percentile_cont") };
	if (!(out->between || is_named(c, "percentile_disc")) || share->kind != SPK_EXPR_CONSTANT || share->type.id != SPK_TYPE_DOUBLE || share->value.null)
		return false;
	out->share = share->value.f64;
	return out->share >= 0 && out->share <= 1;
}

bool spk_aggregate_gathers(const struct spk_aggregate_call *c)
{
	struct spk_percentile percentile;

	return !c->distinct && (is_percentile(c, &percentile) || (is_named(c, "mode") && keeps_arguments(c)));
}

static bool goes_on(const struct spk_aggregate_call *c, bool retracts)
{
	return c->step == c->aggregate && c->aggregate->merge && (!retracts || c->step->retract);
}

/* closes: a group is written once, and what is kept of it until then may be rows. */
static enum branch branch_of(const struct spk_aggregate_call *c, bool retracts, bool closes)
{
	struct spk_aggregate_call plain = *c;
	struct spk_percentile percentile;
	bool most;

	if (c->distinct) {
		spk_aggregate_without_distinct(&plain);
		return goes_on(&plain, true) && keeps_arguments(c) ? DISTINCT : NONE;
	}
	if (goes_on(c, retracts) && (closes || !spk_aggregate_gathers(c)))
		return PLAIN;
	if (is_percentile(c, &percentile))
		return PERCENTILE;
	if (is_named(c, "mode") && keeps_arguments(c))
		return MODE;
	if (is_ordered_pick(c, &most))
		return FIRST;
	if (goes_on(c, retracts))
		return PLAIN;
	return retracts && c->step == c->aggregate && is_extreme(c, &most) ? FIRST : NONE;
}

/* While the branches are made. */
struct fork {
	struct spk_build *b;
	const struct spk_logical *of;          /* as it was written */
	const struct spk_logical *l;           /* over the columns of `rows`: groups first */
	struct spk_ports rows;
	struct spk_closing closing;
	struct spk_aggregate_call *call;       /* as the merging side has them */
	bool *done;                            /* by call: its branch is there */
	int state_size, count;
	struct spk_physical *partial;          /* one of them */
	struct spk_physical **made;
};

/* --- the end of every branch --- */

/* Of the calls, those that this branch updates are in mine[], the others NULL. Its groups are the first columns. */
static spk_status add_partial(struct fork *f, struct spk_ports *ports, const struct spk_aggregate_call *const *mine, spk_error *err)
{
	const struct spk_logical *l = f->l;
	struct spk_physical *node = spk_build_node(f->b, SPK_PHYSICAL_PARTIAL_AGGREGATE, l->schema, ports, l);

	SPK_TRY_PTR(node, err);
	node->aggregate = SPK_NEW_ARRAY(f->b->arena, struct spk_aggregate_call, l->aggregate_count + 1);
	node->expr = SPK_NEW_ARRAY(f->b->arena, struct spk_expr *, l->expr_count + 1);
	SPK_TRY_PTR(node->aggregate && node->expr, err);
	for (node->aggregate_count = 0; node->aggregate_count < l->aggregate_count; node->aggregate_count++) {
		struct spk_aggregate_call *c = &node->aggregate[node->aggregate_count];
		const struct spk_aggregate_call *own = mine[node->aggregate_count];

		*c = f->call[node->aggregate_count];
		c->elsewhere = !own;
		if (!own)
			continue;
		c->input = own->input;
		c->inputs = own->inputs;
		c->filter = own->filter;
		c->distinct = false;
	}
	for (; node->expr_count < l->expr_count; node->expr_count++)
		SPK_TRY_PTR(node->expr[node->expr_count] = spk_expr_column(f->b->arena, node->expr_count, &ports->node[0]->schema->field[node->expr_count]), err);
	node->state_size = f->state_size;
	node->window_key = f->closing.key;
	node->retracts = false;
	f->partial = node;
	f->made[f->count++] = node;
	return spk_build_partial_schema(f->b, node, err);
}

/* --- calls that go on from their states --- */

/* Always there: it counts the rows of a group, by which it lives. What feeds the other branches must not be in one stage with what they feed. */
static spk_status add_plain(struct fork *f, bool retracts, spk_error *err)
{
	const struct spk_aggregate_call **mine = SPK_NEW_ARRAY(f->b->arena, const struct spk_aggregate_call *, f->l->aggregate_count + 1);
	struct spk_ports ports;

	SPK_TRY_PTR(mine, err);
	for (int i = 0; i < f->l->aggregate_count; i++)
		if (branch_of(&f->of->aggregate[i], retracts, spk_build_says_once(f->closing)) == PLAIN)
			mine[i] = &f->l->aggregate[i];
	SPK_TRY(add_partial(f, &f->rows, mine, err));
	ports = spk_build_port(f->b, f->partial, false);
	SPK_TRY_PTR(ports.node, err);
	SPK_TRY(spk_build_exchange(f->b, &ports, NULL, 0, f->l->expr_count ? 0 : -1, &ports, err));
	f->made[f->count - 1] = ports.node[0];
	return SPK_OK;
}

/* --- DISTINCT --- */

static bool same_arguments(const struct spk_aggregate_call *a, const struct spk_aggregate_call *b)
{
	bool same = a->inputs == b->inputs;

	for (int i = 0; same && i < a->inputs; i++)
		same = spk_expr_same(a->input[i], b->input[i]);
	return same;
}

/* The lower aggregate's columns in the making. */
struct lower { struct fork *f; struct spk_logical *node; struct spk_schema *schema; };

static spk_status lower_column(struct lower *w, const char *name, struct spk_type type, struct spk_expr **out, spk_error *err)
{
	struct spk_field *field = &w->schema->field[w->schema->count];

	*field = (struct spk_field){ name, type, true };
	*out = spk_expr_column(w->f->b->arena, w->schema->count++, field);
	return *out ? SPK_OK : spk_fail_memory(err);
}

/* Groups, then the arguments. */
static spk_status begin_lower(struct fork *f, const struct spk_aggregate_call *call, struct lower *w, struct spk_expr **argument, spk_error *err)
{
	const struct spk_logical *l = f->l;
	struct spk_expr *ignored;

	*w = (struct lower){ .f = f, .node = spk_arena_copy(f->b->arena, l, sizeof *l), .schema = SPK_NEW(f->b->arena, struct spk_schema) };
	SPK_TRY_PTR(w->node && w->schema, err);
	w->schema->field = SPK_NEW_ARRAY(f->b->arena, struct spk_field, l->expr_count + call->inputs + l->aggregate_count + 1);
	w->node->expr = SPK_NEW_ARRAY(f->b->arena, struct spk_expr *, l->expr_count + call->inputs + 1);
	w->node->aggregate = SPK_NEW_ARRAY(f->b->arena, struct spk_aggregate_call, l->aggregate_count + 1);
	SPK_TRY_PTR(w->schema->field && w->node->expr && w->node->aggregate, err);
	w->node->schema = w->schema;
	w->node->aggregate_count = w->node->empty_sets = 0;
	for (int i = 0; i < l->expr_count; i++) {
		w->node->expr[i] = l->expr[i];
		SPK_TRY(lower_column(w, l->schema->field[i].name, l->expr[i]->type, &ignored, err));
	}
	for (int i = 0; i < call->inputs; i++) {
		w->node->expr[w->node->expr_count++] = call->input[i];
		SPK_TRY(lower_column(w, call->input[i]->name ? call->input[i]->name : "argument", call->input[i]->type, &argument[i], err));
	}
	return SPK_OK;
}

/* Whether the filter is true for some row: a column, one for calls with the same filter. */
static spk_status lower_filter(struct lower *w, struct spk_expr **filter, spk_error *err)
{
	const int groups = w->node->expr_count;
	int i = 0;

	while (i < w->node->aggregate_count && !spk_expr_same(w->node->aggregate[i].filter, *filter))
		i++;
	if (i < w->node->aggregate_count) {
		*filter = spk_expr_column(w->f->b->arena, groups + i, &w->schema->field[groups + i]);
		return *filter ? SPK_OK : spk_fail_memory(err);
	}
	spk_aggregate_whether(*filter, &w->node->aggregate[w->node->aggregate_count++]);
	return lower_column(w, "filter", spk_type(SPK_TYPE_BOOLEAN), filter, err);
}

/* The branch of call number `first` and all with its arguments. */
static spk_status add_distinct(struct fork *f, int first, spk_error *err)
{
	const struct spk_logical *l = f->l;
	const struct spk_aggregate_call *call = &l->aggregate[first], **mine = SPK_NEW_ARRAY(f->b->arena, const struct spk_aggregate_call *, l->aggregate_count + 1);
	struct spk_expr **argument = SPK_NEW_ARRAY(f->b->arena, struct spk_expr *, call->inputs + 1);
	struct spk_ports ports;
	struct lower w;

	SPK_TRY_PTR(mine && argument, err);
	SPK_TRY(begin_lower(f, call, &w, argument, err));
	for (int i = first; i < l->aggregate_count; i++) {
		struct spk_aggregate_call *own;

		if (!l->aggregate[i].distinct || !same_arguments(call, &l->aggregate[i]))
			continue;
		SPK_TRY_PTR(own = spk_arena_copy(f->b->arena, &l->aggregate[i], sizeof *own), err);
		own->input = argument;
		if (own->filter)
			SPK_TRY(lower_filter(&w, &own->filter, err));
		mine[i] = own;
		f->done[i] = true;
	}
	SPK_TRY(spk_build_stream_level(f->b, w.node, &f->rows, f->closing, &ports, err));
	return add_partial(f, &ports, mine, err);
}

/* --- one row of a group --- */

/* Of rows that count for the call: its FILTER is true, its inputs are not NULL, unless NULLs count, too. */
static spk_status keep_counting(struct fork *f, const struct spk_aggregate_call *c, bool nulls, struct spk_ports *ports, spk_error *err)
{
	struct spk_expr **all = SPK_NEW_ARRAY(f->b->arena, struct spk_expr *, c->inputs + 1);
	struct spk_physical *node;
	int n = 0;

	SPK_TRY_PTR(all, err);
	if (c->filter)
		all[n++] = c->filter;
	for (int i = 0; i < c->inputs && !nulls; i++)
		SPK_TRY(spk_expr_make(f->b->arena, SPK_EXPR_IS_NULL, (struct spk_expr *[]){ c->input[i] }, 1, true, 0, &all[n++], err));
	if (!n)
		return SPK_OK;
	SPK_TRY_PTR(node = spk_build_node(f->b, SPK_PHYSICAL_FILTER, ports->node[0]->schema, ports, f->l), err);
	node->filter = all[0];
	if (n > 1)
		SPK_TRY(spk_expr_make(f->b->arena, SPK_EXPR_AND, all, n, false, 0, &node->filter, err));
	*ports = spk_build_port(f->b, node, ports->retracts);
	return ports->node ? SPK_OK : spk_fail_memory(err);
}

/* Groups, then the call's inputs. */
static spk_status keep_inputs(struct fork *f, const struct spk_aggregate_call *c, struct spk_ports *ports, spk_error *err)
{
	const int groups = f->l->expr_count, columns = groups + c->inputs;
	struct spk_expr **expr = SPK_NEW_ARRAY(f->b->arena, struct spk_expr *, columns);
	struct spk_schema *schema = SPK_NEW(f->b->arena, struct spk_schema);

	SPK_TRY_PTR(expr && schema, err);
	SPK_TRY_PTR(schema->field = SPK_NEW_ARRAY(f->b->arena, struct spk_field, columns), err);
	for (; schema->count < columns; schema->count++) {
		struct spk_expr *e = schema->count < groups ? f->l->expr[schema->count] : c->input[schema->count - groups];

		expr[schema->count] = e;
		schema->field[schema->count] = (struct spk_field){ e->name ? e->name : "argument", e->type, true };
	}
	return spk_build_project(f->b, f->l, schema, expr, ports, err);
}

/* The end of such a branch: the row's column `column` is the call's value. */
static spk_status add_value(struct fork *f, int number, int column, struct spk_ports *ports, spk_error *err)
{
	const struct spk_aggregate_call *c = &f->l->aggregate[number], **mine = SPK_NEW_ARRAY(f->b->arena, const struct spk_aggregate_call *, f->l->aggregate_count + 1);
	struct spk_aggregate_call *own = SPK_NEW(f->b->arena, struct spk_aggregate_call);
	struct spk_expr *value = spk_expr_column(f->b->arena, column, &ports->node[0]->schema->field[column]);

	SPK_TRY_PTR(mine && own && value, err);
	SPK_TRY(spk_aggregate_of_one(f->b->arena, c, value, own, err));
	mine[number] = own;
	return add_partial(f, ports, mine, err);
}

static spk_status sort_by(struct fork *f, const struct spk_ports *ports, int column, bool descending, bool nulls_first, struct spk_sort_key *out, spk_error *err)
{
	*out = (struct spk_sort_key){ .expr = spk_expr_column(f->b->arena, column, &ports->node[0]->schema->field[column]), .descending = descending, .nulls_first = nulls_first };
	return out->expr ? SPK_OK : spk_fail_memory(err);
}

/* min and max by their last input; first and last by the order that is written. */
static spk_status add_first(struct fork *f, int number, spk_error *err)
{
	const struct spk_aggregate_call *c = &f->l->aggregate[number];
	const int groups = f->l->expr_count, sorts = SPK_MAX(c->sorts, 1);
	struct spk_sort_key *sort = SPK_NEW_ARRAY(f->b->arena, struct spk_sort_key, sorts);
	struct spk_ports ports = f->rows;
	bool ordered, turned;

	SPK_TRY_PTR(sort, err);
	ordered = is_ordered_pick(c, &turned);
	SPK_TRY(keep_counting(f, c, ordered, &ports, err));
	SPK_TRY(keep_inputs(f, c, &ports, err));
	if (!ordered) {
		const bool most = is_extreme(c, &turned) && turned;

		SPK_TRY(sort_by(f, &ports, groups + c->inputs - 1, most, most, &sort[0], err));
	}
	for (int i = 0; i < c->sorts && ordered; i++)
		SPK_TRY(sort_by(f, &ports, groups + c->sort[i].input, c->sort[i].descending != turned, c->sort[i].nulls_first != turned, &sort[i], err));
	SPK_TRY(spk_build_first_row(f->b, f->l, groups, sort, ordered ? sorts : 1, f->closing, &ports, err));
	return add_value(f, number, groups, &ports, err);
}

/* The call of its sorted argument alone. */
static struct spk_aggregate_call of_sorted(const struct spk_aggregate_call *c)
{
	struct spk_aggregate_call one = *c;

	one.input = c->input + c->sort[0].input;
	one.inputs = 1;
	return one;
}

static spk_status add_percentile(struct fork *f, int number, spk_error *err)
{
	const struct spk_aggregate_call *c = &f->l->aggregate[number], one = of_sorted(c);
	const int groups = f->l->expr_count;
	struct spk_sort_key *sort = SPK_NEW(f->b->arena, struct spk_sort_key);
	struct spk_ports ports = f->rows;
	struct spk_percentile percentile;

	SPK_TRY_PTR(sort, err);
	is_percentile(&f->of->aggregate[number], &percentile);
	SPK_TRY(keep_counting(f, &one, false, &ports, err));
	SPK_TRY(keep_inputs(f, &one, &ports, err));
	SPK_TRY(sort_by(f, &ports, groups, c->sort[0].descending, c->sort[0].nulls_first, sort, err));
	SPK_TRY(spk_build_percentile(f->b, f->l, groups, sort, percentile, f->closing, &ports, err));
	return add_value(f, number, groups, &ports, err);
}

/* Values and how often each is there; of those most often the first in the order. */
static spk_status add_mode(struct fork *f, int number, spk_error *err)
{
	static const struct spk_aggregate_syntax count = { .name = "count", .star = true };
	const struct spk_aggregate_call *c = &f->l->aggregate[number], one = of_sorted(c);
	const int groups = f->l->expr_count;
	struct spk_sort_key *sort = SPK_NEW_ARRAY(f->b->arena, struct spk_sort_key, 2);
	struct spk_ports ports = f->rows;
	struct spk_expr *ignored;
	struct lower w;

	SPK_TRY_PTR(sort, err);
	SPK_TRY(keep_counting(f, &one, false, &ports, err));
	SPK_TRY(begin_lower(f, &one, &w, &ignored, err));
	SPK_TRY(spk_aggregate_resolve(f->b->arena, &count, &w.node->aggregate[w.node->aggregate_count++], err));
	SPK_TRY(lower_column(&w, "count", spk_type(SPK_TYPE_BIGINT), &ignored, err));
	SPK_TRY(spk_build_stream_level(f->b, w.node, &ports, f->closing, &ports, err));
	SPK_TRY(sort_by(f, &ports, groups + 1, true, true, &sort[0], err));
	SPK_TRY(sort_by(f, &ports, groups, c->sort[0].descending, c->sort[0].nulls_first, &sort[1], err));
	SPK_TRY(spk_build_first_row(f->b, f->l, groups, sort, 2, f->closing, &ports, err));
	return add_value(f, number, groups, &ports, err);
}

/* --- all of them --- */

/* The calls as the merging side has them: what their branches find, laid out for all. */
static spk_status lay_out(struct fork *f, bool retracts, spk_error *err)
{
	const int calls = f->l->aggregate_count;

	f->call = spk_arena_copy(f->b->arena, f->l->aggregate, sizeof *f->call * (size_t)calls);
	SPK_TRY_PTR(f->call, err);
	for (int i = 0; i < calls; i++) {
		const enum branch branch = branch_of(&f->of->aggregate[i], retracts, spk_build_says_once(f->closing));

		if (branch == DISTINCT)
			spk_aggregate_without_distinct(&f->call[i]);
		if (branch == FIRST || branch == PERCENTILE || branch == MODE)
			SPK_TRY(spk_aggregate_of_one(f->b->arena, &f->l->aggregate[i], f->l->aggregate[i].input[0], &f->call[i], err));
		f->call[i].distinct = f->l->aggregate[i].distinct;  /* as EXPLAIN shows it */
	}
	f->state_size = spk_aggregate_layout(f->call, calls);
	return SPK_OK;
}

static spk_status add_branches(struct fork *f, bool retracts, spk_error *err)
{
	SPK_TRY(lay_out(f, retracts, err));
	SPK_TRY(add_plain(f, retracts, err));
	for (int i = 0; i < f->l->aggregate_count; i++) {
		const enum branch branch = branch_of(&f->of->aggregate[i], retracts, spk_build_says_once(f->closing));

		if (branch == DISTINCT && !f->done[i])
			SPK_TRY(add_distinct(f, i, err));
		if (branch == FIRST)
			SPK_TRY(add_first(f, i, err));
		if (branch == PERCENTILE)
			SPK_TRY(add_percentile(f, i, err));
		if (branch == MODE)
			SPK_TRY(add_mode(f, i, err));
	}
	return SPK_OK;
}

spk_status spk_build_aggregate_branches(struct spk_build *b, const struct spk_logical *l, const struct spk_ports *in, struct spk_closing closing, struct spk_ports *out, bool *built, spk_error *err)
{
	struct fork f = { .b = b, .of = l, .rows = *in, .closing = closing };
	struct spk_physical merging;
	struct spk_ports ports;
	struct spk_logical *n;

	*built = false;
	for (int i = 0; i < l->aggregate_count; i++)
		if (branch_of(&l->aggregate[i], in->retracts, spk_build_says_once(closing)) == NONE)
			return SPK_OK;
	*built = true;
	SPK_TRY(spk_build_aggregate_columns(b, l, &f.rows, &n, err));
	f.l = n;
	f.done = SPK_NEW_ARRAY(b->arena, bool, l->aggregate_count + 1);
	f.made = SPK_NEW_ARRAY(b->arena, struct spk_physical *, l->aggregate_count + 1);
	SPK_TRY_PTR(f.done && f.made, err);
	SPK_TRY(add_branches(&f, in->retracts, err));
	merging = *f.partial;
	merging.aggregate = f.call;
	ports = (struct spk_ports){ .count = f.count, .node = f.made };
	return spk_build_stream_merging(b, n, &merging, NULL, &ports, closing, out, err);
}
