/*
 * Text to a value of any type, into a vector: arrays as '{1,NULL,"a b"}', records as '(1,,"a ""b""")'.
 *
 * An array's text is gone over twice, as PostgreSQL does: first its form, then its elements, so that a malformed literal is
 * told as that and not by the element that comes to be read first.
 */
#include <stdio.h>
#include <strings.h>

#include "core/columnar/jsonb.h"
#include "core/expr/text_parse.h"

/* Where values go. */
struct target {
	struct spk_arena *arena;
	const char *timezone;
	const char *whole;       /* the literal, for messages */
	size_t whole_size;
};

static spk_status parse(const struct target *t, struct spk_vector *out, int row, int rows, const char *s, size_t size, spk_error *err);

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static spk_status malformed(const struct target *t, const char *what, spk_error *err)
{
	return spk_fail(err, SPK_DATA, "malformed %s literal: \"%.*s\"", what, (int)SPK_MIN(t->whole_size, (size_t)400), t->whole);
}

/* One element or field as it stands, without the quotes around it. */
struct item {
	const char *s;
	size_t size;
	bool quoted, escaped;    /* escaped: there is a backslash or a doubled quote in it */
};

/* --- arrays --- */

/* A quoted element: *p behind the first quote, left behind the last. */
static bool take_quoted(const char **p, const char *end, struct item *out)
{
	*out = (struct item){ .s = *p, .quoted = true };
	for (; *p < end && **p != '"'; ++*p) {
		if (**p != '\\')
			continue;
		out->escaped = true;
		if (++*p == end)
			return false;
	}
	out->size = (size_t)(*p - out->s);
	return (*p)++ < end;
}

/* Up to a comma or brace; blanks around it do not count. */
static bool take_plain(const char **p, const char *end, struct item *out)
{
	const char *last;

	*out = (struct item){ .s = *p };
	for (last = *p; *p < end && **p != ',' && **p != '}'; ++*p) {
		if (**p == '"' || **p == '{')
			return false;
		if (**p == '\\') {
			out->escaped = true;
			if (++*p == end)
				return false;
			last = *p + 1;
		} else if (!is_blank(**p)) {
			last = *p + 1;
		}
	}
	out->size = (size_t)(last - out->s);
	return out->size > 0;
}

/* An array within an array: from its brace to the one that closes it. */
static bool take_inner(const char **p, const char *end, struct item *out)
{
	int depth = 0;
	bool quoted = false;

	*out = (struct item){ .s = *p };
	for (; *p < end; ++*p) {
		if (**p == '\\' && *p + 1 < end)
			++*p;
		else if (**p == '"')
			quoted = !quoted;
		else if (!quoted && **p == '{')
			depth++;
		else if (!quoted && **p == '}' && --depth == 0)
			break;
	}
	out->size = (size_t)(*p - out->s) + 1;
	return (*p)++ < end;
}

static void skip_blanks(const char **p, const char *end)
{
	while (*p < end && is_blank(**p))
		++*p;
}

/* Element `at` and the comma or brace behind it; *last: the brace. */
static spk_status take_element(const struct target *t, bool inner, int at, const char **p, const char *end, struct item *out, bool *last, spk_error *err)
{
	bool ok;

	skip_blanks(p, end);
	if (*p == end)
		return malformed(t, "array", err);
	if (**p == '"') {
		++*p;
		ok = take_quoted(p, end, out);
	} else if (**p == '{') {
		ok = take_inner(p, end, out) && (inner || at == 0);
		if (ok && !inner)
			return spk_fail(err, SPK_UNSUPPORTED, "arrays of several dimensions are not supported");
	} else {
		ok = take_plain(p, end, out);
	}
	skip_blanks(p, end);
	if (!ok || *p == end || (**p != ',' && **p != '}'))
		return malformed(t, "array", err);
	*last = *(*p)++ == '}';
	return SPK_OK;
}

/* "[1:3]=" before the braces: only a lower bound of 1 can be kept. */
static spk_status skip_bounds(const struct target *t, const char **p, const char *end, int64_t *length, spk_error *err)
{
	int64_t bound[2] = { 1, 0 };
	int bounds = 0, used = 0;
	char text[64];

	*length = -1;
	if (*p == end || **p != '[')
		return SPK_OK;
	snprintf(text, sizeof text, "%.*s", (int)SPK_MIN((size_t)(end - *p), sizeof text - 1), *p);
	if (sscanf(text, "[%ld:%ld]%n", &bound[0], &bound[1], &used) == 2 && used > 0)
		bounds = 2;
	else if (sscanf(text, "[%ld]%n", &bound[1], &used) == 1 && used > 0)
		bounds = 1;
	if (!bounds || bound[1] < bound[0])
		return bounds ? spk_fail(err, SPK_DATA, "upper bound cannot be less than lower bound") : malformed(t, "array", err);
	*p += used;
	if (*p < end && **p == '[')
		return spk_fail(err, SPK_UNSUPPORTED, "arrays of several dimensions are not supported");
	skip_blanks(p, end);
	if (*p == end || *(*p)++ != '=')
		return malformed(t, "array", err);
	skip_blanks(p, end);
	if (bound[0] != 1)
		return spk_fail(err, SPK_UNSUPPORTED, "arrays whose first subscript is not 1 are not supported");
	*length = bound[1];
	return SPK_OK;
}

