/*
 * A script, statement by statement: rewrite, parse (once, the whole text), then bind each in turn, since DDL and SET act on those
 * that follow. Read source.h for how places are kept, bind.h for the binder.
 */
#include "planner/sql/sql.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/base/memory.h"
#include "core/expr/text.h"
#include "planner/sql/bind.h"
#include "planner/sql/parse.h"

struct script {
	struct spk_catalog *catalog;
	struct spk_conf *conf;
	struct spk_arena *arena;           /* of the caller */
	struct spk_arena *tree;            /* parse tree and source; the caller's arena keeps it, and the catalog's when it has views */
	bool kept;
	struct spk_source *source;
	PgQuery__ParseResult *parsed;
};

/* --- places of statements --- */

/* The statement's own bytes: from its first token to its last. */
static spk_status place_statement(struct script *s, const PgQuery__RawStmt *raw, struct spk_statement *out, spk_error *err)
{
	int from = spk_map_back(&s->source->to_quoted, raw->stmt_location, NULL), end;
	int until = raw->stmt_len ? spk_map_back(&s->source->to_quoted, raw->stmt_location + raw->stmt_len, NULL) : (int)strlen(s->source->quoted);
	const struct spk_token *first = spk_source_token(s->source, from), *last = first, *all = s->source->tokens.token;

	while (first && last + 1 < all + s->source->tokens.count && last[1].start < until && last[1].kind != ';')
		last++;
	if (!first)
		return spk_fail(err, SPK_INTERNAL, "a statement without a token");
	out->position = spk_map_back(&s->source->to_text, first->start, NULL) + 1;
	end = spk_map_back(&s->source->to_text, last->end - 1, NULL) + 1;
	out->length = SPK_MAX(end - out->position + 1, 1);
	out->text = spk_arena_strndup(s->arena, s->source->text + out->position - 1, (size_t)out->length);
	SPK_TRY_PTR(out->text, err);
	return SPK_OK;
}

/* --- one statement --- */

static spk_status keep_tree(struct script *s, spk_error *err)
{
	if (s->kept)
		return SPK_OK;
	s->kept = true;
	return spk_arena_hold(spk_catalog_arena(s->catalog), s->tree, err);
}

/* Into a table without options: the query is a part of what reads that. */
static spk_status keep_insert(struct script *s, struct spk_binder *b, const PgQuery__InsertStmt *i, struct spk_statement *out, spk_error *err)
{
	const struct spk_table *t = out->plan->table;
	bool late = false;

	SPK_TRY(keep_tree(s, err));
	SPK_TRY(spk_binder_memory_insert(b, t, i, &late, err));
	out->kind = SPK_STATEMENT_DDL;
	out->plan = NULL;
	out->late = late ? t->name : NULL;
	return SPK_OK;
}

static spk_status bind_explain(struct spk_binder *b, const PgQuery__ExplainStmt *e, struct spk_statement *out, spk_error *err)
{
	out->kind = SPK_STATEMENT_EXPLAIN;
	out->tag = "EXPLAIN";
	for (size_t i = 0; i < e->n_options; i++) {
		const PgQuery__DefElem *d = e->options[i]->def_elem;
		const char *value = spk_node_string(d->arg);
		bool on = !value || (strcasecmp(value, "false") != 0 && strcasecmp(value, "off") != 0);

		if (strcmp(d->defname, "analyze") == 0)
			out->analyze = on;
		else if (strcmp(d->defname, "verbose") != 0)
			return spk_binder_fail(b, d->location, SPK_UNSUPPORTED, err, "EXPLAIN option \"%s\" is not supported", d->defname);
	}
	if (e->query->node_case == PG_QUERY__NODE__NODE_SELECT_STMT)
		return spk_binder_query(b, e->query->select_stmt, false, &out->plan, err);
	if (e->query->node_case == PG_QUERY__NODE__NODE_INSERT_STMT) {
		SPK_TRY(spk_binder_insert(b, e->query->insert_stmt, &out->plan, err));
		if (!out->plan->table->memory)
			return SPK_OK;
		spk_binder_fail(b, e->query->insert_stmt->relation->location, SPK_UNSUPPORTED, err, "an INSERT into a table without a 'connector' cannot be explained: \"%s\"", out->plan->table->name);
		return spk_hint(err, "Explain what reads the table: the INSERT's query is a part of that."), SPK_UNSUPPORTED;
	}
	spk_fail(err, SPK_UNSUPPORTED, "only SELECT and INSERT can be explained");
	return SPK_UNSUPPORTED;
}

