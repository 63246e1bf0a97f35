/* CREATE TABLE: columns, computed and metadata columns, watermark, primary key, options. Everything lies in the catalog's arena. */
#include "planner/sql/ddl_table.h"

#include <stdio.h>
#include <string.h>

#include "core/expr/interval.h"
#include "core/expr/text.h"
#include "planner/sql/rewrite.h"

enum { NAME_MAX_BYTES = 63 };   /* PostgreSQL's NAMEDATALEN - 1 */

static spk_status refuse(const struct spk_create *c, int location, const char *what, spk_error *err)
{
	return spk_binder_unsupported(&c->b, location, what, err);
}

/* --- columns --- */

static spk_status add_primary(struct spk_create *c, const PgQuery__Constraint *k, spk_error *err)
{
	if (c->primary)
		return spk_binder_fail(&c->b, k->location, SPK_BIND, err, "multiple primary keys for table \"%s\" are not allowed", c->table->name);
	c->primary = k;
	return SPK_OK;
}

static spk_status add_default(struct spk_create *c, const PgQuery__Constraint *k, int column, spk_error *err)
{
	struct spk_exprs x = { .b = &c->b, .clause = "DEFAULT" };
	struct spk_expr *e;

	SPK_TRY(spk_binder_expr(&x, k->raw_expr, &e, err));
	return spk_expr_cast(c->b.arena, e, c->schema->field[column].type, false, spk_binder_at(&c->b, spk_node_location(k->raw_expr)), &c->table->given[column], err);
}

static spk_status column_constraint(struct spk_create *c, int column, const PgQuery__Constraint *k, spk_error *err)
{
	struct spk_field *f = &c->schema->field[column];
	const PgQuery__Node *e = k->raw_expr;

	switch (k->contype) {
	case PG_QUERY__CONSTR_TYPE__CONSTR_NULL:
		return SPK_OK;
	case PG_QUERY__CONSTR_TYPE__CONSTR_NOTNULL:
		f->nullable = false;
		return SPK_OK;
	case PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY: {
		int *key = SPK_NEW(c->b.arena, int);

		SPK_TRY_PTR(key, err);
		SPK_TRY(add_primary(c, k, err));
		*key = column;
		c->table->key = key;
		c->table->key_count = 1;
		f->nullable = false;
		return SPK_OK;
	}
	case PG_QUERY__CONSTR_TYPE__CONSTR_DEFAULT:
		if (!k->conname || strcmp(k->conname, SPK_MARK_METADATA) != 0 || e->node_case != PG_QUERY__NODE__NODE_A_CONST || e->a_const->val_case != PG_QUERY__A__CONST__VAL_SVAL)
			return add_default(c, k, column, err);
		c->table->metadata[column] = spk_arena_strdup(c->b.arena, e->a_const->sval->sval);
		SPK_TRY_PTR(c->table->metadata[column], err);
		return SPK_OK;
	case PG_QUERY__CONSTR_TYPE__CONSTR_GENERATED:
	case PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN:
		return SPK_OK;  /* bound when all columns are known; a promise that nobody needs */
	default:
		return refuse(c, k->location, "a CHECK, UNIQUE or IDENTITY constraint", err);
	}
}

static const PgQuery__Constraint *generated(const PgQuery__ColumnDef *d)
{
	for (size_t i = 0; i < d->n_constraints; i++)
		if (d->constraints[i]->constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_GENERATED)
			return d->constraints[i]->constraint;
	return NULL;
}

static bool is_untyped(const PgQuery__ColumnDef *d)
{
	const char *type = d->type_name && d->type_name->n_names == 1 ? spk_node_string(d->type_name->names[0]) : NULL;

	return type && strcmp(type, SPK_MARK_COMPUTED) == 0;
}

/* timestamp(3): every value that comes in is rounded. */
static spk_status round_column(struct spk_create *c, int column, const PgQuery__ColumnDef *d, spk_error *err)
{
	struct spk_expr *value = spk_expr_column(c->b.arena, column, &c->schema->field[column]), *rounded = value;

	SPK_TRY_PTR(value, err);
	SPK_TRY(spk_binder_modify(&c->b, d->type_name, value->type, d->location, &rounded, err));
	c->table->rounded[column] = rounded == value ? NULL : rounded;
	return SPK_OK;
}

