/* Backslash commands: the table of them, their arguments, and those that are a line or two. The others: describe.c, help.c, edit.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/profile.h"
#include "cli/shell/command.h"
#include "core/base/check.h"
#include "core/base/file.h"

/* --- words --- */

char *spk_shell_word(char **rest)
{
	char *from = *rest + strspn(*rest, " \t"), *word = from, *to = from, quote = *from;

	if (!*from) {
		*rest = from;
		return NULL;
	}
	if (quote != '\'' && quote != '"') {
		from += strcspn(from, " \t");
		*rest = *from ? from + 1 : from;
		*from = '\0';
		return word;
	}
	for (from++; *from && (*from != quote || from[1] == quote); from++) {
		from += *from == quote;
		*to++ = *from;
	}
	*rest = *from ? from + 1 : from;
	*to = '\0';
	return word;
}

spk_status spk_shell_no_more(const struct spk_shell_call *c, char *rest, spk_error *err)
{
	const char *word = spk_shell_word(&rest);

	if (!word)
		return SPK_OK;
	spk_fail(err, SPK_USAGE, "\\%s: unexpected argument '%s'", c->name, word);
	return spk_hint(err, "\\? shows what each command takes");
}

static spk_status is_missing(const struct spk_shell_call *c, const char *what, spk_error *err)
{
	spk_fail(err, SPK_USAGE, "\\%s: %s is missing", c->name, what);
	return spk_hint(err, "\\? shows what each command takes");
}

/* --- on and off --- */

/* One of `names`; without an argument the one after *value, of the first two. */
static spk_status choose(const struct spk_shell_call *c, const char *word, const char *const *names, int count, int *value, spk_error *err)
{
	if (!word) {
		*value = !*value;
		return SPK_OK;
	}
	for (int i = 0; i < count; i++) {
		if (strcmp(word, names[i]) == 0) {
			*value = i;
			return SPK_OK;
		}
	}
	spk_fail(err, SPK_USAGE, "\\%s: '%s' is not one of %s, %s%s%s", c->name, word, names[0], names[1], count > 2 ? ", " : "", count > 2 ? names[2] : "");
	return SPK_USAGE;
}

static const char *const expanded_names[] = { "off", "on", "auto" }, *const pager_names[] = { "off", "on", "always" };

static spk_status tell_expanded(const struct spk_shell *sh, spk_error *err)
{
	return spk_cli_print(err, sh->look.expanded == SPK_CLI_EXPANDED_AUTO ? "Expanded display is used automatically.\n" : "Expanded display is %s.\n",
			     expanded_names[sh->look.expanded]);
}

static spk_status set_expanded(struct spk_shell *sh, const struct spk_shell_call *c, const char *word, spk_error *err)
{
	int value = (int)sh->look.expanded;

	SPK_TRY(choose(c, word, expanded_names, 3, &value, err));
	sh->look.expanded = (enum spk_cli_expanded)value;
	return sh->person ? tell_expanded(sh, err) : SPK_OK;
}

static spk_status expanded(struct spk_shell *sh, struct spk_shell_call *c, spk_error *err)
{
	const char *word = spk_shell_word(&c->arguments);

	SPK_TRY(spk_shell_no_more(c, c->arguments, err));
	return set_expanded(sh, c, word, err);
}

static spk_status timing(struct spk_shell *sh, struct spk_shell_call *c, spk_error *err)
{
	const char *word = spk_shell_word(&c->arguments);
	int value = sh->timing;

	SPK_TRY(spk_shell_no_more(c, c->arguments, err));
	SPK_TRY(choose(c, word, expanded_names, 2, &value, err));
	sh->timing = value;
	return sh->person ? spk_cli_print(err, "Timing is %s.\n", expanded_names[value]) : SPK_OK;
}

/* --- \pset --- */

