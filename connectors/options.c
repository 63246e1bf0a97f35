/*
 * The options of a table: known, with values they can have, the required ones there. All is found before anything connects.
 *
 * A table may be read and written, so it may have the options of its connector as a source and as a sink, and those of its
 * format. What belongs to another format is told apart from what nobody knows.
 */
#include "connectors/connector.h"

#include <stdio.h>

#include "core/base/check.h"
#include "connectors/alignment.h"
#include "connectors/file/file.h"
#include "connectors/format/changelog.h"
#include "connectors/format/field.h"
#include "connectors/kafka/client.h"
#include "connectors/nexmark/nexmark.h"

enum { NAMES_MAX = 128 };

static const struct spk_option_spec format_options[] = {
	{ "format", false, false, NULL, "Format of the rows." },
	{ "value.format", false, false, NULL, "The same as 'format'." },
	{ 0 },
};

/* Of what is written to, whatever the connector; the planner's business (planner/physical/sink.c). */
static const struct spk_option_spec sink_options[] = {
	{ "sink.output-mode", false, false, "append|update|delta|complete", "Which changes of its query a sink gets: new rows only, the last row of each key, rows with weights, or the whole result of every epoch that changes it. By itself what query and sink allow." },
	{ 0 },
};

static const struct spk_option *find_option(const struct spk_table *t, const char *key)
{
	for (int i = t->option_count - 1; i >= 0; i--)
		if (!strcmp(t->option[i].key, key))
			return &t->option[i];
	return NULL;
}

/* Puts the option's place into the error. */
static spk_status at(const struct spk_table *t, const char *key, spk_status status, spk_error *err)
{
	const struct spk_option *o = find_option(t, key);

	if (err && !err->position)
		err->position = o ? o->position : t->position;
	return status;
}

/* --- formats --- */

static const char *format_by_ending(const struct spk_table *t)
{
	const char *path = spk_format_option(t, "path");

	return path ? spk_files_format(path) : NULL;
}

static spk_status unknown_format(const struct spk_table *t, const char *key, const char *name, spk_error *err)
{
	static const char *const planned[] = { "debezium-avro-confluent", "parquet", "orc", "ogg-json" };
	const char *names[32], *close;
	int n = 0;

	while (n < (int)SPK_COUNT_OF(names) && spk_formats[n]) {
		names[n] = spk_formats[n]->name;
		n++;
	}
	close = spk_closest_name(name, names, n);

	for (size_t i = 0; i < SPK_COUNT_OF(planned); i++) {
		if (strcmp(planned[i], name))
			continue;
		spk_fail(err, SPK_UNSUPPORTED, "format '%s' (table \"%s\")", name, t->name);
		spk_hint(err, "there are: %s", spk_format_names());
		return at(t, key, SPK_UNSUPPORTED, err);
	}
	spk_fail(err, SPK_USAGE, "table \"%s\": unknown '%s' = '%s'", t->name, key, name);
	if (close)
		spk_hint(err, "did you mean '%s'? There are: %s", close, spk_format_names());
	else
		spk_hint(err, "there are: %s", spk_format_names());
	return at(t, key, SPK_USAGE, err);
}

static spk_status no_format(const struct spk_table *t, spk_error *err)
{
	const char *names[NAMES_MAX], *close;
	int n = 0;

	for (int i = 0; i < t->option_count && n < NAMES_MAX; i++)
		names[n++] = t->option[i].key;
	close = spk_closest_name("format", names, n);
	spk_fail(err, SPK_USAGE, "table \"%s\" has no 'format'", t->name);
	if (close)
		spk_hint(err, "did you mean 'format' by '%s'? There are: %s", close, spk_format_names());
	else
		spk_hint(err, "add 'format' = '...'; there are: %s", spk_format_names());
	return at(t, close ? close : "connector", SPK_USAGE, err);
}

spk_status spk_connector_format(const struct spk_table *t, const struct spk_format **out, spk_error *err)
{
	const struct spk_source_type *source = spk_source_type(t->connector);
	const struct spk_sink_type *sink = spk_sink_type(t->connector);
	const char *key = find_option(t, "value.format") ? "value.format" : "format", *name = spk_format_option(t, key);

	*out = NULL;
	if (!(source && source->takes_format) && !(sink && sink->takes_format))
		return SPK_OK;
	if (!name)
		name = format_by_ending(t);
	if (!name && !source)
		name = "json";  /* print */
	if (!name)
		return no_format(t, err);
	*out = spk_format(name);
	return *out ? SPK_OK : unknown_format(t, key, name, err);
}

/* --- one option --- */

