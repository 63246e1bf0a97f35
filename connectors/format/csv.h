/*
 * The CSV format's inner parts: RFC 4180 as PostgreSQL's COPY takes it. A quote toggles quoting wherever it stands in a field, two inside
 * of quotes are one, and only outside of quotes do delimiters and line ends count. With an escape of its own that character takes
 * the meaning of a quote or of itself behind it, inside of quotes only. A comment is a line that begins with 'csv.comment'.
 *
 *   csv.c          options; the format as a table of functions
 *   csv_rows.c     pieces into rows, rows into fields
 *   csv_decode.c   one row at a time into columns: messages, and whatever is unusual
 *   csv_index.c    a piece of a file into the places of all its fields, 64 bytes at a time (csv_pass.h)
 *   csv_column.c   those places into columns, a column at a time
 *   csv_encode.c   writing
 */
#ifndef SPK_CONNECTORS_FORMAT_CSV_H
#define SPK_CONNECTORS_FORMAT_CSV_H

#include "connectors/format/field.h"
#include "connectors/format/format.h"

struct spk_csv_options {
	char delimiter, quote, escape, comment;   /* quote 0: nothing is quoted; comment 0: there are none */
	const char *null;
	uint32_t null_size;
	bool header;
	bool forgiving;             /* a field that does not fit its column is NULL */
	bool plain;                 /* quotes escape themselves, no comments: what the index and ranges of files are made for */
};

/* From a table's options, which were checked. */
struct spk_csv_options spk_csv_options(const struct spk_table *table);

/* A field without its quotes. */
struct spk_csv_field { const char *text; uint32_t size; bool quoted; };
/*
 * Cuts a row into fields, at most `capacity`; their text goes into `scratch` (room for the row's size). Returns their number, which may be
 * larger than capacity, or -1 when a quoted field does not end.
 */
int spk_csv_cut(const char *row, uint32_t size, const struct spk_csv_options *o, struct spk_csv_field *out, int capacity, char *scratch);
spk_status spk_csv_split(const char *data, size_t size, bool last, struct spk_view *rows, int max_rows, int *n, size_t *used, const struct spk_table *table, spk_error *err);
/* The line end of the row that begins at p, `end` when it is not there; for any options. */
const char *spk_csv_row_end(const char *p, const char *end, const struct spk_csv_options *o);

spk_status spk_csv_decoder_open(struct spk_decoder **out, const struct spk_format_spec *spec, spk_error *err);
spk_status spk_csv_decode(struct spk_decoder *d, const struct spk_view *raw, int n, struct spk_batch *batch, struct spk_row_errors *errors, spk_error *err);
void spk_csv_decoder_close(struct spk_decoder *d);
int spk_csv_decoder_fields(const struct spk_decoder *d);  /* that a row must have */
spk_status spk_csv_index(struct spk_decoder *d, const char *data, size_t size, bool last, int max_rows, struct spk_arena *arena, struct spk_piece **out, size_t *used, spk_error *err);
spk_status spk_csv_decode_piece(struct spk_decoder *d, const struct spk_piece *piece, int from, int n, struct spk_batch *batch, const struct spk_sieve *sieve, struct spk_row_errors *errors, spk_error *err);

spk_status spk_csv_encoder_open(struct spk_encoder **out, const struct spk_format_spec *spec, spk_error *err);
spk_status spk_csv_encode(struct spk_encoder *e, const struct spk_batch *batch, struct spk_buffer *out, uint32_t *end, spk_error *err);
spk_status spk_csv_file_head(struct spk_encoder *e, struct spk_buffer *out, spk_error *err);
void spk_csv_encoder_close(struct spk_encoder *e);

/* --- the pass over a piece --- */

/* Finds delimiters and line ends outside of quotes, from the start of a row on, until data or room end. */
struct spk_csv_scan {
	const char *data;
	uint32_t size;
	char delimiter, quote;        /* quote 0: nothing is quoted */
	uint32_t *place;              /* out: their offsets, ascending. The pass may write SPK_CSV_SLACK more than it counts */
	size_t room, places;          /* it stops behind the block in which places reaches room */
	size_t line_ends;             /* out: how many of the places are line ends */
	uint32_t at;                  /* out: bytes looked at */
	bool open;                    /* out: a quoted field goes on behind `at` */
	/* out: a quote stands elsewhere than at the two ends of a field, or two of them together. Otherwise a field that begins with a quote is
	 * what lies between its first and last byte, and no other holds one. */
	bool odd;
	bool strange;                 /* out: there is a byte that is not ASCII, or 0 */
};
enum { SPK_CSV_SLACK = 128 };
struct spk_csv_pass { const char *name; void (*run)(struct spk_csv_scan *s); };
/* The passes that this machine can run, the best first. They give the same. */
int spk_csv_passes(const struct spk_csv_pass **out);

#endif