static spk_status bind_drop(struct spk_binder *b, const PgQuery__DropStmt *d, struct spk_statement *out, spk_error *err)
{
	switch (d->remove_type) {
	case PG_QUERY__OBJECT_TYPE__OBJECT_FUNCTION:
	case PG_QUERY__OBJECT_TYPE__OBJECT_AGGREGATE:
		out->tag = d->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_FUNCTION ? "DROP FUNCTION" : "DROP AGGREGATE";
		return spk_binder_drop_function(b, d, out->position, err);
	case PG_QUERY__OBJECT_TYPE__OBJECT_TYPE:
		out->tag = "DROP TYPE";
		return spk_binder_drop_type(b, d, out->position, err);
	default:
		out->tag = d->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_TABLE ? "DROP TABLE" : d->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_VIEW ? "DROP VIEW" : "DROP MATERIALIZED VIEW";
		return spk_binder_drop(b, d, out->position, err);
	}
}

/* The path as the user wrote it: a name of the grammar would be cut off behind 63 bytes. */
static spk_status find_path(const struct spk_binder *b, struct spk_analyze_target *t, spk_error *err)
{
	for (int i = 0; i < b->source->tokens.count; i++) {
		const struct spk_token *at = &b->source->tokens.token[i];

		if (at->kind != PG_QUERY__TOKEN__SCONST || spk_map_back(&b->source->to_text, at->start, NULL) + 1 != t->position)
			continue;
		t->file = true;
		SPK_TRY_PTR(t->name = spk_token_unquote(b->source->quoted, at, b->arena), err);
	}
	return SPK_OK;
}

static spk_status bind_target(struct spk_binder *b, const PgQuery__VacuumRelation *r, struct spk_analyze_target *out, spk_error *err)
{
	*out = (struct spk_analyze_target){ .columns = (int)r->n_va_cols, .column = SPK_NEW_ARRAY(b->arena, const char *, r->n_va_cols + 1), .position = spk_binder_at(b, r->relation->location) };
	SPK_TRY_PTR(out->column, err);
	for (size_t i = 0; i < r->n_va_cols; i++)
		out->column[i] = spk_arena_strdup(b->arena, spk_node_string(r->va_cols[i]));
	SPK_TRY(spk_binder_simple_name(b, r->relation, &out->name, err));
	SPK_TRY_PTR(out->name = spk_arena_strdup(b->arena, out->name), err);
	return find_path(b, out, err);
}

/* ANALYZE [VERBOSE] [table | 'path' [(columns)], ...] */
static spk_status bind_analyze(struct spk_binder *b, const PgQuery__VacuumStmt *v, struct spk_statement *out, spk_error *err)
{
	struct spk_analyze_target *target = SPK_NEW_ARRAY(b->arena, struct spk_analyze_target, v->n_rels + 1);

	out->kind = SPK_STATEMENT_ANALYZE;
	out->tag = "ANALYZE";
	SPK_TRY_PTR(target, err);
	for (size_t i = 0; i < v->n_options; i++) {
		const PgQuery__DefElem *d = v->options[i]->def_elem;
		const char *value = spk_node_string(d->arg);

		if (strcmp(d->defname, "verbose") != 0)
			return spk_binder_fail(b, d->location, SPK_UNSUPPORTED, err, "ANALYZE option \"%s\" is not supported", d->defname);
		out->analyze = !value || (strcasecmp(value, "false") != 0 && strcasecmp(value, "off") != 0);
	}
	out->target = target;
	for (size_t i = 0; i < v->n_rels; i++)
		SPK_TRY(bind_target(b, v->rels[i]->vacuum_relation, &target[out->targets++], err));
	return SPK_OK;
}

static spk_status bind_create_table_as(struct spk_binder *b, const PgQuery__CreateTableAsStmt *c, struct spk_statement *out, spk_error *err)
{
	out->tag = "CREATE TABLE AS";
	SPK_TRY(spk_binder_create_table_as(b, c, out->position, &out->plan, err));
	out->kind = out->plan ? SPK_STATEMENT_INSERT : SPK_STATEMENT_DDL;
	return SPK_OK;
}

