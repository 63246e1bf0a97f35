/*
 * Tables out of files: their options by the short names that read_csv and read_json take, their columns from a sample of a few files unless
 * they are given, and columns that stand in the files' paths.
 */
#include "connectors/connector.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#include "core/base/check.h"
#include "core/expr/text.h"
#include "connectors/file/file.h"
#include "connectors/format/json.h"
#include "connectors/guess.h"

enum { SAMPLE_BYTES = 1 << 20, SAMPLE_BYTES_MOST = 1 << 28, SAMPLE_ROWS = 4096, SAMPLE_FILES = 4, OPTIONS_MAX = 32 };

/* What is being described. */
struct describe {
	const struct spk_file_request *file;
	struct spk_arena *arena;
	const struct spk_format *format;
	struct spk_table *table;
	struct spk_option *option;     /* of the table */
	struct spk_files files;
	struct spk_path_keys keys;
	int sample_rows, sample_files;
	const char *types;             /* types => 'a text, b date'; NULL: none were given */
	bool delimiter;                /* one was given */
	struct spk_guess *guess;
};

static struct spk_schema *schema_new(struct spk_arena *arena, int columns)
{
	struct spk_schema *s = SPK_NEW(arena, struct spk_schema);

	if (s)
		*s = (struct spk_schema){ columns, SPK_NEW_ARRAY(arena, struct spk_field, columns + 1) };
	return s && s->field ? s : NULL;
}

/* --- options --- */

/* The names in read_csv and read_json, beside the option's own without what is before the point. */
static const struct { const char *name, *key; } synonyms[] = {
	{ "delim", "csv.delimiter" }, { "sep", "csv.delimiter" }, { "nullstr", "csv.null" }, { "null_string", "csv.null" }, { "hive_partitioning", "hive.partitioning" },
	{ "union_by_name", "union.by-name" },
};
enum own { OWN_SAMPLE_ROWS, OWN_SAMPLE_FILES, OWN_TYPES, OWN_SCHEMA, OWN_NONE };
static const char *const own_names[] = { "sample_rows", "sample_files", "types", "schema" };

/* '-' and '.' are '_' in names of arguments. */
static bool same_name(const char *argument, const char *name)
{
	for (; *argument && *name; argument++, name++)
		if (*argument != *name && !((*argument == '_' || *argument == '-') && (*name == '-' || *name == '.' || *name == '_')))
			return false;
	return !*argument && !*name;
}

static const char *short_name(const char *key)
{
	const char *point = strchr(key, '.');

	return point && strncmp(key, "hive.", 5) != 0 ? point + 1 : key;
}

/* The table's option that the argument means; NULL: there is none. */
static const char *option_key(const struct describe *d, const char *argument)
{
	for (size_t i = 0; i < SPK_COUNT_OF(synonyms); i++)
		if (!strcmp(synonyms[i].name, argument) && (strncmp(synonyms[i].key, "csv.", 4) || d->format == &spk_format_csv))
			return synonyms[i].key;
	for (const struct spk_option_spec *o = d->format->options; o && o->name; o++)
		if (same_name(argument, short_name(o->name)) || same_name(argument, o->name))
			return o->name;
	return NULL;
}

static spk_status unknown_argument(const struct describe *d, const struct spk_option *o, spk_error *err)
{
	const char *names[OPTIONS_MAX], *close;
	char all[400] = "", plain[OPTIONS_MAX][40];
	int n = 0, used = 0;

	for (const struct spk_option_spec *s = d->format->options; s && s->name && n < OPTIONS_MAX - 10; s++) {
		snprintf(plain[n], sizeof(plain[n]), "%s", short_name(s->name));
		for (char *c = plain[n]; *c; c++)
			*c = *c == '-' || *c == '.' ? '_' : *c;
		names[n] = plain[n];
		n++;
	}
	for (size_t i = 0; i < SPK_COUNT_OF(own_names); i++)
		names[n++] = own_names[i];
	names[n++] = "hive_partitioning";
	names[n++] = "union_by_name";
	close = spk_closest_name(o->key, names, n);
	for (int i = 0; i < n && used < (int)sizeof(all); i++)
		used += snprintf(all + used, sizeof(all) - (size_t)used, "%s%s", i ? ", " : "", names[i]);
	spk_fail(err, SPK_USAGE, "read_%s has no option \"%s\"", d->format->name, o->key);
	if (err)
		err->position = o->position;
	if (close)
		return spk_hint(err, "did you mean \"%s\"?", close);
	return spk_hint(err, "there are: %s", all);
}

