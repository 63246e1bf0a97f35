/*
 * The index of a piece of CSV: where its fields end.
 *
 * A pass of vector instructions (csv_pass.h) lists delimiters and line ends. Where every row has as many fields as it must, which is
 * nearly always, that list is the index: row r's fields end at place[r * fields + 1 ...], and each begins behind the end before. Otherwise,
 * with rows that are too short, too long or blank and with CR before LF, it is written again row by row, one entry longer:
 * the first says where the row begins. Options that the pass does not know take a walk over the bytes to the same result.
 */
#include "connectors/format/csv_decode.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "core/base/check.h"
#include "connectors/connector.h"
#include "connectors/format/simdjson_shim.h"

/* --- the pass --- */

struct masks { uint64_t delimiter, line_end, quote, strange; };
struct carry { uint64_t inside, ended, closed, quoting, odd, strange; };

/* Whether what stands behind closing quotes at these bits is CR LF. */
static bool only_line_ends(const struct spk_csv_scan *s, uint32_t at, uint64_t bits)
{
	for (; bits; bits &= bits - 1) {
		uint32_t i = at + (uint32_t)__builtin_ctzll(bits);

		if (s->data[i] != '\r' || i + 1 == s->size || s->data[i + 1] != '\n')
			return false;
	}
	return true;
}

static inline uint64_t inside_by_shifts(uint64_t bits)
{
	for (int by = 1; by < 64; by *= 2)
		bits ^= bits << by;
	return bits;
}

static inline void places_one_by_one(uint32_t *out, uint64_t bits, uint32_t base)
{
	for (; bits; bits &= bits - 1)
		*out++ = base + (uint32_t)__builtin_ctzll(bits);
}

#if defined(__x86_64__)

static inline struct masks masks_sse2(const char *p, const struct spk_csv_scan *s)
{
	const __m128i delimiter = _mm_set1_epi8(s->delimiter), line_end = _mm_set1_epi8('\n'), quote = _mm_set1_epi8(s->quote), zero = _mm_setzero_si128();
	struct masks m = { 0 };

	for (int k = 0; k < 64; k += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + k));

		m.delimiter |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, delimiter)) << k;
		m.line_end |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, line_end)) << k;
		m.quote |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, quote)) << k;
		m.strange |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_or_si128(v, _mm_cmpeq_epi8(v, zero))) << k;
	}
	return m;
}

#define PASS pass_sse2
#define PASS_TARGET
#define PASS_MASKS masks_sse2
#define PASS_INSIDE inside_by_shifts
#define PASS_PLACES places_one_by_one
#include "connectors/format/csv_pass.h"

#define AVX2 __attribute__((target("avx2,bmi,pclmul,popcnt")))

static inline AVX2 struct masks masks_avx2(const char *p, const struct spk_csv_scan *s)
{
	const __m256i delimiter = _mm256_set1_epi8(s->delimiter), line_end = _mm256_set1_epi8('\n'), quote = _mm256_set1_epi8(s->quote), zero = _mm256_setzero_si256();
	struct masks m = { 0 };

	for (int k = 0; k < 64; k += 32) {
		__m256i v = _mm256_loadu_si256((const __m256i *)(const void *)(p + k));

		m.delimiter |= (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(v, delimiter)) << k;
		m.line_end |= (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(v, line_end)) << k;
		m.quote |= (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(v, quote)) << k;
		m.strange |= (uint64_t)(uint32_t)_mm256_movemask_epi8(_mm256_or_si256(v, _mm256_cmpeq_epi8(v, zero))) << k;
	}
	return m;
}

/* A product without carries by all ones is the running exclusive or. */
static inline AVX2 uint64_t inside_avx2(uint64_t bits)
{
	return (uint64_t)_mm_cvtsi128_si64(_mm_clmulepi64_si128(_mm_cvtsi64_si128((int64_t)bits), _mm_set1_epi8(-1), 0));
}

/* Twelve whether they are there or not: a loop that ends elsewhere every time costs more. */
static inline AVX2 void places_avx2(uint32_t *out, uint64_t bits, uint32_t base)
{
	for (int k = 0; k < 12; k++, bits = _blsr_u64(bits))
		out[k] = base + (uint32_t)_tzcnt_u64(bits);
	for (int k = 12; bits; k++, bits = _blsr_u64(bits))
		out[k] = base + (uint32_t)_tzcnt_u64(bits);
}

