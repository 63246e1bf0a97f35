/*
 * The order of inner joins. A tree of them, with the filters between, is taken apart into relations and conditions; the cheapest tree over
 * the same ones is put together from scratch: by dynamic programming over all sets of relations while they are few, else by joining the two
 * that give the fewest rows, again and again. Conditions stand where all their columns are first there; columns come out in the old order.
 *
 * Cost of a join: rows in, rows of the smaller side four times (a table is built over them), rows out. Sets that no condition connects are
 * only joined when nothing else is left.
 *
 * A condition that may fail is computed last, over what all others leave: no row fails that would not have.
 */
#include "planner/optimizer/rules.h"

#include <math.h>
#include <string.h>

#include "core/expr/function.h"
#include "planner/logical/statistics.h"

enum { EXHAUSTIVE_MAX = 10, RELATIONS_MAX = 60, CONDITIONS_MAX = 200 };

static const double BUILD_COST = 4;

typedef uint64_t relations;  /* a set: bit i is relation i */

struct condition {
	struct spk_expr *expr;
	relations needs;
	double part;                  /* of all rows that meet it */
	bool last;                    /* stands over all joins */
};

/* The best tree over a set of relations. */
struct best {
	relations set, left, right;   /* left 0: a single relation */
	double rows, cost;
	bool known;
};

struct join_order {
	struct spk_arena *arena;
	int count;                    /* relations */
	struct spk_logical *relation[RELATIONS_MAX];
	int first[RELATIONS_MAX];     /* its first column among all, in the old order */
	struct spk_estimate estimate[RELATIONS_MAX];
	int columns;
	int conditions;
	struct condition condition[CONDITIONS_MAX];
	bool filters;                 /* some stand between the joins */
	bool give_up;
};

/* --- taking apart --- */

struct note { const struct join_order *o; relations set; };

static void note_relation(int column, void *user)
{
	struct note *note = user;

	for (int i = note->o->count - 1; i >= 0; i--)
		if (column >= note->o->first[i]) {
			note->set |= 1ull << i;
			return;
		}
}

static relations needs_of(const struct join_order *o, const struct spk_expr *e)
{
	struct note note = { o, 0 };

	spk_expr_columns(e, note_relation, &note);
	return note.set;
}

static void add_condition(struct join_order *o, struct spk_expr *e)
{
	if (e->kind == SPK_EXPR_AND) {
		for (int i = 0; i < e->args; i++)
			add_condition(o, e->arg[i]);
		return;
	}
	o->give_up = o->give_up || o->conditions == CONDITIONS_MAX || !spk_expr_deterministic(e);
	if (!o->give_up)
		o->condition[o->conditions++] = (struct condition){ .expr = e, .last = spk_expr_can_fail(e) };
}

/* `e` over columns from `first` on instead of from 0 on. */
static struct spk_expr *shifted(struct spk_arena *arena, const struct spk_expr *e, const struct spk_logical *over, int first)
{
	struct spk_expr **by = SPK_NEW_ARRAY(arena, struct spk_expr *, over->schema->count + 1);

	for (int i = 0; by && i < over->schema->count; i++)
		if (!(by[i] = spk_expr_column(arena, first + i, &over->schema->field[i])))
			return NULL;
	return by ? spk_expr_substitute(arena, e, by) : NULL;
}

static bool is_join(const struct spk_logical *l)
{
	return l->kind == SPK_LOGICAL_JOIN && l->join == SPK_JOIN_INNER && !l->dependent && l->hint == SPK_JOIN_ANY;
}