static bool matches(const struct spk_option_spec *spec, const char *key)
{
	return spec->prefix ? !strncmp(key, spec->name, strlen(spec->name)) && key[strlen(spec->name)] : !strcmp(key, spec->name);
}

static const struct spk_option_spec *find_spec(const struct spk_option_spec *specs, const char *key)
{
	for (; specs && specs->name; specs++)
		if (matches(specs, key))
			return specs;
	return NULL;
}

static bool value_listed(const char *values, const char *value)
{
	size_t n = strlen(value);

	for (const char *p = values; p; p = strchr(p, '|'), p = p ? p + 1 : NULL)
		if (!strncmp(p, value, n) && (p[n] == '|' || p[n] == '\0'))
			return true;
	return false;
}

/* A suggestion out of "a|b|c". */
static void suggest_value(const char *values, const char *value, spk_error *err)
{
	char copy[256];
	const char *names[32], *close;
	char *save = NULL;
	int n = 0;

	snprintf(copy, sizeof(copy), "%s", values);
	for (char *word = strtok_r(copy, "|", &save); word && n < (int)SPK_COUNT_OF(names); word = strtok_r(NULL, "|", &save))
		names[n++] = word;
	close = spk_closest_name(value, names, n);
	spk_hint(err, "%s%s%sit can be: %s", close ? "did you mean '" : "", close ? close : "", close ? "'? " : "", values);
}

static spk_status check_value(const struct spk_table *t, const struct spk_option_spec *spec, const struct spk_option *o, spk_error *err)
{
	if (!spec->values || value_listed(spec->values, o->value))
		return SPK_OK;
	spk_fail(err, SPK_USAGE, "table \"%s\": '%s' = '%s' is not a value of this option", t->name, o->key, o->value);
	if (strchr(spec->values, '|'))
		suggest_value(spec->values, o->value, err);
	else
		spk_hint(err, "it can only be '%s': %s", spec->values, spec->doc);
	return at(t, o->key, SPK_USAGE, err);
}

/* Everything a table of this connector and format may have. */
struct known {
	const struct spk_option_spec *list[7];
	int count;
	const struct spk_option_spec *value, *key;   /* of the formats: also with 'value.' and 'key.' before their names; may be NULL */
};

static struct known known_options(const struct spk_table *t, const struct spk_format *format)
{
	const struct spk_source_type *source = spk_source_type(t->connector);
	const struct spk_sink_type *sink = spk_sink_type(t->connector);
	const struct spk_format *key = spk_format(find_option(t, "key.format") ? find_option(t, "key.format")->value : "");
	struct known k = { .value = format ? format->options : NULL, .key = key && key->key_options ? key->options : NULL };

	if (source) {
		k.list[k.count++] = source->options;
		k.list[k.count++] = spk_alignment_options;
	}
	if (sink) {
		k.list[k.count++] = sink->options;
		k.list[k.count++] = sink_options;
	}
	if ((source && source->takes_format) || (sink && sink->takes_format))
		k.list[k.count++] = format_options;
	if (format)
		k.list[k.count++] = format->options;
	if (key && key != format)
		k.list[k.count++] = key->options;
	return k;
}

/* Options of Flink's that there are not, and what there is instead. A key may stand for all that begin (end) like it. */
static const char *instead_of(const char *key)
{
	static const struct { const char *part; bool ending; const char *hint; } refused[] = {
		{ ".ignore-parse-errors", true, "what happens to rows that cannot be read is the session's: SET bad.rows = 'skip'" },
		{ "csv.array-element-delimiter", false, "an array is one field in PostgreSQL's form, {1,2,3}" },
		{ "avro.codec", false, "it is for files; rows of a topic are compressed by 'properties.compression.type'" },
		{ "avro-confluent.ssl.", false, "certificates of a registry are checked by those of the system" },
		{ "avro-confluent.properties", false, "url, subject and credentials are options of their own" },
	};
	size_t n = strlen(key);

	for (size_t i = 0; i < SPK_COUNT_OF(refused); i++) {
		size_t size = strlen(refused[i].part);

		if (n >= size && !strncmp(refused[i].ending ? key + n - size : key, refused[i].part, size))
			return refused[i].hint;
	}
	return NULL;
}

