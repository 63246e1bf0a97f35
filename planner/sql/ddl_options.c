/*
 * Options of a table as other engines name them, once they are bound:
 *   'connector' = 'single_file' | 'file' | 'posix_fs'      'filesystem'
 *   'posix_fs.root' = 'd', 'match_pattern' = 'p'           'path' = 'd/p'; so 'fs.path' = 'd'
 *   'connector' = 'single_file', 'format' = 'json'         timestamps with a T, as its own engine writes them: 'json.timestamp-format.standard' = 'ISO-8601'
 *   'format' = 'debezium_json' | 'raw_string' | 'JSON'     'debezium-json', 'raw', 'json'
 *   'event_time_field' = 'ts' [, 'watermark_field' = 'w']  a watermark of ts: w, which is ts minus an interval, or a second behind it
 *   'format' = 'json', 'json.unstructured' = 'true'        'format' = 'raw': the one column is the document
 *   'bad_data' = 'drop'                                    (nothing): a row that cannot be read never ends a job
 *   'connector' = 'kafka', FORMAT UPSERT ENCODE JSON       'upsert-kafka' with 'key.format' and 'value.format'; of other sinks 'debezium-json'
 *   'kafka_topic', 'value_format', 'bootstrap_servers', 'properties.bootstrap.server', 'source.offset', 'source.group_id'      'topic', 'format', 'properties.bootstrap.servers', 'scan.startup.mode', 'properties.group.id'
 *   'scan.startup.mode' = 'earliest' | 'latest'            'earliest-offset', 'latest-offset'
 *   'type' = 'append-only' | 'upsert' | 'debezium', 'force_append_only'      of a sink: what it takes says its format
 */
#include "planner/sql/ddl_table.h"
#include "planner/sql/rewrite.h"

#include <ctype.h>
#include <string.h>

enum { DEFAULT_DELAY_US = 1000000 };

static const struct { const char *key, *said, *is; } values[] = {
	{ "connector", "single_file", "filesystem" }, { "connector", "file", "filesystem" }, { "connector", "posix_fs", "filesystem" }, { "connector", "stdout", "print" },
	{ "scan.startup.mode", "earliest", "earliest-offset" }, { "scan.startup.mode", "latest", "latest-offset" },
	{ "format", "raw_string", "raw" }, { "format", "raw_bytes", "raw" },
};

static bool is_format(const char *key) { return strcmp(key, "format") == 0 || strcmp(key, "value.format") == 0 || strcmp(key, "key.format") == 0; }

/* DEBEZIUM_JSON: debezium-json. */
static spk_status format_name(struct spk_arena *arena, const char **value, spk_error *err)
{
	char *name = spk_arena_strdup(arena, *value);

	SPK_TRY_PTR(name, err);
	for (char *at = name; *at; at++)
		*at = *at == '_' ? '-' : (char)tolower((unsigned char)*at);
	*value = name;
	return SPK_OK;
}

static spk_status rename_values(struct spk_create *c, struct spk_option *o, spk_error *err)
{
	for (int i = 0; i < c->table->option_count; i++) {
		bool known = false;

		for (size_t k = 0; k < SPK_COUNT_OF(values) && !known; k++) {
			known = (strcmp(values[k].key, o[i].key) == 0 || (is_format(values[k].key) && is_format(o[i].key))) && strcmp(values[k].said, o[i].value) == 0;
			o[i].value = known ? values[k].is : o[i].value;
		}
		if (!known && is_format(o[i].key))
			SPK_TRY(format_name(c->b.arena, &o[i].value, err));
	}
	return SPK_OK;
}

/* Takes an option out; NULL: it is not there. */
static const char *take(struct spk_create *c, struct spk_option *o, const char *key)
{
	const char *value = NULL;
	int left = 0;

	for (int i = 0; i < c->table->option_count; i++) {
		if (strcmp(o[i].key, key) == 0)
			value = o[i].value;
		else
			o[left++] = o[i];
	}
	c->table->option_count = left;
	return value;
}

static spk_status add(struct spk_create *c, struct spk_option *o, const char *key, const char *value, spk_error *err)
{
	SPK_TRY_PTR(value, err);
	o[c->table->option_count++] = (struct spk_option){ key, value, spk_binder_at(&c->b, c->s->relation->location) };
	return SPK_OK;
}

