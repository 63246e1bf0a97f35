/*
 * NOT NULL columns in what was read: the planner takes them as never NULL ("id IS NULL" is false before a row is seen), so a row that
 * has NULL there, or nothing, is a bad one, whatever the format.
 */
#include "connectors/not_null.h"

#include <stdio.h>

#include "core/base/check.h"
#include "connectors/format/changelog.h"
#include "connectors/format/field.h"

struct checking {
	const struct spk_source *source;
	struct spk_batch *batch;
	struct spk_row_errors *errors;
	uint64_t *known;              /* by row: it failed before, is left out, or was reported; NULL: nothing was NULL yet */
};

/* Of a changelog, rows that are not selected are left out: they failed where such rows are skipped. Of others a sieve may not want them. */
static void leave_out(struct checking *c)
{
	const struct spk_batch *b = c->batch;

	if (!b->sel || spk_table_changes(c->source->spec->table) == SPK_CHANGES_NONE)
		return;
	memset(c->known, 0xff, sizeof *c->known * spk_bitmap_words(b->rows));
	for (int i = 0; i < b->selected; i++)
		spk_bit_clear(c->known, b->sel[i]);
}

static spk_status find_known(struct checking *c, spk_error *err)
{
	if (c->known)
		return SPK_OK;
	c->known = SPK_NEW_ARRAY(c->batch->arena, uint64_t, spk_bitmap_words(c->batch->rows) + 1);
	SPK_TRY_PTR(c->known, err);
	leave_out(c);
	for (int i = 0; c->errors && i < c->errors->count; i++)
		spk_bit_set(c->known, c->errors->list[i].row);
	return SPK_OK;
}

static bool is_hole(const struct spk_view *holes, int column)
{
	return (uint32_t)column / 8 < holes->length && (uint8_t)spk_view_data(holes)[column / 8] >> column % 8 & 1;
}

/* Whether the row says what is in its columns: a deletion has but the key, a hole gets what the row before has. */
static bool says(const struct checking *c, int column, int row)
{
	const struct spk_source_spec *spec = c->source->spec;
	const struct spk_vector *change = c->batch->column + spec->columns;
	int16_t op;

	if (spk_table_changes(spec->table) != SPK_CHANGES_BY_KEY)
		return true;
	op = spk_vector_i16(&change[SPK_CHANGE_OP])[row];
	if (op != SPK_CHANGE_UPSERT && op != SPK_CHANGE_SNAPSHOT)
		return false;
	return spk_vector_is_null(&change[SPK_CHANGE_HOLES], row) || !is_hole(&spk_vector_view(&change[SPK_CHANGE_HOLES])[row], column);
}

static spk_status check_row(struct checking *c, int column, int row, spk_error *err)
{
	char reason[256], name[SPK_SHOWN], type[64];
	const struct spk_field *f = &c->batch->schema->field[column];
	struct spk_batch bare = *c->batch;

	SPK_TRY(find_known(c, err));
	if (spk_bit(c->known, row) || !says(c, column, row))
		return SPK_OK;
	spk_bit_set(c->known, row);
	snprintf(reason, sizeof reason, "column \"%s\": found NULL, or nothing, expected %s NOT NULL (declare the column without it if its values may be missing)",
	         spk_field_shown(f->name, strlen(f->name), name), spk_type_format(f->type, type, sizeof type));
	bare.columns = 0;  /* its vectors may be of any layout; nobody looks at a row that failed */
	return spk_field_row_failed(&bare, row, reason, c->errors, err);
}

spk_status spk_check_not_null(const struct spk_source *s, struct spk_batch *batch, bool metadata, struct spk_row_errors *errors, spk_error *err)
{
	const struct spk_source_spec *spec = s->spec;
	struct checking c = { .source = s, .batch = batch, .errors = errors };

	for (int i = 0; i < spec->columns; i++) {
		const struct spk_vector *v = &batch->column[i];
		bool is_metadata = spec->table->metadata && spec->table->metadata[spec->column[i]];

		if (spec->schema->field[i].nullable || is_metadata != metadata || (v->layout != SPK_DICTIONARY && !v->valid))
			continue;
		for (int row = 0; row < batch->rows; row++)
			if (spk_vector_is_null(v, row))
				SPK_TRY(check_row(&c, i, row, err));
	}
	return SPK_OK;
}
