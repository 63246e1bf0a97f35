/* Blocks of bytes on a disk. See block.h. */
#include "core/base/block.h"

#include <stddef.h>

#include <lz4.h>
#include <xxhash.h>

#include "core/base/check.h"

enum { WORTH_PERCENT = 90 };  /* compressed bytes are kept up to this part of the block's */

static uint64_t checksum(const struct spk_block *b, const void *payload)
{
	uint64_t seed = XXH3_64bits(b, offsetof(struct spk_block, checksum));

	return XXH3_64bits_withSeed(payload, b->stored, seed);
}

spk_status spk_block_pack(struct spk_block *b, const void *data, size_t size, struct spk_buffer *scratch, const void **payload, spk_error *err)
{
	int bound = LZ4_compressBound((int)size), packed;

	spk_buffer_clear(scratch);
	SPK_TRY(spk_buffer_reserve(scratch, (size_t)bound, err));
	packed = LZ4_compress_default(data, scratch->data, (int)size, bound);
	b->raw = (uint32_t)size;
	b->packed = packed > 0 && (size_t)packed <= size / 100 * WORTH_PERCENT;
	b->stored = b->packed ? (uint32_t)packed : (uint32_t)size;
	*payload = b->packed ? scratch->data : data;
	b->checksum = checksum(b, *payload);
	return SPK_OK;
}

const char *spk_block_unpack(const struct spk_block *b, const void *payload, void *to)
{
	if (b->packed > 1 || (!b->packed && b->stored != b->raw))
		return "its header is not what was written";
	if (b->checksum != checksum(b, payload))
		return "its checksum does not fit its bytes";
	if (!b->packed)
		memcpy(to, payload, b->raw);
	else if (LZ4_decompress_safe(payload, to, (int)b->stored, (int)b->raw) != (int)b->raw)
		return "it cannot be decompressed";
	return NULL;
}

size_t spk_block_scratch(size_t size) { return sizeof(struct spk_block) + (size_t)LZ4_compressBound((int)size); }
