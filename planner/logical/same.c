/* Whether two plans, each bound from a text of its own, are one and the same query. */
#include "planner/logical/logical.h"

#include <string.h>

static bool same_text(const char *a, const char *b) { return a == b || (a && b && strcmp(a, b) == 0); }

static bool same_expr(const struct spk_expr *a, const struct spk_expr *b, const struct spk_same_outer *outer)
{
	struct spk_expr alone[2];

	if (a->kind != b->kind || a->args != b->args)
		return false;
	if (a->kind == SPK_EXPR_OUTER) {
		while (outer && outer->a != a->outer && outer->b != b->outer)
			outer = outer->next;
		return a->column == b->column && (outer ? outer->a == a->outer && outer->b == b->outer : a->outer == b->outer);
	}
	for (int i = 0; i < a->args; i++)
		if (!same_expr(a->arg[i], b->arg[i], outer))
			return false;
	alone[0] = *a;
	alone[1] = *b;
	alone[0].args = alone[1].args = 0;
	return spk_expr_same(&alone[0], &alone[1]);
}

bool spk_expr_same_but(const struct spk_expr *a, const struct spk_expr *b, const struct spk_same_outer *outer)
{
	return !a || !b ? a == b : same_expr(a, b, outer);
}

/* --- lists of expressions, in the order in which spk_logical_each_expr has them --- */

struct nth { int left; const struct spk_expr *found; };

static spk_status take_nth(struct spk_expr **e, void *user, spk_error *err)
{
	struct nth *n = user;

	(void)err;
	if (n->left-- == 0)
		n->found = *e;
	return SPK_OK;
}

/* NULL when there are not so many. */
static const struct spk_expr *nth_expr(struct spk_logical *l, int i)
{
	struct nth n = { .left = i };

	return spk_logical_each_expr(l, take_nth, &n, NULL) == SPK_OK ? n.found : NULL;
}

/* Of as many values; these may be many, and are gone through at once. */
static bool same_exprs(const struct spk_logical *a, const struct spk_logical *b, const struct spk_same_outer *outer)
{
	struct spk_logical rest[2] = { *a, *b };

	for (int i = 0; i < a->value_rows * a->schema->count; i++)
		if (!spk_expr_same_but(a->value[i], b->value[i], outer))
			return false;
	rest[0].value_rows = rest[1].value_rows = 0;
	for (int i = 0;; i++) {
		const struct spk_expr *x = nth_expr(&rest[0], i), *y = nth_expr(&rest[1], i);

		if (!x || !y)
			return x == y;
		if (!same_expr(x, y, outer))
			return false;
	}
}

/* --- what a node has beside its expressions --- */

static bool same_schema(const struct spk_schema *a, const struct spk_schema *b)
{
	if (a->count != b->count)
		return false;
	for (int i = 0; i < a->count; i++)
		if (!same_text(a->field[i].name, b->field[i].name) || !spk_type_same(a->field[i].type, b->field[i].type))
			return false;
	return true;
}

static bool same_aggregate(const struct spk_aggregate_call *a, const struct spk_aggregate_call *b)
{
	if (a->aggregate != b->aggregate || a->distinct != b->distinct || a->inputs != b->inputs || a->args != b->args || a->sorts != b->sorts || !a->filter != !b->filter)
		return false;
	for (int i = 0; i < a->sorts; i++)
		if (a->sort[i].input != b->sort[i].input || a->sort[i].descending != b->sort[i].descending || a->sort[i].nulls_first != b->sort[i].nulls_first)
			return false;
	return true;
}

static bool same_window(const struct spk_window_call *a, const struct spk_window_call *b)
{
	const struct spk_window_frame *f = &a->frame, *g = &b->frame;

	return a->function == b->function && a->args == b->args && f->mode == g->mode && f->start == g->start && f->end == g->end && f->exclude == g->exclude &&
	       !f->start_offset == !g->start_offset && !f->end_offset == !g->end_offset && same_aggregate(&a->aggregate, &b->aggregate);
}

static bool same_calls(const struct spk_logical *a, const struct spk_logical *b)
{
	if (a->aggregate_count != b->aggregate_count || a->calls != b->calls || a->sort_count != b->sort_count || a->partition_count != b->partition_count)
		return false;
	for (int i = 0; i < a->aggregate_count; i++)
		if (!same_aggregate(&a->aggregate[i], &b->aggregate[i]))
			return false;
	for (int i = 0; i < a->calls; i++)
		if (!same_window(&a->call[i], &b->call[i]))
			return false;
	for (int i = 0; i < a->sort_count; i++)
		if (a->sort[i].descending != b->sort[i].descending || a->sort[i].nulls_first != b->sort[i].nulls_first)
			return false;
	for (int i = 0; i < a->partition_count; i++)
		if (a->partition[i] != b->partition[i])
			return false;
	return true;
}

static bool same_scan(const struct spk_logical *a, const struct spk_logical *b)
{
	if (a->table != b->table || !same_text(a->alias, b->alias) || !a->column != !b->column)
		return false;
	return !a->column || memcmp(a->column, b->column, sizeof *a->column * (size_t)a->schema->count) == 0;
}

/* Told by its name, which same_scan has compared: every use has a number of its own. */
static bool is_view(const struct spk_logical *l) { return l->kind == SPK_LOGICAL_SHARED && l->alias; }

static bool same_node(const struct spk_logical *a, const struct spk_logical *b)
{
	if (a->kind != b->kind || a->inputs != b->inputs || !same_schema(a->schema, b->schema) || !same_scan(a, b) || !same_calls(a, b))
		return false;
	if (!a->filter != !b->filter || a->expr_count != b->expr_count || a->value_rows != b->value_rows || a->empty_sets != b->empty_sets)
		return false;
	return a->window == b->window && a->time_column == b->time_column && a->window_size_us == b->window_size_us && a->window_slide_us == b->window_slide_us &&
	       a->window_offset_us == b->window_offset_us && a->limit == b->limit && a->offset == b->offset && a->callback == b->callback && a->direct == b->direct &&
	       a->partitions == b->partitions && a->ordinality == b->ordinality && a->outer == b->outer && a->expand == b->expand && (a->number == b->number || is_view(a)) &&
	       a->distinct == b->distinct && a->history == b->history && a->join == b->join && a->hint == b->hint && !a->dependent == !b->dependent;
}

bool spk_logical_same(const struct spk_logical *a, const struct spk_logical *b, const struct spk_same_outer *outer)
{
	const struct spk_same_outer inner = { a->dependent, b->dependent, outer };

	if (!same_node(a, b))
		return false;
	if (a->dependent)
		outer = &inner;
	for (int i = 0; i < a->inputs; i++)
		if (!spk_logical_same(a->input[i], b->input[i], outer))
			return false;
	return same_exprs(a, b, outer);
}