static spk_status unknown_option(const struct spk_table *t, const struct known *k, const struct spk_option *o, spk_error *err)
{
	const char *names[NAMES_MAX], *close;
	char all[400] = "";
	int n = 0;

	spk_fail(err, SPK_USAGE, "table \"%s\": connector '%s' has no option '%s'", t->name, t->connector, o->key);
	if (instead_of(o->key)) {
		spk_hint(err, "%s", instead_of(o->key));
		return at(t, o->key, SPK_USAGE, err);
	}
	for (int i = 0; spk_formats[i]; i++) {
		if (!find_spec(spk_formats[i]->options, o->key))
			continue;
		spk_hint(err, "it belongs to format '%s'", spk_formats[i]->name);
		return at(t, o->key, SPK_USAGE, err);
	}
	for (int i = 0; i < k->count; i++)
		for (const struct spk_option_spec *s = k->list[i]; s && s->name && n < NAMES_MAX; s++)
			names[n++] = s->name;
	close = spk_closest_name(o->key, names, n);
	for (int i = 0, used = 0; i < n && used < (int)sizeof(all); i++)
		used += snprintf(all + used, sizeof(all) - (size_t)used, "%s%s", used ? ", " : "", names[i]);
	if (close)
		spk_hint(err, "did you mean '%s'?", close);
	else
		spk_hint(err, "there are: %s", all);
	return at(t, o->key, SPK_USAGE, err);
}

static spk_status check_options(const struct spk_table *t, const struct spk_format *format, spk_error *err)
{
	struct known k = known_options(t, format);

	for (int i = 0; i < t->option_count; i++) {
		const struct spk_option_spec *spec = NULL;

		if (!strcmp(t->option[i].key, "connector"))
			continue;
		for (int j = 0; j < k.count && !spec; j++)
			spec = find_spec(k.list[j], t->option[i].key);
		if (!spec && !strncmp(t->option[i].key, "value.", 6))
			spec = find_spec(k.value, t->option[i].key + 6);
		if (!spec && !strncmp(t->option[i].key, "key.", 4))
			spec = find_spec(k.key, t->option[i].key + 4);
		if (!spec)
			return unknown_option(t, &k, &t->option[i], err);
		SPK_TRY(check_value(t, spec, &t->option[i], err));
	}
	for (int j = 0; j < k.count; j++) {
		for (const struct spk_option_spec *s = k.list[j]; s && s->name; s++) {
			if (!s->required || find_option(t, s->name))
				continue;
			spk_fail(err, SPK_USAGE, "table \"%s\": connector '%s' needs the option '%s'", t->name, t->connector, s->name);
			spk_hint(err, "%s", s->doc);
			return at(t, "connector", SPK_USAGE, err);
		}
	}
	return SPK_OK;
}

/* --- the table --- */

static spk_status unknown_connector(const struct spk_table *t, spk_error *err)
{
	const char *names[16], *close;
	int n = spk_connector_names(names, 16), used = 0;
	char all[256] = "";

	for (int i = 0; i < n; i++)
		used += snprintf(all + used, sizeof(all) - (size_t)used, "%s%s", i ? ", " : "", names[i]);
	if (!t->connector) {
		spk_fail(err, SPK_USAGE, "table \"%s\" has no 'connector'", t->name);
		spk_hint(err, "add WITH ('connector' = '...'); there are: %s", all);
		return at(t, "connector", SPK_USAGE, err);
	}
	close = spk_closest_name(t->connector, names, n);
	spk_fail(err, SPK_USAGE, "table \"%s\": unknown connector '%s'", t->name, t->connector);
	spk_hint(err, "%s%s%sthere are: %s", close ? "did you mean '" : "", close ? close : "", close ? "'? " : "", all);
	return at(t, "connector", SPK_USAGE, err);
}

/* Rows without ends of lines can only be messages. */
static spk_status check_binary(const struct spk_table *t, const struct spk_format *format, spk_error *err)
{
	if (!format || !format->binary || !strcmp(t->connector, "kafka") || !strcmp(t->connector, "upsert-kafka"))
		return SPK_OK;
	spk_fail(err, SPK_UNSUPPORTED, "format '%s' with connector '%s' (table \"%s\")", format->name, t->connector, t->name);
	spk_hint(err, "it is for messages: connectors 'kafka' and 'upsert-kafka'");
	return at(t, find_option(t, "value.format") ? "value.format" : "format", SPK_UNSUPPORTED, err);
}

/* The folder of a checkpoint lies where paths may. */
static spk_status check_place(const struct spk_table *t, const struct spk_conf *conf, spk_error *err)
{
	if (spk_files_check_path(spk_format_option(t, "path"), conf, err) == SPK_OK)
		return SPK_OK;
	spk_error_context(err, "table \"%s\"", t->name);
	return at(t, "path", err->code, err);
}

static spk_status check_partitioned(const struct spk_table *t, const struct spk_format *format, spk_error *err)
{
	if (!t->partition_count || (!strcmp(t->connector, "filesystem") && !spk_format_has_weights(format)))
		return SPK_OK;
	spk_fail(err, SPK_USAGE, "table \"%s\": PARTITIONED BY with %s '%s'", t->name, strcmp(t->connector, "filesystem") ? "connector" : "format",
	         strcmp(t->connector, "filesystem") ? t->connector : format->name);
	return spk_hint(err, "files of connector 'filesystem' are put into folders by columns, in any format but debezium-json and changelog-json, whose rows before and after may belong into two");
}

