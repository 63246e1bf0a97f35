/*
 * Joins by time that are no plain ones:
 *   a ASOF [LEFT] JOIN b ON a.k = b.k AND a.ts >= b.ts      the nearest row of b; also as USING (k, ts)
 *   a [LEFT] JOIN t FOR SYSTEM_TIME AS OF a.ts ON ...       the version of t that was valid then: the nearest one by t's event time
 *   ... FOR SYSTEM_TIME AS OF a.p, p being PROCTIME()       what t has when the row comes
 */
#include "planner/sql/bind.h"

#include <string.h>

#include "core/expr/function.h"
#include "planner/sql/rewrite.h"

static const PgQuery__FuncCall *marked(const PgQuery__Node *n, const char *mark)
{
	const PgQuery__FuncCall *f = n && n->node_case == PG_QUERY__NODE__NODE_FUNC_CALL ? n->func_call : NULL;
	const char *name = f && f->n_funcname == 1 ? spk_node_string(f->funcname[0]) : NULL;

	return name && strcmp(name, mark) == 0 ? f : NULL;
}

const PgQuery__Node *spk_asof_condition(const PgQuery__Node *quals)
{
	const PgQuery__FuncCall *f = marked(quals, SPK_MARK_ASOF);

	return f && f->n_args == 1 ? f->args[0] : NULL;
}

bool spk_asof_using(const PgQuery__JoinExpr *j)
{
	return j->n_using_clause && strcmp(spk_node_string(j->using_clause[0]), SPK_MARK_ASOF) == 0;
}

/* The call that stands for "t FOR SYSTEM_TIME AS OF time". */
static const PgQuery__FuncCall *as_of_call(const PgQuery__Node *item)
{
	const PgQuery__RangeFunction *f = item->node_case == PG_QUERY__NODE__NODE_RANGE_FUNCTION ? item->range_function : NULL;
	const PgQuery__Node *list = f && f->n_functions == 1 ? f->functions[0] : NULL;
	const PgQuery__FuncCall *call = list && list->node_case == PG_QUERY__NODE__NODE_LIST && list->list->n_items ? marked(list->list->items[0], SPK_MARK_AS_OF) : NULL;

	return call && call->n_args == 2 ? call : NULL;
}

bool spk_is_as_of(const PgQuery__Node *item) { return as_of_call(item) != NULL; }

spk_status spk_binder_as_of_table(struct spk_binder *b, const PgQuery__Node *item, struct spk_scope *out, spk_error *err)
{
	const PgQuery__FuncCall *call = as_of_call(item);
	const PgQuery__Node *n = call->args[0];
	PgQuery__RangeVar v = PG_QUERY__RANGE_VAR__INIT;
	const size_t fields = n->node_case == PG_QUERY__NODE__NODE_COLUMN_REF ? n->column_ref->n_fields : 0;

	if (fields < 1 || fields > 2 || !spk_node_string(n->column_ref->fields[fields - 1]))
		return spk_binder_fail(b, spk_node_location(n), SPK_BIND, err, "FOR SYSTEM_TIME AS OF takes a table or a view");
	v.relname = n->column_ref->fields[fields - 1]->string->sval;
	v.schemaname = fields == 2 ? n->column_ref->fields[0]->string->sval : NULL;
	v.location = n->column_ref->location;
	v.alias = item->range_function->alias;
	return spk_binder_relation(b, &v, out, err);
}

/* --- what time it is --- */

static bool is_proctime(const struct spk_expr *e)
{
	return e && e->kind == SPK_EXPR_CALL && e->args == 0 && strcmp(e->function->name, "proctime") == 0;
}

/* Whether the column is PROCTIME(), wherever it was computed. */
static bool is_proctime_column(const struct spk_logical *l, int column)
{
	for (;;) {
		const struct spk_expr *e = NULL;

		switch (l->kind) {
		case SPK_LOGICAL_SCAN:
			return l->table->computed && is_proctime(l->table->computed[l->column[column]]);
		case SPK_LOGICAL_PROJECT:
			e = l->expr[column];
			if (e->kind != SPK_EXPR_COLUMN)
				return is_proctime(e);
			column = e->column;
			break;
		case SPK_LOGICAL_FILTER:
		case SPK_LOGICAL_SHARED:
		case SPK_LOGICAL_UNION:
		case SPK_LOGICAL_JOIN:
			break;
		default:
			return false;
		}
		if (l->kind == SPK_LOGICAL_JOIN && column >= l->input[0]->schema->count) {
			column -= l->input[0]->schema->count;
			l = l->inputs == 2 && column < l->input[1]->schema->count ? l->input[1] : l->input[0];
		} else {
			l = l->input[0];
		}
		if (column >= l->schema->count)
			return false;
	}
}