#define PASS pass_avx2
#define PASS_TARGET AVX2
#define PASS_MASKS masks_avx2
#define PASS_INSIDE inside_avx2
#define PASS_PLACES places_avx2
#include "connectors/format/csv_pass.h"

#define AVX512 __attribute__((target("avx512f,avx512bw,avx512vbmi2,bmi,pclmul,popcnt")))

static inline AVX512 struct masks masks_avx512(const char *p, const struct spk_csv_scan *s)
{
	__m512i v = _mm512_loadu_si512(p);

	return (struct masks){ _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8(s->delimiter)), _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('\n')),
	                       _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8(s->quote)), _mm512_movepi8_mask(v) | _mm512_testn_epi8_mask(v, v) };
}

static inline AVX512 uint64_t inside_avx512(uint64_t bits)
{
	return (uint64_t)_mm_cvtsi128_si64(_mm_clmulepi64_si128(_mm_cvtsi64_si128((int64_t)bits), _mm_set1_epi8(-1), 0));
}

/* The numbers of the bits, pressed together, sixteen at a time. */
static inline AVX512 void places_avx512(uint32_t *out, uint64_t bits, uint32_t base)
{
	const __m512i number = _mm512_set_epi8(63, 62, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43, 42, 41, 40, 39, 38, 37, 36, 35, 34, 33, 32,
	                                       31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
	__m512i pressed = _mm512_maskz_compress_epi8(bits, number), first = _mm512_set1_epi32((int)base);

	_mm512_storeu_si512(out, _mm512_add_epi32(first, _mm512_cvtepu8_epi32(_mm512_castsi512_si128(pressed))));
	if (SPK_UNLIKELY(__builtin_popcountll(bits) > 16)) {
		_mm512_storeu_si512(out + 16, _mm512_add_epi32(first, _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(pressed, 1))));
		_mm512_storeu_si512(out + 32, _mm512_add_epi32(first, _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(pressed, 2))));
		_mm512_storeu_si512(out + 48, _mm512_add_epi32(first, _mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(pressed, 3))));
	}
}

#define PASS pass_avx512
#define PASS_TARGET AVX512
#define PASS_MASKS masks_avx512
#define PASS_INSIDE inside_avx512
#define PASS_PLACES places_avx512
#include "connectors/format/csv_pass.h"

#else

static inline struct masks masks_bytes(const char *p, const struct spk_csv_scan *s)
{
	struct masks m = { 0 };

	for (int k = 0; k < 64; k++) {
		m.delimiter |= (uint64_t)(p[k] == s->delimiter) << k;
		m.line_end |= (uint64_t)(p[k] == '\n') << k;
		m.quote |= (uint64_t)(p[k] == s->quote) << k;
		m.strange |= (uint64_t)(p[k] == 0 || (uint8_t)p[k] > 127) << k;
	}
	return m;
}

#define PASS pass_bytes
#define PASS_TARGET
#define PASS_MASKS masks_bytes
#define PASS_INSIDE inside_by_shifts
#define PASS_PLACES places_one_by_one
#include "connectors/format/csv_pass.h"

#endif

int spk_csv_passes(const struct spk_csv_pass **out)
{
#if defined(__x86_64__)
	static const struct spk_csv_pass passes[] = { { "avx512", pass_avx512 }, { "avx2", pass_avx2 }, { "sse2", pass_sse2 } };
	bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("popcnt");
	int first = avx2 && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vbmi2") ? 0 : avx2 ? 1 : 2;
#else
	static const struct spk_csv_pass passes[] = { { "bytes", pass_bytes } };
	int first = 0;
#endif

	*out = passes + first;
	return (int)SPK_COUNT_OF(passes) - first;
}

/* --- rows --- */

/* A piece whose rows are written one by one, because they are not all alike. */
struct builder {
	const char *data;
	int fields, rows, most;
	uint32_t *place;
	struct spk_piece_row *wrong;
	int wrong_count;
};

