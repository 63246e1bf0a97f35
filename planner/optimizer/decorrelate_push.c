/*
 * Decorrelation of anything, by the values that the references take ("magic": the distinct rows of the left columns referred to).
 *
 *   L dependent-join R   becomes   L join R+ on the left columns = R+'s first ones (and the join's own condition)
 *
 * where R+ is R computed for all of those rows at once: `carry` makes of every node one that has the magic columns before its own. A tree
 * without references is crossed with the magic rows; where two inputs both carry them, the inputs are joined on them.
 *
 * A recursive query is computed for all magic rows in the same rounds: its WORK_TABLE has the magic columns as well.
 *
 * With the left side itself in place of the magic rows (graft) nothing needs to be joined again, but then every left row must be carried
 * through nodes that treat each row by itself.
 */
#include <string.h>

#include "planner/optimizer/decorrelate.h"

/* A recursive query whose step is being carried. */
struct recursing { int number; const struct recursing *around; };

struct push {
	struct spk_arena *arena;
	const struct recursing *recursing;
	int outer;
	int width;                      /* magic columns */
	int columns;                    /* left columns */
	bool fill;                      /* graft under a left join: no elements are a row of NULLs */
	struct spk_logical *magic;
	bool taken;                     /* the magic tree itself is in use: copies from now on */
	struct spk_expr **by;           /* by left column: the magic column, NULL where there is none */
};

static spk_status carry(struct push *p, struct spk_logical *l, struct spk_logical **out, spk_error *err);

static bool has_work(const struct push *p, const struct spk_logical *l)
{
	for (const struct recursing *r = p->recursing; r && l->kind == SPK_LOGICAL_WORK_TABLE; r = r->around)
		if (r->number == l->number)
			return true;
	for (int i = 0; i < l->inputs; i++)
		if (has_work(p, l->input[i]))
			return true;
	return false;
}

/* Whether the tree must carry the magic columns: it refers to them, or reads rows that have them. */
static bool concerns(const struct push *p, const struct spk_logical *l) { return spk_tree_has_outer(l, p->outer) || has_work(p, l); }

static struct spk_move moved(const struct push *p)
{
	return (struct spk_move){ .arena = p->arena, .shift = p->width, .outer = p->outer, .by = p->by };
}

static struct spk_logical *magic_rows(struct push *p)
{
	if (p->taken)
		return spk_logical_copy_tree(p->arena, p->magic);
	p->taken = true;
	return p->magic;
}

/* The magic columns, then the node's. */
static spk_status carried_schema(const struct push *p, const struct spk_schema *own, const struct spk_schema **out, spk_error *err)
{
	struct spk_schema *s = SPK_NEW(p->arena, struct spk_schema);

	SPK_TRY_PTR(s, err);
	s->count = p->width + own->count;
	s->field = SPK_NEW_ARRAY(p->arena, struct spk_field, s->count + 1);
	SPK_TRY_PTR(s->field, err);
	memcpy(s->field, p->magic->schema->field, sizeof *s->field * (size_t)p->width);
	memcpy(s->field + p->width, own->field, sizeof *s->field * (size_t)own->count);
	*out = s;
	return SPK_OK;
}

/* The magic columns of a carrying input, before the moved expressions. */
static spk_status prepend(const struct push *p, const struct spk_logical *in, struct spk_expr **own, int count, struct spk_expr ***out, spk_error *err)
{
	struct spk_move m = moved(p);
	struct spk_expr **list = SPK_NEW_ARRAY(p->arena, struct spk_expr *, p->width + count + 1);

	SPK_TRY_PTR(list, err);
	for (int i = 0; i < p->width; i++)
		SPK_TRY_PTR(list[i] = spk_expr_column(p->arena, i, &in->schema->field[i]), err);
	for (int i = 0; i < count; i++)
		SPK_TRY(spk_move_expr(&m, own[i], &list[p->width + i], err));
	*out = list;
	return SPK_OK;
}

/* --- nodes that treat rows one by one --- */