/* Relations below `l` from left to right, so that their columns lie as they do in it. */
static spk_status collect(struct join_order *o, struct spk_logical *l, spk_error *err)
{
	int first = o->columns;
	struct spk_expr *e = NULL;

	if (l->kind == SPK_LOGICAL_FILTER && is_join(l->input[0])) {
		SPK_TRY(collect(o, l->input[0], err));
		SPK_TRY_PTR(e = shifted(o->arena, l->filter, l, first), err);
		o->filters = true;
	} else if (is_join(l)) {
		SPK_TRY(collect(o, l->input[0], err));
		SPK_TRY(collect(o, l->input[1], err));
		if (l->filter)
			SPK_TRY_PTR(e = shifted(o->arena, l->filter, l, first), err);
	} else if (o->count < RELATIONS_MAX) {
		o->relation[o->count] = l;
		o->first[o->count++] = first;
		o->columns += l->schema->count;
	} else {
		o->give_up = true;
	}
	if (e)
		add_condition(o, e);
	return SPK_OK;
}

/* --- how many rows --- */

static int class_of(int *class, int column)
{
	while (class[column] != column)
		column = class[column] = class[class[column]];
	return column;
}

/*
 * Columns that conditions make equal have the values of the one that has the fewest: that of the table whose key it is, mostly. So two
 * foreign keys of one small table are known to have few values, although neither of their tables tells.
 */
static spk_status share_domains(const struct join_order *o, struct spk_estimate *all, spk_error *err)
{
	int *class = SPK_NEW_ARRAY(o->arena, int, o->columns + 1);

	SPK_TRY_PTR(class, err);
	for (int i = 0; i < o->columns; i++)
		class[i] = i;
	for (int i = 0; i < o->conditions; i++) {
		const struct spk_expr *e = o->condition[i].expr;

		if (e->kind == SPK_EXPR_CALL && e->args == 2 && strcmp(e->function->name, "=") == 0 && e->arg[0]->kind == SPK_EXPR_COLUMN && e->arg[1]->kind == SPK_EXPR_COLUMN)
			class[class_of(class, e->arg[0]->column)] = class_of(class, e->arg[1]->column);
	}
	for (int i = 0; i < o->columns; i++) {
		struct spk_column_estimate *least = &all->column[class_of(class, i)];

		if (all->column[i].domain > 0 && (least->domain <= 0 || all->column[i].domain < least->domain))
			least->domain = all->column[i].domain;
	}
	for (int i = 0; i < o->columns; i++)
		all->column[i].domain = all->column[class_of(class, i)].domain;
	return SPK_OK;
}

/* All columns of all relations: conditions are over those. */
static spk_status all_columns(const struct join_order *o, struct spk_estimate *out, spk_error *err)
{
	out->columns = o->columns;
	out->column = SPK_NEW_ARRAY(o->arena, struct spk_column_estimate, o->columns + 1);
	SPK_TRY_PTR(out->column, err);
	for (int i = 0; i < o->count; i++)
		memcpy(out->column + o->first[i], o->estimate[i].column, sizeof *out->column * (size_t)o->estimate[i].columns);
	return SPK_OK;
}

/* Rows that a set's relations give together: all pairs, times what its conditions leave of them, the strongest first. Conditions between the
 * same two relations count less and less. */
static double rows_of(const struct join_order *o, relations set)
{
	double rows = 1;

	for (int i = 0; i < o->count; i++)
		if (set >> i & 1)
			rows *= o->estimate[i].rows;
	for (int i = 0; i < o->conditions; i++) {
		const struct condition *c = &o->condition[i];
		double exponent = 1;

		if (!c->needs || (c->needs & ~set))
			continue;
		for (int k = 0; k < o->conditions; k++)
			if (k != i && o->condition[k].needs == c->needs && (o->condition[k].part < c->part || (o->condition[k].part == c->part && k < i)))
				exponent /= 2;
		rows *= pow(c->part, exponent);
	}
	return SPK_MAX(rows, 1);
}

static bool connected(const struct join_order *o, relations a, relations b)
{
	for (int i = 0; i < o->conditions; i++)
		if ((o->condition[i].needs & a) && (o->condition[i].needs & b) && !(o->condition[i].needs & ~(a | b)))
			return true;
	return false;
}

static double cost_of(const struct best *a, const struct best *b, double rows)
{
	return a->cost + b->cost + a->rows + b->rows + BUILD_COST * SPK_MIN(a->rows, b->rows) + rows;
}

/* --- choosing --- */