/* --- versions --- */

static bool names_column(const struct spk_expr *e, int column)
{
	bool found = e->kind == SPK_EXPR_CALL && strcmp(e->function->name, "=") == 0 && ((e->arg[0]->kind == SPK_EXPR_COLUMN && e->arg[0]->column == column) ||
		(e->arg[1]->kind == SPK_EXPR_COLUMN && e->arg[1]->column == column));

	for (int i = 0; e->kind == SPK_EXPR_AND && i < e->args && !found; i++)
		found = names_column(e->arg[i], column);
	return found;
}

/* Every part of the condition is an equality of a key's column. */
static bool names_only_key(const struct spk_expr *e, const struct spk_versions *v, int left)
{
	bool found = false;

	if (e->kind == SPK_EXPR_AND) {
		for (int i = 0; i < e->args; i++)
			if (!names_only_key(e->arg[i], v, left))
				return false;
		return true;
	}
	for (int k = 0; k < v->keys && !found; k++)
		found = names_column(e, left + v->key[k]);
	return found;
}

/* A table whose rows are versions: they have a key, which the condition names, and a time from which on they are valid. */
static spk_status check_versions(struct spk_binder *b, const struct spk_logical *join, const struct spk_versions *v, int location, spk_error *err)
{
	const struct spk_logical *right = join->input[1];
	const int left = join->input[0]->schema->count;

	if (!v->found) {
		spk_binder_fail(b, location, SPK_BIND, err, "FOR SYSTEM_TIME AS OF a row's event time needs a table with a PRIMARY KEY and a WATERMARK: its rows are versions");
		return spk_hint(err, "Declare both; or name a view of the newest row of each key, whose number is 1 in row_number() OVER (PARTITION BY key ORDER BY event time DESC); or look up what there is when a row comes: FOR SYSTEM_TIME AS OF a column that is PROCTIME().");
	}
	if (join->filter && !names_only_key(join->filter, v, left)) {
		spk_binder_fail(b, location, SPK_UNSUPPORTED, err, "the condition of a join FOR SYSTEM_TIME AS OF may have nothing but an equality for each column of the key");
		return spk_hint(err, "Which version was valid is told by the key alone. Ask for the rest behind the join: in WHERE, or with LEFT JOIN in a CASE around the columns of the right side.");
	}
	for (int k = 0; k < v->keys; k++) {
		if (join->filter && names_column(join->filter, left + v->key[k]))
			continue;
		spk_binder_fail(b, location, SPK_BIND, err, "the condition of a join FOR SYSTEM_TIME AS OF must have an equality for every column of the key of \"%s\"; \"%s\" has none",
				right->kind == SPK_LOGICAL_SCAN ? right->table->name : "the view", right->schema->field[v->key[k]].name);
		return spk_hint(err, "Versions are told apart by the whole key.");
	}
	return SPK_OK;
}

/* Adds: the version is not younger than the row. */
static spk_status add_version_time(struct spk_binder *b, struct spk_logical *join, int since, struct spk_expr *time, int location, spk_error *err)
{
	const int left = join->input[0]->schema->count;
	struct spk_expr *pair[2] = { time, spk_expr_column(b->arena, left + since, &join->input[1]->schema->field[since]) }, *both[2] = { join->filter, NULL };

	SPK_TRY_PTR(pair[1], err);
	SPK_TRY(spk_binder_call(b, ">=", pair, 2, location, &both[1], err));
	return spk_expr_make(b->arena, SPK_EXPR_AND, both, 2, false, both[1]->position, &join->filter, err);
}

/* --- both --- */

static spk_status set_type(struct spk_binder *b, struct spk_logical *join, const char *what, enum spk_join_type inner, enum spk_join_type left, int location, spk_error *err)
{
	if (join->kind != SPK_LOGICAL_JOIN || (join->join != SPK_JOIN_INNER && join->join != SPK_JOIN_LEFT) || join->dependent) {
		spk_binder_fail(b, location, SPK_UNSUPPORTED, err, "%s is not supported as RIGHT or FULL JOIN, over LATERAL items, nor with subqueries in its condition", what);
		spk_hint(err, "Write it as %s or with LEFT, and put what it is joined with into a subquery.", what);
		return SPK_UNSUPPORTED;
	}
	join->join = join->join == SPK_JOIN_INNER ? inner : left;
	return SPK_OK;
}

