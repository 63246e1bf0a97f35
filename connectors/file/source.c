/*
 * Files as a source. In a stream every file is a partition, named by its path; positions are byte offsets of rows (of what a compressed
 * file holds). A file is what it was when the source was opened, unless the table is watched (watch.c). A replay that asks for bytes which
 * are not there any more fails by name.
 *
 * In batch a partition is a range of a file: large files fall into ranges of about 'files.range' bytes, whose number depends on nothing but
 * the files, so that results do not depend on how many threads there are. How they are read: read.c.
 */
#include "connectors/file/source.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>

#include "core/base/check.h"
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/memory.h"
#include "connectors/format/field.h"
#include "connectors/format/json.h"

enum { PIECE = 1 << 20, WINDOW = 64 << 10, ARRAY_HEAD = 4096, RANGES_MOST = 4096 };

static const struct spk_option_spec options[] = {
	{ "path", false, true, NULL, "A file, a directory or a pattern like 'in/2013-*.csv'; as a sink a directory." },
	{ "hive.partitioning", false, false, "true|false", "Whether columns named as directories key=value below the path are taken from there (default true)." },
	{ "union.by-name", false, false, "true|false", "Whether a column that a file's header does not name is NULL in that file's rows (default false: an error)." },
	{ "source.monitor-interval", false, false, NULL, "A stream looks for new files, and new rows of those that it knows, in such intervals ('10 s'), and so has no end; there may be none yet." },
	{ 0 },
};

/* --- opening --- */

/* The end of what a compressed file holds: found by reading it. */
static spk_status measure(struct spk_source_file *f, spk_error *err)
{
	struct spk_file_bytes *b;
	char *scratch = malloc(PIECE);
	size_t got = PIECE;
	spk_status status;

	SPK_TRY_PTR(scratch, err);
	status = spk_file_bytes_new(&b, f->path, err);
	for (f->size = 0; status == SPK_OK && got == PIECE;) {
		status = spk_file_bytes_read(b, scratch, PIECE, f->size, &got, err);
		f->size += (int64_t)got;
	}
	spk_file_bytes_close(b);
	free(scratch);
	return status;
}

/* Columns that are named as directories key=value become metadata of *t, which is the caller's copy. */
static spk_status find_path_columns(struct spk_table *t, const struct spk_files *found, struct spk_arena *arena, spk_error *err)
{
	const char *wanted = spk_format_option(t, "hive.partitioning"), **metadata;
	int n = t->schema->count;
	struct spk_path_keys keys;

	if (wanted && strcmp(wanted, "true") != 0)
		return SPK_OK;
	SPK_TRY(spk_path_keys_find(spk_format_option(t, "path"), found, arena, &keys, err));
	if (keys.count == 0)
		return SPK_OK;
	metadata = SPK_NEW_ARRAY(arena, const char *, n + 1);
	SPK_TRY_PTR(metadata, err);
	for (int c = 0; c < n; c++) {
		bool taken = (t->computed && t->computed[c]) || (t->metadata && t->metadata[c]);

		metadata[c] = t->metadata ? t->metadata[c] : NULL;
		for (int k = 0; k < keys.count && !taken; k++) {
			if (strcasecmp(keys.key[k], t->schema->field[c].name) != 0)
				continue;
			metadata[c] = spk_arena_printf(arena, "path.%s", keys.key[k]);
			SPK_TRY_PTR(metadata[c], err);
		}
	}
	t->metadata = metadata;
	return SPK_OK;
}

/* A JSON array is told by its first character, and only matters here because it cannot be split. */
static spk_status look_for_array(struct spk_source_file *f, spk_error *err)
{
	struct spk_buffer head = { 0 };
	spk_status status = spk_files_head(f->path, ARRAY_HEAD, &head, err);
	size_t at, skip = head.size >= 3 && !memcmp(head.data, "\xef\xbb\xbf", 3) ? 3 : 0;

	f->array = status == SPK_OK && spk_json_array_begins(head.data + skip, head.size - skip, &at);
	spk_buffer_release(&head);
	return status;
}

