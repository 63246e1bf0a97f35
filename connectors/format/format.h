/*
 * The format SPI: bytes of a row to columns (decoder) and columns to bytes (encoder), a batch at a time.
 * A decoder or encoder is read-only after open and may be used by several threads at once; scratch memory comes from the arena of
 * the batch or from the block.
 */
#ifndef SPK_CONNECTORS_FORMAT_FORMAT_H
#define SPK_CONNECTORS_FORMAT_FORMAT_H

#include "core/base/conf.h"
#include "core/columnar/batch.h"
#include "core/expr/expr.h"
#include "planner/logical/catalog.h"

struct spk_option_spec;
struct spk_sieve;
struct spk_chunk;
struct spk_sink_block;

struct spk_format_spec {
	const struct spk_table *table;
	const int *column;                 /* table columns to read or write, ascending */
	int columns;
	const struct spk_schema *schema;   /* of the batch: just those columns */
	const struct spk_conf *conf;
	/* csv: the file's header line when it has one (decoder maps columns by name), size 0: by position */
	struct spk_view header;
	bool key;                          /* of message keys: options may have 'key.' before their names, as those of values 'value.' */
	bool hex_bytes;                    /* json out: bytea as \x and hexadecimal digits, as PostgreSQL prints it, not as base64 */
};

/*
 * A piece of a file cut into rows and fields by `index`. Field f of row r is data[place[r * stride + f] + 1, place[r * stride + f + 1]), in 32-bit
 * arithmetic: the row begins behind place[r * stride].
 */
struct spk_piece_row { int row; uint32_t begin, end; };
struct spk_piece {
	const char *data;
	int rows, stride;
	const uint32_t *place;
	const struct spk_piece_row *wrong;   /* rows with another number of fields, ascending; of theirs only the beginning is in `place` */
	int wrong_count;
	bool odd;                            /* fields must be looked at for quotes inside */
	bool strange;                        /* rows must be looked at for what is not UTF-8 text */
};
static inline uint32_t spk_piece_begin(const struct spk_piece *p, int row) { return p->place[(size_t)row * (size_t)p->stride] + 1; }

/* keys, other_keys: the messages' keys, and those that headers tell of, are wanted as well (connector.h, struct spk_chunk). */
struct spk_decoder { const struct spk_format *format; bool keys, other_keys; };
struct spk_encoder { const struct spk_format *format; };

/*
 * What the messages of a changelog say of the rows that they became; arrays by row of the batch, in its arena. A message may give several rows, or none.
 * The time: INT64_MIN when it is not known. holes: hole_bytes bytes per row, a bit per column; NULL: no row has any.
 */
struct spk_change_rows {
	int rows;
	int32_t *message;
	int16_t *op;                       /* enum spk_change_op; NULL of rows that have weights instead */
	int64_t *commit, *own;
	uint8_t *holes;
	int hole_bytes;
	struct spk_vector *other;          /* by key column: the other key; NULL: no row has one */
};

