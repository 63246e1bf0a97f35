/* Statistics in files. See statistics_file.h. Numbers are written as texts that give the same double again, also infinity. */
#include "session/statistics_file.h"

#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <xxhash.h>

#include "core/base/file.h"

enum { FORMAT = 1, HASH_LINE = 18 };  /* "\n" + 16 hex digits + "\n" */

/* --- names --- */

/* What the table is: where from, and which columns. A relative path counts from where we are. */
static spk_status put_definition(const struct spk_table *t, struct spk_buffer *out, spk_error *err)
{
	const char *path = spk_table_option(t, "path");
	char here[PATH_MAX] = "", type[512];

	if (path && path[0] != '/' && !getcwd(here, sizeof here))
		here[0] = 0;
	SPK_TRY(spk_buffer_printf(out, err, "%s %s/%s", t->connector ? t->connector : "", here, path ? path : t->name));
	for (int i = 0; i < t->schema->count; i++)
		SPK_TRY(spk_buffer_printf(out, err, "\n%s %s", t->schema->field[i].name, spk_type_format(t->schema->field[i].type, type, sizeof type)));
	return SPK_OK;
}

char *spk_statistics_path(const char *dir, const struct spk_table *t)
{
	struct spk_buffer definition = { 0 };
	char *path = NULL;

	if (put_definition(t, &definition, NULL) == SPK_OK && asprintf(&path, "%s/%016" PRIx64 ".json", dir, (uint64_t)XXH3_64bits(definition.data, definition.size)) < 0)
		path = NULL;
	spk_buffer_release(&definition);
	return path;
}

/* --- writing --- */

static json_t *number(double v)
{
	char text[40];

	snprintf(text, sizeof text, "%.17g", v);
	return json_string(text);
}

static json_t *histogram_of(const struct spk_column_statistics *s)
{
	json_t *list = json_array();

	for (int i = 0; i <= s->buckets && s->buckets; i++)
		json_array_append_new(list, number(s->bound[i]));
	return list;
}

static json_t *commons_of(const struct spk_column_statistics *s)
{
	json_t *list = json_array();

	for (int i = 0; i < s->commons; i++) {
		const struct spk_common_value *c = &s->common[i];

		json_array_append_new(list, c->text ? json_pack("{s:s, s:o}", "text", c->text, "part", number(c->part)) : json_pack("{s:o, s:o}", "number", number(c->number), "part", number(c->part)));
	}
	return list;
}

static json_t *columns_of(const struct spk_analyzed *a)
{
	json_t *list = json_array();
	char type[512];

	for (int i = 0; i < a->columns; i++) {
		const struct spk_column_statistics *s = &a->column[i].statistics;

		json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o}", "name", a->column[i].name, "type", spk_type_format(a->column[i].type, type, sizeof type),
			"distinct", number(s->distinct), "nulls", number(s->nulls), "ranged", s->ranged, "low", number(s->low), "high", number(s->high),
			"width", number(s->width), "histogram", histogram_of(s), "common", commons_of(s)));
	}
	return list;
}

static spk_status put_file(const struct spk_analyzed *a, struct spk_buffer *out, spk_error *err)
{
	char version[20];
	json_t *root;
	char *text;
	spk_status status;

	snprintf(version, sizeof version, "%016" PRIx64, a->version);
	root = json_pack("{s:i, s:s, s:s, s:o, s:o}", "format", FORMAT, "table", a->key, "version", version, "rows", number(a->rows), "columns", columns_of(a));
	text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
	status = text ? spk_buffer_append_str(out, text, err) : spk_fail_memory(err);
	if (status == SPK_OK)
		status = spk_buffer_printf(out, err, "\n%016" PRIx64 "\n", (uint64_t)XXH3_64bits(text, strlen(text)));
	json_decref(root);
	free(text);
	return status;
}

spk_status spk_statistics_write(const char *dir, const struct spk_table *t, const struct spk_analyzed *a, spk_error *err)
{
	char *path = spk_statistics_path(dir, t);
	struct spk_buffer out = { 0 };
	spk_status status = path ? put_file(a, &out, err) : spk_fail_memory(err);

	if (status == SPK_OK)
		status = spk_dir_create(dir, err);
	if (status == SPK_OK)
		status = spk_file_write_atomic(path, out.data, out.size, err);
	spk_buffer_release(&out);
	free(path);
	return status;
}

/* --- reading --- */

static spk_status damaged(spk_error *err) { return spk_fail(err, SPK_CORRUPT, "it is not as it was written"); }

static spk_status take_number(const json_t *from, const char *name, double *out, spk_error *err)
{
	const char *text = json_string_value(name ? json_object_get(from, name) : from);
	char *end = NULL;

	*out = text ? strtod(text, &end) : 0;
	return text && *text && !*end ? SPK_OK : damaged(err);
}

static spk_status take_histogram(const json_t *list, struct spk_column_statistics *s, struct spk_arena *arena, spk_error *err)
{
	int n = (int)json_array_size(list);
	double *bound = SPK_NEW_ARRAY(arena, double, n + 1);

	SPK_TRY_PTR(bound, err);
	if (n == 1)
		return damaged(err);
	for (int i = 0; i < n; i++)
		SPK_TRY(take_number(json_array_get(list, (size_t)i), NULL, &bound[i], err));
	s->buckets = n ? n - 1 : 0;
	s->bound = bound;
	return SPK_OK;
}