static spk_status set_null(struct spk_shell *sh, const char *text, spk_error *err)
{
	if (text) {
		spk_buffer_clear(&sh->null);
		SPK_TRY(spk_buffer_append_str(&sh->null, text, err));
		sh->look.null = spk_buffer_cstr(&sh->null);
		SPK_TRY_PTR(sh->look.null, err);
	}
	return sh->person ? spk_cli_print(err, "Null display is \"%s\".\n", sh->look.null ? sh->look.null : "") : SPK_OK;
}

static spk_status set_format(struct spk_shell *sh, const char *name, spk_error *err)
{
	enum spk_cli_format format = sh->look.format;

	if (name && strcmp(name, "aligned") != 0)
		SPK_TRY(spk_cli_format_find(name, "\\pset format", &format, err));
	else if (name)
		format = SPK_CLI_TABLE;
	sh->look.format = format;
	return sh->person ? spk_cli_print(err, "Output format is %s.\n", spk_cli_format_name(format)) : SPK_OK;
}

static spk_status set_pager(struct spk_shell *sh, const struct spk_shell_call *c, const char *word, spk_error *err)
{
	int value = (int)sh->pager;

	SPK_TRY(choose(c, word, pager_names, 3, &value, err));
	sh->pager = (enum spk_shell_pager)value;
	return sh->person ? spk_cli_print(err, "Pager is %s.\n", pager_names[value]) : SPK_OK;
}

static spk_status show_options(const struct spk_shell *sh, spk_error *err)
{
	return spk_cli_print(err, "expanded  %s\nformat    %s\nnull      '%s'\npager     %s\n", expanded_names[sh->look.expanded], spk_cli_format_name(sh->look.format),
			     sh->look.null ? sh->look.null : "", pager_names[sh->pager]);
}

static spk_status pset(struct spk_shell *sh, struct spk_shell_call *c, spk_error *err)
{
	static const char *const options[] = { "expanded", "format", "null", "pager" };
	const char *option = spk_shell_word(&c->arguments), *value = spk_shell_word(&c->arguments), *closest;

	SPK_TRY(spk_shell_no_more(c, c->arguments, err));
	if (!option)
		return show_options(sh, err);
	if (strcmp(option, "null") == 0)
		return set_null(sh, value, err);
	if (strcmp(option, "format") == 0)
		return set_format(sh, value, err);
	if (strcmp(option, "expanded") == 0)
		return set_expanded(sh, c, value, err);
	if (strcmp(option, "pager") == 0)
		return set_pager(sh, c, value, err);
	closest = spk_closest_name(option, options, SPK_COUNT_OF(options));
	spk_fail(err, SPK_USAGE, "\\pset: there is no option '%s'", option);
	return closest ? spk_hint(err, "did you mean '%s'?", closest) : spk_hint(err, "there are expanded, format, null and pager");
}

/* --- \set --- */

static spk_status show_setting(const struct spk_conf *conf, enum spk_conf_key key, spk_error *err)
{
	struct spk_buffer value = { 0 };
	spk_status status = spk_conf_format(conf, key, &value, err);

	if (status == SPK_OK)
		status = spk_cli_print(err, "%s = '%.*s'\n", spk_conf_name(key), (int)value.size, value.size ? value.data : "");
	spk_buffer_release(&value);
	return status;
}

static spk_status put_quoted(struct spk_buffer *out, char quote, const char *text, spk_error *err)
{
	SPK_TRY(spk_buffer_append(out, &quote, 1, err));
	for (; *text; text++)
		SPK_TRY(spk_buffer_printf(out, err, *text == quote ? "%c%c" : "%c", *text, quote));
	return spk_buffer_append(out, &quote, 1, err);
}

