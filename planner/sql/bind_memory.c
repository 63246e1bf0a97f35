/*
 * Tables without options: they have the rows of all INSERTs into them, as a view of these queries would. Each use binds the queries anew, as it does
 * with views; in a job they are parts of it, and nothing is kept.
 */
#include "planner/sql/bind.h"

#include <string.h>

struct insertion { const PgQuery__InsertStmt *s; const struct spk_source *source; int position; struct insertion *next; };

/* In the catalog's arena. read: by a statement that the INSERTs before it were bound for. */
struct spk_memory { struct insertion *first, *last; bool read; };

/* A PRIMARY KEY is taken at its word, and event times are those of what is inserted, whatever WATERMARK says. */
spk_status spk_create_memory(struct spk_binder *b, struct spk_table *t, spk_error *err)
{
	t->time_column = -1;
	SPK_TRY_PTR(t->memory = SPK_NEW(spk_catalog_arena(b->catalog), struct spk_memory), err);
	t->connector = "memory";
	return SPK_OK;
}

spk_status spk_binder_memory_insert(struct spk_binder *b, const struct spk_table *t, const PgQuery__InsertStmt *s, bool *late, spk_error *err)
{
	struct insertion *i = SPK_NEW(spk_catalog_arena(b->catalog), struct insertion);

	SPK_TRY_PTR(i, err);
	*i = (struct insertion){ s, b->source, spk_binder_at(b, s->relation->location), NULL };
	if (t->memory->last)
		t->memory->last->next = i;
	else
		t->memory->first = i;
	t->memory->last = i;
	*late = t->memory->read;
	return SPK_OK;
}

static spk_status inserted(struct spk_expr *e, void *user, struct spk_expr **out, spk_error *err)
{
	(void)err;
	*out = e->kind == SPK_EXPR_COLUMN ? ((struct spk_expr **)user)[e->column] : e;
	return SPK_OK;
}

spk_status spk_binder_over_inserted(struct spk_binder *b, const struct spk_table *t, const struct spk_expr *e, struct spk_expr **by, struct spk_expr **out, spk_error *err)
{
	struct spk_expr **own = SPK_NEW_ARRAY(b->arena, struct spk_expr *, t->schema->count + 1), *copy;

	SPK_TRY_PTR(own, err);
	for (int i = 0; i < t->schema->count; i++)
		SPK_TRY_PTR(own[i] = spk_expr_column(b->arena, i, &t->schema->field[i]), err);
	/* The catalog's tree stays as it is, whatever the optimizer does with this one. */
	SPK_TRY_PTR(copy = spk_expr_substitute(b->arena, e, own), err);
	return spk_expr_rewrite(b->arena, copy, inserted, by, out, err);
}

/* The columns of the table from those of one INSERT. */
static spk_status all_columns(struct spk_binder *b, const struct spk_table *t, const struct spk_logical *sink, struct spk_logical **out, spk_error *err)
{
	const int count = t->schema->count;
	struct spk_expr **expr = SPK_NEW_ARRAY(b->arena, struct spk_expr *, count + 1);
	struct spk_schema *schema = spk_schema_new(b->arena, count);

	SPK_TRY_PTR(expr && schema, err);
	for (int i = 0; i < sink->schema->count; i++)
		SPK_TRY_PTR(expr[sink->column[i]] = spk_expr_column(b->arena, i, &sink->schema->field[i]), err);
	for (int i = 0; i < count; i++) {
		schema->field[i] = t->schema->field[i];
		if (expr[i] || t->computed[i])
			continue;
		SPK_TRY_PTR(expr[i] = spk_expr_literal(b->arena, (struct spk_value){ .type = t->schema->field[i].type, .null = true }), err);
	}
	for (int i = 0; i < count; i++)
		if (t->computed[i])
			SPK_TRY(spk_binder_over_inserted(b, t, t->computed[i], expr, &expr[i], err));
	/* Nobody checks NOT NULL on the way: what may be NULL is what the INSERT gives. */
	for (int i = 0; i < count; i++)
		schema->field[i].nullable = expr[i]->nullable;
	SPK_TRY_PTR(*out = spk_binder_project(b, sink->input[0], expr, schema), err);
	return SPK_OK;
}

static spk_status unite(struct spk_binder *b, struct spk_logical **branch, int count, struct spk_logical **out, spk_error *err)
{
	const struct spk_schema *first = branch[0]->schema;
	struct spk_schema *schema = spk_schema_new(b->arena, first->count);

	SPK_TRY_PTR(schema, err);
	memcpy(schema->field, first->field, sizeof *schema->field * (size_t)first->count);
	for (int k = 1; k < count; k++)
		for (int i = 0; i < first->count; i++)
			schema->field[i].nullable = schema->field[i].nullable || branch[k]->schema->field[i].nullable;
	SPK_TRY_PTR(*out = spk_logical_new(b->arena, SPK_LOGICAL_UNION, schema, branch, count), err);
	return SPK_OK;
}

static spk_status check_use(struct spk_binder *b, const struct spk_table *t, int location, spk_error *err)
{
	for (const struct spk_inlining *i = b->inlining; i; i = i->outer)
		if (strcmp(i->name, t->name) == 0)
			return spk_binder_fail(b, location, SPK_BIND, err, "what is inserted into table \"%s\" reads it", t->name);
	if (t->memory->first)
		return SPK_OK;
	spk_binder_fail(b, location, SPK_BIND, err, "nothing was inserted into table \"%s\", which has no 'connector'", t->name);
	return spk_hint(err, "INSERT INTO %s before it is read, or say where its rows are: WITH ('connector' = 'kafka', 'topic' = ..., ...), 'filesystem', ...", t->name);
}

spk_status spk_binder_memory_rows(struct spk_binder *b, const struct spk_table *t, int location, struct spk_logical **out, spk_error *err)
{
	const struct spk_inlining inlining = { .name = t->name, .outer = b->inlining };
	struct spk_logical **branch;
	int count = 0;

	SPK_TRY(check_use(b, t, location, err));
	t->memory->read = true;
	for (const struct insertion *i = t->memory->first; i; i = i->next)
		count++;
	SPK_TRY_PTR(branch = SPK_NEW_ARRAY(b->arena, struct spk_logical *, count), err);
	count = 0;
	for (const struct insertion *i = t->memory->first; i; i = i->next) {
		struct spk_binder inner = *b;
		struct spk_logical *sink;

		SPK_TRY(spk_binder_count_inlined(b, location, t->name, err));
		inner.cte = inner.recursing = NULL;
		inner.barrier = NULL;
		inner.outer = inner.query = NULL;
		inner.inlining = &inlining;
		if (!b->pinned && i->source != b->source)
			inner.pinned = spk_binder_at(b, location);
		inner.source = i->source;
		SPK_TRY(spk_binder_insert(&inner, i->s, &sink, err));
		SPK_TRY(all_columns(b, t, sink, &branch[count++], err));
	}
	*out = branch[0];
	return count > 1 ? unite(b, branch, count, out, err) : SPK_OK;
}