static spk_status check_asof(struct spk_binder *b, const struct spk_logical *join, const char *what, int location, spk_error *err)
{
	struct spk_asof asof;

	if (spk_join_asof(join, &asof))
		return SPK_OK;
	spk_binder_fail(b, location, SPK_BIND, err, "the condition of %s must be equalities and one comparison (<, <=, >, >=), each of the left side with the right one", what);
	return spk_hint(err, "Put what looks at one side alone into a subquery: ... JOIN (SELECT * FROM b WHERE ...) AS b ON a.k = b.k AND a.ts >= b.ts."), SPK_BIND;
}

/* --- conditions of one side --- */

/* Asks it of the side's rows before they are joined. */
static spk_status filter_side(struct spk_binder *b, struct spk_logical *join, int side, const struct spk_expr *e, spk_error *err)
{
	const struct spk_schema *in[2] = { join->input[0]->schema, join->input[1]->schema };
	struct spk_expr **by = SPK_NEW_ARRAY(b->arena, struct spk_expr *, in[0]->count + in[1]->count + 1);
	struct spk_logical *filter = spk_logical_new(b->arena, SPK_LOGICAL_FILTER, in[side], &join->input[side], 1);

	SPK_TRY_PTR(by && filter, err);
	for (int i = 0; i < in[side]->count; i++)
		SPK_TRY_PTR(by[i + (side ? in[0]->count : 0)] = spk_expr_column(b->arena, i, &in[side]->field[i]), err);
	SPK_TRY_PTR(filter->filter = spk_expr_substitute(b->arena, e, by), err);
	filter->position = e->position;
	join->input[side] = filter;
	return SPK_OK;
}

/* The nearest row is one of those that meet what is said of the right side alone, as in DuckDB; so with the left side, but under LEFT, where its rows come out in any case. */
static spk_status take_sides_out(struct spk_binder *b, struct spk_logical *join, struct spk_expr *e, struct spk_expr **rest, spk_error *err)
{
	const int side = spk_join_side_of(e, join->input[0]->schema->count);
	struct spk_expr *both[2] = { *rest, e };

	if (e->kind == SPK_EXPR_AND) {
		for (int i = 0; i < e->args; i++)
			SPK_TRY(take_sides_out(b, join, e->arg[i], rest, err));
		return SPK_OK;
	}
	if ((side == 1 || (side == 0 && join->join == SPK_JOIN_ASOF)) && spk_expr_deterministic(e))
		return filter_side(b, join, side, e, err);
	if (*rest)
		return spk_expr_make(b->arena, SPK_EXPR_AND, both, 2, false, e->position, rest, err);
	*rest = e;
	return SPK_OK;
}

spk_status spk_binder_asof(struct spk_binder *b, struct spk_logical *join, int location, spk_error *err)
{
	struct spk_expr *rest = NULL;

	SPK_TRY(set_type(b, join, "ASOF JOIN", SPK_JOIN_ASOF, SPK_JOIN_ASOF_LEFT, location, err));
	if (join->filter)
		SPK_TRY(take_sides_out(b, join, join->filter, &rest, err));
	join->filter = rest;
	return check_asof(b, join, "an ASOF JOIN", location, err);
}

spk_status spk_binder_as_of(struct spk_binder *b, const PgQuery__Node *item, const struct spk_scope *left, struct spk_logical *join, spk_error *err)
{
	static const char what[] = "JOIN ... FOR SYSTEM_TIME AS OF";
	const PgQuery__FuncCall *call = as_of_call(item);
	const int location = spk_node_location(call->args[0]);
	struct spk_exprs x = { .b = b, .scope = left, .clause = "FOR SYSTEM_TIME AS OF" };
	struct spk_versions versions;
	struct spk_expr *time;

	SPK_TRY(spk_binder_expr(&x, call->args[1], &time, err));
	if (time->kind != SPK_EXPR_COLUMN && !is_proctime(time))
		return spk_binder_fail(b, spk_node_location(call->args[1]), SPK_BIND, err, "FOR SYSTEM_TIME AS OF takes a column of what stands to the left of the join");
	if (is_proctime(time) || is_proctime_column(left->plan, time->column))
		return set_type(b, join, what, SPK_JOIN_LOOKUP, SPK_JOIN_LOOKUP_LEFT, location, err);
	SPK_TRY(set_type(b, join, what, SPK_JOIN_ASOF, SPK_JOIN_ASOF_LEFT, location, err));
	SPK_TRY(spk_binder_versions(b, &join->input[1], &versions, err));
	SPK_TRY(check_versions(b, join, &versions, location, err));
	SPK_TRY(add_version_time(b, join, versions.time, time, spk_node_location(call->args[1]), err));
	return check_asof(b, join, "a join FOR SYSTEM_TIME AS OF", location, err);
}