static spk_status carry_simple(struct push *p, struct spk_logical *l, struct spk_logical **out, spk_error *err)
{
	struct spk_move m = moved(p);
	const struct spk_schema *schema;
	struct spk_logical *in;

	SPK_TRY(carry(p, l->input[0], &in, err));
	SPK_TRY(carried_schema(p, l->schema, &schema, err));
	SPK_TRY(spk_move_node(&m, l, &in, schema, out, err));
	(*out)->outer = (*out)->outer || (p->fill && l->kind == SPK_LOGICAL_UNNEST);
	if (l->kind == SPK_LOGICAL_WINDOW) {
		(*out)->time_column += p->width;
		(*out)->partition = SPK_NEW_ARRAY(p->arena, int, l->partition_count + 1);
		SPK_TRY_PTR((*out)->partition, err);
		for (int i = 0; i < l->partition_count; i++)
			(*out)->partition[i] = l->partition[i] + p->width;
	}
	return SPK_OK;
}

/* PROJECT's expressions, AGGREGATE's groups, OVER's partition: the magic columns come first. */
static spk_status carry_listed(struct push *p, struct spk_logical *l, struct spk_logical **out, spk_error *err)
{
	SPK_TRY(carry_simple(p, l, out, err));
	SPK_TRY(prepend(p, (*out)->input[0], l->expr, l->expr_count, &(*out)->expr, err));
	(*out)->expr_count = p->width + l->expr_count;
	return SPK_OK;
}

static spk_status carry_row(struct push *p, const struct spk_logical *l, int row, struct spk_logical **out, spk_error *err)
{
	struct spk_logical *in = magic_rows(p);
	struct spk_columns c = { .arena = p->arena };
	struct spk_move m = moved(p);

	SPK_TRY_PTR(in, err);
	SPK_TRY(spk_columns_add_all(&c, in->schema, 0, p->width, err));
	for (int i = 0; i < l->schema->count; i++) {
		struct spk_expr *e;

		SPK_TRY(spk_move_expr(&m, l->value[row * l->schema->count + i], &e, err));
		SPK_TRY(spk_columns_add(&c, e, l->schema->field[i].name, err));
		c.schema->field[p->width + i].nullable = l->schema->field[i].nullable;
	}
	return spk_columns_project(&c, in, out, err);
}

static spk_status carry_values(struct push *p, const struct spk_logical *l, struct spk_logical **out, spk_error *err)
{
	struct spk_logical **branch = SPK_NEW_ARRAY(p->arena, struct spk_logical *, l->value_rows + 1);

	SPK_TRY_PTR(branch, err);
	for (int i = 0; i < l->value_rows; i++)
		SPK_TRY(carry_row(p, l, i, &branch[i], err));
	*out = branch[0];
	if (l->value_rows > 1)
		SPK_TRY_PTR(*out = spk_logical_new(p->arena, SPK_LOGICAL_UNION, branch[0]->schema, branch, l->value_rows), err);
	return SPK_OK;
}

/* Every set with the magic columns before it. */
static spk_status carry_expand(struct push *p, struct spk_logical *l, struct spk_logical **out, spk_error *err)
{
	int columns = l->schema->count, wide = p->width + columns;
	struct spk_expr **value = SPK_NEW_ARRAY(p->arena, struct spk_expr *, l->value_rows * wide + 1), **set;

	SPK_TRY_PTR(value, err);
	SPK_TRY(carry_simple(p, l, out, err));
	for (int i = 0; i < l->value_rows; i++) {
		SPK_TRY(prepend(p, (*out)->input[0], &l->value[i * columns], columns, &set, err));
		memcpy(&value[i * wide], set, sizeof(*set) * (size_t)wide);
	}
	(*out)->value = value;
	return SPK_OK;
}

static spk_status carry_union(struct push *p, struct spk_logical *l, struct spk_logical **out, spk_error *err)
{
	struct spk_logical **branch = SPK_NEW_ARRAY(p->arena, struct spk_logical *, l->inputs);
	const struct spk_schema *schema;

	SPK_TRY_PTR(branch, err);
	for (int i = 0; i < l->inputs; i++)
		SPK_TRY(carry(p, l->input[i], &branch[i], err));
	SPK_TRY(carried_schema(p, l->schema, &schema, err));
	SPK_TRY_PTR(*out = spk_logical_new(p->arena, SPK_LOGICAL_UNION, schema, branch, l->inputs), err);
	(*out)->position = l->position;
	return SPK_OK;
}

