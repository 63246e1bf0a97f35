/* How a query went, for people and for tools. */
#ifndef SPK_CLI_PROFILE_H
#define SPK_CLI_PROFILE_H

#include "cli/cli.h"

/* Appends the plan with the figures of its nodes, a table of the stages, and the sums: what EXPLAIN ANALYZE shows. */
spk_status spk_cli_profile_text(const struct spk_query_profile *p, struct spk_buffer *out, spk_error *err);
/* Appends {"rows":..,"us":..,...,"stages":[...]}. */
spk_status spk_cli_profile_json(const struct spk_query_profile *p, struct spk_buffer *out, spk_error *err);
/* "850 B", "12.3 MiB" */
const char *spk_cli_bytes(int64_t bytes, char out[32]);
/* "0.4 ms", "12 ms", "3.2 s" */
const char *spk_cli_time(int64_t us, char out[32]);

#endif
