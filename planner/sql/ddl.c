/* CREATE VIEW, DROP, SET, RESET and SHOW. CREATE TABLE has a file of its own: ddl_table.c. */
#include "planner/sql/bind.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/expr/zone.h"

/* --- views --- */

static bool is_optional(const struct spk_binder *b, const PgQuery__RangeVar *v)
{
	int at = spk_map_back(&b->source->to_quoted, v->location, NULL);

	for (int i = 0; i < b->source->optional_views; i++)
		if (b->source->optional_view[i] == at)
			return true;
	return false;
}

/* Binds the view's query once, as if it were there already: errors are told now, at their place. */
static spk_status check_view(struct spk_binder *b, const char *name, const PgQuery__RangeVar *view, const struct spk_view_query *q, spk_error *err)
{
	const struct spk_inlining inlining = { .name = name };
	struct spk_binder inner = *b;
	struct spk_logical *plan;

	inner.inlining = &inlining;
	SPK_TRY(spk_binder_query(&inner, q->select, false, &plan, err));
	if (q->names > plan->schema->count)
		return spk_binder_fail(b, view->location, SPK_BIND, err, "CREATE VIEW specifies more column names than columns: %d for %d", q->names, plan->schema->count);
	for (int i = 0; i < plan->schema->count; i++) {
		const char *column = i < q->names ? q->name[i] : plan->schema->field[i].name;

		for (int k = 0; k < i; k++) {
			if (strcmp(column, k < q->names ? q->name[k] : plan->schema->field[k].name) != 0)
				continue;
			spk_binder_fail(b, view->location, SPK_BIND, err, "column \"%s\" specified more than once", column);
			return spk_hint(err, "Name the columns: CREATE VIEW %s (a, b, ...) AS ..., or use AS.", name);
		}
	}
	return SPK_OK;
}

/* What CREATE VIEW and CREATE MATERIALIZED VIEW have in common. */
struct view_text { const PgQuery__RangeVar *view; const PgQuery__SelectStmt *select; PgQuery__Node **names; size_t name_count; bool replace, materialized; };

static spk_status add_view(struct spk_binder *b, const struct view_text *v, const char *name, const char *text, int position, spk_error *err)
{
	struct spk_arena *arena = spk_catalog_arena(b->catalog);
	struct spk_view_query *q = SPK_NEW(arena, struct spk_view_query);
	struct spk_view_def *view = SPK_NEW(arena, struct spk_view_def);
	spk_status status;

	SPK_TRY_PTR(q && view, err);
	q->select = v->select;
	q->source = b->source;
	q->names = (int)v->name_count;
	q->name = SPK_NEW_ARRAY(arena, const char *, q->names + 1);
	SPK_TRY_PTR(q->name, err);
	for (int i = 0; i < q->names; i++)
		q->name[i] = spk_node_string(v->names[i]);
	SPK_TRY(check_view(b, name, v->view, q, err));
	*view = (struct spk_view_def){ .name = spk_arena_strdup(arena, name), .query_text = spk_arena_strdup(arena, text), .query = q, .materialized = v->materialized, .position = position };
	SPK_TRY_PTR(view->name && view->query_text, err);
	status = spk_catalog_add_view(b->catalog, view, v->replace, err);
	if (status == SPK_EXISTS && err)
		err->position = spk_binder_at(b, v->view->location);
	if (status == SPK_EXISTS && spk_catalog_view(b->catalog, name) && !v->materialized)
		spk_hint(err, "CREATE OR REPLACE VIEW %s replaces it.", name);
	return status;
}

spk_status spk_binder_create_view(struct spk_binder *b, const PgQuery__ViewStmt *s, const char *text, int position, spk_error *err)
{
	const struct view_text v = { s->view, s->query->select_stmt, s->aliases, s->n_aliases, s->replace, false };
	const char *name;

	SPK_TRY(spk_binder_simple_name(b, s->view, &name, err));
	if (is_optional(b, s->view) && (spk_catalog_view(b->catalog, name) || spk_catalog_table(b->catalog, name)))
		return SPK_OK;
	return add_view(b, &v, name, text, position, err);
}

/* --- materialized views --- */

/*
 * A view that a job keeps as state, whether it is read or not: a SINK over all of it, for rows that go nowhere else. In a batch it is a view like any other, computed
 * when it is asked for.
 */
