/*
 * GROUPING SETS, ROLLUP, CUBE and GROUPING().
 *
 * GROUP BY is a list of sets of group expressions: the product of its items' sets. With more than one set an EXPAND node below the AGGREGATE
 * gives every row once per set: the input's columns, which aggregates see as they are, the group expressions, NULL where the set lacks them,
 * and the set's number, by which is grouped as well. Bit i of the number is set where the set lacks group i, so that GROUPING() is read off
 * it; a set that is there again has a higher number.
 */
#include "planner/sql/bind.h"

#include <string.h>

enum { SETS_MAX = 4096, CUBE_MAX = 12, SET_GROUPS_MAX = 48, GROUPING_ARGS_MAX = 31 };

/* Sets of groups; bit i: group i is in it. */
struct sets { struct spk_query *q; uint64_t *set; int count, capacity; };

static spk_status add_set(struct sets *s, uint64_t set, spk_error *err)
{
	if (s->count == SETS_MAX)
		return spk_binder_fail(s->q->b, spk_node_location(s->q->select->group_clause[0]), SPK_BIND, err, "too many grouping sets present (maximum %d)", SETS_MAX);
	if (s->count == s->capacity) {
		const int capacity = s->capacity ? s->capacity * 2 : 16;
		uint64_t *grown = SPK_NEW_ARRAY(s->q->b->arena, uint64_t, capacity);

		SPK_TRY_PTR(grown, err);
		if (s->count)
			memcpy(grown, s->set, sizeof *grown * (size_t)s->count);
		s->set = grown;
		s->capacity = capacity;
	}
	s->set[s->count++] = set;
	return SPK_OK;
}

/* One element: an expression, or several in brackets. */
static spk_status add_element(struct sets *s, const PgQuery__Node *n, uint64_t *mask, spk_error *err)
{
	int group, count;

	if (n->node_case == PG_QUERY__NODE__NODE_ROW_EXPR) {
		for (size_t i = 0; i < n->row_expr->n_args; i++)
			SPK_TRY(add_element(s, n->row_expr->args[i], mask, err));
		return SPK_OK;
	}
	SPK_TRY(spk_query_add_group(s->q, n, &group, &count, err));
	if (group + count > SET_GROUPS_MAX)
		return spk_binder_fail(s->q->b, spk_node_location(n), SPK_UNSUPPORTED, err, "GROUPING SETS over more than %d expressions are not supported", SET_GROUPS_MAX);
	*mask |= ((1ull << count) - 1) << group;
	return SPK_OK;
}

static spk_status add_elements(struct sets *s, PgQuery__Node *const *n, size_t count, uint64_t **out, spk_error *err)
{
	uint64_t *mask = SPK_NEW_ARRAY(s->q->b->arena, uint64_t, count + 1);

	SPK_TRY_PTR(mask, err);
	for (size_t i = 0; i < count; i++)
		SPK_TRY(add_element(s, n[i], &mask[i], err));
	*out = mask;
	return SPK_OK;
}

static spk_status expand_rollup(struct sets *s, const PgQuery__GroupingSet *g, spk_error *err)
{
	uint64_t *mask;

	SPK_TRY(add_elements(s, g->content, g->n_content, &mask, err));
	for (size_t n = g->n_content + 1; n-- > 0;) {
		uint64_t set = 0;

		for (size_t i = 0; i < n; i++)
			set |= mask[i];
		SPK_TRY(add_set(s, set, err));
	}
	return SPK_OK;
}

static spk_status expand_cube(struct sets *s, const PgQuery__GroupingSet *g, spk_error *err)
{
	uint64_t *mask;

	if (g->n_content > CUBE_MAX)
		return spk_binder_fail(s->q->b, g->location, SPK_BIND, err, "CUBE is limited to %d elements", CUBE_MAX);
	SPK_TRY(add_elements(s, g->content, g->n_content, &mask, err));
	for (uint32_t chosen = 1u << g->n_content; chosen-- > 0;) {
		uint64_t set = 0;

		for (size_t i = 0; i < g->n_content; i++)
			set |= chosen >> i & 1 ? mask[i] : 0;
		SPK_TRY(add_set(s, set, err));
	}
	return SPK_OK;
}

