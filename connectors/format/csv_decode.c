/*
 * Rows of CSV into columns.
 *
 * A row without quotes, which is nearly every row, is cut by looking for the delimiter 16 bytes at a time; only the fields that are
 * read are touched then. Rows with quotes are cut by spk_csv_cut into copies. How many fields a row must have is what the header says,
 * or the number of the table's columns.
 */
#include "connectors/format/csv_decode.h"

#include <stdio.h>
#include <strings.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "core/base/check.h"
#include "connectors/format/simdjson_shim.h"

enum { FIELDS_MAX = 4096 };

/* --- which field is which --- */

static bool is_ours(const struct spk_table *t, int column)
{
	return !(t->computed && t->computed[column]) && !(t->metadata && t->metadata[column]);
}

static int find_field(const struct spk_csv_field *field, int n, const char *name)
{
	size_t size = strlen(name);

	for (int folded = 0; folded < 2; folded++)
		for (int i = 0; i < n; i++)
			if (field[i].size == size && (folded ? strncasecmp(field[i].text, name, size) : memcmp(field[i].text, name, size)) == 0)
				return i;
	return -1;
}

static void add_target(struct spk_csv_decoder *d, struct spk_csv_target t)
{
	int at = d->targets++;

	for (; at > 0 && d->target[at - 1].field > t.field; at--)
		d->target[at] = d->target[at - 1];
	d->target[at] = t;
}

static spk_status missing_column(const struct spk_table *t, const char *name, const struct spk_view *header, spk_error *err)
{
	char shown[SPK_SHOWN];

	spk_fail(err, SPK_DATA, "table \"%s\": the CSV header has no column \"%s\"; it is: %s", t->name, name,
	         spk_field_shown(spk_view_data(header), header->length, shown));
	spk_hint(err, "correct the column's name; 'union.by-name' = 'true' (union_by_name => true) makes what a file does not have NULL; 'csv.header' = 'false' if there is no header");
	return SPK_DATA;
}

/* Without a header the table's columns are the fields. */
static spk_status map_columns(struct spk_csv_decoder *d, const struct spk_format_spec *spec, const struct spk_csv_field *field, int fields, spk_error *err)
{
	const struct spk_table *t = spec->table;
	const char *by_name = spk_format_option(t, "union.by-name");
	bool may_lack = by_name && strcmp(by_name, "true") == 0;
	int next = 0, position = 0;

	for (int i = 0; i < t->schema->count; i++) {
		bool wanted = next < spec->columns && spec->column[next] == i;
		const struct spk_field *f = &t->schema->field[i];
		int at = position;

		if (!is_ours(t, i)) {
			if (wanted)
				d->skip[next++] = true;
			continue;
		}
		position++;
		if (field) {
			at = find_field(field, fields, f->name);
			if (at < 0 && !may_lack)
				return missing_column(t, f->name, &spec->header, err);
		}
		if (wanted && at < 0)
			d->absent[next++] = true;
		else if (wanted)
			add_target(d, (struct spk_csv_target){ at, next++, spk_field_read_type(f->type, false), spk_arena_strdup(d->arena, f->name), spk_csv_kernel_for(spk_field_read_type(f->type, false)) });
	}
	d->fields = field ? fields : position;
	for (int i = 0; i < d->targets; i++)
		SPK_TRY_PTR(d->target[i].name, err);
	return SPK_OK;
}

static spk_status read_header(struct spk_csv_decoder *d, const struct spk_format_spec *spec, spk_error *err)
{
	char *scratch = spk_arena_alloc(d->arena, spec->header.length + 1);
	struct spk_csv_field *field = SPK_NEW_ARRAY(d->arena, struct spk_csv_field, FIELDS_MAX);
	int n;

	SPK_TRY_PTR(scratch && field, err);
	n = spk_csv_cut(spk_view_data(&spec->header), spec->header.length, &d->options, field, FIELDS_MAX, scratch);
	if (n < 0 || n > FIELDS_MAX)
		return spk_fail(err, SPK_DATA, "table \"%s\": the CSV header %s", spec->table->name, n < 0 ? "has a quote that is not closed" : "has too many columns");
	return map_columns(d, spec, field, n, err);
}

