/*
 * What may come next, by what stands before: \-commands and what they take, statements, tables, columns, functions, keywords, files
 * within quotes. No grammar: the last words decide, and a guess that is wrong costs nothing.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "cli/shell/terminal.h"
#include "core/base/check.h"
#include "core/base/file.h"
#include "core/expr/aggregate.h"
#include "core/expr/function.h"

static const char *const statements[] = { "SELECT", "WITH", "VALUES", "INSERT INTO", "CREATE TABLE", "CREATE VIEW", "CREATE OR REPLACE VIEW", "DROP TABLE", "DROP VIEW", "EXPLAIN",
	"EXPLAIN ANALYZE", "SET", "RESET" };
static const char *const keywords[] = { "ALL", "AND", "ANY", "ARRAY", "AS", "ASC", "BETWEEN", "BY", "CASE", "CAST", "COLLATE", "CROSS JOIN", "CURRENT_DATE", "CURRENT_TIMESTAMP",
	"DESC", "DISTINCT", "ELSE", "END", "EXCEPT", "EXISTS", "FALSE", "FETCH FIRST", "FILTER", "FROM", "FULL JOIN", "GROUP BY", "GROUPING SETS", "HAVING", "ILIKE", "IN", "INNER JOIN",
	"INTERSECT", "INTERVAL", "INTO", "IS", "JOIN", "LATERAL", "LEFT JOIN", "LIKE", "LIMIT", "NATURAL JOIN", "NOT", "NULL", "NULLS FIRST", "NULLS LAST", "OFFSET", "ON", "OR",
	"ORDER BY", "OVER", "PARTITION BY", "PRIMARY KEY", "QUALIFY", "RIGHT JOIN", "ROLLUP", "SELECT", "THEN", "TRUE", "UNION", "UNION ALL", "USING", "VALUES", "WATERMARK FOR", "WHEN",
	"WHERE", "WINDOW", "WITH", "WITHIN GROUP" };
static const char *const types[] = { "bigint", "boolean", "bytea", "date", "double precision", "integer", "interval", "jsonb", "numeric", "real", "smallint", "text", "time",
	"timestamp", "timestamptz", "varchar" };

/* --- candidates --- */

static bool begins(const char *word, const char *prefix, size_t size) { return strncasecmp(word, prefix, size) == 0; }

static spk_status add(struct spk_shell_completion *c, const char *word, const char *prefix, spk_error *err)
{
	if (!begins(word, prefix, c->prefix))
		return SPK_OK;
	if (c->count == c->capacity) {
		int capacity = c->capacity ? 2 * c->capacity : 64;
		const char **grown = realloc(c->word, sizeof(*grown) * (size_t)capacity);

		SPK_TRY_PTR(grown, err);
		c->word = grown;
		c->capacity = capacity;
	}
	c->word[c->count] = spk_arena_strdup(c->arena, word);
	SPK_TRY_PTR(c->word[c->count], err);
	c->count++;
	return SPK_OK;
}

/* In the case of what is written already. */
static spk_status add_keyword(struct spk_shell_completion *c, const char *word, const char *prefix, spk_error *err)
{
	bool small = c->prefix && islower((unsigned char)*prefix);
	char text[64];
	size_t i;

	for (i = 0; word[i] && i + 1 < sizeof text; i++)
		text[i] = (char)(small ? tolower((unsigned char)word[i]) : word[i]);
	text[i] = '\0';
	return add(c, text, prefix, err);
}

static spk_status add_keywords(struct spk_shell_completion *c, const char *const *words, size_t count, const char *prefix, spk_error *err)
{
	for (size_t i = 0; i < count; i++)
		SPK_TRY(add_keyword(c, words[i], prefix, err));
	return SPK_OK;
}

