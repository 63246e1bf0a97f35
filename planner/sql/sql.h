/*
 * SQL text to logical plans: rewrite of the token stream (what PostgreSQL's grammar does not know), libpg_query's parse tree,
 * binding against the catalog.
 *
 * Errors carry the 1-based line and column and the byte position in the user's own text, whatever was rewritten.
 */
#ifndef SPK_PLANNER_SQL_SQL_H
#define SPK_PLANNER_SQL_SQL_H

#include "core/base/conf.h"
#include "planner/logical/logical.h"

enum spk_statement_kind {
	SPK_STATEMENT_DDL,       /* done: the catalog was changed. plan: of a materialized view, a SINK node by which a job keeps it; else NULL */
	SPK_STATEMENT_SET,       /* done: `conf` was changed */
	SPK_STATEMENT_SELECT,    /* plan: the query */
	SPK_STATEMENT_INSERT,    /* plan: a SINK node */
	SPK_STATEMENT_EXPLAIN,   /* plan: what to explain; analyze */
	SPK_STATEMENT_ANALYZE,   /* targets: whose statistics are wanted; analyze: the user wants to see them */
};

/* A table or a file (by its path) of ANALYZE, and the columns that are asked for: 0 for all. */
struct spk_analyze_target { const char *name; bool file; int columns; const char **column; int position; };

struct spk_statement {
	enum spk_statement_kind kind;
	struct spk_logical *plan;    /* bound, not optimized; NULL for DDL and SET */
	bool analyze;
	int targets;                 /* ANALYZE without any: all tables */
	const struct spk_analyze_target *target;
	int position, length;        /* of its text */
	const char *text;
	const char *tag;             /* "CREATE TABLE", "SELECT", ... */
	const char *late;            /* INSERT into this table without options, which a statement before has read; NULL: not so */
};

/* What a script came to: its statements in order, all in `arena`. */
struct spk_script {
	const char *text;
	int count;
	struct spk_statement *statement;
};

/*
 * Parses and binds all statements of `text` in order: DDL changes `catalog`, SET changes `conf`, queries become bound logical
 * plans. Nothing is optimized or run. Stops at the first error (SYNTAX, BIND, UNSUPPORTED, USAGE, EXISTS); the statements before
 * it have had their effect. Plans point into the catalog: they live no longer than it does. Needs up to 2 MiB of stack.
 */
spk_status spk_sql_bind(const char *text, struct spk_catalog *catalog, struct spk_conf *conf, struct spk_arena *arena, struct spk_script *out, spk_error *err);

/* Whether `text` parses (SYNTAX, UNSUPPORTED): no name is looked up and nothing changed. */
spk_status spk_sql_check(const char *text, spk_error *err);

/* The error as a person reads it: FILE:LINE:COLUMN, message, the line of text, a caret under the place, hint. `file` may be NULL. */
spk_status spk_sql_format_error(const char *file, const char *text, const spk_error *error, struct spk_buffer *out, spk_error *err);

#endif
