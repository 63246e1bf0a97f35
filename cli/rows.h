/* Rows of a query to standard output, as they come. One thread at a time, any thread. */
#ifndef SPK_CLI_ROWS_H
#define SPK_CLI_ROWS_H

#include "cli/cli.h"

enum spk_cli_format { SPK_CLI_TABLE, SPK_CLI_CSV, SPK_CLI_JSON };

/* What --format says; UNSUPPORTED for arrow. */
spk_status spk_cli_row_format(const struct spk_cli_arguments *a, enum spk_cli_format *out, spk_error *err);

struct spk_cli_rows;

/* Schema and configuration are borrowed until free. */
spk_status spk_cli_rows_new(struct spk_cli_rows **out, enum spk_cli_format format, const struct spk_schema *schema, const struct spk_conf *conf, spk_error *err);
/* A collect function of spk_session_run_query: `user` is the struct spk_cli_rows. */
spk_status spk_cli_rows_batch(void *user, struct spk_batch *batch, spk_error *err);
spk_status spk_cli_rows_end(struct spk_cli_rows *r, spk_error *err);
void spk_cli_rows_free(struct spk_cli_rows *r);  /* NULL is fine */

/* Text as the rows of one column, a line each: what EXPLAIN gives. */
spk_status spk_cli_rows_text(enum spk_cli_format format, const char *column, const char *text, size_t size, const struct spk_conf *conf, spk_error *err);

#endif