static spk_status at_least_one(const struct spk_option *o, int *out, spk_error *err)
{
	int64_t v;

	if (spk_conf_parse_int(o->value, &v, NULL) == SPK_OK && v >= 1 && v <= INT32_MAX) {
		*out = (int)v;
		return SPK_OK;
	}
	spk_fail(err, SPK_USAGE, "%s must be a number from 1 on, not '%s'", o->key, o->value);
	if (err)
		err->position = o->position;
	return SPK_USAGE;
}

static spk_status take_argument(struct describe *d, const struct spk_option *o, spk_error *err)
{
	size_t own = 0;
	const char *key;

	while (own < SPK_COUNT_OF(own_names) && strcmp(own_names[own], o->key) != 0)
		own++;
	switch (own) {
	case OWN_SAMPLE_ROWS:
		return at_least_one(o, &d->sample_rows, err);
	case OWN_SAMPLE_FILES:
		return at_least_one(o, &d->sample_files, err);
	case OWN_TYPES:
		d->types = o->value;
		return SPK_OK;
	case OWN_SCHEMA:
		return SPK_OK;  /* read before all others */
	default:
		key = option_key(d, o->key);
		if (!key)
			return unknown_argument(d, o, err);
		if (d->table->option_count == OPTIONS_MAX)
			return spk_fail(err, SPK_USAGE, "read_%s takes at most %d options", d->format->name, OPTIONS_MAX);
		d->guess->all = d->guess->all || (!strcmp(key, "union.by-name") && !strcmp(o->value, "true"));
		d->delimiter = d->delimiter || !strcmp(key, "csv.delimiter") || !strcmp(key, "csv.field-delimiter");
		d->option[d->table->option_count++] = (struct spk_option){ key, o->value, o->position };
		return SPK_OK;
	}
}

/* --- columns that are given --- */

/* A name at *p, which moves behind it: as it stands in double quotes, else up to a blank and in lower case. NULL: there is none. */
static const char *take_name(const char **p, struct spk_arena *arena)
{
	size_t n = strlen(*p), used = 0;
	char *name = spk_arena_alloc(arena, n + 1);
	bool quoted = **p == '"';

	if (!name)
		return NULL;
	for (*p += quoted; **p && (quoted || (!isspace((uint8_t)**p) && **p != ',')); (*p)++) {
		if (quoted && **p == '"' && *++*p != '"')
			break;
		name[used++] = quoted ? **p : (char)tolower((uint8_t)**p);
	}
	name[used] = '\0';
	return name;
}

/* "a bigint, \"b c\" numeric(10,2)" as fields. */
static spk_status parse_columns(const char *text, const char *what, struct spk_arena *arena, struct spk_schema **out, spk_error *err)
{
	struct spk_schema *schema = schema_new(arena, (int)strlen(text) / 2 + 1);
	const char *p = text;

	SPK_TRY_PTR(schema, err);
	schema->count = 0;
	for (;;) {
		struct spk_field *f = &schema->field[schema->count++];
		const char *begin;
		int depth = 0;

		p += strspn(p, " \t\r\n");
		f->name = take_name(&p, arena);
		f->nullable = true;
		SPK_TRY_PTR(f->name, err);
		p += strspn(p, " \t\r\n");
		for (begin = p; *p && (depth || *p != ','); p++)
			depth += (*p == '(' || *p == '<') - (*p == ')' || *p == '>');
		begin = spk_arena_strndup(arena, begin, (size_t)(p - begin));
		SPK_TRY_PTR(begin, err);
		if (!*f->name || !*begin)
			return spk_fail(err, SPK_USAGE, "%s => '%s' is not a list of names and types such as 'a bigint, b text'", what, text);
		if (spk_type_parse(begin, &f->type, err) != SPK_OK)
			return spk_error_context(err, "%s, column \"%s\"", what, f->name);
		if (!*p++)
			break;
	}
	*out = schema;
	return SPK_OK;
}

