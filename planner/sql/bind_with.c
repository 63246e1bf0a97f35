/* WITH: its queries are bound anew at every use, like views. */
#include "planner/sql/bind.h"

#include <string.h>
#include <strings.h>

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

	if (with->recursive)
		return spk_binder_unsupported(b, with->location, "WITH RECURSIVE", err);
	for (size_t i = 0; i < with->n_ctes; i++) {
		const PgQuery__CommonTableExpr *e = with->ctes[i]->common_table_expr;
		struct spk_cte *cte = SPK_NEW(b->arena, struct spk_cte);

		SPK_TRY_PTR(cte, err);
		if (e->ctequery->node_case != PG_QUERY__NODE__NODE_SELECT_STMT)
			return spk_binder_unsupported(b, e->location, "WITH over anything but a query", err);
		for (const struct spk_cte *c = b->cte; c && c != outer; c = c->next)
			if (strcmp(c->name, e->ctename) == 0)
				return spk_binder_fail(b, e->location, SPK_BIND, err, "WITH query name \"%s\" specified more than once", e->ctename);
		*cte = (struct spk_cte){ .name = e->ctename, .cte = e, .outer = b->outer, .next = b->cte };
		b->cte = cte;
	}
	return SPK_OK;
}

spk_status spk_binder_cte(struct spk_binder *b, struct spk_cte *cte, struct spk_scope *out, spk_error *err)
{
	PgQuery__Alias names = PG_QUERY__ALIAS__INIT;
	struct spk_cte *here = b->cte;
	struct spk_outer *outer = b->outer;
	struct spk_logical *plan;
	spk_status status;

	SPK_TRY(spk_binder_count_inlined(b, cte->cte->location, cte->name, err));
	cte->used = true;
	b->cte = cte->next;
	b->outer = cte->outer;
	status = spk_binder_query(b, cte->cte->ctequery->select_stmt, false, &plan, err);
	b->cte = here;
	b->outer = outer;
	SPK_TRY(status);
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
			if ((exact ? strcmp(c->name, name) : strcasecmp(c->name, name)) == 0)
				return c;
	return NULL;
}
