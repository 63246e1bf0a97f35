/* Rows of a query to standard output, as they come. One thread at a time, any thread. */
#ifndef SPK_CLI_ROWS_H
#define SPK_CLI_ROWS_H

#include "cli/cli.h"
#include "cli/table.h"

/* X(ID, "name"): --format */
#define SPK_CLI_FORMAT_LIST(X) X(TABLE, "table") X(CSV, "csv") X(JSON, "json") X(ARROW, "arrow")

enum spk_cli_format {
#define SPK_CLI_FORMAT_ENUM(id, name) SPK_CLI_##id,
	SPK_CLI_FORMAT_LIST(SPK_CLI_FORMAT_ENUM)
#undef SPK_CLI_FORMAT_ENUM
	SPK_CLI_FORMAT_COUNT
};

/* How rows are shown; zeroed is a table. null, expanded and width are for tables alone. */
struct spk_cli_look {
	enum spk_cli_format format;
	const char *null;                 /* what stands for NULL; NULL: nothing */
	enum spk_cli_expanded expanded;
	int width;                        /* of the terminal, 0: none */
};

const char *spk_cli_format_name(enum spk_cli_format format);
/* By its name; USAGE names those there are, `context` is put before it. */
spk_status spk_cli_format_find(const char *name, const char *context, enum spk_cli_format *out, spk_error *err);
/* What --format says. */
spk_status spk_cli_row_format(const struct spk_cli_arguments *a, enum spk_cli_format *out, spk_error *err);

struct spk_cli_rows;

/* The look, its text, schema and configuration are borrowed until free. */
spk_status spk_cli_rows_new(struct spk_cli_rows **out, const struct spk_cli_look *look, const struct spk_schema *schema, const struct spk_conf *conf, spk_error *err);
/* A collect function of spk_session_run_query: `user` is the struct spk_cli_rows. */
spk_status spk_cli_rows_batch(void *user, struct spk_batch *batch, spk_error *err);
spk_status spk_cli_rows_end(struct spk_cli_rows *r, spk_error *err);
void spk_cli_rows_free(struct spk_cli_rows *r);  /* NULL is fine */

/* Text as the rows of one column, a line each: what EXPLAIN gives. */
spk_status spk_cli_rows_text(const struct spk_cli_look *look, const char *column, const char *text, size_t size, const struct spk_conf *conf, spk_error *err);

#endif
