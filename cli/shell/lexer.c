#include "cli/shell/lexer.h"

#include <string.h>

static bool word_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || (unsigned char)c >= 0x80;
}

static bool blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* Bytes of "$tag$" at text[at], 0 when it is none (a parameter such as $1, or a '$' within a name). */
static size_t dollar_tag(const struct spk_shell_lexer *l, const char *text, size_t size, size_t at)
{
	size_t n = 1;

	if (l->in_word)
		return 0;
	while (at + n < size && word_byte(text[at + n]) && !(n == 1 && text[at + n] >= '0' && text[at + n] <= '9'))
		n++;
	return at + n < size && text[at + n] == '$' && n + 1 <= SPK_SHELL_TAG_MAX ? n + 1 : 0;
}

/* Is the quote at text[at] the end of an E before it that stands alone? */
static bool escape_string(const struct spk_shell_lexer *l, const char *text, size_t at)
{
	return l->in_word && (text[at - 1] == 'e' || text[at - 1] == 'E') && (at == 1 || !(word_byte(text[at - 2]) || text[at - 2] == '$'));
}

/* Enters what begins at text[*at]; *at goes behind its first sign. False: nothing that has an end of its own begins there. */
static bool enter(struct spk_shell_lexer *l, const char *text, size_t size, size_t *at)
{
	char c = text[*at], next = *at + 1 < size ? text[*at + 1] : '\0';
	size_t taken = 1;

	if (c == '\'') {
		l->within = escape_string(l, text, *at) ? SPK_SHELL_ESCAPED : SPK_SHELL_STRING;
	} else if (c == '"' || c == '`') {
		l->within = c == '"' ? SPK_SHELL_NAME : SPK_SHELL_BACKQUOTE;
	} else if (c == '-' && next == '-') {
		l->within = SPK_SHELL_LINE_COMMENT;
	} else if (c == '/' && next == '*') {
		l->within = SPK_SHELL_COMMENT;
		l->comments = 1;
		taken = 2;
	} else if (c == '$' && dollar_tag(l, text, size, *at)) {
		l->within = SPK_SHELL_DOLLAR;
		l->tag_size = taken = dollar_tag(l, text, size, *at);
		memcpy(l->tag, text + *at, taken);
	} else {
		return false;
	}
	l->begun = l->begun || (l->within != SPK_SHELL_COMMENT && l->within != SPK_SHELL_LINE_COMMENT);
	l->in_word = false;
	*at += taken;
	return true;
}

/* To behind the closing quote, or to the end of the text. A doubled one stands for itself. */
static void quoted(struct spk_shell_lexer *l, const char *text, size_t size, size_t *at, char quote)
{
	for (; *at < size; ++*at) {
		bool doubled = *at + 1 < size && text[*at] == quote && text[*at + 1] == quote;

		if (doubled || (l->within == SPK_SHELL_ESCAPED && text[*at] == '\\' && *at + 1 < size)) {
			++*at;
		} else if (text[*at] == quote) {
			l->within = SPK_SHELL_PLAIN;
			++*at;
			return;
		}
	}
}

static void comment(struct spk_shell_lexer *l, const char *text, size_t size, size_t *at)
{
	while (*at < size && l->comments) {
		size_t left = size - *at;

		if (left > 1 && memcmp(text + *at, "/*", 2) == 0) {
			l->comments++;
			*at += 2;
		} else if (left > 1 && memcmp(text + *at, "*/", 2) == 0) {
			l->comments--;
			*at += 2;
		} else {
			++*at;
		}
	}
	if (!l->comments)
		l->within = SPK_SHELL_PLAIN;
}

static void dollar(struct spk_shell_lexer *l, const char *text, size_t size, size_t *at)
{
	const char *end = memmem(text + *at, size - *at, l->tag, l->tag_size);

	*at = end ? (size_t)(end - text) + l->tag_size : size;
	if (end)
		l->within = SPK_SHELL_PLAIN;
}

/* On within what has an end of its own. */
static void go_on(struct spk_shell_lexer *l, const char *text, size_t size, size_t *at)
{
	const char *newline;

	switch (l->within) {
	case SPK_SHELL_PLAIN:
		return;
	case SPK_SHELL_STRING: case SPK_SHELL_ESCAPED:
		quoted(l, text, size, at, '\'');
		return;
	case SPK_SHELL_NAME:
		quoted(l, text, size, at, '"');
		return;
	case SPK_SHELL_BACKQUOTE:
		quoted(l, text, size, at, '`');
		return;
	case SPK_SHELL_DOLLAR:
		dollar(l, text, size, at);
		return;
	case SPK_SHELL_COMMENT:
		comment(l, text, size, at);
		return;
	case SPK_SHELL_LINE_COMMENT:
		newline = memchr(text + *at, '\n', size - *at);
		*at = newline ? (size_t)(newline - text) : size;
		if (newline)
			l->within = SPK_SHELL_PLAIN;
		return;
	}
}

enum spk_shell_found spk_shell_lex(struct spk_shell_lexer *l, const char *text, size_t size, size_t *at)
{
	while (*at < size) {
		char c = text[*at];

		if (l->within != SPK_SHELL_PLAIN) {
			go_on(l, text, size, at);
			continue;
		}
		if (enter(l, text, size, at))
			continue;
		if (c == '\\')
			return SPK_SHELL_COMMAND;
		++*at;
		if (c == ';') {
			*l = (struct spk_shell_lexer){ 0 };
			return SPK_SHELL_STATEMENT;
		}
		l->parentheses += c == '(' ? 1 : c == ')' && l->parentheses ? -1 : 0;
		l->begun = l->begun || !blank(c);
		l->in_word = word_byte(c) || (l->in_word && c == '$');
	}
	return SPK_SHELL_MORE;
}

char spk_shell_prompt(const struct spk_shell_lexer *l)
{
	static const char within[] = {
#define PROMPT(id, prompt) prompt,
		SPK_SHELL_WITHIN_LIST(PROMPT)
#undef PROMPT
	};

	if (l->within != SPK_SHELL_PLAIN)
		return within[l->within];
	return l->parentheses ? '(' : l->begun ? '-' : '=';
}