/* SELECT ... INTO t: CREATE TABLE t AS. */
static spk_status bind_select_into(struct spk_binder *b, const PgQuery__SelectStmt *s, struct spk_statement *out, spk_error *err)
{
	PgQuery__CreateTableAsStmt create = PG_QUERY__CREATE_TABLE_AS_STMT__INIT;
	PgQuery__SelectStmt select = *s;
	PgQuery__Node query = PG_QUERY__NODE__INIT;

	select.into_clause = NULL;
	query.node_case = PG_QUERY__NODE__NODE_SELECT_STMT;
	query.select_stmt = &select;
	create.into = s->into_clause;
	create.query = &query;
	return bind_create_table_as(b, &create, out, err);
}

static spk_status bind_ddl(struct script *s, struct spk_binder *b, const PgQuery__Node *n, struct spk_statement *out, spk_error *err)
{
	out->kind = SPK_STATEMENT_DDL;
	switch (n->node_case) {
	case PG_QUERY__NODE__NODE_CREATE_STMT:
		out->tag = "CREATE TABLE";
		return spk_binder_create_table(b, n->create_stmt, out->position, err);
	case PG_QUERY__NODE__NODE_VIEW_STMT:
		out->tag = "CREATE VIEW";
		SPK_TRY(keep_tree(s, err));
		return spk_binder_create_view(b, n->view_stmt, out->text, out->position, err);
	case PG_QUERY__NODE__NODE_CREATE_FUNCTION_STMT:
		out->tag = "CREATE FUNCTION";
		SPK_TRY(keep_tree(s, err));
		return spk_binder_create_function(b, n->create_function_stmt, err);
	case PG_QUERY__NODE__NODE_COMPOSITE_TYPE_STMT:
		out->tag = "CREATE TYPE";
		return spk_binder_create_type(b, n->composite_type_stmt, out->position, err);
	case PG_QUERY__NODE__NODE_DEFINE_STMT:
		out->tag = "CREATE AGGREGATE";
		return spk_binder_create_aggregate(b, n->define_stmt, out->position, err);
	case PG_QUERY__NODE__NODE_DROP_STMT:
		return bind_drop(b, n->drop_stmt, out, err);
	case PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT:
		if (n->create_table_as_stmt->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_MATVIEW) {
			out->tag = "CREATE MATERIALIZED VIEW";
			SPK_TRY(keep_tree(s, err));
			return spk_binder_create_materialized_view(b, n->create_table_as_stmt, out->text, out->position, &out->plan, err);
		}
		return bind_create_table_as(b, n->create_table_as_stmt, out, err);
	default:
		return spk_fail(err, SPK_UNSUPPORTED, "%s is not supported", spk_node_what(n));
	}
}

/* Columns of type char(n) of a query's result get their blanks. */
static spk_status fill_up(struct spk_binder *b, struct spk_logical **plan, spk_error *err)
{
	const struct spk_schema *from = (*plan)->schema;
	struct spk_schema *to = spk_schema_new(b->arena, from->count);
	struct spk_expr **expr = SPK_NEW_ARRAY(b->arena, struct spk_expr *, from->count + 1);
	bool any = false;

	SPK_TRY_PTR(to && expr, err);
	for (int i = 0; i < from->count; i++) {
		struct spk_value width = { .type = spk_type(SPK_TYPE_INTEGER), .i32 = from->field[i].type.precision };
		struct spk_expr *arg[2] = { spk_expr_column(b->arena, i, &from->field[i]), spk_expr_literal(b->arena, width) };

		SPK_TRY_PTR(arg[0] && arg[1], err);
		expr[i] = arg[0];
		to->field[i] = from->field[i];
		if (!spk_type_is_padded(from->field[i].type) || !width.i32)
			continue;
		SPK_TRY(spk_binder_call(b, "rpad", arg, 2, -1, &expr[i], err));
		to->field[i].type = expr[i]->type;
		any = true;
	}
	if (!any)
		return SPK_OK;
	*plan = spk_binder_project(b, *plan, expr, to);
	return *plan ? SPK_OK : spk_fail_memory(err);
}

