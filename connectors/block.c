/*
 * Blocks of encoded rows, and from batches to them.
 */
#include "connectors/connector.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/base/check.h"
#include "connectors/format/field.h"

void spk_sink_block_free(struct spk_sink_block *block)
{
	if (!block)
		return;
	spk_buffer_release(&block->value);
	spk_buffer_release(&block->key);
	free(block->value_end);
	free(block->key_end);
	free(block->flags);
	free(block->partition);
	for (int i = 0; i < block->batches; i++)
		spk_batch_unref(block->batch[i]);
	free(block->batch);
	free(block);
}

static bool grow(void *array, size_t width, int capacity)
{
	void **p = array, *grown = realloc(*p, width * (size_t)capacity);

	if (!grown)
		return false;
	*p = grown;
	return true;
}

spk_status spk_sink_block_reserve(struct spk_sink_block *block, int more_rows, spk_error *err)
{
	int capacity = SPK_MAX(block->capacity, 256);

	if (more_rows <= block->capacity - block->rows)
		return SPK_OK;
	if (more_rows > INT32_MAX / 4 - block->rows)
		return spk_fail(err, SPK_NO_MEMORY, "a block of more than %d rows", INT32_MAX / 4);
	while (capacity - block->rows < more_rows)
		capacity *= 2;
	if (!grow(&block->value_end, sizeof(uint32_t), capacity) || !grow(&block->key_end, sizeof(uint32_t), capacity) ||
	    (block->flags && !grow(&block->flags, 1, capacity)) || (block->partition && !grow(&block->partition, sizeof(int32_t), capacity)))
		return spk_fail(err, SPK_NO_MEMORY, "no memory for the ends of %d encoded rows", capacity);
	block->capacity = capacity;
	return SPK_OK;
}

/* --- rows by weight --- */

/* The same batch with every row as often as its weight says: a row of +3 three times. Its arrays lie in *scratch. */
static spk_status repeat_rows(const struct spk_batch *in, struct spk_batch *out, int32_t **scratch, spk_error *err)
{
	int64_t total = 0;
	int32_t *sel;
	int n = 0;

	SPK_EACH_ROW(in, i, row)
		total += abs(in->weight[row]);
	if (total > INT32_MAX / 8)
		return spk_fail(err, SPK_DATA, "a row is to be written %lld times", (long long)total);
	sel = malloc(sizeof(*sel) * (size_t)(total + 1));
	SPK_TRY_PTR(sel, err);
	SPK_EACH_ROW(in, i, row)
		for (int32_t k = abs(in->weight[row]); k > 0; k--)
			sel[n++] = row;
	*out = *in;
	out->sel = *scratch = sel;
	out->selected = n;
	return SPK_OK;
}

static bool weights_are_ones(const struct spk_batch *b)
{
	if (!b->weight)
		return true;
	SPK_EACH_ROW(b, i, row)
		if (b->weight[row] != 1 && b->weight[row] != -1)
			return false;
	return true;
}

/* --- encoding --- */

static uint64_t hash_row(const struct spk_sink_block *b, int row, const uint32_t start[2], const uint32_t end[2])
{
	uint64_t h = XXH3_64bits(b->value.data + start[0], end[0] - start[0]);

	if (end[1] > start[1])
		h ^= XXH3_64bits_withSeed(b->key.data + start[1], end[1] - start[1], 0x6b6579);
	if (b->flags && b->flags[row] & SPK_ROW_TOMBSTONE)
		h = ~h;
	return h * UINT64_C(0x9e3779b97f4a7c15);
}

static void add_hashes(struct spk_sink_block *b, int first)
{
	uint32_t start[2] = { first ? b->value_end[first - 1] : 0, first ? b->key_end[first - 1] : 0 };

	for (int i = first; i < b->rows; i++) {
		uint32_t end[2] = { b->value_end[i], b->key_end[i] };

		b->hash += hash_row(b, i, start, end);
		start[0] = end[0];
		start[1] = end[1];
	}
}

