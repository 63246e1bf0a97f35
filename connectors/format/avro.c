/*
 * The formats 'avro' (bare data of one schema) and 'avro-confluent' (a byte 0, the schema's id in a registry, the datum) as tables of functions.
 *
 * A decoder's programs are read-only once made; those of avro-confluent are made when a message of their schema comes first, by whichever worker has
 * it, and are kept for good. All of them lie in the decoder's one arena, which batches hold: texts of enums point into it.
 */
#include "connectors/format/avro.h"

#include <pthread.h>
#include <stdio.h>

#include "connectors/connector.h"
#include "connectors/format/registry.h"
#include "core/base/clock.h"

enum { HEAD = 5, KNOWN_MAX = 1024 /* then no more ids are kept that are not there */, UNKNOWN_US = 10000000 /* how long an id is taken for unknown after the registry has said so */ };

static const struct spk_option_spec avro_options[] = {
	{ "avro.schema", false, false, NULL, "The schema of the data as JSON; default: the one that the columns have." },
	{ "avro.encoding", false, false, "binary", "data are binary; JSON of the same records is format 'json'" },
	{ "avro.timestamp_mapping.legacy", false, false, "true|false", "false: columns of type timestamp are local-timestamp-* (default true: timestamp-*)." },
	{ 0 },
};

static const struct spk_option_spec confluent_options[] = {
	{ "avro-confluent.url", false, false, NULL, "The schema registry, http://host:port; several separated by commas." },
	{ "avro-confluent.subject", false, false, NULL, "Under which the schema is registered when writing; default: TOPIC-value, TOPIC-key." },
	{ "avro-confluent.schema", false, false, NULL, "Reading: the reader's schema as JSON, for aliases and defaults. Writing: the schema to register. Default: the one that the columns have." },
	{ "avro-confluent.basic-auth.credentials-source", false, false, "USER_INFO|URL", "Where user and password are: 'avro-confluent.basic-auth.user-info', or the url." },
	{ "avro-confluent.basic-auth.user-info", false, false, NULL, "user:password for the registry." },
	{ "avro-confluent.bearer-auth.credentials-source", false, false, "STATIC_TOKEN", "That 'avro-confluent.bearer-auth.token' is the token." },
	{ "avro-confluent.bearer-auth.token", false, false, NULL, "Token for the registry." },
	{ "avro-confluent.timestamp_mapping.legacy", false, false, "true|false", "As 'avro.timestamp_mapping.legacy'." },
	{ 0 },
};

/* A schema of the registry: what to do with its data, or why that cannot be told. */
struct known { uint32_t id; const struct spk_avro_program *program; const char *why; int64_t until_us; };  /* until_us 0: for good */

struct avro_decoder {
	struct spk_decoder base;
	struct spk_arena *arena;
	struct spk_avro_reader reader;
	const struct spk_avro_program *program;   /* avro; else NULL */
	struct spk_registry *registry;            /* avro-confluent; else NULL */
	pthread_mutex_t lock;                     /* over what follows, and over making in `arena` */
	struct known *known;
	int count, capacity;
};

/* Does not hide what kind of error it is, only whose: a schema in an option is the user's. */
static spk_status wrong_schema(const struct spk_format_spec *spec, const char *option, spk_status status, spk_error *err)
{
	if (status != SPK_DATA)
		return status;
	if (err)
		err->code = SPK_USAGE;
	spk_error_context(err, "table \"%s\", '%s'", spec->table->name, option);
	return spk_format_option_failed(spec->table, option, SPK_USAGE, err);
}

static const char *schema_option(const struct spk_format *format)
{
	return format == &spk_format_avro ? "avro.schema" : "avro-confluent.schema";
}

static bool local_timestamps(const struct spk_format *format, const struct spk_format_spec *spec)
{
	const char *legacy = spk_format_spec_option(spec, format == &spk_format_avro ? "avro.timestamp_mapping.legacy" : "avro-confluent.timestamp_mapping.legacy");

	return legacy && !strcmp(legacy, "false");
}

/* --- reading --- */

