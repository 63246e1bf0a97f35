/*
 * Columns and their types from a sample of rows. A column's type is the narrowest that takes every value that was seen: boolean, bigint,
 * numeric, double, date, time, timestamp, jsonb (objects and arrays), text in the end. Nothing, or only NULLs, is text.
 */
#ifndef SPK_CONNECTORS_GUESS_H
#define SPK_CONNECTORS_GUESS_H

#include "connectors/format/csv.h"

enum { SPK_GUESS_COLUMNS_MAX = 4096 };

struct spk_guess_column { const char *name; unsigned may; bool seen; };
struct spk_guess {
	struct spk_arena *arena;
	struct spk_guess_column column[SPK_GUESS_COLUMNS_MAX];
	int columns;
	bool all;                    /* CSV: columns that only further files have are added */
};

/* A new column of that name; DATA when there are too many. */
spk_status spk_guess_add(struct spk_guess *g, const char *name, size_t size, spk_error *err);
/* One value of a column. */
void spk_guess_see(struct spk_guess_column *c, const char *s, size_t n);
struct spk_type spk_guess_type(const struct spk_guess_column *c);

/* The delimiter of ",;\t|" that gives the first rows the same number of fields, and the most; `want` of them if that is not 0. */
char spk_guess_delimiter(const struct spk_view *row, int rows, const struct spk_csv_options *o, int want);
/*
 * Rows (as `split` gives them) of a CSV file. The first file's header makes the columns (without a header: column1, column2, ...); those of
 * further files are found by name, and what is new in them is left out, unless all columns are wanted.
 */
spk_status spk_guess_csv(struct spk_guess *g, const struct spk_view *row, int rows, const struct spk_csv_options *o, spk_error *err);
/* Rows of JSON objects: columns are the members of all files. */
spk_status spk_guess_json(struct spk_guess *g, const struct spk_view *row, int rows, spk_error *err);

#endif
