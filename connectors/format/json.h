/*
 * The JSON format's inner parts: the text of one row as a list of tokens, and what may be read at a token.
 *
 * A row is malformed or well-formed as a whole, whatever columns are read: parts that are skipped are checked too, so the
 * same rows are bad when a query is changed to read other columns.
 */
#ifndef SPK_CONNECTORS_FORMAT_JSON_H
#define SPK_CONNECTORS_FORMAT_JSON_H

#include "connectors/format/field.h"
#include "connectors/format/format.h"
#include "connectors/format/simdjson_shim.h"

enum { SPK_JSON_DEPTH = 128, SPK_JSON_REASON = 256 };

/* A row and its tokens. Functions that return false say why in `reason`. */
struct spk_json_row {
	const char *text;
	uint32_t size;
	const uint32_t *at;     /* where each token begins */
	uint32_t count;
	bool escapes;           /* there is a backslash somewhere in the row */
	char reason[SPK_JSON_REASON];
};

/* What a decoder knows for good; decode.c makes it, value.c reads it. */
struct spk_json_target { struct spk_type type, declared; const char *name; };  /* type: that it is read as (spk_field_read_type) */

/* Indexes the row, behind which 16 bytes may be read. False also when memory is out: then *no_memory. */
bool spk_json_row_init(struct spk_json_row *r, struct spk_simdjson *parser, const char *text, uint32_t size, bool *no_memory);

/* Checks the value at token *k and moves *k behind it. `depth`: containers around it. */
bool spk_json_skip(struct spk_json_row *r, uint32_t *k, int depth);
/* Reason for what stands at token k where `expected` should. Always false. */
bool spk_json_unexpected(struct spk_json_row *r, uint32_t k, const char *expected);
/* Between the quotes of the string at token k, which must not be the last token. */
static inline const char *spk_json_string(const struct spk_json_row *r, uint32_t k, uint32_t *length)
{
	const char *start = r->text + r->at[k] + 1, *end = r->text + r->at[k + 1] - 1;

	while (*end != '"')  /* blanks before the next token */
		end--;
	*length = (uint32_t)(end - start);
	return start;
}

/* True when a number or literal may end before this byte. */
extern const uint8_t spk_json_ends_scalar[256];
/* Digits up to what 18 of them hold; *end behind the number. False: not a plain integer, or longer. */
static inline bool spk_json_plain_integer(const char *p, int64_t *v, const char **end)
{
	bool negative = *p == '-';
	const char *s = p + negative;
	uint64_t n = (uint8_t)(*s - '0');
	int digits = 1;

	if (n > 9)
		return false;
	for (s++; digits < 19; s++, digits++) {
		unsigned d = (uint8_t)(*s - '0');

		if (d > 9)
			break;
		n = n * 10 + d;
	}
	/* The first digit was 0 and others follow: not a JSON number. */
	if (digits > 18 || !spk_json_ends_scalar[(uint8_t)*s] || (p[negative] == '0' && digits > 1))
		return false;
	*v = negative ? -(int64_t)n : (int64_t)n;
	*end = s;
	return true;
}

enum spk_json_escape { SPK_JSON_ESCAPE_OK, SPK_JSON_ESCAPE_BAD, SPK_JSON_ESCAPE_SURROGATE };
/* Checks the escapes of a string and, with `out` (room for n bytes), writes it without them; *length in bytes. SURROGATE: \u escapes
 * that are no character. `out` may be NULL. */
enum spk_json_escape spk_json_unescape(const char *s, uint32_t n, char *out, uint32_t *length);
/* Length of the number at p, which has something readable behind it; 0 when that is no number. *integer: without fraction
 * and exponent. */
uint32_t spk_json_number(const char *p, const char *end, bool *integer);
/*
 * The value at token *k into row `row` of `out` (FLAT, made for the batch); *k moves behind it. DATA: the row is bad and r->reason
 * says why; r is then to be read no further from *k.
 */
spk_status spk_json_store(struct spk_json_row *r, uint32_t *k, const struct spk_json_target *target, const struct spk_field_rules *rules, struct spk_vector *out, int row, int rows, struct spk_arena *arena, spk_error *err);

/* --- the format's decoder --- */

/*
 * What a writer spells otherwise than the format 'json'. store: as spk_json_store; *hole: the value is left out since it did not change, and *k is behind
 * it. Read-only, shared by threads.
 */
struct spk_json_dialect {
	spk_status (*store)(const struct spk_json_dialect *d, struct spk_json_row *r, uint32_t *k, const struct spk_json_target *target, const struct spk_field_rules *rules,
			    struct spk_vector *out, int row, int rows, struct spk_arena *arena, bool *hole, spk_error *err);
};
/* A bit per column, `bytes` bytes per row: which values are left out. any: at least one is. */
struct spk_json_holes { uint8_t *bits; int bytes; bool any; };

/* dialect NULL: none. Borrowed. */
spk_status spk_json_decoder_open_as(struct spk_decoder **out, const struct spk_format_spec *spec, const struct spk_json_dialect *dialect, spk_error *err);
/* holes (zeroed, with room): where the decoder has a dialect; may be NULL. */
spk_status spk_json_decode_holes(struct spk_decoder *d, const struct spk_view *raw, int n, struct spk_batch *batch, struct spk_json_holes *holes, struct spk_row_errors *errors, spk_error *err);
/* A parser to index other texts with, lent out; NULL when memory is out. */
struct spk_simdjson *spk_json_borrow_parser(struct spk_decoder *d);
void spk_json_give_parser_back(struct spk_decoder *d, struct spk_simdjson *p);

spk_status spk_json_decode(struct spk_decoder *d, const struct spk_view *raw, int n, struct spk_batch *batch, struct spk_row_errors *errors, spk_error *err);
void spk_json_decoder_close(struct spk_decoder *d);


/* --- encoding: shared by json, debezium-json and changelog-json --- */

struct spk_json_writer;
spk_status spk_json_writer_new(struct spk_json_writer **out, const struct spk_format_spec *spec, spk_error *err);
void spk_json_writer_free(struct spk_json_writer *w);
/*
 * Objects for the selected rows. The i-th one is preceded by head[which] and followed by tail[which], where which is which[i]; without it 0, or 1 for a row of
 * negative weight. No frame: nothing.
 */
enum { SPK_JSON_FRAMES = 4 };
struct spk_json_frame { struct spk_view head[SPK_JSON_FRAMES], tail[SPK_JSON_FRAMES]; const uint8_t *which; };
spk_status spk_json_write(struct spk_json_writer *w, const struct spk_batch *batch, const struct spk_json_frame *frame, struct spk_buffer *out, uint32_t *end, spk_error *err);

/* NDJSON: one row a line, blank lines are none. The `split` of json, debezium-json and raw. */
spk_status spk_split_lines(const char *data, size_t size, bool last, struct spk_view *rows, int max_rows, int *n, size_t *used, const struct spk_table *table, spk_error *err);

/* Whether a file that begins so is a JSON array; *at: behind its bracket. */
bool spk_json_array_begins(const char *data, size_t size, size_t *at);
/*
 * The elements of an array as rows, as `split` gives rows. `first`: data begins behind the bracket; else behind an element. *ended: the array
 * has ended (and *used is size): nothing that follows is a row. DATA when it goes on in a way that no array does, or does not end.
 */
spk_status spk_json_split_array(const char *data, size_t size, bool first, bool last, struct spk_view *rows, int max_rows, int *n, size_t *used, bool *ended, spk_error *err);

#endif
