/*
 * The formats 'json' and 'debezium-json' as tables of functions. How they read is in json_decode.c, how they write in
 * json_encode.c.
 */
#include "connectors/format/debezium.h"
#include "connectors/format/json.h"

#include "core/base/check.h"
#include "connectors/connector.h"

struct json_encoder {
	struct spk_encoder base;
	struct spk_json_writer *writer;
	struct spk_buffer self;      /* owns this struct */
};

static const struct spk_option_spec options[] = {
	{ "json.timestamp-unit", false, false, "s|ms|us", "Unit of timestamps that come as numbers; default: the key json.timestamp-unit." },
	{ "json.timestamp-format.standard", false, false, "SQL|ISO-8601", "How timestamps are written: with a blank (default) or a T. Both are read." },
	{ "json.encode.ignore-null-fields", false, false, "true|false", "true: members that would be null are left out when writing (default false)." },
	{ "json.encode.decimal-as-plain-number", false, false, "true", "numerics are always written as plain numbers, with the digits that they have" },
	{ "json.fail-on-missing-field", false, false, "false", "a member that is missing is NULL; where it must not be, WHERE column IS NOT NULL leaves the row out" },
	{ "json.ignore-parse-errors", false, false, "true|false", "true: a value that does not fit its column is NULL (default false: its row is a bad one). What is no JSON is a bad row in any case." },
	{ "json.map-null-key.mode", false, false, "FAIL|DROP|LITERAL", "Accepted for Flink's sake: keys of maps are never null." },
	{ "json.map-null-key.literal", false, false, NULL, "Accepted for Flink's sake, beside json.map-null-key.mode." },
	{ "json.decode.json-parser.enabled", false, false, "true|false", "Accepted for Flink's sake: there is one parser." },
	{ 0 },
};

/* --- json.ignore-parse-errors --- */

/* A value that fits nowhere is NULL, as long as it is JSON. */
static spk_status store_or_null(const struct spk_json_dialect *d, struct spk_json_row *r, uint32_t *k, const struct spk_json_target *target, const struct spk_field_rules *rules,
				struct spk_vector *out, int row, int rows, struct spk_arena *arena, bool *hole, spk_error *err)
{
	const uint32_t at = *k;
	spk_status status = spk_json_store(r, k, target, rules, out, row, rows, arena, err);

	(void)d;
	*hole = false;
	if (status != SPK_DATA)
		return status;
	*k = at;
	return spk_json_skip(r, k, 1) ? spk_field_null(out, row, rows, arena, err) : SPK_DATA;
}

static spk_status decoder_open(struct spk_decoder **out, const struct spk_format_spec *spec, spk_error *err)
{
	static const struct spk_json_dialect forgiving = { store_or_null };
	const char *ignore = spk_format_own_option(spec, "json.ignore-parse-errors");

	return spk_json_decoder_open_as(out, spec, ignore && strcmp(ignore, "true") == 0 ? &forgiving : NULL, err);
}

/* --- lines --- */

spk_status spk_split_lines(const char *data, size_t size, bool last, struct spk_view *rows, int max_rows, int *n, size_t *used, const struct spk_table *table, spk_error *err)
{
	const char *p = data, *end = data + size;

	(void)table;
	*n = 0;
	while (p < end && *n < max_rows) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		size_t length;

		if (!stop && !last)
			break;
		length = (size_t)((stop ? stop : end) - p);
		if (length && p[length - 1] == '\r')
			length--;
		if (length > UINT32_MAX)
			return spk_fail(err, SPK_DATA, "a line is longer than 4 GiB");
		if (length)
			rows[(*n)++] = spk_view_far(p, (uint32_t)length);
		p = stop ? stop + 1 : end;
	}
	*used = (size_t)(p - data);
	return SPK_OK;
}