static spk_status add_column(struct spk_create *c, const PgQuery__ColumnDef *d, spk_error *err)
{
	int column = c->schema->count;
	struct spk_field *f = &c->schema->field[column];

	for (int i = 0; i < column; i++)
		if (strcmp(c->folded[i], d->colname) == 0) {
			spk_binder_fail(&c->b, d->location, SPK_BIND, err, "column \"%s\" specified more than once", c->schema->field[i].name);
			return spk_hint(err, "Names count without regard to case unless they are quoted: give one of them another.");
		}
	f->name = spk_source_identifier(c->b.source, d->location, c->b.arena);
	c->folded[column] = d->colname;
	SPK_TRY_PTR(f->name, err);
	if (strlen(f->name) > NAME_MAX_BYTES)  /* queries have cut names, which would not find it */
		return spk_binder_fail(&c->b, d->location, SPK_BIND, err, "the name of column \"%s\" is longer than %d bytes", f->name, NAME_MAX_BYTES);
	f->nullable = true;
	f->type = spk_type(SPK_TYPE_UNKNOWN);
	if (!is_untyped(d))
		SPK_TRY(spk_binder_type(&c->b, d->type_name, &f->type, err));
	if (spk_type_is_bits(f->type))
		return refuse(c, d->type_name->location, "a column of bit strings", err);
	c->schema->count++;
	if (!is_untyped(d) && !generated(d))
		SPK_TRY(round_column(c, column, d, err));
	for (size_t i = 0; i < d->n_constraints; i++)
		SPK_TRY(column_constraint(c, column, d->constraints[i]->constraint, err));
	return SPK_OK;
}

static spk_status add_element(struct spk_create *c, const PgQuery__Node *n, spk_error *err)
{
	const PgQuery__Constraint *k;

	if (n->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF)
		return add_column(c, n->column_def, err);
	if (n->node_case == PG_QUERY__NODE__NODE_TABLE_LIKE_CLAUSE)
		return spk_create_like(c, n->table_like_clause, err);
	if (n->node_case != PG_QUERY__NODE__NODE_CONSTRAINT)
		return refuse(c, -1, "this element of CREATE TABLE", err);
	k = n->constraint;
	if (k->contype == PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY)
		return add_primary(c, k, err);
	if (k->contype == PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN)
		return SPK_OK;
	if (k->contype != PG_QUERY__CONSTR_TYPE__CONSTR_CHECK || !k->conname || strcmp(k->conname, SPK_MARK_WATERMARK) != 0)
		return refuse(c, k->location, "a CHECK or UNIQUE constraint", err);
	if (c->watermark)
		return spk_binder_fail(&c->b, k->location, SPK_BIND, err, "a table has one watermark, not several");
	c->watermark = k;
	return SPK_OK;
}

/* --- computed columns --- */

static struct spk_expr **columns_of(struct spk_create *c)
{
	struct spk_expr **by = SPK_NEW_ARRAY(c->b.arena, struct spk_expr *, c->schema->count + 1);

	for (int i = 0; by && i < c->schema->count; i++) {
		by[i] = c->table->computed[i] ? c->table->computed[i] : spk_expr_column(c->b.arena, i, &c->schema->field[i]);
		if (!by[i])
			return NULL;
	}
	return by;
}

/* `seen` hides the columns that are computed later: a computed column may use those declared before it, and all others. */
static spk_status bind_computed(struct spk_create *c, int column, const PgQuery__ColumnDef *d, struct spk_schema *seen, spk_error *err)
{
	struct spk_range range = { .alias = c->table->name, .schema = seen };
	struct spk_scope scope = { .count = 1, .range = &range };
	struct spk_exprs x = { .b = &c->b, .scope = &scope, .clause = "a computed column" };
	struct spk_field *f = &c->schema->field[column];
	const PgQuery__Constraint *k = generated(d);
	struct spk_expr *e, **by;

	SPK_TRY(spk_binder_expr(&x, k->raw_expr, &e, err));
	SPK_TRY(spk_binder_known(&c->b, &e, err));
	if (!spk_expr_deterministic(e))
		return spk_binder_fail(&c->b, spk_node_location(k->raw_expr), SPK_BIND, err, "computed column \"%s\" must give the same value every time it is read", f->name);
	if (!is_untyped(d))
		SPK_TRY(spk_expr_cast(c->b.arena, e, f->type, false, spk_binder_at(&c->b, spk_node_location(k->raw_expr)), &e, err));
	if (!is_untyped(d))
		SPK_TRY(spk_binder_modify(&c->b, d->type_name, f->type, spk_node_location(k->raw_expr), &e, err));
	by = columns_of(c);
	SPK_TRY_PTR(by, err);
	e = spk_expr_substitute(c->b.arena, e, by);
	SPK_TRY_PTR(e, err);
	c->table->computed[column] = e;
	f->type = e->type;
	f->nullable = f->nullable && e->nullable;
	seen->field[column] = *f;
	return SPK_OK;
}