/* Checks the form and counts; *first: the first element or the closing brace. */
static spk_status count_elements(const struct target *t, bool inner, const char *s, size_t size, const char **first, int *count, spk_error *err)
{
	const char *p = s, *end = s + size;
	struct item item;
	int64_t length;
	bool last = false;

	*count = 0;
	skip_blanks(&p, end);
	SPK_TRY(skip_bounds(t, &p, end, &length, err));
	if (p == end || *p++ != '{')
		return malformed(t, "array", err);
	skip_blanks(&p, end);
	*first = p;
	if (p < end && *p == '}') {
		p++;
		last = true;
	}
	for (; !last; ++*count)
		SPK_TRY(take_element(t, inner, *count, &p, end, &item, &last, err));
	skip_blanks(&p, end);
	if (p != end || (length >= 0 && length != *count))
		return malformed(t, "array", err);
	return SPK_OK;
}

/* Bytes of an item that live as long as the arena: a copy where something is left out. */
static spk_status item_bytes(const struct target *t, struct item *item, spk_error *err)
{
	char *copy;
	size_t n = 0;

	if (!item->escaped)
		return SPK_OK;
	copy = spk_arena_alloc(t->arena, item->size);
	SPK_TRY_PTR(copy, err);
	for (size_t i = 0; i < item->size; i++) {
		if (item->s[i] == '\\' && i + 1 < item->size)
			i++;
		copy[n++] = item->s[i];
	}
	item->s = copy;
	item->size = n;
	return SPK_OK;
}

static int32_t part_size(const struct spk_vector *v, int row) { return spk_vector_i32(v)[row + 1] - spk_vector_i32(v)[row]; }

static spk_status parse_array(const struct target *t, struct spk_vector *out, int row, const char *s, size_t size, spk_error *err)
{
	int32_t *offset = spk_vector_i32(out);
	struct spk_vector *child = out->child;
	bool inner = child->type.id == SPK_TYPE_ARRAY, last = false;
	const char *p, *end = s + size;
	int count, used = offset[row];

	SPK_TRY(count_elements(t, inner, s, size, &p, &count, err));
	SPK_TRY(spk_vector_grow_child(child, used, count, t->arena, err));
	for (int i = 0; i < count; i++) {
		int rows = spk_vector_child_capacity(used + count);
		struct item item;

		SPK_TRY(take_element(t, inner, i, &p, end, &item, &last, err));
		if (!item.quoted && !item.escaped && item.size == 4 && strncasecmp(item.s, "null", 4) == 0) {
			SPK_TRY(spk_text_put_null(child, used + i, rows, t->arena, err));
			continue;
		}
		if (!inner)
			SPK_TRY(item_bytes(t, &item, err));
		if (!inner) {
			SPK_TRY(parse(t, child, used + i, rows, item.s, item.size, err));
			continue;
		}
		if (child->valid)
			spk_bit_set(child->valid, used + i);
		SPK_TRY(parse_array(t, child, used + i, item.s, item.size, err));
		if (i && part_size(child, used + i) != part_size(child, used))
			return malformed(t, "array", err);
	}
	offset[row + 1] = used + count;
	return SPK_OK;
}

/* --- records --- */

/* A field as it stands: quoted parts may begin in the middle, quotes are doubled within. */
static bool take_field(const char **p, const char *end, struct item *out)
{
	bool inside = false;

	*out = (struct item){ .s = *p };
	for (; *p < end && (inside || (**p != ',' && **p != ')')); ++*p) {
		if (**p == '"')
			inside = !inside;
		else if (**p == '\\' && ++*p == end)
			return false;
	}
	out->size = (size_t)(*p - out->s);
	out->escaped = memchr(out->s, '"', out->size) || memchr(out->s, '\\', out->size);
	return *p < end && !inside;
}

static spk_status field_bytes(const struct target *t, struct item *item, spk_error *err)
{
	char *copy;
	size_t n = 0;
	bool inside = false;

	if (!item->escaped)
		return SPK_OK;
	copy = spk_arena_alloc(t->arena, item->size + 1);
	SPK_TRY_PTR(copy, err);
	for (size_t i = 0; i < item->size; i++) {
		char c = item->s[i];

		if (c == '\\' && i + 1 < item->size) {
			copy[n++] = item->s[++i];
		} else if (c == '"' && inside && i + 1 < item->size && item->s[i + 1] == '"') {
			copy[n++] = item->s[++i];
		} else if (c == '"') {
			inside = !inside;
		} else {
			copy[n++] = c;
		}
	}
	item->s = copy;
	item->size = n;
	return SPK_OK;
}