static void try_pair(const struct join_order *o, struct best *into, const struct best *a, const struct best *b, bool any)
{
	double cost;

	if (!a->known || !b->known || (!any && !connected(o, a->set, b->set)))
		return;
	if (!into->rows)
		into->rows = rows_of(o, a->set | b->set);
	cost = cost_of(a, b, into->rows);
	if (into->known && into->cost <= cost)
		return;
	*into = (struct best){ .set = a->set | b->set, .left = a->set, .right = b->set, .rows = into->rows, .cost = cost, .known = true };
}

/* All sets, from small to large: every split of a set into two that are connected. */
static spk_status choose_best(struct join_order *o, struct best **out, spk_error *err)
{
	relations full = (1ull << o->count) - 1;
	struct best *best = SPK_NEW_ARRAY(o->arena, struct best, full + 1);

	SPK_TRY_PTR(best, err);
	for (relations set = 1; set <= full; set++) {
		if ((set & (set - 1)) == 0) {
			int i = __builtin_ctzll(set);

			best[set] = (struct best){ .set = set, .rows = o->estimate[i].rows, .known = true };
			continue;
		}
		for (int any = 0; any < 2 && !best[set].known; any++)
			for (relations left = (set - 1) & set; left > set - left; left = (left - 1) & set)
				try_pair(o, &best[set], &best[left], &best[set - left], any);
		if (best[set].known && !connected(o, best[set].left, best[set].right) && set != full)
			best[set].known = false;  /* only the whole may need a pair that nothing connects */
	}
	*out = best;
	return SPK_OK;
}

/* Joins the pair that gives the fewest rows until one is left; out[0] is the root, its sides are found by their sets. */
static void choose_greedy(struct join_order *o, struct best *tree, int *trees)
{
	int open[RELATIONS_MAX], left = o->count;

	for (int i = 0; i < o->count; i++) {
		tree[i] = (struct best){ .set = 1ull << i, .rows = o->estimate[i].rows, .known = true };
		open[i] = i;
	}
	*trees = o->count;
	for (; left > 1; left--) {
		struct best chosen = { 0 };
		int a = 0, b = 1;

		for (int any = 0; any < 2 && !chosen.known; any++)
			for (int i = 0; i < left; i++)
				for (int k = i + 1; k < left; k++) {
					struct best pair = { 0 };

					try_pair(o, &pair, &tree[open[i]], &tree[open[k]], any);
					if (pair.known && (!chosen.known || pair.rows < chosen.rows)) {
						chosen = pair;
						a = i;
						b = k;
					}
				}
		tree[*trees] = chosen;
		open[a] = (*trees)++;
		open[b] = open[left - 1];
	}
}

/* The tree as it is; its relations are numbered from left to right. */
static struct best as_it_is(const struct join_order *o, const struct spk_logical *l, int *relation)
{
	struct best a, b, both = { .known = true };

	if (!is_join(l)) {
		int i = (*relation)++;

		return (struct best){ .set = 1ull << i, .rows = o->estimate[i].rows, .known = true };
	}
	a = as_it_is(o, l->input[0], relation);
	b = as_it_is(o, l->input[1], relation);
	both.set = a.set | b.set;
	both.rows = rows_of(o, both.set);
	both.cost = cost_of(&a, &b, both.rows);
	return both;
}

/* --- putting together --- */

struct built { struct spk_logical *node; int *at; };  /* at: by old column, its place in node's output, -1: not there */

static const struct best *find(const struct best *tree, int trees, relations set)
{
	for (int i = 0; i < trees; i++)
		if (tree[i].known && tree[i].set == set)
			return &tree[i];
	return NULL;
}

/* Columns of `b` by old column, as a substitution. */
static struct spk_expr **places(const struct join_order *o, const struct built *b)
{
	struct spk_expr **by = SPK_NEW_ARRAY(o->arena, struct spk_expr *, o->columns + 1);

	for (int i = 0; by && i < o->columns; i++)
		if (b->at[i] >= 0 && !(by[i] = spk_expr_column(o->arena, b->at[i], &b->node->schema->field[b->at[i]])))
			return NULL;
	return by;
}

