/*
 * Backquoted identifiers, as Flink and MySQL users write them, become double-quoted ones. PostgreSQL's lexer takes a
 * backquote as an operator character, so this comes before it and must itself know what is a string or a comment.
 */
#include <string.h>

#include "core/base/check.h"
#include "planner/sql/source.h"

static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || (unsigned char)c >= 0x80;
}

/* Place behind a run quoted by text[i], where a doubled quote stands for one and, in E'', a backslash escapes. */
static size_t skip_quoted(const char *text, size_t size, size_t i)
{
	char quote = text[i];
	bool escapes = quote == '\'' && i > 0 && (text[i - 1] == 'e' || text[i - 1] == 'E') && (i < 2 || !is_name(text[i - 2]));

	for (i++; i < size; i++) {
		if (escapes && text[i] == '\\')
			i++;
		else if (text[i] == quote && i + 1 < size && text[i + 1] == quote)
			i++;
		else if (text[i] == quote)
			return i + 1;
	}
	return size;
}

/* Comments nest in SQL. */
static size_t skip_comment(const char *text, size_t size, size_t i)
{
	int depth = 0;

	if (text[i] == '-') {
		while (i < size && text[i] != '\n')
			i++;
		return i;
	}
	while (i < size) {
		if (text[i] == '/' && i + 1 < size && text[i + 1] == '*') {
			depth++;
			i += 2;
		} else if (text[i] == '*' && i + 1 < size && text[i + 1] == '/') {
			i += 2;
			if (--depth == 0)
				return i;
		} else {
			i++;
		}
	}
	return size;
}

/* $$ ... $$ or $tag$ ... $tag$; just the dollar when it opens none. */
static size_t skip_dollars(const char *text, size_t size, size_t i)
{
	size_t tag = i + 1;

	if (i > 0 && is_name(text[i - 1]))
		return i + 1;
	while (tag < size && is_name(text[tag]))
		tag++;
	if (tag >= size || text[tag] != '$' || (text[i + 1] >= '0' && text[i + 1] <= '9'))
		return i + 1;
	tag += 1 - i;  /* bytes of the opening mark */
	for (size_t at = i + tag; at + tag <= size; at++)
		if (memcmp(text + at, text + i, tag) == 0)
			return at + tag;
	return size;
}

/* One `identifier`; *i comes out behind it. */
static spk_status quote_one(struct spk_source *s, struct spk_edits *edits, size_t *i, spk_error *err)
{
	size_t start = *i, at = start + 1;

	SPK_TRY(spk_edit(edits, (int)start, (int)start + 1, "\"", err));
	for (; at < s->size; at++) {
		if (s->text[at] == '"')
			SPK_TRY(spk_edit(edits, (int)at, (int)at, "\"", err));
		if (s->text[at] != '`')
			continue;
		if (at + 1 < s->size && s->text[at + 1] == '`') {
			SPK_TRY(spk_edit(edits, (int)at, (int)at + 1, "", err));
			at++;
			continue;
		}
		*i = at + 1;
		return spk_edit(edits, (int)at, (int)at + 1, "\"", err);
	}
	spk_fail(err, SPK_SYNTAX, "unterminated backquoted identifier");
	if (err)
		err->position = (int)start + 1;
	return SPK_SYNTAX;
}

spk_status spk_sql_backquotes(struct spk_source *s, struct spk_arena *arena, spk_error *err)
{
	struct spk_edits edits = { .arena = arena };

	for (size_t i = 0; i < s->size;) {
		char c = s->text[i], next = i + 1 < s->size ? s->text[i + 1] : 0;

		if (c == '`')
			SPK_TRY(quote_one(s, &edits, &i, err));
		else if (c == '\'' || c == '"')
			i = skip_quoted(s->text, s->size, i);
		else if ((c == '-' && next == '-') || (c == '/' && next == '*'))
			i = skip_comment(s->text, s->size, i);
		else if (c == '$')
			i = skip_dollars(s->text, s->size, i);
		else
			i++;
	}
	return spk_edits_apply(&edits, s->text, s->size, &s->quoted, &s->to_text, err);
}
