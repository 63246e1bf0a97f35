/*
 * What the connectors' tests share: tables from a line of text, rows as padded text, batches as lines.
 *
 *   struct fx f;
 *   fx_open(&f, "a bigint, b text");
 *   fx_option(&f, "json.timestamp-unit", "s");
 *   fx_want(&f, "b");                            columns to read; all without it
 *   fx_decode(&f, &spk_format_json, rows, n)     -> f.batch, f.errors; fx_row(&f, 0) is "NULL|x" or "!reason"
 */
#ifndef SPK_TESTS_CONNECTORS_FIXTURE_H
#define SPK_TESTS_CONNECTORS_FIXTURE_H

#include <ctype.h>
#include <stdio.h>

#include "connectors/connector.h"
#include "core/expr/text.h"
#include "tests/support/test.h"

enum { FX_COLUMNS = 64, FX_OPTIONS = 16 };

struct fx {
	struct spk_arena *arena;
	struct spk_table table;
	struct spk_schema schema, wanted_schema;
	struct spk_field field[FX_COLUMNS], wanted_field[FX_COLUMNS];
	struct spk_option option[FX_OPTIONS];
	const char *metadata[FX_COLUMNS];
	int wanted[FX_COLUMNS], wanted_count;
	int key[FX_COLUMNS];
	struct spk_conf *conf;
	struct spk_format_spec spec;
	struct spk_batch *batch;
	struct spk_row_errors errors;
	spk_error err;
};

SPK_UNUSED static void fx_want(struct fx *f, const char *names)
{
	char copy[1024], *save = NULL;

	f->wanted_count = 0;
	snprintf(copy, sizeof(copy), ",%s,", names);
	for (int c = 0; c < f->schema.count; c++) {
		char needle[128];

		snprintf(needle, sizeof(needle), ",%s,", f->field[c].name);
		if (strcmp(names, "*") && !strstr(copy, needle))
			continue;
		f->wanted[f->wanted_count] = c;
		f->wanted_field[f->wanted_count++] = f->field[c];
	}
	(void)save;
	f->wanted_schema = (struct spk_schema){ f->wanted_count, f->wanted_field };
	f->spec = (struct spk_format_spec){ .table = &f->table, .column = f->wanted, .columns = f->wanted_count, .schema = &f->wanted_schema, .conf = f->conf };
}

SPK_UNUSED static void fx_column(struct fx *f, char *text)
{
	char *type;
	struct spk_field *field = &f->field[f->schema.count++];

	while (*text == ' ')
		text++;
	type = strchr(text, ' ');
	*type++ = '\0';
	field->name = spk_arena_strdup(f->arena, text);
	field->nullable = true;
	memset(&f->err, 0, sizeof(f->err));
	REQUIRE_OK(spk_type_parse(type, &field->type, &f->err), f->err);
}

SPK_UNUSED static void fx_open(struct fx *f, const char *columns)
{
	char copy[4096];
	int depth = 0, start = 0;

	memset(f, 0, sizeof(*f));
	f->arena = spk_arena_new(NULL);
	f->conf = spk_conf_new();
	snprintf(copy, sizeof(copy), "%s", columns);
	for (int i = 0;; i++) {
		bool end = !copy[i];

		depth += copy[i] == '(' ? 1 : copy[i] == ')' ? -1 : 0;
		if (!end && (copy[i] != ',' || depth))
			continue;
		copy[i] = '\0';
		if (i > start)
			fx_column(f, copy + start);
		start = i + 1;
		if (end)
			break;
	}
	f->schema.field = f->field;
	f->table = (struct spk_table){ .name = "t", .connector = "filesystem", .schema = &f->schema, .option = f->option, .time_column = -1, .key = f->key,
	                               .metadata = f->metadata };
	fx_want(f, "*");
}

SPK_UNUSED static void fx_option(struct fx *f, const char *key, const char *value)
{
	f->option[f->table.option_count++] = (struct spk_option){ spk_arena_strdup(f->arena, key), spk_arena_strdup(f->arena, value), 10 * f->table.option_count + 1 };
	if (!strcmp(key, "connector"))
		f->table.connector = f->option[f->table.option_count - 1].value;
}

