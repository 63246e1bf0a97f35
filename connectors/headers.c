/* Headers of messages. See headers.h. */
#include "connectors/headers.h"

#include <string.h>

#include "core/base/check.h"
#include "core/base/utf8.h"
#include "core/expr/text.h"

#define HEADERS "headers"

enum { HEADERS_NONE = UINT32_MAX };

bool spk_headers_wanted(const struct spk_table *t)
{
	for (int i = 0; t->metadata && i < t->schema->count; i++)
		if (t->metadata[i] && strncmp(t->metadata[i], HEADERS, strlen(HEADERS)) == 0)
			return true;
	return false;
}

spk_status spk_headers_put(struct spk_buffer *out, const char *name, const void *value, size_t size, spk_error *err)
{
	const uint32_t sizes[2] = { (uint32_t)strlen(name), value ? (uint32_t)size : HEADERS_NONE };

	SPK_TRY(spk_buffer_append(out, sizes, sizeof sizes, err));
	SPK_TRY(spk_buffer_append(out, name, sizes[0], err));
	return value ? spk_buffer_append(out, value, size, err) : SPK_OK;
}

struct header { const char *name, *value; uint32_t name_size, value_size; };

/* The next one; false: there is none. The bytes are what spk_headers_put wrote. */
static bool next_header(const char **at, const char *end, struct header *h)
{
	uint32_t sizes[2];

	if (*at == end)
		return false;
	memcpy(sizes, *at, sizeof sizes);
	h->name = *at + sizeof sizes;
	h->name_size = sizes[0];
	h->value = sizes[1] == HEADERS_NONE ? NULL : h->name + sizes[0];
	h->value_size = h->value ? sizes[1] : 0;
	*at = h->name + h->name_size + h->value_size;
	return true;
}

static bool is_text(const char *s, uint32_t size) { return spk_utf8_valid(s, size) == size && !(size && memchr(s, 0, size)); }

/* --- one header --- */

static bool find_header(const struct spk_view *headers, const char *name, struct header *found)
{
	const char *at = spk_view_data(headers), *end = at + headers->length;
	bool any = false;

	for (struct header h; next_header(&at, end, &h);) {
		if (h.name_size != strlen(name) || memcmp(h.name, name, h.name_size) != 0)
			continue;
		*found = h;
		any = h.value != NULL;
	}
	return any;
}

static spk_status fill_one(const struct spk_chunk *chunk, int from, int n, const char *name, struct spk_vector *out, struct spk_arena *arena, spk_error *err)
{
	struct header h = { 0 };

	SPK_TRY(spk_vector_need_valid(out, n, arena, err));
	for (int i = 0; i < n; i++) {
		const bool there = find_header(&chunk->headers[from + i], name, &h) && (out->type.id == SPK_TYPE_BYTEA || is_text(h.value, h.value_size));

		if (there)
			spk_vector_view(out)[i] = spk_view(h.value, h.value_size);
		else
			spk_bit_clear(out->valid, i);
	}
	return SPK_OK;
}

/* --- all of them --- */

static spk_status put_object(const struct spk_view *headers, struct spk_buffer *out, spk_error *err)
{
	const char *at = spk_view_data(headers), *end = at + headers->length;
	bool first = true;

	SPK_TRY(spk_buffer_append_str(out, "{", err));
	for (struct header h; next_header(&at, end, &h); first = false) {
		if (!is_text(h.name, h.name_size))
			h.name_size = 0;
		SPK_TRY(spk_buffer_append_str(out, first ? "" : ",", err));
		SPK_TRY(spk_buffer_append_json(out, h.name, h.name_size, err));
		SPK_TRY(spk_buffer_append_str(out, ":", err));
		if (h.value && is_text(h.value, h.value_size))
			SPK_TRY(spk_buffer_append_json(out, h.value, h.value_size, err));
		else
			SPK_TRY(spk_buffer_append_str(out, "null", err));
	}
	return spk_buffer_append_str(out, "}", err);
}

static spk_status fill_all(const struct spk_chunk *chunk, int from, int n, struct spk_vector *out, struct spk_arena *arena, spk_error *err)
{
	struct spk_buffer text = { 0 };
	spk_status status = SPK_OK;

	for (int i = 0; i < n && status == SPK_OK; i++) {
		const char *own;

		spk_buffer_clear(&text);
		status = put_object(&chunk->headers[from + i], &text, err);
		own = status == SPK_OK ? spk_arena_copy(arena, text.data, text.size) : NULL;
		if (status == SPK_OK)
			status = own ? spk_text_put(out, i, n, own, text.size, NULL, arena, err) : spk_fail_memory(err);
	}
	spk_buffer_release(&text);
	return status;
}

spk_status spk_headers_fill(const struct spk_chunk *chunk, int from, int n, const char *key, struct spk_type type, struct spk_vector *out, struct spk_arena *arena, bool *fits, spk_error *err)
{
	const size_t size = strlen(HEADERS);
	const bool all = strcmp(key, HEADERS) == 0, one = strncmp(key, HEADERS ".", size + 1) == 0;

	*fits = chunk->headers && ((all && spk_type_is_json(type)) || (one && (type.id == SPK_TYPE_TEXT || type.id == SPK_TYPE_BYTEA)));
	if (!*fits)
		return SPK_OK;
	SPK_TRY(spk_vector_init(out, type, n, arena, err));
	return all ? fill_all(chunk, from, n, out, arena, err) : fill_one(chunk, from, n, key + size + 1, out, arena, err);
}