static spk_status need_flags(struct spk_sink_block *block, spk_error *err)
{
	if (block->flags)
		return SPK_OK;
	block->flags = calloc(1, (size_t)block->capacity);
	SPK_TRY_PTR(block->flags, err);
	return SPK_OK;
}

/* The batch with these of its columns alone; `room` holds their vectors where it has room, else *heap does. */
static spk_status project(const struct spk_batch *in, const int *column, const struct spk_schema *schema, struct spk_vector room[16], struct spk_vector **heap, struct spk_batch *out, spk_error *err)
{
	struct spk_vector *v = room;

	if (schema->count > 16) {
		v = *heap = malloc(sizeof(*v) * (size_t)schema->count);
		SPK_TRY_PTR(v, err);
	}
	for (int i = 0; i < schema->count; i++)
		v[i] = in->column[column[i]];
	*out = *in;
	out->column = v;
	out->columns = schema->count;
	out->schema = schema;
	return SPK_OK;
}

static spk_status encode_keys(struct spk_sink *s, const struct spk_batch *batch, struct spk_sink_block *block, spk_error *err)
{
	struct spk_vector room[16], *heap = NULL;
	struct spk_batch keys;
	spk_status status;

	SPK_TRY(project(batch, s->key, &s->key_schema, room, &heap, &keys, err));
	keys.weight = NULL;
	status = s->key_encoder->format->encode(s->key_encoder, &keys, &block->key, block->key_end + block->rows, err);
	free(heap);
	return status;
}

static spk_status encode_values(struct spk_sink *s, const struct spk_batch *batch, struct spk_buffer *out, uint32_t *end, spk_error *err)
{
	struct spk_vector room[16], *heap = NULL;
	struct spk_batch values;
	spk_status status;

	if (SPK_LIKELY(!s->value || s->values == batch->columns))
		return s->encoder->format->encode(s->encoder, batch, out, end, err);
	SPK_TRY(project(batch, s->value, &s->value_schema, room, &heap, &values, err));
	status = s->encoder->format->encode(s->encoder, &values, out, end, err);
	free(heap);
	return status;
}

/* Values of a sink by key: rows of +1 have one, rows of -1 do not. */
static spk_status encode_upserts(struct spk_sink *s, const struct spk_batch *batch, struct spk_sink_block *block, spk_error *err)
{
	struct spk_batch kept = *batch;
	int32_t *sel = malloc(sizeof(*sel) * (size_t)SPK_MAX(batch->selected, 1));
	uint32_t *end = malloc(sizeof(*end) * (size_t)SPK_MAX(batch->selected, 1)), last = (uint32_t)block->value.size;
	spk_status status = sel && end ? SPK_OK : spk_fail_memory(err);
	int n = 0;

	for (int i = 0; status == SPK_OK && i < batch->selected; i++)
		if (spk_batch_weight(batch, spk_batch_row(batch, i)) > 0)
			sel[n++] = spk_batch_row(batch, i);
	kept.sel = sel;
	kept.selected = n;
	if (status == SPK_OK)
		status = encode_values(s, &kept, &block->value, end, err);
	n = 0;
	for (int i = 0; status == SPK_OK && i < batch->selected; i++) {
		bool there = spk_batch_weight(batch, spk_batch_row(batch, i)) > 0;

		last = there ? end[n++] : last;
		block->value_end[block->rows + i] = last;
		block->flags[block->rows + i] = there ? SPK_ROW_HAS_KEY : SPK_ROW_HAS_KEY | SPK_ROW_TOMBSTONE;
	}
	free(sel);
	free(end);
	return status;
}

