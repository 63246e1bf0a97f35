/*
 * The Arrow IPC streaming format (https://arrow.apache.org/docs/format/Columnar.html#ipc-streaming-format), written from what arrow_c.h
 * exports: a schema message, a message per batch, an end mark. pyarrow.ipc.open_stream and every other Arrow library read it.
 *
 * Metadata version V5, little-endian, no compression, no dictionaries; buffers begin at multiples of 64 bytes of their message's body.
 */
#ifndef SPK_CORE_COLUMNAR_ARROW_IPC_H
#define SPK_CORE_COLUMNAR_ARROW_IPC_H

#include "core/base/buffer.h"
#include "sparklet/arrow.h"

/* Appends the message that a stream begins with. UNSUPPORTED names a format that spk_arrow_export_schema does not give. */
spk_status spk_arrow_ipc_schema(const struct ArrowSchema *schema, struct spk_buffer *out, spk_error *err);
/* Appends one batch: a struct array of that schema, without offset. */
spk_status spk_arrow_ipc_batch(const struct ArrowSchema *schema, const struct ArrowArray *batch, struct spk_buffer *out, spk_error *err);
/* Appends the end mark. */
spk_status spk_arrow_ipc_end(struct spk_buffer *out, spk_error *err);

#endif
