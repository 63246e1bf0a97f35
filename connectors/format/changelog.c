/* What formats of changelogs share. See changelog.h. */
#include "connectors/format/changelog.h"

#include <stdio.h>

#include "core/base/check.h"
#include "connectors/connector.h"

/* --- opening --- */

static spk_status find_parts(struct spk_change_decoder *d, const struct spk_format_spec *spec, const char *const names[SPK_MESSAGE_PARTS], spk_error *err)
{
	d->part = SPK_NEW_ARRAY(d->arena, int, spec->columns + 1);
	SPK_TRY_PTR(d->part, err);
	for (int c = 0; c < spec->columns; c++) {
		const char *key = spec->table->metadata ? spec->table->metadata[spec->column[c]] : NULL;

		d->part[c] = -1;
		for (int i = 0; key && i < SPK_MESSAGE_PARTS; i++)
			if (names[i] && strcmp(names[i], key) == 0)
				d->part[c] = i;
	}
	return SPK_OK;
}

/* Keys of other rows come by themselves, as objects with the key's members. */
static spk_status open_others(struct spk_change_decoder *d, const struct spk_format_spec *spec, const struct spk_json_dialect *dialect, spk_error *err)
{
	const struct spk_table *t = spec->table;
	struct spk_schema *schema = SPK_NEW(d->arena, struct spk_schema);
	int *column = SPK_NEW_ARRAY(d->arena, int, t->key_count + 1);
	struct spk_format_spec keys = *spec;
	int n = 0;

	SPK_TRY_PTR(schema && column, err);
	schema->field = SPK_NEW_ARRAY(d->arena, struct spk_field, t->key_count + 1);
	SPK_TRY_PTR(schema->field, err);
	for (int c = 0; c < t->schema->count; c++)
		for (int k = 0; k < t->key_count; k++)
			if (t->key[k] == c) {
				column[n] = c;
				schema->field[n++] = t->schema->field[c];
			}
	schema->count = keys.columns = n;
	keys.column = column;
	keys.schema = schema;
	return spk_json_decoder_open_as(&d->others, &keys, dialect, err);
}

static spk_status open_rows(struct spk_change_decoder *d, const struct spk_format_spec *spec, const struct spk_json_dialect *dialect, spk_error *err)
{
	const struct spk_table *t = spec->table;

	d->key_count = spk_table_changes(t) == SPK_CHANGES_BY_KEY ? t->key_count : 0;
	d->key = SPK_NEW_ARRAY(d->arena, int, t->key_count + 1);
	SPK_TRY_PTR(d->key, err);
	for (int k = 0; k < d->key_count; k++)
		for (int c = 0; c < spec->columns; c++)
			if (spec->column[c] == t->key[k])
				d->key[k] = c;
	SPK_TRY(spk_json_decoder_open_as(&d->rows, spec, dialect, err));
	return d->key_count ? open_others(d, spec, dialect, err) : SPK_OK;
}

spk_status spk_change_decoder_open(struct spk_change_decoder **out, const struct spk_format *format, const struct spk_format_spec *spec, const struct spk_json_dialect *dialect,
				   const char *const names[SPK_MESSAGE_PARTS], spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_change_decoder *d = arena ? SPK_NEW(arena, struct spk_change_decoder) : NULL;
	char option[64];
	const char *skips;
	spk_status status = d ? SPK_OK : spk_fail_memory(err);

	if (status != SPK_OK) {
		spk_arena_unref(arena);
		return status;
	}
	snprintf(option, sizeof option, "%s.ignore-parse-errors", format->name);
	skips = spk_format_option(spec->table, option);
	*d = (struct spk_change_decoder){ .base.format = format, .arena = arena, .table = spec->table, .columns = spec->columns, .skips_errors = skips && strcmp(skips, "true") == 0 };
	status = find_parts(d, spec, names, err);
	if (status == SPK_OK)
		status = open_rows(d, spec, dialect, err);
	if (status == SPK_OK)
		*out = d;
	else
		spk_change_decoder_close(&d->base);
	return status;
}

