/*
 * Subqueries in expressions: (SELECT ...), EXISTS, IN, op ANY, op ALL. Each becomes a join whose right side is the subquery; what it
 * takes from the query around it are OUTER references, and the join is dependent. The optimizer makes plain joins of them.
 *
 * Like aggregates, a subquery first stands as a column of its own in the expressions around it; it is joined to the plan when that
 * has got where its clause is computed: over FROM for WHERE, under the AGGREGATE for what is grouped and aggregated, over it for the rest.
 */
#include "planner/sql/bind.h"

#include <string.h>

/* --- binding --- */

static bool alike(const struct spk_sublink *a, int a_id, const struct spk_sublink *b, int b_id)
{
	const struct spk_same_outer around = { a->number, b->number, NULL }, own = { -a_id, -b_id, NULL };

	return a->join == b->join && a->used == b->used && spk_expr_same_but(a->condition, b->condition, &own) && spk_logical_same(a->plan, b->plan, &around);
}

spk_status spk_sublinks_add(const struct spk_binder *b, struct spk_sublinks *s, const struct spk_sublink *link, int *id, spk_error *err)
{
	if (s->count == s->capacity) {
		int capacity = s->capacity ? s->capacity * 2 : 8;
		struct spk_sublink *grown = SPK_NEW_ARRAY(b->arena, struct spk_sublink, capacity);

		SPK_TRY_PTR(grown, err);
		if (s->count)
			memcpy(grown, s->sublink, sizeof *grown * (size_t)s->count);
		s->sublink = grown;
		s->capacity = capacity;
	}
	s->sublink[s->count++] = *link;
	*id = s->sublink[s->count - 1].alike = s->count;
	for (int i = s->count - 1; i > 0; i--)
		if (s->sublink[i - 1].alike == i && s->sublink[i - 1].column < 0 && alike(&s->sublink[i - 1], i, link, *id))
			s->sublink[s->count - 1].alike = i;
	return SPK_OK;
}

/* Column `column` of the subquery, or for MARK what it answers. */
static spk_status stand_in(const struct spk_exprs *x, int id, int column, const struct spk_field *f, int position, struct spk_expr **out, spk_error *err)
{
	*out = spk_expr_outer(x->b->arena, -id, column, f);
	SPK_TRY_PTR(*out, err);
	(*out)->position = position;
	return SPK_OK;
}

static spk_status bind_query(struct spk_exprs *x, const PgQuery__SubLink *s, struct spk_sublink *link, spk_error *err)
{
	struct spk_outer around = { .scope = x->scope, .exprs = x, .sublinks = x->b->sublinks, .number = ++*x->b->dependents, .next = x->b->outer };
	const char *barrier = x->b->barrier;
	spk_status status;

	if (!x->b->sublinks || !x->scope)
		return spk_binder_fail(x->b, s->location, SPK_BIND, err, "cannot use subquery in %s", x->clause);
	if (!s->subselect || s->subselect->node_case != PG_QUERY__NODE__NODE_SELECT_STMT)
		return spk_binder_unsupported(x->b, s->location, "a subquery that is not a SELECT", err);
	x->b->outer = &around;
	x->b->barrier = "a subquery";
	status = spk_binder_query(x->b, s->subselect->select_stmt, false, &link->plan, err);
	x->b->barrier = barrier;
	x->b->outer = around.next;
	SPK_TRY(status);
	link->number = around.number;
	link->used = around.used;
	link->column = -1;
	link->position = spk_binder_at(x->b, s->location);
	return SPK_OK;
}

static spk_status bind_scalar(struct spk_exprs *x, const PgQuery__SubLink *s, struct spk_expr **out, spk_error *err)
{
	struct spk_sublink link = { .join = SPK_JOIN_SINGLE };
	struct spk_field f;
	int id;

	SPK_TRY(bind_query(x, s, &link, err));
	if (link.plan->schema->count != 1)
		return spk_binder_fail(x->b, s->location, SPK_BIND, err, "subquery must return only one column");
	SPK_TRY(spk_sublinks_add(x->b, x->b->sublinks, &link, &id, err));
	f = link.plan->schema->field[0];
	f.nullable = true;
	return stand_in(x, id, 0, &f, link.position, out, err);
}

