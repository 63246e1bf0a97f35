/* Function calls, aggregate calls, and the values that are written without brackets (CURRENT_TIMESTAMP). */
#include "planner/sql/bind.h"

#include <stdio.h>
#include <string.h>

#include "core/expr/function.h"
#include "planner/sql/rewrite.h"

spk_status spk_binder_function_name(const struct spk_binder *b, PgQuery__Node *const *names, size_t count, int location, const char **out, spk_error *err)
{
	const char *schema = count > 1 ? spk_node_string(names[0]) : NULL;

	*out = count ? spk_node_string(names[count - 1]) : NULL;
	if (!*out || (schema && strcmp(schema, "pg_catalog") != 0))
		return spk_binder_fail(b, location, SPK_BIND, err, "schema \"%s\" does not exist", schema ? schema : "");
	return SPK_OK;
}

/* --- scalar functions --- */

/* What only aggregates have; PostgreSQL says so once the function is found. */
static spk_status check_plain(const struct spk_exprs *x, const PgQuery__FuncCall *f, const char *name, spk_error *err)
{
	const char *what = f->agg_distinct ? "DISTINCT" : f->agg_within_group ? "WITHIN GROUP" : f->n_agg_order ? "ORDER BY" : f->agg_filter ? "FILTER" : NULL;

	if (f->agg_star)
		return spk_binder_fail(x->b, f->location, SPK_BIND, err, "%s(*) specified, but %s is not an aggregate function", name, name);
	return what ? spk_binder_fail(x->b, f->location, SPK_BIND, err, "%s specified, but %s is not an aggregate function", what, name) : SPK_OK;
}

/* IF(c, a, b) and IFNULL(a, b) of other dialects. */
static bool special(struct spk_exprs *x, const PgQuery__FuncCall *f, const char *name, struct spk_expr **arg, spk_status *status, struct spk_expr **out, spk_error *err)
{
	int position = spk_binder_at(x->b, f->location);

	if (spk_function_known(name))
		return false;
	if (strcmp(name, "if") == 0 && f->n_args == 3)
		*status = spk_expr_make(x->b->arena, SPK_EXPR_CASE, arg, 3, false, position, out, err);
	else if ((strcmp(name, "ifnull") == 0 || strcmp(name, "nvl") == 0) && f->n_args == 2)
		*status = spk_expr_make(x->b->arena, SPK_EXPR_COALESCE, arg, 2, false, position, out, err);
	else
		return false;
	return true;
}

/* Where a function that gives rows may be called. */
static spk_status check_set(const struct spk_exprs *x, int location, spk_error *err)
{
	const bool in_window = x->inside_window && !x->defines_window;
	const char *place = x->inside ? x->inside : x->defines_window ? "window definitions" : x->clause ? x->clause : "this place";

	if (!x->inside_aggregate && !in_window && x->sets_ok)
		return SPK_OK;
	if (x->inside_aggregate || in_window)
		spk_binder_fail(x->b, location, SPK_BIND, err, "%s function calls cannot contain set-returning function calls", x->inside_aggregate ? "aggregate" : "window");
	else
		spk_binder_fail(x->b, location, SPK_BIND, err, "set-returning functions are not allowed in %s", place);
	return x->inside_aggregate || in_window || x->inside ? spk_hint(err, "You might be able to move the set-returning function into a LATERAL FROM item.") : SPK_BIND;
}

/* PostgreSQL's parser writes EXTRACT and its like as functions of pg_catalog, and its errors say so. */
static spk_status say_schema(const PgQuery__FuncCall *f, const char *name, spk_status status, spk_error *err)
{
	const size_t word = strlen("function "), length = strlen(name);

	if (status != SPK_OK && err && f->n_funcname > 1 && strncmp(err->message, "function ", word) == 0 && strncmp(err->message + word, name, length) == 0) {
		char text[sizeof err->message];

		snprintf(text, sizeof text, "function %s.%.*s", spk_node_string(f->funcname[0]), (int)(sizeof text - word - 64), err->message + word);
		memcpy(err->message, text, sizeof text);
	}
	return status;
}

