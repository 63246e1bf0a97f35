/*
 * The format 'changelog-json': a row and what becomes of it, {"data":{"id":1,"name":"x"},"op":"+I"}, as Flink's CDC connectors have it. op is +I (a row comes), -D
 * (one goes), or -U and +U for the two images of a row that changes: one that goes followed by one that comes with the same PRIMARY KEY.
 */
#include "connectors/connector.h"
#include "connectors/format/json.h"
#include "core/base/memory.h"
#include "core/columnar/rowkey.h"

enum kind { INSERT, DELETE, UPDATE_BEFORE, UPDATE_AFTER };

struct changelog_encoder {
	struct spk_encoder base;
	struct spk_json_writer *writer;
	int keys;                          /* 0: rows are not paired */
	struct spk_key_column *key;
	struct spk_arena *arena;           /* owns this struct */
};

static struct changelog_encoder *self(struct spk_encoder *e) { return spk_container_of(e, struct changelog_encoder, base); }

static void changelog_close(struct spk_encoder *base)
{
	if (!base)
		return;
	spk_json_writer_free(self(base)->writer);
	spk_arena_unref(self(base)->arena);
}

/* The table's key among the columns that are written; without all of it nothing is known of pairs. */
static void find_key(struct changelog_encoder *e, const struct spk_format_spec *spec)
{
	for (int k = 0; k < spec->table->key_count; k++)
		for (int c = 0; c < spec->columns; c++)
			if (spec->column[c] == spec->table->key[k])
				e->key[e->keys++] = (struct spk_key_column){ .column = c, .type = spec->schema->field[c].type };
	if (e->keys < spec->table->key_count)
		e->keys = 0;
}

static spk_status changelog_open(struct spk_encoder **out, const struct spk_format_spec *spec, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct changelog_encoder *e = arena ? SPK_NEW(arena, struct changelog_encoder) : NULL;
	spk_status status = SPK_OK;

	if (e)
		*e = (struct changelog_encoder){ .base.format = &spk_format_changelog_json, .arena = arena, .key = SPK_NEW_ARRAY(arena, struct spk_key_column, spec->table->key_count + 1) };
	if (!e || !e->key) {
		spk_arena_unref(arena);
		return spk_fail_memory(err);
	}
	find_key(e, spec);
	status = spk_json_writer_new(&e->writer, spec, err);
	if (status != SPK_OK)
		spk_arena_unref(arena);
	else
		*out = &e->base;
	return status;
}

/* which[i] for the selected rows. */
static spk_status tell_kinds(const struct changelog_encoder *e, const struct spk_batch *batch, uint8_t *which, spk_error *err)
{
	struct spk_row_keys keys = { 0 };
	uint32_t size, before;

	SPK_EACH_ROW(batch, i, row)
		which[i] = spk_batch_weight(batch, row) < 0 ? DELETE : INSERT;
	if (!e->keys || !batch->weight)
		return SPK_OK;
	SPK_TRY(spk_row_keys_encode(&keys, batch, e->key, e->keys, false, err));
	for (int i = 1; i < batch->selected; i++) {
		const char *key = spk_row_key(&keys, i, &size), *last = spk_row_key(&keys, i - 1, &before);

		if (which[i - 1] != DELETE || which[i] != INSERT || size != before || memcmp(key, last, size) != 0)
			continue;
		which[i - 1] = UPDATE_BEFORE;
		which[i] = UPDATE_AFTER;
	}
	spk_row_keys_release(&keys);
	return SPK_OK;
}

static spk_status changelog_encode(struct spk_encoder *base, const struct spk_batch *batch, struct spk_buffer *out, uint32_t *end, spk_error *err)
{
	struct spk_json_frame frame = {
		.tail = { [INSERT] = spk_view_str(",\"op\":\"+I\"}"), [DELETE] = spk_view_str(",\"op\":\"-D\"}"), [UPDATE_BEFORE] = spk_view_str(",\"op\":\"-U\"}"), [UPDATE_AFTER] = spk_view_str(",\"op\":\"+U\"}") },
	};
	uint8_t *which = spk_malloc(NULL, (size_t)batch->selected + 1);
	spk_status status;

	SPK_TRY_PTR(which, err);
	for (int i = 0; i < SPK_JSON_FRAMES; i++)
		frame.head[i] = spk_view_str("{\"data\":");
	frame.which = which;
	status = tell_kinds(self(base), batch, which, err);
	if (status == SPK_OK)
		status = spk_json_write(self(base)->writer, batch, &frame, out, end, err);
	spk_free(NULL, which, (size_t)batch->selected + 1);
	return status;
}

static spk_status changelog_decoder_open(struct spk_decoder **out, const struct spk_format_spec *spec, spk_error *err)
{
	(void)out;
	spk_fail(err, SPK_UNSUPPORTED, "reading format 'changelog-json' (table \"%s\")", spec->table->name);
	return spk_hint(err, "it can be written; for reading, 'json' takes its members as they are");
}

const struct spk_format spk_format_changelog_json = {
	.name = "changelog-json",
	.options = (const struct spk_option_spec[]){
		{ "changelog-json.timestamp-format.standard", false, false, "SQL|ISO-8601", "The same as json.timestamp-format.standard." },
		{ "json.timestamp-format.standard", false, false, "SQL|ISO-8601", "How timestamps are written: with a blank (default) or a T." },
		{ 0 },
	},
	.decoder_open = changelog_decoder_open,
	.split = spk_split_lines,
	.encoder_open = changelog_open,
	.encode = changelog_encode,
	.encoder_close = changelog_close,
};