static spk_status parse_record(const struct target *t, struct spk_vector *out, int row, int rows, const char *s, size_t size, spk_error *err)
{
	const struct spk_schema *fields = out->type.children;
	const char *p = s, *end = s + size;

	skip_blanks(&p, end);
	if (p == end || *p++ != '(')
		return malformed(t, "record", err);
	for (int c = 0; c < fields->count; c++) {
		bool last = c + 1 == fields->count;
		struct item item;

		if (!take_field(&p, end, &item) || *p++ != (last ? ')' : ','))
			return malformed(t, "record", err);
		if (item.size == 0) {
			SPK_TRY(spk_text_put_null(&out->child[c], row, rows, t->arena, err));
			continue;
		}
		SPK_TRY(field_bytes(t, &item, err));
		SPK_TRY(parse(t, &out->child[c], row, rows, item.s, item.size, err));
	}
	skip_blanks(&p, end);
	return p == end ? SPK_OK : malformed(t, "record", err);
}

/* --- any type --- */

/* The text up to the type's length, or all of it. */
static size_t cut_length(struct spk_type type, const char *s, size_t size)
{
	size_t characters = 0, i = 0;

	size = spk_text_kept(type, s, size);
	if (type.precision <= 0)
		return size;
	for (; i < size && (characters < (size_t)type.precision || (s[i] & 0xc0) == 0x80); i++)
		characters += (s[i] & 0xc0) != 0x80;
	return spk_text_kept(type, s, i);
}

static spk_status parse_bytes(const struct target *t, const char *s, size_t size, struct spk_view *out, spk_error *err)
{
	char *bytes = spk_arena_alloc(t->arena, SPK_MAX(size, (size_t)1));
	size_t length;

	SPK_TRY_PTR(bytes, err);
	SPK_TRY(spk_text_decode_bytes(s, size, bytes, &length, err));
	*out = spk_view(bytes, (uint32_t)length);
	return SPK_OK;
}

static spk_status parse_json(const struct target *t, bool binary, const char *s, size_t size, struct spk_view *out, spk_error *err)
{
	struct spk_json_parser parser = { 0 };
	struct spk_buffer text = { 0 };
	spk_status status;

	if (binary)
		status = spk_jsonb_make(&parser, &text, s, size, t->arena, out, err);
	else if ((status = spk_json_check(&parser, &text, s, size, err)) == SPK_OK)
		*out = spk_view(s, (uint32_t)size);
	if (status != SPK_OK)
		*out = (struct spk_view){ 0 };
	spk_buffer_release(&text);
	spk_json_parser_release(&parser);
	return status;
}

/* A map is written as an object of JSON. */
static spk_status parse_map(const struct target *t, struct spk_vector *out, int row, int rows, const char *s, size_t size, spk_error *err)
{
	struct spk_view json;

	SPK_TRY(parse_json(t, true, s, size, &json, err));
	return spk_text_put_json(out, row, rows, &json, t->timezone, t->arena, err);
}

static spk_status parse(const struct target *outer, struct spk_vector *out, int row, int rows, const char *s, size_t size, spk_error *err)
{
	const struct target t = { outer->arena, outer->timezone, s, size };

	if (out->valid)
		spk_bit_set(out->valid, row);
	if (spk_type_is_map(out->type))
		return parse_map(&t, out, row, rows, s, size, err);
	switch (out->type.id) {
	case SPK_TYPE_ARRAY:
		return parse_array(&t, out, row, s, size, err);
	case SPK_TYPE_ROW:
		return parse_record(&t, out, row, rows, s, size, err);
	case SPK_TYPE_BYTEA:
		return parse_bytes(&t, s, size, &spk_vector_view(out)[row], err);
	case SPK_TYPE_JSON:
	case SPK_TYPE_JSONB:
		return parse_json(&t, out->type.id == SPK_TYPE_JSONB, s, size, &spk_vector_view(out)[row], err);
	case SPK_TYPE_TEXT:
		spk_vector_view(out)[row] = spk_view(s, (uint32_t)cut_length(out->type, s, size));
		return SPK_OK;
	default:
		return spk_text_to_value(out->type, s, size, t.timezone, (char *)out->data + (size_t)spk_type_width(out->type) * (size_t)row, err);
	}
}

spk_status spk_text_put_null(struct spk_vector *out, int row, int rows, struct spk_arena *arena, spk_error *err)
{
	if (out->type.id == SPK_TYPE_ARRAY)
		spk_vector_i32(out)[row + 1] = spk_vector_i32(out)[row];
	for (int c = 0; out->type.id == SPK_TYPE_ROW && c < out->type.children->count; c++)
		SPK_TRY(spk_text_put_null(&out->child[c], row, rows, arena, err));
	SPK_TRY(spk_vector_need_valid(out, rows, arena, err));
	spk_bit_clear(out->valid, row);
	if (spk_type_is_view(out->type))
		spk_vector_view(out)[row] = (struct spk_view){ 0 };
	return SPK_OK;
}

spk_status spk_text_put(struct spk_vector *out, int row, int rows, const char *s, size_t size, const char *timezone, struct spk_arena *arena, spk_error *err)
{
	const struct target t = { arena, timezone, s, size };

	return parse(&t, out, row, rows, s, size, err);
}