static spk_status bind_all_computed(struct spk_create *c, spk_error *err)
{
	struct spk_schema *seen = spk_schema_new(c->b.arena, c->schema->count);
	const size_t first = c->like ? (size_t)c->like->schema->count : 0;

	SPK_TRY_PTR(seen, err);
	for (size_t i = 0; i < first; i++)
		seen->field[i] = c->schema->field[i];
	for (size_t i = 0, column = first; i < c->s->n_table_elts; i++) {
		if (c->s->table_elts[i]->node_case != PG_QUERY__NODE__NODE_COLUMN_DEF)
			continue;
		seen->field[column] = c->schema->field[column];
		if (generated(c->s->table_elts[i]->column_def))
			seen->field[column].name = "";
		column++;
	}
	for (size_t i = 0, column = first; i < c->s->n_table_elts; i++) {
		if (c->s->table_elts[i]->node_case != PG_QUERY__NODE__NODE_COLUMN_DEF)
			continue;
		if (generated(c->s->table_elts[i]->column_def))
			SPK_TRY(bind_computed(c, (int)column, c->s->table_elts[i]->column_def, seen, err));
		column++;
	}
	return SPK_OK;
}

/* --- watermark --- */

static spk_status bad_watermark(const struct spk_create *c, int location, spk_error *err)
{
	spk_binder_fail(&c->b, location, SPK_UNSUPPORTED, err, "a watermark must be its column, or its column minus a constant interval");
	return spk_hint(err, "WATERMARK FOR ts AS ts - INTERVAL '4' SECOND");
}

static spk_status negative_delay(const struct spk_create *c, int location, spk_error *err)
{
	spk_binder_fail(&c->b, location, SPK_BIND, err, "a watermark's delay must be zero or more");
	return spk_hint(err, "WATERMARK FOR ts AS ts - INTERVAL '4' SECOND");
}

/* A moment minus or plus a constant interval *by. */
static bool is_shifted(const struct spk_expr *e, const struct spk_interval **by, bool *minus)
{
	if (e->kind != SPK_EXPR_CALL || e->args != 2 || !e->function || e->arg[1]->kind != SPK_EXPR_CONSTANT || e->arg[1]->type.id != SPK_TYPE_INTERVAL || e->arg[1]->value.null)
		return false;
	*minus = strcmp(e->function->name, "-") == 0;
	*by = &e->arg[1]->value.interval;
	return *minus || strcmp(e->function->name, "+") == 0;
}

/* What an expression is when constant intervals are taken off it, columns being what computes them; *us: how far it lies behind that. */
static spk_status base_of(const struct spk_create *c, const struct spk_expr **e, int64_t *us, int location, spk_error *err)
{
	const struct spk_interval *by;
	int64_t length;
	bool minus;

	*us = 0;
	for (;;) {
		if ((*e)->kind == SPK_EXPR_COLUMN && c->table->computed[(*e)->column]) {
			*e = c->table->computed[(*e)->column];
			continue;
		}
		if (!is_shifted(*e, &by, &minus))
			return SPK_OK;
		if (by->months) {
			spk_binder_fail(&c->b, location, SPK_BIND, err, "a watermark's delay must have a fixed length; months do not");
			return spk_hint(err, "Give it in days.");
		}
		if (!spk_interval_micros(*by, &length) || __builtin_sub_overflow(*us, minus ? -length : length, us))
			return negative_delay(c, location, err);
		*e = (*e)->arg[0];
	}
}

