/* What the parts of reading CSV share: the decoder, and one call of decode. */
#ifndef SPK_CONNECTORS_FORMAT_CSV_DECODE_H
#define SPK_CONNECTORS_FORMAT_CSV_DECODE_H

#include "connectors/format/csv.h"

struct spk_csv_work;
struct spk_csv_target;
/* Fields of rows [row, end) of the piece at hand into the target's column, at the rows' places in the batch. */
typedef spk_status spk_csv_kernel(struct spk_csv_work *w, const struct spk_csv_target *t, int row, int end, spk_error *err);

struct spk_csv_target {
	int field, column;          /* field of the row, column of the batch */
	struct spk_type type;
	const char *name;
	spk_csv_kernel *kernel;
};

struct spk_csv_decoder {
	struct spk_decoder base;
	struct spk_arena *arena;
	struct spk_csv_options options;
	struct spk_field_rules rules;
	int fields;                 /* that a row must have */
	int targets;
	struct spk_csv_target *target;  /* by field, ascending */
	bool *skip;                 /* by column of the batch: metadata */
	bool *absent;               /* by column of the batch: not in this file ('union.by-name') */
};

/* One call of decode. */
struct spk_csv_work {
	const struct spk_csv_decoder *d;
	struct spk_batch *batch;
	uint32_t *end;              /* of fields in the row without quotes; room for one more than fields */
	struct spk_csv_field *cut;  /* of the row with quotes */
	struct spk_day *day;        /* by target */
	/* Of a piece: */
	const struct spk_piece *piece;
	int from;                   /* row of the piece that is the batch's row 0 */
	uint64_t *bad;              /* by row of the batch: to be looked at again by itself */
	bool any_bad;
	const bool *first;          /* by column: the pass makes those for which it says `pass`; NULL: all */
	bool pass;
	char reason[256];
	char small[SPK_VIEW_INLINE + 20];
};

spk_status spk_csv_work_init(struct spk_csv_work *w, const struct spk_csv_decoder *d, struct spk_batch *batch, int n, spk_error *err);
/* A row's text into the batch's row. DATA: w->reason says what is wrong with it. 16 bytes behind the text are readable. */
spk_status spk_csv_decode_text(struct spk_csv_work *w, const char *text, uint32_t size, int row, spk_error *err);
/* A field's text, which lives as long as the batch and has 16 readable bytes behind it. DATA as above. */
spk_status spk_csv_store(struct spk_csv_work *w, const struct spk_csv_target *t, const char *s, uint32_t n, bool quoted, int row, spk_error *err);
/* The kernel for a column of that type, chosen once. */
spk_csv_kernel *spk_csv_kernel_for(struct spk_type type);

static inline bool spk_csv_is_null(const struct spk_csv_options *o, const char *s, uint32_t n)
{
	return n == o->null_size && (n == 0 || memcmp(s, o->null, n) == 0);
}

#endif