void spk_change_decoder_close(struct spk_decoder *base)
{
	struct spk_change_decoder *d;

	if (!base)
		return;
	d = spk_change_decoder_of(base);
	spk_json_decoder_close(d->rows);
	spk_json_decoder_close(d->others);
	spk_arena_unref(d->arena);
}

/* --- members --- */

static bool name_is(struct spk_json_row *r, uint32_t k, const char *name)
{
	uint32_t n;
	const char *s = spk_json_string(r, k, &n);

	return n == strlen(name) && memcmp(s, name, n) == 0;
}

bool spk_json_members(struct spk_json_row *r, uint32_t at, struct spk_json_member *member, int members, uint32_t *end)
{
	uint32_t k = at, behind = at;

	for (int i = 0; i < members; i++)
		member[i].token = 0;
	if (at >= r->count || r->text[r->at[at]] != '{')
		return spk_json_unexpected(r, at, "a JSON object");
	/* Checks all of it: what follows need not look. */
	if (!spk_json_skip(r, &behind, at ? 1 : 0))
		return false;
	*end = behind;
	for (k++; k + 1 < behind; k++) {
		uint32_t name = k, value = k + 2;

		for (int i = 0; i < members; i++)
			if (name_is(r, name, member[i].name))
				member[i].token = r->text[r->at[value]] == 'n' ? 0 : value;
		k = value;
		if (!spk_json_skip(r, &k, 1))
			return false;
	}
	return true;
}

struct spk_view spk_json_value_text(struct spk_json_row *r, uint32_t token)
{
	const char *s = r->text + r->at[token];
	uint32_t n, k = token;

	if (*s == '"') {
		s = spk_json_string(r, token, &n);
		return spk_view(s, n);
	}
	(void)spk_json_skip(r, &k, 1);
	if (*s == '{' || *s == '[')
		return spk_view(s, r->at[k - 1] + 1 - r->at[token]);
	for (n = 0; !spk_json_ends_scalar[(uint8_t)s[n]] && r->at[token] + n < r->size; n++)
		;
	return spk_view(s, n);
}

bool spk_json_is_object(const struct spk_json_row *r, uint32_t token)
{
	return token && r->text[r->at[token]] == '{';
}

bool spk_json_text_is(struct spk_json_row *r, uint32_t token, const char *text)
{
	return token && r->text[r->at[token]] == '"' && name_is(r, token, text);
}

bool spk_json_value_integer(struct spk_json_row *r, uint32_t token, int64_t *out)
{
	struct spk_view text;

	if (!token)
		return false;
	text = spk_json_value_text(r, token);
	if (spk_field_integer(spk_view_data(&text), text.length, out))
		return true;
	/* Of 19 digits. */
	return text.length <= 20 && spk_field_parse(spk_type(SPK_TYPE_BIGINT), spk_view_data(&text), text.length, &(struct spk_field_rules){ 0 }, out, NULL) == SPK_OK;
}

/* --- pieces --- */

struct spk_change_piece *spk_change_piece_add(struct spk_change_pieces *p, int message)
{
	if (p->count == p->capacity) {
		int capacity = p->capacity ? 2 * p->capacity : 256;
		struct spk_change_piece *grown = SPK_NEW_ARRAY(p->arena, struct spk_change_piece, capacity);

		if (!grown)
			return NULL;
		if (p->count)
			memcpy(grown, p->piece, sizeof *grown * (size_t)p->count);
		p->piece = grown;
		p->capacity = capacity;
	}
	p->piece[p->count] = (struct spk_change_piece){ .message = message, .op = SPK_CHANGE_UPSERT, .weight = 1, .commit = SPK_CHANGE_TIME_NONE, .own = SPK_CHANGE_TIME_NONE };
	return &p->piece[p->count++];
}

/* A batch of the columns that the JSON decoder makes: those of the table, without what is said of the change. */
static struct spk_batch table_part(const struct spk_change_decoder *d, const struct spk_batch *batch, struct spk_schema *schema)
{
	struct spk_batch part = *batch;

	*schema = (struct spk_schema){ .field = batch->schema->field, .count = d->columns };
	part.schema = schema;
	part.columns = d->columns;
	return part;
}

