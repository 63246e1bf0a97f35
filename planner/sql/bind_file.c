/* Files in FROM: 'path', read_csv(['a.csv', 'b.csv']), read_csv('path', header => false, delim => '|') AS t (a integer, b text), read_json('path'). */
#include "planner/sql/bind.h"

#include <string.h>

#include "planner/sql/rewrite.h"

/* The value of an argument, which must be a constant, as text. */
static spk_status argument_text(struct spk_binder *b, const PgQuery__Node *n, const char *what, const char **out, spk_error *err)
{
	struct spk_exprs x = { .b = b, .clause = what };
	struct spk_eval ev = { .arena = b->arena };
	int location = spk_node_location(n);
	struct spk_value v;
	struct spk_expr *e;

	SPK_TRY(spk_binder_expr(&x, n, &e, err));
	SPK_TRY(spk_binder_known(b, &e, err));
	SPK_TRY(spk_expr_cast(b->arena, e, spk_type(SPK_TYPE_TEXT), true, spk_binder_at(b, location), &e, err));
	if (!spk_expr_foldable(e))
		return spk_binder_fail(b, location, SPK_BIND, err, "%s must be a constant", what);
	SPK_TRY(spk_expr_constant_value(e, &ev, &v, err));
	if (v.null)
		return spk_binder_fail(b, location, SPK_BIND, err, "%s must not be NULL", what);
	*out = spk_arena_strndup(b->arena, spk_view_data(&v.view), v.view.length);
	SPK_TRY_PTR(*out, err);
	return SPK_OK;
}

/* ARRAY['a.csv', 'b.csv']: all paths in one text. */
static spk_status argument_paths(struct spk_binder *b, const PgQuery__Node *n, const char **out, spk_error *err)
{
	const PgQuery__AArrayExpr *list = n->a_array_expr;
	const char *path, *all = NULL;

	if (n->node_case != PG_QUERY__NODE__NODE_A_ARRAY_EXPR)
		return argument_text(b, n, "the path of a file", out, err);
	for (size_t i = 0; i < list->n_elements; i++) {
		SPK_TRY(argument_text(b, list->elements[i], "the path of a file", &path, err));
		if (!*path)
			return spk_binder_fail(b, spk_node_location(list->elements[i]), SPK_BIND, err, "the path of a file must not be empty");
		all = all ? spk_arena_printf(b->arena, "%s%c%s", all, SPK_PATH_SEPARATOR, path) : path;
		SPK_TRY_PTR(all, err);
	}
	if (!all)
		return spk_binder_fail(b, spk_node_location(n), SPK_BIND, err, "a list of files must name one at least");
	*out = all;
	return SPK_OK;
}

/* The path, and the named arguments as options. */
static spk_status bind_arguments(struct spk_binder *b, const PgQuery__FuncCall *f, struct spk_file_request *file, spk_error *err)
{
	struct spk_option *option = SPK_NEW_ARRAY(b->arena, struct spk_option, f->n_args + 1);

	SPK_TRY_PTR(option, err);
	file->option = option;
	for (size_t i = 0; i < f->n_args; i++) {
		const PgQuery__Node *n = f->args[i];
		struct spk_option *o;

		if (n->node_case != PG_QUERY__NODE__NODE_NAMED_ARG_EXPR) {
			if (file->path) {
				spk_binder_fail(b, spk_node_location(n), SPK_BIND, err, "a file is read by one path; other arguments have names");
				return spk_hint(err, "A pattern or a list reads several files: 'logs/*.csv', ['a.csv', 'b.csv']. Options: read_csv('path', header => false, delim => ';').");
			}
			SPK_TRY(argument_paths(b, n, &file->path, err));
			continue;
		}
		o = &option[file->options];
		*o = (struct spk_option){ .key = n->named_arg_expr->name, .position = spk_binder_at(b, n->named_arg_expr->location) };
		for (int k = 0; k < file->options; k++)
			if (strcmp(option[k].key, o->key) == 0)
				return spk_binder_fail(b, n->named_arg_expr->location, SPK_BIND, err, "argument name \"%s\" used more than once", o->key);
		SPK_TRY(argument_text(b, n->named_arg_expr->arg, "an option of a file", &o->value, err));
		file->options++;
	}
	if (!file->path || !*file->path)
		return spk_binder_fail(b, f->n_args ? spk_node_location(f->args[0]) : f->location, SPK_BIND, err, "the path of a file must not be empty");
	return SPK_OK;
}

/* AS t (a integer, b text): the columns. */
static spk_status bind_columns(struct spk_binder *b, const PgQuery__RangeFunction *r, struct spk_file_request *file, spk_error *err)
{
	struct spk_schema *schema;

	if (!r->n_coldeflist)
		return SPK_OK;
	schema = spk_schema_new(b->arena, (int)r->n_coldeflist);
	SPK_TRY_PTR(schema, err);
	for (size_t i = 0; i < r->n_coldeflist; i++) {
		const PgQuery__ColumnDef *d = r->coldeflist[i]->column_def;

		schema->field[i] = (struct spk_field){ .name = d->colname, .nullable = true };
		SPK_TRY(spk_binder_type(b, d->type_name, &schema->field[i].type, err));
	}
	file->schema = schema;
	return SPK_OK;
}

spk_status spk_binder_file(struct spk_binder *b, const PgQuery__FuncCall *f, const char *format, const PgQuery__RangeFunction *r, struct spk_scope *out, spk_error *err)
{
	const struct spk_catalog_hooks *hooks = spk_catalog_hooks(b->catalog);
	const PgQuery__Alias *alias = r->alias;
	struct spk_file_request file = { .format = format };
	struct spk_table *table = NULL;
	struct spk_logical *plan;
	spk_status status;
	int location;

	SPK_TRY(bind_arguments(b, f, &file, err));
	SPK_TRY(bind_columns(b, r, &file, err));
	if (!hooks->describe_file)
		return spk_binder_unsupported(b, f->location, "reading files in FROM (here)", err);
	location = spk_node_location(f->args[0]);
	status = hooks->describe_file(&file, b->arena, &table, hooks->user, err);
	if (status != SPK_OK) {
		if (err && !err->position)
			err->position = spk_binder_at(b, location);
		return status;
	}
	SPK_TRY(spk_binder_scan(b, table, alias && alias->aliasname ? alias->aliasname : table->name, location, &plan, err));
	return spk_binder_one_range(b, plan, table->name, alias, f->location, out, err);
}
