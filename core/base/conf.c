/* The table of keys and the values of one configuration. Parsing of single values is in conf_parse.c. */
#include "core/base/conf.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/check.h"
#include "core/base/file.h"
#include "core/base/log.h"

enum { FILE_SIZE_MAX = 1024 * 1024, ENVIRONMENT_NAME_MAX = 96, MEMORY_OF_EPOCHS = 256 << 20 };

#define ENVIRONMENT_PREFIX "SPARKLET_"

struct entry {
	const char *name;
	enum spk_conf_kind kind;
	const char *unit, *preset, *min, *max, *doc;
};

#define ENTRY(id, name, kind, unit, def, min, max, doc) { name, SPK_CONF_##kind, unit, def, min, max, doc },
static const struct entry table[] = { SPK_CONF_LIST(ENTRY) };
#define NAME(id, name, kind, unit, def, min, max, doc) name,
static const char *const names[] = { SPK_CONF_LIST(NAME) };

struct value {
	int64_t number;
	double real;
	char *text;   /* as it was set, with substitutions made */
	bool fixed;   /* by spk_conf_fix */
};

struct spk_conf { struct value value[SPK_CONF_COUNT]; };

/* ---- Keys and values ------------------------------------------------------------------------------------------------ */

const char *spk_conf_name(enum spk_conf_key key)
{
	SPK_ASSERT((unsigned)key < SPK_CONF_COUNT, "no such key");
	return names[key];
}

/* What Flink calls the same, Arroyo and RisingWave. */
static const struct { const char *name; enum spk_conf_key key; } other_names[] = {
	{ "table.exec.emit.allow-lateness", SPK_CONF_EMIT_LATENESS },
	{ "table.exec.emit.early-fire.delay", SPK_CONF_EMIT_INTERVAL },
	{ "table.exec.state.ttl", SPK_CONF_STATE_TTL },
	{ "updating_ttl", SPK_CONF_STATE_TTL },
	{ "table.local-time-zone", SPK_CONF_TIMEZONE },
	{ "table.exec.source.idle-timeout", SPK_CONF_IDLE_TIMEOUT },
	{ "parallelism.default", SPK_CONF_PARALLELISM },
	{ "streaming_parallelism", SPK_CONF_PARALLELISM },
	{ "table.exec.resource.default-parallelism", SPK_CONF_PARALLELISM },
	{ "execution.checkpointing.interval", SPK_CONF_CHECKPOINT_INTERVAL },
};

/* Keys of Flink's, and RisingWave's, that mean nothing here: what they choose is always so, or there is nothing to choose. */
static const char *const without_effect[] = {
	"execution.runtime-mode", "execution.checkpointing.mode", "pipeline.name", "state.backend", "state.backend.type", "state.backend.incremental", "table.dml-sync",
	"table.exec.mini-batch.enabled", "table.exec.mini-batch.allow-latency", "table.exec.mini-batch.size", "table.exec.emit.late-fire.enabled", "table.optimizer.agg-phase-strategy",
	"table.optimizer.distinct-agg.split.enabled", "sql-client.execution.result-mode", "table.exec.sink.upsert-materialize", "table.optimizer.reuse-sub-plan-enabled",
	"table.optimizer.reuse-source-enabled", "table.optimizer.join-reorder-enabled", "pipeline.operator-chaining.enabled", "pipeline.object-reuse", "rw_implicit_flush", "visibility_mode",
	"query_mode", "background_ddl",
};

bool spk_conf_without_effect(const char *name)
{
	for (size_t i = 0; i < SPK_COUNT_OF(without_effect); i++)
		if (strcmp(without_effect[i], name) == 0)
			return true;
	return false;
}

/* Flink's switch for results before a window closes. */
#define EARLY_FIRE "table.exec.emit.early-fire.enabled"