static void rename_key(struct spk_create *c, struct spk_option *o, const char *from, const char *to)
{
	for (int i = 0; i < c->table->option_count; i++)
		if (strcmp(o[i].key, from) == 0)
			o[i].key = to;
}

/* What of a topic ksqlDB, Arroyo and RisingWave call otherwise. */
static void topic_words(struct spk_create *c, struct spk_option *o)
{
	static const struct { const char *theirs, *ours; } keys[] = {
		{ "kafka_topic", "topic" }, { "value_format", "format" }, { "bootstrap_servers", "properties.bootstrap.servers" }, { "properties.bootstrap.server", "properties.bootstrap.servers" },
		{ "source.offset", "scan.startup.mode" }, { "source.group_id", "properties.group.id" },
	};
	const char *connector = spk_table_option(c->table, "connector");

	for (size_t i = 0; connector && strcmp(connector, "kafka") == 0 && i < SPK_COUNT_OF(keys); i++)
		if (!spk_table_option(c->table, keys[i].ours))
			rename_key(c, o, keys[i].theirs, keys[i].ours);
}

/* A folder and a pattern within it. */
static spk_status join_path(struct spk_create *c, struct spk_option *o, spk_error *err)
{
	const char *root = take(c, o, "posix_fs.root"), *pattern = root ? take(c, o, "match_pattern") : NULL;

	if (!spk_table_option(c->table, "path"))
		rename_key(c, o, "fs.path", "path");
	if (!root)
		return SPK_OK;
	return add(c, o, "path", pattern ? spk_arena_printf(c->b.arena, "%s/%s", root, pattern) : root, err);
}

/* Of Arroyo's tables, whose files have timestamps with a T unless it is said. */
static spk_status file_words(struct spk_create *c, struct spk_option *o, bool single_file, spk_error *err)
{
	static const char standard[] = "json.timestamp-format.standard";
	const char *format = spk_table_option(c->table, "format"), *bad = spk_table_option(c->table, "bad_data"), *whole = spk_table_option(c->table, "json.unstructured");

	if (bad && strcmp(bad, "drop") == 0)
		take(c, o, "bad_data");
	if (whole && strcmp(whole, "true") == 0 && format && strcmp(format, "json") == 0) {
		take(c, o, "json.unstructured");
		take(c, o, "format");
		return add(c, o, "format", "raw", err);
	}
	if (!single_file || !format || (strcmp(format, "json") != 0 && strcmp(format, "debezium-json") != 0))
		return SPK_OK;
	if (spk_table_option(c->table, standard) || spk_table_option(c->table, "debezium-json.timestamp-format.standard"))
		return SPK_OK;
	return add(c, o, standard, "ISO-8601", err);
}

/* Which changes a sink gets its format says: those words must not say otherwise. */
static spk_status sink_words(struct spk_create *c, struct spk_option *o, spk_error *err)
{
	const char *type = spk_table_option(c->table, "type");
	const bool appends = type && strcmp(type, "append-only") == 0, changes = type && (strcmp(type, "upsert") == 0 || strcmp(type, "debezium") == 0);

	if (!type || (!appends && !changes && strcmp(c->table->connector, "filesystem") != 0))
		return SPK_OK;
	take(c, o, "type");
	take(c, o, "force_append_only");  /* what would be left out makes the query one that the sink cannot take */
	return appends ? add(c, o, "sink.output-mode", "append", err) : SPK_OK;
}

/* Changes by key: of Kafka a connector of its own; what else is written are envelopes. */
static spk_status upsert_words(struct spk_create *c, struct spk_option *o, spk_error *err)
{
	const char *format = spk_table_option(c->table, "format"), *connector = spk_table_option(c->table, "connector");
	const bool sink = format && strcmp(format, SPK_UPSERT_SINK) == 0, kafka = connector && strcmp(connector, "kafka") == 0;

	if (!sink && (!format || strcmp(format, SPK_UPSERT_JSON) != 0))
		return SPK_OK;
	if (!kafka && !sink) {
		spk_binder_fail(&c->b, c->s->relation->location, SPK_UNSUPPORTED, err, "FORMAT UPSERT of a table that is read is only supported with 'connector' = 'kafka'");
		return spk_hint(err, "Messages of other connectors have no key: FORMAT DEBEZIUM says within them what became of a row."), SPK_UNSUPPORTED;
	}
	take(c, o, "format");
	if (!kafka)
		return add(c, o, "format", "debezium-json", err);
	take(c, o, "connector");
	SPK_TRY(add(c, o, "connector", "upsert-kafka", err));
	SPK_TRY(add(c, o, "key.format", "json", err));
	return add(c, o, "value.format", "json", err);
}