/* The reader's schema, checked against the columns; NULL: there is none. */
static spk_status take_reader_schema(struct avro_decoder *d, const struct spk_format_spec *spec, spk_error *err)
{
	const char *option = schema_option(d->base.format), *text = spk_format_own_option(spec, option);
	const struct spk_avro_program *program;

	if (!text)
		return SPK_OK;
	SPK_TRY(wrong_schema(spec, option, spk_avro_parse(d->arena, text, strlen(text), &d->reader.schema, err), err));
	for (int i = 0; d->reader.schema->kind == SPK_AVRO_RECORD && i < d->reader.columns; i++) {
		if (spk_avro_find(d->reader.schema, d->reader.column[i].name) >= 0)
			continue;
		spk_fail(err, SPK_USAGE, "table \"%s\": '%s' has no field for column \"%s\"", spec->table->name, option, d->reader.column[i].name);
		spk_hint(err, "add the field (with a default, where older data do not have it), or leave the column out");
		return spk_format_option_failed(spec->table, option, SPK_USAGE, err);
	}
	return wrong_schema(spec, option, spk_avro_resolve(d->arena, d->reader.schema, &d->reader, &program, err), err);
}

/* Without a schema data are taken to be of the one that the columns have. */
static spk_status take_one_schema(struct avro_decoder *d, const struct spk_format_spec *spec, spk_error *err)
{
	const struct spk_avro_type *writer = d->reader.schema;
	struct spk_schema columns = { 0, SPK_NEW_ARRAY(d->arena, struct spk_field, d->reader.columns + 1) };
	struct spk_buffer text = { 0 };
	spk_status status;

	if (writer)
		return spk_avro_resolve(d->arena, writer, &d->reader, &d->program, err);
	SPK_TRY_PTR(columns.field, err);
	for (int i = 0; i < d->reader.columns; i++)
		columns.field[columns.count++] = (struct spk_field){ d->reader.column[i].name, d->reader.column[i].type, d->reader.column[i].nullable };
	status = spk_avro_derive(&columns, local_timestamps(d->base.format, spec), spec->table->name, &text, err);
	if (status == SPK_OK)
		status = spk_avro_parse(d->arena, text.data, text.size, &writer, err);
	if (status == SPK_OK)
		status = spk_avro_resolve(d->arena, writer, &d->reader, &d->program, err);
	spk_buffer_release(&text);
	return status;
}

static spk_status open_registry(const struct spk_format_spec *spec, struct spk_registry **out, spk_error *err)
{
	const char *source = spk_format_spec_option(spec, "avro-confluent.basic-auth.credentials-source");
	struct spk_registry_spec r = {
		.url = spk_format_spec_option(spec, "avro-confluent.url"), .table = spec->table->name,
		.user_info = source && !strcmp(source, "URL") ? NULL : spk_format_spec_option(spec, "avro-confluent.basic-auth.user-info"),
		.token = spk_format_spec_option(spec, "avro-confluent.bearer-auth.token"),
	};

	SPK_TRY(spk_registry_open(out, &r, err));
	return spk_registry_ping(*out, err);
}

static spk_status decoder_init(struct avro_decoder *d, const struct spk_format_spec *spec, spk_error *err)
{
	struct spk_format_column *column;

	SPK_TRY(spk_format_columns(spec, d->arena, &column, &d->reader.columns, &d->reader.skip, err));
	d->reader.column = column;
	SPK_TRY(take_reader_schema(d, spec, err));
	return d->base.format == &spk_format_avro ? take_one_schema(d, spec, err) : open_registry(spec, &d->registry, err);
}

static void decoder_close(struct spk_decoder *base)
{
	struct avro_decoder *d;

	if (!base)
		return;
	d = spk_container_of(base, struct avro_decoder, base);
	spk_registry_close(d->registry);
	pthread_mutex_destroy(&d->lock);
	spk_arena_unref(d->arena);
}

static spk_status decoder_open(struct spk_decoder **out, const struct spk_format *format, const struct spk_format_spec *spec, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct avro_decoder *d;
	spk_status status;

	SPK_TRY_PTR(arena, err);
	d = SPK_NEW(arena, struct avro_decoder);
	if (!d) {
		spk_arena_unref(arena);
		return spk_fail_memory(err);
	}
	d->base.format = format;
	d->arena = arena;
	pthread_mutex_init(&d->lock, NULL);
	status = decoder_init(d, spec, err);
	if (status != SPK_OK) {
		decoder_close(&d->base);
		return status;
	}
	*out = &d->base;
	return SPK_OK;
}

/* --- schemas of the registry; with the lock --- */