/* A tree without references: every row of it for every magic row. */
static spk_status carry_free(struct push *p, struct spk_logical *l, struct spk_logical **out, spk_error *err)
{
	struct spk_logical *magic = magic_rows(p);

	SPK_TRY_PTR(magic, err);
	if (l->kind == SPK_LOGICAL_VALUES && l->value_rows == 1)
		return carry_row(p, l, 0, out, err);
	return spk_join_node(p->arena, SPK_JOIN_INNER, magic, l, NULL, l->position, out, err);
}

static spk_status carry_scan(struct push *p, struct spk_logical *l, struct spk_logical **out, spk_error *err)
{
	struct spk_move m = moved(p);
	struct spk_expr *filter;
	struct spk_logical *bare = spk_logical_clone(p->arena, l);

	SPK_TRY_PTR(bare, err);
	bare->filter = NULL;
	SPK_TRY(carry_free(p, bare, out, err));
	SPK_TRY(spk_move_expr(&m, l->filter, &filter, err));
	SPK_TRY_PTR(*out = spk_filter_node(p->arena, filter, *out), err);
	return SPK_OK;
}

/* --- joins on the magic columns --- */

/* column left + i = column right + i for all magic columns. */
static spk_status same_magic(const struct push *p, const struct spk_schema *l, int left, const struct spk_schema *r, int right, struct spk_expr **out, spk_error *err)
{
	*out = NULL;
	for (int i = 0; i < p->width; i++) {
		struct spk_expr *a = spk_expr_column(p->arena, left + i, &l->field[i]), *b = spk_expr_column(p->arena, right + i, &r->field[i]), *equal;

		SPK_TRY_PTR(a && b, err);
		SPK_TRY(spk_null_safe_equal(p->arena, a, b, &equal, err));
		SPK_TRY(spk_conjoin(p->arena, *out, equal, out, err));
	}
	return SPK_OK;
}

/* `l` with a count(*) behind its aggregates. */
static spk_status add_count(struct push *p, struct spk_logical *l, struct spk_logical **out, spk_error *err)
{
	const struct spk_aggregate_syntax count = { .name = "count", .star = true, .position = l->position };
	int columns = l->schema->count, calls = l->aggregate_count;
	struct spk_aggregate_call *call = SPK_NEW_ARRAY(p->arena, struct spk_aggregate_call, calls + 1);
	struct spk_field *field = SPK_NEW_ARRAY(p->arena, struct spk_field, columns + 1);
	struct spk_schema *schema = SPK_NEW(p->arena, struct spk_schema);

	SPK_TRY_PTR(call && field && schema && (*out = spk_logical_clone(p->arena, l)), err);
	*schema = (struct spk_schema){ columns + 1, field };
	memcpy(call, l->aggregate, sizeof *call * (size_t)calls);
	SPK_TRY(spk_aggregate_resolve(p->arena, &count, &call[calls], err));
	memcpy(field, l->schema->field, sizeof *field * (size_t)columns);
	field[columns] = (struct spk_field){ "count", call[calls].type, false };
	(*out)->schema = schema;
	(*out)->aggregate = call;
	(*out)->aggregate_count = calls + 1;
	return SPK_OK;
}