static spk_status builder_init(struct builder *b, const struct spk_csv_decoder *d, const char *data, size_t size, int max_rows, struct spk_arena *arena, spk_error *err)
{
	/* Rows of the right number of fields have a byte for each; of others only so many are taken at a time. */
	int most = (int)SPK_MIN((size_t)max_rows, size / (size_t)SPK_MAX(d->fields, 1) + 1);

	*b = (struct builder){ .data = data, .fields = d->fields, .most = most };
	b->place = spk_arena_alloc(arena, sizeof(*b->place) * (size_t)most * ((size_t)d->fields + 1));
	b->wrong = spk_arena_alloc(arena, sizeof(*b->wrong) * (size_t)most);
	SPK_TRY_PTR(b->place && b->wrong, err);
	return SPK_OK;
}

/* The row [begin, stop), whose n fields end at end[0..n); of a row with too many not all of them need be there. `open`: the last does not end. */
static void add_row(struct builder *b, uint32_t begin, uint32_t stop, const uint32_t *end, int n, bool open)
{
	uint32_t *place = b->place + (size_t)b->rows * ((size_t)b->fields + 1);

	if (stop > begin && b->data[stop - 1] == '\r')
		stop--;
	/* Blank lines are nothing, unless there is only one column: then they are its NULLs. */
	if (stop == begin && b->fields != 1)
		return;
	place[0] = begin - 1;
	if (n == b->fields && !open) {
		memcpy(place + 1, end, sizeof(*end) * (size_t)n);
		place[n] = stop;
	} else {
		b->wrong[b->wrong_count++] = (struct spk_piece_row){ b->rows, begin, stop };
	}
	b->rows++;
}

static void builder_finish(const struct builder *b, struct spk_piece *out)
{
	out->place = b->place;
	out->stride = b->fields + 1;
	out->rows = b->rows;
	out->wrong = b->wrong;
	out->wrong_count = b->wrong_count;
}

/* Whether the list of places (behind place[0]) is `rows` rows of as many fields as there must be, all of whose lines end in LF alone. */
static bool all_alike(const char *data, const uint32_t *place, int fields, int rows, size_t line_ends, size_t size)
{
	if ((size_t)rows != line_ends)
		return false;
	for (int r = 1; r <= rows; r++) {
		uint32_t end = place[(size_t)r * (size_t)fields];

		if (end != size && (data[end] != '\n' || (end && data[end - 1] == '\r')))
			return false;
	}
	return rows == 0 || place[(size_t)rows * (size_t)fields] != size || data[size - 1] != '\r';
}

/* Rows from the list of places. */
static spk_status build_rows(const struct spk_csv_decoder *d, const struct spk_csv_scan *s, int max_rows, struct spk_arena *arena, struct spk_piece *out, size_t *used, spk_error *err)
{
	struct builder b;
	uint32_t begin = 0;
	size_t first = 0;

	SPK_TRY(builder_init(&b, d, s->data, s->size, max_rows, arena, err));
	for (size_t i = 0; i < s->places && b.rows < b.most; i++) {
		if (s->place[i] != s->size && s->data[s->place[i]] != '\n')
			continue;
		add_row(&b, begin, s->place[i], s->place + first, (int)(i + 1 - first), s->open && s->place[i] == s->size);
		begin = s->place[i] + 1;
		first = i + 1;
	}
	*used = SPK_MIN(begin, s->size);
	builder_finish(&b, out);
	return SPK_OK;
}

/* Runs the pass. s->place is then behind an entry for the place before the first row. */
static spk_status find_places(struct spk_csv_scan *s, struct spk_arena *arena, spk_error *err)
{
	const struct spk_csv_pass *pass;
	uint32_t *place = spk_arena_alloc(arena, sizeof(*place) * (s->room + 2 + SPK_CSV_SLACK));

	SPK_TRY_PTR(place, err);
	place[0] = UINT32_MAX;
	s->place = place + 1;
	spk_csv_passes(&pass);
	pass->run(s);
	return SPK_OK;
}

/* A row that the end of the file ends. */
static void end_last_row(struct spk_csv_scan *s)
{
	uint32_t last = s->places ? s->place[s->places - 1] : 0;

	if (s->at != s->size || s->size == 0 || (s->places && last + 1 == s->size && s->data[last] == '\n'))
		return;
	s->place[s->places++] = s->size;
	s->line_ends++;
}

