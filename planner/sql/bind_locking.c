/*
 * FOR UPDATE and its like. Nobody changes the rows of a table while a query reads them, so there is nothing to lock: the clause is checked as
 * PostgreSQL does and then has no effect.
 */
#include "planner/sql/bind.h"

#include <string.h>

static const char *strength(const PgQuery__LockingClause *l)
{
	switch (l->strength) {
	case PG_QUERY__LOCK_CLAUSE_STRENGTH__LCS_FORKEYSHARE: return "FOR KEY SHARE";
	case PG_QUERY__LOCK_CLAUSE_STRENGTH__LCS_FORSHARE: return "FOR SHARE";
	case PG_QUERY__LOCK_CLAUSE_STRENGTH__LCS_FORNOKEYUPDATE: return "FOR NO KEY UPDATE";
	default: return "FOR UPDATE";
	}
}

/* What cannot be said of single rows; NULL: nothing. */
static const char *not_of_rows(const PgQuery__SelectStmt *s, const struct spk_query *q)
{
	if (s->op != PG_QUERY__SET_OPERATION__SETOP_NONE)
		return "UNION/INTERSECT/EXCEPT";
	if (s->n_distinct_clause)
		return "DISTINCT clause";
	if (s->n_group_clause)
		return "GROUP BY clause";
	if (s->having_clause)
		return "HAVING clause";
	if (q && q->aggregates.count)
		return "aggregate functions";
	if (q && q->overs.count)
		return "window functions";
	return NULL;
}

/* How FOR ... OF may call an item of FROM; NULL: not at all. *join: it is a join. */
static const char *item_name(const PgQuery__Node *n, bool *join)
{
	const PgQuery__Alias *a = NULL;

	*join = false;
	switch (n->node_case) {
	case PG_QUERY__NODE__NODE_RANGE_VAR:
		return n->range_var->alias ? n->range_var->alias->aliasname : n->range_var->relname;
	case PG_QUERY__NODE__NODE_RANGE_SUBSELECT: a = n->range_subselect->alias; break;
	case PG_QUERY__NODE__NODE_RANGE_FUNCTION: a = n->range_function->alias; break;
	case PG_QUERY__NODE__NODE_JOIN_EXPR:
		*join = true;
		a = n->join_expr->alias ? n->join_expr->alias : n->join_expr->join_using_alias;
		break;
	default: break;
	}
	return a ? a->aliasname : NULL;
}

static bool has_item(const PgQuery__Node *n, const char *name, bool *join)
{
	const char *its = item_name(n, join);

	if (its && strcmp(its, name) == 0)
		return true;
	if (n->node_case != PG_QUERY__NODE__NODE_JOIN_EXPR || n->join_expr->alias)
		return false;
	return has_item(n->join_expr->larg, name, join) || has_item(n->join_expr->rarg, name, join);
}

static spk_status check_of(const struct spk_binder *b, const PgQuery__SelectStmt *s, const PgQuery__LockingClause *l, spk_error *err)
{
	for (size_t i = 0; i < l->n_locked_rels; i++) {
		const PgQuery__RangeVar *r = l->locked_rels[i]->range_var;
		bool found = false, join = false;

		for (size_t k = 0; k < s->n_from_clause && !found; k++)
			found = has_item(s->from_clause[k], r->relname, &join);
		if (!found)
			return spk_binder_fail(b, r->location, SPK_BIND, err, "relation \"%s\" in %s clause not found in FROM clause", r->relname, strength(l));
		if (join)
			return spk_binder_fail(b, r->location, SPK_BIND, err, "%s cannot be applied to a join", strength(l));
	}
	return SPK_OK;
}

spk_status spk_binder_locking(const struct spk_binder *b, const PgQuery__SelectStmt *s, const struct spk_query *q, spk_error *err)
{
	for (size_t i = 0; i < s->n_locking_clause; i++) {
		const PgQuery__LockingClause *l = s->locking_clause[i]->locking_clause;
		const char *what = not_of_rows(s, q);

		if (s->n_values_lists)
			return spk_binder_fail(b, -1, SPK_BIND, err, "%s cannot be applied to VALUES", strength(l));
		if (what)
			return spk_binder_fail(b, -1, SPK_BIND, err, "%s is not allowed with %s", strength(l), what);
		SPK_TRY(check_of(b, s, l, err));
	}
	return SPK_OK;
}
