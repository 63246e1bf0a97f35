/* What things of the parse tree are called: output columns, nodes in errors, and where they stand. */
#include "planner/sql/bind.h"

#include <string.h>
#include <strings.h>

#include "planner/sql/rewrite.h"

const char *spk_node_string(const PgQuery__Node *n)
{
	return n && n->node_case == PG_QUERY__NODE__NODE_STRING ? n->string->sval : NULL;
}

/* --- places --- */

static int first_location(PgQuery__Node *const *n, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int at = spk_node_location(n[i]);

		if (at >= 0)
			return at;
	}
	return -1;
}

int spk_select_location(const PgQuery__SelectStmt *s)
{
	if (s->op != PG_QUERY__SET_OPERATION__SETOP_NONE && s->larg)
		return spk_select_location(s->larg);
	if (s->n_target_list)
		return first_location(s->target_list, s->n_target_list);
	return s->n_values_lists ? first_location(s->values_lists, s->n_values_lists) : first_location(s->from_clause, s->n_from_clause);
}

static int least(int a, int b) { return a < 0 ? b : b < 0 || a < b ? a : b; }

/* Where an expression begins: its operator's or cast's place is in its middle. */
static int expression_location(const PgQuery__Node *n)
{
	switch (n->node_case) {
	case PG_QUERY__NODE__NODE_A_EXPR: return least(spk_node_location(n->a_expr->lexpr), n->a_expr->location);
	case PG_QUERY__NODE__NODE_BOOL_EXPR: return least(first_location(n->bool_expr->args, n->bool_expr->n_args), n->bool_expr->location);
	case PG_QUERY__NODE__NODE_NULL_TEST: return spk_node_location(n->null_test->arg);
	case PG_QUERY__NODE__NODE_BOOLEAN_TEST: return spk_node_location(n->boolean_test->arg);
	case PG_QUERY__NODE__NODE_COLLATE_CLAUSE: return spk_node_location(n->collate_clause->arg);
	case PG_QUERY__NODE__NODE_A_INDIRECTION: return spk_node_location(n->a_indirection->arg);
	case PG_QUERY__NODE__NODE_TYPE_CAST: {
		int type = n->type_cast->type_name ? n->type_cast->type_name->location : -1;

		return least(least(spk_node_location(n->type_cast->arg), n->type_cast->location), type);
	}
	default: return -1;
	}
}

int spk_node_location(const PgQuery__Node *n)
{
	if (!n)
		return -1;
	switch (n->node_case) {
	case PG_QUERY__NODE__NODE_COLUMN_REF: return n->column_ref->location;
	case PG_QUERY__NODE__NODE_A_CONST: return n->a_const->location;
	case PG_QUERY__NODE__NODE_FUNC_CALL: return n->func_call->location;
	case PG_QUERY__NODE__NODE_CASE_EXPR: return n->case_expr->location;
	case PG_QUERY__NODE__NODE_CASE_WHEN: return n->case_when->location;
	case PG_QUERY__NODE__NODE_COALESCE_EXPR: return n->coalesce_expr->location;
	case PG_QUERY__NODE__NODE_MIN_MAX_EXPR: return n->min_max_expr->location;
	case PG_QUERY__NODE__NODE_SQLVALUE_FUNCTION: return n->sqlvalue_function->location;
	case PG_QUERY__NODE__NODE_SUB_LINK: return n->sub_link->location;
	case PG_QUERY__NODE__NODE_A_ARRAY_EXPR: return n->a_array_expr->location;
	case PG_QUERY__NODE__NODE_ROW_EXPR: return n->row_expr->location;
	case PG_QUERY__NODE__NODE_PARAM_REF: return n->param_ref->location;
	case PG_QUERY__NODE__NODE_GROUPING_FUNC: return n->grouping_func->location;
	case PG_QUERY__NODE__NODE_GROUPING_SET: return n->grouping_set->location;
	case PG_QUERY__NODE__NODE_NAMED_ARG_EXPR: return n->named_arg_expr->location;
	case PG_QUERY__NODE__NODE_SET_TO_DEFAULT: return n->set_to_default->location;
	case PG_QUERY__NODE__NODE_RES_TARGET: return n->res_target->location;
	case PG_QUERY__NODE__NODE_SORT_BY: return spk_node_location(n->sort_by->node);
	case PG_QUERY__NODE__NODE_RANGE_VAR: return n->range_var->location;
	case PG_QUERY__NODE__NODE_RANGE_FUNCTION: return first_location(n->range_function->functions, n->range_function->n_functions);
	case PG_QUERY__NODE__NODE_RANGE_SUBSELECT: return spk_node_location(n->range_subselect->subquery);
	case PG_QUERY__NODE__NODE_JOIN_EXPR: return spk_node_location(n->join_expr->rarg);
	case PG_QUERY__NODE__NODE_RANGE_TABLE_SAMPLE: return n->range_table_sample->location;
	case PG_QUERY__NODE__NODE_WINDOW_DEF: return n->window_def->location;
	case PG_QUERY__NODE__NODE_SELECT_STMT: return spk_select_location(n->select_stmt);
	case PG_QUERY__NODE__NODE_LIST: return first_location(n->list->items, n->list->n_items);
	case PG_QUERY__NODE__NODE_DEF_ELEM: return n->def_elem->location;
	default: return expression_location(n);
	}
}

