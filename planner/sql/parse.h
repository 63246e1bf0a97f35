/* The parse tree of a text, and errors of PostgreSQL's parser in the user's terms. Private to planner/sql. */
#ifndef SPK_PLANNER_SQL_PARSE_H
#define SPK_PLANNER_SQL_PARSE_H

#include <pg_query.h>
#include <pg_query/pg_query.pb-c.h>

#include "planner/sql/source.h"

/* Parses s->sql; the tree lies in `arena` and is not to be freed. */
/* All steps from the user's text to its tree. */
spk_status spk_sql_read(struct spk_source *source, const char *text, struct spk_arena *arena, PgQuery__ParseResult **out, spk_error *err);
spk_status spk_sql_parse(const struct spk_source *s, struct spk_arena *arena, PgQuery__ParseResult **out, spk_error *err);

/* Makes a SYNTAX error of what the parser (or lexer) said about `parsed`; `map` leads from there to `quoted`, NULL: it is that. */
spk_status spk_parser_error(const struct spk_source *s, const char *parsed, const PgQueryError *e, const struct spk_map *map, spk_error *err);

#endif