static spk_status find_files(struct spk_file_source *s, spk_error *err)
{
	const struct spk_table *t = s->base.spec->table;
	struct spk_files found;

	SPK_TRY(spk_files_of_table(t, s->base.spec->conf, s->arena, &found, err));
	SPK_TRY(find_path_columns(&s->table, &found, s->arena, err));
	if (s->spec.filter.expr)
		SPK_TRY(spk_files_prune(&s->table, &s->spec.filter, s->spec.conf, &found, err));
	s->file = SPK_NEW_ARRAY(s->arena, struct spk_source_file, found.count + 1);
	SPK_TRY_PTR(s->file, err);
	s->files = found.count;
	for (int i = 0; i < found.count; i++) {
		struct spk_source_file *f = &s->file[i];
		struct stat st;
		size_t plain;

		if (stat(found.path[i], &st) != 0)
			return spk_fail_errno(err, errno, "cannot look at '%s'", found.path[i]);
		*f = (struct spk_source_file){ .path = found.path[i], .size = st.st_size, .data = -1, .compressed = spk_file_compression(found.path[i], &plain) != SPK_COMPRESSION_NONE };
		if (f->compressed && s->base.spec->batch)
			f->size = INT64_MAX;
		else if (f->compressed)
			SPK_TRY(measure(f, err));
	}
	return SPK_OK;
}

static spk_status count_files(struct spk_table *t, const struct spk_row_filter *filter, const struct spk_conf *conf, struct spk_arena *arena, int *read, int *all, spk_error *err)
{
	struct spk_files found;

	SPK_TRY(spk_files_of_table(t, conf, arena, &found, err));
	SPK_TRY(find_path_columns(t, &found, arena, err));
	*all = found.count;
	SPK_TRY(spk_files_prune(t, filter, conf, &found, err));
	*read = found.count;
	return SPK_OK;
}

spk_status spk_files_count(const struct spk_table *table, const struct spk_row_filter *filter, const struct spk_conf *conf, int *read, int *all, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_table copy = *table;
	spk_status status;

	*read = *all = 0;
	SPK_TRY_PTR(arena, err);
	status = count_files(&copy, filter, conf, arena, read, all, err);
	spk_arena_unref(arena);
	/* A single file, and one that has nothing in its path, is nothing to speak of. */
	if (*all < 2)
		*read = *all = 0;
	return status;
}

/* Whether rows can be told from a place in the middle, and nobody asks for a partition's number. */
static bool may_split(const struct spk_file_source *s)
{
	const struct spk_source_spec *spec = s->base.spec;

	for (int c = 0; spec->table->metadata && c < spec->columns; c++)
		if (spec->table->metadata[spec->column[c]] && !strcmp(spec->table->metadata[spec->column[c]], "partition"))
			return false;
	return spec->batch && !spec->whole_files && (s->format != &spk_format_csv || s->csv.plain);
}

/* How many ranges each file falls into, by its size and that of all files. */
static int count_ranges(const struct spk_file_source *s, const struct spk_source_file *f, int64_t range)
{
	if (!may_split(s) || f->compressed || f->array || range == 0 || f->size <= range)
		return 1;
	return (int)((f->size + range - 1) / range);
}

static spk_status make_parts(struct spk_file_source *s, spk_error *err)
{
	const struct spk_conf *conf = s->base.spec->conf;
	int64_t range = conf ? spk_conf_int(conf, SPK_CONF_FILES_RANGE) : 0, total = 0;
	int n = 0;

	for (int i = 0; i < s->files; i++)
		total += s->file[i].compressed ? 0 : s->file[i].size;
	range = range ? SPK_MAX(range, total / RANGES_MOST + 1) : 0;
	for (int i = 0; i < s->files; i++)
		if (s->format == &spk_format_json && !s->file[i].compressed && range && s->file[i].size > range)
			SPK_TRY(look_for_array(&s->file[i], err));
	for (int i = 0; i < s->files && s->watch_us; i++) {
		if (s->format == &spk_format_json && !s->file[i].compressed)
			SPK_TRY(look_for_array(&s->file[i], err));
		SPK_TRY(spk_file_watch_size(s, &s->file[i], err));
	}
	for (int i = 0; i < s->files; i++)
		s->base.partitions += count_ranges(s, &s->file[i], range);
	s->part = SPK_NEW_ARRAY(s->arena, struct spk_file_part, s->base.partitions + 1);
	SPK_TRY_PTR(s->part, err);
	for (int i = 0; i < s->files; i++) {
		struct spk_source_file *f = &s->file[i];
		int ranges = count_ranges(s, f, range);

		for (int k = 0; k < ranges; k++)
			s->part[n++] = (struct spk_file_part){ .file = f, .begin = ranges == 1 ? 0 : f->size / ranges * k, .end = k + 1 == ranges ? f->size : f->size / ranges * (k + 1),
			                              .position = -1, .row_bytes = 128 };
	}
	return SPK_OK;
}