/* The sets of one item of GROUP BY, or of GROUPING SETS. */
static spk_status expand_item(struct sets *s, const PgQuery__Node *n, spk_error *err)
{
	const PgQuery__GroupingSet *g = n->node_case == PG_QUERY__NODE__NODE_GROUPING_SET ? n->grouping_set : NULL;
	uint64_t set = 0;

	if (!g) {
		SPK_TRY(add_element(s, n, &set, err));
		return add_set(s, set, err);
	}
	switch (g->kind) {
	case PG_QUERY__GROUPING_SET_KIND__GROUPING_SET_EMPTY:
		return add_set(s, 0, err);
	case PG_QUERY__GROUPING_SET_KIND__GROUPING_SET_ROLLUP:
		return expand_rollup(s, g, err);
	case PG_QUERY__GROUPING_SET_KIND__GROUPING_SET_CUBE:
		return expand_cube(s, g, err);
	case PG_QUERY__GROUPING_SET_KIND__GROUPING_SET_SETS:
		for (size_t i = 0; i < g->n_content; i++)
			SPK_TRY(expand_item(s, g->content[i], err));
		return SPK_OK;
	default:
		for (size_t i = 0; i < g->n_content; i++)
			SPK_TRY(add_element(s, g->content[i], &set, err));
		return add_set(s, set, err);
	}
}

/* Every set of one with every set of the other. */
static spk_status multiply(const struct sets *a, const struct sets *b, struct sets *out, spk_error *err)
{
	*out = (struct sets){ .q = a->q };
	for (int i = 0; i < a->count; i++)
		for (int k = 0; k < b->count; k++)
			SPK_TRY(add_set(out, a->set[i] | b->set[k], err));
	return SPK_OK;
}

static void keep_distinct(struct sets *s)
{
	int kept = 0;

	for (int i = 0; i < s->count; i++) {
		bool there = false;

		for (int k = 0; k < kept; k++)
			there = there || s->set[k] == s->set[i];
		if (!there)
			s->set[kept++] = s->set[i];
	}
	s->count = kept;
}

bool spk_query_has_sets(const struct spk_query *q)
{
	for (size_t i = 0; i < q->select->n_group_clause; i++)
		if (q->select->group_clause[i]->node_case == PG_QUERY__NODE__NODE_GROUPING_SET)
			return true;
	return false;
}

spk_status spk_query_bind_sets(struct spk_query *q, spk_error *err)
{
	const PgQuery__SelectStmt *s = q->select;
	struct sets all = { .q = q }, item, both;

	SPK_TRY(add_set(&all, 0, err));
	for (size_t i = 0; i < s->n_group_clause; i++) {
		item = (struct sets){ .q = q };
		SPK_TRY(expand_item(&item, s->group_clause[i], err));
		SPK_TRY(multiply(&all, &item, &both, err));
		all = both;
	}
	if (s->group_distinct)
		keep_distinct(&all);
	q->sets = all.count;
	q->set = all.set;
	return SPK_OK;
}

bool spk_query_in_every_set(const struct spk_query *q, int group)
{
	for (int i = 0; i < q->sets; i++)
		if (!(q->set[i] >> group & 1))
			return false;
	return true;
}

/* --- EXPAND --- */

static uint64_t set_number(const struct spk_query *q, int set)
{
	uint64_t number = ~q->set[set] & ((1ull << q->groups) - 1), again = 0;

	for (int i = 0; i < set; i++)
		again += q->set[i] == q->set[set];
	return number | again << q->groups;
}

