/*
 * Columns out of an indexed piece of CSV, one column after the other for a few rows at a time: a kernel per type, whose loop knows
 * where every field lies.
 *
 * Kernels take the forms that values mostly have. What a kernel does not know goes to spk_csv_store, value by value; what that refuses
 * marks the row as bad. Bad rows, and rows with the wrong number of fields, are decoded again by themselves, as text: that finds the
 * reason to report, the same one that reading row by row would find.
 */
#include "connectors/format/csv_decode.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "core/base/check.h"
#include "core/columnar/decimal.h"
#include "core/expr/text.h"
#include "connectors/connector.h"
#include "connectors/format/digits.h"
#include "connectors/format/simdjson_shim.h"

/* Rows whose places and text stay in the nearest cache while one column after the other takes its fields. */
enum { ROWS_AT_ONCE = 256 };

struct field { const char *s; uint32_t n; bool quoted; };

/* --- fields --- */

static inline void mark_bad(struct spk_csv_work *w, int row)
{
	spk_bit_set(w->bad, row);
	w->any_bad = true;
}

/* A field that has a quote somewhere, perhaps. DATA: the row was marked. */
static struct field field_with_quotes(struct spk_csv_work *w, struct field f, int row, spk_status *status, spk_error *err)
{
	const struct spk_csv_options *o = &w->d->options;
	struct spk_csv_field cut;
	char *scratch;

	*status = SPK_OK;
	if (!w->piece->odd)
		return (struct field){ f.s + 1, f.n - 2, true };
	if (!o->quote || !memchr(f.s, o->quote, f.n))
		return f;
	scratch = spk_arena_alloc(w->batch->arena, (size_t)f.n + 48);
	if (!scratch) {
		*status = spk_fail_memory(err);
		return f;
	}
	memset(scratch, 0, 16);
	scratch += 16;
	if (SPK_UNLIKELY(spk_csv_cut(f.s, f.n, o, &cut, 1, scratch) != 1)) {
		mark_bad(w, row);
		*status = SPK_DATA;
		return f;
	}
	memset(scratch + cut.size, 0, 16);
	return (struct field){ cut.text, cut.size, cut.quoted };
}

static spk_status store_other(struct spk_csv_work *w, const struct spk_csv_target *t, struct field f, int row, spk_error *err)
{
	spk_status status = spk_csv_store(w, t, f.s, f.n, f.quoted, row, err);

	if (status != SPK_DATA)
		return status;
	mark_bad(w, row);
	return SPK_OK;
}

/* --- values --- */

static inline bool take_boolean(struct field f, uint8_t *out)
{
	if (f.n == 1 && (*f.s == 't' || *f.s == 'f'))
		*out = *f.s == 't';
	else if (f.n == 4 && memcmp(f.s, "true", 4) == 0)
		*out = 1;
	else if (f.n == 5 && memcmp(f.s, "false", 5) == 0)
		*out = 0;
	else
		return false;
	return true;
}

/* A quotient of two integers that doubles hold exactly is the double nearest to the decimal. */
static inline bool take_double(struct field f, double *out)
{
	static const double power[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18 };
	int64_t mantissa;
	int scale;

	if (!spk_field_decimal(f.s, f.n, &mantissa, &scale) || mantissa > INT64_C(1) << 53 || mantissa < -(INT64_C(1) << 53) || mantissa == 0)
		return false;
	*out = (double)mantissa / power[scale];
	return true;
}

/*
 * A decimal of a fixed scale: digits with a point where the scale wants it, or without one. Up to 18 digits, so that all is done in 64 bits; the
 * halves are stored one by one, because a store of 128 bits has to wait for them.
 */
struct decimal { uint32_t scale, most; uint64_t power, limit; };  /* most: digits before the point */

static struct decimal decimal_of(struct spk_type type)
{
	enum { DIGITS = 18 };
	int digits = type.precision > 0 ? SPK_MIN(type.precision, DIGITS) : DIGITS;

	if (type.scale >= DIGITS)
		return (struct decimal){ 0 };
	return (struct decimal){ (uint32_t)type.scale, (uint32_t)(DIGITS - type.scale), (uint64_t)spk_pow10(type.scale), (uint64_t)spk_pow10(digits) };
}

/* What a text's column takes without a closer look: so many bytes, and for char(n) no blank at the end. */
struct plain { uint32_t most; bool padded; };

static struct plain plain_of(struct spk_type type)
{
	return (struct plain){ type.precision ? (uint32_t)type.precision : UINT32_MAX, spk_type_is_padded(type) };
}

static inline bool take_view(struct plain plain, struct field f, struct spk_view *out)
{
	if (SPK_UNLIKELY(f.n > plain.most || (plain.padded && f.n && f.s[f.n - 1] == ' ')))
		return false;
	*out = spk_view_padded(f.s, f.n);
	return true;
}

/* --- kernels --- */