static spk_status keep_view(struct spk_binder *b, const PgQuery__RangeVar *v, const char *name, struct spk_logical **out, spk_error *err)
{
	struct spk_arena *arena = spk_catalog_arena(b->catalog);
	struct spk_table *table = SPK_NEW(arena, struct spk_table);
	struct spk_scope scope;
	struct spk_logical *sink;
	int columns;

	SPK_TRY(spk_binder_relation(b, v, &scope, err));
	columns = scope.plan->schema->count;
	sink = spk_logical_new(b->arena, SPK_LOGICAL_SINK, scope.plan->schema, &scope.plan, 1);
	SPK_TRY_PTR(table && sink, err);
	*table = (struct spk_table){ .name = spk_arena_strdup(arena, name), .connector = "blackhole", .schema = scope.plan->schema, .time_column = -1 };
	sink->table = table;
	sink->position = spk_binder_at(b, v->location);
	sink->column = SPK_NEW_ARRAY(b->arena, int, columns + 1);
	SPK_TRY_PTR(table->name && sink->column, err);
	for (int i = 0; i < columns; i++)
		sink->column[i] = i;
	*out = sink;
	return SPK_OK;
}

spk_status spk_binder_create_materialized_view(struct spk_binder *b, const PgQuery__CreateTableAsStmt *s, const char *text, int position, struct spk_logical **out, spk_error *err)
{
	const PgQuery__IntoClause *into = s->into;
	const struct view_text v = { into->rel, s->query->node_case == PG_QUERY__NODE__NODE_SELECT_STMT ? s->query->select_stmt : NULL, into->col_names, into->n_col_names, false, true };
	const char *name;

	*out = NULL;
	if (!v.select)
		return spk_binder_unsupported(b, into->rel->location, "CREATE MATERIALIZED VIEW over anything but a query", err);
	if (into->n_options)
		return spk_binder_unsupported(b, into->rel->location, "CREATE MATERIALIZED VIEW ... WITH (...)", err);
	if (into->skip_data)
		return spk_binder_unsupported(b, into->rel->location, "CREATE MATERIALIZED VIEW ... WITH NO DATA", err);
	SPK_TRY(spk_binder_simple_name(b, into->rel, &name, err));
	if (s->if_not_exists && (spk_catalog_table(b->catalog, name) || spk_catalog_view(b->catalog, name)))
		return SPK_OK;
	SPK_TRY(add_view(b, &v, name, text, position, err));
	return keep_view(b, into->rel, name, out, err);
}

/* --- DROP --- */

static spk_status drop_one(struct spk_binder *b, const PgQuery__DropStmt *s, const PgQuery__Node *object, int position, spk_error *err)
{
	enum { NAMES_MAX = 256 };
	bool view = s->remove_type != PG_QUERY__OBJECT_TYPE__OBJECT_TABLE;
	const PgQuery__List *parts = object->node_case == PG_QUERY__NODE__NODE_LIST ? object->list : NULL;
	bool plain = parts && (parts->n_items == 1 || (parts->n_items == 2 && strcmp(spk_node_string(parts->items[0]), "public") == 0));
	const char *name = plain ? spk_node_string(parts->items[parts->n_items - 1]) : NULL, *names[NAMES_MAX];
	bool is_view, is_table;

	if (!name) {
		spk_fail(err, SPK_UNSUPPORTED, "schemas are not supported: a name to drop has one part");
	} else {
		is_view = spk_catalog_view(b->catalog, name);
		is_table = spk_catalog_table(b->catalog, name);
		if (view ? is_view : is_table)
			return spk_catalog_drop(b->catalog, name, false, err);
		if (!is_view && !is_table && s->missing_ok)
			return SPK_OK;
		if (is_view || is_table)
			spk_fail(err, SPK_BIND, "\"%s\" is not a %s", name, view ? "view" : "table");
		else
			spk_fail(err, SPK_BIND, "%s \"%s\" does not exist", view ? "view" : "table", name);
		if (is_view || is_table)
			spk_hint(err, "Use DROP %s.", view ? "TABLE" : "VIEW");
		else
			spk_binder_suggest(err, name, names, spk_catalog_names(b->catalog, names, NAMES_MAX), "Tables and views");
	}
	if (err) {
		const struct spk_token *t = spk_source_token(b->source, 0);

		/* The tree has no place for the names: look for it from the statement on. */
		err->position = position;
		for (int i = 0; name && t && i < b->source->tokens.count; i++) {
			const struct spk_token *at = &b->source->tokens.token[i];
			int place = spk_map_back(&b->source->to_text, at->start, NULL) + 1;
			char *word = place < position ? NULL : spk_token_unquote(b->source->quoted, at, b->arena);

			if (!word || strcasecmp(word, name) != 0)
				continue;
			err->position = place;
			break;
		}
	}
	return err ? err->code : SPK_BIND;
}