/* What aggregate i gives, above the left join with the groups; `count` is the column of their number of rows. */
static spk_status filled(struct push *p, const struct spk_logical *l, int i, const struct spk_schema *joined, int count, struct spk_expr **e, spk_error *err)
{
	int at = 2 * p->width + i;
	struct spk_expr *part[3] = { spk_expr_column(p->arena, at, &joined->field[at]) }, *rows;

	SPK_TRY_PTR(*e = part[0], err);
	if (!l->aggregate[i].aggregate->never_null && !l->aggregate[i].aggregate->null_unlike_none)
		return SPK_OK;
	SPK_TRY(spk_empty_aggregate(p->arena, &l->aggregate[i], &part[1], err));
	if (!l->aggregate[i].aggregate->null_unlike_none)
		return spk_expr_make(p->arena, SPK_EXPR_COALESCE, part, 2, false, l->position, e, err);
	part[2] = part[0];
	SPK_TRY_PTR(rows = spk_expr_column(p->arena, count, &joined->field[count]), err);
	SPK_TRY(spk_expr_make(p->arena, SPK_EXPR_IS_NULL, &rows, 1, false, l->position, &part[0], err));
	return spk_expr_make(p->arena, SPK_EXPR_CASE, part, 3, false, l->position, e, err);
}

/* An aggregate without groups has a row for every magic row, of which those without input get what it gives over nothing. */
static spk_status carry_scalar(struct push *p, struct spk_logical *l, struct spk_logical **out, spk_error *err)
{
	struct spk_columns c = { .arena = p->arena };
	struct spk_logical *groups, *join, *all, *counted = l;
	int count = 2 * p->width + l->aggregate_count;
	struct spk_expr *on;
	bool odd = false;

	for (int i = 0; i < l->aggregate_count && !odd; i++)
		odd = l->aggregate[i].aggregate->null_unlike_none;
	if (odd)
		SPK_TRY(add_count(p, l, &counted, err));
	SPK_TRY(carry_listed(p, counted, &groups, err));
	SPK_TRY_PTR(all = magic_rows(p), err);
	SPK_TRY(same_magic(p, all->schema, 0, groups->schema, p->width, &on, err));
	SPK_TRY(spk_join_node(p->arena, SPK_JOIN_LEFT, all, groups, on, l->position, &join, err));
	SPK_TRY(spk_columns_add_all(&c, join->schema, 0, p->width, err));
	for (int i = 0; i < l->aggregate_count; i++) {
		struct spk_expr *e;

		SPK_TRY(filled(p, l, i, join->schema, count, &e, err));
		SPK_TRY(spk_columns_add(&c, e, l->schema->field[i].name, err));
	}
	return spk_columns_project(&c, join, out, err);
}

/* Which inputs of a join carry the magic columns, and from which of them they are taken above. */
struct sides { bool left, right; };

static struct sides choose_sides(const struct push *p, const struct spk_logical *l)
{
	struct sides s = { concerns(p, l->input[0]), concerns(p, l->input[1]) };

	switch (l->join) {
	case SPK_JOIN_INNER:
		s.left = s.left || !s.right;
		break;
	case SPK_JOIN_RIGHT:
		s.right = true;
		break;
	case SPK_JOIN_FULL:
		s.left = s.right = true;
		break;
	default:
		s.left = true;
	}
	return s;
}

/* The join's condition over the carrying inputs. */
static spk_status join_condition(struct push *p, const struct spk_logical *l, struct sides s, struct spk_logical *const *in, struct spk_expr **out, spk_error *err)
{
	int nl = l->input[0]->schema->count, nr = l->input[1]->schema->count, dl = s.left ? p->width : 0, dr = s.right ? p->width : 0;
	struct spk_expr **column = SPK_NEW_ARRAY(p->arena, struct spk_expr *, nl + nr + 1), **by = p->by, *same = NULL, *own = NULL;
	struct spk_move m = { .arena = p->arena, .column = column, .outer = p->outer };

	SPK_TRY_PTR(column, err);
	for (int i = 0; i < nl; i++)
		SPK_TRY_PTR(column[i] = spk_expr_column(p->arena, dl + i, &l->input[0]->schema->field[i]), err);
	for (int i = 0; i < nr; i++)
		SPK_TRY_PTR(column[nl + i] = spk_expr_column(p->arena, dl + nl + dr + i, &l->input[1]->schema->field[i]), err);
	if (s.left && s.right)
		SPK_TRY(same_magic(p, in[0]->schema, 0, in[1]->schema, dl + nl, &same, err));
	if (!s.left) {  /* the references are the right side's columns */
		const struct spk_move shifted = { .arena = p->arena, .shift = nl };

		SPK_TRY_PTR(by = SPK_NEW_ARRAY(p->arena, struct spk_expr *, p->columns + 1), err);
		for (int i = 0; i < p->columns; i++)
			if (p->by[i])
				SPK_TRY(spk_move_expr(&shifted, p->by[i], &by[i], err));
	}
	m.by = by;
	if (l->filter)
		SPK_TRY(spk_move_expr(&m, l->filter, &own, err));
	return spk_conjoin(p->arena, same, own, out, err);
}

