/* SHA-2: rounds on 32-bit words (224, 256) and on 64-bit ones (384, 512) differ in shifts and in their number alone. SHA-1 has other rounds, and five words of state. */
#include "core/expr/sha2.h"

#include <stdint.h>
#include <string.h>

/* Of the cube roots of the first 80 primes, the 64 bits behind the point; the short rounds take the upper half of the first 64. */
static const uint64_t round_constant[80] = {
	0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc, 0x3956c25bf348b538, 0x59f111f1b605d019,
	0x923f82a4af194f9b, 0xab1c5ed5da6d8118, 0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
	0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694, 0xe49b69c19ef14ad2, 0xefbe4786384f25e3,
	0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65, 0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
	0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4, 0xc6e00bf33da88fc2, 0xd5a79147930aa725,
	0x06ca6351e003826f, 0x142929670a0e6e70, 0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
	0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b, 0xa2bfe8a14cf10364, 0xa81a664bbc423001,
	0xc24b8b70d0f89791, 0xc76c51a30654be30, 0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
	0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8, 0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb,
	0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3, 0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
	0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b, 0xca273eceea26619c, 0xd186b8c721c0c207,
	0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178, 0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
	0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c, 0x4cc5d4becb3e42b6, 0x597f299cfc657e2a,
	0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
};

/* Of the square roots of the first 16 primes; SHA-224 starts with the lower halves of the last eight. */
static const uint64_t start[16] = {
	0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
	0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
	0xcbbb9d5dc1059ed8, 0x629a292a367cd507, 0x9159015a3070dd17, 0x152fecd8f70e5939,
	0x67332667ffc00b31, 0x8eb44a8768581511, 0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4,
};

static const uint32_t start160[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };

static inline uint32_t turn32(uint32_t v, int n) { return v >> n | v << (32 - n); }
static inline uint64_t turn64(uint64_t v, int n) { return v >> n | v << (64 - n); }

/* One block of 16 words: A.. are shifts of the two sums of the state, C.. of the words' (the last of three without turning). */
#define BLOCK(name, word_t, turn, ROUNDS, CONSTANT, A1, A2, A3, B1, B2, B3, C1, C2, C3, D1, D2, D3) \
	static void name(word_t state[8], const unsigned char *p) \
	{ \
		word_t w[ROUNDS], v[8]; \
		for (int i = 0; i < 16; i++) { \
			w[i] = 0; \
			for (size_t b = 0; b < sizeof(word_t); b++) \
				w[i] = (word_t)(w[i] << 8 | p[(size_t)i * sizeof(word_t) + b]); \
		} \
		for (int i = 16; i < ROUNDS; i++) \
			w[i] = w[i - 16] + w[i - 7] + (turn(w[i - 15], C1) ^ turn(w[i - 15], C2) ^ w[i - 15] >> C3) + (turn(w[i - 2], D1) ^ turn(w[i - 2], D2) ^ w[i - 2] >> D3); \
		memcpy(v, state, sizeof v); \
		for (int i = 0; i < ROUNDS; i++) { \
			word_t choice = (v[4] & v[5]) ^ (~v[4] & v[6]), majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]); \
			word_t one = v[7] + (turn(v[4], B1) ^ turn(v[4], B2) ^ turn(v[4], B3)) + choice + CONSTANT + w[i]; \
			word_t two = (turn(v[0], A1) ^ turn(v[0], A2) ^ turn(v[0], A3)) + majority; \
			memmove(v + 1, v, sizeof v - sizeof *v); \
			v[4] += one; \
			v[0] = one + two; \
		} \
		for (int i = 0; i < 8; i++) \
			state[i] += v[i]; \
	}
BLOCK(block32, uint32_t, turn32, 64, (uint32_t)(round_constant[i] >> 32), 2, 13, 22, 6, 11, 25, 7, 18, 3, 17, 19, 10)
BLOCK(block64, uint64_t, turn64, 80, round_constant[i], 28, 34, 39, 14, 18, 41, 1, 8, 7, 19, 61, 6)

/* One block of SHA-1. */
static void block160(uint32_t state[8], const unsigned char *p)
{
	static const uint32_t constant[4] = { 0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6 };
	uint32_t w[80], v[5];

	for (int i = 0; i < 80; i++)
		w[i] = i < 16 ? (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 | (uint32_t)p[4 * i + 2] << 8 | p[4 * i + 3] : turn32(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 31);
	memcpy(v, state, sizeof v);
	for (int i = 0; i < 80; i++) {
		const uint32_t choice = (v[1] & v[2]) | (~v[1] & v[3]), parity = v[1] ^ v[2] ^ v[3], majority = (v[1] & v[2]) | (v[1] & v[3]) | (v[2] & v[3]);
		const uint32_t next = turn32(v[0], 27) + (i < 20 ? choice : i < 40 || i >= 60 ? parity : majority) + v[4] + constant[i / 20] + w[i];

		memmove(v + 1, v, sizeof v - sizeof *v);
		v[0] = next;
		v[2] = turn32(v[2], 2);
	}
	for (int i = 0; i < 5; i++)
		state[i] += v[i];
}

/* All blocks, the last ones with a bit that ends the data and its length in bits. */
#define DIGEST(name, word_t, block) \
	static void name(word_t state[8], const unsigned char *p, size_t size) \
	{ \
		enum { BYTES = 16 * sizeof(word_t) }; \
		unsigned char tail[2 * BYTES] = { 0 }; \
		size_t left = size % BYTES, padded = left < BYTES - 2 * sizeof(word_t) ? BYTES : 2 * BYTES; \
		for (size_t i = 0; i + BYTES <= size; i += BYTES) \
			block(state, p + i); \
		memcpy(tail, p + size - left, left); \
		tail[left] = 0x80; \
		for (size_t i = 0; i < 8; i++) \
			tail[padded - 1 - i] = (unsigned char)((uint64_t)size * 8 >> (8 * i)); \
		for (size_t i = 0; i < padded; i += BYTES) \
			block(state, tail + i); \
	}
DIGEST(digest32, uint32_t, block32)
DIGEST(digest64, uint64_t, block64)
DIGEST(digest160, uint32_t, block160)

void spk_sha2(int bits, const void *data, size_t size, unsigned char *out)
{
	const uint64_t *from = bits == 224 || bits == 384 ? start + 8 : start;
	uint32_t state32[8];
	uint64_t state64[8];

	if (bits <= 256) {
		for (int i = 0; i < 8; i++)
			state32[i] = bits == 224 ? (uint32_t)from[i] : (uint32_t)(from[i] >> 32);
		if (bits == 160)
			memcpy(state32, start160, sizeof start160);
		(bits == 160 ? digest160 : digest32)(state32, data, size);
		for (int i = 0; i < bits / 8; i++)
			out[i] = (unsigned char)(state32[i / 4] >> (24 - i % 4 * 8));
		return;
	}
	memcpy(state64, from, sizeof state64);
	digest64(state64, data, size);
	for (int i = 0; i < bits / 8; i++)
		out[i] = (unsigned char)(state64[i / 8] >> (56 - i % 8 * 8));
}
