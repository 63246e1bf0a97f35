/* What the files of the rewrite share. Private to planner/sql. */
#ifndef SPK_PLANNER_SQL_REWRITE_H
#define SPK_PLANNER_SQL_REWRITE_H

#include <pg_query/pg_query.pb-c.h>

#include "planner/sql/source.h"

/*
 * Names that the rewrite gives to what PostgreSQL's grammar has no word for. They have a blank, so no user writes them by
 * accident; a user who does gets what they stand for.
 */
#define SPK_MARK_COMPUTED "sparklet computed"    /* type of a computed column without one: x AS expr */
#define SPK_MARK_WATERMARK "sparklet watermark"  /* constraint CHECK (ROW(column, expr)) */
#define SPK_MARK_METADATA "sparklet metadata"    /* constraint DEFAULT 'key' */
#define SPK_MARK_TYPE "sparklet type"            /* "sparklet type"('ARRAY<INT>') */
#define SPK_MARK_QUALIFY "sparklet qualify"      /* name of a window whose PARTITION BY is QUALIFY's condition */
#define SPK_MARK_FILE "sparklet file"            /* table function: FROM 'path' */
#define SPK_MARK_SUBQUERY "sparklet subquery"    /* alias of a subquery in FROM that has none */
#define SPK_MARK_PARTITION "sparklet partition"  /* named argument of a window function: ROW(columns) */
#define SPK_MARK_ALIAS "sparklet alias"          /* named argument of a window function in GROUP BY: a column reference, the window's name */
#define SPK_MARK_ALL "sparklet all"              /* column that GROUP BY ALL goes by */

#define SPK_MARK_TRY "sparklet try"              /* function around a cast that gives NULL where it fails */
#define SPK_MARK_IS_JSON "sparklet is json"      /* IS JSON: of the document and its text */
#define SPK_MARK_MAP "sparklet map"              /* function: MAP[key, value, ...] */
#define SPK_MARK_COUNT_VALUES "sparklet count values"  /* how many values are in an array, each once */
#define SPK_MARK_FIRST_OF "sparklet first of"          /* the first n elements of an array */
#define SPK_MARK_FLOOR "sparklet floor"          /* FLOOR(x TO unit) */
#define SPK_MARK_CEIL "sparklet ceil"            /* CEIL(x TO unit) */

#define SPK_MARK_ASOF "sparklet asof"            /* function around the condition of an ASOF JOIN; before the columns of its USING */
#define SPK_MARK_WITHIN "sparklet within"        /* function in the condition of a JOIN: how much earlier and later the right side's time may be */
#define SPK_MARK_AS_OF "sparklet as of"          /* table function: t FOR SYSTEM_TIME AS OF time */

/* Formats: FORMAT UPSERT ENCODE JSON of a table and of a sink, changes by the key; which format and connector that is says the connector (ddl_options.c). */
#define SPK_UPSERT_JSON "upsert json"
#define SPK_UPSERT_SINK "upsert json sink"

struct spk_rewrite {
	struct spk_source *source;
	const struct spk_tokens *tokens;
	struct spk_edits edits;    /* of `quoted` */
};

/* Kind of token i, 0 when there is none. */
static inline int spk_kind(const struct spk_rewrite *r, int i)
{
	return i >= 0 && i < r->tokens->count ? r->tokens->token[i].kind : 0;
}
static inline bool spk_word(const struct spk_rewrite *r, int i, const char *word) { return spk_token_is_word(r->tokens, i, word); }
/* A name, also one that is a word of the grammar's elsewhere. */
bool spk_is_free(const struct spk_rewrite *r, int i);
/* Words of other dialects are names in PostgreSQL: whether a value may end with token i, or begin with it. In PostgreSQL no value stands beside another. */
bool spk_ends_value(const struct spk_rewrite *r, int i);
bool spk_begins_value(const struct spk_rewrite *r, int i);
/* Index of the bracket that closes the one at `open`, before `end`; `end` when there is none. */
int spk_rewrite_close(const struct spk_rewrite *r, int open, int end);
/* Replaces tokens [from, to) by a text; from == to: inserts before token `from` (behind the last one when it is the end). */
spk_status spk_rewrite_tokens(struct spk_rewrite *r, int from, int to, const char *text, spk_error *err);
spk_status spk_rewrite_after(struct spk_rewrite *r, int i, const char *text, spk_error *err);
/* Tokens [from, to), or one quoted token, as a quoted identifier. */
spk_status spk_rewrite_as_name(struct spk_rewrite *r, int from, int to, spk_error *err);