static bool failed(const struct spk_row_errors *errors, int row)
{
	for (int i = 0; errors && i < errors->count; i++)
		if (errors->list[i].row == row)
			return true;
	return false;
}

static spk_status check_keys(const struct spk_change_decoder *d, const struct spk_change_pieces *p, struct spk_batch *part, struct spk_row_errors *errors, spk_error *err)
{
	char reason[256];

	for (int k = 0; k < d->key_count; k++) {
		const struct spk_vector *v = &part->column[d->key[k]];

		for (int i = 0; v->valid && i < p->count; i++) {
			if (spk_bit(v->valid, i) || p->piece[i].op == SPK_CHANGE_TRUNCATE || p->piece[i].reason || failed(errors, i))
				continue;
			snprintf(reason, sizeof reason, "member \"%.100s\" of the PRIMARY KEY is missing or null", part->schema->field[d->key[k]].name);
			SPK_TRY(spk_field_row_failed(part, i, reason, errors, err));
		}
	}
	return SPK_OK;
}

static bool is_key(const struct spk_change_decoder *d, int column)
{
	for (int k = 0; k < d->key_count; k++)
		if (d->key[k] == column)
			return true;
	return false;
}

/* Of a row that is deleted by its key nothing else is known, whatever its message holds. */
static spk_status clear_deleted(const struct spk_change_decoder *d, const struct spk_change_pieces *p, struct spk_batch *part, struct spk_json_holes *holes, spk_error *err)
{
	for (int i = 0; i < p->count && d->key_count; i++) {
		if (p->piece[i].op != SPK_CHANGE_DELETE)
			continue;
		memset(holes->bits + i * holes->bytes, 0, (size_t)holes->bytes);
		for (int c = 0; c < d->columns; c++)
			if (part->column[c].data && part->column[c].layout == SPK_FLAT && !is_key(d, c) && part->column[c].type.id != SPK_TYPE_ARRAY && part->column[c].type.id != SPK_TYPE_ROW)
				SPK_TRY(spk_field_null(&part->column[c], i, p->count, part->arena, err));
	}
	return SPK_OK;
}

static spk_status decode_rows(struct spk_change_decoder *d, const struct spk_change_pieces *p, struct spk_batch *part, struct spk_json_holes *holes, struct spk_row_errors *errors, spk_error *err)
{
	struct spk_view *raw = SPK_NEW_ARRAY(part->arena, struct spk_view, p->count + 4);

	SPK_TRY_PTR(raw, err);
	for (int i = 0; i < p->count; i++)
		raw[i] = p->piece[i].row.length ? p->piece[i].row : spk_view("{}", 2);
	SPK_TRY(spk_json_decode_holes(d->rows, raw, p->count, part, holes, errors, err));
	for (int i = 0; i < p->count; i++)
		if (p->piece[i].reason)
			SPK_TRY(spk_field_row_failed(part, i, p->piece[i].reason, errors, err));
	SPK_TRY(check_keys(d, p, part, errors, err));
	return clear_deleted(d, p, part, holes, err);
}

/* --- other keys --- */

