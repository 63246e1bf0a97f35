/*
 * What is known of tables' rows, and how many rows come out of a node, about.
 *
 * Statistics come from ANALYZE, or, where nobody asked for them, from what a connector can tell cheaply (the number of rows). Estimates
 * never change results: they choose among plans that give the same rows.
 *
 * Sources of the formulas: selectivities and join sizes as in Selinger et al., "Access Path Selection in a Relational Database Management
 * System" (1979), under independence; several join conditions between the same sides count with exponents 1, 1/2, 1/4, ..., as conditions that
 * stand together are mostly not independent.
 */
#ifndef SPK_PLANNER_LOGICAL_STATISTICS_H
#define SPK_PLANNER_LOGICAL_STATISTICS_H

#include "planner/logical/logical.h"

/* A most common value: a number as spk_statistics_number has it, or a text (else NULL); part of all rows. */
struct spk_common_value { double number; const char *text; double part; };

/* Of one column. Numbers, dates and times (microseconds, days) are ordered as doubles. */
struct spk_column_statistics {
	double distinct;              /* values without NULL; 0: not known */
	double nulls;                 /* part of the rows, 0 to 1 */
	bool ranged;                  /* low and high are known */
	double low, high;
	int buckets;                  /* of an equal-height histogram, 0: none */
	const double *bound;          /* buckets + 1, ascending: of the values that are not common ones */
	int commons;                  /* most common values, the most common first */
	const struct spk_common_value *common;
	double width;                 /* average bytes of a text; 0: not known, or no text */
};

struct spk_table_statistics {
	double rows;
	bool analyzed;                        /* the columns are known; else only rows, about */
	bool stale;                           /* they were, of files that have changed since */
	struct spk_column_statistics *column; /* by column of the table; NULL unless analyzed */
};

/* Of a node's output column. */
struct spk_column_estimate {
	double distinct;              /* in the rows that come out; 0: not known */
	double domain;                /* how many values it may have at all: rows of the table it comes from when nothing better is known; 0: not known */
	const struct spk_column_statistics *base;  /* of the table's column, NULL: not known */
};

struct spk_estimate {
	double rows;
	int columns;
	struct spk_column_estimate *column;
};

/* Of the whole tree below `l`, in `arena`. */
spk_status spk_estimate(struct spk_arena *arena, const struct spk_logical *l, struct spk_estimate *out, spk_error *err);
/* Part of the rows of `in` that meet a condition over its columns. */
double spk_estimate_selectivity(const struct spk_expr *e, const struct spk_estimate *in);
/* Part of all pairs of rows that meet `left = right`, one of each side. */
double spk_estimate_equality(const struct spk_column_estimate *left, const struct spk_column_estimate *right);
/* The join of two estimates by an inner join's condition over both sides' columns (NULL: all pairs): rows only. */
double spk_estimate_pairs(const struct spk_expr *condition, const struct spk_estimate *left, const struct spk_estimate *right);
/* A value as statistics order it; false for types that have no such order here. */
bool spk_statistics_number(const struct spk_value *v, double *out);

#endif
