/* \d, \dt, \dv and \df: what there is, from the catalog and the function table. */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "cli/shell/shell.h"
#include "core/base/check.h"
#include "core/expr/aggregate.h"
#include "core/expr/function.h"

/* --- names --- */

static int catalog_names(struct spk_shell *sh, const char ***names)
{
	const struct spk_catalog *c = spk_session_catalog(sh->session);
	const char *none;
	int count = spk_catalog_names(c, &none, 0), capacity = 64;

	for (;;) {
		*names = calloc((size_t)capacity, sizeof(**names));
		count = *names ? spk_catalog_names(c, *names, capacity) : 0;
		if (count < capacity)
			return count;
		free(*names);
		capacity *= 2;
	}
}

static int by_name(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* --- \d, \dt, \dv --- */

static spk_status put_relation(struct spk_shell *sh, struct spk_cli_table *t, const char *name, spk_error *err)
{
	const struct spk_table *table = spk_catalog_table(spk_session_catalog(sh->session), name);
	const char *what = table ? spk_table_option(table, "path") : NULL;

	if (table && !what)
		what = spk_table_option(table, "topic");
	SPK_TRY(spk_cli_table_cell(t, name, strlen(name), err));
	SPK_TRY(spk_cli_table_printf(t, err, "%s", table ? "table" : "view"));
	SPK_TRY(spk_cli_table_printf(t, err, "%s", table && table->connector ? table->connector : ""));
	return spk_cli_table_cell(t, what ? what : "", what ? strlen(what) : 0, err);
}

spk_status spk_shell_list(struct spk_shell *sh, const char *pattern, bool tables, bool views, spk_error *err)
{
	static const struct spk_cli_column columns[] = { { "Name", false }, { "Type", false }, { "Connector", false }, { "Path or topic", false } };
	const char **names;
	int count = catalog_names(sh, &names), shown = 0;
	struct spk_cli_table *t;
	spk_status status = spk_cli_table_new(&t, columns, SPK_COUNT_OF(columns), err);

	if (status != SPK_OK) {
		free(names);
		return status;
	}
	qsort(names, (size_t)count, sizeof(*names), by_name);
	for (int i = 0; i < count && status == SPK_OK; i++) {
		bool view = spk_catalog_view(spk_session_catalog(sh->session), names[i]) != NULL;

		if ((view ? views : tables) && (!pattern || fnmatch(pattern, names[i], 0) == 0)) {
			status = put_relation(sh, t, names[i], err);
			shown++;
		}
	}
	if (status == SPK_OK)
		status = shown ? spk_cli_table_end(t, true, err) : spk_cli_print(err, pattern ? "No %s matches \"%s\".\n" : "There is no %s yet.\n", views ? (tables ? "table or view" : "view") : "table", pattern);
	spk_cli_table_free(t);
	free(names);
	return status;
}

/* --- \d NAME --- */

spk_status spk_shell_columns(struct spk_shell *sh, const char *name, const struct spk_schema **out, spk_error *err)
{
	struct spk_buffer text = { 0 };
	struct spk_script script;
	spk_status status = spk_buffer_printf(&text, err, "SELECT * FROM %s", name);

	if (status == SPK_OK && !spk_buffer_cstr(&text))
		status = spk_fail_memory(err);
	if (status == SPK_OK)
		status = spk_session_bind(sh->session, text.data, &script, err);
	spk_buffer_release(&text);
	SPK_TRY(status);
	if (script.count != 1 || script.statement[0].kind != SPK_STATEMENT_SELECT)
		return spk_fail(err, SPK_USAGE, "\\d takes one name");
	*out = script.statement[0].plan->schema;
	return SPK_OK;
}

/* What a column is beside its type. */
static spk_status put_note(struct spk_cli_table *t, const struct spk_table *table, int column, spk_error *err)
{
	struct spk_buffer text = { 0 };
	spk_status status = SPK_OK;

	for (int i = 0; table && i < table->key_count; i++)
		if (table->key[i] == column)
			status = spk_buffer_append_str(&text, "primary key", err);
	if (table && table->time_column == column && status == SPK_OK)
		status = spk_buffer_printf(&text, err, "%swatermark: %.6g s behind", text.size ? ", " : "", (double)table->watermark_delay_us / 1e6);
	if (table && table->metadata && table->metadata[column] && status == SPK_OK)
		status = spk_buffer_printf(&text, err, "%smetadata from '%s'", text.size ? ", " : "", table->metadata[column]);
	if (table && table->computed && table->computed[column] && status == SPK_OK)
		status = spk_buffer_printf(&text, err, "%scomputed", text.size ? ", " : "");
	if (status == SPK_OK)
		status = spk_cli_table_cell(t, text.data ? text.data : "", text.size, err);
	spk_buffer_release(&text);
	return status;
}

static spk_status put_columns(const struct spk_schema *schema, const struct spk_table *table, spk_error *err)
{
	static const struct spk_cli_column columns[] = { { "Column", false }, { "Type", false }, { "Nullable", false }, { "", false } };
	struct spk_cli_table *t;
	spk_status status = spk_cli_table_new(&t, columns, SPK_COUNT_OF(columns) - !table, err);
	char type[128];

	for (int i = 0; i < schema->count && status == SPK_OK; i++) {
		status = spk_cli_table_printf(t, err, "%s", schema->field[i].name);
		if (status == SPK_OK)
			status = spk_cli_table_printf(t, err, "%s", spk_type_format(schema->field[i].type, type, sizeof type));
		if (status == SPK_OK)
			status = spk_cli_table_printf(t, err, "%s", schema->field[i].nullable ? "" : "not null");
		if (status == SPK_OK && table)
			status = put_note(t, table, i, err);
	}
	if (status == SPK_OK)
		status = spk_cli_table_end(t, false, err);
	spk_cli_table_free(t);
	return status;
}

/* Secrets in them are masked. */
static spk_status put_options(const struct spk_table *table, spk_error *err)
{
	SPK_TRY(spk_cli_print(err, "Options:\n"));
	for (int i = 0; i < table->option_count; i++) {
		bool secret = strstr(table->option[i].key, "password") || strstr(table->option[i].key, "secret");

		SPK_TRY(spk_cli_print(err, "    '%s' = '%s'\n", table->option[i].key, secret ? "***" : table->option[i].value));
	}
	return SPK_OK;
}

spk_status spk_shell_describe(struct spk_shell *sh, const char *name, spk_error *err)
{
	const struct spk_catalog *catalog = spk_session_catalog(sh->session);
	const struct spk_table *table = spk_catalog_table(catalog, name);
	const struct spk_view_def *view = spk_catalog_view(catalog, name);
	const struct spk_schema *schema;

	if (table) {
		SPK_TRY(spk_cli_print(err, "Table \"%s\"\n", table->name));
		SPK_TRY(put_columns(table->schema, table, err));
		return put_options(table, err);
	}
	SPK_TRY(spk_session_forget(sh->session, err));
	SPK_TRY(spk_shell_columns(sh, name, &schema, err));
	SPK_TRY(spk_cli_print(err, view ? "View \"%s\"\n" : "%s\n", view ? view->name : name));
	SPK_TRY(put_columns(schema, NULL, err));
	return view ? spk_cli_print(err, "View definition:\n    %s\n", view->query_text) : SPK_OK;
}

/* --- \df --- */

static bool named(const char *name, const char *pattern)
{
	bool word = (name[0] >= 'a' && name[0] <= 'z') || name[0] == '_';

	return pattern ? fnmatch(pattern, name, 0) == 0 : word && !strchr(name, ' ');
}

static const char *type_word(struct spk_type type, char out[128])
{
	return type.id == SPK_TYPE_UNKNOWN ? "any" : spk_type_format(type, out, 128);
}

static spk_status put_arguments(struct spk_cli_table *t, const struct spk_function *f, spk_error *err)
{
	struct spk_buffer text = { 0 };
	int shown = f->args_max < 0 ? f->args_min : f->args_max;
	char type[128];
	spk_status status = SPK_OK;

	for (int i = 0; i < shown && i < SPK_FUNCTION_ARGS_MAX && status == SPK_OK; i++)
		status = spk_buffer_printf(&text, err, "%s%s%s%s", i >= f->args_min ? "[" : "", i ? ", " : "", type_word(f->arg[i], type), i >= f->args_min ? "]" : "");
	if (f->args_max < 0 && status == SPK_OK)
		status = spk_buffer_append_str(&text, ", ...", err);
	if (status == SPK_OK)
		status = spk_cli_table_cell(t, text.data ? text.data : "", text.size, err);
	spk_buffer_release(&text);
	return status;
}

static spk_status put_function(struct spk_cli_table *t, const struct spk_function *f, spk_error *err)
{
	char type[128];
	bool depends = f->result_of || f->result.id == SPK_TYPE_UNKNOWN;

	SPK_TRY(spk_cli_table_printf(t, err, "%s", f->name));
	SPK_TRY(put_arguments(t, f, err));
	SPK_TRY(spk_cli_table_printf(t, err, "%s", depends ? "as its arguments" : spk_type_format(f->result, type, sizeof type)));
	SPK_TRY(spk_cli_table_printf(t, err, "%s", f->volatility == SPK_VOLATILE ? "volatile" : f->volatility == SPK_STABLE ? "stable" : "function"));
	return spk_cli_table_printf(t, err, "%s", f->doc ? f->doc : "");
}

static spk_status put_aggregate(struct spk_cli_table *t, const struct spk_aggregate *a, struct spk_arena *arena, spk_error *err)
{
	struct spk_buffer arguments = { 0 };
	char type[128];
	bool known = a->user || a->result_of;
	struct spk_type result = { 0 };
	spk_status status = SPK_OK;

	for (int i = 0; i < a->args && status == SPK_OK; i++) {
		known = known && a->arg[i].id != SPK_TYPE_UNKNOWN;
		status = spk_buffer_printf(&arguments, err, "%s%s", i ? ", " : "", type_word(a->arg[i], type));
	}
	if (status == SPK_OK)
		status = spk_cli_table_printf(t, err, "%s", a->name);
	if (status == SPK_OK)
		status = spk_cli_table_printf(t, err, "%.*s%s", (int)arguments.size, arguments.size ? arguments.data : "", a->args ? "" : "*");
	spk_buffer_release(&arguments);
	SPK_TRY(status);
	if (known)
		result = a->user ? spk_user_aggregate_result(a->user) : a->result_of(a->arg, arena);
	SPK_TRY(spk_cli_table_printf(t, err, "%s", known ? spk_type_format(result, type, sizeof type) : "as its arguments"));
	SPK_TRY(spk_cli_table_printf(t, err, "aggregate"));
	return spk_cli_table_printf(t, err, "%s", a->doc ? a->doc : "");
}

/* Functions in the order of the alphabet, those of one name as the table has them. */
static int by_function(const void *a, const void *b)
{
	const struct spk_function *x = *(const struct spk_function *const *)a, *y = *(const struct spk_function *const *)b;
	int order = strcmp(x->name, y->name);

	return order ? order : (x > y) - (x < y);
}

/* Those that the session brought. */
static spk_status put_own(struct spk_cli_table *t, const struct spk_catalog *catalog, const char *pattern, struct spk_arena *arena, spk_error *err)
{
	const char *name[256];
	int count = spk_catalog_function_names(catalog, name, SPK_COUNT_OF(name));

	qsort(name, (size_t)count, sizeof *name, by_name);
	for (int i = 0; i < count; i++) {
		const struct spk_user_function *own = spk_catalog_function(catalog, name[i]);
		const struct spk_function *f = own ? &own->base : spk_catalog_expression(catalog, name[i]);

		if (!named(name[i], pattern))
			continue;
		SPK_TRY(f ? put_function(t, f, err) : put_aggregate(t, &spk_catalog_aggregate(catalog, name[i])->base, arena, err));
	}
	return SPK_OK;
}

static spk_status put_all(struct spk_cli_table *t, const char *pattern, struct spk_arena *arena, spk_error *err)
{
	int families, aggregates, count = 0;
	const struct spk_function_family *family = spk_function_families(&families);
	const struct spk_aggregate *aggregate = spk_aggregates(&aggregates);
	const struct spk_function **f;
	spk_status status = SPK_OK;

	for (int i = 0; i < families; i++)
		count += family[i].count;
	f = calloc((size_t)count + 1, sizeof(*f));
	SPK_TRY_PTR(f, err);
	count = 0;
	for (int i = 0; i < families; i++)
		for (int k = 0; k < family[i].count; k++)
			if (named(family[i].function[k].name, pattern))
				f[count++] = &family[i].function[k];
	qsort(f, (size_t)count, sizeof(*f), by_function);
	for (int i = 0; i < count && status == SPK_OK; i++)
		status = put_function(t, f[i], err);
	for (int i = 0; i < aggregates && status == SPK_OK; i++)
		if (named(aggregate[i].name, pattern))
			status = put_aggregate(t, &aggregate[i], arena, err);
	free(f);
	return status;
}

spk_status spk_shell_functions(struct spk_shell *sh, const char *pattern, spk_error *err)
{
	static const struct spk_cli_column columns[] = { { "Name", false }, { "Arguments", false }, { "Result", false }, { "Kind", false }, { "Description", false } };
	struct spk_cli_table *t;
	spk_status status;

	SPK_TRY(spk_session_forget(sh->session, err));
	SPK_TRY(spk_cli_table_new(&t, columns, SPK_COUNT_OF(columns), err));
	status = put_all(t, pattern, spk_session_arena(sh->session), err);
	if (status == SPK_OK)
		status = put_own(t, spk_session_catalog(sh->session), pattern, spk_session_arena(sh->session), err);
	if (status == SPK_OK)
		status = spk_cli_table_end(t, true, err);
	spk_cli_table_free(t);
	return status;
}