/* All but the count of rows: a failure leaves the block as it was. */
static spk_status append_rows(struct spk_sink *s, const struct spk_batch *batch, struct spk_sink_block *block, spk_error *err)
{
	int first = block->rows;

	SPK_TRY(spk_sink_block_reserve(block, batch->selected, err));
	if (s->key_encoder) {
		SPK_TRY(need_flags(block, err));
		SPK_TRY(encode_keys(s, batch, block, err));
	} else {
		for (int i = 0; i < batch->selected; i++)
			block->key_end[first + i] = (uint32_t)block->key.size;
	}
	if (s->tombstones)
		return encode_upserts(s, batch, block, err);
	if (block->flags)
		memset(block->flags + first, s->key_encoder ? SPK_ROW_HAS_KEY : 0, (size_t)batch->selected);
	return encode_values(s, batch, &block->value, block->value_end + first, err);
}

static spk_status encode_by_format(struct spk_sink *s, const struct spk_batch *batch, struct spk_sink_block *block, spk_error *err)
{
	size_t value = block->value.size, key = block->key.size;
	spk_status status = append_rows(s, batch, block, err);

	if (status == SPK_OK && (block->value.size > UINT32_MAX || block->key.size > UINT32_MAX))
		status = spk_fail(err, SPK_DATA, "the rows of one block take more than 4 GiB");
	if (status != SPK_OK) {
		block->value.size = value;
		block->key.size = key;
		return status;
	}
	block->rows += batch->selected;
	add_hashes(block, block->rows - batch->selected);
	return SPK_OK;
}

spk_status spk_sink_encode(struct spk_sink *s, const struct spk_batch *batch, struct spk_sink_block *block, struct spk_row_errors *errors, spk_error *err)
{
	struct spk_batch repeated;
	int32_t *scratch = NULL;
	spk_status status;

	if (s->type->encode)
		return s->type->encode(s, batch, block, errors, err);
	if (SPK_LIKELY(s->tombstones || weights_are_ones(batch)))
		return encode_by_format(s, batch, block, err);
	SPK_TRY(repeat_rows(batch, &repeated, &scratch, err));
	status = encode_by_format(s, &repeated, block, err);
	free(scratch);
	return status;
}

spk_status spk_sink_encode_with(struct spk_encoder *e, const struct spk_batch *batch, struct spk_sink_block *block, spk_error *err)
{
	static const struct spk_sink_type plain = { .name = "plain" };
	struct spk_sink s = { .type = &plain, .encoder = e };

	return spk_sink_encode(&s, batch, block, NULL, err);
}

/* --- opening --- */

static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = list; p; p = strchr(p, ';'), p = p ? p + 1 : NULL)
		if (!strncmp(p, word, n) && (p[n] == ';' || p[n] == '\0'))
			return true;
	return false;
}

static int count_words(const char *list)
{
	int n = list && *list ? 1 : 0;

	for (const char *p = list; p && *p; p++)
		n += *p == ';';
	return n;
}

/* 'key.fields', else the PRIMARY KEY of a type that upserts; ascending. */
static spk_status find_keys(struct spk_sink *s, spk_error *err)
{
	const struct spk_table *t = s->spec->table;
	const char *fields = spk_format_option(t, "key.fields");
	int count = s->spec->schema->count;

	s->key = SPK_NEW_ARRAY(s->arena, int, count + 1);
	s->key_schema.field = SPK_NEW_ARRAY(s->arena, struct spk_field, count + 1);
	SPK_TRY_PTR(s->key && s->key_schema.field, err);
	for (int c = 0; c < count; c++) {
		bool is_key = fields ? has_word(fields, s->spec->schema->field[c].name) : false;

		for (int k = 0; !fields && s->type->upserts && k < t->key_count; k++)
			is_key |= t->key[k] == c;
		if (!is_key)
			continue;
		s->key[s->keys] = c;
		s->key_schema.field[s->keys++] = s->spec->schema->field[c];
	}
	s->key_schema.count = s->keys;
	if (fields && s->keys != count_words(fields))
		return spk_fail(err, SPK_USAGE, "table \"%s\": 'key.fields' = '%s' names columns that the table does not have", t->name, fields);
	return SPK_OK;
}

