/* The format 'protobuf' as a table of functions, and its options. */
#include "connectors/format/protobuf.h"

#include "connectors/connector.h"
#include "connectors/file/file.h"
#include "core/base/file.h"

static const char message_option[] = "protobuf.message-class-name", file_option[] = "protobuf.descriptor-file";

static const struct spk_option_spec options[] = {
	{ message_option, false, false, NULL, "The message's name with its package, or the name of its Java class." },
	{ file_option, false, false, NULL, "A descriptor set: protoc --include_imports --descriptor_set_out=FILE." },
	{ "protobuf.read-default-values", false, false, "true|false", "true: a field that is not there has its default instead of NULL (default false)." },
	{ "protobuf.write-null-string-literal", false, false, NULL, "What a NULL within an array of strings is written as (default '')." },
	{ 0 },
};

/* --- the message --- */

static spk_status missing(const struct spk_table *t, const char *option, const char *hint, spk_error *err)
{
	spk_fail(err, SPK_USAGE, "table \"%s\": format 'protobuf' needs the option '%s'", t->name, option);
	spk_hint(err, "%s", hint);
	return spk_format_option_failed(t, "format", SPK_USAGE, err);
}

static spk_status load(const struct spk_format_spec *spec, struct spk_arena *arena, const struct spk_pb_message **out, spk_error *err)
{
	const struct spk_table *t = spec->table;
	const char *name = spk_format_spec_option(spec, message_option), *path = spk_format_spec_option(spec, file_option), *failed = file_option;
	struct spk_buffer bytes = { 0 };
	spk_status status;

	if (!name)
		return missing(t, message_option, "the name of the message, as in 'shop.Order'", err);
	if (!path)
		return missing(t, file_option, "a descriptor set, made by protoc --include_imports --descriptor_set_out=FILE", err);
	status = spk_files_check_path(path, spec->conf, err);
	if (status == SPK_OK)
		status = spk_file_read_all(path, &bytes, err);
	if (status == SPK_OK) {
		status = spk_pb_load(arena, bytes.data ? bytes.data : "", bytes.size, name, out, err);
		failed = status == SPK_NOT_FOUND ? message_option : file_option;
	}
	spk_buffer_release(&bytes);
	if (status == SPK_OK)
		return SPK_OK;
	spk_error_context(err, "table \"%s\", '%s'", t->name, failed);
	/* Whatever is wrong with the file, for the table it is a wrong option. */
	if (err && (status == SPK_DATA || status == SPK_NOT_FOUND))
		err->code = SPK_USAGE;
	return spk_format_option_failed(t, failed, status == SPK_DATA || status == SPK_NOT_FOUND ? SPK_USAGE : status, err);
}

/* --- reading --- */

struct protobuf_decoder { struct spk_decoder base; struct spk_arena *arena; const struct spk_pb_plan *plan; bool *skip; };

static spk_status decoder_init(struct protobuf_decoder *d, const struct spk_format_spec *spec, spk_error *err)
{
	const char *defaults = spk_format_spec_option(spec, "protobuf.read-default-values");
	struct spk_pb_reader reader = { .defaults = defaults && !strcmp(defaults, "true") };
	const struct spk_pb_message *message;
	struct spk_format_column *column;

	SPK_TRY(load(spec, d->arena, &message, err));
	SPK_TRY(spk_format_columns(spec, d->arena, &column, &reader.columns, &d->skip, err));
	reader.column = column;
	return spk_pb_plan(d->arena, message, &reader, spec->table->name, &d->plan, err);
}