/* As the statement would, so that all that hangs on a SET happens. */
static spk_status run_set(struct spk_shell *sh, const char *key, const char *value, spk_error *err)
{
	struct spk_cli_script script = { 0 };
	struct spk_script bound;
	spk_status status = spk_buffer_append_str(&script.buffer, "SET ", err);

	if (status == SPK_OK)
		status = put_quoted(&script.buffer, '"', key, err);
	if (status == SPK_OK)
		status = spk_buffer_append_str(&script.buffer, " = ", err);
	if (status == SPK_OK)
		status = put_quoted(&script.buffer, '\'', value, err);
	script.text = spk_buffer_cstr(&script.buffer);
	if (status == SPK_OK)
		status = script.text ? spk_cli_bind(sh->session, &script, &bound, err) : spk_fail_memory(err);
	spk_cli_script_release(&script);
	return status;
}

static spk_status set(struct spk_shell *sh, struct spk_shell_call *c, spk_error *err)
{
	const struct spk_conf *conf = spk_session_conf(sh->session);
	char *name = spk_shell_word(&c->arguments), *value = spk_shell_word(&c->arguments);
	enum spk_conf_key key;

	SPK_TRY(spk_shell_no_more(c, c->arguments, err));
	if (!name) {
		for (int i = 0; i < SPK_CONF_COUNT; i++)
			SPK_TRY(show_setting(conf, (enum spk_conf_key)i, err));
		return SPK_OK;
	}
	SPK_TRY(spk_conf_find(name, &key, err));
	return value ? run_set(sh, name, value, err) : show_setting(conf, key, err);
}

/* --- files, folders, programs --- */

static spk_status include(struct spk_shell *sh, struct spk_shell_call *c, spk_error *err)
{
	const char *path = spk_shell_word(&c->arguments);

	SPK_TRY(spk_shell_no_more(c, c->arguments, err));
	return path ? spk_shell_include(sh, path, &c->code, err) : is_missing(c, "a file's name", err);
}

static spk_status output(struct spk_shell *sh, struct spk_shell_call *c, spk_error *err)
{
	const char *target;

	if (*c->arguments == '|')
		return spk_shell_output_to(sh, c->arguments, err);
	target = spk_shell_word(&c->arguments);
	SPK_TRY(spk_shell_no_more(c, c->arguments, err));
	return spk_shell_output_to(sh, target, err);
}

static spk_status change_folder(struct spk_shell *sh, struct spk_shell_call *c, spk_error *err)
{
	const char *folder = spk_shell_word(&c->arguments);

	(void)sh;
	SPK_TRY(spk_shell_no_more(c, c->arguments, err));
	folder = folder ? folder : getenv("HOME");
	if (folder && chdir(folder)) {
		spk_fail_errno(err, errno, "\\cd %s", folder);
		if (err)
			err->code = SPK_USAGE;
		return SPK_USAGE;
	}
	return SPK_OK;
}

static spk_status shell_out(struct spk_shell *sh, struct spk_shell_call *c, spk_error *err)
{
	const char *program = getenv("SHELL");

	(void)sh;
	SPK_TRY(spk_cli_flush(err));
	fflush(stdout);
	if (system(*c->arguments ? c->arguments : program ? program : "sh") == -1)
		return spk_fail_errno(err, errno, "\\!");
	return SPK_OK;
}

static spk_status profile(struct spk_shell *sh, struct spk_shell_call *c, spk_error *err)
{
	const struct spk_query_profile *p = spk_session_profile(sh->session);
	struct spk_buffer text = { 0 };
	spk_status status;

	SPK_TRY(spk_shell_no_more(c, c->arguments, err));
	if (!p)
		return spk_cli_print(err, "There was no query yet.\n");
	status = spk_cli_profile_text(p, &text, err);
	if (status == SPK_OK)
		status = spk_cli_write(text.data, text.size, err);
	spk_buffer_release(&text);
	return status;
}

/* --- the statement that is being written --- */

static spk_status go(struct spk_shell *sh, struct spk_shell_call *c, spk_error *err)
{
	(void)sh;
	c->action = SPK_SHELL_RUN_QUERY;
	return spk_shell_no_more(c, c->arguments, err);
}