static spk_status keep(struct avro_decoder *d, const struct known *k, spk_error *err)
{
	for (int i = 0; i < d->count; i++) {
		if (d->known[i].id != k->id)
			continue;
		d->known[i] = *k;
		return SPK_OK;
	}
	if (d->count == d->capacity) {
		int capacity = d->capacity ? d->capacity * 2 : 8;
		struct known *grown = SPK_NEW_ARRAY(d->arena, struct known, capacity);

		SPK_TRY_PTR(grown, err);
		if (d->count)
			memcpy(grown, d->known, sizeof(*grown) * (size_t)d->count);
		d->known = grown;
		d->capacity = capacity;
	}
	d->known[d->count++] = *k;
	return SPK_OK;
}

/* Asks the registry. What it knows for certain is kept: the program, or why there is none. */
static spk_status fetch(struct avro_decoder *d, uint32_t id, struct known *out, spk_error *err)
{
	const struct spk_avro_type *writer = NULL;
	struct spk_buffer texts = { 0 };
	spk_error why = { 0 };
	spk_status status = spk_registry_schema(d->registry, id, "AVRO", &texts, &why);

	*out = (struct known){ .id = id };
	if (status == SPK_NOT_FOUND)
		out->until_us = spk_clock_monotonic_us() + UNKNOWN_US;
	if (status == SPK_OK)
		status = spk_avro_parse_all(d->arena, texts.data, texts.size, &writer, &why);
	if (status == SPK_OK)
		status = spk_avro_resolve(d->arena, writer, &d->reader, &out->program, &why);
	spk_buffer_release(&texts);
	if (status == SPK_DATA || status == SPK_UNSUPPORTED || status == SPK_NOT_FOUND) {
		out->why = spk_arena_printf(d->arena, "schema %u: %s", id, why.message);
		status = out->why ? SPK_OK : spk_fail_memory(&why);
	}
	if (status == SPK_OK)
		return out->until_us && d->count >= KNOWN_MAX ? SPK_OK : keep(d, out, err);
	if (err)
		*err = why;
	return status;
}

static spk_status find_schema(struct avro_decoder *d, uint32_t id, struct known *out, spk_error *err)
{
	spk_status status = SPK_OK;
	bool found = false;

	pthread_mutex_lock(&d->lock);
	for (int i = 0; i < d->count && !found; i++) {
		found = d->known[i].id == id && (!d->known[i].until_us || spk_clock_monotonic_us() < d->known[i].until_us);
		if (found)
			*out = d->known[i];
	}
	if (!found)
		status = fetch(d, id, out, err);
	pthread_mutex_unlock(&d->lock);
	return status;
}

/* The program for a message and its head taken off. `last`: the schema of the row before. */
static spk_status choose(struct avro_decoder *d, struct spk_cells *c, struct spk_wire *in, struct known *last, spk_error *err)
{
	uint32_t id;

	if (!d->registry)
		return SPK_OK;
	if (spk_wire_left(in) < HEAD || in->p[0] != 0)
		return spk_cells_bad(c, "the message does not begin with a byte 0 and a schema id: it is not of format 'avro-confluent'");
	id = (uint32_t)in->p[1] << 24 | (uint32_t)in->p[2] << 16 | (uint32_t)in->p[3] << 8 | in->p[4];
	in->p += HEAD;
	if (SPK_UNLIKELY(id != last->id || !(last->program || last->why)))
		SPK_TRY(find_schema(d, id, last, err));
	return last->why ? spk_cells_bad(c, "%s", last->why) : SPK_OK;
}

static spk_status decode_rows(struct avro_decoder *d, struct spk_cells *c, const struct spk_view *raw, int n, struct spk_batch *batch, struct spk_row_errors *errors, spk_error *err)
{
	struct known last = { .program = d->program };

	for (int row = 0; row < n; row++) {
		struct spk_wire in = spk_cells_row(c, &raw[row]);
		spk_error why = { 0 };
		spk_status status;

		if (row + 1 < n)
			spk_field_fetch_ahead(&raw[row + 1]);
		status = choose(d, c, &in, &last, &why);
		if (status == SPK_OK)
			status = spk_avro_read(last.program, c, &in, batch, row, &why);
		if (status == SPK_DATA) {
			SPK_TRY(spk_cells_row_failed(c, batch, row, d->reader.skip, errors, err));
		} else if (status != SPK_OK) {
			if (err)
				*err = why;
			return status;
		}
	}
	return SPK_OK;
}