/* --- ARRAY --- */

/* The query's rows and their order, without a projection on top that only picks columns; *column: where its first column is. */
static struct spk_logical *ordered_rows(struct spk_logical *plan, int *column, const struct spk_logical **sort)
{
	struct spk_logical *below = plan->kind == SPK_LOGICAL_PROJECT && plan->expr[0]->kind == SPK_EXPR_COLUMN ? plan->input[0] : plan;
	const struct spk_logical *l = below->kind == SPK_LOGICAL_LIMIT ? below->input[0] : below;

	*sort = l->kind == SPK_LOGICAL_SORT ? l : NULL;
	*column = *sort && below != plan ? plan->expr[0]->column : 0;
	return *sort ? below : plan;
}

/* array_agg(column ORDER BY the query's order), and {} for no rows. */
static spk_status aggregate_array(struct spk_exprs *x, const PgQuery__SubLink *s, struct spk_logical **plan, spk_error *err)
{
	struct spk_aggregate_syntax syntax = { .name = "array_agg", .args = 1, .position = spk_binder_at(x->b, s->location) };
	const struct spk_logical *sort;
	struct spk_expr *column, *either[2], **column_list;
	struct spk_schema *schema;
	struct spk_logical *l;
	int at;

	*plan = ordered_rows(*plan, &at, &sort);
	SPK_TRY_PTR(column = spk_expr_column(x->b->arena, at, &(*plan)->schema->field[at]), err);
	syntax.arg = &column;
	syntax.orders = sort ? sort->sort_count : 0;
	syntax.order = sort ? sort->sort : NULL;
	SPK_TRY_PTR(l = spk_logical_new(x->b->arena, SPK_LOGICAL_AGGREGATE, NULL, plan, 1), err);
	SPK_TRY_PTR(l->aggregate = SPK_NEW(x->b->arena, struct spk_aggregate_call), err);
	SPK_TRY(spk_aggregate_resolve(x->b->arena, &syntax, l->aggregate, err));
	SPK_TRY_PTR(schema = spk_schema_new(x->b->arena, 1), err);
	schema->field[0] = (struct spk_field){ "array", l->aggregate->type, true };
	l->aggregate->name = "array";
	l->aggregate_count = 1;
	l->schema = schema;
	SPK_TRY_PTR(either[0] = spk_expr_column(x->b->arena, 0, &schema->field[0]), err);
	SPK_TRY_PTR(either[1] = spk_expr_unknown(x->b->arena, "{}"), err);
	SPK_TRY(spk_expr_cast(x->b->arena, either[1], schema->field[0].type, true, syntax.position, &either[1], err));
	SPK_TRY_PTR(schema = spk_schema_new(x->b->arena, 1), err);
	schema->field[0] = (struct spk_field){ "array", l->schema->field[0].type, false };
	SPK_TRY_PTR(column_list = SPK_NEW(x->b->arena, struct spk_expr *), err);
	SPK_TRY(spk_expr_make(x->b->arena, SPK_EXPR_COALESCE, either, 2, false, syntax.position, column_list, err));
	SPK_TRY_PTR(*plan = spk_binder_project(x->b, l, column_list, schema), err);
	return SPK_OK;
}

static spk_status bind_array(struct spk_exprs *x, const PgQuery__SubLink *s, struct spk_expr **out, spk_error *err)
{
	struct spk_sublink link = { .join = SPK_JOIN_SINGLE };
	struct spk_field f;
	int id;

	SPK_TRY(bind_query(x, s, &link, err));
	if (link.plan->schema->count != 1)
		return spk_binder_fail(x->b, s->location, SPK_BIND, err, "subquery must return only one column");
	SPK_TRY(aggregate_array(x, s, &link.plan, err));
	SPK_TRY(spk_sublinks_add(x->b, x->b->sublinks, &link, &id, err));
	f = link.plan->schema->field[0];
	f.nullable = true;
	return stand_in(x, id, 0, &f, link.position, out, err);
}