spk_status spk_create_delay(struct spk_create *c, const struct spk_expr *e, int column, int location, bool *found, spk_error *err)
{
	const struct spk_expr *time = spk_expr_column(c->b.arena, column, &c->schema->field[column]);
	int64_t behind, ahead;

	SPK_TRY_PTR(time, err);
	SPK_TRY(base_of(c, &e, &behind, location, err));
	SPK_TRY(base_of(c, &time, &ahead, location, err));
	*found = spk_expr_same(e, time);
	if (*found && (__builtin_sub_overflow(behind, ahead, &c->table->watermark_delay_us) || c->table->watermark_delay_us < 0))
		return negative_delay(c, location, err);
	return SPK_OK;
}

static spk_status bind_watermark(struct spk_create *c, spk_error *err)
{
	struct spk_range range = { .alias = c->table->name, .schema = c->schema };
	struct spk_scope scope = { .count = 1, .range = &range };
	struct spk_exprs x = { .b = &c->b, .scope = &scope, .clause = "WATERMARK" };
	const PgQuery__RowExpr *row;
	struct spk_expr *column, *e, *ignored;
	int location;
	bool found;
	char type[64];

	c->table->time_column = -1;
	if (!c->watermark)
		return SPK_OK;
	row = c->watermark->raw_expr->row_expr;
	if (row->n_args != 2 && row->n_args != 3)  /* the third: how long rows wait to be put in order, on which nothing depends */
		return bad_watermark(c, c->watermark->location, err);
	location = spk_node_location(row->args[1]);
	SPK_TRY(spk_binder_expr(&x, row->args[0], &column, err));
	if (column->kind != SPK_EXPR_COLUMN)
		return spk_binder_fail(&c->b, spk_node_location(row->args[0]), SPK_BIND, err, "WATERMARK FOR names a column of the table");
	if (column->type.id != SPK_TYPE_TIMESTAMP && column->type.id != SPK_TYPE_TIMESTAMPTZ) {
		spk_type_format(column->type, type, sizeof type);
		spk_binder_fail(&c->b, spk_node_location(row->args[0]), SPK_BIND, err, "the watermark's column \"%s\" must be a timestamp, not %s", column->name, type);
		return spk_hint(err, "Declare a computed column of it, such as ts AS to_timestamp(%s), and give that the watermark.", column->name);
	}
	SPK_TRY(spk_binder_expr(&x, row->args[1], &e, err));
	if (row->n_args == 3)
		SPK_TRY(spk_binder_expr(&x, row->args[2], &ignored, err));
	SPK_TRY(spk_create_delay(c, e, column->column, location, &found, err));
	if (!found)
		return bad_watermark(c, location, err);
	c->table->time_column = column->column;
	return SPK_OK;
}

/* --- primary key --- */

static spk_status bind_primary(struct spk_create *c, spk_error *err)
{
	const PgQuery__Constraint *k = c->primary;
	int *key;

	if (!k || !k->n_keys)
		return SPK_OK;
	key = SPK_NEW_ARRAY(c->b.arena, int, k->n_keys);
	SPK_TRY_PTR(key, err);
	for (size_t i = 0; i < k->n_keys; i++) {
		key[i] = spk_schema_lookup(c->schema, spk_node_string(k->keys[i]));
		if (key[i] < 0)
			return spk_binder_fail(&c->b, k->location, SPK_BIND, err, "column \"%s\" named in key does not exist", spk_node_string(k->keys[i]));
		SPK_TRY(spk_binder_comparable(&c->b, c->schema->field[key[i]].type, false, k->location, err));
		for (size_t j = 0; j < i; j++)
			if (key[j] == key[i])
				return spk_binder_fail(&c->b, k->location, SPK_BIND, err, "column \"%s\" appears twice in primary key constraint", c->schema->field[key[i]].name);
		c->schema->field[key[i]].nullable = false;
	}
	c->table->key = key;
	c->table->key_count = (int)k->n_keys;
	return SPK_OK;
}

/* --- options --- */

static const char *option_value(struct spk_create *c, const PgQuery__Node *n)
{
	if (!n)
		return "true";
	switch (n->node_case) {
	case PG_QUERY__NODE__NODE_STRING: return spk_arena_strdup(c->b.arena, n->string->sval);
	case PG_QUERY__NODE__NODE_FLOAT: return spk_arena_strdup(c->b.arena, n->float_->fval);
	case PG_QUERY__NODE__NODE_INTEGER: return spk_arena_printf(c->b.arena, "%d", n->integer->ival);
	case PG_QUERY__NODE__NODE_BOOLEAN: return n->boolean->boolval ? "true" : "false";
	case PG_QUERY__NODE__NODE_TYPE_NAME: {  /* format = json: a bare word */
		const PgQuery__TypeName *t = n->type_name;
		const char *word = t->n_names ? spk_node_string(t->names[t->n_names - 1]) : NULL;

		return word ? spk_arena_strdup(c->b.arena, word) : "";
	}
	default: return "";
	}
}

