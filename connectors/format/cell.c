/* Decoded values into columns. */
#include "connectors/format/cell.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

#include "connectors/format/put.h"
#include "core/columnar/decimal.h"

void spk_cells_release(struct spk_cells *c)
{
	spk_buffer_release(&c->json);
	spk_buffer_release(&c->text);
	spk_json_parser_release(&c->parser);
}

/* --- saying what is wrong --- */

void spk_cells_say(struct spk_cells *c, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(c->reason, sizeof(c->reason), format, args);
	va_end(args);
}

spk_status spk_cells_misfit(struct spk_cells *c, const char *name, struct spk_type type, const char *found, const char *why)
{
	char shown[SPK_SHOWN], text[64];

	return spk_cells_bad(c, "%s \"%s\": %s%s%sexpected %s%s%s", c->what, spk_field_shown(name, strlen(name), shown), found ? "found " : "", found ? found : "",
	                     found ? ", " : "", spk_type_format(type, text, sizeof(text)), why ? ": " : "", why ? why : "");
}

spk_status spk_cells_misfit_integer(struct spk_cells *c, const char *name, struct spk_type type, int64_t found, const char *why)
{
	char text[24];

	*spk_put_i64(text, found) = '\0';
	return spk_cells_misfit(c, name, type, text, why);
}

/* --- values --- */

static spk_status too_long(struct spk_cells *c, const char *name, struct spk_type type, const char *s, uint32_t n)
{
	char shown[SPK_SHOWN];

	return spk_cells_misfit(c, name, type, spk_field_shown(s, n, shown), "too long");
}

spk_status spk_cells_text(struct spk_cells *c, const char *name, struct spk_vector *v, int row, const char *s, uint32_t n)
{
	if (SPK_UNLIKELY(!spk_cell_is_text(s, n)))
		return spk_cells_misfit(c, name, v->type, NULL, memchr(s, '\0', n) ? "a byte 0 cannot be in a text" : "not UTF-8 text");
	if (SPK_UNLIKELY(v->type.precision) && !spk_field_fit_varchar(v->type, s, &n))
		return too_long(c, name, v->type, s, n);
	spk_vector_view(v)[row] = spk_view_padded(s, n);
	return SPK_OK;
}

spk_status spk_cells_plain_text(struct spk_cells *c, const char *name, struct spk_vector *v, int row, const char *s, uint32_t n)
{
	if (v->type.precision && !spk_field_fit_varchar(v->type, s, &n))
		return too_long(c, name, v->type, s, n);
	spk_vector_view(v)[row] = spk_view(s, n);
	return SPK_OK;
}

spk_status spk_cells_integer(struct spk_cells *c, const char *name, struct spk_vector *v, int row, int64_t value)
{
	switch (v->type.id) {
	case SPK_TYPE_REAL:
		spk_vector_f32(v)[row] = (float)value;
		return SPK_OK;
	case SPK_TYPE_DOUBLE:
		spk_vector_f64(v)[row] = (double)value;
		return SPK_OK;
	case SPK_TYPE_DECIMAL:
		if (spk_decimal_store_declared(v->type, value, 0, spk_vector_i128(v) + row))
			return SPK_OK;
		break;
	default:
		if (spk_field_store_integer(v->type, value, spk_cell_slot(v, row)))
			return SPK_OK;
	}
	return spk_cells_misfit_integer(c, name, v->type, value, "out of range");
}

spk_status spk_cells_json(struct spk_cells *c, const char *name, struct spk_vector *v, int row, spk_error *err)
{
	struct spk_view *out = spk_vector_view(v) + row;
	spk_error why = { 0 };
	spk_status status;
	char *copy;

	if (v->type.id == SPK_TYPE_JSON) {
		status = spk_json_check(&c->parser, &c->text, c->json.data, c->json.size, &why);
		copy = status == SPK_OK ? spk_arena_copy(c->arena, c->json.data, c->json.size) : NULL;
		if (status == SPK_OK && !copy)
			return spk_fail_memory(err);
		if (status == SPK_OK)
			*out = spk_view(copy, (uint32_t)c->json.size);
	} else {
		status = spk_jsonb_make(&c->parser, &c->text, c->json.data, c->json.size, c->arena, out, &why);
	}
	if (status == SPK_DATA || status == SPK_UNSUPPORTED)
		return spk_cells_misfit(c, name, v->type, NULL, why.message);
	if (status != SPK_OK && err)
		*err = why;
	return status;
}