#define NAME(x) x##_any
#define TARGET
#define WHOLE spk_digits_whole
#define AROUND_POINT spk_digits_around_point
#define DATE spk_digits_date
#include "connectors/format/csv_kernels.h"

#if defined(__x86_64__)

#define AVX2 __attribute__((target("avx2,bmi,bmi2")))

/* Sixteen values 0 to 9, the highest digit first: pairs, fours, eights, all. */
static inline AVX2 bool join_sixteen(__m128i values, uint64_t *out)
{
	__m128i high = _mm_subs_epu8(values, _mm_set1_epi8(9)), pairs = _mm_maddubs_epi16(values, _mm_set1_epi16(0x010a));
	__m128i fours = _mm_madd_epi16(pairs, _mm_set1_epi32(0x00010064)), packed = _mm_packus_epi32(fours, fours);
	uint64_t eights = (uint64_t)_mm_cvtsi128_si64(_mm_madd_epi16(packed, _mm_set1_epi32(0x00012710)));

	*out = (eights & UINT32_MAX) * UINT64_C(100000000) + (eights >> 32);
	return _mm_testz_si128(high, high);
}

/* The last n of sixteen digits; zeros in front. */
static inline AVX2 __m128i last_values(__m128i digits, uint32_t n)
{
	static const uint8_t mask[32] = { [16] = 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255 };

	return _mm_and_si128(_mm_sub_epi8(digits, _mm_set1_epi8('0')), _mm_loadu_si128((const __m128i *)(const void *)(mask + n)));
}

static inline AVX2 bool whole_avx2(const char *s, uint32_t n, uint64_t *out)
{
	if (SPK_UNLIKELY(n - 1 > 15))
		return false;
	return join_sixteen(last_values(_mm_loadu_si128((const __m128i *)(const void *)(s + n - 16)), n), out);
}

/* The digits before the point move up by one, over it. */
static inline AVX2 bool around_point_avx2(const char *s, uint32_t n, uint32_t scale, uint64_t *out)
{
	static const int8_t move[32] = { -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14 };
	__m128i text = _mm_loadu_si128((const __m128i *)(const void *)(s + n - 16)), place = _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
	__m128i moved = _mm_loadu_si128((const __m128i *)(const void *)move), before = _mm_cmpgt_epi8(_mm_set1_epi8((char)(16 - scale)), place);

	return join_sixteen(last_values(_mm_shuffle_epi8(text, _mm_blendv_epi8(place, moved, before)), n - 1), out);
}

/* YYYYMMDD by moving the digits together: pairs are then century, year, month, day. */
static inline AVX2 bool date_avx2(const char *s, int32_t *days)
{
	const __m128i together = _mm_setr_epi8(0, 1, 2, 3, 5, 6, 8, 9, -1, -1, -1, -1, -1, -1, -1, -1);
	__m128i text = _mm_loadu_si128((const __m128i *)(const void *)s), values = _mm_shuffle_epi8(_mm_sub_epi8(text, _mm_set1_epi8('0')), together);
	__m128i high = _mm_subs_epu8(values, _mm_set1_epi8(9));
	uint64_t pairs = (uint64_t)_mm_cvtsi128_si64(_mm_maddubs_epi16(values, _mm_set1_epi16(0x010a)));

	if (!_mm_testz_si128(high, high) || s[4] != '-' || s[7] != '-')
		return false;
	return spk_digits_day((uint32_t)(pairs & 0xffff) * 100 + (uint32_t)(pairs >> 16 & 0xffff), (uint32_t)(pairs >> 32 & 0xffff), (uint32_t)(pairs >> 48), days);
}

#define NAME(x) x##_avx2
#define TARGET AVX2
#define WHOLE whole_avx2
#define AROUND_POINT around_point_avx2
#define DATE date_avx2
#include "connectors/format/csv_kernels.h"

#endif

spk_csv_kernel *spk_csv_kernel_for(struct spk_type type)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2"))
		return kernel_for_avx2(type);
#endif
	return kernel_for_any(type);
}

/* --- rows --- */

static spk_status run_kernels(struct spk_csv_work *w, int row, int end, spk_error *err)
{
	for (int at = row; at < end; at += ROWS_AT_ONCE)
		for (int i = 0; i < w->d->targets; i++) {
			const struct spk_csv_target *t = &w->d->target[i];

			if (!w->first || w->first[t->column] == w->pass)
				SPK_TRY(t->kernel(w, t, at, SPK_MIN(at + ROWS_AT_ONCE, end), err));
		}
	return SPK_OK;
}

/* The rows that have no places: the first of them in the batch's rows or behind. */
static const struct spk_piece_row *first_wrong(const struct spk_csv_work *w)
{
	const struct spk_piece_row *p = w->piece->wrong, *stop = p + w->piece->wrong_count;

	while (p < stop && p->row < w->from)
		p++;
	return p;
}