/* types => over what was found. */
static spk_status override_types(const struct describe *d, struct spk_schema *schema, spk_error *err)
{
	struct spk_schema *types;

	if (!d->types)
		return SPK_OK;
	SPK_TRY(parse_columns(d->types, "types", d->arena, &types, err));
	for (int i = 0; i < types->count; i++) {
		int at = spk_schema_find(schema, types->field[i].name);

		for (int k = 0; at < 0 && k < schema->count; k++)
			at = strcasecmp(schema->field[k].name, types->field[i].name) ? -1 : k;
		if (at < 0)
			return spk_fail(err, SPK_USAGE, "types: there is no column \"%s\"", types->field[i].name);
		schema->field[at].type = types->field[i].type;
	}
	return SPK_OK;
}

/* --- samples --- */

/* Whole rows at the beginning of a file: as many as were asked for, else what is in its first bytes. */
static spk_status sample(const struct describe *d, const char *path, struct spk_buffer *bytes, struct spk_view *row, int *rows, spk_error *err)
{
	const struct spk_schema two = { .count = 2, .field = (struct spk_field[]){ { .name = "a" }, { .name = "b" } } };
	struct spk_table many = *d->table;
	bool whole, ended;

	many.schema = &two;  /* blank lines are nothing */
	many.metadata = NULL;
	many.computed = NULL;
	for (size_t most = SAMPLE_BYTES;; most *= 4) {
		size_t used, skip, at;

		bytes->size = 0;
		SPK_TRY(spk_files_head(path, most, bytes, err));
		SPK_TRY(spk_buffer_reserve(bytes, SPK_CHUNK_PADDING, err));
		memset(bytes->data + bytes->size, 0, SPK_CHUNK_PADDING);
		whole = bytes->size < most;
		skip = bytes->size >= 3 && !memcmp(bytes->data, "\xef\xbb\xbf", 3) ? 3 : 0;
		if (d->format == &spk_format_json && spk_json_array_begins(bytes->data + skip, bytes->size - skip, &at))
			SPK_TRY(spk_json_split_array(bytes->data + skip + at, bytes->size - skip - at, true, whole, row, d->sample_rows, rows, &used, &ended, err));
		else
			SPK_TRY(d->format->split(bytes->data + skip, bytes->size - skip, whole, row, d->sample_rows, rows, &used, &many, err));
		if (whole || *rows == d->sample_rows || most >= SAMPLE_BYTES_MOST || (*rows > 1 && d->sample_rows == SAMPLE_ROWS))
			return SPK_OK;
	}
}

/* The delimiter becomes an option, unless it is what a reader takes anyway. */
static spk_status settle_delimiter(struct describe *d, const struct spk_view *row, int rows, spk_error *err)
{
	struct spk_csv_options o = spk_csv_options(d->table);
	char *text = spk_arena_zalloc(d->arena, 2);

	SPK_TRY_PTR(text, err);
	if (d->delimiter)
		return SPK_OK;
	d->delimiter = true;
	text[0] = spk_guess_delimiter(row, rows, &o, d->file->schema ? d->file->schema->count : 0);
	if (text[0] != o.delimiter && text[0] != o.quote)
		d->option[d->table->option_count++] = (struct spk_option){ "csv.delimiter", text, 0 };
	return SPK_OK;
}

static spk_status look_into(struct describe *d, const char *path, struct spk_buffer *bytes, struct spk_view *row, spk_error *err)
{
	struct spk_csv_options o;
	int rows;

	SPK_TRY(sample(d, path, bytes, row, &rows, err));
	if (d->format == &spk_format_json)
		return d->file->schema ? SPK_OK : spk_guess_json(d->guess, row, rows, err);
	SPK_TRY(settle_delimiter(d, row, rows, err));
	o = spk_csv_options(d->table);
	return d->file->schema ? SPK_OK : spk_guess_csv(d->guess, row, rows, &o, err);
}

/* A few files, from the first to the last; all when all of their columns are wanted. */
static spk_status look_into_files(struct describe *d, spk_error *err)
{
	int n = SPK_MIN(d->file->schema ? 1 : d->guess->all ? d->files.count : d->sample_files, d->files.count);
	struct spk_view *row = SPK_NEW_ARRAY(d->arena, struct spk_view, d->sample_rows);
	struct spk_buffer bytes = { 0 };
	spk_status status = row ? SPK_OK : spk_fail_memory(err);

	for (int i = 0; i < n && status == SPK_OK; i++) {
		const char *path = d->files.path[n > 1 ? (int64_t)i * (d->files.count - 1) / (n - 1) : 0];

		status = look_into(d, path, &bytes, row, err);
		if (status != SPK_OK && d->files.count > 1)
			spk_error_context(err, "'%s'", path);
	}
	spk_buffer_release(&bytes);
	return status;
}