static spk_status open_encoder(struct spk_encoder **out, const struct spk_format *format, const struct spk_format_spec *spec, spk_error *err)
{
	struct spk_buffer self = { 0 };
	struct json_encoder *e;
	spk_status status;

	SPK_TRY(spk_buffer_reserve(&self, sizeof(*e), err));
	e = (struct json_encoder *)(void *)self.data;
	*e = (struct json_encoder){ .base.format = format, .self = self };
	status = spk_json_writer_new(&e->writer, spec, err);
	if (status != SPK_OK) {
		spk_buffer_release(&self);
		return status;
	}
	*out = &e->base;
	return SPK_OK;
}

static void close_encoder(struct spk_encoder *base)
{
	struct json_encoder *e;
	struct spk_buffer self;

	if (!base)
		return;
	e = spk_container_of(base, struct json_encoder, base);
	self = e->self;
	spk_json_writer_free(e->writer);
	spk_buffer_release(&self);
}

static spk_status json_encoder_open(struct spk_encoder **out, const struct spk_format_spec *spec, spk_error *err)
{
	return open_encoder(out, &spk_format_json, spec, err);
}

static spk_status json_encode(struct spk_encoder *base, const struct spk_batch *batch, struct spk_buffer *out, uint32_t *end, spk_error *err)
{
	return spk_json_write(spk_container_of(base, struct json_encoder, base)->writer, batch, NULL, out, end, err);
}

const struct spk_format spk_format_json = {
	.name = "json",
	.options = options,
	.decoder_open = decoder_open,
	.decode = spk_json_decode,
	.decoder_close = spk_json_decoder_close,
	.split = spk_split_lines,
	.encoder_open = json_encoder_open,
	.encode = json_encode,
	.encoder_close = close_encoder,
};

/* --- debezium-json: the change of a row as an envelope; how it reads is in debezium.c --- */

static const struct spk_option_spec debezium_options[] = {
	{ "debezium-json.schema-include", false, false, "true|false", "Whether messages have their schema; recognised by itself." },
	{ "debezium-json.ignore-parse-errors", false, false, "true|false", "Whether messages that cannot be read are skipped (default false: as the key bad.rows says)." },
	{ "debezium-json.decimal.handling.mode", false, false, "precise|string|double", "The connector's setting of that name (default precise: decimals are bytes)." },
	{ "debezium-json.binary.handling.mode", false, false, "bytes|hex", "The connector's setting of that name (default bytes: base64)." },
	{ "debezium-json.timestamp-unit", false, false, "s|ms|us|ns", "Unit of times and timestamps without time zone that come as numbers (default us)." },
	{ "debezium-json.millis-columns", false, false, NULL, "Columns that come in milliseconds all the same, separated by ';': those of time(3) and timestamp(3) or less." },
	{ "json.timestamp-format.standard", false, false, "SQL|ISO-8601", "The same as debezium-json.timestamp-format.standard." },
	{ "debezium-json.timestamp-format.standard", false, false, "SQL|ISO-8601", "How timestamps are written: with a blank (default) or a T. Both are read." },
	{ 0 },
};

static spk_status debezium_encoder_open(struct spk_encoder **out, const struct spk_format_spec *spec, spk_error *err)
{
	return open_encoder(out, &spk_format_debezium_json, spec, err);
}

static spk_status debezium_encode(struct spk_encoder *base, const struct spk_batch *batch, struct spk_buffer *out, uint32_t *end, spk_error *err)
{
	const struct spk_json_frame frame = {
		.head = { spk_view_str("{\"op\":\"c\",\"before\":null,\"after\":"), spk_view_str("{\"op\":\"d\",\"before\":") },
		.tail = { spk_view_str("}"), spk_view_str(",\"after\":null}") },
	};

	return spk_json_write(spk_container_of(base, struct json_encoder, base)->writer, batch, &frame, out, end, err);
}

const struct spk_format spk_format_debezium_json = {
	.name = "debezium-json",
	.options = debezium_options,
	.decoder_open = spk_debezium_decoder_open,
	.decode_changes = spk_debezium_decode,
	.rows_at_most = spk_change_two_rows,
	.decoder_close = spk_debezium_decoder_close,
	.split = spk_split_lines,
	.encoder_open = debezium_encoder_open,
	.encode = debezium_encode,
	.encoder_close = close_encoder,
};