/* --- kinds --- */

const char *spk_node_what(const PgQuery__Node *n)
{
	static const struct { PgQuery__Node__NodeCase kind; const char *what; } list[] = {
		{ PG_QUERY__NODE__NODE_UPDATE_STMT, "UPDATE" }, { PG_QUERY__NODE__NODE_DELETE_STMT, "DELETE" },
		{ PG_QUERY__NODE__NODE_MERGE_STMT, "MERGE" }, { PG_QUERY__NODE__NODE_ALTER_TABLE_STMT, "ALTER TABLE" },
		{ PG_QUERY__NODE__NODE_TRANSACTION_STMT, "a transaction statement" }, { PG_QUERY__NODE__NODE_COPY_STMT, "COPY" },
		{ PG_QUERY__NODE__NODE_TRUNCATE_STMT, "TRUNCATE" }, { PG_QUERY__NODE__NODE_INDEX_STMT, "CREATE INDEX" },
		{ PG_QUERY__NODE__NODE_CREATE_FUNCTION_STMT, "CREATE FUNCTION" }, { PG_QUERY__NODE__NODE_VARIABLE_SHOW_STMT, "SHOW" },
		{ PG_QUERY__NODE__NODE_PREPARE_STMT, "PREPARE" }, { PG_QUERY__NODE__NODE_EXECUTE_STMT, "EXECUTE" },
		{ PG_QUERY__NODE__NODE_CREATE_SCHEMA_STMT, "CREATE SCHEMA" }, { PG_QUERY__NODE__NODE_CREATEDB_STMT, "CREATE DATABASE" },
		{ PG_QUERY__NODE__NODE_GRANT_STMT, "GRANT" }, { PG_QUERY__NODE__NODE_COMMENT_STMT, "COMMENT" },
		{ PG_QUERY__NODE__NODE_DO_STMT, "DO" }, { PG_QUERY__NODE__NODE_CALL_STMT, "CALL" }, { PG_QUERY__NODE__NODE_RENAME_STMT, "ALTER ... RENAME" },
		{ PG_QUERY__NODE__NODE_A_ARRAY_EXPR, "an array constructor" }, { PG_QUERY__NODE__NODE_ROW_EXPR, "a row constructor" },
		{ PG_QUERY__NODE__NODE_CREATE_ENUM_STMT, "CREATE TYPE ... AS ENUM" },
		{ PG_QUERY__NODE__NODE_CREATE_RANGE_STMT, "CREATE TYPE ... AS RANGE" }, { PG_QUERY__NODE__NODE_CREATE_DOMAIN_STMT, "CREATE DOMAIN" },
		{ PG_QUERY__NODE__NODE_CREATE_SEQ_STMT, "CREATE SEQUENCE" }, { PG_QUERY__NODE__NODE_CREATE_TRIG_STMT, "CREATE TRIGGER" },
		{ PG_QUERY__NODE__NODE_CREATE_EXTENSION_STMT, "CREATE EXTENSION" }, { PG_QUERY__NODE__NODE_CREATE_ROLE_STMT, "CREATE ROLE" },
		{ PG_QUERY__NODE__NODE_RULE_STMT, "CREATE RULE" }, { PG_QUERY__NODE__NODE_CREATE_STATS_STMT, "CREATE STATISTICS" },
		{ PG_QUERY__NODE__NODE_CREATE_CAST_STMT, "CREATE CAST" }, { PG_QUERY__NODE__NODE_REFRESH_MAT_VIEW_STMT, "REFRESH MATERIALIZED VIEW" },
		{ PG_QUERY__NODE__NODE_DECLARE_CURSOR_STMT, "DECLARE" }, { PG_QUERY__NODE__NODE_FETCH_STMT, "FETCH" }, { PG_QUERY__NODE__NODE_LOCK_STMT, "LOCK" },
		{ PG_QUERY__NODE__NODE_DEALLOCATE_STMT, "DEALLOCATE" }, { PG_QUERY__NODE__NODE_LISTEN_STMT, "LISTEN" }, { PG_QUERY__NODE__NODE_NOTIFY_STMT, "NOTIFY" },
		{ PG_QUERY__NODE__NODE_DISCARD_STMT, "DISCARD" }, { PG_QUERY__NODE__NODE_CLUSTER_STMT, "CLUSTER" }, { PG_QUERY__NODE__NODE_REINDEX_STMT, "REINDEX" },
		{ PG_QUERY__NODE__NODE_A_INDIRECTION, "a subscript or field selection" },
		{ PG_QUERY__NODE__NODE_GROUPING_FUNC, "GROUPING()" }, { PG_QUERY__NODE__NODE_GROUPING_SET, "GROUPING SETS, CUBE or ROLLUP" },
		{ PG_QUERY__NODE__NODE_JOIN_EXPR, "a join" }, { PG_QUERY__NODE__NODE_XML_EXPR, "XML" },
		{ PG_QUERY__NODE__NODE_SET_TO_DEFAULT, "DEFAULT here" }, { PG_QUERY__NODE__NODE_NAMED_ARG_EXPR, "an argument by name" },
		{ PG_QUERY__NODE__NODE_RANGE_TABLE_SAMPLE, "TABLESAMPLE" }, { PG_QUERY__NODE__NODE_RANGE_TABLE_FUNC, "XMLTABLE" },
		{ PG_QUERY__NODE__NODE_CURRENT_OF_EXPR, "CURRENT OF" }, { PG_QUERY__NODE__NODE_MULTI_ASSIGN_REF, "a multiple assignment" },
	};

	for (size_t i = 0; n && i < SPK_COUNT_OF(list); i++)
		if (n->node_case == list[i].kind)
			return list[i].what;
	return "this statement";
}