static spk_status index_plain(const struct spk_csv_decoder *d, struct spk_csv_scan *s, bool last, int max_rows, struct spk_arena *arena, struct spk_piece *out, size_t *used, spk_error *err)
{
	size_t fields = (size_t)d->fields;

	s->room = SPK_MIN((size_t)max_rows * fields, (size_t)s->size + 1);
	SPK_TRY(find_places(s, arena, err));
	if (s->line_ends == 0 && s->at < s->size) {
		/* A row with more fields than all rows should have together. */
		*s = (struct spk_csv_scan){ .data = s->data, .size = s->size, .delimiter = s->delimiter, .quote = s->quote, .room = (size_t)s->size + 1 };
		SPK_TRY(find_places(s, arena, err));
	}
	if (last)
		end_last_row(s);
	out->odd = s->odd;
	out->rows = (int)SPK_MIN(s->places / fields, (size_t)INT32_MAX);
	if ((last && s->open) || !all_alike(s->data, s->place - 1, d->fields, out->rows, s->line_ends, s->size))
		return build_rows(d, s, max_rows, arena, out, used, err);
	out->rows = SPK_MIN(out->rows, max_rows);
	out->place = s->place - 1;
	out->stride = d->fields;
	*used = out->rows ? SPK_MIN(out->place[(size_t)out->rows * fields] + 1, s->size) : 0;
	return SPK_OK;
}

/* The fields of one row, by a walk; their number. At most d->fields + 1 ends are written. *open: the last does not end. */
static int walk_row(const struct spk_csv_decoder *d, const char *data, const char *p, const char *stop, uint32_t *end, bool *open)
{
	const struct spk_csv_options *o = &d->options;
	bool inside = false;
	int n = 0;

	for (; p < stop; p++) {
		if (inside && o->escape != o->quote && *p == o->escape && p + 1 < stop && (p[1] == o->quote || p[1] == o->escape))
			p++;
		else if (o->quote && *p == o->quote)
			inside = !inside;
		else if (*p == o->delimiter && !inside && n <= d->fields)
			end[n++] = (uint32_t)(p - data);
	}
	if (n <= d->fields)
		end[n++] = (uint32_t)(stop - data);
	*open = inside;
	return n;
}

/* Any options. */
static spk_status index_by_walk(const struct spk_csv_decoder *d, const char *data, size_t size, bool last, int max_rows, struct spk_arena *arena, struct spk_piece *out, size_t *used, spk_error *err)
{
	uint32_t *end = spk_arena_alloc(arena, sizeof(*end) * ((size_t)d->fields + 2));
	const char *p = data, *stop = data + size;
	struct builder b;

	SPK_TRY_PTR(end, err);
	SPK_TRY(builder_init(&b, d, data, size, max_rows, arena, err));
	while (p < stop && b.rows < b.most) {
		const char *line = spk_csv_row_end(p, stop, &d->options);
		bool open;
		int fields;

		if (line == stop && !last)
			break;
		fields = walk_row(d, data, p, line, end, &open);
		if (!d->options.comment || *p != d->options.comment)
			add_row(&b, (uint32_t)(p - data), (uint32_t)(line - data), end, fields, open);
		p = line < stop ? line + 1 : stop;
	}
	*used = (size_t)(p - data);
	out->odd = true;
	builder_finish(&b, out);
	return SPK_OK;
}

spk_status spk_csv_index(struct spk_decoder *base, const char *data, size_t size, bool last, int max_rows, struct spk_arena *arena, struct spk_piece **out, size_t *used, spk_error *err)
{
	const struct spk_csv_decoder *d = spk_container_of(base, struct spk_csv_decoder, base);
	struct spk_csv_scan scan = { .data = data, .size = (uint32_t)size, .delimiter = d->options.delimiter, .quote = d->options.quote };
	struct spk_piece *piece = SPK_NEW(arena, struct spk_piece);

	SPK_TRY_PTR(piece, err);
	SPK_ASSERT(size < UINT32_MAX / 2, "a piece is too large for its index");
	piece->data = data;
	if (d->options.plain && d->fields > 0)
		SPK_TRY(index_plain(d, &scan, last, max_rows, arena, piece, used, err));
	else
		SPK_TRY(index_by_walk(d, data, size, last, max_rows, arena, piece, used, err));
	piece->strange = (scan.strange || !d->options.plain || d->fields == 0) && !spk_simdjson_is_text(data, *used);
	*out = piece;
	return SPK_OK;
}