spk_status spk_binder_drop(struct spk_binder *b, const PgQuery__DropStmt *s, int position, spk_error *err)
{
	if (s->remove_type != PG_QUERY__OBJECT_TYPE__OBJECT_TABLE && s->remove_type != PG_QUERY__OBJECT_TYPE__OBJECT_VIEW && s->remove_type != PG_QUERY__OBJECT_TYPE__OBJECT_MATVIEW) {
		spk_fail(err, SPK_UNSUPPORTED, "only tables, views, functions and aggregates can be dropped");
		if (err)
			err->position = position;
		return SPK_UNSUPPORTED;
	}
	for (size_t i = 0; i < s->n_objects; i++)
		SPK_TRY(drop_one(b, s, s->objects[i], position, err));
	return SPK_OK;
}

/* --- SET --- */

/* The value as text; *location of it, -1 unknown. */
static spk_status set_value(struct spk_binder *b, const PgQuery__VariableSetStmt *s, const char **out, int *location, spk_error *err)
{
	const PgQuery__Node *n = s->n_args == 1 ? s->args[0] : NULL;
	const PgQuery__AConst *c;

	if (n && n->node_case == PG_QUERY__NODE__NODE_TYPE_CAST)
		n = n->type_cast->arg;
	c = n && n->node_case == PG_QUERY__NODE__NODE_A_CONST ? n->a_const : NULL;
	*location = c ? c->location : -1;
	if (!c || c->isnull)
		return spk_binder_fail(b, *location, SPK_SYNTAX, err, "SET %s takes one value", s->name);
	switch (c->val_case) {
	case PG_QUERY__A__CONST__VAL_SVAL: *out = c->sval->sval; break;
	case PG_QUERY__A__CONST__VAL_FVAL: *out = c->fval->fval; break;
	case PG_QUERY__A__CONST__VAL_IVAL: *out = spk_arena_printf(b->arena, "%d", c->ival->ival); break;
	case PG_QUERY__A__CONST__VAL_BOOLVAL: *out = c->boolval->boolval ? "true" : "false"; break;
	default: return spk_binder_fail(b, *location, SPK_SYNTAX, err, "SET %s takes one value", s->name);
	}
	SPK_TRY_PTR(*out, err);
	return SPK_OK;
}

static spk_status default_value(struct spk_binder *b, enum spk_conf_key key, const char **out, spk_error *err)
{
	struct spk_conf *fresh = spk_conf_new();
	struct spk_buffer text = { 0 };
	spk_status status;

	SPK_TRY_PTR(fresh, err);
	status = spk_conf_format(fresh, key, &text, err);
	*out = status == SPK_OK ? spk_arena_strndup(b->arena, text.size ? text.data : "", text.size) : NULL;
	spk_buffer_release(&text);
	spk_conf_free(fresh);
	SPK_TRY(status);
	SPK_TRY_PTR(*out, err);
	return SPK_OK;
}

/* The place of the key: the word behind SET or RESET. */
static int key_position(const struct spk_binder *b, int position)
{
	for (int i = 0; i + 1 < b->source->tokens.count; i++)
		if (spk_map_back(&b->source->to_text, b->source->tokens.token[i].start, NULL) + 1 >= position)
			return spk_map_back(&b->source->to_text, b->source->tokens.token[i + 1].start, NULL) + 1;
	return position;
}

static spk_status check_zone(const char *name, spk_error *err)
{
	if (spk_zone_find(name, strlen(name)))
		return SPK_OK;
	spk_fail(err, SPK_BIND, "invalid value for parameter \"TimeZone\": \"%s\"", name);
	return spk_hint(err, "A zone is a name as Europe/Berlin, or hours east of UTC as +02.");
}

