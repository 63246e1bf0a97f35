/*
 * Functions in FROM whose columns the query says: jsonb_to_recordset(j) AS t (a int, b text), or the name of a table:
 * jsonb_populate_record(NULL::t, j). Each column is the member of its name, cast to its type; a set is that of the array's elements.
 */
#include "planner/sql/bind.h"

#include <string.h>

static const char *const singles[] = { "jsonb_to_record", "json_to_record" };
static const char *const sets[] = { "jsonb_to_recordset", "json_to_recordset", "jsonb_populate_recordset", "json_populate_recordset" };
static const char *const populates[] = { "jsonb_populate_record", "json_populate_record", "jsonb_populate_recordset", "json_populate_recordset" };

static bool is_one_of(const char *const *list, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i], name) == 0)
			return true;
	return false;
}

bool spk_populates(const char *function) { return is_one_of(populates, SPK_COUNT_OF(populates), function); }

bool spk_gives_record(const char *function)
{
	return is_one_of(singles, SPK_COUNT_OF(singles), function) || is_one_of(populates, SPK_COUNT_OF(populates), function) || is_one_of(sets, SPK_COUNT_OF(sets), function);
}

const char *spk_record_source(struct spk_arena *arena, const char *function)
{
	return spk_arena_printf(arena, "%s of %s", is_one_of(sets, SPK_COUNT_OF(sets), function) ? "objects" : "object", function);
}

/* An error about the call names the function that was written. */
static spk_status as_written(spk_status status, spk_error *err)
{
	char *said = status != SPK_OK && err ? strstr(err->message, "object") : NULL, *of = said ? strstr(said, " of ") : NULL;

	if (of && strncmp(err->message, "function object", 15) == 0)
		memmove(said, of + 4, strlen(of + 4) + 1);
	return status;
}

/* The values, one a row: the argument's elements, or it alone; objects all of them. */
static spk_status bind_values(struct spk_binder *b, const PgQuery__RangeFunction *r, const PgQuery__FuncCall *f, const char *function, struct spk_logical **out, spk_error *err)
{
	PgQuery__String elements = PG_QUERY__STRING__INIT;
	PgQuery__Node name = PG_QUERY__NODE__INIT, call = PG_QUERY__NODE__INIT, list = PG_QUERY__NODE__INIT;
	PgQuery__Node *names[1] = { &name }, *items[1] = { &call }, *functions[1] = { &list };
	PgQuery__FuncCall of_elements = *f;
	PgQuery__Node *element_args[1] = { f->args[f->n_args - 1] };
	PgQuery__List item = PG_QUERY__LIST__INIT;
	PgQuery__RangeFunction values = *r;
	struct spk_scope scope;

	SPK_TRY_PTR(elements.sval = (char *)(uintptr_t)spk_record_source(b->arena, function), err);
	name.node_case = PG_QUERY__NODE__NODE_STRING;
	name.string = &elements;
	of_elements.funcname = names;
	of_elements.n_funcname = 1;
	of_elements.args = element_args;
	of_elements.n_args = 1;
	call.node_case = PG_QUERY__NODE__NODE_FUNC_CALL;
	call.func_call = &of_elements;
	item.items = items;
	item.n_items = 1;
	list.node_case = PG_QUERY__NODE__NODE_LIST;
	list.list = &item;
	values.functions = functions;
	values.n_coldeflist = 0;
	values.alias = NULL;
	SPK_TRY(as_written(spk_binder_set_function(b, &values, &scope, err), err));
	*out = scope.plan;
	return SPK_OK;
}

/* An array of JSON gives its elements; what is none is read as the text of an array. */
static spk_status array_member(struct spk_binder *b, struct spk_expr *value, struct spk_expr *name, struct spk_type type, int location, struct spk_expr **out, spk_error *err)
{
	const int position = spk_binder_at(b, location);
	const bool is_json = value->type.id == SPK_TYPE_JSON;
	struct spk_expr *pair[2] = { value, name }, *json, *kind[2], *arm[3];
	const char *elements;

	SPK_TRY(spk_binder_call(b, "->", pair, 2, location, &json, err));
	SPK_TRY(spk_binder_call(b, is_json ? "json_typeof" : "jsonb_typeof", &json, 1, location, &kind[0], err));
	SPK_TRY_PTR(kind[1] = spk_expr_unknown(b->arena, "array"), err);
	SPK_TRY(spk_binder_call(b, "=", kind, 2, location, &arm[0], err));
	SPK_TRY_PTR(elements = spk_arena_printf(b->arena, "%s_array_elements%s", is_json ? "json" : "jsonb", spk_type_is_json(spk_type_element(type)) ? "" : "_text"), err);
	SPK_TRY(spk_binder_call(b, elements, &json, 1, location, &arm[1], err));
	SPK_TRY(spk_expr_cast(b->arena, arm[1], type, true, position, &arm[1], err));
	pair[0] = value;
	pair[1] = name;
	SPK_TRY(spk_binder_call(b, "->>", pair, 2, location, &arm[2], err));
	SPK_TRY(spk_expr_cast(b->arena, arm[2], type, true, position, &arm[2], err));
	return spk_expr_make(b->arena, SPK_EXPR_CASE, arm, 3, false, position, out, err);
}

