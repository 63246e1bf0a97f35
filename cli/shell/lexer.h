/*
 * Where a statement ends, and where a backslash command begins, in text that comes line by line.
 *
 * Only as much of SQL as that takes: strings ('', E'', $tag$), quoted names ("" and backquotes), comments (-- and nested C ones), ';'.
 * A backslash means nothing to SQL outside of these, so it always begins a command.
 */
#ifndef SPK_CLI_SHELL_LEXER_H
#define SPK_CLI_SHELL_LEXER_H

#include <stdbool.h>
#include <stddef.h>

/* X(ID, character of the prompt): what the text so far ends in. */
#define SPK_SHELL_WITHIN_LIST(X) \
	X(PLAIN, '-') X(STRING, '\'') X(ESCAPED, '\'')   /* E'...' */ \
	X(NAME, '"') X(BACKQUOTE, '`') X(DOLLAR, '$') X(LINE_COMMENT, '-') X(COMMENT, '*')

enum spk_shell_within {
#define SPK_SHELL_WITHIN_ENUM(id, prompt) SPK_SHELL_##id,
	SPK_SHELL_WITHIN_LIST(SPK_SHELL_WITHIN_ENUM)
#undef SPK_SHELL_WITHIN_ENUM
};

enum { SPK_SHELL_TAG_MAX = 64 };

/* Zeroed is the start of a statement. */
struct spk_shell_lexer {
	enum spk_shell_within within;
	int comments;                    /* COMMENT: how deep */
	int parentheses;                 /* open ones */
	bool begun;                      /* the statement has more than blanks and comments */
	bool in_word;                    /* the last byte was part of a name or number */
	size_t tag_size;                 /* DOLLAR: of "$tag$" */
	char tag[SPK_SHELL_TAG_MAX];
};

enum spk_shell_found {
	SPK_SHELL_MORE,       /* all was read */
	SPK_SHELL_STATEMENT,  /* *at is behind its ';'; the lexer is at a start again */
	SPK_SHELL_COMMAND,    /* *at is the backslash's */
};

/* Reads on from *at. Text is to be given by whole lines: no token but strings, names and comments goes over their end. */
enum spk_shell_found spk_shell_lex(struct spk_shell_lexer *l, const char *text, size_t size, size_t *at);
/* What the prompt shows: '=' before a statement, '(' in parentheses, else as in the list. */
char spk_shell_prompt(const struct spk_shell_lexer *l);

#endif
