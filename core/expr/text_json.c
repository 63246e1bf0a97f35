/* JSON to a value of any type, into a vector: arrays from arrays, records from objects, everything else from its text. */
#include <strings.h>

#include "core/columnar/jsonb.h"
#include "core/expr/map.h"
#include "core/expr/text_parse.h"

struct source { struct spk_arena *arena; const char *timezone; };

static spk_status put(const struct source *s, struct spk_vector *out, int row, int rows, const char *p, const char *end, spk_error *err);

static spk_status misfit(struct spk_type type, const char *p, const char *end, spk_error *err)
{
	char name[64];

	return spk_fail(err, SPK_DATA, "found JSON %.*s, expected %s", (int)SPK_MIN(end - p, (ptrdiff_t)80), p, spk_type_format(type, name, sizeof name));
}

static spk_status put_array(const struct source *s, struct spk_vector *out, int row, const char *p, const char *end, spk_error *err)
{
	int32_t *offset = spk_vector_i32(out);
	int used = offset[row], count = spk_jsonb_count(p, end), rows = spk_vector_child_capacity(used + count);
	struct spk_jsonb_iterator i = spk_jsonb_iterator(p, end);

	SPK_TRY(spk_vector_grow_child(out->child, used, count, s->arena, err));
	while (spk_jsonb_next(&i))
		SPK_TRY(put(s, out->child, used++, rows, i.value, i.value_end, err));
	offset[row + 1] = used;
	return SPK_OK;
}

/* Whether keys that are equal are always spelt alike by their type, which 1.0 and 1.00 are not, nor a day and 24 hours. */
static bool has_one_spelling(struct spk_type t)
{
	switch (t.id) {
	case SPK_TYPE_REAL: case SPK_TYPE_DOUBLE: case SPK_TYPE_INTERVAL: case SPK_TYPE_BYTEA: return false;
	case SPK_TYPE_DECIMAL: return t.scale != SPK_SCALE_VARIES;
	default: return !spk_type_is_view(t) || t.precision == 0;
	}
}

/* Whether the key in row `at` is spelt as its type writes it: names that are all differ as keys, too. */
static bool is_plain_key(const struct source *s, const struct spk_vector *keys, int at, const struct spk_jsonb_iterator *i)
{
	char text[SPK_TEXT_MAX];
	int size;

	if (!has_one_spelling(keys->type))
		return false;
	if (spk_type_is_view(keys->type))
		return true;
	size = spk_text_from_value(keys->type, (const char *)keys->data + (size_t)spk_type_width(keys->type) * (size_t)at, s->timezone, text);
	return size == i->key_end - i->key && memcmp(text, i->key, (size_t)size) == 0;
}

/* An object's members, its names being the keys. */
static spk_status put_map(const struct source *s, struct spk_vector *out, int row, const char *p, const char *end, spk_error *err)
{
	int32_t *offset = spk_vector_i32(out);
	int used = offset[row], count = spk_jsonb_count(p, end), rows = spk_vector_child_capacity(used + count);
	bool plain = true, twice = false;

	SPK_TRY(spk_vector_grow_child(out->child, used, count, s->arena, err));
	for (struct spk_jsonb_iterator i = spk_jsonb_iterator(p, end); spk_jsonb_next(&i); used++) {
		if (out->child->valid)
			spk_bit_set(out->child->valid, used);
		SPK_TRY(put(s, &out->child->child[0], used, rows, i.key - 1, i.key_end + 1, err));
		plain = plain && is_plain_key(s, &out->child->child[0], used, &i);
		SPK_TRY(put(s, &out->child->child[1], used, rows, i.value, i.value_end, err));
	}
	if (!plain)
		SPK_TRY(spk_map_keys_repeat(&out->child->child[0], offset[row], used, s->arena, &twice, err));
	if (twice)
		return spk_fail(err, SPK_DATA, "two names of the object are one key of the map");
	offset[row + 1] = used;
	return SPK_OK;
}

/* The member of that name, exactly or without regard to case. */
static bool find_member(const char *p, const char *end, const char *name, const char **value, const char **value_end)
{
	size_t size = strlen(name);
	struct spk_jsonb_iterator i;

	if (spk_jsonb_member(p, end, name, size, value, value_end))
		return true;
	for (i = spk_jsonb_iterator(p, end); spk_jsonb_next(&i);) {
		if ((size_t)(i.key_end - i.key) != size || strncasecmp(i.key, name, size) != 0)
			continue;
		*value = i.value;
		*value_end = i.value_end;
		return true;
	}
	return false;
}

static spk_status put_record(const struct source *s, struct spk_vector *out, int row, int rows, const char *p, const char *end, spk_error *err)
{
	for (int c = 0; c < out->type.children->count; c++) {
		const char *value, *value_end;

		if (find_member(p, end, out->type.children->field[c].name, &value, &value_end))
			SPK_TRY(put(s, &out->child[c], row, rows, value, value_end, err));
		else
			SPK_TRY(spk_text_put_null(&out->child[c], row, rows, s->arena, err));
	}
	return SPK_OK;
}

/* A string's characters; the text itself of anything else. */
static spk_status put_scalar(const struct source *s, struct spk_vector *out, int row, int rows, const char *p, const char *end, spk_error *err)
{
	const char *text = p;
	size_t size = (size_t)(end - p);

	if (*p == '"') {
		text = p + 1;
		size = (size_t)(spk_jsonb_string_end(p, end) - text);
		if (memchr(text, '\\', size)) {
			char *copy = spk_arena_alloc(s->arena, size);

			SPK_TRY_PTR(copy, err);
			size = spk_jsonb_unescape(text, text + size, copy);
			text = copy;
		}
	} else if ((*p == '{' || *p == '[') && out->type.id != SPK_TYPE_TEXT) {
		return misfit(out->type, p, end, err);
	}
	return spk_text_put(out, row, rows, text, size, s->timezone, s->arena, err);
}

static spk_status put(const struct source *s, struct spk_vector *out, int row, int rows, const char *p, const char *end, spk_error *err)
{
	if (*p == 'n')
		return spk_text_put_null(out, row, rows, s->arena, err);
	if (out->valid)
		spk_bit_set(out->valid, row);
	if (spk_type_is_map(out->type))
		return *p == '{' ? put_map(s, out, row, p, end, err) : misfit(out->type, p, end, err);
	switch (out->type.id) {
	case SPK_TYPE_ARRAY: return *p == '[' ? put_array(s, out, row, p, end, err) : misfit(out->type, p, end, err);
	case SPK_TYPE_ROW: return *p == '{' ? put_record(s, out, row, rows, p, end, err) : misfit(out->type, p, end, err);
	case SPK_TYPE_JSON:
	case SPK_TYPE_JSONB:
		spk_vector_view(out)[row] = spk_view(p, (uint32_t)(end - p));
		return SPK_OK;
	default: return put_scalar(s, out, row, rows, p, end, err);
	}
}

spk_status spk_text_put_json(struct spk_vector *out, int row, int rows, const struct spk_view *json, const char *timezone, struct spk_arena *arena, spk_error *err)
{
	const struct source s = { arena, timezone };
	const char *p = spk_view_data(json);

	return put(&s, out, row, rows, p, p + json->length, err);
}