/* The runs of rows between those that have no places, which are marked. */
static spk_status decode_runs(struct spk_csv_work *w, int n, spk_error *err)
{
	const struct spk_piece_row *stop = w->piece->wrong + w->piece->wrong_count;
	int row = 0;

	for (const struct spk_piece_row *p = first_wrong(w); p < stop && p->row < w->from + n; p++) {
		SPK_TRY(run_kernels(w, row, p->row - w->from, err));
		mark_bad(w, p->row - w->from);
		row = p->row - w->from + 1;
	}
	return run_kernels(w, row, n, err);
}

static struct spk_piece_row row_text(const struct spk_csv_work *w, int row)
{
	const uint32_t *place = w->piece->place + (size_t)(w->from + row) * (size_t)w->piece->stride;

	return (struct spk_piece_row){ w->from + row, place[0] + 1, place[w->d->fields] };
}

/* Rows out of a piece that is not all text. */
static void find_strange_rows(struct spk_csv_work *w, int n)
{
	for (int row = 0; row < n; row++) {
		struct spk_piece_row r = row_text(w, row);

		if (!spk_bit(w->bad, row) && !spk_simdjson_is_text(w->piece->data + r.begin, r.end - r.begin))
			mark_bad(w, row);
	}
}

static spk_status decode_again(struct spk_csv_work *w, int row, const struct spk_piece_row *r, struct spk_row_errors *errors, spk_error *err)
{
	spk_status status;

	for (int i = 0; i < w->d->targets; i++) {
		struct spk_vector *v = &w->batch->column[w->d->target[i].column];

		if (v->valid)
			spk_bit_set(v->valid, row);
	}
	status = spk_csv_decode_text(w, w->piece->data + r->begin, r->end - r->begin, row, err);
	return status == SPK_DATA ? spk_field_row_failed(w->batch, row, w->reason, errors, err) : status;
}

/* All columns of the rows that were marked. */
static spk_status mend_rows(struct spk_csv_work *w, int n, struct spk_row_errors *errors, spk_error *err)
{
	const struct spk_piece_row *wrong = first_wrong(w), *stop = w->piece->wrong + w->piece->wrong_count;

	for (int row = 0; w->any_bad && row < n; row++) {
		struct spk_piece_row r = row_text(w, row);

		if (!spk_bit(w->bad, row))
			continue;
		while (wrong < stop && wrong->row < w->from + row)
			wrong++;
		if (wrong < stop && wrong->row == w->from + row)
			r = *wrong;
		SPK_TRY(decode_again(w, row, &r, errors, err));
	}
	return SPK_OK;
}

/* --- rows that somebody wants --- */

/* The columns that are left, of the rows that are: those that were mended have theirs. */
static spk_status decode_kept(struct spk_csv_work *w, const uint64_t *mended, const int32_t *sel, int n, spk_error *err)
{
	for (int i = 0, end; i < n; i = end) {
		end = i + 1;
		if (spk_bit(mended, sel[i]))
			continue;
		while (end < n && sel[end] == sel[end - 1] + 1 && !spk_bit(mended, sel[end]))
			end++;
		SPK_TRY(run_kernels(w, sel[i], sel[end - 1] + 1, err));
	}
	return SPK_OK;
}

static spk_status decode_sieved(struct spk_csv_work *w, const struct spk_sieve *sieve, int n, struct spk_row_errors *errors, spk_error *err)
{
	uint64_t *mended = w->bad;

	w->first = sieve->first;
	w->pass = true;
	SPK_TRY(decode_runs(w, n, err));
	if (SPK_UNLIKELY(w->piece->strange))
		find_strange_rows(w, n);
	SPK_TRY(mend_rows(w, n, errors, err));
	SPK_TRY(spk_sieve_batch(sieve, w->batch, err));
	w->pass = w->any_bad = false;
	w->bad = SPK_NEW_ARRAY(w->batch->arena, uint64_t, spk_bitmap_words(n) + 1);
	SPK_TRY_PTR(w->bad, err);
	SPK_TRY(decode_kept(w, mended, w->batch->sel, w->batch->selected, err));
	return mend_rows(w, n, errors, err);
}

spk_status spk_csv_decode_piece(struct spk_decoder *base, const struct spk_piece *piece, int from, int n, struct spk_batch *batch, const struct spk_sieve *sieve, struct spk_row_errors *errors, spk_error *err)
{
	struct spk_csv_work w = { .piece = piece, .from = from };

	SPK_TRY(spk_csv_work_init(&w, spk_container_of(base, struct spk_csv_decoder, base), batch, n, err));
	w.bad = SPK_NEW_ARRAY(batch->arena, uint64_t, spk_bitmap_words(n) + 1);
	SPK_TRY_PTR(w.bad, err);
	if (sieve)
		return decode_sieved(&w, sieve, n, errors, err);
	SPK_TRY(decode_runs(&w, n, err));
	if (SPK_UNLIKELY(piece->strange))
		find_strange_rows(&w, n);
	SPK_TRY(mend_rows(&w, n, errors, err));
	return spk_field_finish(batch, w.d->skip, false, &w.d->rules, errors, err);
}