static spk_status expand_schema(const struct spk_query *q, const struct spk_schema *input, struct spk_schema **out, spk_error *err)
{
	const int base = input->count;
	struct spk_schema *s = spk_schema_new(q->b->arena, base + q->groups + 1);

	SPK_TRY_PTR(s, err);
	for (int i = 0; i < base; i++)
		s->field[i] = input->field[i];
	for (int i = 0; i < q->groups; i++)
		s->field[base + i] = (struct spk_field){ q->aggregated->field[i].name, q->group[i]->type, q->aggregated->field[i].nullable };
	s->field[base + q->groups] = (struct spk_field){ "grouping_set", spk_type(SPK_TYPE_BIGINT), false };
	*out = s;
	return SPK_OK;
}

static spk_status fill_sets(const struct spk_query *q, const struct spk_schema *input, struct spk_logical *l, spk_error *err)
{
	struct spk_arena *arena = q->b->arena;
	const int base = input->count, columns = l->schema->count;
	struct spk_expr *number;

	for (int c = 0; c < base; c++) {
		struct spk_expr *e = spk_expr_column(arena, c, &input->field[c]);

		SPK_TRY_PTR(e, err);
		for (int k = 0; k < q->sets; k++)
			l->value[k * columns + c] = e;
	}
	for (int i = 0; i < q->groups; i++) {
		struct spk_expr *null = spk_expr_literal(arena, (struct spk_value){ .type = q->group[i]->type, .null = true });

		SPK_TRY_PTR(null, err);
		for (int k = 0; k < q->sets; k++)
			l->value[k * columns + base + i] = q->set[k] >> i & 1 ? q->group[i] : null;
	}
	for (int k = 0; k < q->sets; k++) {
		number = spk_expr_literal(arena, (struct spk_value){ .type = spk_type(SPK_TYPE_BIGINT), .i64 = (int64_t)set_number(q, k) });
		SPK_TRY_PTR(number, err);
		l->value[k * columns + base + q->groups] = number;
	}
	return SPK_OK;
}

/* What the AGGREGATE groups by: the columns behind the input's. */
static spk_status group_columns(struct spk_query *q, const struct spk_schema *schema, struct spk_logical *aggregate, spk_error *err)
{
	const int base = schema->count - q->groups - 1;

	aggregate->expr_count = q->groups + 1;
	aggregate->expr = SPK_NEW_ARRAY(q->b->arena, struct spk_expr *, q->groups + 1);
	SPK_TRY_PTR(aggregate->expr, err);
	for (int i = 0; i <= q->groups; i++)
		SPK_TRY_PTR(aggregate->expr[i] = spk_expr_column(q->b->arena, base + i, &schema->field[base + i]), err);
	return SPK_OK;
}

/* Rows of an empty set are there also without input: the AGGREGATE is told its numbers. */
static spk_status list_empty(const struct spk_query *q, struct spk_logical *aggregate, spk_error *err)
{
	int64_t *list = SPK_NEW_ARRAY(q->b->arena, int64_t, q->sets);

	SPK_TRY_PTR(list, err);
	aggregate->empty_set = list;
	for (int k = 0; k < q->sets; k++)
		if (q->set[k] == 0)
			list[aggregate->empty_sets++] = (int64_t)set_number(q, k);
	return SPK_OK;
}

spk_status spk_query_expand(struct spk_query *q, struct spk_logical *aggregate, spk_error *err)
{
	struct spk_logical *input = aggregate->input[0], *l;
	struct spk_schema *schema = NULL;

	if (q->sets < 2)
		return SPK_OK;
	SPK_TRY(expand_schema(q, input->schema, &schema, err));
	l = spk_logical_new(q->b->arena, SPK_LOGICAL_EXPAND, schema, &input, 1);
	SPK_TRY_PTR(l, err);
	l->position = q->group_position;
	l->value_rows = q->sets;
	l->value = SPK_NEW_ARRAY(q->b->arena, struct spk_expr *, q->sets * schema->count);
	SPK_TRY_PTR(l->value, err);
	SPK_TRY(fill_sets(q, input->schema, l, err));
	SPK_TRY(spk_query_attach_groups(q, l, err));
	aggregate->input[0] = l;
	SPK_TRY(list_empty(q, aggregate, err));
	return group_columns(q, schema, aggregate, err);
}

