/*
 * The catalog of a session: tables and views by name. Everything lies in the catalog's arena and is read-only once added.
 * One thread at a time.
 */
#ifndef SPK_PLANNER_LOGICAL_CATALOG_H
#define SPK_PLANNER_LOGICAL_CATALOG_H

#include "core/expr/expr.h"
#include "core/expr/user_aggregate.h"

struct spk_table_statistics;

struct spk_option { const char *key, *value; int position; };  /* position: byte offset of the key in the SQL text + 1 */

struct spk_memory;

struct spk_table {
	const char *name;
	const char *connector;             /* 'kafka', 'filesystem', ...; from its options */
	const struct spk_schema *schema;   /* all columns, computed ones included, in declared order */
	struct spk_expr **computed;        /* by column: expression over the table's own columns, NULL for a physical one */
	struct spk_expr **rounded;         /* by column: what a value of it is rounded to, over the column itself (timestamp(3)); NULL: as it comes */
	struct spk_expr **given;           /* by column: what INSERT puts in where it leaves the column out (DEFAULT), constant and of its type; NULL: NULL */
	const char **metadata;             /* by column: METADATA FROM 'offset' ..., NULL for others */
	int option_count;
	const struct spk_option *option;
	int time_column;                   /* WATERMARK FOR column, -1 none */
	int64_t watermark_delay_us;
	int key_count;                     /* PRIMARY KEY columns, 0 none */
	const int *key;
	int partition_count;               /* PARTITIONED BY columns, in the order of folders; 0 none */
	const int *partition;
	int position;                      /* of the statement in the text */
	bool guessed;                      /* its columns were found in files: their types may be wrong for later rows */
	const struct spk_table_statistics *statistics;  /* planner/logical/statistics.h; NULL: not asked for yet */
	struct spk_memory *memory;         /* a table without options: the INSERTs whose rows it has (planner/sql/bind_memory.c); NULL: others */
	void *rows;                        /* connector 'rows': where they are kept (batch/cache.h); else NULL */
	const void *consumer;              /* connector 'callback': whom a stream's rows go to (connectors/callback/callback.h); else NULL */
};

/* The one thing about a table that may change once it is in a catalog: plans that are made later see it. The statistics are borrowed. */
void spk_table_set_statistics(const struct spk_table *t, const struct spk_table_statistics *statistics);
const char *spk_table_option(const struct spk_table *t, const char *key);  /* NULL when absent */

struct spk_logical;

/* query: the parsed SELECT as planner/sql keeps it; NULL for a view that is bound already (a frame): `plan`, decorrelated. query_text: what the
 * user wrote, for \d. */
struct spk_view_def { const char *name; const char *query_text; const void *query; const struct spk_logical *plan; bool materialized; int position; };

struct spk_catalog;

/* Between the paths of several files, where one text holds them all; SQL writes a list: read_csv(['a.csv', 'b.csv']). No keyboard has it. */
#define SPK_PATH_SEPARATOR '\x1f'

/* Files in FROM: their path, or paths with SPK_PATH_SEPARATOR between them, and what else is said of them. */
struct spk_file_request {
	const char *path, *format;         /* format NULL: by the path's ending */
	int options;
	const struct spk_option *option;   /* arguments of read_csv and read_json by name ("header", "delim"), values as text */
	const struct spk_schema *schema;   /* the columns; NULL: to be found in the files */
};

/*
 * What lies below the planner and must be asked: connectors know their options and can look into files.
 * check_table: options known, values right, schema fits the connector; an error names option and suggestion.
 * make_rows: a place for the rows of CREATE TABLE AS without options.
 * describe_file: makes a table of FROM 'path.csv' or read_json('path').
 */
struct spk_catalog_hooks {
	void *user;
	spk_status (*check_table)(const struct spk_table *table, void *user, spk_error *err);
	/* A C function out of a shared library; NULL: there are none. */
	spk_status (*load_function)(const char *library, const char *symbol, spk_scalar_function *out, void *user, spk_error *err);
	spk_status (*describe_file)(const struct spk_file_request *file, struct spk_arena *arena, struct spk_table **out, void *user, spk_error *err);
	/* May be NULL. Has a user of its own. */
	spk_status (*make_rows)(struct spk_table *table, void *rows_user, spk_error *err);
	void *rows_user;
};

/*
 * Names are found exactly as they are spelt, else without regard to case when only one fits: unquoted SQL names come in
 * lower case, whatever the user typed. Drop and replace leave the memory of the old definition to the arena: bound plans
 * may still point to it.
 */
spk_status spk_catalog_new(struct spk_catalog **out, const struct spk_catalog_hooks *hooks, spk_error *err);
void spk_catalog_free(struct spk_catalog *c);
struct spk_arena *spk_catalog_arena(struct spk_catalog *c);
const struct spk_catalog_hooks *spk_catalog_hooks(const struct spk_catalog *c);
/* EXISTS when the name is taken (unless or_replace). */
spk_status spk_catalog_add_table(struct spk_catalog *c, struct spk_table *table, bool or_replace, spk_error *err);
spk_status spk_catalog_add_view(struct spk_catalog *c, struct spk_view_def *view, bool or_replace, spk_error *err);
/* Functions have names of their own. EXISTS for a built-in one's, and when it is taken (unless or_replace). */
spk_status spk_catalog_add_function(struct spk_catalog *c, const struct spk_user_function *f, bool or_replace, spk_error *err);
const struct spk_user_function *spk_catalog_function(const struct spk_catalog *c, const char *name);  /* NULL: none */
/* Aggregates share these names. */
/* A function that is an expression, which planner/sql keeps behind what is known of it (planner/sql/ddl_sql_function.c). */
spk_status spk_catalog_add_expression(struct spk_catalog *c, const struct spk_function *f, bool or_replace, spk_error *err);
const struct spk_function *spk_catalog_expression(const struct spk_catalog *c, const char *name);  /* NULL: none */

spk_status spk_catalog_add_aggregate(struct spk_catalog *c, const struct spk_user_aggregate *a, bool or_replace, spk_error *err);
const struct spk_user_aggregate *spk_catalog_aggregate(const struct spk_catalog *c, const char *name);  /* NULL: none */
bool spk_catalog_knows(const struct spk_catalog *c, const char *name);  /* a function or an aggregate of any kind */
/* The function or the aggregate of the name; false: there is none. */
bool spk_catalog_drop_function(struct spk_catalog *c, const char *name);
/* Own functions and aggregates, for completion; returns how many of their names it gave. */
int spk_catalog_function_names(const struct spk_catalog *c, const char **names, int capacity);
/* Record types by name. EXISTS when a type or a table has it: a table's name is the type of its rows. The schema is borrowed. */
spk_status spk_catalog_add_type(struct spk_catalog *c, const char *name, const struct spk_schema *schema, spk_error *err);
/* The fields of such a type or of a table of the name; NULL: there is none. */
const struct spk_schema *spk_catalog_record(const struct spk_catalog *c, const char *name);
bool spk_catalog_drop_type(struct spk_catalog *c, const char *name);
spk_status spk_catalog_drop(struct spk_catalog *c, const char *name, bool if_exists, spk_error *err);
const struct spk_table *spk_catalog_table(const struct spk_catalog *c, const char *name);       /* NULL: none */
const struct spk_view_def *spk_catalog_view(const struct spk_catalog *c, const char *name);
/* Names in the order of their making, for suggestions and \d; returns how many of them it gave. */
int spk_catalog_names(const struct spk_catalog *c, const char **names, int capacity);

#endif