spk_status spk_conf_find(const char *name, enum spk_conf_key *out, spk_error *err)
{
	const char *closest;

	for (int i = 0; i < SPK_CONF_COUNT; i++) {
		if (strcmp(names[i], name) == 0) {
			*out = (enum spk_conf_key)i;
			return SPK_OK;
		}
	}
	for (size_t i = 0; i < SPK_COUNT_OF(other_names); i++) {
		if (strcmp(other_names[i].name, name) == 0) {
			*out = other_names[i].key;
			return SPK_OK;
		}
	}
	if (strcmp(name, EARLY_FIRE) == 0) {
		*out = SPK_CONF_EMIT;
		return SPK_OK;
	}
	spk_fail(err, SPK_USAGE, "unrecognized configuration parameter \"%s\"", name);
	closest = spk_closest_name(name, names, SPK_CONF_COUNT);
	if (closest)
		spk_hint(err, "did you mean '%s'?", closest);
	else
		spk_hint(err, "docs/configuration.md lists all keys");
	return SPK_USAGE;
}

static int64_t unit_us(const struct entry *e)
{
	return strcmp(e->unit, "s") == 0 ? 1000000 : 1000;
}

static spk_status parse_enum(const struct entry *e, const char *text, int64_t *out, spk_error *err)
{
	int64_t index = 0;

	for (const char *at = e->unit; *at; index++) {
		size_t size = strcspn(at, "|");

		if (strlen(text) == size && memcmp(at, text, size) == 0) {
			*out = index;
			return SPK_OK;
		}
		at += size + (at[size] == '|');
	}
	return spk_fail(err, SPK_USAGE, "'%s' is not one of %s", text, e->unit);
}

static spk_status parse_number(const struct entry *e, const char *text, struct value *out, spk_error *err)
{
	switch (e->kind) {
	case SPK_CONF_INT:
		return spk_conf_parse_int(text, &out->number, err);
	case SPK_CONF_BOOL:
		return spk_conf_parse_bool(text, &out->number, err);
	case SPK_CONF_BYTES:
		return spk_conf_parse_bytes(text, &out->number, err);
	case SPK_CONF_DURATION:
		return spk_conf_parse_duration(text, unit_us(e), &out->number, err);
	case SPK_CONF_DOUBLE:
		return spk_conf_parse_double(text, &out->real, err);
	case SPK_CONF_ENUM:
		return parse_enum(e, text, &out->number, err);
	case SPK_CONF_TEXT:
		return SPK_OK;
	}
	return spk_fail(err, SPK_INTERNAL, "configuration kind %d", (int)e->kind);
}

static spk_status put_bytes(struct spk_buffer *out, int64_t n, spk_error *err)
{
	static const char *const units[] = { "", "KiB", "MiB", "GiB" };
	size_t i = 0;

	while (n && n % 1024 == 0 && i + 1 < SPK_COUNT_OF(units)) {
		n /= 1024;
		i++;
	}
	return spk_buffer_printf(out, err, "%" PRId64 "%s", n, units[i]);
}

static spk_status put_duration(struct spk_buffer *out, int64_t us, spk_error *err)
{
	if (us % 60000000 == 0 && us)
		return spk_buffer_printf(out, err, "%" PRId64 "min", us / 60000000);
	if (us % 1000000 == 0)
		return spk_buffer_printf(out, err, "%" PRId64 "s", us / 1000000);
	if (us % 1000 == 0)
		return spk_buffer_printf(out, err, "%" PRId64 "ms", us / 1000);
	return spk_buffer_printf(out, err, "%" PRId64 "us", us);
}

/* A number of the entry's kind as a user would write it. */
static spk_status put_number(const struct entry *e, int64_t n, struct spk_buffer *out, spk_error *err)
{
	if (e->kind == SPK_CONF_BYTES)
		return put_bytes(out, n, err);
	if (e->kind == SPK_CONF_DURATION)
		return put_duration(out, n, err);
	return spk_buffer_printf(out, err, "%" PRId64, n);
}

/* One bound of the table as text; "" when there is none. */
static spk_status put_bound(const struct entry *e, const char *bound, struct spk_buffer *out, spk_error *err)
{
	return *bound && e->kind != SPK_CONF_DOUBLE ? put_number(e, strtoll(bound, NULL, 10), out, err)
	                                            : spk_buffer_append_str(out, bound, err);
}