SPK_UNUSED static void fx_close(struct fx *f)
{
	spk_batch_unref(f->batch);
	spk_arena_unref(f->arena);
	spk_conf_free(f->conf);
	memset(f, 0, sizeof(*f));
}

/* Rows as they lie in a chunk: exactly as many readable bytes behind each as are promised. `arena` owns them. */
SPK_UNUSED static struct spk_view *fx_raw(struct spk_arena *arena, const char *const *row, const size_t *size, int n)
{
	struct spk_view *raw = SPK_NEW_ARRAY(arena, struct spk_view, n + 1);

	for (int i = 0; i < n; i++) {
		size_t length = size ? size[i] : strlen(row[i]);
		char *copy = spk_arena_alloc(arena, length + SPK_CHUNK_PADDING);

		memcpy(copy, row[i], length);
		memset(copy + length, '7', SPK_CHUNK_PADDING);  /* garbage that looks like more of a number */
		raw[i] = spk_view(copy, (uint32_t)length);
	}
	return raw;
}

SPK_UNUSED static spk_status fx_decode_with(struct fx *f, struct spk_decoder *d, const struct spk_view *raw, int n)
{
	spk_status status;

	spk_batch_unref(f->batch);
	f->batch = NULL;
	f->errors = (struct spk_row_errors){ 0 };
	REQUIRE_OK(spk_batch_new(&f->batch, f->spec.schema, NULL, &f->err), f->err);
	f->batch->rows = f->batch->selected = n;
	status = d->format->decode(d, raw, n, f->batch, &f->errors, &f->err);
	return status;
}

SPK_UNUSED static void fx_decode(struct fx *f, const struct spk_format *format, const char *const *row, const size_t *size, int n)
{
	struct spk_decoder *d = NULL;

	REQUIRE_OK(format->decoder_open(&d, &f->spec, &f->err), f->err);
	REQUIRE_OK(fx_decode_with(f, d, fx_raw(f->arena, row, size, n), n), f->err);
	format->decoder_close(d);
}

/* A value as text, independent of the encoders; NULL is "NULL". */
SPK_UNUSED static void fx_value(const struct spk_vector *v, int row, char *out, size_t size)
{
	struct spk_reader r = spk_vector_reader(v);
	uint32_t slot = spk_reader_slot(&r, row);
	char text[SPK_TEXT_MAX];

	if (!spk_reader_valid(&r, slot)) {
		snprintf(out, size, "NULL");
	} else if (spk_type_is_nested(v->type)) {
		struct spk_buffer b = { 0 };

		spk_text_append(&b, v, slot, "UTC", NULL);
		snprintf(out, size, "%.*s", (int)b.size, b.data);
		spk_buffer_release(&b);
	} else if (spk_type_is_view(v->type)) {
		const struct spk_view *view = (const struct spk_view *)r.data + slot;

		snprintf(out, size, "%.*s", (int)view->length, spk_view_data(view));
	} else {
		int n = spk_text_from_value(v->type, (const char *)r.data + (size_t)slot * (size_t)spk_type_width(v->type), "UTC", text);

		snprintf(out, size, "%.*s", n, text);
	}
}

SPK_UNUSED static const char *fx_error(const struct fx *f, int row)
{
	for (int i = 0; i < f->errors.count; i++)
		if (f->errors.list[i].row == row)
			return f->errors.list[i].message;
	return NULL;
}

/* "1|NULL|x", or "!" and the reason. Static: valid until the next call. */
SPK_UNUSED static const char *fx_row(const struct fx *f, int row)
{
	static char line[65536];
	size_t used = 0;
	const char *reason = fx_error(f, row);

	if (reason) {
		snprintf(line, sizeof(line), "!%s", reason);
		return line;
	}
	line[0] = '\0';
	for (int c = 0; c < f->batch->columns && used < sizeof(line) - 2; c++) {
		if (c)
			line[used++] = '|';
		fx_value(&f->batch->column[c], row, line + used, sizeof(line) - used);
		used += strlen(line + used);
	}
	return line;
}

/* Decodes one row and gives its line. */
SPK_UNUSED static const char *fx_one(struct fx *f, const struct spk_format *format, const char *row)
{
	fx_decode(f, format, &row, NULL, 1);
	return fx_row(f, 0);
}

#endif