/* PostgreSQL cuts names at 63 bytes; what the user wrote is whole. */
static const char *option_key(struct spk_create *c, const PgQuery__DefElem *d)
{
	const char *written = strlen(d->defname) >= 63 ? spk_source_identifier(c->b.source, d->location, c->b.arena) : NULL;

	return written ? written : spk_arena_strdup(c->b.arena, d->defname);
}

static spk_status bind_options(struct spk_create *c, spk_error *err)
{
	struct spk_option *o = SPK_NEW_ARRAY(c->b.arena, struct spk_option, c->s->n_options + 2);

	SPK_TRY_PTR(o, err);
	for (size_t i = 0; i < c->s->n_options; i++) {
		const PgQuery__DefElem *d = c->s->options[i]->def_elem;

		o[i] = (struct spk_option){ option_key(c, d), option_value(c, d->arg), spk_binder_at(&c->b, d->location) };
		SPK_TRY_PTR(o[i].key, err);
		SPK_TRY_PTR(o[i].value, err);
		for (size_t k = 0; k < i; k++)
			if (strcmp(o[k].key, o[i].key) == 0)
				return spk_binder_fail(&c->b, d->location, SPK_BIND, err, "option '%s' is given twice", o[i].key);
	}
	c->table->option = o;
	c->table->option_count = (int)c->s->n_options;
	c->table->connector = spk_table_option(c->table, "connector");
	return SPK_OK;
}

static spk_status check_connector(const struct spk_create *c, spk_error *err)
{
	if (c->table->connector)
		return SPK_OK;
	spk_binder_fail(&c->b, c->s->relation->location, SPK_BIND, err, "table \"%s\" has no 'connector'", c->table->name);
	return spk_hint(err, "Say where its rows are: WITH ('connector' = 'kafka', 'topic' = ..., ...), 'filesystem', 'print', ...");
}

/* --- the statement --- */

static spk_status refuse_clauses(const struct spk_create *c, spk_error *err)
{
	const PgQuery__CreateStmt *s = c->s;

	if (s->n_inh_relations)
		return refuse(c, s->relation->location, s->partbound ? "PARTITION OF" : "INHERITS", err);
	if (s->of_typename)
		return refuse(c, s->of_typename->location, "CREATE TABLE OF a type", err);
	if (s->n_constraints)
		return refuse(c, s->relation->location, "a constraint of this kind", err);
	return SPK_OK;
}

static spk_status start(struct spk_create *c, const char *name, int position, spk_error *err)
{
	struct spk_arena *arena = c->b.arena;
	size_t columns = spk_create_columns(&c->b, c->s);

	c->table = SPK_NEW(arena, struct spk_table);
	c->schema = spk_schema_new(arena, (int)columns);
	c->folded = SPK_NEW_ARRAY(arena, const char *, columns);
	SPK_TRY_PTR(c->table, err);
	SPK_TRY_PTR(c->schema, err);
	SPK_TRY_PTR(c->folded, err);
	c->schema->count = 0;
	c->table->name = spk_arena_strdup(arena, name);
	c->table->computed = SPK_NEW_ARRAY(arena, struct spk_expr *, columns);
	c->table->rounded = SPK_NEW_ARRAY(arena, struct spk_expr *, columns);
	c->table->given = SPK_NEW_ARRAY(arena, struct spk_expr *, columns);
	c->table->metadata = SPK_NEW_ARRAY(arena, const char *, columns);
	c->table->schema = c->schema;
	c->table->position = position;
	SPK_TRY_PTR(c->table->name, err);
	SPK_TRY_PTR(c->table->computed && c->table->rounded, err);
	SPK_TRY_PTR(c->table->metadata && c->table->given, err);
	return SPK_OK;
}

static spk_status check_with_connector(struct spk_create *c, spk_error *err)
{
	const struct spk_catalog_hooks *hooks = spk_catalog_hooks(c->b.catalog);
	spk_status status;

	if (!hooks->check_table)
		return SPK_OK;
	status = hooks->check_table(c->table, hooks->user, err);
	if (status != SPK_OK && err && !err->position)
		err->position = spk_binder_at(&c->b, c->s->relation->location);
	return status;
}