/* "0s to 60s", "at least 1", or nothing. */
static spk_status put_range(const struct entry *e, struct spk_buffer *out, spk_error *err)
{
	if (!*e->min && !*e->max)
		return SPK_OK;
	if (!*e->max)
		SPK_TRY(spk_buffer_append_str(out, "at least ", err));
	else if (!*e->min)
		SPK_TRY(spk_buffer_append_str(out, "at most ", err));
	SPK_TRY(put_bound(e, e->min, out, err));
	if (*e->min && *e->max)
		SPK_TRY(spk_buffer_append_str(out, " to ", err));
	return put_bound(e, e->max, out, err);
}

static bool in_range(const struct entry *e, const struct value *v)
{
	if (e->kind == SPK_CONF_DOUBLE)
		return (!*e->min || v->real >= strtod(e->min, NULL)) && (!*e->max || v->real <= strtod(e->max, NULL));
	return (!*e->min || v->number >= strtoll(e->min, NULL, 10)) && (!*e->max || v->number <= strtoll(e->max, NULL, 10));
}

static spk_status check_range(const struct entry *e, const struct value *v, const char *text, spk_error *err)
{
	struct spk_buffer range = { 0 };
	spk_status status;

	if (in_range(e, v))
		return SPK_OK;
	status = put_range(e, &range, err);
	if (!status)
		status = spk_fail(err, SPK_USAGE, "'%s' is out of range: %.*s", text, (int)range.size, range.data);
	spk_buffer_release(&range);
	return status;
}

/* `text` without the blanks around it, in `out`. */
static spk_status put_trimmed(const char *text, struct spk_buffer *out, spk_error *err)
{
	size_t size;

	while (isspace((unsigned char)*text))
		text++;
	size = strlen(text);
	while (size && isspace((unsigned char)text[size - 1]))
		size--;
	return spk_buffer_append(out, text, size, err);
}

/* Makes the value of an entry from text; `scratch` takes what it needs on the way. */
static spk_status make_value(const struct entry *e, const char *text, struct spk_buffer *scratch, struct value *out,
                             spk_error *err)
{
	const char *final;

	if (e->kind == SPK_CONF_TEXT)
		SPK_TRY(spk_conf_substitute(text, scratch, err));
	else
		SPK_TRY(put_trimmed(text, scratch, err));
	final = spk_buffer_cstr(scratch);
	SPK_TRY_PTR(final, err);
	SPK_TRY(parse_number(e, final, out, err));
	SPK_TRY(check_range(e, out, final, err));
	out->text = strdup(final);
	SPK_TRY_PTR(out->text, err);
	return SPK_OK;
}

static void hint_value(const struct entry *e, spk_error *err)
{
	if (!err || err->hint[0])
		return;
	if (e->kind == SPK_CONF_BYTES)
		spk_hint(err, "for example 64MiB or 1GiB");
	else if (e->kind == SPK_CONF_DURATION)
		spk_hint(err, "for example 250ms, 5s or 1min");
	else if (e->kind == SPK_CONF_BOOL)
		spk_hint(err, "true or false");
}

/* The value of 'emit' that stands for Flink's switch. */
static spk_status early_fire(const char *value, const char **out, spk_error *err)
{
	if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
		return spk_fail(err, SPK_USAGE, "'" EARLY_FIRE "' is true or false, not '%s'", value);
	*out = *value == 't' ? "on-update" : "auto";
	return SPK_OK;
}

spk_status spk_conf_set(struct spk_conf *conf, const char *name, const char *value, spk_error *err)
{
	struct spk_buffer scratch = { 0 };
	struct value made = { 0 };
	enum spk_conf_key key;
	spk_status status;

	SPK_TRY(spk_conf_find(name, &key, err));
	if (strcmp(name, EARLY_FIRE) == 0)
		SPK_TRY(early_fire(value, &value, err));
	status = make_value(&table[key], value, &scratch, &made, err);
	spk_buffer_release(&scratch);
	if (status) {
		spk_error_context(err, "%s", name);
		hint_value(&table[key], err);
		return status;
	}
	if (conf->value[key].fixed) {
		free(made.text);
		return SPK_OK;
	}
	free(conf->value[key].text);
	conf->value[key] = made;
	return SPK_OK;
}

spk_status spk_conf_fix(struct spk_conf *conf, const char *name, const char *value, spk_error *err)
{
	enum spk_conf_key key;
	spk_status status;
	bool was;

	SPK_TRY(spk_conf_find(name, &key, err));
	was = conf->value[key].fixed;
	conf->value[key].fixed = false;
	status = spk_conf_set(conf, name, value, err);
	conf->value[key].fixed = was || status == SPK_OK;
	return status;
}