/* Groups within the expression become EXPAND's columns. A copy: expressions are shared between calls. */
static spk_status read_groups(const struct spk_query *q, const struct spk_schema *schema, const struct spk_expr *e, struct spk_expr **out, spk_error *err)
{
	const int group = spk_query_find_group(q, e), base = schema->count - q->groups - 1;

	if (group >= 0) {
		SPK_TRY_PTR(*out = spk_expr_column(q->b->arena, base + group, &schema->field[base + group]), err);
		(*out)->position = e->position;
		return SPK_OK;
	}
	SPK_TRY_PTR(*out = spk_arena_copy(q->b->arena, e, sizeof *e), err);
	(*out)->nullable = true;
	SPK_TRY_PTR((*out)->arg = SPK_NEW_ARRAY(q->b->arena, struct spk_expr *, e->args + 1), err);
	for (int i = 0; i < e->args; i++)
		SPK_TRY(read_groups(q, schema, e->arg[i], &(*out)->arg[i], err));
	return SPK_OK;
}

spk_status spk_query_expand_direct(const struct spk_query *q, const struct spk_logical *aggregate, spk_error *err)
{
	for (int i = 0; i < aggregate->aggregate_count && q->sets > 1; i++) {
		const struct spk_aggregate_call *c = &aggregate->aggregate[i];

		for (int k = 0; c->aggregate->kind != SPK_AGGREGATE_PLAIN && k < c->args - c->sorts; k++)
			SPK_TRY(read_groups(q, aggregate->input[0]->schema, c->input[k], &c->input[k], err));
	}
	return SPK_OK;
}

/* --- GROUPING() --- */

static spk_status add_grouping(const struct spk_binder *b, struct spk_aggregates *a, const struct spk_grouping *g, int *out, spk_error *err)
{
	struct spk_grouping *grown = SPK_NEW_ARRAY(b->arena, struct spk_grouping, a->groupings + 1);

	SPK_TRY_PTR(grown, err);
	if (a->groupings)
		memcpy(grown, a->grouping, sizeof *grown * (size_t)a->groupings);
	grown[a->groupings] = *g;
	a->grouping = grown;
	*out = a->groupings++;
	return SPK_OK;
}

/* It belongs to the innermost query that its arguments take columns from, as aggregates do. */
spk_status spk_binder_grouping(struct spk_exprs *x, const PgQuery__GroupingFunc *f, struct spk_expr **out, spk_error *err)
{
	const struct spk_field field = { .name = "grouping", .type = spk_type(SPK_TYPE_INTEGER) };
	struct spk_grouping g = { .args = (int)f->n_args, .position = spk_binder_at(x->b, f->location) };
	struct spk_exprs inside = *x;
	const struct spk_exprs *owner = x;
	struct spk_level level = { 0 };
	int at = 0;

	if (f->n_args > GROUPING_ARGS_MAX)
		return spk_binder_fail(x->b, f->location, SPK_BIND, err, "GROUPING must have fewer than %d arguments", GROUPING_ARGS_MAX + 1);
	inside.inside_aggregate = true;
	inside.overs = NULL;
	SPK_TRY(spk_binder_exprs(&inside, f->args, f->n_args, &g.arg, err));
	SPK_TRY(spk_binder_level(x->b, g.arg, g.args, &level, err));
	if (!level.local && level.nearest) {
		owner = level.nearest->exprs;
		SPK_TRY(spk_binder_to_level(x->b, level.nearest, g.arg, g.args, err));
	}
	if (owner && owner->inside_aggregate)
		return spk_binder_fail(x->b, f->location, SPK_BIND, err, "aggregate function calls cannot be nested");
	if (!owner || !owner->aggregates)
		return spk_binder_fail(x->b, f->location, SPK_BIND, err, "grouping operations are not allowed in %s", owner ? owner->clause : "FROM clause of their own query level");
	SPK_TRY(add_grouping(x->b, owner->aggregates, &g, &at, err));
	*out = owner == x ? spk_expr_column(x->b->arena, SPK_GROUPING_COLUMN + at, &field) : spk_expr_outer(x->b->arena, level.nearest->number, SPK_GROUPING_COLUMN + at, &field);
	SPK_TRY_PTR(*out, err);
	(*out)->position = g.position;
	return SPK_OK;
}