spk_status spk_file_source_decoder(const struct spk_file_source *s, struct spk_view header, struct spk_decoder **out, spk_error *err)
{
	const struct spk_source_spec *spec = s->base.spec;
	struct spk_format_spec f = { .table = spec->table, .column = spec->column, .columns = spec->columns, .schema = spec->schema,
	                             .conf = spec->conf, .header = header };

	return s->format->decoder_open(out, &f, err);
}

/* Files without header share the source's decoder, which also finds out at once what cannot be read at all. */
static spk_status open_format(struct spk_file_source *s, spk_error *err)
{
	const struct spk_table *t = s->base.spec->table;

	SPK_TRY(spk_connector_format(t, &s->format, err));
	if (!s->format->decoder_open || !s->format->split)
		return spk_fail(err, SPK_UNSUPPORTED, "table \"%s\": reading files of format '%s'", t->name, s->format->name);
	s->csv = spk_csv_options(t);
	s->header = s->format == &spk_format_csv && s->csv.header;
	s->indexed = s->base.spec->batch && s->format->index;
	return s->header ? SPK_OK : spk_file_source_decoder(s, (struct spk_view){ 0 }, &s->base.decoder, err);
}

static void file_close(struct spk_source *base)
{
	struct spk_file_source *s;

	if (!base)
		return;
	s = spk_file_source_of(base);
	for (int i = 0; s->part && i < base->partitions; i++)
		spk_file_bytes_close(s->part[i].bytes);
	for (struct spk_shared_decoder *d = s->decoders; d; d = d->next)
		d->decoder->format->decoder_close(d->decoder);
	spk_source_close_format(base);
	pthread_mutex_destroy(&s->lock);
	spk_arena_unref(s->arena);
}

static spk_status open_all(struct spk_file_source *s, spk_error *err)
{
	spk_status status = find_files(s, err);

	if (status != SPK_OK)
		return spk_error_context(err, "table \"%s\"", s->base.spec->table->name), status;
	SPK_TRY(open_format(s, err));
	if (!s->base.spec->batch)
		SPK_TRY(spk_files_interval(s->base.spec->table, &s->watch_us, err));
	s->watched_us = spk_clock_monotonic_us();
	return make_parts(s, err);
}

static spk_status file_open(struct spk_source **out, const struct spk_source_spec *spec, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_file_source *s;
	spk_status status;

	SPK_TRY_PTR(arena, err);
	s = SPK_NEW(arena, struct spk_file_source);
	if (!s) {
		spk_arena_unref(arena);
		return spk_fail_memory(err);
	}
	s->arena = arena;
	s->table = *spec->table;
	s->spec = *spec;
	s->spec.table = &s->table;
	s->base = (struct spk_source){ .type = &spk_file_source, .spec = &s->spec };
	pthread_mutex_init(&s->lock, NULL);
	status = open_all(s, err);
	if (status != SPK_OK) {
		file_close(&s->base);
		return status;
	}
	*out = &s->base;
	return SPK_OK;
}

/* --- positions --- */

static const char *file_partition_name(const struct spk_source *s, int partition)
{
	return spk_file_source_of(s)->part[partition].file->path;
}

static spk_status file_seek(struct spk_source *base, const int64_t *position, int64_t *resolved, spk_error *err)
{
	struct spk_file_source *s = spk_file_source_of(base);

	for (int i = 0; i < base->partitions; i++) {
		struct spk_file_part *p = &s->part[i];
		int64_t to = position[i] < 0 ? p->begin : position[i];

		if (to > p->file->size)
			return spk_fail(err, SPK_CORRUPT, "file '%s' has %lld bytes, but was read up to byte %lld before: it was cut or replaced",
			                p->file->path, (long long)p->file->size, (long long)to);
		resolved[i] = to;
	}
	for (int i = 0; i < base->partitions; i++)
		s->part[i].position = position[i] < 0 ? -1 : resolved[i];
	return SPK_OK;
}