/* Each works on tokens [first, end) of one statement. */
spk_status spk_rewrite_create(struct spk_rewrite *r, int first, int end, spk_error *err);    /* rewrite_ddl.c */
/* FORMAT ... ENCODE ... behind the bracket at `close`, that of a table's options. */
spk_status spk_rewrite_format(struct spk_rewrite *r, int close, int end, spk_error *err);    /* rewrite_sink.c */
/* A sink whose query or relation comes before its options, from the token behind its name on. *done: it was one. */
spk_status spk_rewrite_sink(struct spk_rewrite *r, int i, int end, bool *done, spk_error *err);          /* rewrite_sink.c */
/* LIKE behind a table's columns and options. *done: there was one. */
spk_status spk_rewrite_like(struct spk_rewrite *r, int name_end, int end, bool *done, spk_error *err);   /* rewrite_sink.c */
spk_status spk_rewrite_set(struct spk_rewrite *r, int first, int end, spk_error *err);       /* rewrite_ddl.c */
spk_status spk_rewrite_words(struct spk_rewrite *r, int first, int end, spk_error *err);     /* rewrite_words.c */
spk_status spk_rewrite_groups(struct spk_rewrite *r, int first, int end, spk_error *err);    /* rewrite_group.c */
/* Whether token i, before a bracket, is a function of JSON that is rewritten; does so. IS at token i, where JSON may stand behind it. */
bool spk_is_json_call(const struct spk_rewrite *r, int i);                                  /* rewrite_json.c */
spk_status spk_rewrite_json(struct spk_rewrite *r, int i, int end, spk_error *err);         /* rewrite_json.c */
spk_status spk_rewrite_is_json(struct spk_rewrite *r, int i, spk_error *err);               /* rewrite_json.c */
/* How many tokens from i on say when results come, at the end of a query (EMIT ...), or how they are computed (OPTIONS (...)); 0: none. */
int spk_emit_words(const struct spk_rewrite *r, int i, int end);       /* rewrite_words.c */
int spk_option_words(const struct spk_rewrite *r, int i, int end);     /* rewrite_words.c */
/* Whether ASOF, SEMI or ANTI at token i is a word of a join. */
bool spk_is_other_join(const struct spk_rewrite *r, int i);            /* rewrite_join.c */
bool spk_is_qualify(const struct spk_rewrite *r, int i, int end);      /* rewrite_qualify.c */
/* Whether token i, behind AS, is the name of a window in GROUP BY. */
bool spk_is_window_alias(const struct spk_rewrite *r, int i);
spk_status spk_rewrite_windows(struct spk_rewrite *r, int first, int end, spk_error *err);   /* rewrite_from.c */
spk_status spk_rewrite_qualify(struct spk_rewrite *r, int first, int end, spk_error *err);   /* rewrite_qualify.c */
spk_status spk_rewrite_file_lists(struct spk_rewrite *r, int first, int end, spk_error *err);  /* rewrite_from.c */
spk_status spk_rewrite_from(struct spk_rewrite *r, int first, int end, spk_error *err);     /* rewrite_from.c */
spk_status spk_rewrite_joins(struct spk_rewrite *r, int first, int end, spk_error *err);    /* rewrite_join.c */
/* UNSIGNED at token i, behind a type of integers: the next wider one, and of BIGINT that itself. */
spk_status spk_rewrite_unsigned(struct spk_rewrite *r, int i, spk_error *err);                  /* rewrite.c */
/* A type ARRAY<..>, ROW<..>, MAP<..> at token i, when there is one; *next: behind it. */
spk_status spk_rewrite_type(struct spk_rewrite *r, int i, int end, int *next, spk_error *err);  /* rewrite.c */

#endif