static spk_status print_query(struct spk_shell *sh, struct spk_shell_call *c, spk_error *err)
{
	const struct spk_buffer *query = c->query->size ? c->query : &sh->last;

	SPK_TRY(spk_shell_no_more(c, c->arguments, err));
	SPK_TRY(spk_cli_write(query->data, query->size, err));
	return query->size && query->data[query->size - 1] != '\n' ? spk_cli_write("\n", 1, err) : SPK_OK;
}

static spk_status reset_query(struct spk_shell *sh, struct spk_shell_call *c, spk_error *err)
{
	SPK_TRY(spk_shell_no_more(c, c->arguments, err));
	spk_buffer_clear(c->query);
	c->action = SPK_SHELL_NEW_QUERY;
	return sh->person ? spk_cli_print(err, "Query buffer reset (cleared).\n") : SPK_OK;
}

/* --- words and the way out --- */

static spk_status echo(struct spk_shell *sh, struct spk_shell_call *c, spk_error *err)
{
	const char *word, *blank = "";

	(void)sh;
	while ((word = spk_shell_word(&c->arguments)) != NULL) {
		SPK_TRY(spk_cli_print(err, "%s%s", blank, word));
		blank = " ";
	}
	return spk_cli_write("\n", 1, err);
}

static spk_status quit(struct spk_shell *sh, struct spk_shell_call *c, spk_error *err)
{
	sh->leave = true;
	return spk_shell_no_more(c, c->arguments, err);
}

/* --- lists --- */

static spk_status describe(struct spk_shell *sh, struct spk_shell_call *c, spk_error *err)
{
	const char *name = *c->arguments == '\'' || *c->arguments == '"' ? c->arguments : spk_shell_word(&c->arguments);

	return name ? spk_shell_describe(sh, name, err) : spk_shell_list(sh, NULL, true, true, err);
}

static spk_status list_tables(struct spk_shell *sh, struct spk_shell_call *c, spk_error *err)
{
	return spk_shell_list(sh, spk_shell_word(&c->arguments), true, false, err);
}

static spk_status list_views(struct spk_shell *sh, struct spk_shell_call *c, spk_error *err)
{
	return spk_shell_list(sh, spk_shell_word(&c->arguments), false, true, err);
}

static spk_status list_functions(struct spk_shell *sh, struct spk_shell_call *c, spk_error *err)
{
	return spk_shell_functions(sh, spk_shell_word(&c->arguments), err);
}

static spk_status sql_help(struct spk_shell *sh, struct spk_shell_call *c, spk_error *err)
{
	return spk_shell_help(sh, *c->arguments ? c->arguments : NULL, err);
}

static spk_status command_help(struct spk_shell *sh, struct spk_shell_call *c, spk_error *err);

/* --- the table --- */