/* --- output columns --- */

static const char *last_string(PgQuery__Node *const *n, size_t count)
{
	return count ? spk_node_string(n[count - 1]) : NULL;
}

static const char *value_function_name(PgQuery__SQLValueFunctionOp op)
{
	switch (op) {
	case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_DATE: return "current_date";
	case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIME:
	case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIME_N: return "current_time";
	case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIMESTAMP:
	case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_TIMESTAMP_N: return "current_timestamp";
	case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIME:
	case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIME_N: return "localtime";
	case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIMESTAMP:
	case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_LOCALTIMESTAMP_N: return "localtimestamp";
	default: return "?column?";
	}
}

/* Of ARRAY<...> and its like, which the rewrite has put into a text. */
static const char *composite_name(const PgQuery__TypeName *t)
{
	const PgQuery__Node *text = t->n_typmods ? t->typmods[0] : NULL;
	const char *type = text && text->node_case == PG_QUERY__NODE__NODE_A_CONST && text->a_const->val_case == PG_QUERY__A__CONST__VAL_SVAL ? text->a_const->sval->sval : "";

	return strncasecmp(type, "ARRAY", 5) == 0 ? "array" : strncasecmp(type, "MAP", 3) == 0 ? "map" : "row";
}

static int figure_name(const PgQuery__Node *n, const char **name);

/* A scalar subquery is called what its column is. */
static int sublink_name(const PgQuery__SubLink *s, const char **name)
{
	const PgQuery__SelectStmt *q = s->subselect ? s->subselect->select_stmt : NULL;

	switch (s->sub_link_type) {
	case PG_QUERY__SUB_LINK_TYPE__EXISTS_SUBLINK: *name = "exists"; return 2;
	case PG_QUERY__SUB_LINK_TYPE__ARRAY_SUBLINK: *name = "array"; return 2;
	case PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK: break;
	default: return 0;
	}
	while (q && q->op != PG_QUERY__SET_OPERATION__SETOP_NONE)
		q = q->larg;
	*name = q && q->n_values_lists ? "column1" : "?column?";
	if (q && q->n_target_list && q->target_list[0]->res_target->name && *q->target_list[0]->res_target->name)
		*name = q->target_list[0]->res_target->name;
	else if (q && q->n_target_list)
		figure_name(q->target_list[0]->res_target->val, name);
	return 2;
}

