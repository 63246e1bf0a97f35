/* NOT NULL of columns, asked of what was read. */
#ifndef SPK_CONNECTORS_NOT_NULL_H
#define SPK_CONNECTORS_NOT_NULL_H

#include "connectors/connector.h"

/*
 * Rows of a decoded batch that have NULL where the table's column is NOT NULL go to errors (NULL: the call fails with DATA), those that are
 * there already once. metadata: of the columns with METADATA FROM; else of all others. Worker threads.
 */
spk_status spk_check_not_null(const struct spk_source *source, struct spk_batch *batch, bool metadata, struct spk_row_errors *errors, spk_error *err);

#endif