static spk_status check_alignment(const struct spk_table *t, spk_error *err)
{
	struct spk_alignment ignored;
	const char *key;

	if (spk_alignment_of(t, &ignored, &key, err) == SPK_OK)
		return SPK_OK;
	spk_error_context(err, "table \"%s\"", t->name);
	return at(t, key, SPK_USAGE, err);
}

/* What any source has, what messages have, what formats have. */
static bool metadata_known(const struct spk_table *t, const char *key)
{
	static const char *const names[] = { "offset", "partition", "timestamp", "topic", "file.path", "file.name" };
	const bool messages = !strcmp(t->connector, "kafka") || !strcmp(t->connector, "upsert-kafka");

	for (size_t i = 0; i < SPK_COUNT_OF(names); i++)
		if (!strcmp(names[i], key))
			return true;
	if (messages && (!strcmp(key, "key") || !strcmp(key, "headers") || !strncmp(key, "headers.", 8)))
		return true;
	return !strncmp(key, "path.", 5) || !strncmp(key, "value.", 6);
}

static spk_status check_metadata(const struct spk_table *t, spk_error *err)
{
	for (int i = 0; t->metadata && i < t->schema->count; i++) {
		if (!t->metadata[i] || metadata_known(t, t->metadata[i]))
			continue;
		spk_fail(err, SPK_USAGE, "table \"%s\": metadata column \"%s\": connector '%s' has no metadata '%s'", t->name, t->schema->field[i].name, t->connector, t->metadata[i]);
		return spk_hint(err, "there are: offset, partition, timestamp, topic, of Kafka key, headers and headers.NAME, of files file.path, file.name and path.KEY, and what the format has (value.NAME)");
	}
	return SPK_OK;
}

static spk_status check_connector(const struct spk_table *t, const struct spk_conf *conf, spk_error *err)
{
	if (!strcmp(t->connector, "kafka") || !strcmp(t->connector, "upsert-kafka"))
		return spk_kafka_check_table(t, conf, err);
	if (!strcmp(t->connector, "filesystem"))
		return spk_files_check_table(t, conf, err);
	if (!strcmp(t->connector, "nexmark"))
		return spk_nexmark_check_table(t, err);
	if (!strcmp(t->connector, "datagen"))
		return spk_datagen_check_table(t, err);
	if (!strcmp(t->connector, "checkpoint"))
		return check_place(t, conf, err);
	return SPK_OK;
}

spk_status spk_connector_check_table(const struct spk_table *t, void *conf, spk_error *err)
{
	const struct spk_format *format;
	const char *key_format = spk_format_option(t, "key.format");
	spk_error local = { 0 };
	spk_status status;

	if (!spk_source_type(t->connector) && !spk_sink_type(t->connector))
		return unknown_connector(t, err);
	err = err ? err : &local;
	err->position = 0;
	SPK_TRY(spk_connector_format(t, &format, err));
	SPK_TRY(check_options(t, format, err));
	if (key_format && !spk_format(key_format))
		return unknown_format(t, "key.format", key_format, err);
	SPK_TRY(check_binary(t, format, err));
	status = format && format->check ? spk_keyed_check_value(t, format, conf, err) : SPK_OK;
	if (status == SPK_OK)
		status = check_partitioned(t, format, err);
	if (status == SPK_OK)
		status = spk_changes_check_table(t, err);
	if (status == SPK_OK)
		status = check_alignment(t, err);
	if (status == SPK_OK)
		status = check_metadata(t, err);
	if (status == SPK_OK)
		status = check_connector(t, conf, err);
	if (status != SPK_OK && !err->position)
		err->position = t->position;
	return status;
}

spk_status spk_connector_sink_takes(const struct spk_table *t, bool *upserts, bool *deltas, spk_error *err)
{
	const struct spk_sink_type *type = spk_table_sink_type(t);
	const struct spk_format *format;

	*upserts = *deltas = false;
	if (!type) {
		spk_fail(err, SPK_PLAN, "table \"%s\" cannot be written to: connector '%s' only reads", t->name, t->connector);
		return at(t, "connector", SPK_PLAN, err);
	}
	SPK_TRY(spk_connector_format(t, &format, err));
	*deltas = type->deltas || spk_format_has_weights(format);
	*upserts = type->upserts && t->key_count > 0 && !spk_format_has_weights(format);
	return SPK_OK;
}
