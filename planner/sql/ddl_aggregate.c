/* CREATE AGGREGATE name(types) (SFUNC = ..., STYPE = ..., ...) over functions of the session; DROP FUNCTION and DROP AGGREGATE. */
#include "planner/sql/bind.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* The last name of what stands behind "=": functions and types alike come as type names. */
static const char *name_of(const PgQuery__Node *n)
{
	if (n && n->node_case == PG_QUERY__NODE__NODE_TYPE_NAME)
		return n->type_name->n_names ? spk_node_string(n->type_name->names[n->type_name->n_names - 1]) : NULL;
	return n ? spk_node_string(n) : NULL;
}

static spk_status take_function(const struct spk_binder *b, const PgQuery__DefElem *d, const struct spk_user_function **out, spk_error *err)
{
	const char *name = name_of(d->arg);

	*out = name ? spk_catalog_function(b->catalog, name) : NULL;
	if (*out)
		return SPK_OK;
	if (name && spk_function_known(name))
		return spk_binder_fail(b, d->location, SPK_UNSUPPORTED, err, "the built-in function %s as %s of an aggregate is not supported: only functions that CREATE FUNCTION or the C API brought", name, d->defname);
	spk_binder_fail(b, d->location, SPK_BIND, err, "function %s does not exist", name ? name : "");
	return spk_hint(err, "Create it first: CREATE FUNCTION %s(...) RETURNS ... LANGUAGE c AS 'library', 'symbol'.", name ? name : "f");
}

/* INITCOND's text as a value of the state's type. */
static spk_status take_init(struct spk_binder *b, const PgQuery__DefElem *d, struct spk_type type, struct spk_value *out, spk_error *err)
{
	struct spk_arena *arena = spk_catalog_arena(b->catalog);
	struct spk_eval ev = { .arena = arena };
	char number[32];
	const char *text = name_of(d->arg);
	struct spk_expr *e;

	if (d->arg && d->arg->node_case == PG_QUERY__NODE__NODE_INTEGER) {
		snprintf(number, sizeof number, "%d", d->arg->integer->ival);
		text = number;
	} else if (d->arg && d->arg->node_case == PG_QUERY__NODE__NODE_FLOAT) {
		text = d->arg->float_->fval;
	}
	if (!text)
		return spk_binder_fail(b, d->location, SPK_SYNTAX, err, "INITCOND takes a text");
	SPK_TRY_PTR(text = spk_arena_strdup(arena, text), err);
	SPK_TRY_PTR(e = spk_expr_unknown(arena, text), err);
	SPK_TRY(spk_expr_cast(arena, e, type, true, spk_binder_at(b, d->location), &e, err));
	return spk_expr_constant_value(e, &ev, out, err);
}

static bool is_ignored(const char *name)
{
	/* What they promise or guess is found out here, or means nothing. */
	return strcmp(name, "parallel") == 0 || strcmp(name, "sspace") == 0 || strcmp(name, "finalfunc_modify") == 0;
}

static bool is_known(const char *name)
{
	static const char *const known[] = { "serialfunc", "deserialfunc", "finalfunc_extra", "msfunc", "minvfunc", "mstype", "msspace", "mfinalfunc", "mfinalfunc_extra", "mfinalfunc_modify",
		"minitcond", "sortop", "hypothetical", "basetype" };

	for (size_t i = 0; i < SPK_COUNT_OF(known); i++)
		if (strcmp(known[i], name) == 0)
			return true;
	return false;
}

static spk_status take_definition(struct spk_binder *b, const PgQuery__DefineStmt *s, struct spk_sql_aggregate_spec *spec, spk_error *err)
{
	const PgQuery__DefElem *init = NULL;
	struct spk_value *value = SPK_NEW(spk_catalog_arena(b->catalog), struct spk_value);
	bool typed = false;

	SPK_TRY_PTR(value, err);
	for (size_t i = 0; i < s->n_definition; i++) {
		const PgQuery__DefElem *d = s->definition[i]->def_elem;

		if (strcmp(d->defname, "sfunc") == 0) {
			SPK_TRY(take_function(b, d, &spec->step, err));
		} else if (strcmp(d->defname, "finalfunc") == 0) {
			SPK_TRY(take_function(b, d, &spec->final, err));
		} else if (strcmp(d->defname, "combinefunc") == 0) {
			SPK_TRY(take_function(b, d, &spec->combine, err));
		} else if (strcmp(d->defname, "stype") == 0 && d->arg && d->arg->node_case == PG_QUERY__NODE__NODE_TYPE_NAME) {
			SPK_TRY(spk_binder_type(b, d->arg->type_name, &spec->state, err));
			typed = true;
		} else if (strcmp(d->defname, "initcond") == 0) {
			init = d;
		} else if (is_known(d->defname)) {
			return spk_binder_fail(b, d->location, SPK_UNSUPPORTED, err, "aggregate attribute \"%s\" is not supported", d->defname);
		} else if (!is_ignored(d->defname)) {
			return spk_binder_fail(b, d->location, SPK_BIND, err, "aggregate attribute \"%s\" not recognized", d->defname);
		}
	}
	if (!typed || !spec->step)
		return spk_fail(err, SPK_BIND, "aggregate %s must be specified", typed ? "sfunc" : "stype");
	if (!init)
		return SPK_OK;
	SPK_TRY(take_init(b, init, spec->state, value, err));
	spec->init = value;
	return SPK_OK;
}