static const struct spk_field mark = { "?mark?", { .id = SPK_TYPE_BOOLEAN }, false };

static spk_status bind_exists(struct spk_exprs *x, const PgQuery__SubLink *s, struct spk_expr **out, spk_error *err)
{
	struct spk_sublink link = { .join = SPK_JOIN_MARK };
	int id;

	SPK_TRY(bind_query(x, s, &link, err));
	SPK_TRY(spk_sublinks_add(x->b, x->b->sublinks, &link, &id, err));
	return stand_in(x, id, 0, &mark, link.position, out, err);
}

/* --- IN, ANY, ALL and comparisons of rows with a subquery --- */

struct comparison {
	struct spk_exprs *x;
	const PgQuery__SubLink *s;
	const char *name;             /* of the operator */
	int location;
	int count;
	struct spk_expr **left, **right;
};

static spk_status compare(const struct comparison *c, const char *name, int i, struct spk_expr **out, spk_error *err)
{
	struct spk_expr *pair[2] = { c->left[i], c->right[i] };
	char type[64];

	SPK_TRY(spk_binder_call(c->x->b, name, pair, 2, c->location, out, err));
	if (spk_has_set(c->left[i]))
		return spk_binder_fail(c->x->b, c->location, SPK_BIND, err, "row comparison operator must not return a set");
	if ((*out)->type.id == SPK_TYPE_BOOLEAN)
		return SPK_OK;
	return spk_binder_fail(c->x->b, c->location, SPK_BIND, err, "row comparison operator must yield type boolean, not type %s", spk_type_format_bare((*out)->type, type, sizeof type));
}

/* (a, b) < (c, d): a < c, or a = c and the rest is. */
static spk_status compare_rest(const struct comparison *c, int i, struct spk_expr **out, spk_error *err)
{
	char strict[2] = { c->name[0], 0 };
	struct spk_expr *both[2], *either[2];
	int position = spk_binder_at(c->x->b, c->location);

	if (i + 1 == c->count)
		return compare(c, c->name, i, out, err);
	SPK_TRY(compare(c, strict, i, &either[0], err));
	SPK_TRY(compare(c, "=", i, &both[0], err));
	SPK_TRY(compare_rest(c, i + 1, &both[1], err));
	SPK_TRY(spk_expr_make(c->x->b->arena, SPK_EXPR_AND, both, 2, false, position, &either[1], err));
	return spk_expr_make(c->x->b->arena, SPK_EXPR_OR, either, 2, false, position, out, err);
}

static bool is_ordering(const char *name)
{
	return (name[0] == '<' || name[0] == '>') && (!name[1] || strcmp(name + 1, "=") == 0);
}

static spk_status compare_rows(const struct comparison *c, struct spk_expr **out, spk_error *err)
{
	struct spk_expr **each = SPK_NEW_ARRAY(c->x->b->arena, struct spk_expr *, c->count);
	bool equal = strcmp(c->name, "=") == 0;

	SPK_TRY_PTR(each, err);
	if (c->count == 1)
		return compare(c, c->name, 0, out, err);
	if (is_ordering(c->name))
		return compare_rest(c, 0, out, err);
	if (!equal && strcmp(c->name, "<>") != 0)
		return spk_binder_fail(c->x->b, c->location, SPK_UNSUPPORTED, err, "could not determine interpretation of row comparison operator %s", c->name);
	for (int i = 0; i < c->count; i++)
		SPK_TRY(compare(c, c->name, i, &each[i], err));
	return spk_expr_make(c->x->b->arena, equal ? SPK_EXPR_AND : SPK_EXPR_OR, each, c->count, false, spk_binder_at(c->x->b, c->location), out, err);
}

