/*
 * Blocks of bytes on a disk: lz4-compressed where that helps, behind a header that tells what they are, with an XXH3 checksum over both. What
 * spill space and stored relations are made of.
 */
#ifndef SPK_CORE_BASE_BLOCK_H
#define SPK_CORE_BASE_BLOCK_H

#include <stdint.h>

#include "core/base/buffer.h"

/* magic, run and number are the user's: they are under the checksum, too. stored: bytes behind the header. */
struct spk_block { uint32_t magic, run, number, raw, stored, packed; uint64_t checksum; };

/* Fills the rest of the header for up to 1 GiB of data. *payload: its `stored` bytes, which are the data or lie in `scratch`. */
spk_status spk_block_pack(struct spk_block *block, const void *data, size_t size, struct spk_buffer *scratch, const void **payload, spk_error *err);
/* The data again, to `to` with room for block->raw bytes. NULL, or what is wrong with it; the user's fields are not looked at. */
const char *spk_block_unpack(const struct spk_block *block, const void *payload, void *to);
/* Room that `scratch` needs for so many bytes. */
size_t spk_block_scratch(size_t size);

#endif
