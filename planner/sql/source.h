/*
 * The user's text and what was made of it: a place in the text that PostgreSQL's parser saw leads back to the user's own.
 * Private to planner/sql.
 */
#ifndef SPK_PLANNER_SQL_SOURCE_H
#define SPK_PLANNER_SQL_SOURCE_H

#include "core/base/arena.h"
#include "core/base/buffer.h"

/* Replaces bytes [start, end) of a text by `text`. */
struct spk_edit { int start, end; const char *text; };

/* Edits of one pass, in any order of their making; they must not overlap. */
struct spk_edits {
	struct spk_arena *arena;
	int count, capacity;
	struct spk_edit *edit;
};
spk_status spk_edit(struct spk_edits *edits, int start, int end, const char *text, spk_error *err);

/* Bytes [at, next piece's at) of the new text: a copy of the old text from `from` on, or an inserted text that stands for `from`. */
struct spk_map_piece { int at, from; bool copied; };

/* One pass: old text to new. No pieces: nothing was changed. */
struct spk_map {
	int count;
	struct spk_map_piece *piece;
};
/* Sorts and applies the edits; *out is a NUL-terminated text in the arena. */
spk_status spk_edits_apply(struct spk_edits *edits, const char *text, size_t size, const char **out, struct spk_map *map, spk_error *err);
/* Place in the old text; *inserted (may be NULL) tells that the old text has no such byte. */
int spk_map_back(const struct spk_map *map, int at, bool *inserted);

/* A token of a text, by its bytes [start, end). kind: PgQuery__Token; keyword: PgQuery__KeywordKind. */
struct spk_token { int start, end; int kind; int keyword; };
struct spk_tokens {
	const char *text;
	int count;
	struct spk_token *token;   /* without comments */
};

/* A comment that begins with a plus: what is behind that, and its place in `quoted`. */
struct spk_hint_comment { int start; const char *text; };

struct spk_source {
	const char *text;          /* the user's */
	size_t size;
	const char *quoted;        /* with backquotes made double quotes, and blanks for comments */
	struct spk_map to_text;    /* places in `quoted` to places in `text` */
	struct spk_tokens tokens;  /* of `quoted` */
	int hints;
	struct spk_hint_comment *hint;
	const char *sql;           /* what the parser sees */
	struct spk_map to_quoted;  /* places in `sql` to places in `quoted` */
	int optional_views;        /* CREATE VIEW IF NOT EXISTS: places of the names in `quoted` */
	int *optional_view;
};

/* Byte offset in the user's text + 1 of a place in `sql`; 0 for a place below 0 (unknown). */
int spk_source_position(const struct spk_source *s, int at);
/* The token of `quoted` at or after that place; NULL past the last. */
const struct spk_token *spk_source_token(const struct spk_source *s, int quoted_at);
/* An identifier as the user spelt it, at a place in `sql`: case kept, quotes taken off. NULL when there is none. */
const char *spk_source_identifier(const struct spk_source *s, int at, struct spk_arena *arena);

/* The same for a token: its text without quotes ('..', "..") when it has them. */
char *spk_token_unquote(const char *text, const struct spk_token *t, struct spk_arena *arena);
bool spk_token_is_word(const struct spk_tokens *tokens, int i, const char *word);

/* Steps of the rewrite; each in its own file. */
spk_status spk_sql_backquotes(struct spk_source *s, struct spk_arena *arena, spk_error *err);       /* quote.c */
spk_status spk_sql_scan(struct spk_source *s, struct spk_arena *arena, spk_error *err);             /* tokens.c */
spk_status spk_sql_rewrite(struct spk_source *s, struct spk_arena *arena, spk_error *err);          /* rewrite.c */

/* Fills line and column from err->position, which counts in `text`. */
void spk_sql_place(const char *text, spk_error *err);
/* An error at byte `at` of `quoted`. */
/* Whether the byte may stand within a word: what is no sign, quote or blank. */
bool spk_is_word_byte(char c);
spk_status spk_sql_fail(const struct spk_source *s, int quoted_at, spk_status code, spk_error *err, const char *format, ...) SPK_PRINTF(5, 6);

#endif