/* The member of the field's name: JSON as it is, anything else from its text. */
static spk_status member(struct spk_binder *b, struct spk_expr *value, const struct spk_field *field, int location, struct spk_expr **out, spk_error *err)
{
	const bool json = field->type.id == SPK_TYPE_JSONB || field->type.id == SPK_TYPE_JSON;
	struct spk_expr *pair[2] = { value, spk_expr_unknown(b->arena, field->name) };

	SPK_TRY_PTR(pair[1], err);
	if (field->type.id == SPK_TYPE_ROW)
		return spk_binder_unsupported(b, location, "a record in a column definition list", err);
	SPK_TRY(spk_expr_cast(b->arena, pair[1], spk_type(SPK_TYPE_TEXT), true, value->position, &pair[1], err));
	if (field->type.id == SPK_TYPE_ARRAY)
		return array_member(b, value, pair[1], field->type, location, out, err);
	SPK_TRY(spk_binder_call(b, json ? "->" : "->>", pair, 2, location, out, err));
	return spk_expr_cast(b->arena, *out, field->type, true, spk_binder_at(b, location), out, err);
}

static spk_status said_columns(struct spk_binder *b, const PgQuery__RangeFunction *r, const PgQuery__FuncCall *f, const char *name, struct spk_schema **out, spk_error *err)
{
	const int columns = (int)r->n_coldeflist;

	if (!columns)
		return spk_binder_fail(b, f->location, SPK_BIND, err, "a column definition list is required for functions returning \"record\"");
	if (f->n_args != 1)
		return spk_binder_fail(b, f->location, SPK_BIND, err, "function %s takes one argument", name);
	SPK_TRY_PTR(*out = spk_schema_new(b->arena, columns), err);
	for (int i = 0; i < columns; i++) {
		const PgQuery__ColumnDef *d = r->coldeflist[i]->column_def;

		(*out)->field[i] = (struct spk_field){ d->colname, spk_type(SPK_TYPE_TEXT), true };
		SPK_TRY(spk_binder_type(b, d->type_name, &(*out)->field[i].type, err));
	}
	return SPK_OK;
}

/* The type that NULL::t names, NULL for any other argument. */
static const PgQuery__TypeCast *null_of_type(const PgQuery__FuncCall *f)
{
	const PgQuery__TypeCast *c = f->n_args == 2 && f->args[0]->node_case == PG_QUERY__NODE__NODE_TYPE_CAST ? f->args[0]->type_cast : NULL;

	return c && c->arg->node_case == PG_QUERY__NODE__NODE_A_CONST && c->arg->a_const->isnull ? c : NULL;
}

/* NULL::t: the columns of the table, or the fields of the type. */
static spk_status type_columns(struct spk_binder *b, const PgQuery__TypeCast *c, struct spk_schema **out, spk_error *err)
{
	const char *type = c->type_name->n_names ? spk_node_string(c->type_name->names[c->type_name->n_names - 1]) : NULL;
	const struct spk_schema *record = type ? spk_catalog_record(b->catalog, type) : NULL;

	if (!record)
		return spk_binder_fail(b, c->type_name->location, SPK_BIND, err, "type \"%s\" does not exist", type ? type : "");
	SPK_TRY_PTR(*out = spk_schema_new(b->arena, record->count), err);
	for (int i = 0; i < record->count; i++)
		(*out)->field[i] = (struct spk_field){ record->field[i].name, record->field[i].type, true };
	return SPK_OK;
}

/* --- other records --- */