static spk_status bind_statement(struct script *s, const PgQuery__RawStmt *raw, struct spk_statement *out, spk_error *err)
{
	const PgQuery__Node *n = raw->stmt;
	int inlined = 0, dependents = 0;
	struct spk_binder b = { .catalog = s->catalog, .conf = s->conf, .arena = s->arena, .source = s->source, .inlined = &inlined, .dependents = &dependents };

	SPK_TRY(place_statement(s, raw, out, err));
	switch (n->node_case) {
	case PG_QUERY__NODE__NODE_SELECT_STMT:
		if (n->select_stmt->into_clause)
			return bind_select_into(&b, n->select_stmt, out, err);
		out->kind = SPK_STATEMENT_SELECT;
		out->tag = "SELECT";
		SPK_TRY(spk_binder_query(&b, n->select_stmt, false, &out->plan, err));
		return fill_up(&b, &out->plan, err);
	case PG_QUERY__NODE__NODE_INSERT_STMT:
		out->kind = SPK_STATEMENT_INSERT;
		out->tag = "INSERT";
		SPK_TRY(spk_binder_insert(&b, n->insert_stmt, &out->plan, err));
		return out->plan->table->memory ? keep_insert(s, &b, n->insert_stmt, out, err) : SPK_OK;
	case PG_QUERY__NODE__NODE_EXPLAIN_STMT:
		return bind_explain(&b, n->explain_stmt, out, err);
	case PG_QUERY__NODE__NODE_VACUUM_STMT:
		if (!n->vacuum_stmt->is_vacuumcmd)
			return bind_analyze(&b, n->vacuum_stmt, out, err);
		return spk_fail(err, SPK_UNSUPPORTED, "VACUUM is not supported: there is nothing to clean up");
	case PG_QUERY__NODE__NODE_VARIABLE_SHOW_STMT:
		out->kind = SPK_STATEMENT_SELECT;
		out->tag = "SHOW";
		return spk_binder_show(&b, n->variable_show_stmt, out->position, &out->plan, err);
	case PG_QUERY__NODE__NODE_VARIABLE_SET_STMT:
		out->kind = SPK_STATEMENT_SET;
		out->tag = n->variable_set_stmt->kind == PG_QUERY__VARIABLE_SET_KIND__VAR_RESET ? "RESET" : "SET";
		return spk_binder_set(&b, n->variable_set_stmt, out->position, err);
	default:
		return bind_ddl(s, &b, n, out, err);
	}
}

/* --- the script --- */

static spk_status read_script(struct script *s, const char *text, spk_error *err)
{
	struct spk_source *source = SPK_NEW(s->tree, struct spk_source);

	SPK_TRY_PTR(source, err);
	s->source = source;
	return spk_sql_read(source, text, s->tree, &s->parsed, err);
}

static spk_status bind_script(struct script *s, const char *text, struct spk_script *out, spk_error *err)
{
	struct spk_script made = { 0 };
	size_t count;

	SPK_TRY(read_script(s, text, err));
	count = s->parsed->n_stmts;
	made.text = spk_arena_strdup(s->arena, text);
	made.statement = SPK_NEW_ARRAY(s->arena, struct spk_statement, count + 1);
	SPK_TRY_PTR(made.text, err);
	SPK_TRY_PTR(made.statement, err);
	for (size_t i = 0; i < count; i++) {
		struct spk_statement *statement = &made.statement[i];
		spk_status status = bind_statement(s, s->parsed->stmts[i], statement, err);

		if (status != SPK_OK) {
			if (err && !err->position)
				err->position = statement->position;
			return status;
		}
		made.count++;
	}
	*out = made;
	return SPK_OK;
}

spk_status spk_sql_bind(const char *text, struct spk_catalog *catalog, struct spk_conf *conf, struct spk_arena *arena, struct spk_script *out, spk_error *err)
{
	struct script s = { .catalog = catalog, .conf = conf, .arena = arena, .tree = spk_arena_new(spk_memory_account("sql")) };
	spk_error own = { 0 };
	spk_status status;

	SPK_TRY_PTR(s.tree, err);
	status = spk_arena_hold(arena, s.tree, &own);  /* names in the plans are the tree's */
	if (status == SPK_OK)
		status = bind_script(&s, text, out, &own);
	if (status != SPK_OK) {
		spk_sql_place(text, &own);
		own.code = status;
		if (err)
			*err = own;
	}
	spk_arena_unref(s.tree);
	return status;
}

spk_status spk_sql_check(const char *text, spk_error *err)
{
	struct script s = { .tree = spk_arena_new(spk_memory_account("sql")) };
	spk_status status;

	SPK_TRY_PTR(s.tree, err);
	status = read_script(&s, text, err);
	if (status != SPK_OK)
		spk_sql_place(text, err);
	spk_arena_unref(s.tree);
	return status;
}