static spk_status decode(struct spk_decoder *base, const struct spk_view *raw, int n, struct spk_batch *batch, struct spk_row_errors *errors, spk_error *err)
{
	struct avro_decoder *d = spk_container_of(base, struct avro_decoder, base);
	struct spk_cells c = { .arena = batch->arena, .what = "field" };
	spk_status status;

	SPK_TRY(spk_arena_hold(batch->arena, d->arena, err));
	SPK_TRY(spk_cells_init_columns(batch, n, d->reader.skip, err));
	status = decode_rows(d, &c, raw, n, batch, errors, err);
	spk_cells_release(&c);
	return status;
}

/* --- checking --- */

static spk_status check_registry(const struct spk_table *t, const struct spk_format_spec *spec, spk_error *err)
{
	static const char where[] = "avro-confluent.basic-auth.credentials-source", who[] = "avro-confluent.basic-auth.user-info";
	const char *source = spk_format_spec_option(spec, where), *user_info = spk_format_spec_option(spec, who);
	const char *url = spk_format_spec_option(spec, "avro-confluent.url");
	struct spk_registry_spec r = { .url = url, .table = t->name };
	struct spk_registry *registry = NULL;
	spk_status status;

	if (!url) {
		spk_fail(err, SPK_USAGE, "table \"%s\": format 'avro-confluent' needs the option 'avro-confluent.url'", t->name);
		spk_hint(err, "the address of the schema registry, as in 'http://localhost:8081'");
		return spk_format_option_failed(t, "format", SPK_USAGE, err);
	}
	if (source && !strcmp(source, "USER_INFO") && !user_info)
		return spk_format_option_failed(t, where, spk_fail(err, SPK_USAGE, "table \"%s\": '%s' = 'USER_INFO' needs '%s'", t->name, where, who), err);
	if (user_info && !strchr(user_info, ':'))
		return spk_format_option_failed(t, who, spk_fail(err, SPK_USAGE, "table \"%s\": '%s' is not user:password", t->name, who), err);
	status = spk_registry_open(&registry, &r, err);
	spk_registry_close(registry);
	return spk_format_option_failed(t, "avro-confluent.url", status, err);
}

static spk_status check(const struct spk_format *format, const struct spk_table *t, const struct spk_conf *conf, spk_error *err)
{
	struct spk_format_spec spec = { .table = t, .schema = t->schema, .conf = conf };
	struct avro_decoder d = { .base.format = format, .arena = spk_arena_new(NULL) };
	struct spk_format_column *column;
	spk_status status;

	SPK_TRY_PTR(d.arena, err);
	status = spk_format_columns(&spec, d.arena, &column, &d.reader.columns, &d.reader.skip, err);
	d.reader.column = column;
	if (status == SPK_OK)
		status = take_reader_schema(&d, &spec, err);
	if (status == SPK_OK && format == &spk_format_avro)
		status = take_one_schema(&d, &spec, err);
	else if (status == SPK_OK)
		status = check_registry(t, &spec, err);
	spk_arena_unref(d.arena);
	return status;
}

/* --- writing --- */

struct avro_encoder {
	struct spk_encoder base;
	struct spk_arena *arena;
	const struct spk_avro_writer *writer;
	bool framed;
	char head[HEAD];
};

static const char *subject_of(const struct spk_format_spec *spec, struct spk_arena *arena)
{
	const char *subject = spk_format_own_option(spec, "avro-confluent.subject"), *topic = spk_format_option(spec->table, "topic");

	if (subject)
		return subject;
	return topic ? spk_arena_printf(arena, "%s-%s", topic, spec->key ? "key" : "value") : NULL;
}

static spk_status register_schema(struct avro_encoder *e, const struct spk_format_spec *spec, const char *text, spk_error *err)
{
	const char *subject = subject_of(spec, e->arena);
	struct spk_registry *r = NULL;
	uint32_t id = 0;
	spk_status status;

	if (!subject) {
		spk_fail(err, SPK_USAGE, "table \"%s\": format 'avro-confluent' needs 'avro-confluent.subject' to write with connector '%s'", spec->table->name, spec->table->connector);
		return spk_hint(err, "the schema is registered under that name");
	}
	status = open_registry(spec, &r, err);
	if (status == SPK_OK)
		status = spk_registry_register(r, subject, "AVRO", text, &id, err);
	spk_registry_close(r);
	e->framed = true;
	for (int i = 0; i < 4; i++)
		e->head[1 + i] = (char)(id >> 8 * (3 - i));
	return status;
}