struct spk_conf *spk_conf_new(void)
{
	struct spk_conf *conf = calloc(1, sizeof(*conf));

	for (int i = 0; conf && i < SPK_CONF_COUNT; i++) {
		spk_error err;
		spk_status status = spk_conf_set(conf, table[i].name, table[i].preset, &err);

		SPK_ASSERT(status != SPK_USAGE, "a default in conf_list.h is not valid");
		if (status) {
			spk_conf_free(conf);
			conf = NULL;
		}
	}
	return conf;
}

struct spk_conf *spk_conf_copy(const struct spk_conf *conf)
{
	struct spk_conf *copy = malloc(sizeof(*copy));
	bool whole = true;

	if (!copy)
		return NULL;
	*copy = *conf;
	for (int i = 0; i < SPK_CONF_COUNT; i++) {
		copy->value[i].text = strdup(conf->value[i].text);
		whole = whole && copy->value[i].text;
	}
	if (whole)
		return copy;
	spk_conf_free(copy);
	return NULL;
}

void spk_conf_free(struct spk_conf *conf)
{
	for (int i = 0; conf && i < SPK_CONF_COUNT; i++)
		free(conf->value[i].text);
	free(conf);
}

int64_t spk_conf_int(const struct spk_conf *conf, enum spk_conf_key key)
{
	SPK_ASSERT(table[key].kind != SPK_CONF_TEXT && table[key].kind != SPK_CONF_DOUBLE, "the key is not a whole number");
	return conf->value[key].number;
}

static int64_t in_proportion(const struct spk_conf *conf, enum spk_conf_key key)
{
	const double share = (double)spk_conf_int(conf, SPK_CONF_MEMORY_LIMIT) / MEMORY_OF_EPOCHS;
	const int64_t value = spk_conf_int(conf, key);

	return share < 1 ? SPK_MAX((int64_t)((double)value * share), (int64_t)1) : value;
}

int64_t spk_conf_epoch_rows(const struct spk_conf *conf) { return in_proportion(conf, SPK_CONF_EPOCH_MAX_ROWS); }
int64_t spk_conf_epoch_bytes(const struct spk_conf *conf) { return in_proportion(conf, SPK_CONF_EPOCH_MAX_BYTES); }

double spk_conf_double(const struct spk_conf *conf, enum spk_conf_key key)
{
	return table[key].kind == SPK_CONF_DOUBLE ? conf->value[key].real : (double)spk_conf_int(conf, key);
}

const char *spk_conf_text(const struct spk_conf *conf, enum spk_conf_key key)
{
	return conf->value[key].text;
}

static spk_status put_redacted(const char *text, struct spk_buffer *out, spk_error *err)
{
	char *copy = strdup(text);
	spk_status status;

	SPK_TRY_PTR(copy, err);
	spk_log_redact_text(copy);
	status = spk_buffer_append_str(out, copy, err);
	free(copy);
	return status;
}

spk_status spk_conf_format(const struct spk_conf *conf, enum spk_conf_key key, struct spk_buffer *out, spk_error *err)
{
	const struct value *v = &conf->value[key];

	switch (table[key].kind) {
	case SPK_CONF_TEXT:
		return put_redacted(v->text, out, err);
	case SPK_CONF_ENUM:
	case SPK_CONF_DOUBLE:
		return spk_buffer_append_str(out, v->text, err);
	case SPK_CONF_BOOL:
		return spk_buffer_append_str(out, v->number ? "true" : "false", err);
	default:
		return put_number(&table[key], v->number, out, err);
	}
}

/* ---- Sources -------------------------------------------------------------------------------------------------------- */

/* Loads into a copy, so that a failure half way leaves `conf` as it was. */
typedef spk_status (*load_fn)(struct spk_conf *conf, const void *source, spk_error *err);

static spk_status load_whole(struct spk_conf *conf, load_fn load, const void *source, spk_error *err)
{
	struct spk_conf *copy = spk_conf_copy(conf), old;
	spk_status status;

	SPK_TRY_PTR(copy, err);
	status = load(copy, source, err);
	if (!status) {
		old = *conf;
		*conf = *copy;
		*copy = old;
	}
	spk_conf_free(copy);
	return status;
}

