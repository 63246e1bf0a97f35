/*
 * The CSV format's inner parts: RFC 4180 as PostgreSQL's COPY takes it. A quote toggles quoting wherever it stands in a field, two inside
 * of quotes are one, and only outside of quotes do delimiters and line ends count.
 */
#ifndef SPK_CONNECTORS_FORMAT_CSV_H
#define SPK_CONNECTORS_FORMAT_CSV_H

#include "connectors/format/field.h"
#include "connectors/format/format.h"

struct spk_csv_options { char delimiter; const char *null; uint32_t null_size; bool header; };

/* From a table's options, which were checked. */
struct spk_csv_options spk_csv_options(const struct spk_table *table);

/* A field without its quotes. */
struct spk_csv_field { const char *text; uint32_t size; bool quoted; };
/*
 * Cuts a row that has quotes into fields, at most `capacity`; text without quotes goes into `scratch` (room for the row's size).
 * Returns their number, which may be larger than capacity, or -1 when a quoted field does not end.
 */
int spk_csv_cut(const char *row, uint32_t size, char delimiter, struct spk_csv_field *out, int capacity, char *scratch);

spk_status spk_csv_decoder_open(struct spk_decoder **out, const struct spk_format_spec *spec, spk_error *err);
spk_status spk_csv_decode(struct spk_decoder *d, const struct spk_view *raw, int n, struct spk_batch *batch, struct spk_row_errors *errors, spk_error *err);
void spk_csv_decoder_close(struct spk_decoder *d);

#endif
