/*
 * Bytes of binary formats, never read past their end: integers of variable length (base 128, the lowest group first) and little-endian
 * words, as Avro and protobuf both have them. Functions that return false have found the end, or an integer of more than 64 bits.
 */
#ifndef SPK_CONNECTORS_FORMAT_WIRE_H
#define SPK_CONNECTORS_FORMAT_WIRE_H

#include <string.h>

#include "core/base/check.h"
#include "core/columnar/vector.h"

struct spk_wire { const uint8_t *p, *end; };

static inline size_t spk_wire_left(const struct spk_wire *w) { return (size_t)(w->end - w->p); }

static inline bool spk_wire_varint(struct spk_wire *w, uint64_t *out)
{
	uint64_t v = 0;

	if (SPK_LIKELY(w->p < w->end && *w->p < 0x80)) {
		*out = *w->p++;
		return true;
	}
	for (int shift = 0; shift < 70 && w->p < w->end; shift += 7) {
		uint8_t b = *w->p++;

		v |= (uint64_t)(b & 0x7f) << shift;
		if (b < 0x80) {
			*out = v;
			return shift < 63 || b <= 1;
		}
	}
	return false;
}

static inline int64_t spk_wire_unzigzag(uint64_t v) { return (int64_t)(v >> 1) ^ -(int64_t)(v & 1); }
static inline uint64_t spk_wire_zigzag(int64_t v) { return (uint64_t)v << 1 ^ (uint64_t)(v >> 63); }

/* A word as it lies there: little-endian, as this machine is (field.h asserts it). */
static inline bool spk_wire_word(struct spk_wire *w, void *out, size_t size)
{
	if (SPK_UNLIKELY(spk_wire_left(w) < size))
		return false;
	memcpy(out, w->p, size);
	w->p += size;
	return true;
}

static inline bool spk_wire_bytes(struct spk_wire *w, uint64_t size, const char **out)
{
	if (SPK_UNLIKELY(spk_wire_left(w) < size))
		return false;
	*out = (const char *)w->p;
	w->p += size;
	return true;
}

enum { SPK_VARINT_MAX = 10 };
/* At most SPK_VARINT_MAX bytes at `p`; returns what is behind them. */
static inline char *spk_wire_put_varint(char *p, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		*p++ = (char)(v | 0x80);
	*p++ = (char)v;
	return p;
}

static inline char *spk_wire_put_word(char *p, const void *word, size_t size)
{
	memcpy(p, word, size);
	return p + size;
}

/* The raw row's bytes. */
static inline struct spk_wire spk_wire(const struct spk_view *raw)
{
	const uint8_t *p = (const uint8_t *)spk_view_data(raw);

	return (struct spk_wire){ p, p + raw->length };
}

#endif