/* One magic column of a join: the left side's, the right side's, or of a full join whichever there is. */
static spk_status magic_column(struct push *p, const struct spk_logical *join, struct sides s, int right_at, int i, struct spk_expr **out, spk_error *err)
{
	const struct spk_field *f = join->schema->field;
	struct spk_expr *pair[2];

	if (join->join == SPK_JOIN_FULL) {
		SPK_TRY_PTR(pair[0] = spk_expr_column(p->arena, i, &f[i]), err);
		SPK_TRY_PTR(pair[1] = spk_expr_column(p->arena, right_at + i, &f[right_at + i]), err);
		return spk_expr_make(p->arena, SPK_EXPR_COALESCE, pair, 2, false, 0, out, err);
	}
	if (!s.left || join->join == SPK_JOIN_RIGHT)
		i += right_at;
	SPK_TRY_PTR(*out = spk_expr_column(p->arena, i, &f[i]), err);
	return SPK_OK;
}

static spk_status carry_join(struct push *p, struct spk_logical *l, struct spk_logical **out, spk_error *err)
{
	struct sides s = choose_sides(p, l);
	int nl = l->input[0]->schema->count, dl = s.left ? p->width : 0, dr = s.right ? p->width : 0;
	struct spk_columns c = { .arena = p->arena };
	struct spk_logical *in[2] = { l->input[0], l->input[1] }, *join;
	struct spk_expr *on, *e;

	for (int k = 0; k < 2; k++)
		if (k ? s.right : s.left)
			SPK_TRY(carry(p, l->input[k], &in[k], err));
	SPK_TRY(join_condition(p, l, s, in, &on, err));
	SPK_TRY(spk_join_node(p->arena, l->join, in[0], in[1], on, l->position, &join, err));
	join->hint = l->hint;
	*out = join;
	if (!s.right || l->join == SPK_JOIN_SEMI || l->join == SPK_JOIN_ANTI || l->join == SPK_JOIN_MARK)
		return SPK_OK;
	for (int i = 0; i < p->width; i++) {
		SPK_TRY(magic_column(p, join, s, dl + nl, i, &e, err));
		SPK_TRY(spk_columns_add(&c, e, p->magic->schema->field[i].name, err));
	}
	SPK_TRY(spk_columns_add_all(&c, join->schema, dl, nl, err));
	SPK_TRY(spk_columns_add_all(&c, join->schema, dl + nl + dr, join->schema->count - dl - nl - dr, err));
	return spk_columns_project(&c, join, out, err);
}

/* --- recursive queries --- */

static spk_status carry_work_table(struct push *p, struct spk_logical *l, struct spk_logical **out, spk_error *err)
{
	SPK_TRY_PTR(*out = spk_logical_clone(p->arena, l), err);
	return carried_schema(p, l->schema, &(*out)->schema, err);
}

static spk_status carry_recursive(struct push *p, struct spk_logical *l, struct spk_logical **out, spk_error *err)
{
	const struct recursing here = { l->number, p->recursing };
	struct spk_logical *first, *step;

	SPK_TRY(carry(p, l->input[0], &first, err));
	p->recursing = &here;
	SPK_TRY(carry(p, l->input[1], &step, err));
	p->recursing = here.around;
	SPK_TRY_PTR(*out = spk_logical_clone(p->arena, l), err);
	(*out)->input[0] = first;
	(*out)->input[1] = step;
	return carried_schema(p, l->schema, &(*out)->schema, err);
}

/* --- limits --- */

