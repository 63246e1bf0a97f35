/* From the rows of a changelog's messages to the batch that the NORMALIZE node takes; see planner/logical/changes.h. */
#include "connectors/connector.h"

#include "core/base/check.h"
#include "core/columnar/hash.h"
#include "connectors/format/changelog.h"

static spk_status fill_times(struct spk_vector *v, const int64_t *time, int n, struct spk_arena *arena, spk_error *err)
{
	SPK_TRY(spk_vector_init(v, spk_type(SPK_TYPE_BIGINT), n, arena, err));
	for (int i = 0; i < n; i++) {
		if (time[i] == SPK_CHANGE_TIME_NONE)
			SPK_TRY(spk_field_null(v, i, n, arena, err));
		else
			spk_vector_i64(v)[i] = time[i];
	}
	return SPK_OK;
}

static spk_status fill_holes(struct spk_vector *v, const struct spk_change_rows *rows, struct spk_arena *arena, spk_error *err)
{
	if (!rows->holes)
		return spk_vector_init_constant(v, spk_type(SPK_TYPE_BYTEA), NULL, arena, err);
	SPK_TRY(spk_vector_init(v, spk_type(SPK_TYPE_BYTEA), rows->rows, arena, err));
	for (int i = 0; i < rows->rows; i++) {
		const uint8_t *bits = rows->holes + i * rows->hole_bytes;
		bool any = false;

		for (int k = 0; k < rows->hole_bytes; k++)
			any = any || bits[k];
		if (any)
			spk_vector_view(v)[i] = spk_view((const char *)bits, (uint32_t)rows->hole_bytes);
		else
			SPK_TRY(spk_field_null(v, i, rows->rows, arena, err));
	}
	return SPK_OK;
}

spk_status spk_change_columns_fill(struct spk_source *s, int partition, const struct spk_change_rows *rows, struct spk_batch *b, spk_error *err)
{
	const struct spk_table *t = s->spec->table;
	struct spk_vector *v = b->column + s->spec->columns;
	const char *name = s->type->partition_name(s, partition);
	const int64_t number = (int64_t)spk_hash_bytes(name, strlen(name));

	if (!rows->op)
		return SPK_OK;
	SPK_TRY(spk_vector_init(&v[SPK_CHANGE_OP], spk_type(SPK_TYPE_SMALLINT), rows->rows, b->arena, err));
	memcpy(v[SPK_CHANGE_OP].data, rows->op, sizeof *rows->op * (size_t)rows->rows);
	SPK_TRY(fill_holes(&v[SPK_CHANGE_HOLES], rows, b->arena, err));
	SPK_TRY(fill_times(&v[SPK_CHANGE_COMMIT], rows->commit, rows->rows, b->arena, err));
	SPK_TRY(fill_times(&v[SPK_CHANGE_OWN], rows->own, rows->rows, b->arena, err));
	SPK_TRY(spk_vector_init_constant(&v[SPK_CHANGE_PARTITION], spk_type(SPK_TYPE_BIGINT), &number, b->arena, err));
	for (int k = 0; k < t->key_count; k++) {
		if (rows->other)
			v[SPK_CHANGE_OTHER + k] = rows->other[k];
		else
			SPK_TRY(spk_vector_init_constant(&v[SPK_CHANGE_OTHER + k], t->schema->field[t->key[k]].type, NULL, b->arena, err));
	}
	return SPK_OK;
}

spk_status spk_changes_check_table(const struct spk_table *t, spk_error *err)
{
	for (int k = 0; k < t->key_count && spk_table_changes(t) == SPK_CHANGES_BY_KEY; k++) {
		int c = t->key[k];

		if (!(t->computed && t->computed[c]) && !(t->metadata && t->metadata[c]))
			continue;
		spk_fail(err, SPK_USAGE, "table \"%s\": column \"%s\" of its PRIMARY KEY is not in the messages", t->name, t->schema->field[c].name);
		return spk_hint(err, "The rows of a changelog are told apart by a key that their messages hold: declare plain columns as PRIMARY KEY.");
	}
	return SPK_OK;
}