/* --- CREATE TABLE AS --- */

/* A type whose children lie in the arena. */
static spk_status own_type(struct spk_arena *arena, struct spk_type *t, spk_error *err)
{
	const struct spk_schema *from = t->children;
	struct spk_schema *own;

	if (!from)
		return SPK_OK;
	SPK_TRY_PTR(own = spk_schema_new(arena, from->count), err);
	for (int i = 0; i < from->count; i++) {
		own->field[i] = from->field[i];
		SPK_TRY_PTR(own->field[i].name = spk_arena_strdup(arena, from->field[i].name ? from->field[i].name : ""), err);
		SPK_TRY(own_type(arena, &own->field[i].type, err));
	}
	t->children = own;
	return SPK_OK;
}

/* The columns of the query, under the names given behind the table's. */
static spk_status columns_of_query(struct spk_create *c, const struct spk_schema *query, const PgQuery__IntoClause *into, spk_error *err)
{
	int location = into->rel->location;

	if ((int)into->n_col_names > query->count)
		return spk_binder_fail(&c->b, location, SPK_BIND, err, "too many column names were specified");
	for (int i = 0; i < query->count; i++) {
		struct spk_field *f = &c->schema->field[i];
		const char *name = i < (int)into->n_col_names ? spk_node_string(into->col_names[i]) : query->field[i].name;

		*f = (struct spk_field){ spk_arena_strdup(c->b.arena, name), query->field[i].type, true };
		SPK_TRY_PTR(f->name, err);
		SPK_TRY(own_type(c->b.arena, &f->type, err));
		for (int k = 0; k < i; k++)
			if (strcmp(c->schema->field[k].name, f->name) == 0)
				return spk_binder_fail(&c->b, location, SPK_BIND, err, "column \"%s\" specified more than once", f->name);
	}
	c->schema->count = query->count;
	c->table->time_column = -1;
	return SPK_OK;
}

static spk_status make_rows(struct spk_create *c, int location, spk_error *err)
{
	const struct spk_catalog_hooks *hooks = spk_catalog_hooks(c->b.catalog);

	if (!hooks->make_rows)
		return spk_binder_unsupported(&c->b, location, "CREATE TABLE AS without WITH ('connector' = ...) (here)", err);
	return hooks->make_rows(c->table, hooks->rows_user, err);
}

/* A sink's 'primary_key' = 'a, b' among the options, which says by what its rows go; the option itself goes. */
static spk_status key_of_option(struct spk_create *c, int location, spk_error *err)
{
	struct spk_option *o = (struct spk_option *)(uintptr_t)c->table->option;
	const char *text = spk_table_option(c->table, "primary_key"), *at = text ? text : "";
	int left = 0, *key = SPK_NEW_ARRAY(c->b.arena, int, c->schema->count + 1);

	SPK_TRY_PTR(key, err);
	while (text && *(at += strspn(at, " ,"))) {
		const size_t size = strcspn(at, " ,");
		const char *name = spk_arena_strndup(c->b.arena, at, size);
		int column;

		SPK_TRY_PTR(name, err);
		column = spk_schema_lookup(c->schema, name);
		if (column < 0 || c->table->key_count == c->schema->count)
			return spk_binder_fail(&c->b, location, SPK_BIND, err, "column \"%s\" named in 'primary_key' does not exist, or stands there twice", name);
		key[c->table->key_count++] = column;
		at += size;
	}
	c->table->key = key;
	for (int i = 0; i < c->table->option_count; i++)
		if (strcmp(o[i].key, "primary_key") != 0)
			o[left++] = o[i];
	c->table->option_count = left;
	return SPK_OK;
}