static spk_status bind_left(struct comparison *c, spk_error *err)
{
	const PgQuery__Node *n = c->s->testexpr;
	const PgQuery__RowExpr *row = n->node_case == PG_QUERY__NODE__NODE_ROW_EXPR ? n->row_expr : NULL;

	c->count = row ? (int)row->n_args : 1;
	if (row)
		return spk_binder_exprs(c->x, row->args, row->n_args, &c->left, err);
	c->left = SPK_NEW_ARRAY(c->x->b->arena, struct spk_expr *, 1);
	SPK_TRY_PTR(c->left, err);
	return spk_binder_expr(c->x, n, &c->left[0], err);
}

/* The columns of the subquery that will get the number `id`. */
static spk_status bind_right(struct comparison *c, const struct spk_sublink *link, int id, spk_error *err)
{
	const struct spk_schema *schema = link->plan->schema;

	if (schema->count != c->count)
		return spk_binder_fail(c->x->b, c->s->location, SPK_BIND, err, "subquery has too %s columns", schema->count > c->count ? "many" : "few");
	c->right = SPK_NEW_ARRAY(c->x->b->arena, struct spk_expr *, c->count);
	SPK_TRY_PTR(c->right, err);
	for (int i = 0; i < c->count; i++)
		SPK_TRY(stand_in(c->x, id, i, &schema->field[i], link->position, &c->right[i], err));
	return SPK_OK;
}

static const char *operator_of(const PgQuery__SubLink *s)
{
	const char *name = s->n_oper_name ? spk_node_string(s->oper_name[s->n_oper_name - 1]) : "=";

	return strcmp(name, "!=") == 0 ? "<>" : name;
}

/* The operator that holds where `name` does not (and gives NULL where it does); NULL: none. */
static const char *negator(const char *name)
{
	static const char *const pair[][2] = { { "=", "<>" }, { "<", ">=" }, { ">", "<=" } };

	for (size_t i = 0; i < SPK_COUNT_OF(pair); i++) {
		if (strcmp(name, pair[i][0]) == 0)
			return pair[i][1];
		if (strcmp(name, pair[i][1]) == 0)
			return pair[i][0];
	}
	return NULL;
}

/* x op ALL (q) is NOT (x negated-op ANY (q)), in three values too. */
static spk_status bind_any(struct spk_exprs *x, const PgQuery__SubLink *s, bool all, struct spk_expr **out, spk_error *err)
{
	struct comparison c = { .x = x, .s = s, .name = operator_of(s), .location = s->location };
	struct spk_sublink link = { .join = SPK_JOIN_MARK };
	const char *negated = all ? negator(c.name) : NULL;
	struct spk_field f = mark;
	int id;

	SPK_TRY(bind_left(&c, err));
	SPK_TRY(bind_query(x, s, &link, err));
	SPK_TRY(bind_right(&c, &link, x->b->sublinks->count + 1, err));
	if (negated && c.count == 1)
		c.name = negated;
	SPK_TRY(compare_rows(&c, &link.condition, err));
	if (all && !(negated && c.count == 1))
		SPK_TRY(spk_expr_make(x->b->arena, SPK_EXPR_NOT, &link.condition, 1, false, link.position, &link.condition, err));
	SPK_TRY(spk_sublinks_add(x->b, x->b->sublinks, &link, &id, err));
	f.nullable = true;
	SPK_TRY(stand_in(x, id, 0, &f, link.position, out, err));
	return all ? spk_expr_make(x->b->arena, SPK_EXPR_NOT, out, 1, false, link.position, out, err) : SPK_OK;
}

/* (a, b) = (SELECT x, y ...) */
static spk_status bind_row(struct spk_exprs *x, const PgQuery__SubLink *s, struct spk_expr **out, spk_error *err)
{
	struct comparison c = { .x = x, .s = s, .name = operator_of(s), .location = s->location };
	struct spk_sublink link = { .join = SPK_JOIN_SINGLE };
	int id;

	SPK_TRY(bind_left(&c, err));
	SPK_TRY(bind_query(x, s, &link, err));
	SPK_TRY(bind_right(&c, &link, x->b->sublinks->count + 1, err));
	for (int i = 0; i < c.count; i++)
		c.right[i]->nullable = true;
	SPK_TRY(spk_sublinks_add(x->b, x->b->sublinks, &link, &id, err));
	return compare_rows(&c, out, err);
}