static spk_status file_ends(struct spk_source *base, bool bounded_only, int64_t *end, spk_error *err)
{
	const struct spk_file_source *s = spk_file_source_of(base);

	(void)err;
	for (int i = 0; i < base->partitions; i++)
		end[i] = s->watch_us && bounded_only ? INT64_MAX : s->part[i].end;
	return SPK_OK;
}

static int file_wake_fd(const struct spk_source *s)
{
	(void)s;
	return -1;
}

static const char *file_trouble(const struct spk_source *s)
{
	(void)s;
	return NULL;
}

static int64_t file_lag(const struct spk_source *base, int partition)
{
	const struct spk_file_part *p = &spk_file_source_of(base)->part[partition];

	return (p->end - SPK_MAX(p->position, p->begin)) / SPK_MAX(p->row_bytes, 1);
}

static void file_report(struct spk_source *s, const int64_t *position)
{
	(void)s;
	(void)position;
}

/* --- decoding --- */

/* The line that byte `to` of the file is in, from 1; 0 when that cannot be told. */
static int64_t line_of(const struct spk_source_file *f, int64_t to)
{
	struct spk_file_bytes *b = NULL;
	char *window = malloc(WINDOW);
	int64_t at = 0, line = 1;
	size_t got = 1;

	if (window && spk_file_bytes_new(&b, f->path, NULL) == SPK_OK) {
		while (at < to && got && spk_file_bytes_read(b, window, (size_t)SPK_MIN(to - at, (int64_t)WINDOW), at, &got, NULL) == SPK_OK) {
			for (size_t i = 0; i < got; i++)
				line += window[i] == '\n';
			at += (int64_t)got;
		}
	}
	spk_file_bytes_close(b);
	free(window);
	return at == to ? line : 0;
}

/* The first bad row of a query: where it is, and what is wrong with it. */
static spk_status bad_row(const struct spk_source_file *f, bool guessed, const struct spk_chunk *chunk, int from, const struct spk_batch *batch, const struct spk_row_errors *errors, spk_error *err)
{
	const struct spk_row_error *first = &errors->list[0];
	int64_t at, line;

	for (int i = 1; i < errors->count; i++)
		if (errors->list[i].row < first->row)
			first = &errors->list[i];
	/* Messages of a changelog and rows are not one for one: those know where they come from. */
	if (batch->origin && batch->origin->offset)
		at = batch->origin->offset[first->row];
	else
		at = chunk->piece ? chunk->piece_at + spk_piece_begin(chunk->piece, from + first->row) : chunk->position[from + first->row];
	line = line_of(f, at);
	if (line)
		spk_fail(err, SPK_DATA, "file '%s', line %lld: %s", f->path, (long long)line, first->message);
	else
		spk_fail(err, SPK_DATA, "file '%s', byte %lld: %s", f->path, (long long)at, first->message);
	if (guessed)
		spk_hint(err, "columns and types were found in the first rows of some files; say what they are: read_csv('...', types => 'name text')");
	return SPK_DATA;
}

static spk_status file_decode(struct spk_source *base, const struct spk_chunk *chunk, int from, int n, const struct spk_sieve *sieve, struct spk_row_errors *errors, struct spk_batch **out, spk_error *err)
{
	struct spk_source_file *f = spk_file_source_of(base)->part[chunk->partition].file;
	struct spk_row_errors own = { 0 };
	spk_status status;

	SPK_TRY(spk_chunk_decode(base, f->decoder, chunk, from, n, sieve, errors ? errors : &own, out, err));
	if (own.count == 0)
		return SPK_OK;
	status = bad_row(f, base->spec->table->guessed, chunk, from, *out, &own, err);
	spk_batch_unref(*out);
	*out = NULL;
	return status;
}

const struct spk_source_type spk_file_source = {
	.name = "filesystem",
	.options = options,
	.takes_format = true,
	.replayable = true,
	.open = file_open,
	.partition_name = file_partition_name,
	.seek = file_seek,
	.ends = file_ends,
	.wake_fd = file_wake_fd,
	.fetch = spk_file_source_fetch,
	.parallel_fetch = true,
	.decode = file_decode,
	.estimate = spk_files_estimate,
	.files = spk_files_count,
	.trouble = file_trouble,
	.grown = spk_file_watch_grown,
	.rests = true,
	.lag = file_lag,
	.report = file_report,
	.close = file_close,
};