/* pages: what it shows may be longer than the screen. */
static const struct command {
	const char *name, *takes, *does;
	bool pages;
	spk_status (*run)(struct spk_shell *sh, struct spk_shell_call *c, spk_error *err);
} commands[] = {
	{ "?", "", "this list", true, command_help },
	{ "h", "[STATEMENT]", "syntax of a SQL statement, or which there are", true, sql_help },
	{ "q", "", "leave; so does Ctrl-D", false, quit },
	{ "d", "[NAME]", "columns and options of a table, view or 'file'; without a name all tables and views", true, describe },
	{ "dt", "[PATTERN]", "tables; * and ? in the pattern stand for any characters", true, list_tables },
	{ "dv", "[PATTERN]", "views", true, list_views },
	{ "df", "[PATTERN]", "functions and aggregates", true, list_functions },
	{ "x", "[on|off|auto]", "a line for each column; auto: when rows are wider than the screen", false, expanded },
	{ "timing", "[on|off]", "show how long each statement takes", false, timing },
	{ "pset", "[OPTION [VALUE]]", "how results look: null TEXT, format table|csv|json|arrow, expanded on|off|auto, pager on|off|always", false, pset },
	{ "o", "[FILE || COMMAND]", "send results to a file or a command; without one back to the screen", false, output },
	{ "i", "FILE", "run the statements of a file", false, include },
	{ "e", "[FILE]", "write the statement, or the last one, with $EDITOR", false, spk_shell_edit },
	{ "g", "", "run the statement, as ; does, or the last one again", false, go },
	{ "p", "", "show the statement as it is so far", false, print_query },
	{ "r", "", "begin the statement anew; so does Ctrl-C", false, reset_query },
	{ "set", "[KEY [VALUE]]", "show configuration keys, or set one: docs/configuration.md", true, set },
	{ "profile", "", "how the last query went: time, rows, bytes, memory and spill of its stages", true, profile },
	{ "session", "", "version, folder, settings that differ from the defaults, memory; also \\conninfo", true, spk_shell_session },
	{ "conninfo", "", NULL, true, spk_shell_session },
	{ "cd", "[FOLDER]", "change the working folder", false, change_folder },
	{ "echo", "TEXT", "print the text", false, echo },
	{ "!", "[COMMAND]", "run a command of the system, or its shell", false, shell_out },
};

const char *spk_shell_command_name(int index)
{
	return index < (int)SPK_COUNT_OF(commands) ? commands[index].name : NULL;
}

static spk_status command_help(struct spk_shell *sh, struct spk_shell_call *c, spk_error *err)
{
	(void)sh;
	(void)c;
	for (size_t i = 0; i < SPK_COUNT_OF(commands); i++) {
		char left[64];

		snprintf(left, sizeof left, "\\%s %s", commands[i].name, commands[i].takes);
		if (commands[i].does)
			SPK_TRY(spk_cli_print(err, "  %-26s %s\n", left, commands[i].does));
	}
	return spk_cli_print(err, "\nEverything else is SQL and ends with ;  Tab completes names, Ctrl-R searches what was written before.\n");
}

static spk_status unknown(const char *name, spk_error *err)
{
	const char *names[SPK_COUNT_OF(commands)], *closest;

	for (size_t i = 0; i < SPK_COUNT_OF(commands); i++)
		names[i] = commands[i].name;
	closest = spk_closest_name(name, names, SPK_COUNT_OF(commands));
	spk_fail(err, SPK_USAGE, "unknown command \\%s", name);
	return closest ? spk_hint(err, "did you mean \\%s? \\? lists all commands", closest) : spk_hint(err, "\\? lists all commands");
}

static spk_status run(struct spk_shell *sh, const struct command *command, struct spk_shell_call *call, spk_error *err)
{
	spk_status status;

	SPK_TRY(command->pages ? spk_shell_output_begin(sh, err) : SPK_OK);
	status = command->run(sh, call, err);
	if (status == SPK_OK)
		status = spk_cli_flush(err);
	return command->pages && spk_shell_output_end(sh) && status == SPK_IO ? SPK_OK : status;
}

spk_status spk_shell_command(struct spk_shell *sh, char *line, struct spk_buffer *query, struct spk_shell_call *out, spk_error *err)
{
	char *name = line, *end = line + strlen(line);

	*out = (struct spk_shell_call){ .query = query };
	while (end > line && strchr(" \t\r", end[-1]))
		*--end = '\0';
	line += *line == '!' || *line == '?' ? 1 : strcspn(line, " \t'\"|!?");
	out->arguments = line + strspn(line, " \t");
	for (size_t i = 0; i < SPK_COUNT_OF(commands); i++) {
		if (strlen(commands[i].name) == (size_t)(line - name) && memcmp(commands[i].name, name, (size_t)(line - name)) == 0) {
			out->name = commands[i].name;
			return run(sh, &commands[i], out, err);
		}
	}
	*line = '\0';
	return unknown(name, err);
}