bool spk_is_row_sublink(const PgQuery__AExpr *e)
{
	return e->kind == PG_QUERY__A__EXPR__KIND__AEXPR_OP && e->lexpr && e->lexpr->node_case == PG_QUERY__NODE__NODE_ROW_EXPR && e->rexpr &&
	       e->rexpr->node_case == PG_QUERY__NODE__NODE_SUB_LINK && e->rexpr->sub_link->sub_link_type == PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK;
}

spk_status spk_binder_row_sublink(struct spk_exprs *x, const PgQuery__AExpr *e, struct spk_expr **out, spk_error *err)
{
	PgQuery__SubLink s = *e->rexpr->sub_link;

	s.sub_link_type = PG_QUERY__SUB_LINK_TYPE__ROWCOMPARE_SUBLINK;
	s.testexpr = e->lexpr;
	s.oper_name = e->name;
	s.n_oper_name = e->n_name;
	return bind_row(x, &s, out, err);
}

spk_status spk_binder_sublink(struct spk_exprs *x, const PgQuery__SubLink *s, struct spk_expr **out, spk_error *err)
{
	switch (s->sub_link_type) {
	case PG_QUERY__SUB_LINK_TYPE__EXISTS_SUBLINK: return bind_exists(x, s, out, err);
	case PG_QUERY__SUB_LINK_TYPE__ANY_SUBLINK: return bind_any(x, s, false, out, err);
	case PG_QUERY__SUB_LINK_TYPE__ALL_SUBLINK: return bind_any(x, s, true, out, err);
	case PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK: return bind_scalar(x, s, out, err);
	case PG_QUERY__SUB_LINK_TYPE__ROWCOMPARE_SUBLINK: return bind_row(x, s, out, err);
	case PG_QUERY__SUB_LINK_TYPE__ARRAY_SUBLINK: return bind_array(x, s, out, err);
	default: return spk_binder_unsupported(x->b, s->location, "this kind of subquery", err);
	}
}

bool spk_query_same(const struct spk_query *q, const struct spk_expr *a, const struct spk_expr *b)
{
	const struct spk_sublink *s = q->sublinks.sublink;
	struct spk_expr alone[2];

	if (a == b || a->kind != b->kind || a->args != b->args)
		return a == b;
	if (a->kind == SPK_EXPR_OUTER && a->outer < 0 && b->outer < 0)
		return a->column == b->column && s[-a->outer - 1].alike == s[-b->outer - 1].alike;
	for (int i = 0; i < a->args; i++)
		if (!spk_query_same(q, a->arg[i], b->arg[i]))
			return false;
	alone[0] = *a;
	alone[1] = *b;
	alone[0].args = alone[1].args = 0;
	return spk_expr_same(&alone[0], &alone[1]);
}

/* --- attaching --- */

struct attach {
	struct spk_binder *b;
	struct spk_sublinks *list;
	struct spk_logical **plan;
	enum spk_attach_phase phase;
	const struct spk_sublink *own;   /* its condition is being put over left ++ right */
	int own_id, left;
};

static spk_status attach_one(struct spk_binder *b, struct spk_sublinks *list, int id, enum spk_join_type join, struct spk_logical **plan, spk_error *err);

/* Whether the condition of a subquery takes what a window function gives. */
static bool needs_windows(const struct spk_sublinks *list, const struct spk_expr *e, int own)
{
	if (e->kind == SPK_EXPR_COLUMN)
		return e->column >= SPK_OVER_COLUMN;
	if (e->kind == SPK_EXPR_OUTER && e->outer < 0 && -e->outer != own && list->sublink[-e->outer - 1].condition)
		return needs_windows(list, list->sublink[-e->outer - 1].condition, -e->outer);
	for (int i = 0; i < e->args; i++)
		if (needs_windows(list, e->arg[i], own))
			return true;
	return false;
}

