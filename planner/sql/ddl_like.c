/* CREATE TABLE t (LIKE u ...): columns and, where the words say so, what else there is of another table. */
#include "planner/sql/ddl_table.h"

#include <string.h>

static const struct spk_table *find_like(const struct spk_binder *b, const PgQuery__TableLikeClause *l)
{
	return spk_catalog_table(b->catalog, l->relation->relname);
}

size_t spk_create_columns(const struct spk_binder *b, const PgQuery__CreateStmt *s)
{
	size_t columns = s->n_table_elts + 1;

	for (size_t i = 0; s->table_elts && i < s->n_table_elts; i++) {  /* CREATE TABLE AS has a number alone */
		const PgQuery__Node *n = s->table_elts[i];
		const struct spk_table *like = n->node_case == PG_QUERY__NODE__NODE_TABLE_LIKE_CLAUSE ? find_like(b, n->table_like_clause) : NULL;

		columns += like ? (size_t)like->schema->count : 0;
	}
	return columns;
}

/* Columns that are computed lie before those that they refer to only by number: they are the first of both tables. */
spk_status spk_create_like(struct spk_create *c, const PgQuery__TableLikeClause *l, spk_error *err)
{
	const struct spk_table *u = find_like(&c->b, l);
	const char *name;

	SPK_TRY(spk_binder_simple_name(&c->b, l->relation, &name, err));
	if (!u)
		return spk_binder_fail(&c->b, l->relation->location, SPK_BIND, err, "table \"%s\" does not exist, so nothing can be LIKE it", name);
	if (c->schema->count) {
		spk_binder_fail(&c->b, l->relation->location, SPK_UNSUPPORTED, err, "LIKE behind other columns is not supported");
		return spk_hint(err, "Put it first: CREATE TABLE t (LIKE %s, more columns).", name), SPK_UNSUPPORTED;
	}
	c->like = u;
	c->taken = l->options;
	for (int i = 0; i < u->schema->count; i++) {
		const bool computed = u->computed && u->computed[i], metadata = u->metadata && u->metadata[i];

		c->schema->field[i] = u->schema->field[i];
		SPK_TRY_PTR(c->folded[i] = spk_arena_strdup(c->b.arena, u->schema->field[i].name), err);
		if ((computed && !(c->taken & SPK_LIKE_GENERATED)) || (metadata && !(c->taken & SPK_LIKE_METADATA))) {
			spk_binder_fail(&c->b, l->relation->location, SPK_UNSUPPORTED, err, "column \"%s\" of table \"%s\" is computed, and LIKE cannot leave it out", u->schema->field[i].name, name);
			return spk_hint(err, "Take it over (INCLUDING ALL), or write the columns."), SPK_UNSUPPORTED;
		}
		c->table->computed[i] = computed ? u->computed[i] : NULL;
		c->table->rounded[i] = u->rounded ? u->rounded[i] : NULL;
		c->table->given[i] = u->given && (c->taken & SPK_LIKE_METADATA) ? u->given[i] : NULL;
		c->table->metadata[i] = metadata ? u->metadata[i] : NULL;
	}
	c->schema->count = u->schema->count;
	return SPK_OK;
}

/* Those of the other table that the statement does not give anew. */
static spk_status add_options(struct spk_create *c, spk_error *err)
{
	struct spk_table *t = c->table;
	struct spk_option *o = SPK_NEW_ARRAY(c->b.arena, struct spk_option, t->option_count + c->like->option_count + 2);
	int n = t->option_count;

	SPK_TRY_PTR(o, err);
	if (n)
		memcpy(o, t->option, sizeof *o * (size_t)n);
	for (int i = 0; i < c->like->option_count; i++)
		if (!spk_table_option(t, c->like->option[i].key))
			o[n++] = c->like->option[i];
	t->option = o;
	t->option_count = n;
	t->connector = spk_table_option(t, "connector");
	return SPK_OK;
}

spk_status spk_create_like_rest(struct spk_create *c, spk_error *err)
{
	const struct spk_table *u = c->like;

	if (!u)
		return SPK_OK;
	if (!c->watermark && c->taken & SPK_LIKE_WATERMARK) {
		c->table->time_column = u->time_column;
		c->table->watermark_delay_us = u->watermark_delay_us;
	}
	if (!c->primary && c->taken & SPK_LIKE_KEY) {
		c->table->key = u->key;
		c->table->key_count = u->key_count;
	}
	if (!c->s->partspec && c->taken & SPK_LIKE_PARTITIONS) {
		c->table->partition = u->partition;
		c->table->partition_count = u->partition_count;
	}
	return c->taken & SPK_LIKE_OPTIONS ? add_options(c, err) : SPK_OK;
}