static spk_status take_args(struct spk_binder *b, const PgQuery__DefineStmt *s, struct spk_sql_aggregate_spec *spec, spk_error *err)
{
	const PgQuery__List *list = s->n_args && s->args[0]->node_case == PG_QUERY__NODE__NODE_LIST ? s->args[0]->list : NULL;

	if (s->n_args > 1 && s->args[1]->node_case == PG_QUERY__NODE__NODE_INTEGER && s->args[1]->integer->ival >= 0)
		return spk_fail(err, SPK_UNSUPPORTED, "ordered-set aggregates of one's own are not supported");
	if (list && list->n_items > SPK_AGGREGATE_ARGS_MAX)
		return spk_fail(err, SPK_UNSUPPORTED, "an aggregate takes %d arguments at the most", SPK_AGGREGATE_ARGS_MAX);
	for (size_t i = 0; list && i < list->n_items; i++)
		SPK_TRY(spk_binder_type(b, list->items[i]->function_parameter->arg_type, &spec->arg[spec->args++], err));
	return SPK_OK;
}

static spk_status create(struct spk_binder *b, const PgQuery__DefineStmt *s, spk_error *err)
{
	struct spk_arena *arena = spk_catalog_arena(b->catalog);
	struct spk_sql_aggregate_spec spec = { 0 };
	struct spk_user_aggregate *a;

	if (s->kind != PG_QUERY__OBJECT_TYPE__OBJECT_AGGREGATE)
		return spk_fail(err, SPK_UNSUPPORTED, "CREATE of anything but tables, views, functions and aggregates is not supported");
	if (s->oldstyle)
		return spk_fail(err, SPK_UNSUPPORTED, "CREATE AGGREGATE with BASETYPE is not supported: write the types behind the name");
	SPK_TRY(spk_binder_function_name(b, s->defnames, s->n_defnames, -1, &spec.name, err));
	SPK_TRY_PTR(spec.name = spk_arena_strdup(arena, spec.name), err);
	SPK_TRY(take_args(b, s, &spec, err));
	SPK_TRY(take_definition(b, s, &spec, err));
	SPK_TRY(spk_sql_aggregate_make(arena, &spec, &a, err));
	return spk_catalog_add_aggregate(b->catalog, a, s->replace, err);
}

/* The statement's place, where an error has none of its own. */
static spk_status place(spk_status status, int position, spk_error *err)
{
	if (status != SPK_OK && err && !err->position)
		err->position = position;
	return status;
}

spk_status spk_binder_create_aggregate(struct spk_binder *b, const PgQuery__DefineStmt *s, int position, spk_error *err)
{
	return place(create(b, s, err), position, err);
}

/* --- DROP --- */

static spk_status drop_one(struct spk_binder *b, const PgQuery__ObjectWithArgs *o, bool aggregate, bool if_exists, spk_error *err)
{
	const char *what = aggregate ? "aggregate" : "function", *name;
	bool there;

	SPK_TRY(spk_binder_function_name(b, o->objname, o->n_objname, -1, &name, err));
	there = aggregate ? spk_catalog_aggregate(b->catalog, name) != NULL : spk_catalog_function(b->catalog, name) || spk_catalog_expression(b->catalog, name);
	if (there)
		spk_catalog_drop_function(b->catalog, name);
	else if (spk_function_known(name))
		return spk_fail(err, SPK_BIND, "cannot drop %s %s because it is required by the database system", what, name);
	else if (!if_exists)
		return spk_fail(err, SPK_BIND, "%s %s does not exist", what, name);
	return SPK_OK;
}

spk_status spk_binder_drop_function(struct spk_binder *b, const PgQuery__DropStmt *s, int position, spk_error *err)
{
	const bool aggregate = s->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_AGGREGATE;

	for (size_t i = 0; i < s->n_objects; i++)
		SPK_TRY(place(drop_one(b, s->objects[i]->object_with_args, aggregate, s->missing_ok, err), position, err));
	return SPK_OK;
}