spk_status spk_cells_elements(struct spk_cells *c, const char *name, struct spk_vector *child, int used, uint64_t more, int *rows, spk_error *err)
{
	if (more > (uint64_t)c->elements || more > (uint64_t)(1 << 30) - (uint64_t)used)
		return spk_cells_bad(c, "%s \"%s\": an array claims %llu elements, more than its row can hold", c->what, name, (unsigned long long)more);
	c->elements -= (int64_t)more;
	SPK_TRY(spk_vector_grow_child(child, used, (int)more, c->arena, err));
	*rows = spk_vector_child_capacity(used + (int)more);
	return SPK_OK;
}

spk_status spk_cells_init_columns(struct spk_batch *batch, int n, const bool *skip, spk_error *err)
{
	batch->rows = batch->selected = n;
	for (int c = 0; c < batch->columns; c++)
		if (!skip[c])
			SPK_TRY(spk_vector_init(&batch->column[c], batch->schema->field[c].type, n, batch->arena, err));
	return SPK_OK;
}

spk_status spk_cells_row_failed(struct spk_cells *c, struct spk_batch *batch, int row, const bool *skip, struct spk_row_errors *errors, spk_error *err)
{
	for (int i = 0; i < batch->columns; i++)
		if (!skip[i])
			SPK_TRY(spk_text_put_null(&batch->column[i], row, batch->rows, batch->arena, err));
	return spk_field_row_failed(batch, row, c->reason, errors, err);
}

/* --- JSON text --- */

spk_status spk_put_json_integer(struct spk_buffer *out, int64_t v, spk_error *err)
{
	SPK_TRY(spk_buffer_reserve(out, 24, err));
	out->size = (size_t)(spk_put_i64(out->data + out->size, v) - out->data);
	return SPK_OK;
}

spk_status spk_put_json_double(struct spk_buffer *out, double v, bool real, spk_error *err)
{
	char text[SPK_TEXT_MAX];
	float narrow = (float)v;
	int n = spk_text_from_value(spk_type(real ? SPK_TYPE_REAL : SPK_TYPE_DOUBLE), real ? (const void *)&narrow : (const void *)&v, NULL, text);

	if (!isfinite(v))
		return spk_jsonb_append_string(out, text, (size_t)n, err);
	return spk_buffer_append(out, text, (size_t)n, err);
}

spk_status spk_put_json_bytes(struct spk_buffer *out, const char *s, size_t n, spk_error *err)
{
	size_t size = spk_base64_size(n);

	SPK_TRY(spk_buffer_reserve(out, size + 2, err));
	out->data[out->size] = '"';
	spk_base64_encode(s, n, out->data + out->size + 1);
	out->data[out->size + 1 + size] = '"';
	out->size += size + 2;
	return SPK_OK;
}

spk_status spk_put_json_time(struct spk_buffer *out, struct spk_type type, const void *value, spk_error *err)
{
	char text[SPK_TEXT_MAX];
	int n = spk_text_from_value(type, value, "UTC", text);

	return spk_jsonb_append_string(out, text, (size_t)n, err);
}

/* --- the columns of a table --- */

spk_status spk_format_columns(const struct spk_format_spec *spec, struct spk_arena *arena, struct spk_format_column **out, int *count, bool **skip, spk_error *err)
{
	const struct spk_table *t = spec->table;
	struct spk_format_column *c = SPK_NEW_ARRAY(arena, struct spk_format_column, t->schema->count + 1);
	int n = 0, next = 0;

	*skip = SPK_NEW_ARRAY(arena, bool, spec->columns + 1);
	SPK_TRY_PTR(c && *skip, err);
	for (int i = 0; i < t->schema->count; i++) {
		const struct spk_field *f = &t->schema->field[i];
		bool wanted = next < spec->columns && spec->column[next] == i;

		if ((t->computed && t->computed[i]) || (t->metadata && t->metadata[i])) {
			if (wanted)
				(*skip)[next] = true;
		} else {
			c[n] = (struct spk_format_column){ spk_arena_strdup(arena, f->name), f->type, f->nullable, wanted ? next : -1 };
			SPK_TRY_PTR(c[n++].name, err);
		}
		next += wanted;
	}
	*out = c;
	*count = n;
	return SPK_OK;
}

int spk_find_field(const char *name, int count, const char *(*field)(const void *user, int i), const void *user)
{
	int found = -1, n = 0;

	for (int i = 0; i < count; i++)
		if (!strcmp(field(user, i), name))
			return i;
	for (int i = 0; i < count; i++) {
		if (strcasecmp(field(user, i), name))
			continue;
		found = i;
		n++;
	}
	return n == 1 ? found : -1;
}
