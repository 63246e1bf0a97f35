/* INSERT of `sparklet sql`: a batch query whose rows go to a sink at once, final ones only. */
#ifndef SPK_CLI_INSERT_H
#define SPK_CLI_INSERT_H

#include "cli/cli.h"

/*
 * Runs a bound INSERT. `owner` and `number` name its files: one owner a script, numbers from 1. Rows are visible when it is done, or none.
 * USAGE for sinks and sources that belong to jobs: Kafka, tables without an end.
 */
spk_status spk_cli_insert(struct spk_session *session, const struct spk_logical *insert, const char *owner, int64_t number, int64_t *rows, spk_error *err);

#endif
