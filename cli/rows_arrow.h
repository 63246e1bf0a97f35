/* Rows as an Arrow IPC stream. See rows.h, which this is behind. */
#ifndef SPK_CLI_ROWS_ARROW_H
#define SPK_CLI_ROWS_ARROW_H

#include "cli/cli.h"

struct spk_cli_arrow;

/* The schema is borrowed until free. */
spk_status spk_cli_arrow_new(struct spk_cli_arrow **out, const struct spk_schema *schema, spk_error *err);
spk_status spk_cli_arrow_batch(struct spk_cli_arrow *a, struct spk_batch *batch, spk_error *err);
spk_status spk_cli_arrow_end(struct spk_cli_arrow *a, spk_error *err);
void spk_cli_arrow_free(struct spk_cli_arrow *a);  /* NULL is fine */

#endif
