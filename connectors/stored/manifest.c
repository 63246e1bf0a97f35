/* The manifest of a stored relation: JSON for people and tools, with a checksum line so that a changed byte anywhere in it is found. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

#include "connectors/stored/internal.h"
#include "core/base/file.h"

enum { FORMAT = 1, HASH_LINE = 18 };  /* "\n" + 16 hex digits + "\n" */

char *spk_stored_manifest_path(const char *dir)
{
	char *path;

	return asprintf(&path, "%s/" SPK_STORED_MANIFEST, dir) < 0 ? NULL : path;
}

char *spk_stored_part_path(const char *dir, int part)
{
	char *path;

	return asprintf(&path, "%s/" SPK_STORED_ROWS, dir, part) < 0 ? NULL : path;
}

/* --- writing --- */

static json_t *columns_of(const struct spk_schema *schema)
{
	json_t *list = json_array();
	char type[512];

	for (int i = 0; i < schema->count; i++) {
		const struct spk_field *f = &schema->field[i];

		json_array_append_new(list, json_pack("{s:s, s:s, s:b}", "name", f->name, "type", spk_type_format(f->type, type, sizeof type), "nullable", f->nullable));
	}
	return list;
}

static json_t *parts_of(const struct spk_stored_part *part, int parts)
{
	json_t *list = json_array();

	for (int i = 0; i < parts; i++)
		json_array_append_new(list, json_pack("{s:I, s:I}", "rows", (json_int_t)part[i].rows, "bytes", (json_int_t)part[i].bytes));
	return list;
}

spk_status spk_stored_write_manifest(const char *dir, const struct spk_schema *schema, const struct spk_stored_part *part, int parts, spk_error *err)
{
	json_t *root = json_pack("{s:i, s:o, s:o}", "format", FORMAT, "columns", columns_of(schema), "parts", parts_of(part, parts));
	char *text = root ? json_dumps(root, JSON_INDENT(1)) : NULL, *path = spk_stored_manifest_path(dir);
	struct spk_buffer out = { 0 };
	spk_status status = text && path ? spk_buffer_append_str(&out, text, err) : spk_fail_memory(err);

	if (status == SPK_OK)
		status = spk_buffer_printf(&out, err, "\n%016" PRIx64 "\n", (uint64_t)XXH3_64bits(text, strlen(text)));
	if (status == SPK_OK)
		status = spk_file_write_atomic(path, out.data, out.size, err);
	spk_buffer_release(&out);
	json_decref(root);
	free(text);
	free(path);
	return status;
}

/* --- reading --- */

static spk_status read_columns(json_t *list, struct spk_arena *arena, struct spk_stored *s, spk_error *err)
{
	s->columns = (int)json_array_size(list);
	SPK_TRY_PTR(s->column = SPK_NEW_ARRAY(arena, struct spk_stored_column, s->columns + 1), err);
	for (int i = 0; i < s->columns; i++) {
		const char *name, *type;
		int nullable;

		if (json_unpack(json_array_get(list, (size_t)i), "{s:s, s:s, s:b}", "name", &name, "type", &type, "nullable", &nullable) != 0)
			return spk_fail(err, SPK_CORRUPT, "its column number %d is not described as expected", i);
		s->column[i] = (struct spk_stored_column){ spk_arena_strdup(arena, name), spk_arena_strdup(arena, type), nullable != 0 };
		SPK_TRY_PTR(s->column[i].name && s->column[i].type, err);
	}
	return SPK_OK;
}

static spk_status read_parts(json_t *list, struct spk_arena *arena, struct spk_stored *s, spk_error *err)
{
	s->parts = (int)json_array_size(list);
	SPK_TRY_PTR(s->part = SPK_NEW_ARRAY(arena, struct spk_stored_part, s->parts + 1), err);
	for (int i = 0; i < s->parts; i++) {
		json_int_t rows, bytes;

		if (json_unpack(json_array_get(list, (size_t)i), "{s:I, s:I}", "rows", &rows, "bytes", &bytes) != 0)
			return spk_fail(err, SPK_CORRUPT, "its part number %d is not described as expected", i);
		s->part[i] = (struct spk_stored_part){ rows, bytes };
		s->rows += rows;
		s->bytes += bytes;
	}
	return SPK_OK;
}

static spk_status read_json(json_t *root, struct spk_arena *arena, struct spk_stored *s, spk_error *err)
{
	json_t *columns, *parts;
	int format;

	if (json_unpack(root, "{s:i, s:o, s:o}", "format", &format, "columns", &columns, "parts", &parts) != 0)
		return spk_fail(err, SPK_CORRUPT, "it lacks a member");
	if (format != FORMAT)
		return spk_fail(err, SPK_UNSUPPORTED, "it has format %d; this program reads format %d", format, FORMAT);
	SPK_TRY(read_columns(columns, arena, s, err));
	return read_parts(parts, arena, s, err);
}

static spk_status parse(const struct spk_buffer *text, struct spk_arena *arena, struct spk_stored *s, spk_error *err)
{
	char want[HASH_LINE + 1];
	spk_status status;
	size_t body;
	json_t *root;

	if (text->size <= HASH_LINE)
		return spk_fail(err, SPK_CORRUPT, "it is too short");
	body = text->size - HASH_LINE;
	snprintf(want, sizeof want, "\n%016" PRIx64 "\n", (uint64_t)XXH3_64bits(text->data, body));
	if (memcmp(want, text->data + body, HASH_LINE) != 0)
		return spk_fail(err, SPK_CORRUPT, "its last line is not the hash of what is before it");
	root = json_loadb(text->data, body, 0, NULL);
	status = root ? read_json(root, arena, s, err) : spk_fail(err, SPK_CORRUPT, "it is no JSON");
	json_decref(root);
	return status;
}

spk_status spk_stored_describe(const char *dir, struct spk_arena *arena, struct spk_stored **out, spk_error *err)
{
	struct spk_stored *s = SPK_NEW(arena, struct spk_stored);
	char *path = spk_stored_manifest_path(dir);
	struct spk_buffer text = { 0 };
	spk_status status = s && path ? spk_file_read_all(path, &text, err) : spk_fail_memory(err);

	if (status == SPK_NOT_FOUND)
		spk_fail(err, SPK_NOT_FOUND, "%s holds no checkpoint: there is no " SPK_STORED_MANIFEST, dir);
	else if (status == SPK_OK && (status = parse(&text, arena, s, err)) != SPK_OK)
		spk_error_context(err, "%s", path);
	if (status == SPK_OK)
		*out = s;
	spk_buffer_release(&text);
	free(path);
	return status;
}
