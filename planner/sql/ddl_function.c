/* CREATE FUNCTION: of those in SQL see ddl_sql_function.c; name(types) RETURNS type LANGUAGE c AS 'library', 'symbol': a C function out of a shared library. */
#include "planner/sql/bind.h"

#include <string.h>

struct function_options { const char *language, *library, *symbol; enum spk_volatility volatility; bool strict; };

static const char *text_of(const PgQuery__Node *n) { return n ? spk_node_string(n) : NULL; }

static spk_status take_as(const struct spk_binder *b, const PgQuery__DefElem *d, struct function_options *o, spk_error *err)
{
	const PgQuery__List *list = d->arg && d->arg->node_case == PG_QUERY__NODE__NODE_LIST ? d->arg->list : NULL;

	if (!list || list->n_items < 1)
		return spk_binder_fail(b, d->location, SPK_SYNTAX, err, "AS needs the name of a library");
	o->library = text_of(list->items[0]);
	o->symbol = list->n_items > 1 ? text_of(list->items[1]) : NULL;
	return SPK_OK;
}

static spk_status take_options(const struct spk_binder *b, const PgQuery__CreateFunctionStmt *s, struct function_options *o, spk_error *err)
{
	o->volatility = SPK_VOLATILE;
	for (size_t i = 0; i < s->n_options; i++) {
		const PgQuery__DefElem *d = s->options[i]->def_elem;
		const char *value = text_of(d->arg);

		if (strcmp(d->defname, "language") == 0)
			o->language = value;
		else if (strcmp(d->defname, "as") == 0)
			SPK_TRY(take_as(b, d, o, err));
		else if (strcmp(d->defname, "volatility") == 0 && value)
			o->volatility = strcmp(value, "immutable") == 0 ? SPK_IMMUTABLE : strcmp(value, "stable") == 0 ? SPK_STABLE : SPK_VOLATILE;
		else if (strcmp(d->defname, "strict") == 0)
			o->strict = d->arg && d->arg->node_case == PG_QUERY__NODE__NODE_BOOLEAN ? d->arg->boolean->boolval : true;
	}
	return SPK_OK;
}

static spk_status check(const struct spk_binder *b, const PgQuery__CreateFunctionStmt *s, const struct function_options *o, int location, spk_error *err)
{
	if (s->is_procedure)
		return spk_binder_unsupported(b, location, "CREATE PROCEDURE", err);
	if (!o->language || strcmp(o->language, "c") != 0) {
		spk_binder_fail(b, location, SPK_UNSUPPORTED, err, "functions in language %s are not supported", o->language ? o->language : "SQL");
		return spk_hint(err, "LANGUAGE c takes a function out of a shared library: AS 'library', 'symbol'; LANGUAGE sql an expression: AS 'SELECT $1 + 1'.");
	}
	if (!o->library || !s->return_type)
		return spk_binder_fail(b, location, SPK_SYNTAX, err, "LANGUAGE c needs RETURNS type and AS 'library', 'symbol'");
	if (s->n_parameters > SPK_FUNCTION_ARGS_MAX)
		return spk_binder_fail(b, location, SPK_UNSUPPORTED, err, "a function takes %d arguments at the most", SPK_FUNCTION_ARGS_MAX);
	return SPK_OK;
}

spk_status spk_binder_create_function(struct spk_binder *b, const PgQuery__CreateFunctionStmt *s, spk_error *err)
{
	const struct spk_catalog_hooks *hooks = spk_catalog_hooks(b->catalog);
	struct spk_arena *arena = spk_catalog_arena(b->catalog);
	struct spk_type arg[SPK_FUNCTION_ARGS_MAX], result;
	struct function_options o = { 0 };
	struct spk_user_function *f = SPK_NEW(arena, struct spk_user_function);
	spk_scalar_function call = NULL;
	const char *name;

	SPK_TRY_PTR(f, err);
	SPK_TRY(spk_binder_function_name(b, s->funcname, s->n_funcname, -1, &name, err));
	SPK_TRY(take_options(b, s, &o, err));
	if (!s->is_procedure && (s->sql_body || (o.language && strcmp(o.language, "sql") == 0 && o.library)))
		return spk_binder_create_sql_function(b, s, name, s->sql_body ? NULL : o.library, o.strict, err);
	SPK_TRY(check(b, s, &o, -1, err));
	for (size_t i = 0; i < s->n_parameters; i++)
		SPK_TRY(spk_binder_type(b, s->parameters[i]->function_parameter->arg_type, &arg[i], err));
	SPK_TRY(spk_binder_type(b, s->return_type, &result, err));
	if (!hooks->load_function)
		return spk_fail(err, SPK_UNSUPPORTED, "functions cannot be loaded here");
	SPK_TRY(hooks->load_function(o.library, o.symbol ? o.symbol : name, &call, hooks->user, err));
	SPK_TRY_PTR(name = spk_arena_strdup(arena, name), err);
	SPK_TRY(spk_user_function_init(f, name, arg, (int)s->n_parameters, result, o.volatility, !o.strict, call, NULL, err));
	return spk_catalog_add_function(b->catalog, f, s->replace, err);
}