static spk_status decoder_init(struct spk_csv_decoder *d, const struct spk_format_spec *spec, spk_error *err)
{
	struct spk_csv_options o = spk_csv_options(spec->table);

	d->base.format = &spk_format_csv;
	d->options = o;
	d->rules = spk_field_rules(spec->conf);
	d->options.null = spk_arena_strdup(d->arena, o.null);
	d->target = SPK_NEW_ARRAY(d->arena, struct spk_csv_target, spec->columns + 1);
	d->skip = SPK_NEW_ARRAY(d->arena, bool, spec->columns + 1);
	d->absent = SPK_NEW_ARRAY(d->arena, bool, spec->columns + 1);
	SPK_TRY_PTR(d->options.null && d->target && d->skip && d->absent, err);
	return spec->header.length ? read_header(d, spec, err) : map_columns(d, spec, NULL, 0, err);
}

spk_status spk_csv_decoder_open(struct spk_decoder **out, const struct spk_format_spec *spec, spk_error *err)
{
	struct spk_arena *arena;
	struct spk_csv_decoder *d;
	spk_status status;

	arena = spk_arena_new(NULL);
	SPK_TRY_PTR(arena, err);
	d = SPK_NEW(arena, struct spk_csv_decoder);
	status = d ? SPK_OK : spk_fail_memory(err);
	if (status == SPK_OK) {
		d->arena = arena;
		status = decoder_init(d, spec, err);
	}
	if (status != SPK_OK) {
		spk_arena_unref(arena);
		return status;
	}
	*out = &d->base;
	return SPK_OK;
}

void spk_csv_decoder_close(struct spk_decoder *base)
{
	if (base)
		spk_arena_unref(spk_container_of(base, struct spk_csv_decoder, base)->arena);
}

int spk_csv_decoder_fields(const struct spk_decoder *d)
{
	return spk_container_of(d, struct spk_csv_decoder, base)->fields;
}

/* --- values --- */

static spk_status misfit(struct spk_csv_work *w, const struct spk_csv_target *t, const char *s, uint32_t n, const char *why)
{
	char shown[SPK_SHOWN], name[SPK_SHOWN], type[64];

	snprintf(w->reason, sizeof(w->reason), "column \"%s\": found \"%s\", expected %s%s%.80s", spk_field_shown(t->name, strlen(t->name), name), spk_field_shown(s, n, shown),
	         spk_type_format(t->type, type, sizeof(type)), why ? ": " : "", why ? why : "");
	return SPK_DATA;
}

static spk_status store_bytea(struct spk_csv_work *w, const struct spk_csv_target *t, const char *s, uint32_t n, struct spk_view *out, spk_error *err)
{
	char *bytes = spk_arena_alloc(w->batch->arena, n + 1);
	size_t length;

	SPK_TRY_PTR(bytes, err);
	if (!spk_field_bytea(s, n, bytes, &length))
		return misfit(w, t, s, n, "neither \\x with hexadecimal digits nor text with escapes");
	*out = spk_view(bytes, (uint32_t)length);
	return SPK_OK;
}