/* As SQL has to write it. */
static spk_status add_name(struct spk_shell_completion *c, const char *name, const char *prefix, spk_error *err)
{
	bool plain = islower((unsigned char)*name) || *name == '_';
	const char *quoted;

	for (const char *s = name; *s; s++)
		plain = plain && (islower((unsigned char)*s) || isdigit((unsigned char)*s) || *s == '_');
	if (plain)
		return add(c, name, prefix, err);
	quoted = spk_arena_printf(c->arena, "\"%s\"", name);
	SPK_TRY_PTR(quoted, err);
	return c->prefix && begins(name, prefix, c->prefix) ? add(c, quoted, "", err) : add(c, quoted, prefix, err);
}

static int by_word(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static void sort(struct spk_shell_completion *c)
{
	int kept = 0;

	if (c->count)
		qsort(c->word, (size_t)c->count, sizeof(*c->word), by_word);
	for (int i = 0; i < c->count; i++)
		if (!kept || strcmp(c->word[kept - 1], c->word[i]) != 0)
			c->word[kept++] = c->word[i];
	c->count = kept;
}

/* --- what is known --- */

static spk_status add_relations(struct spk_shell *sh, struct spk_shell_completion *c, const char *prefix, spk_error *err)
{
	const char *names[1024];
	int count = spk_catalog_names(spk_session_catalog(sh->session), names, SPK_COUNT_OF(names));

	for (int i = 0; i < count; i++)
		SPK_TRY(add_name(c, names[i], prefix, err));
	return SPK_OK;
}

static spk_status add_function(struct spk_shell_completion *c, const char *name, const char *prefix, spk_error *err)
{
	const char *call;

	if (!islower((unsigned char)*name) || strchr(name, ' ') || !begins(name, prefix, c->prefix))
		return SPK_OK;
	call = spk_arena_printf(c->arena, "%s(", name);
	SPK_TRY_PTR(call, err);
	return add(c, call, prefix, err);
}

static spk_status add_functions(struct spk_shell *sh, struct spk_shell_completion *c, const char *prefix, spk_error *err)
{
	const char *own[256];
	int families, aggregates, owns = spk_catalog_function_names(spk_session_catalog(sh->session), own, SPK_COUNT_OF(own));
	const struct spk_function_family *family = spk_function_families(&families);
	const struct spk_aggregate *aggregate = spk_aggregates(&aggregates);

	for (int i = 0; i < families; i++)
		for (int k = 0; k < family[i].count; k++)
			SPK_TRY(add_function(c, family[i].function[k].name, prefix, err));
	for (int i = 0; i < aggregates; i++)
		SPK_TRY(add_function(c, aggregate[i].name, prefix, err));
	for (int i = 0; i < owns; i++)
		SPK_TRY(add_function(c, own[i], prefix, err));
	return SPK_OK;
}

static spk_status add_settings(struct spk_shell_completion *c, const char *prefix, spk_error *err)
{
	for (int i = 0; i < SPK_CONF_COUNT; i++)
		SPK_TRY(add(c, spk_conf_name((enum spk_conf_key)i), prefix, err));
	return SPK_OK;
}

/* The files whose path begins with `prefix`; folders with a slash behind. */
static spk_status add_files(struct spk_shell_completion *c, const char *prefix, spk_error *err)
{
	char folder[1024], path[2048];
	const char *slash = memrchr(prefix, '/', c->prefix);
	int above = slash ? (int)(slash - prefix) + 1 : 0;
	struct spk_dir_entries entries = { 0 };

	snprintf(folder, sizeof folder, "%.*s", above, prefix);
	if (spk_dir_list(*folder ? folder : ".", c->arena, &entries, NULL) != SPK_OK)
		return SPK_OK;
	for (int i = 0; i < entries.count; i++) {
		struct stat s;
		size_t size = (size_t)snprintf(path, sizeof path - 1, "%s%s", folder, entries.name[i]);

		if (size >= sizeof path - 1 || (*entries.name[i] == '.' && prefix[above] != '.') || stat(path, &s))
			continue;
		if (strncmp(path, prefix, c->prefix) != 0)
			continue;
		if (S_ISDIR(s.st_mode))
			strcat(path, "/");
		SPK_TRY(add(c, path, prefix, err));
	}
	c->behind = '\0';
	return SPK_OK;
}

/* --- words of the statement --- */

struct token { const char *text; size_t size; };   /* a word, something quoted, or one sign; size 0: the end */

static bool word_byte(char c) { return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80; }

static struct token next_token(const char **at)
{
	const char *s = *at + strspn(*at, " \t\r\n"), *end = s;
	char quote = *s;

	if (quote == '\'' || quote == '"') {
		end = strchr(s + 1, quote);
		end = end ? end + 1 : s + strlen(s);
	} else if (word_byte(*s)) {
		while (word_byte(*end))
			end++;
	} else if (*s) {
		end++;
	}
	*at = end;
	return (struct token){ s, (size_t)(end - s) };
}

static bool is(struct token t, const char *word) { return t.size == strlen(word) && strncasecmp(t.text, word, t.size) == 0; }

static bool is_one_of(struct token t, const char *const *words)
{
	for (; *words; words++)
		if (is(t, *words))
			return true;
	return false;
}

/* The token as the name it is: quotes gone. In the completion's arena. */
static const char *name_of(struct spk_shell_completion *c, struct token t)
{
	bool quoted = t.size > 1 && *t.text == '"';

	return spk_arena_strndup(c->arena, t.text + quoted, t.size - 2 * (size_t)quoted);
}

/* --- columns --- */

static spk_status add_columns_of(struct spk_shell *sh, struct spk_shell_completion *c, const char *relation, const char *prefix, spk_error *err)
{
	const struct spk_schema *schema;

	if (!relation || spk_shell_columns(sh, relation, &schema, NULL) != SPK_OK)
		return SPK_OK;
	for (int i = 0; i < schema->count; i++)
		SPK_TRY(add_name(c, schema->field[i].name, prefix, err));
	return SPK_OK;
}

/*
 * Columns of the tables, views and files that the statement names, after the cursor as well. `qualifier`: only of the one that bears
 * this name or alias; empty: of all.
 */
static spk_status add_columns(struct spk_shell *sh, struct spk_shell_completion *c, const char *statement, struct token qualifier, const char *prefix, spk_error *err)
{
	static const char *const from[] = { "from", "join", ",", NULL };
	const struct spk_catalog *catalog = spk_session_catalog(sh->session);
	struct token before = { "", 0 }, t;

	for (const char *at = statement; (t = next_token(&at)).size; before = t) {
		const char *name = name_of(c, t), *ahead = at, *relation = NULL;
		struct token alias = next_token(&ahead);

		SPK_TRY_PTR(name, err);
		if (*t.text == '\'' && is_one_of(before, from))
			relation = name;
		else if (*t.text != '\'' && (spk_catalog_table(catalog, name) || spk_catalog_view(catalog, name)))
			relation = spk_arena_strndup(c->arena, t.text, t.size);
		if (is(alias, "as"))
			alias = next_token(&ahead);
		if (relation && qualifier.size && !(t.size == qualifier.size && strncasecmp(t.text, qualifier.text, t.size) == 0) &&
		    !(alias.size == qualifier.size && strncasecmp(alias.text, qualifier.text, alias.size) == 0))
			relation = NULL;
		SPK_TRY(add_columns_of(sh, c, relation, prefix, err));
	}
	return SPK_OK;
}

/* --- what stands before the cursor --- */

struct place {
	const char *prefix;              /* the word that is being written */
	struct token before, clause;     /* the token before it; the last keyword that begins a clause */
	struct token qualifier;          /* before a dot */
	bool first;                      /* nothing is before it */
};

static struct place find_place(const char *text, size_t size)
{
	static const char *const clauses[] = { "select", "from", "where", "group", "order", "having", "into", "join", "set", "reset", "create", "drop", "with", "values", "on", NULL };
	struct place p = { .prefix = text + size, .first = true };
	struct token t;

	while (p.prefix > text && word_byte(p.prefix[-1]))
		p.prefix--;
	for (const char *at = text; (t = next_token(&at)).size && t.text < p.prefix;) {
		p.first = false;
		p.qualifier = is(t, ".") ? p.before : (struct token){ 0 };
		p.before = t;
		if (is_one_of(t, clauses))
			p.clause = t;
	}
	if (p.before.size && p.before.text + p.before.size != p.prefix)
		p.qualifier = (struct token){ 0 };
	return p;
}

static spk_status complete_setting(struct spk_shell_completion *c, const char *text, const char *end, spk_error *err)
{
	const char *from = end;

	while (from > text && (word_byte(from[-1]) || from[-1] == '.' || from[-1] == '-'))
		from--;
	c->prefix = (size_t)(end - from);
	return add_settings(c, from, err);
}

static spk_status complete_sql(struct spk_shell *sh, const char *text, size_t size, const char *after, struct spk_shell_completion *c, spk_error *err)
{
	static const char *const relations[] = { "from", "join", "into", "table", "view", NULL }, *const settings[] = { "set", "reset", NULL };
	struct place p = find_place(text, size);
	const char *whole;

	c->prefix = (size_t)(text + size - p.prefix);
	if (p.first)
		return add_keywords(c, statements, SPK_COUNT_OF(statements), p.prefix, err);
	if (is_one_of(p.clause, settings) && !memchr(p.clause.text, '=', (size_t)(text + size - p.clause.text)))
		return complete_setting(c, p.clause.text + p.clause.size, text + size, err);
	if (is_one_of(p.before, relations) || (is(p.clause, "from") && is(p.before, ",")))
		return is(p.clause, "create") ? SPK_OK : add_relations(sh, c, p.prefix, err);
	if (is(p.before, "explain"))
		SPK_TRY(add_keyword(c, "ANALYZE", p.prefix, err));
	if (is(p.before, "create") || is(p.before, "drop")) {
		static const char *const objects[] = { "TABLE", "VIEW", "FUNCTION", "AGGREGATE", "OR REPLACE VIEW" };

		return add_keywords(c, objects, is(p.before, "drop") ? 4 : 5, p.prefix, err);
	}
	if (is(p.clause, "create"))
		return add_keywords(c, types, SPK_COUNT_OF(types), p.prefix, err);
	whole = spk_arena_printf(c->arena, "%.*s %s", (int)(p.prefix - text), text, after);
	SPK_TRY_PTR(whole, err);
	SPK_TRY(add_columns(sh, c, whole, p.qualifier, p.prefix, err));
	if (p.qualifier.size)
		return SPK_OK;
	SPK_TRY(add_keywords(c, keywords, SPK_COUNT_OF(keywords), p.prefix, err));
	return c->prefix ? add_functions(sh, c, p.prefix, err) : SPK_OK;
}

/* --- commands --- */

static spk_status complete_name_of_command(struct spk_shell_completion *c, const char *prefix, spk_error *err)
{
	const char *name;

	for (int i = 0; (name = spk_shell_command_name(i)) != NULL; i++)
		SPK_TRY(strncmp(name, prefix, c->prefix) == 0 ? add(c, name, prefix, err) : SPK_OK);
	return SPK_OK;
}

static spk_status add_choices(struct spk_shell_completion *c, const char *const *words, const char *prefix, spk_error *err)
{
	for (; *words; words++)
		SPK_TRY(add(c, *words, prefix, err));
	return SPK_OK;
}

static spk_status complete_pset(struct spk_shell_completion *c, const char *arguments, const char *prefix, spk_error *err)
{
	static const char *const options[] = { "expanded", "format", "null", "pager", NULL }, *const formats[] = { "aligned", "arrow", "csv", "json", "table", NULL };
	static const char *const expanded[] = { "auto", "off", "on", NULL }, *const pager[] = { "always", "off", "on", NULL }, *const none[] = { NULL };

	if (strspn(arguments, " \t") == (size_t)(prefix - arguments))
		return add_choices(c, options, prefix, err);
	arguments += strspn(arguments, " \t");
	return add_choices(c, *arguments == 'e' ? expanded : *arguments == 'f' ? formats : *arguments == 'p' ? pager : none, prefix, err);
}

static spk_status add_topics(struct spk_shell_completion *c, const char *prefix, spk_error *err)
{
	const char *name;

	for (int i = 0; (name = spk_shell_help_name(i)) != NULL; i++)
		SPK_TRY(add_keyword(c, name, prefix, err));
	return SPK_OK;
}

/* `text` is what follows the backslash. */
static spk_status complete_command(struct spk_shell *sh, const char *text, size_t size, struct spk_shell_completion *c, spk_error *err)
{
	static const char *const switches[] = { "off", "on", NULL }, *const expanded[] = { "auto", "off", "on", NULL };
	size_t name = strcspn(text, " \t");
	struct token command = { text, name };
	const char *prefix = text + size, *arguments = text + name;

	if (name == size) {
		c->prefix = size;
		return complete_name_of_command(c, text, err);
	}
	while (prefix > arguments && !strchr(" \t", prefix[-1]))
		prefix--;
	c->prefix = (size_t)(text + size - prefix);
	if (is(command, "d") || is(command, "dt") || is(command, "dv"))
		return add_relations(sh, c, prefix, err);
	if (is(command, "df"))
		return add_functions(sh, c, prefix, err);
	if (is(command, "x"))
		return add_choices(c, expanded, prefix, err);
	if (is(command, "timing"))
		return add_choices(c, switches, prefix, err);
	if (is(command, "pset"))
		return complete_pset(c, arguments, prefix, err);
	if (is(command, "set"))
		return add_settings(c, prefix, err);
	if (is(command, "h"))
		return add_topics(c, prefix, err);
	return add_files(c, prefix, err);
}

/* --- all --- */

static spk_status complete(struct spk_shell *sh, const char *text, size_t size, const char *after, struct spk_shell_completion *c, spk_error *err)
{
	struct spk_shell_lexer lexer = { 0 };
	enum spk_shell_found found;
	size_t at = 0, begin = 0;

	while ((found = spk_shell_lex(&lexer, text, size, &at)) == SPK_SHELL_STATEMENT)
		begin = at;
	if (found == SPK_SHELL_COMMAND)
		return complete_command(sh, text + at + 1, size - at - 1, c, err);
	if (lexer.within == SPK_SHELL_STRING) {
		const char *quote = memrchr(text, '\'', size);

		c->prefix = (size_t)(text + size - quote) - 1;
		return add_files(c, quote + 1, err);
	}
	if (lexer.within != SPK_SHELL_PLAIN)
		return SPK_OK;
	return complete_sql(sh, text + begin, size - begin, after, c, err);
}

spk_status spk_shell_complete(struct spk_shell *sh, const char *text, size_t size, const char *after, struct spk_shell_completion *out, spk_error *err)
{
	struct spk_shell_completion c = { .arena = spk_arena_new(NULL), .behind = ' ' };
	spk_status status;

	SPK_TRY_PTR(c.arena, err);
	status = spk_session_forget(sh->session, err);
	if (status == SPK_OK)
		status = complete(sh, text, size, after, &c, err);
	if (status != SPK_OK) {
		spk_shell_completion_release(&c);
		return status;
	}
	sort(&c);
	if (c.count == 1 && strchr("(/", c.word[0][strlen(c.word[0]) - 1]))
		c.behind = '\0';
	*out = c;
	return SPK_OK;
}

void spk_shell_completion_release(struct spk_shell_completion *c)
{
	free(c->word);
	spk_arena_unref(c->arena);
	*c = (struct spk_shell_completion){ 0 };
}