static spk_status call_two(const struct spk_query *q, const char *name, struct spk_expr *a, int64_t b, struct spk_expr **out, spk_error *err)
{
	const bool shift = name[0] == '>' || name[0] == '<';
	const struct spk_value v = shift ? (struct spk_value){ .type = spk_type(SPK_TYPE_INTEGER), .i32 = (int32_t)b } : (struct spk_value){ .type = spk_type(SPK_TYPE_BIGINT), .i64 = b };
	struct spk_expr *pair[2] = { a, spk_expr_literal(q->b->arena, v) };

	SPK_TRY_PTR(pair[1], err);
	return spk_expr_call(q->b->arena, name, pair, 2, a->position, out, err);
}

/* ((number >> group) & 1) << place */
static spk_status one_bit(const struct spk_query *q, struct spk_expr *number, int group, int place, struct spk_expr **out, spk_error *err)
{
	SPK_TRY(call_two(q, ">>", number, group, out, err));
	SPK_TRY(call_two(q, "&", *out, 1, out, err));
	return place ? call_two(q, "<<", *out, place, out, err) : SPK_OK;
}

static spk_status grouping_value(struct spk_query *q, const struct spk_grouping *g, const int *group, struct spk_expr **out, spk_error *err)
{
	struct spk_expr *number = spk_expr_column(q->b->arena, q->groups, &q->aggregated->field[q->groups]), *sum = NULL;

	SPK_TRY_PTR(number, err);
	number->position = g->position;
	for (int i = 0; i < g->args; i++) {
		struct spk_expr *pair[2] = { sum };

		SPK_TRY(one_bit(q, number, group[i], g->args - 1 - i, &pair[1], err));
		if (sum)
			SPK_TRY(spk_expr_call(q->b->arena, "|", pair, 2, g->position, &sum, err));
		else
			sum = pair[1];
	}
	return spk_expr_cast(q->b->arena, sum, spk_type(SPK_TYPE_INTEGER), true, g->position, out, err);
}

static spk_status find_groups(const struct spk_query *q, const struct spk_grouping *g, int *group, spk_error *err)
{
	for (int i = 0; i < g->args; i++) {
		group[i] = spk_query_find_group(q, g->arg[i]);
		if (group[i] >= 0)
			continue;
		spk_fail(err, SPK_BIND, "arguments to GROUPING must be grouping expressions of the associated query level");
		if (err)
			err->position = g->arg[i]->position ? g->arg[i]->position : g->position;
		return SPK_BIND;
	}
	return SPK_OK;
}

spk_status spk_query_check_groupings(const struct spk_query *q, spk_error *err)
{
	int group[GROUPING_ARGS_MAX];

	for (int i = 0; i < q->aggregates.groupings; i++)
		SPK_TRY(find_groups(q, &q->aggregates.grouping[i], group, err));
	return SPK_OK;
}

spk_status spk_query_grouping(struct spk_query *q, const struct spk_expr *e, struct spk_expr **out, spk_error *err)
{
	const struct spk_grouping *g = &q->aggregates.grouping[e->column - SPK_GROUPING_COLUMN];
	int group[GROUPING_ARGS_MAX];

	SPK_TRY(find_groups(q, g, group, err));
	if (q->sets > 1)
		return grouping_value(q, g, group, out, err);
	*out = spk_expr_literal(q->b->arena, (struct spk_value){ .type = spk_type(SPK_TYPE_INTEGER) });
	return *out ? SPK_OK : spk_fail_memory(err);
}
