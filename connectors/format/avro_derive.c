/*
 * The Avro schema of a table's columns, named as Flink names it, so that both register the same schema for the same table: record "record" in
 * org.apache.flink.avro.generated, records inside by their path, what may be NULL as a union of null and the type.
 */
#include "connectors/format/avro.h"

static spk_status derive(struct spk_type type, bool nullable, bool local, const char *path, struct spk_buffer *out, spk_error *err);

static spk_status no_word(struct spk_type type, const char *path, spk_error *err)
{
	char text[64];
	const char *column = strchr(path, '_');

	spk_fail(err, SPK_UNSUPPORTED, "Avro has no type for column \"%s\" of type %s", column ? column + 1 : path, spk_type_format(type, text, sizeof(text)));
	return spk_hint(err, type.id == SPK_TYPE_DECIMAL ? "declare it numeric(p, s): Avro's decimals have a scale" : "cast it to text, or give a schema of your own that has a type for it");
}

static spk_status derive_record(const struct spk_schema *columns, bool local, const char *path, struct spk_buffer *out, spk_error *err)
{
	struct spk_buffer inner = { 0 };
	spk_status status = SPK_OK;
	bool top = !strcmp(path, "record");

	SPK_TRY(spk_buffer_printf(out, err, "{\"type\":\"record\",\"name\":\"%s\"%s,\"fields\":[", path, top ? ",\"namespace\":\"org.apache.flink.avro.generated\"" : ""));
	for (int i = 0; status == SPK_OK && i < columns->count; i++) {
		const struct spk_field *f = &columns->field[i];
		const char *name;

		spk_buffer_clear(&inner);
		status = spk_buffer_printf(&inner, err, "%s_%s", path, f->name);
		name = status == SPK_OK ? spk_buffer_cstr(&inner) : NULL;
		if (status == SPK_OK && !name)
			status = spk_fail_memory(err);
		if (status == SPK_OK)
			status = spk_buffer_printf(out, err, "%s{\"name\":", i ? "," : "");
		if (status == SPK_OK)
			status = spk_buffer_append_json(out, f->name, strlen(f->name), err);
		if (status == SPK_OK)
			status = spk_buffer_append_str(out, ",\"type\":", err);
		if (status == SPK_OK)
			status = derive(f->type, f->nullable, local, name, out, err);
		if (status == SPK_OK)
			status = spk_buffer_append_str(out, f->nullable ? ",\"default\":null}" : "}", err);
	}
	spk_buffer_release(&inner);
	SPK_TRY(status);
	return spk_buffer_append_str(out, "]}", err);
}

static spk_status derive_timestamp(struct spk_type type, bool local, struct spk_buffer *out, spk_error *err)
{
	bool millis = type.precision > 0 && type.precision <= 3;

	return spk_buffer_printf(out, err, "{\"type\":\"long\",\"logicalType\":\"%stimestamp-%s\"}", local && type.id == SPK_TYPE_TIMESTAMP ? "local-" : "", millis ? "millis" : "micros");
}

static spk_status derive_value(struct spk_type type, bool local, const char *path, struct spk_buffer *out, spk_error *err)
{
	switch (type.id) {
	case SPK_TYPE_BOOLEAN: return spk_buffer_append_str(out, "\"boolean\"", err);
	case SPK_TYPE_SMALLINT: case SPK_TYPE_INTEGER: return spk_buffer_append_str(out, "\"int\"", err);
	case SPK_TYPE_BIGINT: return spk_buffer_append_str(out, "\"long\"", err);
	case SPK_TYPE_REAL: return spk_buffer_append_str(out, "\"float\"", err);
	case SPK_TYPE_DOUBLE: return spk_buffer_append_str(out, "\"double\"", err);
	case SPK_TYPE_TEXT: case SPK_TYPE_JSON: case SPK_TYPE_JSONB: return spk_buffer_append_str(out, "\"string\"", err);
	case SPK_TYPE_BYTEA: return spk_buffer_append_str(out, "\"bytes\"", err);
	case SPK_TYPE_DATE: return spk_buffer_append_str(out, "{\"type\":\"int\",\"logicalType\":\"date\"}", err);
	case SPK_TYPE_TIME: return spk_buffer_append_str(out, "{\"type\":\"long\",\"logicalType\":\"time-micros\"}", err);
	case SPK_TYPE_TIMESTAMP: case SPK_TYPE_TIMESTAMPTZ: return derive_timestamp(type, local, out, err);
	case SPK_TYPE_DECIMAL:
		if (type.scale < 0)
			return no_word(type, path, err);
		return spk_buffer_printf(out, err, "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":%d,\"scale\":%d}", type.precision, type.scale);
	case SPK_TYPE_ARRAY:
		if (spk_type_is_map(type))
			return no_word(type, path, err);
		SPK_TRY(spk_buffer_append_str(out, "{\"type\":\"array\",\"items\":", err));
		SPK_TRY(derive(spk_type_element(type), true, local, path, out, err));
		return spk_buffer_append_str(out, "}", err);
	case SPK_TYPE_ROW: return derive_record(type.children, local, path, out, err);
	default: return no_word(type, path, err);
	}
}

static spk_status derive(struct spk_type type, bool nullable, bool local, const char *path, struct spk_buffer *out, spk_error *err)
{
	SPK_TRY(spk_buffer_append_str(out, nullable ? "[\"null\"," : "", err));
	SPK_TRY(derive_value(type, local, path, out, err));
	return spk_buffer_append_str(out, nullable ? "]" : "", err);
}

spk_status spk_avro_derive(const struct spk_schema *columns, bool local, const char *table, struct spk_buffer *out, spk_error *err)
{
	const struct spk_avro_type *type;
	struct spk_arena *arena;
	spk_status status;

	if (derive_record(columns, local, "record", out, err) != SPK_OK)
		return spk_error_context(err, "table \"%s\"", table);
	/* Names of columns that Avro does not take, and records of the same name, are found by reading it. */
	arena = spk_arena_new(NULL);
	SPK_TRY_PTR(arena, err);
	status = spk_avro_parse(arena, out->data, out->size, &type, err);
	spk_arena_unref(arena);
	if (status == SPK_DATA) {
		err = err ? err : &(spk_error){ 0 };
		err->code = SPK_UNSUPPORTED;
		spk_error_context(err, "table \"%s\": its columns make no Avro schema", table);
		spk_hint(err, "names in Avro are of letters, digits and _");
		status = SPK_UNSUPPORTED;
	}
	return status;
}