/* json(b)_populate_record, or _recordset: of every element. */
static spk_status populate(struct spk_exprs *x, const PgQuery__FuncCall *f, const char *name, struct spk_expr **arg, struct spk_expr **out, spk_error *err)
{
	const int position = spk_binder_at(x->b, f->location);
	struct spk_expr *json = arg[1];
	const char *source;

	if (arg[0]->type.id != SPK_TYPE_ROW)
		return spk_binder_fail(x->b, f->location, SPK_BIND, err, "first argument of %s must be a row type", name);
	if (json->type.id != SPK_TYPE_UNKNOWN && !spk_type_is_json(json->type))
		return spk_binder_fail(x->b, f->location, SPK_BIND, err, "function %s takes a record and a document", name);
	if (strstr(name, "recordset"))
		SPK_TRY(check_set(x, f->location, err));
	SPK_TRY_PTR(source = spk_record_source(x->b->arena, name), err);
	SPK_TRY(spk_expr_cast(x->b->arena, json, spk_type(strncmp(name, "jsonb", 5) == 0 ? SPK_TYPE_JSONB : SPK_TYPE_JSON), true, position, &json, err));
	SPK_TRY(spk_binder_call(x->b, source, &json, 1, f->location, &json, err));
	SPK_TRY(spk_binder_rows_of(x->b, &json, err));
	return spk_expr_populate(x->b->arena, arg[0], json, position, out, err);
}

/* Functions that other dialects call otherwise; a window function is an aggregate without OVER. `distinct`: of each value once; `condition`: the argument
 * says which rows count; `middle`: it is what the rows are in order of. */
static const struct other { const char *theirs, *ours; bool distinct, condition, middle; } others[] = {
	{ "first_value", "first", false, false, false }, { "last_value", "last", false, false, false }, { "earliest_by_offset", "first", false, false, false }, { "latest_by_offset", "last", false, false, false },
	{ "collect_list", "array_agg", false, false, false }, { "list_agg", "array_agg", false, false, false }, { "group_array", "array_agg", false, false, false },
	{ "collect_set", "array_agg", true, false, false }, { "group_uniq_array", "array_agg", true, false, false }, { "group_concat", "listagg", false, false, false },
	{ "count_distinct", "count", true, false, false }, { "uniq_exact", "count", true, false, false }, { "count_if", "count", false, true, false }, { "countif", "count", false, true, false },
	{ "approx_distinct", "approx_count_distinct", false, false, false }, { "max_by", "arg_max", false, false, false }, { "min_by", "arg_min", false, false, false }, { "mean", "avg", false, false, false },
	{ "logical_or", "bool_or", false, false, false }, { "logical_and", "bool_and", false, false, false }, { "bool_any", "bool_or", false, false, false }, { "some", "bool_or", false, false, false },
	{ "approx_percentile_cont", "approx_percentile", false, false, false }, { "median", "percentile_cont", false, false, true },
	{ "explode", "unnest", false, false, false }, { "signum", "sign", false, false, false }, { "printf", "format", false, false, false }, { "datepart", "date_part", false, false, false },
	{ "datetrunc", "date_trunc", false, false, false }, { "array_indexof", "array_position", false, false, false }, { "array_push_front", "array_prepend", false, false, false },
	{ "array_remove_all", "array_remove", false, false, false }, { "array_replace_all", "array_replace", false, false, false }, { "list_sort", "array_sort", false, false, false },
	{ "sort_array", "array_sort", false, false, false }, { "list_distinct", "array_distinct", false, false, false }, { "make_list", "make_array", false, false, false },
	{ "string_to_list", "string_to_array", false, false, false }, { "to_unix_timestamp", "unix_timestamp", false, false, false }, { "url_encode_param", "url_encode", false, false, false },
	{ "url_decode_param", "url_decode", false, false, false },
};

static const struct other *other_function(const struct spk_binder *b, const PgQuery__FuncCall *f, const char *name)
{
	for (size_t i = 0; f->n_args && !f->over && !spk_catalog_knows(b->catalog, name) && i < SPK_COUNT_OF(others); i++)
		if (strcmp(others[i].theirs, name) == 0)
			return &others[i];
	return NULL;
}

/* median(x): percentile_cont(0.5) WITHIN GROUP (ORDER BY x). */
static spk_status bind_median(struct spk_exprs *x, PgQuery__FuncCall *call, struct spk_expr **out, spk_error *err)
{
	PgQuery__SortBy sort = PG_QUERY__SORT_BY__INIT;
	PgQuery__Float half = PG_QUERY__FLOAT__INIT;
	PgQuery__AConst share = PG_QUERY__A__CONST__INIT;
	PgQuery__Node by = PG_QUERY__NODE__INIT, value = PG_QUERY__NODE__INIT, *order[1] = { &by }, *args[1] = { &value };

	sort.node = call->args[0];
	sort.sortby_dir = PG_QUERY__SORT_BY_DIR__SORTBY_DEFAULT;
	sort.sortby_nulls = PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_DEFAULT;
	sort.location = call->location;
	by.node_case = PG_QUERY__NODE__NODE_SORT_BY;
	by.sort_by = &sort;
	half.fval = (char *)(uintptr_t)"0.5";
	share.val_case = PG_QUERY__A__CONST__VAL_FVAL;
	share.fval = &half;
	share.location = call->location;
	value.node_case = PG_QUERY__NODE__NODE_A_CONST;
	value.a_const = &share;
	call->agg_order = order;
	call->n_agg_order = 1;
	call->agg_within_group = true;
	call->args = args;
	return spk_binder_function(x, call, out, err);
}