/* --- the table --- */

static spk_status nothing_found(const struct describe *d, spk_error *err)
{
	if (d->format == &spk_format_csv)
		return spk_fail(err, SPK_DATA, "the file is empty: there is no header to take the columns from");
	return spk_fail(err, SPK_DATA, "no JSON object in the file's first rows: there is nothing to take columns from");
}

/* Type of a key by its values in all paths. */
static spk_status guess_key(const struct describe *d, const char *key, struct spk_type *type, spk_error *err)
{
	struct spk_guess_column c;
	struct spk_guess one = { .arena = d->arena };

	SPK_TRY(spk_guess_add(&one, key, strlen(key), err));
	c = one.column[0];
	for (int i = 0; i < d->files.count; i++) {
		const char *text;
		size_t n;

		SPK_TRY(spk_path_value(d->files.path[i], key, d->arena, &text, &n, err));
		/* month=01 is a number. */
		for (; text && n > 1 && *text == '0' && isdigit((uint8_t)text[1]); n--)
			text++;
		if (text)
			spk_guess_see(&c, text, n);
	}
	*type = spk_guess_type(&c);
	return SPK_OK;
}

/* Columns of the files, then those of their paths that are not among them. */
static spk_status make_columns(struct describe *d, spk_error *err)
{
	const struct spk_schema *given = d->file->schema;
	int n = given ? given->count : d->guess->columns, keys = given ? 0 : d->keys.count;
	struct spk_schema *schema = schema_new(d->arena, n + keys);
	struct spk_table *t = d->table;

	SPK_TRY_PTR(schema, err);
	schema->count = n;
	for (int i = 0; i < n; i++)
		schema->field[i] = given ? given->field[i] : (struct spk_field){ d->guess->column[i].name, spk_guess_type(&d->guess->column[i]), true };
	for (int k = 0; k < keys; k++) {
		struct spk_field *f = &schema->field[schema->count];
		bool there = false;

		for (int i = 0; i < n; i++)
			there = there || strcasecmp(schema->field[i].name, d->keys.key[k]) == 0;
		if (there)
			continue;
		*f = (struct spk_field){ .name = d->keys.key[k], .nullable = true };
		SPK_TRY(guess_key(d, d->keys.key[k], &f->type, err));
		schema->count++;
	}
	SPK_TRY(override_types(d, schema, err));
	t->schema = schema;
	t->computed = SPK_NEW_ARRAY(d->arena, struct spk_expr *, schema->count + 1);
	t->metadata = SPK_NEW_ARRAY(d->arena, const char *, schema->count + 1);
	SPK_TRY_PTR(t->computed && t->metadata, err);
	return SPK_OK;
}

/* Paths as people read them: "a.csv, b.csv", of many the first and how many more. */
static const char *shown_paths(const char *paths, struct spk_arena *arena)
{
	enum { SHOWN = 3 };
	const char *p = paths;
	int n = 1, more = 0;
	char *out;
	size_t size = 0;

	for (const char *c = paths; *c; c++)
		more += *c == SPK_PATH_SEPARATOR;
	out = spk_arena_alloc(arena, 2 * strlen(paths) + 32);
	for (; out && *p && n <= SHOWN; p++) {
		n += *p == SPK_PATH_SEPARATOR;
		if (*p != SPK_PATH_SEPARATOR)
			out[size++] = *p;
		else if (n <= SHOWN)
			size += (size_t)sprintf(out + size, ", ");
	}
	if (out)
		snprintf(out + size, 32, more >= SHOWN ? " and %d more" : "", more + 1 - SHOWN);
	return out;
}