static spk_status decode_others(struct spk_change_decoder *d, const struct spk_change_pieces *p, struct spk_batch *part, struct spk_change_rows *out, struct spk_row_errors *errors, spk_error *err)
{
	struct spk_schema schema = { .count = d->key_count };
	struct spk_view *raw = SPK_NEW_ARRAY(part->arena, struct spk_view, p->count + 4);
	struct spk_batch keys = *part;
	struct spk_row_errors own = { 0 };
	bool any = false;

	for (int i = 0; i < p->count && raw; i++) {
		any = any || p->piece[i].other.length;
		raw[i] = p->piece[i].other.length ? p->piece[i].other : spk_view("{}", 2);
	}
	if (!any)
		return raw ? SPK_OK : spk_fail_memory(err);
	out->other = SPK_NEW_ARRAY(part->arena, struct spk_vector, d->key_count);
	keys.column = SPK_NEW_ARRAY(part->arena, struct spk_vector, d->key_count);
	schema.field = SPK_NEW_ARRAY(part->arena, struct spk_field, d->key_count);
	SPK_TRY_PTR(out->other && keys.column && schema.field, err);
	/* The decoder has the key's columns as the table does, the change as the key does. */
	for (int k = 0; k < d->key_count; k++) {
		int place = 0;

		for (int j = 0; j < d->key_count; j++)
			place += d->table->key[j] < d->table->key[k];
		schema.field[place] = part->schema->field[d->key[k]];
		out->other[k].data = (void *)(uintptr_t)(place + 1);
	}
	keys.schema = &schema;
	keys.columns = d->key_count;
	SPK_TRY(spk_json_decode_holes(d->others, raw, p->count, &keys, NULL, errors ? &own : NULL, err));
	for (int k = 0; k < d->key_count; k++)
		out->other[k] = keys.column[(uintptr_t)out->other[k].data - 1];
	for (int i = 0; i < own.count; i++)
		SPK_TRY(spk_field_row_failed(part, own.list[i].row, own.list[i].message, errors, err));
	return SPK_OK;
}

/* --- what is said beside the row --- */

static spk_status fill_part(struct spk_vector *v, struct spk_type type, enum spk_message_part part, const struct spk_change_pieces *p, struct spk_arena *arena, spk_error *err)
{
	const bool is_time = part == SPK_MESSAGE_INGESTED || part == SPK_MESSAGE_SOURCE_TIME;

	SPK_TRY(spk_vector_init(v, type, p->count, arena, err));
	for (int i = 0; i < p->count; i++) {
		const struct spk_message *m = p->piece[i].about;

		if (!m || (is_time ? m->time[part] == SPK_CHANGE_TIME_NONE : !m->text[part].length))
			SPK_TRY(spk_field_null(v, i, p->count, arena, err));
		else if (is_time)
			spk_vector_i64(v)[i] = m->time[part];
		else
			spk_vector_view(v)[i] = m->text[part];
	}
	return SPK_OK;
}

static spk_status fill_parts(const struct spk_change_decoder *d, const struct spk_change_pieces *p, struct spk_batch *part, spk_error *err)
{
	for (int c = 0; c < d->columns; c++)
		if (d->part[c] >= 0)
			SPK_TRY(fill_part(&part->column[c], part->schema->field[c].type, (enum spk_message_part)d->part[c], p, part->arena, err));
	return SPK_OK;
}

static spk_status fill_changes(const struct spk_change_decoder *d, const struct spk_change_pieces *p, struct spk_batch *batch, struct spk_change_rows *out, spk_error *err)
{
	const size_t n = (size_t)p->count + 1;
	int32_t *weight = spk_arena_alloc(batch->arena, sizeof *weight * n);

	out->rows = p->count;
	out->message = spk_arena_alloc(batch->arena, sizeof *out->message * n);
	out->op = d->key_count ? spk_arena_alloc(batch->arena, sizeof *out->op * n) : NULL;
	out->commit = spk_arena_alloc(batch->arena, sizeof *out->commit * n);
	out->own = spk_arena_alloc(batch->arena, sizeof *out->own * n);
	SPK_TRY_PTR(weight && out->message && out->commit && out->own && (out->op || !d->key_count), err);
	for (int i = 0; i < p->count; i++) {
		out->message[i] = p->piece[i].message;
		out->commit[i] = p->piece[i].commit;
		out->own[i] = p->piece[i].own;
		weight[i] = p->piece[i].weight;
		if (out->op)
			out->op[i] = p->piece[i].op;
	}
	if (!d->key_count)
		batch->weight = weight;
	return SPK_OK;
}

/* Rows that cannot be read and are not wanted then. */
static spk_status skip_errors(struct spk_batch *batch, const struct spk_row_errors *errors, spk_error *err)
{
	int32_t *sel = spk_arena_alloc(batch->arena, sizeof *sel * (size_t)(batch->rows + 1));
	int n = 0;

	SPK_TRY_PTR(sel, err);
	for (int i = 0; i < batch->rows; i++)
		if (!failed(errors, i))
			sel[n++] = i;
	batch->sel = sel;
	batch->selected = n;
	return SPK_OK;
}