/* Where the value ends that starts at `value`: before a comment and the blanks in front of it. */
static char *value_end(char *value)
{
	char *end = value;

	while (*end && !(*end == '#' && (end == value || isspace((unsigned char)end[-1]))))
		end++;
	while (end > value && isspace((unsigned char)end[-1]))
		end--;
	return end;
}

/* The value in a line after '=', cut out in place; NULL when there is something behind a quoted one. */
static char *cut_value(char *at)
{
	at += strspn(at, " \t");
	if (*at == '"' || *at == '\'') {
		char *end = strchr(at + 1, *at);

		if (!end || value_end(end + 1) != end + 1)
			return NULL;
		*end = '\0';
		return at + 1;
	}
	*value_end(at) = '\0';
	return at;
}

static spk_status load_line(struct spk_conf *conf, char *line, spk_error *err)
{
	char *name = line + strspn(line, " \t\r"), *equals, *value;

	if (*name == '\0' || *name == '#')
		return SPK_OK;
	equals = strchr(name, '=');
	if (!equals)
		return spk_fail(err, SPK_USAGE, "expected key = value");
	value = cut_value(equals + 1);
	if (!value)
		return spk_fail(err, SPK_USAGE, "a quoted value must end with its quote, and the line with it");
	*equals = '\0';
	while (equals > name && isspace((unsigned char)equals[-1]))
		*--equals = '\0';
	return spk_conf_set(conf, name, value, err);
}

struct text_source { const char *path; char *text; };

static spk_status load_text(struct spk_conf *conf, const void *source, spk_error *err)
{
	const struct text_source *s = source;
	int line = 1;

	for (char *at = s->text, *next; at; at = next, line++) {
		char *newline = strchr(at, '\n');
		spk_status status;

		next = newline ? newline + 1 : NULL;
		if (newline)
			*newline = '\0';
		status = load_line(conf, at, err);
		if (status) {
			spk_error_context(err, "%s:%d", s->path, line);
			return status;
		}
	}
	return SPK_OK;
}

static spk_status read_text(const char *path, struct spk_buffer *out, spk_error *err)
{
	int64_t size;

	SPK_TRY(spk_file_size(path, &size, err));
	if (size > FILE_SIZE_MAX)
		return spk_fail(err, SPK_USAGE, "%s is larger than %d bytes", path, FILE_SIZE_MAX);
	SPK_TRY(spk_file_read_all(path, out, err));
	if (out->size && memchr(out->data, '\0', out->size))
		return spk_fail(err, SPK_USAGE, "%s is not a text file", path);
	SPK_TRY_PTR(spk_buffer_cstr(out), err);
	return SPK_OK;
}

spk_status spk_conf_load_file(struct spk_conf *conf, const char *path, spk_error *err)
{
	struct spk_buffer text = { 0 };
	spk_status status = read_text(path, &text, err);

	if (!status)
		status = load_whole(conf, load_text, &(struct text_source){ path, text.data }, err);
	spk_buffer_release(&text);
	return status;
}

static void environment_name(const char *name, char out[ENVIRONMENT_NAME_MAX])
{
	size_t at = (size_t)snprintf(out, ENVIRONMENT_NAME_MAX, ENVIRONMENT_PREFIX "%s", name);

	SPK_ASSERT(at < ENVIRONMENT_NAME_MAX, "a key's name is too long");
	for (char *c = out; *c; c++)
		*c = (char)(*c == '.' || *c == '-' ? '_' : toupper((unsigned char)*c));
}

/*
 * A misspelt variable would be ignored in silence otherwise. Names that look like no key are none of our business; the
 * prefix, which is right anyway, must not count for the likeness.
 */