static spk_status column_of(struct attach *a, const struct spk_expr *e, int column, struct spk_expr **out, spk_error *err)
{
	*out = spk_expr_column(a->b->arena, column, &(struct spk_field){ e->name, e->type, e->nullable });
	SPK_TRY_PTR(*out, err);
	(*out)->position = e->position;
	return SPK_OK;
}

static spk_status attach_leaf(struct spk_expr *e, void *user, struct spk_expr **out, spk_error *err)
{
	struct attach *a = user;
	struct spk_sublink *link;

	if (e->kind != SPK_EXPR_OUTER || e->outer >= 0)
		return SPK_OK;
	if (a->own_id == -e->outer)
		return column_of(a, e, a->left + e->column, out, err);
	link = &a->list->sublink[-e->outer - 1];
	if (link->column < 0 && a->phase == SPK_ATTACH_EARLY && needs_windows(a->list, e, 0))
		return SPK_OK;
	if (link->column < 0)
		SPK_TRY(attach_one(a->b, a->list, -e->outer, link->join, a->plan, err));
	return column_of(a, e, link->column + e->column, out, err);
}

static struct spk_schema *join_schema(const struct spk_binder *b, enum spk_join_type join, const struct spk_schema *l, const struct spk_schema *r, bool exists)
{
	int added = join == SPK_JOIN_SINGLE ? r->count : join == SPK_JOIN_MARK ? 1 : 0;
	struct spk_schema *s = spk_schema_new(b->arena, l->count + added);

	if (!s)
		return NULL;
	memcpy(s->field, l->field, sizeof *s->field * (size_t)l->count);
	for (int i = 0; i < added; i++) {
		s->field[l->count + i] = join == SPK_JOIN_MARK ? mark : r->field[i];
		s->field[l->count + i].nullable = join == SPK_JOIN_SINGLE || !exists;
	}
	return s;
}

/* What the condition needs of other subqueries is attached first, so that `left` is final. */
static spk_status attach_one(struct spk_binder *b, struct spk_sublinks *list, int id, enum spk_join_type join, struct spk_logical **plan, spk_error *err)
{
	struct spk_sublink *link = &list->sublink[id - 1];
	struct attach a = { .b = b, .list = list, .plan = plan, .phase = SPK_ATTACH_OVER_WINDOWS, .own_id = id };
	struct spk_expr *condition = link->condition;
	struct spk_logical *l, *input[2];

	if (condition)
		SPK_TRY(spk_expr_rewrite(b->arena, condition, attach_leaf, &a, &condition, err));
	a.left = (*plan)->schema->count;
	condition = link->condition;
	if (condition)
		SPK_TRY(spk_expr_rewrite(b->arena, condition, attach_leaf, &a, &condition, err));
	input[0] = *plan;
	input[1] = link->plan;
	l = spk_logical_new(b->arena, SPK_LOGICAL_JOIN, join == SPK_JOIN_SEMI || join == SPK_JOIN_ANTI ? (*plan)->schema : join_schema(b, join, (*plan)->schema, link->plan->schema, !condition), input, 2);
	SPK_TRY_PTR(l && l->schema, err);
	l->join = join;
	l->filter = condition;
	l->dependent = link->used ? link->number : 0;
	l->position = link->position;
	link->column = a.left;
	*plan = l;
	return SPK_OK;
}

spk_status spk_sublinks_attach(struct spk_binder *b, struct spk_sublinks *s, struct spk_logical **plan, struct spk_expr **e, spk_error *err)
{
	struct attach a = { .b = b, .list = s, .plan = plan, .phase = SPK_ATTACH_OVER_WINDOWS };

	return s->count ? spk_expr_rewrite(b->arena, *e, attach_leaf, &a, e, err) : SPK_OK;
}

/* --- conditions --- */

static bool has_sublink(const struct spk_expr *e)
{
	if (e->kind == SPK_EXPR_OUTER && e->outer < 0)
		return true;
	for (int i = 0; i < e->args; i++)
		if (has_sublink(e->arg[i]))
			return true;
	return false;
}