static spk_status add_table(struct spk_create *c, const PgQuery__IntoClause *into, struct spk_logical *query, struct spk_logical **out, spk_error *err)
{
	struct spk_logical *sink;
	spk_status status;

	if (into->n_options) {
		SPK_TRY(bind_options(c, err));
		SPK_TRY(spk_create_foreign_options(c, err));
		SPK_TRY(key_of_option(c, into->rel->location, err));
		SPK_TRY(check_connector(c, err));
		SPK_TRY(check_with_connector(c, err));
	} else {
		SPK_TRY(make_rows(c, into->rel->location, err));
	}
	status = spk_catalog_add_table(c->b.catalog, c->table, false, err);
	if (status == SPK_EXISTS && err)
		err->position = spk_binder_at(&c->b, into->rel->location);
	SPK_TRY(status);
	SPK_TRY_PTR(sink = spk_logical_new(c->b.arena, SPK_LOGICAL_SINK, query->schema, &query, 1), err);
	sink->table = c->table;
	sink->position = spk_binder_at(&c->b, into->rel->location);
	SPK_TRY_PTR(sink->column = SPK_NEW_ARRAY(c->b.arena, int, query->schema->count + 1), err);
	for (int i = 0; i < query->schema->count; i++)
		sink->column[i] = i;
	*out = sink;
	return SPK_OK;
}

/* WITH NO DATA */
static spk_status no_rows(const struct spk_binder *b, struct spk_logical **query, spk_error *err)
{
	struct spk_logical *l = spk_logical_new(b->arena, SPK_LOGICAL_LIMIT, (*query)->schema, query, 1);

	SPK_TRY_PTR(l, err);
	l->limit = 0;
	*query = l;
	return SPK_OK;
}

spk_status spk_binder_create_table_as(struct spk_binder *b, const PgQuery__CreateTableAsStmt *s, int position, struct spk_logical **out, spk_error *err)
{
	const PgQuery__IntoClause *into = s->into;
	PgQuery__CreateStmt create = PG_QUERY__CREATE_STMT__INIT;
	struct spk_create c = { .b = *b, .s = &create };
	struct spk_logical *query;
	const char *name;

	*out = NULL;
	if (s->query->node_case != PG_QUERY__NODE__NODE_SELECT_STMT)
		return spk_binder_unsupported(b, into->rel->location, "CREATE TABLE AS anything but a query", err);
	SPK_TRY(spk_binder_simple_name(b, into->rel, &name, err));
	if (s->if_not_exists && (spk_catalog_table(b->catalog, name) || spk_catalog_view(b->catalog, name)))
		return SPK_OK;
	SPK_TRY(spk_binder_query(b, s->query->select_stmt, false, &query, err));
	if (into->skip_data)
		SPK_TRY(no_rows(b, &query, err));
	create.relation = into->rel;
	create.options = into->options;
	create.n_options = into->n_options;
	create.n_table_elts = (size_t)query->schema->count;
	c.b.arena = spk_catalog_arena(b->catalog);
	SPK_TRY(start(&c, name, position, err));
	SPK_TRY(columns_of_query(&c, query->schema, into, err));
	return add_table(&c, into, query, out, err);
}

spk_status spk_binder_create_table(struct spk_binder *b, const PgQuery__CreateStmt *s, int position, spk_error *err)
{
	struct spk_create c = { .b = *b, .s = s };
	const char *name;
	spk_status status;

	SPK_TRY(spk_binder_simple_name(b, s->relation, &name, err));
	SPK_TRY(refuse_clauses(&c, err));
	if (s->if_not_exists && (spk_catalog_table(b->catalog, name) || spk_catalog_view(b->catalog, name)))
		return SPK_OK;
	c.b.arena = spk_catalog_arena(b->catalog);
	SPK_TRY(start(&c, name, position, err));
	for (size_t i = 0; i < s->n_table_elts; i++)
		SPK_TRY(add_element(&c, s->table_elts[i], err));
	if (!c.schema->count)
		return spk_binder_fail(b, s->relation->location, SPK_BIND, err, "table \"%s\" has no columns", name);
	SPK_TRY(bind_all_computed(&c, err));
	SPK_TRY(bind_watermark(&c, err));
	SPK_TRY(bind_primary(&c, err));
	if (s->partspec)
		SPK_TRY(spk_binder_partitioned(&c.b, s->partspec, c.table, err));
	SPK_TRY(bind_options(&c, err));
	SPK_TRY(spk_create_foreign_options(&c, err));
	SPK_TRY(spk_create_like_rest(&c, err));
	if (!c.table->option_count) {
		SPK_TRY(spk_create_memory(&c.b, c.table, err));
	} else {
		SPK_TRY(check_connector(&c, err));
		SPK_TRY(check_with_connector(&c, err));
	}
	status = spk_catalog_add_table(b->catalog, c.table, false, err);
	if (status == SPK_EXISTS && err)
		err->position = spk_binder_at(b, s->relation->location);
	return status;
}
