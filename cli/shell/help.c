/* \h: the syntax of statements in short; \session: what this shell is and has. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "cli/shell/command.h"
#include "core/base/check.h"
#include "core/base/memory.h"

/* --- \h --- */

static const struct topic { const char *name, *does, *syntax; } topics[] = {
	{ "SELECT", "rows of tables, views and files",
	  "[ WITH [ RECURSIVE ] name [ ( column [, ...] ) ] AS ( query ) [, ...] ]\n"
	  "SELECT [ DISTINCT [ ON ( expression [, ...] ) ] ] { * | expression [ AS name ] } [, ...]\n"
	  "  [ FROM item [, ...] ]\n"
	  "  [ WHERE condition ]\n"
	  "  [ GROUP BY { expression | ROLLUP ( ... ) | CUBE ( ... ) | GROUPING SETS ( ... ) } [, ...] ] [ HAVING condition ]\n"
	  "  [ WINDOW name AS ( [ PARTITION BY ... ] [ ORDER BY ... ] [ frame ] ) [, ...] ] [ QUALIFY condition ]\n"
	  "  [ { UNION | INTERSECT | EXCEPT } [ ALL ] query ]\n"
	  "  [ ORDER BY expression [ ASC | DESC ] [ NULLS FIRST | LAST ] [, ...] ]\n"
	  "  [ LIMIT count ] [ OFFSET count ]\n"
	  "\n"
	  "where an item is one of\n"
	  "  table | view | 'file.csv' | read_csv('path') | read_json('path') | [ LATERAL ] ( query ) | function ( ... )   [ AS alias ]\n"
	  "  item { [ INNER ] | LEFT | RIGHT | FULL } JOIN item { ON condition | USING ( column [, ...] ) }\n"
	  "  item { CROSS | NATURAL } JOIN item" },
	{ "VALUES", "rows written down", "VALUES ( expression [, ...] ) [, ...]" },
	{ "INSERT", "write a query's rows into a table", "INSERT INTO table [ ( column [, ...] ) ] { query | VALUES ( expression [, ...] ) [, ...] }" },
	{ "CREATE TABLE", "say where a table's rows are and how they are written",
	  "CREATE TABLE name (\n"
	  "  column type [ NOT NULL ] | column AS expression | column type METADATA FROM 'key'\n"
	  "  [, PRIMARY KEY ( column [, ...] ) ] [, WATERMARK FOR column AS column - INTERVAL 'delay' ]\n"
	  ") WITH ( 'connector' = 'filesystem', 'path' = 'file or folder', 'format' = 'csv' [, 'option' = 'value' ...] )" },
	{ "CREATE VIEW", "give a query a name", "CREATE [ OR REPLACE ] VIEW name AS query" },
	{ "DROP TABLE", "forget a table; its files and topics stay", "DROP TABLE [ IF EXISTS ] name [, ...]" },
	{ "DROP VIEW", "forget a view", "DROP VIEW [ IF EXISTS ] name [, ...]" },
	{ "SET", "a configuration key for the rest of the session", "SET key = 'value'" },
	{ "RESET", "a configuration key to its default", "RESET key" },
	{ "EXPLAIN", "how a statement is computed; ANALYZE runs it, too", "EXPLAIN [ ANALYZE ] { query | INSERT ... }" },
};

const char *spk_shell_help_name(int index)
{
	return index < (int)SPK_COUNT_OF(topics) ? topics[index].name : NULL;
}

static spk_status list_topics(spk_error *err)
{
	for (size_t i = 0; i < SPK_COUNT_OF(topics); i++)
		SPK_TRY(spk_cli_print(err, "  %-14s %s\n", topics[i].name, topics[i].does));
	return spk_cli_print(err, "\n\\h STATEMENT shows its syntax; \\df the functions.\n");
}

/* Every statement whose name begins so: \h create. */
spk_status spk_shell_help(struct spk_shell *sh, const char *statement, spk_error *err)
{
	bool found = false;

	(void)sh;
	if (!statement)
		return list_topics(err);
	for (size_t i = 0; i < SPK_COUNT_OF(topics); i++) {
		if (strncasecmp(topics[i].name, statement, strlen(statement)) != 0)
			continue;
		SPK_TRY(spk_cli_print(err, "%s%s: %s\n\n%s\n", found ? "\n" : "", topics[i].name, topics[i].does, topics[i].syntax));
		found = true;
	}
	if (found)
		return SPK_OK;
	spk_fail(err, SPK_USAGE, "\\h: there is no help on '%s'", statement);
	return spk_hint(err, "\\h lists the statements");
}

/* --- \session --- */

static spk_status put_bytes(const char *what, size_t bytes, spk_error *err)
{
	return spk_cli_print(err, "%-12s %.1f MiB\n", what, (double)bytes / 1048576);
}

/* Those that are not as in a configuration of nothing but defaults. */
static spk_status put_settings(const struct spk_conf *conf, const struct spk_conf *defaults, spk_error *err)
{
	struct spk_buffer is = { 0 }, was = { 0 };
	spk_status status = SPK_OK;

	for (int i = 0; i < SPK_CONF_COUNT && status == SPK_OK; i++) {
		spk_buffer_clear(&is);
		spk_buffer_clear(&was);
		status = spk_conf_format(conf, (enum spk_conf_key)i, &is, err);
		if (status == SPK_OK)
			status = spk_conf_format(defaults, (enum spk_conf_key)i, &was, err);
		if (status == SPK_OK && (is.size != was.size || (is.size && memcmp(is.data, was.data, is.size) != 0)))
			status = spk_cli_print(err, "%-12s %s = '%.*s'\n", "setting", spk_conf_name((enum spk_conf_key)i), (int)is.size, is.size ? is.data : "");
	}
	spk_buffer_release(&is);
	spk_buffer_release(&was);
	return status;
}

spk_status spk_shell_session(struct spk_shell *sh, struct spk_shell_call *c, spk_error *err)
{
	const struct spk_conf *conf = spk_session_conf(sh->session);
	struct spk_conf *defaults;
	char folder[4096];
	spk_status status;

	SPK_TRY(spk_shell_no_more(c, c->arguments, err));
	SPK_TRY(spk_cli_print(err, "%-12s sparklet %s, process %d\n", "program", spk_version(), (int)getpid()));
	SPK_TRY(spk_cli_print(err, "%-12s %s\n", "folder", getcwd(folder, sizeof folder) ? folder : "?"));
	SPK_TRY(spk_cli_print(err, "%-12s %d\n", "statements", sh->statements));
	SPK_TRY(put_bytes("memory now", spk_memory_used(), err));
	SPK_TRY(put_bytes("highest", spk_memory_peak(), err));
	SPK_TRY(put_bytes("limit", (size_t)spk_conf_int(conf, SPK_CONF_MEMORY_LIMIT), err));
	defaults = spk_conf_new();
	SPK_TRY_PTR(defaults, err);
	status = put_settings(conf, defaults, err);
	spk_conf_free(defaults);
	return status;
}
