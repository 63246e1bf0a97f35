/* Functions of a session: registered from C, or out of shared libraries. */
#include <dlfcn.h>
#include <stdio.h>

#include "core/expr/user_aggregate.h"
#include "session/internal.h"

/* The types of "integer, text": each as the column of a query that is never run. */
static spk_status parse_types(struct spk_session *s, const char *list, struct spk_type *type, int *count, spk_error *err)
{
	char buffer[512];
	int n = 0;

	*count = 0;
	for (const char *p = list; *p;) {
		size_t size = strcspn(p, "(,");
		struct spk_script script;

		while (p[size] == '(')  /* numeric(10, 2) */
			size += strcspn(p + size, ")") + 1, size += strcspn(p + size, "(,");
		if (*count == SPK_FUNCTION_ARGS_MAX)
			return spk_fail(err, SPK_UNSUPPORTED, "a function takes %d arguments at the most", SPK_FUNCTION_ARGS_MAX);
		n = snprintf(buffer, sizeof buffer, "SELECT NULL::%.*s", (int)size, p);
		if (n < 0 || n >= (int)sizeof buffer)
			return spk_fail(err, SPK_USAGE, "\"%s\" is no list of types", list);
		SPK_TRY(spk_session_bind(s, buffer, &script, err));
		if (script.count != 1 || script.statement[0].kind != SPK_STATEMENT_SELECT)
			return spk_fail(err, SPK_USAGE, "\"%s\" is no list of types", list);
		type[(*count)++] = script.statement[0].plan->schema->field[0].type;
		p += size + (p[size] == ',');
	}
	return SPK_OK;
}

/* A function's or aggregate's types, as they were written. */
struct signature {
	const char *name;  /* in the catalog's arena */
	struct spk_type arg[SPK_FUNCTION_ARGS_MAX], result;
	int args;
};

static spk_status read_signature(struct spk_session *session, const char *kind, const char *name, const char *arguments, const char *returns, struct signature *out, spk_error *err)
{
	struct spk_type result[SPK_FUNCTION_ARGS_MAX];
	int results;

	if (!name || !*name)
		return spk_fail(err, SPK_USAGE, "a %s needs a name", kind);
	if (!returns)
		return spk_fail(err, SPK_USAGE, "%s %s: `returns`, the type of its result, is NULL", kind, name);
	out->name = spk_arena_strdup(spk_catalog_arena(session->catalog), name);
	SPK_TRY_PTR(out->name, err);
	SPK_TRY(parse_types(session, arguments ? arguments : "", out->arg, &out->args, err));
	SPK_TRY(parse_types(session, returns, result, &results, err));
	if (results != 1)
		return spk_fail(err, SPK_USAGE, "%s %s: \"%s\" is not one type", kind, name, returns);
	out->result = result[0];
	return SPK_OK;
}

spk_status spk_session_register_function(struct spk_session *session, const struct spk_function_spec *spec, spk_error *err)
{
	static const enum spk_volatility volatility[] = { [SPK_FUNCTION_IMMUTABLE] = SPK_IMMUTABLE, [SPK_FUNCTION_STABLE] = SPK_STABLE, [SPK_FUNCTION_VOLATILE] = SPK_VOLATILE };
	struct spk_user_function *f = SPK_NEW(spk_catalog_arena(session->catalog), struct spk_user_function);
	struct signature is;

	SPK_TRY_PTR(f, err);
	SPK_TRY(read_signature(session, "function", spec->name, spec->arguments, spec->returns, &is, err));
	if (!spec->call)
		return spk_fail(err, SPK_USAGE, "function %s: `call`, which computes it, is NULL", is.name);
	if ((unsigned)spec->volatility >= SPK_COUNT_OF(volatility))
		return spk_fail(err, SPK_USAGE, "function %s: there is no volatility %d", is.name, (int)spec->volatility);
	SPK_TRY(spk_user_function_init(f, is.name, is.arg, is.args, is.result, volatility[spec->volatility], spec->called_on_null, spec->call, spec->user, err));
	return spk_catalog_add_function(session->catalog, f, false, err);
}

spk_status spk_session_register_aggregate(struct spk_session *session, const struct spk_aggregate_spec *spec, spk_error *err)
{
	struct spk_user_aggregate *a = SPK_NEW(spk_catalog_arena(session->catalog), struct spk_user_aggregate);
	struct signature is;

	SPK_TRY_PTR(a, err);
	SPK_TRY(read_signature(session, "aggregate", spec->name, spec->arguments, spec->returns, &is, err));
	if (is.args > SPK_AGGREGATE_ARGS_MAX)
		return spk_fail(err, SPK_UNSUPPORTED, "aggregate %s: an aggregate takes %d arguments at the most", is.name, SPK_AGGREGATE_ARGS_MAX);
	SPK_TRY(spk_user_aggregate_init(a, is.name, is.arg, is.args, is.result, spec, err));
	return spk_catalog_add_aggregate(session->catalog, a, false, err);
}

/* A library by its plain name, in udf.path alone. It stays loaded: plans point into it. */
spk_status spk_session_load_function(const char *library, const char *symbol, spk_scalar_function *out, void *user, spk_error *err)
{
	const char *folder = spk_conf_text(user, SPK_CONF_UDF_PATH);
	char path[4096];
	void *handle;

	if (!*folder) {
		spk_fail(err, SPK_USAGE, "functions are only loaded from the folder that udf.path names, and it names none");
		return spk_hint(err, "Set it from outside the SQL: -s udf.path=/usr/lib/sparklet, or SPARKLET_UDF_PATH.");
	}
	if (strchr(library, '/') || library[0] == '.')
		return spk_fail(err, SPK_USAGE, "library '%s': a plain file name in udf.path (%s) is wanted", library, folder);
	snprintf(path, sizeof path, "%s/%s", folder, library);
	handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!handle)
		return spk_fail(err, SPK_NOT_FOUND, "library '%s' cannot be loaded: %s", library, dlerror());
	*(void **)out = dlsym(handle, symbol);
	return *out ? SPK_OK : spk_fail(err, SPK_NOT_FOUND, "library '%s' has no function %s", library, symbol);
}