static spk_status add_filter(struct spk_binder *b, struct spk_logical **plan, struct spk_expr *predicate, spk_error *err)
{
	struct spk_logical *l = spk_logical_new(b->arena, SPK_LOGICAL_FILTER, (*plan)->schema, plan, 1);

	SPK_TRY_PTR(l, err);
	l->filter = predicate;
	if (predicate->position)
		l->position = predicate->position;
	*plan = l;
	return SPK_OK;
}

/* A subquery that the condition is, and the join that keeps the rows that meet it; 0: none. */
static int whole_sublink(const struct spk_sublinks *s, const struct spk_expr *e, enum spk_join_type *join)
{
	bool negated = e->kind == SPK_EXPR_NOT;
	const struct spk_sublink *link;

	if (negated)
		e = e->arg[0];
	if (e->kind != SPK_EXPR_OUTER || e->outer >= 0)
		return 0;
	link = &s->sublink[-e->outer - 1];
	if (link->join != SPK_JOIN_MARK || link->column >= 0)
		return 0;
	if (negated && link->condition && link->condition->nullable)  /* NULL is not false */
		return 0;
	*join = negated ? SPK_JOIN_ANTI : SPK_JOIN_SEMI;
	return -e->outer;
}

static spk_status filter_by(struct spk_binder *b, struct spk_sublinks *s, struct spk_logical **plan, struct spk_expr *e, spk_error *err)
{
	enum spk_join_type join;
	int id = whole_sublink(s, e, &join);

	if (id)
		return attach_one(b, s, id, join, plan, err);
	SPK_TRY(spk_sublinks_attach(b, s, plan, &e, err));
	return add_filter(b, plan, e, err);
}

/* Conditions without subqueries come first: they are cheap and leave fewer rows. */
spk_status spk_sublinks_filter(struct spk_binder *b, struct spk_sublinks *s, struct spk_logical **plan, struct spk_expr *predicate, spk_error *err)
{
	bool is_and = predicate->kind == SPK_EXPR_AND;
	int count = is_and ? predicate->args : 1, plain = 0;
	struct spk_expr **list = is_and ? predicate->arg : &predicate;
	struct spk_expr **kept = SPK_NEW_ARRAY(b->arena, struct spk_expr *, count);

	SPK_TRY_PTR(kept, err);
	if (!has_sublink(predicate))
		return add_filter(b, plan, predicate, err);
	for (int i = 0; i < count; i++)
		if (!has_sublink(list[i]))
			kept[plain++] = list[i];
	if (plain) {
		struct spk_expr *e;

		SPK_TRY(spk_expr_make(b->arena, SPK_EXPR_AND, kept, plain, false, predicate->position, &e, err));
		SPK_TRY(add_filter(b, plan, e, err));
	}
	for (int i = 0; i < count; i++)
		if (has_sublink(list[i]))
			SPK_TRY(filter_by(b, s, plan, list[i], err));
	return SPK_OK;
}

/* --- over groups --- */

struct turn { struct spk_query *q; const struct spk_schema *aggregated; int number; };

/* A column over the groups, in the subquery. */
static spk_status to_outer_leaf(struct spk_expr *e, void *user, struct spk_expr **out, spk_error *err)
{
	const struct turn *t = user;

	if (e->kind != SPK_EXPR_COLUMN)
		return SPK_OK;
	SPK_TRY_PTR(*out = spk_expr_outer(t->q->b->arena, t->number, e->column, &(struct spk_field){ e->name, e->type, e->nullable }), err);
	(*out)->position = e->position;
	return SPK_OK;
}