/* count_if(c) FILTER (WHERE d): count(*) FILTER (WHERE c AND d). */
static spk_status bind_other(struct spk_exprs *x, const PgQuery__FuncCall *f, const struct other *o, struct spk_expr **out, spk_error *err)
{
	PgQuery__FuncCall call = *f;
	PgQuery__Node both = PG_QUERY__NODE__INIT, *sides[2] = { f->args[0], f->agg_filter };
	PgQuery__BoolExpr and = PG_QUERY__BOOL_EXPR__INIT;
	PgQuery__Node name = PG_QUERY__NODE__INIT, *names[1] = { &name };
	PgQuery__String text = PG_QUERY__STRING__INIT;

	text.sval = (char *)(uintptr_t)o->ours;
	name.node_case = PG_QUERY__NODE__NODE_STRING;
	name.string = &text;
	call.funcname = names;
	call.n_funcname = 1;
	call.agg_distinct = call.agg_distinct || o->distinct;
	if (o->middle && f->n_args == 1 && !f->n_agg_order)
		return bind_median(x, &call, out, err);
	if (o->condition && f->n_args == 1) {
		and.boolop = PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR;
		and.args = sides;
		and.n_args = 2;
		and.location = f->location;
		both.node_case = PG_QUERY__NODE__NODE_BOOL_EXPR;
		both.bool_expr = &and;
		call.agg_filter = f->agg_filter ? &both : f->args[0];
		call.agg_star = true;
		call.n_args = 0;
	}
	return spk_binder_function(x, &call, out, err);
}

/* The rewrite puts a cast, and nothing else, into it. */
static spk_status bind_try(struct spk_exprs *x, const PgQuery__FuncCall *f, struct spk_expr **out, spk_error *err)
{
	const PgQuery__TypeCast *cast = f->n_args == 1 && f->args[0]->node_case == PG_QUERY__NODE__NODE_TYPE_CAST ? f->args[0]->type_cast : NULL;
	struct spk_type type;
	struct spk_expr *arg;

	if (!cast)
		return spk_binder_fail(x->b, f->location, SPK_BIND, err, "TRY_CAST takes a value and a type: TRY_CAST(x AS integer)");
	SPK_TRY(spk_binder_type(x->b, cast->type_name, &type, err));
	SPK_TRY(spk_binder_expr(x, cast->arg, &arg, err));
	return spk_binder_try_cast(x->b, arg, type, f->location, out, err);
}

/* row_time(): the event time of the one table in FROM. */
static spk_status bind_row_time(struct spk_exprs *x, const PgQuery__FuncCall *f, struct spk_expr **out, spk_error *err)
{
	const struct spk_logical *from = x->scope ? x->scope->plan : NULL;
	const int column = from ? spk_watermark_column(from) : -1;

	if (column < 0) {
		spk_binder_fail(x->b, f->location, SPK_BIND, err, "row_time() is the event time of FROM, which is not one table with a WATERMARK");
		return spk_hint(err, "Name the column that it is.");
	}
	SPK_TRY_PTR(*out = spk_expr_column(x->b->arena, column, &from->schema->field[column]), err);
	return SPK_OK;
}

