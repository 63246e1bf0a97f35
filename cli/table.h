/*
 * Aligned tables as psql prints them, to standard output.
 *
 * Rows are held until SPK_CLI_TABLE_HELD bytes of them are there, so that columns are as wide as their values; from then on rows are
 * printed as they come, in the widths found so far.
 */
#ifndef SPK_CLI_TABLE_H
#define SPK_CLI_TABLE_H

#include "cli/cli.h"

enum { SPK_CLI_TABLE_HELD = 4 * 1024 * 1024 };

struct spk_cli_table;
/* Expanded: a line a column, records one after the other. AUTO: when a row is wider than `width` columns. */
enum spk_cli_expanded { SPK_CLI_EXPANDED_OFF, SPK_CLI_EXPANDED_ON, SPK_CLI_EXPANDED_AUTO };
struct spk_cli_column { const char *name; bool right; };

/* The names are borrowed until free. */
spk_status spk_cli_table_new(struct spk_cli_table **out, const struct spk_cli_column *column, int columns, spk_error *err);
/* Before the first cell. */
void spk_cli_table_expand(struct spk_cli_table *t, enum spk_cli_expanded expanded, int width);
/* The next cell, from left to right and row by row; control characters and what is not UTF-8 are shown as escapes. */
spk_status spk_cli_table_cell(struct spk_cli_table *t, const char *text, size_t size, spk_error *err);
spk_status spk_cli_table_printf(struct spk_cli_table *t, spk_error *err, const char *format, ...) SPK_PRINTF(3, 4);
/* Prints what is held; with `count` "(N rows)", too, unless records say it. */
spk_status spk_cli_table_end(struct spk_cli_table *t, bool count, spk_error *err);
int64_t spk_cli_table_rows(const struct spk_cli_table *t);
void spk_cli_table_free(struct spk_cli_table *t);  /* NULL is fine */

#endif
