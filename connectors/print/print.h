/* The sinks that keep nothing: print writes rows to stdout, blackhole counts them. */
#ifndef SPK_CONNECTORS_PRINT_PRINT_H
#define SPK_CONNECTORS_PRINT_PRINT_H

#include "connectors/connector.h"

extern const struct spk_sink_type spk_print_sink, spk_blackhole_sink;

/*
 * Aligned tables as psql prints them. Cells travel as text, each with a NUL behind it, `schema->count` of them a row; a NULL is empty.
 * What would break a line is shown as C escapes it.
 */
spk_status spk_print_cells(const struct spk_batch *batch, const char *timezone, struct spk_sink_block *block, spk_error *err);
/* `size` bytes of cells with a head above them and the number of rows below; numbers stand at the right. */
spk_status spk_print_table(const struct spk_schema *schema, const char *cells, size_t size, struct spk_buffer *out, spk_error *err);

#endif