static spk_status take_commons(const json_t *list, struct spk_column_statistics *s, struct spk_arena *arena, spk_error *err)
{
	int n = (int)json_array_size(list);
	struct spk_common_value *common = SPK_NEW_ARRAY(arena, struct spk_common_value, n + 1);

	SPK_TRY_PTR(common, err);
	for (int i = 0; i < n; i++) {
		const json_t *one = json_array_get(list, (size_t)i);
		const char *text = json_string_value(json_object_get(one, "text"));

		SPK_TRY(take_number(one, "part", &common[i].part, err));
		if (text)
			SPK_TRY_PTR(common[i].text = spk_arena_strdup(arena, text), err);
		else
			SPK_TRY(take_number(one, "number", &common[i].number, err));
	}
	s->commons = n;
	s->common = common;
	return SPK_OK;
}

/* The type by its name: that of the table's column, which the file's name stands for. */
static spk_status take_type(const struct spk_table *t, const char *name, const char *type, struct spk_analyzed_column *c, spk_error *err)
{
	char text[512];

	for (int i = 0; i < t->schema->count; i++) {
		const struct spk_field *f = &t->schema->field[i];

		c->type = spk_type(f->type.id);
		if (strcmp(f->name, name) == 0 && strcmp(spk_type_format(c->type, text, sizeof text), type) == 0)
			return SPK_OK;
	}
	return damaged(err);
}

static spk_status take_column(const struct spk_table *t, json_t *from, struct spk_analyzed_column *c, struct spk_arena *arena, spk_error *err)
{
	struct spk_column_statistics *s = &c->statistics;
	const char *name, *type;
	int ranged;

	if (json_unpack(from, "{s:s, s:s, s:b}", "name", &name, "type", &type, "ranged", &ranged) != 0)
		return damaged(err);
	SPK_TRY_PTR(c->name = spk_arena_strdup(arena, name), err);
	SPK_TRY(take_type(t, name, type, c, err));
	s->ranged = ranged != 0;
	SPK_TRY(take_number(from, "distinct", &s->distinct, err));
	SPK_TRY(take_number(from, "nulls", &s->nulls, err));
	SPK_TRY(take_number(from, "low", &s->low, err));
	SPK_TRY(take_number(from, "high", &s->high, err));
	SPK_TRY(take_number(from, "width", &s->width, err));
	SPK_TRY(take_histogram(json_object_get(from, "histogram"), s, arena, err));
	return take_commons(json_object_get(from, "common"), s, arena, err);
}

static spk_status take_file(const struct spk_table *t, json_t *root, struct spk_analyzed *a, spk_error *err)
{
	const char *version;
	json_t *columns;
	int format, used = 0;

	if (json_unpack(root, "{s:i}", "format", &format) != 0)
		return damaged(err);
	if (format != FORMAT)
		return spk_fail(err, SPK_UNSUPPORTED, "it has format %d; this program reads format %d", format, FORMAT);
	if (json_unpack(root, "{s:s, s:o}", "version", &version, "columns", &columns) != 0 || sscanf(version, "%16" SCNx64 "%n", &a->version, &used) != 1 || used != 16)
		return damaged(err);
	SPK_TRY(take_number(root, "rows", &a->rows, err));
	SPK_TRY_PTR(a->column = SPK_NEW_ARRAY(a->arena, struct spk_analyzed_column, (int)json_array_size(columns) + 1), err);
	for (; a->columns < (int)json_array_size(columns); a->columns++)
		SPK_TRY(take_column(t, json_array_get(columns, (size_t)a->columns), &a->column[a->columns], a->arena, err));
	return SPK_OK;
}

static spk_status parse(const struct spk_table *t, const struct spk_buffer *text, struct spk_analyzed *a, spk_error *err)
{
	char want[HASH_LINE + 1];
	spk_status status;
	size_t body;
	json_t *root;

	if (text->size <= HASH_LINE)
		return damaged(err);
	body = text->size - HASH_LINE;
	snprintf(want, sizeof want, "\n%016" PRIx64 "\n", (uint64_t)XXH3_64bits(text->data, body));
	if (memcmp(want, text->data + body, HASH_LINE) != 0)
		return damaged(err);
	root = json_loadb(text->data, body, 0, NULL);
	status = root ? take_file(t, root, a, err) : damaged(err);
	json_decref(root);
	return status;
}

spk_status spk_statistics_read(const char *dir, const struct spk_table *t, struct spk_analyzed *a, spk_error *err)
{
	char *path = spk_statistics_path(dir, t);
	struct spk_buffer text = { 0 };
	spk_status status = path ? spk_file_read_all(path, &text, err) : spk_fail_memory(err);

	if (status == SPK_OK && (status = parse(t, &text, a, err)) != SPK_OK)
		spk_error_context(err, "statistics in %s", path);
	spk_buffer_release(&text);
	free(path);
	return status;
}
