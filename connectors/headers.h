/*
 * Headers of messages, as METADATA columns: 'headers' (jsonb: an object of names and texts, null for what is none) and 'headers.NAME' (text or bytea: the last of that name).
 *
 * What a source keeps of a message's headers (struct spk_chunk) is one string of bytes: of each header the size of its name and that of its value (uint32, HEADERS_NONE: it has
 * none), then both.
 */
#ifndef SPK_CONNECTORS_HEADERS_H
#define SPK_CONNECTORS_HEADERS_H

#include "connectors/connector.h"

/* Whether a column of the table is made of them. */
bool spk_headers_wanted(const struct spk_table *t);
/* Adds a header; value NULL: it has none. */
spk_status spk_headers_put(struct spk_buffer *out, const char *name, const void *value, size_t size, spk_error *err);
/* The column of metadata `key`, rows from, ..., from + n - 1 of the chunk. *fits false: there is no such column, or not of this type; nothing was done. */
spk_status spk_headers_fill(const struct spk_chunk *chunk, int from, int n, const char *key, struct spk_type type, struct spk_vector *out, struct spk_arena *arena, bool *fits, spk_error *err);

#endif
