/* Where a key goes: as Java's default partitioner, so that topics written by either side can be joined by partition. */
#include "connectors/kafka/producer.h"

/*
 * MurmurHash2 (Austin Appleby, public domain), 32 bits, with the seed that Kafka's Java client uses. Its words are little-endian;
 * the last 1-3 bytes are taken together as one word.
 */
static uint32_t murmur2(const uint8_t *data, size_t size)
{
	const uint32_t multiplier = 0x5bd1e995;
	uint32_t h = 0x9747b28c ^ (uint32_t)size, word = 0;
	size_t i;

	for (i = 0; i + 4 <= size; i += 4) {
		word = (uint32_t)data[i] | (uint32_t)data[i + 1] << 8 | (uint32_t)data[i + 2] << 16 | (uint32_t)data[i + 3] << 24;
		word *= multiplier;
		word ^= word >> 24;
		word *= multiplier;
		h = h * multiplier ^ word;
	}
	if (i < size) {
		word = 0;
		for (size_t k = size; k > i; k--)
			word = word << 8 | data[k - 1];
		h = (h ^ word) * multiplier;
	}
	h ^= h >> 13;
	h *= multiplier;
	return h ^ h >> 15;
}

int32_t spk_kafka_murmur2_partition(const void *key, size_t size, int partitions)
{
	SPK_ASSERT(partitions > 0, "a topic has partitions");
	return (int32_t)((murmur2(key, size) & 0x7fffffff) % (uint32_t)partitions);
}
