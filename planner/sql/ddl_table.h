/* What the files of CREATE TABLE share. Private to planner/sql. */
#ifndef SPK_PLANNER_SQL_DDL_TABLE_H
#define SPK_PLANNER_SQL_DDL_TABLE_H

#include "planner/sql/bind.h"

/* A table in the making; all of it lies in the catalog's arena. */
struct spk_create {
	struct spk_binder b;               /* with the catalog's arena */
	const PgQuery__CreateStmt *s;
	struct spk_table *table;
	struct spk_schema *schema;
	const char **folded;               /* by column: its name as PostgreSQL sees it */
	const PgQuery__Constraint *primary, *watermark;
	const struct spk_table *like;      /* whose columns are the first ones; NULL: no table's */
	uint32_t taken;                    /* and what else is taken over from it: SPK_LIKE_* */
};

/* The bits that the parser gives the words of LIKE, as the rewrite names them. */
enum { SPK_LIKE_METADATA = 8, SPK_LIKE_GENERATED = 16, SPK_LIKE_PARTITIONS = 32, SPK_LIKE_KEY = 64, SPK_LIKE_WATERMARK = 128, SPK_LIKE_OPTIONS = 256 };

/* LIKE as an element: the other table's columns. */
spk_status spk_create_like(struct spk_create *c, const PgQuery__TableLikeClause *l, spk_error *err);
/* How many columns the elements of the statement may come to. */
size_t spk_create_columns(const struct spk_binder *b, const PgQuery__CreateStmt *s);
/* Key, watermark, partitions and options that the statement does not say itself. */
spk_status spk_create_like_rest(struct spk_create *c, spk_error *err);
/* Options as other engines name them become ours. */
spk_status spk_create_foreign_options(struct spk_create *c, spk_error *err);
/* How far a watermark's expression over the table's columns lies behind its column: watermark_delay_us. *found: false where both are not one moment, but for constant intervals. */
spk_status spk_create_delay(struct spk_create *c, const struct spk_expr *e, int column, int location, bool *found, spk_error *err);

#endif