/* Without a reference to the query around it such a query ends when the rows of the limit are there, and may have no other end. */
static bool ends_recursion(const struct spk_logical *limit)
{
	const struct spk_logical *below = limit->input[0];

	while (below->kind == SPK_LOGICAL_PROJECT || below->kind == SPK_LOGICAL_SHARED)
		below = below->input[0];
	return below->kind == SPK_LOGICAL_RECURSIVE;
}

static spk_status carry_limit(struct push *p, struct spk_logical *l, struct spk_logical **out, spk_error *err)
{
	struct spk_logical *below = l->input[0], *in;
	bool sorted = below->kind == SPK_LOGICAL_SORT;
	struct spk_expr **partition;

	if (ends_recursion(l))
		return spk_decorrelate_unsupported(l, "inside WITH RECURSIVE under a LIMIT without ORDER BY", err);
	SPK_TRY(carry(p, below, &in, err));
	SPK_TRY(prepend(p, in, NULL, 0, &partition, err));
	return spk_limit_per_partition(p->arena, l, sorted ? in->input[0] : in, partition, p->width, sorted ? in->sort : NULL, sorted ? in->sort_count : 0, out, err);
}

static spk_status carry(struct push *p, struct spk_logical *l, struct spk_logical **out, spk_error *err)
{
	if (l->kind == SPK_LOGICAL_VALUES && l->value_rows && spk_node_has_outer(l, p->outer))
		return carry_values(p, l, out, err);
	if (!concerns(p, l))
		return carry_free(p, l, out, err);
	switch (l->kind) {
	case SPK_LOGICAL_SCAN: return carry_scan(p, l, out, err);
	case SPK_LOGICAL_FILTER:
	case SPK_LOGICAL_WINDOW:
	case SPK_LOGICAL_UNNEST:
	case SPK_LOGICAL_SORT: return carry_simple(p, l, out, err);
	case SPK_LOGICAL_REPARTITION: return carry(p, l->input[0], out, err);
	case SPK_LOGICAL_PROJECT:
	case SPK_LOGICAL_OVER: return carry_listed(p, l, out, err);
	case SPK_LOGICAL_AGGREGATE:
		if (l->empty_sets)
			return spk_decorrelate_unsupported(l, "inside GROUPING SETS with a total of no rows", err);
		return l->expr_count ? carry_listed(p, l, out, err) : carry_scalar(p, l, out, err);
	case SPK_LOGICAL_JOIN: return carry_join(p, l, out, err);
	case SPK_LOGICAL_UNION: return carry_union(p, l, out, err);
	case SPK_LOGICAL_LIMIT: return carry_limit(p, l, out, err);
	case SPK_LOGICAL_EXPAND: return carry_expand(p, l, out, err);
	case SPK_LOGICAL_RECURSIVE: return carry_recursive(p, l, out, err);
	case SPK_LOGICAL_WORK_TABLE: return carry_work_table(p, l, out, err);
	case SPK_LOGICAL_SHARED: return spk_decorrelate_unsupported(l, "inside a WITH query that is used twice", err);
	case SPK_LOGICAL_CALLBACK:
	case SPK_LOGICAL_VALUES:
	case SPK_LOGICAL_SINK: break;
	}
	return spk_fail(err, SPK_INTERNAL, "a reference to an outer query in a %s", spk_logical_kind_name(l->kind));
}

/* --- the join --- */

static spk_status note_leaf(struct spk_expr *e, void *user, struct spk_expr **out, spk_error *err)
{
	struct push *p = user;

	(void)out;
	(void)err;
	if (e->kind == SPK_EXPR_OUTER && e->outer == p->outer && !p->by[e->column])
		p->by[e->column] = e;  /* a mark for now */
	return SPK_OK;
}

static spk_status note_expr(struct spk_expr **e, void *user, spk_error *err)
{
	struct push *p = user;
	struct spk_expr *ignored;

	return spk_expr_rewrite(p->arena, *e, note_leaf, user, &ignored, err);
}