static spk_status encoder_init(struct avro_encoder *e, const struct spk_format_spec *spec, struct spk_buffer *text, spk_error *err)
{
	const char *option = schema_option(e->base.format), *given = spk_format_own_option(spec, option);
	const struct spk_avro_type *schema;

	if (given)
		SPK_TRY(spk_buffer_append_str(text, given, err));
	else
		SPK_TRY(spk_avro_derive(spec->schema, local_timestamps(e->base.format, spec), spec->table->name, text, err));
	SPK_TRY(wrong_schema(spec, option, spk_avro_parse(e->arena, text->data, text->size, &schema, err), err));
	SPK_TRY(spk_avro_writer(e->arena, schema, spec->schema, spec->table->name, &e->writer, err));
	if (e->base.format == &spk_format_avro)
		return SPK_OK;
	SPK_TRY_PTR(spk_buffer_cstr(text), err);
	return register_schema(e, spec, text->data, err);
}

static spk_status encoder_open(struct spk_encoder **out, const struct spk_format *format, const struct spk_format_spec *spec, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_buffer text = { 0 };
	struct avro_encoder *e;
	spk_status status;

	SPK_TRY_PTR(arena, err);
	e = SPK_NEW(arena, struct avro_encoder);
	status = e ? SPK_OK : spk_fail_memory(err);
	if (status == SPK_OK) {
		e->base.format = format;
		e->arena = arena;
		status = encoder_init(e, spec, &text, err);
	}
	spk_buffer_release(&text);
	if (status != SPK_OK) {
		spk_arena_unref(arena);
		return status;
	}
	*out = &e->base;
	return SPK_OK;
}

static spk_status encode(struct spk_encoder *base, const struct spk_batch *batch, struct spk_buffer *out, uint32_t *end, spk_error *err)
{
	const struct avro_encoder *e = spk_container_of(base, struct avro_encoder, base);

	SPK_EACH_ROW(batch, i, row) {
		if (e->framed)
			SPK_TRY(spk_buffer_append(out, e->head, HEAD, err));
		SPK_TRY(spk_avro_write(e->writer, batch, row, out, err));
		end[i] = (uint32_t)out->size;
	}
	return SPK_OK;
}

static void encoder_close(struct spk_encoder *e)
{
	spk_arena_unref(spk_container_of(e, struct avro_encoder, base)->arena);
}

/* --- the formats --- */

static spk_status avro_check(const struct spk_table *t, const struct spk_conf *conf, spk_error *err) { return check(&spk_format_avro, t, conf, err); }
static spk_status confluent_check(const struct spk_table *t, const struct spk_conf *conf, spk_error *err) { return check(&spk_format_avro_confluent, t, conf, err); }

static spk_status avro_decoder_open(struct spk_decoder **out, const struct spk_format_spec *spec, spk_error *err) { return decoder_open(out, &spk_format_avro, spec, err); }
static spk_status avro_encoder_open(struct spk_encoder **out, const struct spk_format_spec *spec, spk_error *err) { return encoder_open(out, &spk_format_avro, spec, err); }
static spk_status confluent_decoder_open(struct spk_decoder **out, const struct spk_format_spec *spec, spk_error *err) { return decoder_open(out, &spk_format_avro_confluent, spec, err); }
static spk_status confluent_encoder_open(struct spk_encoder **out, const struct spk_format_spec *spec, spk_error *err) { return encoder_open(out, &spk_format_avro_confluent, spec, err); }

const struct spk_format spk_format_avro = {
	.name = "avro",
	.options = avro_options,
	.binary = true,
	.key_options = true,
	.check = avro_check,
	.decoder_open = avro_decoder_open,
	.decode = decode,
	.decoder_close = decoder_close,
	.encoder_open = avro_encoder_open,
	.encode = encode,
	.encoder_close = encoder_close,
};

const struct spk_format spk_format_avro_confluent = {
	.name = "avro-confluent",
	.options = confluent_options,
	.binary = true,
	.key_options = true,
	.check = confluent_check,
	.decoder_open = confluent_decoder_open,
	.decode = decode,
	.decoder_close = decoder_close,
	.encoder_open = confluent_encoder_open,
	.encode = encode,
	.encoder_close = encoder_close,
};