/* The first argument, which may look at what stands before it in FROM; subqueries in it are attached to the plan. */
static spk_status bind_base(struct spk_binder *b, const PgQuery__FuncCall *f, const char *name, struct spk_logical **plan, struct spk_expr **base, spk_error *err)
{
	static const struct spk_scope none;
	struct spk_exprs x = { .b = b, .scope = &none, .clause = "functions in FROM" };
	struct spk_sublinks sublinks = { 0 }, *around = b->sublinks;
	spk_status status;

	b->sublinks = &sublinks;
	status = spk_binder_expr(&x, f->args[0], base, err);
	b->sublinks = around;
	SPK_TRY(status);
	if ((*base)->type.id == SPK_TYPE_UNKNOWN)
		return spk_binder_fail(b, f->location, SPK_BIND, err, "could not determine polymorphic type because input has type unknown");
	if ((*base)->type.id != SPK_TYPE_ROW)
		return spk_binder_fail(b, f->location, SPK_BIND, err, "first argument of %s must be a row type", name);
	if (f->args[0]->node_case == PG_QUERY__NODE__NODE_ROW_EXPR || !(*base)->type.children)
		return spk_binder_fail(b, f->location, SPK_BIND, err, "a column definition list is required for functions returning \"record\"");
	return spk_sublinks_attach(b, &sublinks, plan, base, err);
}

/* jsonb_populate_record(r, j): r with what j has. The plan's first column is j. */
static spk_status populate_record(struct spk_binder *b, const PgQuery__FuncCall *f, const char *name, struct spk_logical **plan, spk_error *err)
{
	const int position = spk_binder_at(b, f->location);
	struct spk_expr *base, *value, *record, **field, **whole = SPK_NEW(b->arena, struct spk_expr *);
	struct spk_schema *schema = spk_schema_new(b->arena, 1);

	SPK_TRY(bind_base(b, f, name, plan, &base, err));
	SPK_TRY_PTR(schema && whole && (value = spk_expr_column(b->arena, 0, &(*plan)->schema->field[0])), err);
	SPK_TRY(spk_expr_populate(b->arena, base, value, position, whole, err));
	schema->field[0] = (struct spk_field){ name, (*whole)->type, true };
	SPK_TRY_PTR(*plan = spk_binder_project(b, *plan, whole, schema), err);
	SPK_TRY_PTR(record = spk_expr_column(b->arena, 0, &schema->field[0]), err);
	SPK_TRY_PTR(field = SPK_NEW_ARRAY(b->arena, struct spk_expr *, record->type.children->count + 1), err);
	SPK_TRY_PTR(schema = spk_schema_new(b->arena, record->type.children->count), err);
	for (int i = 0; i < schema->count; i++) {
		SPK_TRY(spk_expr_field(b->arena, record, i, position, &field[i], err));
		schema->field[i] = (struct spk_field){ record->type.children->field[i].name, field[i]->type, true };
	}
	return (*plan = spk_binder_project(b, *plan, field, schema)) ? SPK_OK : spk_fail_memory(err);
}

/* The members of a document as columns. */
static spk_status members(struct spk_binder *b, const PgQuery__FuncCall *f, struct spk_schema *schema, struct spk_logical **plan, spk_error *err)
{
	struct spk_expr **expr = SPK_NEW_ARRAY(b->arena, struct spk_expr *, schema->count + 1), *value;

	SPK_TRY_PTR(expr && (value = spk_expr_column(b->arena, 0, &(*plan)->schema->field[0])), err);
	for (int i = 0; i < schema->count; i++)
		SPK_TRY(member(b, value, &schema->field[i], f->location, &expr[i], err));
	return (*plan = spk_binder_project(b, *plan, expr, schema)) ? SPK_OK : spk_fail_memory(err);
}

spk_status spk_binder_record_function(struct spk_binder *b, const PgQuery__RangeFunction *r, const PgQuery__FuncCall *f, const char *name, struct spk_scope *out, spk_error *err)
{
	const bool populates_record = spk_populates(name), other = populates_record && f->n_args == 2 && !null_of_type(f);
	struct spk_schema *schema = NULL;
	struct spk_logical *plan;

	if (populates_record && f->n_args != 2)
		return spk_binder_fail(b, f->location, SPK_BIND, err, "function %s takes a record and a document", name);
	if (!populates_record)
		SPK_TRY(said_columns(b, r, f, name, &schema, err));
	else if (!other)
		SPK_TRY(type_columns(b, null_of_type(f), &schema, err));
	if (r->ordinality)
		return spk_binder_fail(b, r->n_coldeflist ? r->coldeflist[0]->column_def->location : f->location, SPK_BIND, err, "WITH ORDINALITY cannot be used with a column definition list");
	SPK_TRY(bind_values(b, r, f, name, &plan, err));
	SPK_TRY(other ? populate_record(b, f, name, &plan, err) : members(b, f, schema, &plan, err));
	return spk_binder_one_range(b, plan, name, r->alias, f->location, out, err);
}