static spk_status find_column(const struct spk_create *c, const char *option, const char *name, int *out, spk_error *err)
{
	int column = spk_schema_lookup(c->schema, name);

	if (column < 0) {
		spk_binder_fail(&c->b, c->s->relation->location, SPK_BIND, err, "'%s' names column \"%s\", which table \"%s\" does not have", option, name, c->table->name);
		return spk_hint(err, "Give it the name of one of the table's columns.");
	}
	if (c->schema->field[column].type.id != SPK_TYPE_TIMESTAMP && c->schema->field[column].type.id != SPK_TYPE_TIMESTAMPTZ) {
		spk_binder_fail(&c->b, c->s->relation->location, SPK_BIND, err, "'%s' names column \"%s\", which is no timestamp", option, name);
		return spk_hint(err, "Declare a computed column of it, such as ts timestamp GENERATED ALWAYS AS (to_timestamp(%s)) STORED, and name that.", name);
	}
	*out = column;
	return SPK_OK;
}

/* How far the watermark's column, which is computed, lies behind the time's. */
static spk_status delay_of(struct spk_create *c, int time, const char *name, spk_error *err)
{
	const int location = c->s->relation->location;
	const struct spk_expr *e;
	bool found;
	int column = -1;

	SPK_TRY(find_column(c, "watermark_field", name, &column, err));
	SPK_TRY_PTR(e = spk_expr_column(c->b.arena, column, &c->schema->field[column]), err);
	SPK_TRY(spk_create_delay(c, e, time, location, &found, err));
	if (found)
		return SPK_OK;
	spk_binder_fail(&c->b, location, SPK_UNSUPPORTED, err, "'watermark_field' must be the time minus a constant interval; column \"%s\" is not", name);
	return spk_hint(err, "Write WATERMARK FOR %s AS %s - INTERVAL '5' SECOND among the columns instead.", c->schema->field[time].name, c->schema->field[time].name), SPK_UNSUPPORTED;
}

static spk_status event_time(struct spk_create *c, struct spk_option *o, spk_error *err)
{
	const char *time = take(c, o, "event_time_field"), *watermark = take(c, o, "watermark_field");
	int column = -1;

	if (!time && !watermark)
		return SPK_OK;
	if (!time || c->watermark) {
		spk_binder_fail(&c->b, c->s->relation->location, SPK_BIND, err, time ? "a table has one watermark: WATERMARK FOR or 'event_time_field'" : "'watermark_field' without 'event_time_field'");
		return spk_hint(err, "'event_time_field' names the column of event times, 'watermark_field' one that is computed from it.");
	}
	SPK_TRY(find_column(c, "event_time_field", time, &column, err));
	c->table->time_column = column;
	c->table->watermark_delay_us = DEFAULT_DELAY_US;
	return watermark ? delay_of(c, column, watermark, err) : SPK_OK;
}

spk_status spk_create_foreign_options(struct spk_create *c, spk_error *err)
{
	/* Two more than there are fit: one of a path's, one of a format's. */
	struct spk_option *o = (struct spk_option *)(uintptr_t)c->table->option;
	const char *named = spk_table_option(c->table, "connector");
	const bool single_file = named && strcmp(named, "single_file") == 0;

	topic_words(c, o);
	SPK_TRY(upsert_words(c, o, err));
	SPK_TRY(rename_values(c, o, err));
	c->table->connector = spk_table_option(c->table, "connector");
	SPK_TRY(event_time(c, o, err));
	if (!c->table->connector)
		return SPK_OK;
	SPK_TRY(join_path(c, o, err));
	SPK_TRY(file_words(c, o, single_file, err));
	return sink_words(c, o, err);
}