spk_status spk_csv_store(struct spk_csv_work *w, const struct spk_csv_target *t, const char *s, uint32_t n, bool quoted, int row, spk_error *err)
{
	struct spk_vector *v = &w->batch->column[t->column];
	spk_error why;
	spk_status status;

	if (!quoted && spk_csv_is_null(&w->d->options, s, n))
		return spk_field_null(v, row, w->batch->rows, w->batch->arena, err);
	switch (t->type.id) {
	case SPK_TYPE_TEXT: case SPK_TYPE_JSONB: case SPK_TYPE_JSON:
		if (t->type.precision && !spk_field_fit_varchar(t->type, s, &n))
			return misfit(w, t, s, n, "too long");
		spk_vector_view(v)[row] = spk_view_padded(s, n);
		return SPK_OK;
	case SPK_TYPE_BYTEA:
		return store_bytea(w, t, s, n, spk_vector_view(v) + row, err);
	case SPK_TYPE_TIMESTAMP:
		if (SPK_LIKELY(spk_field_timestamp(s, n, &w->day[t - w->d->target], spk_vector_i64(v) + row)))
			return SPK_OK;
		/* fallthrough */
	default:
		status = spk_field_parse(t->type, s, n, &w->d->rules, (char *)v->data + (size_t)row * (size_t)spk_type_width(t->type), &why);
		if (SPK_LIKELY(status == SPK_OK))
			return SPK_OK;
		if (status == SPK_DATA)
			return misfit(w, t, s, n, strncmp(why.message, "invalid input syntax", 20) ? why.message : NULL);
		if (err)
			*err = why;
		return status;
	}
}

/* --- rows --- */

/* Ends of fields in a row without quotes, at most d->fields + 1 of them; -1 when there is a quote. */
static int cut_plain(const char *row, uint32_t size, const struct spk_csv_options *o, uint32_t *end, int most)
{
	char quote = o->quote ? o->quote : o->delimiter;
	int n = 0;
#if defined(__SSE2__)
	const __m128i d = _mm_set1_epi8(o->delimiter), q = _mm_set1_epi8(quote);

	for (uint32_t i = 0; i < size; i += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)(row + i));
		uint32_t inside = size - i >= 16 ? 0xffff : (1u << (size - i)) - 1;
		uint32_t at = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, d)) & inside;

		if (SPK_UNLIKELY(((uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, q)) & inside) && o->quote))
			return -1;
		for (; at; at &= at - 1) {
			if (SPK_UNLIKELY(n == most))
				return n + 1;
			end[n++] = i + (uint32_t)__builtin_ctz(at);
		}
	}
#else
	for (uint32_t i = 0; i < size; i++) {
		if (row[i] == quote && o->quote)
			return -1;
		if (row[i] != o->delimiter)
			continue;
		if (n == most)
			return n + 1;
		end[n++] = i;
	}
#endif
	if (n == most)
		return n + 1;
	end[n++] = size;
	return n;
}

static spk_status wrong_count(struct spk_csv_work *w, const char *text, uint32_t size, int n)
{
	char shown[SPK_SHOWN];
	int want = w->d->fields;

	spk_field_shown(text, size, shown);
	if (n > want)
		snprintf(w->reason, sizeof(w->reason), "too many fields: expected %d, found more in \"%s\"", want, shown);
	else
		snprintf(w->reason, sizeof(w->reason), "too few fields: expected %d, found %d in \"%s\"", want, n, shown);
	return SPK_DATA;
}

static spk_status store(struct spk_csv_work *w, const struct spk_csv_target *t, const char *text, uint32_t size, bool quoted, int row, spk_error *err)
{
	const spk_status status = spk_csv_store(w, t, text, size, quoted, row, err);

	if (SPK_LIKELY(status != SPK_DATA || !w->d->options.forgiving))
		return status;
	return spk_field_null(&w->batch->column[t->column], row, w->batch->rows, w->batch->arena, err);
}

static spk_status decode_quoted(struct spk_csv_work *w, const char *text, uint32_t size, int row, spk_error *err)
{
	const struct spk_csv_decoder *d = w->d;
	char *scratch = spk_arena_alloc(w->batch->arena, (size_t)size + 16);
	int n;

	SPK_TRY_PTR(scratch, err);
	memset(scratch + size, 0, 16);
	n = spk_csv_cut(text, size, &d->options, w->cut, d->fields, scratch);
	if (n < 0) {
		snprintf(w->reason, sizeof(w->reason), "a quoted field does not end");
		return SPK_DATA;
	}
	if (n != d->fields)
		return wrong_count(w, text, size, n);
	for (int i = 0; i < d->targets; i++) {
		const struct spk_csv_field *f = &w->cut[d->target[i].field];

		SPK_TRY(store(w, &d->target[i], f->text, f->size, f->quoted, row, err));
	}
	return SPK_OK;
}