static spk_status begin(struct describe *d, spk_error *err)
{
	static const struct spk_schema none = { 0 };
	struct spk_table *t = SPK_NEW(d->arena, struct spk_table);

	d->option = SPK_NEW_ARRAY(d->arena, struct spk_option, OPTIONS_MAX + 4);
	d->guess = SPK_NEW(d->arena, struct spk_guess);
	SPK_TRY_PTR(t && d->option && d->guess, err);
	d->guess->arena = d->arena;
	d->table = t;
	*t = (struct spk_table){ .name = shown_paths(d->file->path, d->arena), .connector = "filesystem", .schema = &none, .option = d->option, .time_column = -1, .guessed = !d->file->schema };
	SPK_TRY_PTR(t->name, err);
	d->option[t->option_count++] = (struct spk_option){ "connector", "filesystem", 0 };
	d->option[t->option_count++] = (struct spk_option){ "path", d->file->path, 0 };
	d->option[t->option_count++] = (struct spk_option){ "format", d->format->name, 0 };
	for (int i = 0; i < d->file->options; i++)
		SPK_TRY(take_argument(d, &d->file->option[i], err));
	return SPK_OK;
}

static spk_status describe(struct describe *d, const struct spk_conf *conf, struct spk_table **out, spk_error *err)
{
	const char *path = d->file->path, *hive;

	SPK_TRY(begin(d, err));
	/* Of wrong values nothing should be made. */
	SPK_TRY(spk_connector_check_table(d->table, (void *)(uintptr_t)conf, err));
	SPK_TRY(spk_files_find(path, conf, d->arena, &d->files, err));
	if (!d->files.count)
		return spk_fail(err, SPK_NOT_FOUND, "there is no file in '%s'", path);
	hive = spk_format_option(d->table, "hive.partitioning");
	if (!hive || !strcmp(hive, "true"))
		SPK_TRY(spk_path_keys_find(path, &d->files, d->arena, &d->keys, err));
	SPK_TRY(look_into_files(d, err));
	if (!d->file->schema && !d->guess->columns)
		return nothing_found(d, err);
	SPK_TRY(make_columns(d, err));
	*out = d->table;
	return SPK_OK;
}

/* What the files of a directory or pattern hold, by the first one's ending. */
static spk_status format_of_files(const char *path, const struct spk_conf *conf, struct spk_arena *arena, const char **out, spk_error *err)
{
	struct spk_files files;

	*out = spk_files_format(path);
	if (*out)
		return SPK_OK;
	SPK_TRY(spk_files_find(path, conf, arena, &files, err));
	*out = files.count ? spk_files_format(files.path[0]) : NULL;
	return SPK_OK;
}

static spk_status unknown_format(const char *path, spk_error *err)
{
	spk_fail(err, SPK_USAGE, "the ending of '%s' does not say what it holds", path);
	return spk_hint(err, "name it .csv, .tsv, .json, .jsonl or .ndjson (with .gz or .zst behind it, if it is compressed), or call read_csv('...') or read_json('...')");
}

/* schema => as the columns that are given. */
static spk_status take_schema(struct spk_file_request *file, struct spk_arena *arena, spk_error *err)
{
	struct spk_schema *schema;

	for (int i = 0; i < file->options; i++) {
		if (strcmp(file->option[i].key, "schema") != 0)
			continue;
		if (parse_columns(file->option[i].value, "schema", arena, &schema, err) != SPK_OK) {
			if (err)
				err->position = file->option[i].position;
			return SPK_USAGE;
		}
		file->schema = schema;
	}
	return SPK_OK;
}

spk_status spk_connector_describe_file(const struct spk_file_request *asked, struct spk_arena *arena, struct spk_table **out, void *conf, spk_error *err)
{
	struct spk_file_request file = *asked;
	struct describe d = { .file = &file, .arena = arena, .sample_rows = SAMPLE_ROWS, .sample_files = SAMPLE_FILES };
	const char *name = file.format;
	spk_status status;

	SPK_TRY(spk_files_check_path(file.path, conf, err));
	if (!name)
		SPK_TRY(format_of_files(file.path, conf, arena, &name, err));
	if (!name)
		return unknown_format(file.path, err);
	d.format = spk_format(name);
	if (d.format != &spk_format_csv && d.format != &spk_format_json)
		return spk_fail(err, SPK_UNSUPPORTED, "finding the columns of a file of format '%s'", name);
	SPK_TRY(take_schema(&file, arena, err));
	status = describe(&d, conf, out, err);
	return status == SPK_OK || (err && err->position) ? status : (spk_error_context(err, "'%s'", shown_paths(file.path, arena)), status);
}