static spk_status join_schema(const struct join_order *o, const struct spk_logical *a, const struct spk_logical *b, const struct spk_schema **out, spk_error *err)
{
	struct spk_schema *s = SPK_NEW(o->arena, struct spk_schema);

	SPK_TRY_PTR(s, err);
	s->count = a->schema->count + b->schema->count;
	s->field = SPK_NEW_ARRAY(o->arena, struct spk_field, s->count + 1);
	SPK_TRY_PTR(s->field, err);
	memcpy(s->field, a->schema->field, sizeof *s->field * (size_t)a->schema->count);
	memcpy(s->field + a->schema->count, b->schema->field, sizeof *s->field * (size_t)b->schema->count);
	*out = s;
	return SPK_OK;
}

static spk_status put_together(struct join_order *o, const struct best *tree, int trees, relations set, struct built *out, spk_error *err);

static spk_status put_join(struct join_order *o, const struct best *t, const struct built *a, const struct built *b, struct built *out, spk_error *err)
{
	struct spk_logical *input[2] = { a->node, b->node };
	const struct spk_schema *schema = NULL;
	struct spk_expr **by;

	SPK_TRY(join_schema(o, a->node, b->node, &schema, err));
	out->node = spk_logical_new(o->arena, SPK_LOGICAL_JOIN, schema, input, 2);
	SPK_TRY_PTR(out->node, err);
	for (int i = 0; i < o->columns; i++)
		out->at[i] = a->at[i] >= 0 ? a->at[i] : b->at[i] >= 0 ? b->at[i] + a->node->schema->count : -1;
	by = places(o, out);
	SPK_TRY_PTR(by, err);
	for (int i = 0; i < o->conditions; i++) {
		relations needs = o->condition[i].needs;
		struct spk_expr *e;

		if ((needs & ~t->set) || !(needs & ~t->left) || !(needs & ~t->right))
			continue;
		SPK_TRY_PTR(e = spk_expr_substitute(o->arena, o->condition[i].expr, by), err);
		SPK_TRY(spk_conjoin(o->arena, out->node->filter, e, &out->node->filter, err));
	}
	return SPK_OK;
}

static spk_status put_relation(struct join_order *o, int relation, struct built *out, spk_error *err)
{
	struct spk_expr *only = NULL, **by;

	out->node = o->relation[relation];
	for (int i = 0; i < out->node->schema->count; i++)
		out->at[o->first[relation] + i] = i;
	by = places(o, out);
	SPK_TRY_PTR(by, err);
	for (int i = 0; i < o->conditions; i++)
		if (o->condition[i].needs == 1ull << relation) {
			struct spk_expr *e = spk_expr_substitute(o->arena, o->condition[i].expr, by);

			SPK_TRY_PTR(e, err);
			SPK_TRY(spk_conjoin(o->arena, only, e, &only, err));
		}
	if (only)
		SPK_TRY_PTR(out->node = spk_filter_node(o->arena, only, out->node), err);
	return SPK_OK;
}

static spk_status put_together(struct join_order *o, const struct best *tree, int trees, relations set, struct built *out, spk_error *err)
{
	const struct best *t = find(tree, trees, set);
	struct built a = { 0 }, b = { 0 };

	SPK_ASSERT(t, "every set on the way was built");
	out->at = SPK_NEW_ARRAY(o->arena, int, o->columns + 1);
	SPK_TRY_PTR(out->at, err);
	for (int i = 0; i < o->columns; i++)
		out->at[i] = -1;
	if (!t->left)
		return put_relation(o, __builtin_ctzll(set), out, err);
	SPK_TRY(put_together(o, tree, trees, t->left, &a, err));
	SPK_TRY(put_together(o, tree, trees, t->right, &b, err));
	return put_join(o, t, &a, &b, out, err);
}