static void warn_of_misspelt(void)
{
	const size_t prefix = sizeof(ENVIRONMENT_PREFIX) - 1;
	char known[SPK_CONF_COUNT][ENVIRONMENT_NAME_MAX];
	const char *list[SPK_CONF_COUNT];

	for (int i = 0; i < SPK_CONF_COUNT; i++) {
		environment_name(names[i], known[i]);
		list[i] = known[i] + prefix;
	}
	for (char **variable = environ; variable && *variable; variable++) {
		char name[ENVIRONMENT_NAME_MAX];
		const char *closest;

		if (strncmp(*variable, ENVIRONMENT_PREFIX, prefix) != 0)
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(*variable, "="), *variable);
		closest = spk_closest_name(name + prefix, list, SPK_CONF_COUNT);
		if (closest && strcmp(closest, name + prefix) != 0)
			SPK_LOG(WARN, "conf", "environment variable %s is not known; did you mean " ENVIRONMENT_PREFIX "%s?", name, closest);
	}
}

static spk_status load_variables(struct spk_conf *conf, const void *source, spk_error *err)
{
	(void)source;
	for (int i = 0; i < SPK_CONF_COUNT; i++) {
		char variable[ENVIRONMENT_NAME_MAX];
		const char *value;
		spk_status status;

		environment_name(names[i], variable);
		value = getenv(variable);
		status = value ? spk_conf_set(conf, names[i], value, err) : SPK_OK;
		if (status) {
			spk_error_context(err, "environment variable %s", variable);
			return status;
		}
	}
	return SPK_OK;
}

spk_status spk_conf_load_environment(struct spk_conf *conf, spk_error *err)
{
	warn_of_misspelt();
	return load_whole(conf, load_variables, NULL, err);
}

/* ---- The manual ----------------------------------------------------------------------------------------------------- */

/* In a table cell '|' would end the cell. */
static spk_status put_cell(struct spk_buffer *out, const char *text, spk_error *err)
{
	for (const char *at = text; *at; at++) {
		if (*at == '|')
			SPK_TRY(spk_buffer_append(out, "\\", 1, err));
		SPK_TRY(spk_buffer_append(out, at, 1, err));
	}
	return SPK_OK;
}

static spk_status put_row(const struct entry *e, struct spk_buffer *out, spk_error *err)
{
	static const char *const kinds[] = {
		[SPK_CONF_INT] = "number", [SPK_CONF_BOOL] = "true or false", [SPK_CONF_BYTES] = "bytes",
		[SPK_CONF_DURATION] = "duration", [SPK_CONF_DOUBLE] = "number", [SPK_CONF_TEXT] = "text",
	};
	char variable[ENVIRONMENT_NAME_MAX];

	environment_name(e->name, variable);
	SPK_TRY(spk_buffer_printf(out, err, "| `%s` | ", e->name));
	SPK_TRY(put_cell(out, e->kind == SPK_CONF_ENUM ? e->unit : kinds[e->kind], err));
	if (e->kind == SPK_CONF_DURATION)
		SPK_TRY(spk_buffer_printf(out, err, " (%s)", e->unit));
	SPK_TRY(spk_buffer_printf(out, err, *e->preset ? " | `%s` | " : " | %s | ", e->preset));
	SPK_TRY(put_range(e, out, err));
	SPK_TRY(spk_buffer_append_str(out, " | ", err));
	SPK_TRY(put_cell(out, e->doc, err));
	return spk_buffer_printf(out, err, " | `%s` |\n", variable);
}

spk_status spk_conf_markdown(struct spk_buffer *out, spk_error *err)
{
	static const char head[] =
		"# Configuration\n\n"
		"<!-- Generated from core/base/conf_list.h; do not edit. -->\n\n"
		"Each of these overrides the one before: the default, the file given with `--conf` (`key = value` lines, `#` comments),\n"
		"the environment, `SET key = value` in SQL, `-s key=value` on the command line.\n\n"
		"Bytes are written as `64KiB`, `16MiB` or `1GiB` (also `K`, `M`, `G`), durations as `250ms`, `5s`, `10min` or `1h`;\n"
		"a bare number means bytes, or the unit in the column type. `${file:PATH}` and `${env:NAME}` in a text are replaced by\n"
		"what is there, which is masked from then on in logs, errors and the event log; `$${` stands for a plain `${`.\n\n"
		"| key | type | default | range | meaning | environment |\n"
		"|---|---|---|---|---|---|\n";

	SPK_TRY(spk_buffer_append(out, head, sizeof(head) - 1, err));
	for (int i = 0; i < SPK_CONF_COUNT; i++)
		SPK_TRY(put_row(&table[i], out, err));
	return SPK_OK;
}