spk_status spk_change_pieces_decode(struct spk_change_decoder *d, const struct spk_change_pieces *p, struct spk_batch *batch, struct spk_change_rows *out, struct spk_row_errors *errors, spk_error *err)
{
	struct spk_schema schema;
	struct spk_batch part = table_part(d, batch, &schema);
	struct spk_json_holes holes = { .bytes = (d->columns + 7) / 8 };
	struct spk_row_errors own = { 0 };

	holes.bits = SPK_NEW_ARRAY(batch->arena, uint8_t, p->count * holes.bytes + 1);
	SPK_TRY_PTR(holes.bits, err);
	errors = d->skips_errors ? &own : errors;
	SPK_TRY(decode_rows(d, p, &part, &holes, errors, err));
	SPK_TRY(fill_parts(d, p, &part, err));
	batch->rows = batch->selected = p->count;
	batch->sel = NULL;
	SPK_TRY(fill_changes(d, p, batch, out, err));
	if (d->key_count)
		SPK_TRY(decode_others(d, p, &part, out, errors, err));
	if (holes.any) {
		out->holes = holes.bits;
		out->hole_bytes = holes.bytes;
	}
	return own.count ? skip_errors(batch, &own, err) : SPK_OK;
}

/* --- messages --- */

static bool is_nothing(const struct spk_chunk *chunk, int at)
{
	const struct spk_view *raw = &chunk->raw[at];

	return (chunk->no_value && chunk->no_value[at]) || raw->length == 0 || (raw->length == 4 && memcmp(spk_view_data(raw), "null", 4) == 0);
}

static spk_status cut_message(struct spk_change_decoder *d, spk_message_cut cut, struct spk_simdjson *parser, const struct spk_chunk *chunk, int at, int message, struct spk_change_pieces *out, spk_error *err)
{
	struct spk_json_row r;
	bool no_memory = false;
	const struct spk_view *raw = &chunk->raw[at];
	const char *text = spk_view_data(raw);
	char *copy;
	int before = out->count;
	struct spk_change_piece *piece;

	/* A short one lies in its view, where nothing readable follows. */
	if (raw->length <= SPK_VIEW_INLINE) {
		copy = SPK_NEW_ARRAY(out->arena, char, SPK_VIEW_INLINE + SPK_CHUNK_PADDING);
		SPK_TRY_PTR(copy, err);
		text = memcpy(copy, text, raw->length);
	}
	if (spk_json_row_init(&r, parser, text, raw->length, &no_memory)) {
		spk_status status = cut(d, &r, message, chunk, at, out, err);

		if (status != SPK_DATA)
			return status;
	}
	if (no_memory)
		return spk_fail(err, SPK_NO_MEMORY, "no memory to read a JSON message of %u bytes", raw->length);
	out->count = before;
	piece = spk_change_piece_add(out, message);
	SPK_TRY_PTR(piece, err);
	piece->reason = spk_arena_strdup(out->arena, r.reason);
	SPK_TRY_PTR(piece->reason, err);
	return SPK_OK;
}

spk_status spk_messages_decode(struct spk_change_decoder *d, spk_message_cut cut, const struct spk_chunk *chunk, int from, int n, struct spk_batch *batch, struct spk_change_rows *out,
			       struct spk_row_errors *errors, spk_error *err)
{
	struct spk_change_pieces pieces = { .arena = batch->arena };
	struct spk_simdjson *parser = spk_json_borrow_parser(d->rows);
	spk_status status = parser ? SPK_OK : spk_fail_memory(err);

	for (int i = 0; i < n && status == SPK_OK; i++)
		if (!is_nothing(chunk, from + i))
			status = cut_message(d, cut, parser, chunk, from + i, i, &pieces, err);
	if (parser)
		spk_json_give_parser_back(d->rows, parser);
	return status == SPK_OK ? spk_change_pieces_decode(d, &pieces, batch, out, errors, err) : status;
}

int spk_change_two_rows(const struct spk_view *message)
{
	(void)message;
	return 2;
}