struct spk_format {
	const char *name;
	const struct spk_option_spec *options;   /* e.g. csv.delimiter; ends with a NULL name; may be NULL */
	bool binary;                             /* rows are no lines of text: for messages only */
	bool key_options;                        /* they are asked for by spk_format_spec_option: a key's may differ from the value's */
	/* Values of options that a list of values cannot check, and columns that the format cannot have. Nothing is connected to. May be NULL. */
	spk_status (*check)(const struct spk_table *table, const struct spk_conf *conf, spk_error *err);
	spk_status (*decoder_open)(struct spk_decoder **out, const struct spk_format_spec *spec, spk_error *err);
	/*
	 * Rows raw[0..n) into batch rows 0..n of `batch` (its columns are zeroed; vectors and text go to its arena, or point into raw, which
	 * stays valid as long as the batch: the caller holds its arena). A row that is wrong goes to `errors` (row, reason: which member, what was
	 * found, what was expected) and its columns are NULL; the caller drops it. A missing member is NULL, never an error.
	 */
	spk_status (*decode)(struct spk_decoder *d, const struct spk_view *raw, int n, struct spk_batch *batch, struct spk_row_errors *errors, spk_error *err);
	/*
	 * Of changelogs, in place of `decode`: messages [from, from + n) of the chunk into as many rows as they make: columns and their number, weights and
	 * selection of the batch. Metadata columns that the messages themselves have are made too. rows_at_most: rows that a message can make.
	 */
	spk_status (*decode_changes)(struct spk_decoder *d, const struct spk_chunk *chunk, int from, int n, struct spk_batch *batch, struct spk_change_rows *out, struct spk_row_errors *errors, spk_error *err);
	int (*rows_at_most)(const struct spk_view *message);
	void (*decoder_close)(struct spk_decoder *d);
	/*
	 * Cuts a piece of a file into rows: raw rows (without their line ends; as pointers whatever their length, so that their
	 * places can be told: make real views of them with spk_view) into rows[] (at most max_rows), *used = bytes consumed. `last`: the
	 * piece ends the file, so an unfinished line is a row too. csv minds quotes. NULL for formats that are not for files.
	 */
	spk_status (*split)(const char *data, size_t size, bool last, struct spk_view *rows, int max_rows, int *n, size_t *used, const struct spk_table *table, spk_error *err);

	/*
	 * For scans that keep no raw rows. `index` finds the rows of a piece of a file, which begins with one, and their fields: at most max_rows, *used as
	 * for `split`. SPK_CHUNK_PADDING bytes are readable before and behind the piece. *out and what it points to are in `arena`; it borrows data.
	 * `decode_piece` makes n rows from `from` on into rows 0..n of the batch, as `decode` does; with a sieve (connector.h; may be NULL) those that it
	 * keeps, which are selected then. NULL, both: the format goes by split and decode.
	 */
	spk_status (*index)(struct spk_decoder *d, const char *data, size_t size, bool last, int max_rows, struct spk_arena *arena, struct spk_piece **out, size_t *used, spk_error *err);
	spk_status (*decode_piece)(struct spk_decoder *d, const struct spk_piece *piece, int from, int n, struct spk_batch *batch, const struct spk_sieve *sieve, struct spk_row_errors *errors, spk_error *err);

	spk_status (*encoder_open)(struct spk_encoder **out, const struct spk_format_spec *spec, spk_error *err);
	/* Appends the bytes of every selected row to `out`, without separators; the i-th selected row's bytes end at end[i] (offset in out->data).
	 * Used for values and, with the key columns only, for keys. debezium-json looks at the batch's weights. */
	spk_status (*encode)(struct spk_encoder *e, const struct spk_batch *batch, struct spk_buffer *out, uint32_t *end, spk_error *err);
	/* Text that begins a file (csv header), may be NULL. */
	spk_status (*file_head)(struct spk_encoder *e, struct spk_buffer *out, spk_error *err);
	void (*encoder_close)(struct spk_encoder *e);
};

const struct spk_format *spk_format(const char *name);  /* NULL: unknown */
/* All of them, ending with NULL. */
extern const struct spk_format *const spk_formats[];
/* Names of all formats for messages, "json, csv, ...". */
const char *spk_format_names(void);

extern const struct spk_format spk_format_json;
extern const struct spk_format spk_format_csv;
extern const struct spk_format spk_format_debezium_json, spk_format_maxwell_json, spk_format_canal_json;
extern const struct spk_format spk_format_changelog_json;
/* Whether its rows say of themselves that they come or go, so that a sink of it takes rows with weights. */
bool spk_format_has_weights(const struct spk_format *format);
extern const struct spk_format spk_format_raw;
extern const struct spk_format spk_format_avro;
extern const struct spk_format spk_format_avro_confluent;
/* Columns as the path of a folder, "a=1/b=x%20y/"; writes only, and cannot be asked for by name. */
extern const struct spk_format spk_format_folder_path;
extern const struct spk_format spk_format_protobuf;

#endif
