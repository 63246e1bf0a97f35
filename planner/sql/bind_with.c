/*
 * WITH. A query is bound anew at every use, like a view, unless the uses could tell: where it must be computed once (MATERIALIZED, volatile
 * functions, recursion), all of them are SHARED nodes over one plan.
 */
#include "planner/sql/bind.h"

#include <string.h>

enum { INLINED_MAX = 1000 };

spk_status spk_binder_count_inlined(const struct spk_binder *b, int location, const char *name, spk_error *err)
{
	if (++*b->inlined <= INLINED_MAX)
		return SPK_OK;
	spk_binder_fail(b, location, SPK_UNSUPPORTED, err, "the statement uses views and WITH queries more than %d times, \"%s\" being one too many", INLINED_MAX, name);
	return spk_hint(err, "A query that is named several times is computed that often; views that use views twice double it each time.");
}

spk_status spk_binder_push_with(struct spk_binder *b, const PgQuery__WithClause *with, spk_error *err)
{
	const struct spk_cte *outer = b->cte;

	for (size_t i = 0; i < with->n_ctes; i++) {
		const PgQuery__CommonTableExpr *e = with->ctes[i]->common_table_expr;
		struct spk_cte *cte = SPK_NEW(b->arena, struct spk_cte);

		SPK_TRY_PTR(cte, err);
		if (e->ctequery->node_case != PG_QUERY__NODE__NODE_SELECT_STMT)
			return spk_binder_unsupported(b, e->location, "WITH over anything but a query", err);
		for (const struct spk_cte *c = b->cte; c && c != outer; c = c->next)
			if (strcmp(c->name, e->ctename) == 0)
				return spk_binder_fail(b, e->location, SPK_BIND, err, "WITH query name \"%s\" specified more than once", e->ctename);
		*cte = (struct spk_cte){ .name = e->ctename, .cte = e, .outer = b->outer, .next = b->cte, .recursive = with->recursive };
		b->cte = cte;
	}
	for (struct spk_cte *c = b->cte; c && c != outer; c = c->next)
		c->seen = with->recursive ? b->cte : c->next;
	return SPK_OK;
}

/* --- computed once --- */

static spk_status note_expr(struct spk_expr **e, void *user, spk_error *err)
{
	bool *differs = user;

	(void)err;
	*differs = *differs || !spk_expr_deterministic(*e);
	return SPK_OK;
}

static bool has_outer(const struct spk_expr *e)
{
	if (e->kind == SPK_EXPR_OUTER)
		return true;
	for (int i = 0; i < e->args; i++)
		if (has_outer(e->arg[i]))
			return true;
	return false;
}

static spk_status note_outer(struct spk_expr **e, void *user, spk_error *err)
{
	bool *found = user;

	(void)err;
	*found = *found || has_outer(*e);
	return SPK_OK;
}

static bool any_expr(struct spk_logical *l, spk_logical_change note)
{
	bool found = false;

	(void)spk_logical_each_expr(l, note, &found, NULL);
	for (int i = 0; i < l->inputs && !found; i++)
		found = any_expr(l->input[i], note);
	return found;
}

/* Rows that depend on an outer query are others every time. */
static bool is_shared(const struct spk_cte *cte, struct spk_logical *plan)
{
	bool always = cte->cte->ctematerialized == PG_QUERY__CTEMATERIALIZE__CTEMaterializeAlways, never = cte->cte->ctematerialized == PG_QUERY__CTEMATERIALIZE__CTEMaterializeNever;

	if (plan->kind != SPK_LOGICAL_RECURSIVE && !always && (never || !any_expr(plan, note_expr)))
		return false;
	return !any_expr(plan, note_outer);
}

static spk_status use(const struct spk_binder *b, const struct spk_cte *cte, struct spk_logical **plan, spk_error *err)
{
	struct spk_logical *l = spk_logical_new(b->arena, SPK_LOGICAL_SHARED, cte->plan->schema, (struct spk_logical *[]){ cte->plan }, 1);

	SPK_TRY_PTR(l, err);
	l->number = cte->number;
	*plan = l;
	return SPK_OK;
}

static spk_status bind_anew(struct spk_binder *b, struct spk_cte *cte, struct spk_logical **plan, spk_error *err)
{
	struct spk_cte *here = b->cte;
	struct spk_outer *outer = b->outer;
	spk_status status;

	SPK_TRY(spk_binder_count_inlined(b, cte->cte->location, cte->name, err));
	if (!cte->recursive && (cte->cte->search_clause || cte->cte->cycle_clause))
		return spk_binder_fail(b, cte->cte->location, SPK_BIND, err, "WITH query is not recursive");
	b->cte = cte->seen;
	b->outer = cte->outer;
	status = cte->recursive ? spk_binder_recursive(b, cte, plan, err) : spk_binder_query(b, cte->cte->ctequery->select_stmt, false, plan, err);
	b->cte = here;
	b->outer = outer;
	SPK_TRY(status);
	if (!is_shared(cte, *plan))
		return SPK_OK;
	cte->plan = *plan;
	if (!cte->number)
		cte->number = ++*b->dependents;
	return SPK_OK;
}

spk_status spk_binder_cte(struct spk_binder *b, struct spk_cte *cte, struct spk_scope *out, spk_error *err)
{
	PgQuery__Alias names = PG_QUERY__ALIAS__INIT;
	struct spk_logical *plan = cte->plan;

	if (!plan)
		SPK_TRY(bind_anew(b, cte, &plan, err));
	cte->used = true;
	if (cte->plan)
		SPK_TRY(use(b, cte, &plan, err));
	if ((int)cte->cte->n_aliascolnames > plan->schema->count)
		return spk_binder_fail(b, cte->cte->location, SPK_BIND, err, "WITH query \"%s\" has %d columns available but %zu columns specified", cte->name, plan->schema->count, cte->cte->n_aliascolnames);
	names.n_colnames = cte->cte->n_aliascolnames;
	names.colnames = cte->cte->aliascolnames;
	return spk_binder_one_range(b, plan, cte->name, &names, cte->cte->location, out, err);
}

/* Queries that nobody used are bound all the same: their errors are errors. */
spk_status spk_binder_check_with(struct spk_binder *b, const struct spk_cte *until, spk_error *err)
{
	struct spk_scope unused;

	for (struct spk_cte *c = b->cte; c && c != until; c = c->next)
		if (!c->used)
			SPK_TRY(spk_binder_cte(b, c, &unused, err));
	return SPK_OK;
}

struct spk_cte *spk_binder_find_cte(const struct spk_binder *b, const char *name)
{
	for (int exact = 1; exact >= 0; exact--)
		for (struct spk_cte *c = b->cte; c; c = c->next)
			if (spk_name_fits(c->name, name, exact))
				return c;
	return NULL;
}