static spk_status note(struct push *p, struct spk_logical *l, spk_error *err)
{
	SPK_TRY(spk_logical_each_expr(l, note_expr, p, err));
	for (int i = 0; i < l->inputs; i++)
		SPK_TRY(note(p, l->input[i], err));
	return SPK_OK;
}

static spk_status check_repeats(struct spk_expr **e, void *user, spk_error *err)
{
	bool *all = user;

	(void)err;
	*all = *all && spk_expr_deterministic(*e);
	return SPK_OK;
}

/* Volatile functions and limits without an order may give other rows when computed a second time. */
static bool repeats(const struct spk_logical *l)
{
	struct spk_logical copy = *l;  /* nothing is replaced */
	bool all = l->kind != SPK_LOGICAL_LIMIT;

	(void)spk_logical_each_expr(&copy, check_repeats, &all, NULL);
	for (int i = 0; i < l->inputs && all; i++)
		all = repeats(l->input[i]);
	return all;
}

static int count_scans(const struct spk_logical *l)
{
	int n = l->kind == SPK_LOGICAL_SCAN;

	for (int i = 0; i < l->inputs; i++)
		n += count_scans(l->input[i]);
	return n;
}

/* The left side is needed twice: what would not come out the same again, or is much work, is computed once for both. */
static spk_status share_left(struct push *p, const struct spk_logical *join, struct spk_logical **left, spk_error *err)
{
	enum { COPIED_SCANS_MAX = 3 };
	struct spk_logical *l = join->input[0];
	bool same = repeats(l), outer = spk_tree_has_outer(l, 0);

	*left = l;
	if (!same && outer)
		return spk_decorrelate_unsupported(join, "rows that a second computation might not repeat (a volatile function, a LIMIT),", err);
	if (outer || (same && count_scans(l) <= COPIED_SCANS_MAX))
		return SPK_OK;
	SPK_TRY_PTR(*left = spk_logical_new(p->arena, SPK_LOGICAL_SHARED, l->schema, &l, 1), err);
	(*left)->number = join->dependent;
	return SPK_OK;
}

/* The distinct rows of the left columns that are referred to. */
static spk_status make_magic(struct push *p, const struct spk_logical *left, spk_error *err)
{
	struct spk_columns c = { .arena = p->arena };
	struct spk_logical *copy = spk_logical_copy_tree(p->arena, left), *project;

	SPK_TRY_PTR(copy, err);
	for (int i = 0; i < left->schema->count; i++) {
		if (!p->by[i])
			continue;
		SPK_TRY_PTR(p->by[i] = spk_expr_column(p->arena, p->width++, &left->schema->field[i]), err);
		SPK_TRY(spk_columns_add_all(&c, left->schema, i, 1, err));
	}
	SPK_TRY(spk_columns_project(&c, copy, &project, err));
	SPK_TRY_PTR(p->magic = spk_logical_new(p->arena, SPK_LOGICAL_AGGREGATE, project->schema, &project, 1), err);
	p->magic->expr_count = p->width;
	return spk_column_exprs(p->arena, project->schema, 0, &p->magic->expr, err);
}

/* The left side's columns beside the magic ones, and the join's own condition. */
static spk_status outer_condition(struct push *p, const struct spk_logical *l, const struct spk_logical *right, struct spk_expr **out, spk_error *err)
{
	const struct spk_schema *ls = l->input[0]->schema;
	int nl = ls->count, nr = l->input[1]->schema->count;
	struct spk_expr **column = SPK_NEW_ARRAY(p->arena, struct spk_expr *, nl + nr + 1), *same = NULL, *own = NULL;
	struct spk_move m = { .arena = p->arena, .column = column };

	SPK_TRY_PTR(column, err);
	for (int i = 0; i < nl; i++) {
		struct spk_expr *magic, *equal;

		SPK_TRY_PTR(column[i] = spk_expr_column(p->arena, i, &ls->field[i]), err);
		if (!p->by[i])
			continue;
		SPK_TRY_PTR(magic = spk_expr_column(p->arena, nl + p->by[i]->column, &right->schema->field[p->by[i]->column]), err);
		SPK_TRY(spk_null_safe_equal(p->arena, column[i], magic, &equal, err));
		SPK_TRY(spk_conjoin(p->arena, same, equal, &same, err));
	}
	for (int i = 0; i < nr; i++)
		SPK_TRY_PTR(column[nl + i] = spk_expr_column(p->arena, nl + p->width + i, &l->input[1]->schema->field[i]), err);
	if (l->filter)
		SPK_TRY(spk_move_expr(&m, l->filter, &own, err));
	return spk_conjoin(p->arena, same, own, out, err);
}

