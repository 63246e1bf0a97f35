/*
 * Columns as the path of a folder, "dt=2025-01-01/hm=00%3A07/", as Hive and Flink write partitions; connectors/file/path_keys.c reads it. No format
 * of tables: sinks of PARTITIONED BY tables have it for keys.
 */
#include "connectors/format/format.h"

#include <stdlib.h>

#include "core/base/check.h"
#include "core/expr/text.h"

struct folder_encoder { struct spk_encoder base; const struct spk_schema *schema; const char *timezone; };

/* What must not stand in a name of a folder. An underscore that comes first does, so that no text is taken for the NULL of Hive. */
static bool must_escape(const char *s, size_t at)
{
	return (unsigned char)s[at] < 0x20 || s[at] == 0x7f || strchr("\"#%'*/:=?\\{}[]^", s[at]) || (s[at] == '_' && at == 0);
}

static spk_status append_escaped(struct spk_buffer *out, const char *s, size_t size, spk_error *err)
{
	static const char hex[] = "0123456789ABCDEF";

	SPK_TRY(spk_buffer_reserve(out, size * 3, err));
	for (size_t i = 0; i < size; i++) {
		if (must_escape(s, i)) {
			out->data[out->size++] = '%';
			out->data[out->size++] = hex[(unsigned char)s[i] >> 4];
			out->data[out->size++] = hex[(unsigned char)s[i] & 15];
		} else {
			out->data[out->size++] = s[i];
		}
	}
	return SPK_OK;
}

static spk_status append_folder(const struct folder_encoder *e, int column, const struct spk_vector *v, int32_t row, struct spk_buffer *scratch, struct spk_buffer *out, spk_error *err)
{
	const struct spk_reader r = spk_vector_reader(v);
	const char *name = e->schema->field[column].name;
	uint32_t slot = spk_reader_slot(&r, row);

	SPK_TRY(append_escaped(out, name, strlen(name), err));
	if (!spk_reader_valid(&r, slot))
		return spk_buffer_append_str(out, "=__HIVE_DEFAULT_PARTITION__/", err);
	scratch->size = 0;
	SPK_TRY(spk_buffer_append_str(out, "=", err));
	SPK_TRY(spk_text_append(scratch, v, slot, e->timezone, err));
	SPK_TRY(append_escaped(out, scratch->data, scratch->size, err));
	return spk_buffer_append_str(out, "/", err);
}

static spk_status folder_encode(struct spk_encoder *base, const struct spk_batch *batch, struct spk_buffer *out, uint32_t *end, spk_error *err)
{
	const struct folder_encoder *e = spk_container_of(base, struct folder_encoder, base);
	struct spk_buffer scratch = { 0 };
	spk_status status = SPK_OK;

	for (int i = 0; status == SPK_OK && i < batch->selected; i++) {
		for (int c = 0; status == SPK_OK && c < batch->columns; c++)
			status = append_folder(e, c, &batch->column[c], spk_batch_row(batch, i), &scratch, out, err);
		end[i] = (uint32_t)out->size;
	}
	spk_buffer_release(&scratch);
	return status;
}

static void folder_close(struct spk_encoder *base)
{
	free(spk_container_of(base, struct folder_encoder, base));
}

static spk_status folder_open(struct spk_encoder **out, const struct spk_format_spec *spec, spk_error *err)
{
	struct folder_encoder *e = malloc(sizeof(*e));

	SPK_TRY_PTR(e, err);
	*e = (struct folder_encoder){ { &spk_format_folder_path }, spec->schema, spec->conf ? spk_conf_text(spec->conf, SPK_CONF_TIMEZONE) : NULL };
	*out = &e->base;
	return SPK_OK;
}

const struct spk_format spk_format_folder_path = {
	.name = "folder path",
	.encoder_open = folder_open,
	.encode = folder_encode,
	.encoder_close = folder_close,
};