spk_status spk_binder_function(struct spk_exprs *x, const PgQuery__FuncCall *f, struct spk_expr **out, spk_error *err)
{
	struct spk_expr **arg;
	spk_status status;
	const char *name;
	int args = 0;

	SPK_TRY(spk_binder_function_name(x->b, f->funcname, f->n_funcname, f->location, &name, err));
	if (!f->over && !spk_catalog_knows(x->b->catalog, name) && spk_is_list_aggregate(f, name))
		return spk_binder_list_aggregate(x, f, name, out, err);
	if (other_function(x->b, f, name))
		return bind_other(x, f, other_function(x->b, f, name), out, err);
	if (f->over)
		return spk_binder_over(x, f, name, out, err);
	if (spk_is_group_window_call(name))
		return spk_binder_group_window_call(x, f, name, out, err);
	if (spk_window_function_known(name) && !(spk_binder_aggregate_known(x->b, name) && (f->n_args || f->agg_within_group)))
		return spk_binder_fail(x->b, f->location, SPK_BIND, err, "window function %s requires an OVER clause", name);
	if (spk_binder_aggregate_known(x->b, name))
		return spk_binder_aggregate(x, f, name, out, err);
	if (f->n_args && !f->agg_star && (strcmp(name, "if") == 0 || strcmp(name, "ifnull") == 0 || strcmp(name, "nvl") == 0)) {
		SPK_TRY(spk_binder_exprs(x, f->args, f->n_args, &arg, err));
		if (special(x, f, name, arg, &status, out, err))
			return status;
	}
	if (strcmp(name, "row_time") == 0 && !f->n_args)
		return bind_row_time(x, f, out, err);
	if (strcmp(name, SPK_MARK_TRY) == 0)
		return bind_try(x, f, out, err);
	if (strcmp(name, SPK_MARK_WITHIN) == 0)
		return spk_binder_within(x, f, out, err);
	SPK_TRY(spk_binder_args(x, f, name, &arg, &args, err));
	if (spk_catalog_function(x->b->catalog, name))
		return spk_expr_call_function(x->b->arena, &spk_catalog_function(x->b->catalog, name)->base, arg, args, spk_binder_at(x->b, f->location), out, err);
	if (spk_catalog_expression(x->b->catalog, name))
		return spk_binder_sql_function(x, spk_catalog_expression(x->b->catalog, name), arg, args, f->location, out, err);
	if (strcmp(name, SPK_MARK_MAP) == 0)
		return spk_binder_map(x, arg, args, f->location, out, err);
	if (args && strcmp(name, "named_struct") == 0)
		return spk_binder_struct(x, arg, args, f->location, out, err);
	if (args && strcmp(name, "make_array") == 0)
		return spk_binder_make_array(x, arg, args, f->location, out, err);
	if (spk_is_macro(name, arg, args))
		return spk_binder_macro(x, name, arg, args, f->location, out, err);
	if (args == 2 && arg[0]->type.id != SPK_TYPE_UNKNOWN && spk_populates(name))
		return populate(x, f, name, arg, out, err);
	if (strcmp(name, "overlaps") == 0 && args == 4)
		return spk_binder_overlaps(x->b, arg, f->location, out, err);
	if (f->func_variadic)
		status = spk_expr_spread(x->b->arena, name, arg, args, spk_binder_at(x->b, f->location), out, err);
	else
		status = spk_binder_call(x->b, name, arg, args, f->location, out, err);
	status = say_schema(f, name, status, err);
	if (status == SPK_BIND && !spk_function_known(name) && !spk_function_closest(name))
		return spk_hint(err, "docs/functions.md lists all functions.");
	SPK_TRY(status);
	SPK_TRY(check_plain(x, f, name, err));
	if ((*out)->kind == SPK_EXPR_CALL && (*out)->function->set_returning)
		SPK_TRY(check_set(x, f->location, err));
	return spk_binder_rows_of(x->b, out, err);
}

/* --- CURRENT_TIMESTAMP and its like: all from now() --- */

spk_status spk_binder_value_function(struct spk_exprs *x, const PgQuery__SQLValueFunction *f, struct spk_expr **out, spk_error *err)
{
	enum spk_type_id type;

	switch (f->op) {
	case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIMESTAMP:
	case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIMESTAMP_N: type = SPK_TYPE_TIMESTAMPTZ; break;
	case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIMESTAMP:
	case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIMESTAMP_N: type = SPK_TYPE_TIMESTAMP; break;
	case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_DATE: type = SPK_TYPE_DATE; break;
	case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIME:
	case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIME_N: type = SPK_TYPE_TIME; break;
	case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIME:
	case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIME_N:
		spk_binder_unsupported(x->b, f->location, "CURRENT_TIME (a time with a zone)", err);
		return spk_hint(err, "Use LOCALTIME.");
	default:
		return spk_binder_unsupported(x->b, f->location, "CURRENT_USER, CURRENT_SCHEMA or their like", err);
	}
	SPK_TRY(spk_binder_call(x->b, "now", NULL, 0, f->location, out, err));
	if (f->typmod >= 0 && f->typmod < 6) {
		struct spk_value digits = { .type = spk_type(SPK_TYPE_INTEGER), .i32 = f->typmod };
		struct spk_expr *arg[2] = { *out, spk_expr_literal(x->b->arena, digits) };

		SPK_TRY_PTR(arg[1], err);
		SPK_TRY(spk_binder_call(x->b, "timestamptz", arg, 2, f->location, out, err));
	}
	if (type == SPK_TYPE_TIMESTAMPTZ)
		return SPK_OK;
	/* timestamptz to time goes by way of the local timestamp */
	if (type == SPK_TYPE_TIME)
		SPK_TRY(spk_expr_cast(x->b->arena, *out, spk_type(SPK_TYPE_TIMESTAMP), true, spk_binder_at(x->b, f->location), out, err));
	return spk_expr_cast(x->b->arena, *out, spk_type(type), true, spk_binder_at(x->b, f->location), out, err);
}