/* The old columns in their old order, under their old names; conditions without columns over all. */
static spk_status restore(struct join_order *o, const struct spk_logical *old, struct built *b, struct spk_logical **out, spk_error *err)
{
	struct spk_expr **by = places(o, b), *last = NULL;

	SPK_TRY_PTR(by, err);
	for (int i = 0; i < o->conditions; i++)
		if (!o->condition[i].needs) {
			struct spk_expr *e = spk_expr_substitute(o->arena, o->condition[i].expr, by);

			SPK_TRY_PTR(e, err);
			SPK_TRY(spk_conjoin(o->arena, last, e, &last, err));
		}
	if (last)
		SPK_TRY_PTR(b->node = spk_filter_node(o->arena, last, b->node), err);
	*out = spk_logical_new(o->arena, SPK_LOGICAL_PROJECT, old->schema, &b->node, 1);
	SPK_TRY_PTR(*out, err);
	(*out)->expr = by;
	(*out)->expr_count = o->columns;
	return SPK_OK;
}

/* Orders the joins from `l` down; its relations have been looked at already. */
static spk_status reorder(struct join_order *o, struct spk_logical *l, struct spk_logical **out, spk_error *err)
{
	struct spk_estimate all = { 0 };
	struct best greedy[2 * RELATIONS_MAX], *tree = greedy;
	relations full = (1ull << o->count) - 1;
	struct built built = { 0 };
	int trees, relation = 0;

	for (int i = 0; i < o->count; i++)
		SPK_TRY(spk_estimate(o->arena, o->relation[i], &o->estimate[i], err));
	SPK_TRY(all_columns(o, &all, err));
	SPK_TRY(share_domains(o, &all, err));
	for (int i = 0; i < o->conditions; i++) {
		o->condition[i].needs = o->condition[i].last ? 0 : needs_of(o, o->condition[i].expr);
		o->condition[i].part = spk_estimate_selectivity(o->condition[i].expr, &all);
	}
	if (o->count <= EXHAUSTIVE_MAX) {
		SPK_TRY(choose_best(o, &tree, err));
		trees = (int)full + 1;
	} else {
		choose_greedy(o, greedy, &trees);
	}
	if (!find(tree, trees, full) || (!o->filters && as_it_is(o, l, &relation).cost <= find(tree, trees, full)->cost * 1.000001))
		return SPK_OK;
	SPK_TRY(put_together(o, tree, trees, full, &built, err));
	return restore(o, l, &built, out, err);
}

static spk_status order_below(struct spk_arena *arena, struct spk_logical *l, struct spk_logical **out, spk_error *err);

static spk_status order_inputs(struct spk_arena *arena, struct spk_logical *l, struct spk_logical **out, spk_error *err)
{
	struct spk_logical **input = SPK_NEW_ARRAY(arena, struct spk_logical *, l->inputs + 1);

	SPK_TRY_PTR(input, err);
	for (int i = 0; i < l->inputs; i++)
		SPK_TRY(order_below(arena, l->input[i], &input[i], err));
	*out = spk_logical_with(arena, l, input);
	SPK_TRY_PTR(*out, err);
	return SPK_OK;
}

static spk_status order_below(struct spk_arena *arena, struct spk_logical *l, struct spk_logical **out, spk_error *err)
{
	struct join_order *o;
	bool root = is_join(l) || (l->kind == SPK_LOGICAL_FILTER && is_join(l->input[0]));

	*out = l;
	if (!root)
		return order_inputs(arena, l, out, err);
	o = SPK_NEW(arena, struct join_order);
	SPK_TRY_PTR(o, err);
	o->arena = arena;
	SPK_TRY(collect(o, l, err));
	if (o->give_up || o->count < 3)
		return order_inputs(arena, l, out, err);
	for (int i = 0; i < o->count; i++)
		SPK_TRY(order_below(arena, o->relation[i], &o->relation[i], err));
	SPK_TRY(reorder(o, l, out, err));
	return *out == l ? order_inputs(arena, l, out, err) : SPK_OK;
}

spk_status spk_rule_join_order(struct spk_arena *arena, struct spk_logical *root, struct spk_logical **out, spk_error *err)
{
	return order_below(arena, root, out, err);
}