/* An OUTER column of this query becomes one of its groups, or what is computed of these (GROUPING). */
static spk_status turn_leaf(struct spk_expr *e, void *user, struct spk_expr **out, spk_error *err)
{
	struct turn *t = user;
	struct spk_expr *over;
	spk_status status;

	if (e->kind != SPK_EXPR_OUTER || e->outer != t->number)
		return SPK_OK;
	over = spk_expr_column(t->q->b->arena, e->column, &(struct spk_field){ e->name, e->type, e->nullable });
	SPK_TRY_PTR(over, err);
	over->position = e->position;
	status = spk_query_turn_over(t->q, t->aggregated, &over, err);
	if (status == SPK_BIND) {
		const char *name = spk_scope_column_name(t->q->b, &t->q->scope, e->column);

		spk_fail(err, SPK_BIND, "subquery uses ungrouped column \"%s\" from outer query", name ? name : "?");
		if (err)
			err->position = e->position;
	}
	SPK_TRY(status);
	if (over->kind == SPK_EXPR_COLUMN)
		over->name = e->name;
	return spk_expr_rewrite(t->q->b->arena, over, to_outer_leaf, t, out, err);
}

static spk_status turn_expr(struct spk_expr **e, void *user, spk_error *err)
{
	const struct turn *t = user;

	return spk_expr_rewrite(t->q->b->arena, *e, turn_leaf, user, e, err);
}

static spk_status turn_plan(struct spk_logical *l, struct turn *t, spk_error *err)
{
	SPK_TRY(spk_logical_each_expr(l, turn_expr, t, err));
	for (int i = 0; i < l->inputs; i++)
		SPK_TRY(turn_plan(l->input[i], t, err));
	return SPK_OK;
}

spk_status spk_query_turn_over_sublinks(struct spk_query *q, const struct spk_schema *aggregated, spk_error *err)
{
	for (int i = 0; i < q->sublinks.count; i++) {
		struct spk_sublink *link = &q->sublinks.sublink[i];
		struct turn t = { .q = q, .aggregated = aggregated, .number = link->number };

		if (link->column >= 0 || link->grouped)
			continue;
		if (link->condition)
			SPK_TRY(spk_query_turn_over(q, aggregated, &link->condition, err));
		if (link->used)
			SPK_TRY(turn_plan(link->plan, &t, err));
	}
	return SPK_OK;
}

struct holder { struct spk_query *q; struct spk_logical **plan; enum spk_attach_phase phase; };

static spk_status attach_change(struct spk_expr **e, void *user, spk_error *err)
{
	struct holder *h = user;
	struct attach a = { .b = h->q->b, .list = &h->q->sublinks, .plan = h->plan, .phase = h->phase };

	return spk_expr_rewrite(h->q->b->arena, *e, attach_leaf, &a, e, err);
}

/* The query's own lists stay as they are: targets are still compared with them. */
spk_status spk_query_attach_groups(struct spk_query *q, struct spk_logical *aggregate, spk_error *err)
{
	struct spk_logical *own;
	struct holder h = { .q = q };

	if (!q->sublinks.count)
		return SPK_OK;
	own = spk_logical_clone(q->b->arena, aggregate);
	SPK_TRY_PTR(own, err);
	h.plan = &own->input[0];
	SPK_TRY(spk_logical_each_expr(own, attach_change, &h, err));
	*aggregate = *own;
	return SPK_OK;
}

spk_status spk_query_attach_targets(struct spk_query *q, enum spk_attach_phase phase, struct spk_logical **plan, spk_error *err)
{
	struct holder h = { .q = q, .plan = plan, .phase = phase };

	if (!q->sublinks.count)
		return SPK_OK;
	for (int i = 0; i < q->targets; i++)
		SPK_TRY(attach_change(&q->target[i].expr, &h, err));
	for (int i = 0; i < q->overs.count && phase == SPK_ATTACH_EARLY; i++) {
		struct spk_over *o = &q->overs.over[i];
		struct spk_logical window = { .expr_count = o->exprs, .expr = o->expr, .sort_count = o->sorts, .sort = o->sort, .calls = 1, .call = &o->call };

		SPK_TRY(spk_logical_each_expr(&window, attach_change, &h, err));
	}
	return q->qualify ? attach_change(&q->qualify, &h, err) : SPK_OK;
}