/* PostgreSQL's FigureColname: *name and how good it is, 0 none, 1 a type's or keyword's, 2 a column's or function's. */
static int figure_name(const PgQuery__Node *n, const char **name)
{
	const char *found;

	if (!n)
		return 0;
	switch (n->node_case) {
	case PG_QUERY__NODE__NODE_COLUMN_REF:
		found = last_string(n->column_ref->fields, n->column_ref->n_fields);
		if (!found && n->column_ref->n_fields > 1)  /* t.* */
			found = last_string(n->column_ref->fields, n->column_ref->n_fields - 1);
		break;
	case PG_QUERY__NODE__NODE_A_INDIRECTION:
		found = last_string(n->a_indirection->indirection, n->a_indirection->n_indirection);
		if (!found)
			return figure_name(n->a_indirection->arg, name);
		break;
	case PG_QUERY__NODE__NODE_FUNC_CALL:
		found = last_string(n->func_call->funcname, n->func_call->n_funcname);
		if (found && strcmp(found, SPK_MARK_TRY) == 0 && n->func_call->n_args == 1)
			return figure_name(n->func_call->args[0], name);
		found = found && strcmp(found, SPK_MARK_FLOOR) == 0 ? "floor" : found && strcmp(found, SPK_MARK_CEIL) == 0 ? "ceil" : found && strcmp(found, SPK_MARK_MAP) == 0 ? "map" : found;
		break;
	case PG_QUERY__NODE__NODE_A_EXPR:
		found = n->a_expr->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NULLIF ? "nullif" : NULL;
		break;
	case PG_QUERY__NODE__NODE_TYPE_CAST:
		if (figure_name(n->type_cast->arg, name) == 2)
			return 2;
		if (!n->type_cast->type_name || !(found = last_string(n->type_cast->type_name->names, n->type_cast->type_name->n_names)))
			return 0;
		*name = strcmp(found, SPK_MARK_TYPE) == 0 ? composite_name(n->type_cast->type_name) : found;
		return 1;
	case PG_QUERY__NODE__NODE_COLLATE_CLAUSE: return figure_name(n->collate_clause->arg, name);
	case PG_QUERY__NODE__NODE_GROUPING_FUNC: found = "grouping"; break;
	case PG_QUERY__NODE__NODE_COALESCE_EXPR: found = "coalesce"; break;
	case PG_QUERY__NODE__NODE_MIN_MAX_EXPR: found = n->min_max_expr->op == PG_QUERY__MIN_MAX_OP__IS_LEAST ? "least" : "greatest"; break;
	case PG_QUERY__NODE__NODE_A_ARRAY_EXPR: found = "array"; break;
	case PG_QUERY__NODE__NODE_ROW_EXPR: found = "row"; break;
	case PG_QUERY__NODE__NODE_SQLVALUE_FUNCTION: found = value_function_name(n->sqlvalue_function->op); break;
	case PG_QUERY__NODE__NODE_SUB_LINK: return sublink_name(n->sub_link, name);
	case PG_QUERY__NODE__NODE_CASE_EXPR:
		if (figure_name(n->case_expr->defresult, name) == 2)
			return 2;
		*name = "case";
		return 1;
	default: found = NULL;
	}
	if (!found)
		return 0;
	*name = found;
	return 2;
}

const char *spk_target_name(const PgQuery__Node *n, const struct spk_expr *bound)
{
	const char *name = "?column?";

	if (n->node_case == PG_QUERY__NODE__NODE_COLUMN_REF && bound->kind == SPK_EXPR_COLUMN && bound->name)
		return bound->name;
	if (n->node_case == PG_QUERY__NODE__NODE_SUB_LINK && n->sub_link->sub_link_type == PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK && bound->kind == SPK_EXPR_OUTER && bound->name)
		return bound->name;
	figure_name(n, &name);
	return name;
}
