/* debezium-json in: messages (debezium.c) and values (debezium_value.c). */
#ifndef SPK_CONNECTORS_FORMAT_DEBEZIUM_H
#define SPK_CONNECTORS_FORMAT_DEBEZIUM_H

#include "connectors/format/changelog.h"

spk_status spk_debezium_decoder_open(struct spk_decoder **out, const struct spk_format_spec *spec, spk_error *err);
void spk_debezium_decoder_close(struct spk_decoder *base);
spk_status spk_debezium_decode(struct spk_decoder *base, const struct spk_chunk *chunk, int from, int n, struct spk_batch *batch, struct spk_change_rows *out, struct spk_row_errors *errors, spk_error *err);

/* How the connector spells values, as the table's options say. USAGE on those that do not fit the table. */
spk_status spk_debezium_dialect_new(struct spk_json_dialect **out, const struct spk_format_spec *spec, spk_error *err);
void spk_debezium_dialect_free(struct spk_json_dialect *dialect);  /* NULL is fine */

#endif