spk_status spk_decorrelate_push(struct spk_arena *arena, const struct spk_logical *l, struct spk_logical **out, spk_error *err)
{
	int nl = l->input[0]->schema->count;
	struct push p = { .arena = arena, .outer = l->dependent, .columns = nl };
	struct spk_columns c = { .arena = arena };
	struct spk_logical *left, *right, *join;
	struct spk_expr *on;

	SPK_TRY_PTR(p.by = SPK_NEW_ARRAY(arena, struct spk_expr *, nl + 1), err);
	SPK_TRY(share_left(&p, l, &left, err));
	SPK_TRY(note(&p, l->input[1], err));
	SPK_TRY(make_magic(&p, left, err));
	SPK_TRY(carry(&p, l->input[1], &right, err));
	SPK_TRY(outer_condition(&p, l, right, &on, err));
	SPK_TRY(spk_join_node(arena, l->join, left, right, on, l->position, &join, err));
	join->hint = l->hint;
	*out = join;
	if (join->schema->count == l->schema->count)
		return SPK_OK;
	SPK_TRY(spk_columns_add_all(&c, join->schema, 0, nl, err));
	SPK_TRY(spk_columns_add_all(&c, join->schema, nl + p.width, join->schema->count - nl - p.width, err));
	return spk_columns_project(&c, join, out, err);
}

/* --- graft --- */

static bool picks_columns(const struct spk_logical *l)
{
	for (int i = 0; i < l->expr_count; i++)
		if (l->expr[i]->kind != SPK_EXPR_COLUMN)
			return false;
	return true;
}

/*
 * Nodes that treat each row by itself, over one row of no columns. UNNEST is what makes several rows or none; under a left join it makes a
 * row of NULLs instead of none, and nothing above it may make anything else of them.
 */
static bool is_graft(const struct spk_logical *l, enum spk_join_type join)
{
	bool plain = true, unnest = false;

	for (; l->inputs == 1; l = l->input[0]) {
		if (l->kind == SPK_LOGICAL_PROJECT)
			plain = plain && picks_columns(l);
		else if (l->kind == SPK_LOGICAL_UNNEST)
			unnest = true;
		else if (l->kind != SPK_LOGICAL_FILTER || join != SPK_JOIN_INNER)
			return false;
		if (unnest && (join == SPK_JOIN_SINGLE || (join == SPK_JOIN_LEFT && (!plain || l->kind == SPK_LOGICAL_PROJECT || l->input[0]->kind == SPK_LOGICAL_UNNEST))))
			return false;
	}
	return l->kind == SPK_LOGICAL_VALUES && l->value_rows == 1 && l->schema->count == 0;
}

spk_status spk_decorrelate_graft(struct spk_arena *arena, const struct spk_logical *l, struct spk_logical **out, spk_error *err)
{
	struct push p = { .arena = arena, .outer = l->dependent, .magic = l->input[0], .width = l->input[0]->schema->count, .columns = l->input[0]->schema->count };
	bool outer_join = l->join == SPK_JOIN_LEFT || l->join == SPK_JOIN_SINGLE;

	if ((l->join != SPK_JOIN_INNER && !(outer_join && !l->filter)) || !is_graft(l->input[1], l->join))
		return SPK_OK;
	p.fill = outer_join;
	SPK_TRY(spk_column_exprs(arena, p.magic->schema, 0, &p.by, err));
	SPK_TRY(carry(&p, l->input[1], out, err));
	if (l->filter)
		SPK_TRY_PTR(*out = spk_filter_node(arena, l->filter, *out), err);
	return SPK_OK;
}