spk_status spk_csv_decode_text(struct spk_csv_work *w, const char *text, uint32_t size, int row, spk_error *err)
{
	const struct spk_csv_decoder *d = w->d;
	int n;

	if (SPK_UNLIKELY(!spk_simdjson_is_text(text, size))) {
		snprintf(w->reason, sizeof(w->reason), "invalid UTF-8");
		return SPK_DATA;
	}
	n = cut_plain(text, size, &d->options, w->end, d->fields);
	if (SPK_UNLIKELY(n < 0))
		return decode_quoted(w, text, size, row, err);
	if (SPK_UNLIKELY(n != d->fields))
		return wrong_count(w, text, size, n);
	for (int i = 0; i < d->targets; i++) {
		const struct spk_csv_target *t = &d->target[i];
		uint32_t start = t->field ? w->end[t->field - 1] + 1 : 0;

		SPK_TRY(store(w, t, text + start, w->end[t->field] - start, false, row, err));
	}
	return SPK_OK;
}

static spk_status decode_row(struct spk_csv_work *w, const struct spk_view *raw, int row, spk_error *err)
{
	const char *text = spk_view_data(raw);

	if (raw->length <= SPK_VIEW_INLINE)
		text = memcpy(w->small, raw->inlined, sizeof(raw->inlined));
	return spk_csv_decode_text(w, text, raw->length, row, err);
}

/* All NULL. */
static spk_status clear_absent(const struct spk_csv_decoder *d, struct spk_batch *batch, int n, spk_error *err)
{
	for (int c = 0; c < batch->columns; c++) {
		if (!d->absent[c])
			continue;
		SPK_TRY(spk_vector_need_valid(&batch->column[c], n, batch->arena, err));
		memset(batch->column[c].valid, 0, sizeof(*batch->column[c].valid) * (size_t)spk_bitmap_words(n));
	}
	return SPK_OK;
}

spk_status spk_csv_work_init(struct spk_csv_work *w, const struct spk_csv_decoder *d, struct spk_batch *batch, int n, spk_error *err)
{
	w->d = d;
	w->batch = batch;
	batch->rows = batch->selected = n;
	SPK_TRY(spk_field_init_columns(batch, n, d->skip, false, err));
	SPK_TRY(clear_absent(d, batch, n, err));
	w->end = SPK_NEW_ARRAY(batch->arena, uint32_t, d->fields + 1);
	w->cut = SPK_NEW_ARRAY(batch->arena, struct spk_csv_field, d->fields + 1);
	w->day = SPK_NEW_ARRAY(batch->arena, struct spk_day, d->targets + 1);
	SPK_TRY_PTR(w->end && w->cut && w->day, err);
	return SPK_OK;
}

spk_status spk_csv_decode(struct spk_decoder *base, const struct spk_view *raw, int n, struct spk_batch *batch, struct spk_row_errors *errors, spk_error *err)
{
	struct spk_csv_work w = { 0 };

	SPK_TRY(spk_csv_work_init(&w, spk_container_of(base, struct spk_csv_decoder, base), batch, n, err));
	for (int i = 0; i < n; i++) {
		spk_status status = decode_row(&w, &raw[i], i, err);

		if (SPK_UNLIKELY(status == SPK_DATA))
			status = spk_field_row_failed(batch, i, w.reason, errors, err);
		SPK_TRY(status);
	}
	return spk_field_finish(batch, w.d->skip, false, &w.d->rules, errors, err);
}