static spk_status open_encoder(struct spk_sink *s, const struct spk_format *format, const int *column, const struct spk_schema *schema, bool key, struct spk_encoder **out, spk_error *err)
{
	struct spk_format_spec f = { .table = s->spec->table, .column = column, .columns = schema->count, .schema = schema, .conf = s->spec->conf, .key = key };

	if (!format || !format->encoder_open)
		return spk_fail(err, SPK_UNSUPPORTED, "table \"%s\": writing format '%s'", s->spec->table->name, format ? format->name : "none");
	return format->encoder_open(out, &f, err);
}

/* A partitioned table's rows have the path of their folder for a key. */
static spk_status open_folders(struct spk_sink *s, spk_error *err)
{
	const struct spk_table *t = s->spec->table;

	s->keys = t->partition_count;
	s->key = SPK_NEW_ARRAY(s->arena, int, s->keys);
	s->key_schema = (struct spk_schema){ .field = SPK_NEW_ARRAY(s->arena, struct spk_field, s->keys), .count = s->keys };
	SPK_TRY_PTR(s->key && s->key_schema.field, err);
	for (int k = 0; k < s->keys; k++) {
		s->key[k] = t->partition[k];
		s->key_schema.field[k] = s->spec->schema->field[t->partition[k]];
	}
	return open_encoder(s, &spk_format_folder_path, s->key, &s->key_schema, true, &s->key_encoder, err);
}

static spk_status open_keys(struct spk_sink *s, const struct spk_format *value, spk_error *err)
{
	const char *name = spk_format_option(s->spec->table, "key.format");
	/* An envelope is no key: its columns are written as plain JSON. */
	const struct spk_format *format = name ? spk_format(name) : spk_format_has_weights(value) ? &spk_format_json : value;

	if (s->spec->table->partition_count)
		return open_folders(s, err);
	SPK_TRY(find_keys(s, err));
	if (!s->keys)
		return SPK_OK;
	if (!format)
		return spk_fail(err, SPK_USAGE, "table \"%s\": unknown 'key.format' = '%s'; there are: %s", s->spec->table->name, name, spk_format_names());
	s->tombstones = s->type->upserts && s->spec->table->key_count > 0 && !spk_format_has_weights(value);
	return open_encoder(s, format, s->key, &s->key_schema, true, &s->key_encoder, err);
}

/* The columns of the value: all, or those that are not in the key. */
static spk_status find_values(struct spk_sink *s, spk_error *err)
{
	const char *include = spk_format_option(s->spec->table, "value.fields-include");
	bool except = s->spec->table->partition_count || (include && !strcmp(include, "EXCEPT_KEY"));
	int count = s->spec->schema->count;

	s->value = SPK_NEW_ARRAY(s->arena, int, count + 1);
	s->value_schema.field = SPK_NEW_ARRAY(s->arena, struct spk_field, count + 1);
	SPK_TRY_PTR(s->value && s->value_schema.field, err);
	for (int c = 0; c < count; c++) {
		bool is_key = false;

		for (int k = 0; k < s->keys; k++)
			is_key |= s->key[k] == c;
		if (is_key && except)
			continue;
		s->value[s->values] = c;
		s->value_schema.field[s->values++] = s->spec->schema->field[c];
	}
	s->value_schema.count = s->values;
	return SPK_OK;
}

spk_status spk_sink_open_format(struct spk_sink *s, spk_error *err)
{
	const struct spk_format *format;

	SPK_TRY(spk_connector_format(s->spec->table, &format, err));
	s->arena = spk_arena_new(NULL);
	SPK_TRY_PTR(s->arena, err);
	SPK_TRY(open_keys(s, format, err));
	SPK_TRY(find_values(s, err));
	return open_encoder(s, format, s->value, &s->value_schema, false, &s->encoder, err);
}

void spk_sink_close_format(struct spk_sink *s)
{
	if (s->encoder)
		s->encoder->format->encoder_close(s->encoder);
	if (s->key_encoder)
		s->key_encoder->format->encoder_close(s->key_encoder);
	spk_arena_unref(s->arena);
	s->encoder = s->key_encoder = NULL;
	s->arena = NULL;
}