static spk_status decoder_open(struct spk_decoder **out, const struct spk_format_spec *spec, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct protobuf_decoder *d;
	spk_status status;

	SPK_TRY_PTR(arena, err);
	d = SPK_NEW(arena, struct protobuf_decoder);
	status = d ? SPK_OK : spk_fail_memory(err);
	if (status == SPK_OK) {
		d->base.format = &spk_format_protobuf;
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

static spk_status decode_rows(const struct protobuf_decoder *d, struct spk_cells *c, const struct spk_view *raw, int n, struct spk_batch *batch, struct spk_row_errors *errors, spk_error *err)
{
	for (int row = 0; row < n; row++) {
		struct spk_wire in = spk_cells_row(c, &raw[row]);
		spk_status status;

		if (row + 1 < n)
			spk_field_fetch_ahead(&raw[row + 1]);
		status = spk_pb_read(d->plan, c, &in, batch, row, err);
		if (status == SPK_DATA)
			status = spk_cells_row_failed(c, batch, row, d->skip, errors, err);
		SPK_TRY(status);
	}
	return SPK_OK;
}

static spk_status decode(struct spk_decoder *base, const struct spk_view *raw, int n, struct spk_batch *batch, struct spk_row_errors *errors, spk_error *err)
{
	struct protobuf_decoder *d = spk_container_of(base, struct protobuf_decoder, base);
	struct spk_cells c = { .arena = batch->arena, .what = "field" };
	spk_status status;

	SPK_TRY(spk_arena_hold(batch->arena, d->arena, err));
	SPK_TRY(spk_cells_init_columns(batch, n, d->skip, err));
	status = decode_rows(d, &c, raw, n, batch, errors, err);
	spk_cells_release(&c);
	return status;
}

static void decoder_close(struct spk_decoder *base)
{
	if (base)
		spk_arena_unref(spk_container_of(base, struct protobuf_decoder, base)->arena);
}

static spk_status check(const struct spk_table *table, const struct spk_conf *conf, spk_error *err)
{
	const struct spk_format_spec spec = { .table = table, .schema = table->schema, .conf = conf };
	struct spk_decoder *d = NULL;
	spk_status status = decoder_open(&d, &spec, err);

	decoder_close(d);
	return status;
}

/* --- writing --- */

struct protobuf_encoder { struct spk_encoder base; struct spk_arena *arena; const struct spk_pb_writer *writer; };

static spk_status encoder_init(struct protobuf_encoder *e, const struct spk_format_spec *spec, spk_error *err)
{
	const char *null_text = spk_format_spec_option(spec, "protobuf.write-null-string-literal");
	const struct spk_pb_message *message;

	SPK_TRY(load(spec, e->arena, &message, err));
	return spk_pb_writer(e->arena, message, spec->schema, spec->table->name, null_text ? null_text : "", &e->writer, err);
}

static spk_status encoder_open(struct spk_encoder **out, const struct spk_format_spec *spec, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct protobuf_encoder *e;
	spk_status status;

	SPK_TRY_PTR(arena, err);
	e = SPK_NEW(arena, struct protobuf_encoder);
	status = e ? SPK_OK : spk_fail_memory(err);
	if (status == SPK_OK) {
		e->base.format = &spk_format_protobuf;
		e->arena = arena;
		status = encoder_init(e, spec, err);
	}
	if (status != SPK_OK) {
		spk_arena_unref(arena);
		return status;
	}
	*out = &e->base;
	return SPK_OK;
}

static spk_status encode(struct spk_encoder *base, const struct spk_batch *batch, struct spk_buffer *out, uint32_t *end, spk_error *err)
{
	const struct protobuf_encoder *e = spk_container_of(base, struct protobuf_encoder, base);

	SPK_EACH_ROW(batch, i, row) {
		SPK_TRY(spk_pb_write(e->writer, batch, row, out, err));
		end[i] = (uint32_t)out->size;
	}
	return SPK_OK;
}

static void encoder_close(struct spk_encoder *e)
{
	spk_arena_unref(spk_container_of(e, struct protobuf_encoder, base)->arena);
}

const struct spk_format spk_format_protobuf = {
	.name = "protobuf",
	.options = options,
	.binary = true,
	.key_options = true,
	.check = check,
	.decoder_open = decoder_open,
	.decode = decode,
	.decoder_close = decoder_close,
	.encoder_open = encoder_open,
	.encode = encode,
	.encoder_close = encoder_close,
};