spk_status spk_binder_set(struct spk_binder *b, const PgQuery__VariableSetStmt *s, int position, spk_error *err)
{
	bool reset = s->kind == PG_QUERY__VARIABLE_SET_KIND__VAR_RESET || s->kind == PG_QUERY__VARIABLE_SET_KIND__VAR_SET_DEFAULT;
	enum spk_conf_key key;
	const char *value = NULL;
	int location = -1;
	spk_status status;

	if (!reset && s->kind != PG_QUERY__VARIABLE_SET_KIND__VAR_SET_VALUE) {
		spk_fail(err, SPK_UNSUPPORTED, "this form of SET or RESET is not supported; SET key = value is");
		status = SPK_UNSUPPORTED;
	} else if (spk_conf_without_effect(s->name)) {
		return SPK_OK;
	} else {
		status = spk_conf_find(s->name, &key, err);
	}
	if (status == SPK_OK && key == SPK_CONF_UDF_PATH) {  /* SQL from elsewhere must not say what code is loaded */
		status = spk_fail(err, SPK_USAGE, "udf.path cannot be set from SQL");
		spk_hint(err, "Set it from outside: -s udf.path=DIR, --config, or SPARKLET_UDF_PATH.");
	}
	if (status != SPK_OK) {
		if (err)
			err->position = key_position(b, position);
		return status;
	}
	if (reset)
		SPK_TRY(default_value(b, key, &value, err));
	else
		SPK_TRY(set_value(b, s, &value, &location, err));
	status = key == SPK_CONF_TIMEZONE ? check_zone(value, err) : SPK_OK;
	if (status == SPK_OK)
		status = spk_conf_set(b->conf, s->name, value, err);
	if (status != SPK_OK && err)
		err->position = location >= 0 ? spk_binder_at(b, location) : key_position(b, position);
	return status;
}

/* --- SHOW --- */

static spk_status conf_value(const struct spk_binder *b, enum spk_conf_key key, struct spk_expr **out, spk_error *err)
{
	struct spk_buffer text = { 0 };
	spk_status status = spk_conf_format(b->conf, key, &text, err);
	char *copy = status == SPK_OK ? spk_arena_strndup(b->arena, text.size ? text.data : "", text.size) : NULL;

	spk_buffer_release(&text);
	SPK_TRY(status);
	SPK_TRY_PTR(copy, err);
	*out = spk_expr_literal(b->arena, (struct spk_value){ .type = spk_type(SPK_TYPE_TEXT), .view = spk_view_str(copy) });
	SPK_TRY_PTR(*out, err);
	return SPK_OK;
}

/* Rows of constants: one value under the key's name, or all names and values. */
spk_status spk_binder_show(struct spk_binder *b, const PgQuery__VariableShowStmt *s, int position, struct spk_logical **out, spk_error *err)
{
	bool all = strcmp(s->name, "all") == 0;
	int columns = all ? 2 : 1, rows = all ? SPK_CONF_COUNT : 1;
	struct spk_schema *schema = spk_schema_new(b->arena, columns);
	struct spk_logical *l = spk_logical_new(b->arena, SPK_LOGICAL_VALUES, schema, NULL, 0);
	enum spk_conf_key key = 0;

	SPK_TRY_PTR(schema && l, err);
	if (!all && spk_conf_find(s->name, &key, err) != SPK_OK) {
		if (err)
			err->position = key_position(b, position);
		return SPK_USAGE;
	}
	schema->field[0] = (struct spk_field){ all ? "name" : spk_conf_name(key), spk_type(SPK_TYPE_TEXT), false };
	if (all)
		schema->field[1] = (struct spk_field){ "setting", spk_type(SPK_TYPE_TEXT), false };
	l->value_rows = rows;
	SPK_TRY_PTR(l->value = SPK_NEW_ARRAY(b->arena, struct spk_expr *, rows * columns), err);
	for (int i = 0; i < rows; i++) {
		if (all)
			SPK_TRY_PTR(l->value[i * columns] = spk_expr_literal(b->arena, (struct spk_value){ .type = spk_type(SPK_TYPE_TEXT), .view = spk_view_str(spk_conf_name((enum spk_conf_key)i)) }), err);
		SPK_TRY(conf_value(b, all ? (enum spk_conf_key)i : key, &l->value[i * columns + columns - 1], err));
	}
	*out = l;
	return SPK_OK;
}
