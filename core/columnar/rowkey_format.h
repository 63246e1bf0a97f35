/* The bytes of row keys, shared by their writer and their reader. Not for other folders. */
#ifndef SPK_CORE_COLUMNAR_ROWKEY_FORMAT_H
#define SPK_CORE_COLUMNAR_ROWKEY_FORMAT_H

#include "core/columnar/type.h"

enum {
	MARKER_NULL_FIRST = 1,
	MARKER_VALUE = 2,
	MARKER_NULL_LAST = 3,
	TEXT_ZERO = (char)0xff,      /* behind 00: a zero byte of the text itself */
	TEXT_END_BYTES = 2,          /* 00 00 */
	ARRAY_END = 0,               /* where the next element's marker would be */
	DECIMAL_BYTES = 17,          /* head, 38 digits as a signed 128-bit integer */
	DECIMAL_HEAD_ZERO = 128,     /* head of 0; above it positive, by exponent; below negative */
	DECIMAL_HEAD_BIAS = 40,      /* makes every exponent -37..38 positive */
};

#define SIGN64 UINT64_C(0x8000000000000000)

/* Negative floats with all bits inverted, others with the sign bit: unsigned order is then the floats'. -0 is 0, NaN last. */
static inline uint64_t double_to_order(double v)
{
	uint64_t bits;

	v += 0.0;
	memcpy(&bits, &v, 8);
	bits = v != v ? UINT64_C(0x7ff8000000000000) : bits;
	return bits & SIGN64 ? ~bits : bits | SIGN64;
}
static inline double double_from_order(uint64_t bits)
{
	double v;

	bits = bits & SIGN64 ? bits ^ SIGN64 : ~bits;
	memcpy(&v, &bits, 8);
	return v;
}
static inline uint32_t float_to_order(float v)
{
	uint32_t bits;

	v += 0.0f;
	memcpy(&bits, &v, 4);
	bits = v != v ? 0x7fc00000u : bits;
	return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}
static inline float float_from_order(uint32_t bits)
{
	float v;

	bits = bits & 0x80000000u ? bits ^ 0x80000000u : ~bits;
	memcpy(&v, &bits, 4);
	return v;
}

/* First byte of a decimal of the form that spk_decimal_normal gives. */
static inline uint8_t decimal_head(spk_int128 normal, int exponent)
{
	if (!normal)
		return DECIMAL_HEAD_ZERO;
	return (uint8_t)(normal > 0 ? DECIMAL_HEAD_ZERO + DECIMAL_HEAD_BIAS + exponent :
	                              DECIMAL_HEAD_ZERO - DECIMAL_HEAD_BIAS - exponent);
}

#endif
