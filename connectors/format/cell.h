/*
 * Values that know their type, put into the columns of a batch as they are decoded: what avro and protobuf share. A place is a FLAT vector that
 * spk_vector_init made and a row of it; where there are arrays, rows ascend without gaps. What a failed row left behind in the children of arrays
 * is written over by the next one.
 *
 * DATA from a function here means: this row is bad, and `reason` says why; nothing else is wrong.
 */
#ifndef SPK_CONNECTORS_FORMAT_CELL_H
#define SPK_CONNECTORS_FORMAT_CELL_H

#include "connectors/format/field.h"
#include "connectors/format/simdjson_shim.h"
#include "connectors/format/wire.h"
#include "core/columnar/jsonb.h"
#include "core/expr/text.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

enum { SPK_CELL_DEPTH = 128, SPK_CELL_REASON = 320, SPK_CELL_ELEMENTS = 1 << 16 };

/* One call of decode. */
struct spk_cells {
	struct spk_arena *arena;
	const char *what;               /* of a place in messages: "field" */
	int64_t elements;               /* that arrays of the row may yet have: its bytes and SPK_CELL_ELEMENTS, for elements that take none */
	struct spk_json_parser parser;
	struct spk_buffer json, text;   /* json: the text of the value being made; text: for what parsing needs */
	char reason[SPK_CELL_REASON];
	char small[SPK_VIEW_INLINE + 20];
};

void spk_cells_release(struct spk_cells *c);
/* The row's bytes with 16 readable ones behind them, also when they lie in their view. */
static inline struct spk_wire spk_cells_row(struct spk_cells *c, const struct spk_view *raw)
{
	c->elements = (int64_t)raw->length + SPK_CELL_ELEMENTS;
	if (SPK_LIKELY(raw->length > SPK_VIEW_INLINE))
		return spk_wire(raw);
	memcpy(c->small, raw->inlined, sizeof(raw->inlined));
	return (struct spk_wire){ (const uint8_t *)c->small, (const uint8_t *)c->small + raw->length };
}

/* `reason` in general, and for a value at a place: "field "x": found F, expected integer: WHY" (found and why may be NULL). Always DATA. */
void spk_cells_say(struct spk_cells *c, const char *format, ...) SPK_PRINTF(2, 3);
#define spk_cells_bad(...) (spk_cells_say(__VA_ARGS__), SPK_DATA)   /* so that compilers, too, know that it fails */
spk_status spk_cells_misfit(struct spk_cells *c, const char *name, struct spk_type type, const char *found, const char *why);
spk_status spk_cells_misfit_integer(struct spk_cells *c, const char *name, struct spk_type type, int64_t found, const char *why);

/* Whether bytes, with 16 readable ones behind them, are UTF-8 without NUL; quickly where they are ASCII. */
static inline bool spk_cell_is_text(const char *s, size_t n)
{
#if defined(__SSE2__)
	unsigned odd = 0;
	size_t i = 0;

	for (; i + 16 <= n; i += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)(s + i));

		odd |= (unsigned)_mm_movemask_epi8(v) | (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_setzero_si128()));
	}
	if (i < n) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)(s + i));

		odd |= ((unsigned)_mm_movemask_epi8(v) | (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_setzero_si128()))) & ((1u << (n - i)) - 1);
	}
	if (SPK_LIKELY(!odd))
		return true;
#endif
	return spk_simdjson_is_text(s, n);
}

static inline void *spk_cell_slot(const struct spk_vector *v, int row)
{
	return (char *)v->data + (size_t)row * (size_t)spk_type_width(v->type);
}
/* A row that may have been NULL before has a value now. */
static inline void spk_cell_valid(struct spk_vector *v, int row)
{
	if (SPK_UNLIKELY(v->valid != NULL))
		spk_bit_set(v->valid, row);
}

/* Into a text: checked for UTF-8, NUL and length. `s` lives as long as the batch and has 16 readable bytes behind it. */
spk_status spk_cells_text(struct spk_cells *c, const char *name, struct spk_vector *v, int row, const char *s, uint32_t n);
/* The same for text that is known to be some, and may have nothing behind it. */
spk_status spk_cells_plain_text(struct spk_cells *c, const char *name, struct spk_vector *v, int row, const char *s, uint32_t n);
/* Into a smallint, integer, bigint, real, double or numeric. */
spk_status spk_cells_integer(struct spk_cells *c, const char *name, struct spk_vector *v, int row, int64_t value);
/* c->json into a json or jsonb. */
spk_status spk_cells_json(struct spk_cells *c, const char *name, struct spk_vector *v, int row, spk_error *err);
/* `more` elements behind the `used` ones of an array's child: takes them off `elements` and makes room; *rows: what the child then holds. */
spk_status spk_cells_elements(struct spk_cells *c, const char *name, struct spk_vector *child, int used, uint64_t more, int *rows, spk_error *err);

/* FLAT vectors of n rows, of the columns' own types. `skip`: by column, those that are not the format's. */
spk_status spk_cells_init_columns(struct spk_batch *batch, int n, const bool *skip, spk_error *err);
/* All columns of the row become NULL and c->reason goes to errors. */
spk_status spk_cells_row_failed(struct spk_cells *c, struct spk_batch *batch, int row, const bool *skip, struct spk_row_errors *errors, spk_error *err);

/* --- pieces of JSON text, appended to `out` --- */

spk_status spk_put_json_integer(struct spk_buffer *out, int64_t v, spk_error *err);
spk_status spk_put_json_double(struct spk_buffer *out, double v, bool real, spk_error *err);   /* NaN and infinities as strings */
spk_status spk_put_json_bytes(struct spk_buffer *out, const char *s, size_t n, spk_error *err);  /* base64 */
/* A date, time or timestamp as a string in PostgreSQL's form. */
spk_status spk_put_json_time(struct spk_buffer *out, struct spk_type type, const void *value, spk_error *err);

/* --- the columns of a table --- */

/* Physical columns of the spec's table in order; `column`: where the batch has it, -1: it is not read. */
struct spk_format_column { const char *name; struct spk_type type; bool nullable; int column; };
/* Into `arena`; skip[column of the batch]: not the format's. */
spk_status spk_format_columns(const struct spk_format_spec *spec, struct spk_arena *arena, struct spk_format_column **out, int *count, bool **skip, spk_error *err);
/* The field that is meant by a name: exactly, else without regard to case where only one fits; -1: none. name(user, i) names field i. */
int spk_find_field(const char *name, int count, const char *(*field)(const void *user, int i), const void *user);

#endif
