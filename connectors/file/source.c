/*
 * Files as a source. In a stream every file is a partition, named by its path; positions are byte offsets of rows (of what a compressed
 * file holds). A file is what it was when the source was opened: bytes that are appended later are not read. A fetch reads one piece and
 * cuts it into rows; what is behind its last whole row is read again by the next. A replay that asks for bytes which are not there any
 * more fails by name.
 *
 * In batch a partition is a range of a file: large files fall into ranges of about 'files.range' bytes, whose number depends on nothing but
 * the files, so that results do not depend on how many threads there are. Where rows begin behind a border is judged (range.h), and
 * checked by whoever reads the range before: on a wrong judgement the query is run again with whole files. Rows come as pieces with an index of
 * their fields where the format makes one: no raw rows, positions or hashes.
 */
#include "connectors/file/file.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/base/check.h"
#include "core/base/fault.h"
#include "core/base/file.h"
#include "core/base/memory.h"
#include "connectors/file/range.h"
#include "connectors/format/field.h"
#include "connectors/format/json.h"

enum { PIECE = 1 << 20, ARRAY_HEAD = 4096, PIECE_LEAST = 64 << 10, INDEXED_LEAST = 16 << 10, HEAD = 64 << 10, HEADER_MAX = 1 << 20, RANGES_MOST = 4096 };
static const size_t PIECE_MOST = (size_t)256 << 20;  /* no row is longer */

/* Decoders by the header line they were opened for; files with the same header share one. */
struct shared_decoder { struct shared_decoder *next; struct spk_view header; struct spk_decoder *decoder; };

struct file {
	const char *path;
	int64_t size;                 /* of what it holds; INT64_MAX: compressed, and its end was not seen yet */
	int64_t data;                 /* where rows begin: behind a byte order mark and a header; -1 not looked yet */
	bool compressed;
	bool array;                   /* a JSON array, whose elements are the rows */
	struct spk_decoder *decoder;
	struct spk_range_file range;
};

struct part {
	struct file *file;
	struct spk_file_bytes *bytes; /* NULL: not open */
	int64_t begin, end;           /* rows that begin in [begin, end) */
	int64_t position;             /* next byte to read; -1: where `begin` leads to was not looked up yet */
	int row_bytes;                /* of a row, about, as seen so far */
};

struct file_source {
	struct spk_source base;
	struct spk_source_spec spec;  /* the caller's, with `table` instead of its table */
	struct spk_table table;       /* columns that stand in paths are metadata here */
	struct spk_arena *arena;
	const struct spk_format *format;
	struct spk_csv_options csv;
	bool header;                  /* files begin with one */
	bool indexed;                 /* rows come as pieces with an index */
	struct file *file;
	int files;
	struct part *part;
	pthread_mutex_t lock;         /* guards what follows, the arena, and of files what is found when they are first read */
	struct shared_decoder *decoders;
};

static const struct spk_option_spec options[] = {
	{ "path", false, true, NULL, "A file, a directory or a pattern like 'in/2013-*.csv'; as a sink a directory." },
	{ "hive.partitioning", false, false, "true|false", "Whether columns named as directories key=value below the path are taken from there (default true)." },
	{ "source.monitor-interval", false, false, NULL, "Not supported yet: look for new files and rows in such intervals." },
	{ 0 },
};

static struct file_source *self(const struct spk_source *s)
{
	return spk_container_of(s, struct file_source, base);
}

/* --- opening --- */

/* The end of what a compressed file holds: found by reading it. */
static spk_status measure(struct file *f, spk_error *err)
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

/* Columns that are named as directories key=value become metadata. */
static spk_status find_path_columns(struct file_source *s, const char *path, const struct spk_files *found, spk_error *err)
{
	const char *wanted = spk_format_option(&s->table, "hive.partitioning"), **metadata;
	int n = s->table.schema->count;
	struct spk_path_keys keys;

	if (wanted && strcmp(wanted, "true") != 0)
		return SPK_OK;
	SPK_TRY(spk_path_keys_find(path, found, s->arena, &keys, err));
	if (keys.count == 0)
		return SPK_OK;
	metadata = SPK_NEW_ARRAY(s->arena, const char *, n + 1);
	SPK_TRY_PTR(metadata, err);
	for (int c = 0; c < n; c++) {
		bool taken = (s->table.computed && s->table.computed[c]) || (s->table.metadata && s->table.metadata[c]);

		metadata[c] = s->table.metadata ? s->table.metadata[c] : NULL;
		for (int k = 0; k < keys.count && !taken; k++) {
			if (strcasecmp(keys.key[k], s->table.schema->field[c].name) != 0)
				continue;
			metadata[c] = spk_arena_printf(s->arena, "path.%s", keys.key[k]);
			SPK_TRY_PTR(metadata[c], err);
		}
	}
	s->table.metadata = metadata;
	return SPK_OK;
}

/* A JSON array is told by its first character, and only matters here because it cannot be split. */
static spk_status look_for_array(struct file *f, spk_error *err)
{
	struct spk_buffer head = { 0 };
	spk_status status = spk_files_head(f->path, ARRAY_HEAD, &head, err);
	size_t at, skip = head.size >= 3 && !memcmp(head.data, "\xef\xbb\xbf", 3) ? 3 : 0;

	f->array = status == SPK_OK && spk_json_array_begins(head.data + skip, head.size - skip, &at);
	spk_buffer_release(&head);
	return status;
}

static spk_status find_files(struct file_source *s, spk_error *err)
{
	const struct spk_table *t = s->base.spec->table;
	const char *path = spk_format_option(t, "path");
	struct spk_files found;

	SPK_TRY(spk_files_check_path(path, s->base.spec->conf, err));
	SPK_TRY(spk_files_find(path, s->arena, &found, err));
	SPK_TRY(find_path_columns(s, path, &found, err));
	s->file = SPK_NEW_ARRAY(s->arena, struct file, found.count + 1);
	SPK_TRY_PTR(s->file, err);
	s->files = found.count;
	for (int i = 0; i < found.count; i++) {
		struct file *f = &s->file[i];
		struct stat st;
		size_t plain;

		if (stat(found.path[i], &st) != 0)
			return spk_fail_errno(err, errno, "cannot look at '%s'", found.path[i]);
		*f = (struct file){ .path = found.path[i], .size = st.st_size, .data = -1, .compressed = spk_file_compression(found.path[i], &plain) != SPK_COMPRESSION_NONE };
		if (f->compressed && s->base.spec->batch)
			f->size = INT64_MAX;
		else if (f->compressed)
			SPK_TRY(measure(f, err));
	}
	return SPK_OK;
}

/* Whether rows can be told from a place in the middle, and nobody asks for a partition's number. */
static bool may_split(const struct file_source *s)
{
	const struct spk_source_spec *spec = s->base.spec;

	for (int c = 0; spec->table->metadata && c < spec->columns; c++)
		if (spec->table->metadata[spec->column[c]] && !strcmp(spec->table->metadata[spec->column[c]], "partition"))
			return false;
	return spec->batch && !spec->whole_files && (s->format != &spk_format_csv || s->csv.plain);
}

/* How many ranges each file falls into, by its size and that of all files. */
static int count_ranges(const struct file_source *s, const struct file *f, int64_t range)
{
	if (!may_split(s) || f->compressed || f->array || range == 0 || f->size <= range)
		return 1;
	return (int)((f->size + range - 1) / range);
}

static spk_status make_parts(struct file_source *s, spk_error *err)
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
	for (int i = 0; i < s->files; i++)
		s->base.partitions += count_ranges(s, &s->file[i], range);
	s->part = SPK_NEW_ARRAY(s->arena, struct part, s->base.partitions + 1);
	SPK_TRY_PTR(s->part, err);
	for (int i = 0; i < s->files; i++) {
		struct file *f = &s->file[i];
		int ranges = count_ranges(s, f, range);

		for (int k = 0; k < ranges; k++)
			s->part[n++] = (struct part){ .file = f, .begin = ranges == 1 ? 0 : f->size / ranges * k, .end = k + 1 == ranges ? f->size : f->size / ranges * (k + 1),
			                              .position = -1, .row_bytes = 128 };
	}
	return SPK_OK;
}

static spk_status open_decoder(struct file_source *s, struct spk_view header, struct spk_decoder **out, spk_error *err)
{
	const struct spk_source_spec *spec = s->base.spec;
	struct spk_format_spec f = { .table = spec->table, .column = spec->column, .columns = spec->columns, .schema = spec->schema,
	                             .conf = spec->conf, .header = header };

	return s->format->decoder_open(out, &f, err);
}

/* Files without header share the source's decoder, which also finds out at once what cannot be read at all. */
static spk_status open_format(struct file_source *s, spk_error *err)
{
	const struct spk_table *t = s->base.spec->table;

	SPK_TRY(spk_connector_format(t, &s->format, err));
	if (!s->format->decoder_open || !s->format->split)
		return spk_fail(err, SPK_UNSUPPORTED, "table \"%s\": reading files of format '%s'", t->name, s->format->name);
	s->csv = spk_csv_options(t);
	s->header = s->format == &spk_format_csv && s->csv.header;
	s->indexed = s->base.spec->batch && s->format->index;
	return s->header ? SPK_OK : open_decoder(s, (struct spk_view){ 0 }, &s->base.decoder, err);
}

static void file_close(struct spk_source *base)
{
	struct file_source *s;

	if (!base)
		return;
	s = self(base);
	for (int i = 0; s->part && i < base->partitions; i++)
		spk_file_bytes_close(s->part[i].bytes);
	for (struct shared_decoder *d = s->decoders; d; d = d->next)
		d->decoder->format->decoder_close(d->decoder);
	spk_source_close_format(base);
	pthread_mutex_destroy(&s->lock);
	spk_arena_unref(s->arena);
}

static spk_status open_all(struct file_source *s, spk_error *err)
{
	spk_status status = find_files(s, err);

	if (status != SPK_OK)
		return spk_error_context(err, "table \"%s\"", s->base.spec->table->name), status;
	SPK_TRY(open_format(s, err));
	return make_parts(s, err);
}

static spk_status file_open(struct spk_source **out, const struct spk_source_spec *spec, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct file_source *s;
	spk_status status;

	SPK_TRY_PTR(arena, err);
	s = SPK_NEW(arena, struct file_source);
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

/* --- where rows begin --- */

static spk_status read_at(struct part *p, char *out, size_t size, int64_t at, size_t *got, spk_error *err)
{
	*got = 0;
	SPK_TRY(spk_fault(SPK_FAULT_SOURCE_READ, err));
	if (!p->bytes)
		SPK_TRY(spk_file_bytes_new(&p->bytes, p->file->path, err));
	return spk_file_bytes_read(p->bytes, out, size, at, got, err);
}

static spk_status shared_decoder(struct file_source *s, struct spk_view header, struct spk_decoder **out, spk_error *err)
{
	struct shared_decoder *d;
	struct spk_decoder *made;
	char *copy;

	for (d = s->decoders; d; d = d->next) {
		if (spk_view_equal(&d->header, &header)) {
			*out = d->decoder;
			return SPK_OK;
		}
	}
	d = SPK_NEW(s->arena, struct shared_decoder);
	copy = spk_arena_copy(s->arena, spk_view_data(&header), header.length);
	SPK_TRY_PTR(d && copy, err);
	SPK_TRY(open_decoder(s, header, &made, err));
	*d = (struct shared_decoder){ s->decoders, spk_view(copy, header.length), made };
	s->decoders = d;
	*out = made;
	return SPK_OK;
}

/* The file's first row as its header. An empty file has none, and no rows. *found false: it does not end in these bytes. */
static spk_status use_header(struct file_source *s, struct file *f, const char *head, size_t got, bool whole, bool *found, spk_error *err)
{
	struct spk_view line;
	size_t used;
	int n;
	spk_status status;

	SPK_TRY(s->format->split(head + f->data, got - (size_t)f->data, whole, &line, 1, &n, &used, s->base.spec->table, err));
	*found = n || whole;
	if (!*found)
		return SPK_OK;
	if (!n) {
		f->data = f->size = (int64_t)got;
		return SPK_OK;
	}
	f->data += (int64_t)used;
	line = spk_view(line.ref.pointer, line.length);
	status = shared_decoder(s, line, &f->decoder, err);
	return status == SPK_OK ? SPK_OK : (spk_error_context(err, "file '%s'", f->path), status);
}

static spk_status look_at_head(struct file_source *s, struct part *p, char *head, size_t most, bool *found, spk_error *err)
{
	struct file *f = p->file;
	size_t got;

	SPK_TRY(read_at(p, head, most, 0, &got, err));
	memset(head + got, 0, SPK_CHUNK_PADDING);
	f->data = got >= 3 && !memcmp(head, "\xef\xbb\xbf", 3) ? 3 : 0;
	f->decoder = s->base.decoder;
	*found = true;
	if (s->format == &spk_format_json) {
		size_t at, skip = (size_t)f->data;

		f->array = spk_json_array_begins(head + skip, got - skip, &at);
		f->data += f->array ? (int64_t)at : 0;
	}
	return s->header ? use_header(s, f, head, got, got < most, found, err) : SPK_OK;
}

static spk_status find_data(struct file_source *s, struct part *p, spk_error *err)
{
	struct file *f = p->file;
	char *head = malloc(HEADER_MAX + SPK_CHUNK_PADDING);
	bool found = false;
	spk_status status = head ? SPK_OK : spk_fail_memory(err);

	for (size_t most = HEAD; status == SPK_OK && !found && most <= HEADER_MAX; most *= 4)
		status = look_at_head(s, p, head, most, &found, err);
	if (status == SPK_OK && !found)
		status = spk_fail(err, SPK_DATA, "'%s': no end of the header in its first %d bytes", f->path, HEADER_MAX);
	if (status != SPK_OK)
		f->data = -1;
	else
		f->range = (struct spk_range_file){ .data = f->data, .size = f->size, .csv = s->format == &spk_format_csv ? &s->csv : NULL,
		                                    .fields = s->format == &spk_format_csv && f->decoder ? spk_csv_decoder_fields(f->decoder) : 0 };
	free(head);
	return status;
}

/* Once per file, by whoever comes first. */
static spk_status know_file(struct file_source *s, struct part *p, spk_error *err)
{
	spk_status status = SPK_OK;

	pthread_mutex_lock(&s->lock);
	if (p->file->data < 0)
		status = find_data(s, p, err);
	pthread_mutex_unlock(&s->lock);
	return status;
}

/* Where the first row at or behind byte `at` begins. */
static spk_status find_start(struct file_source *s, struct part *p, int64_t at, int64_t *out, spk_error *err)
{
	struct spk_range_file alone = p->file->range;
	bool unsure;
	spk_status status;

	if (!p->bytes)
		SPK_TRY(spk_file_bytes_new(&p->bytes, p->file->path, err));
	SPK_TRY(spk_range_start(&alone, p->bytes, at, false, &unsure, out, err));
	if (!unsure)
		return SPK_OK;
	pthread_mutex_lock(&s->lock);
	status = spk_range_start(&p->file->range, p->bytes, at, true, &unsure, out, err);
	pthread_mutex_unlock(&s->lock);
	return status;
}

/* --- positions --- */

static const char *file_partition_name(const struct spk_source *s, int partition)
{
	return self(s)->part[partition].file->path;
}

static spk_status file_seek(struct spk_source *base, const int64_t *position, int64_t *resolved, spk_error *err)
{
	struct file_source *s = self(base);

	for (int i = 0; i < base->partitions; i++) {
		struct part *p = &s->part[i];
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
	(void)bounded_only;
	(void)err;
	for (int i = 0; i < base->partitions; i++)
		end[i] = self(base)->part[i].end;
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

static int64_t file_lag(const struct spk_source *base)
{
	const struct file_source *s = self(base);
	int64_t rows = 0;

	for (int i = 0; i < base->partitions; i++)
		rows += (s->part[i].end - SPK_MAX(s->part[i].position, s->part[i].begin)) / SPK_MAX(s->part[i].row_bytes, 1);
	return rows;
}

static void file_report(struct spk_source *s, const int64_t *position)
{
	(void)s;
	(void)position;
}

/* --- fetching --- */

/* Gives the rows their positions, real views and the chunk its hash: a sum, so that where chunks are cut does not matter. */
static void finish_rows(struct spk_chunk *chunk, const char *data, int64_t start, bool hash)
{
	for (int i = 0; i < chunk->rows; i++) {
		struct spk_view *row = &chunk->raw[i];
		const char *text = row->ref.pointer;

		chunk->position[i] = start + (text - data);
		chunk->bytes += row->length;
		if (hash)
			chunk->hash += XXH3_64bits_withSeed(text, row->length, (uint64_t)chunk->position[i]);
		*row = spk_view(text, row->length);
	}
}

/* Cuts a piece into rows; what follows the end of a JSON array is no row. */
static spk_status split(struct file_source *s, struct part *p, const char *data, size_t size, bool last, int room, struct spk_chunk *chunk, size_t *used, spk_error *err)
{
	struct file *f = p->file;
	bool ended;
	spk_status status;

	if (!f->array)
		return s->format->split(data, size, last, chunk->raw, room, &chunk->rows, used, s->base.spec->table, err);
	status = spk_json_split_array(data, size, p->position == f->data, last, chunk->raw, room, &chunk->rows, used, &ended, err);
	if (status != SPK_OK)
		return spk_error_context(err, "file '%s', in the piece at byte %lld", f->path, (long long)p->position), status;
	if (ended && f->size == INT64_MAX)
		p->end = f->size = p->position + (int64_t)*used;
	else if (ended)
		*used = (size_t)(f->size - p->position);
	return SPK_OK;
}

/* Rows as raw rows. */
static spk_status cut_rows(struct file_source *s, struct part *p, int64_t end, const char *data, size_t size, bool last, int max_rows, struct spk_chunk *chunk, size_t *used, spk_error *err)
{
	int room = (int)SPK_MIN((size_t)max_rows, size / 2 + 1);

	chunk->raw = spk_arena_alloc(chunk->arena, sizeof(*chunk->raw) * (size_t)room);
	chunk->position = spk_arena_alloc(chunk->arena, sizeof(*chunk->position) * (size_t)room);
	SPK_TRY_PTR(chunk->raw && chunk->position, err);
	SPK_TRY(split(s, p, data, size, last, room, chunk, used, err));
	while (chunk->rows && p->position + (chunk->raw[chunk->rows - 1].ref.pointer - data) >= end)
		*used = (size_t)(chunk->raw[--chunk->rows].ref.pointer - data);
	finish_rows(chunk, data, p->position, !s->base.spec->batch);
	return SPK_OK;
}

/* Rows as an index of their fields. */
static spk_status index_rows(struct file_source *s, const struct part *p, int64_t end, const char *data, size_t size, bool last, int max_rows, struct spk_chunk *chunk, size_t *used, spk_error *err)
{
	struct spk_piece *piece;

	SPK_TRY(s->format->index(p->file->decoder, data, size, last, max_rows, chunk->arena, &piece, used, err));
	while (piece->rows && p->position + spk_piece_begin(piece, piece->rows - 1) >= end)
		*used = spk_piece_begin(piece, --piece->rows);
	chunk->piece = piece;
	chunk->piece_at = p->position;
	chunk->rows = piece->rows;
	chunk->bytes = *used;
	return SPK_OK;
}

/* Bytes to read: of the rows in [position, end) and, where that is the border of a range, of the rest of a row that begins before it. */
static size_t choose_size(const struct file_source *s, const struct part *p, int64_t end, size_t piece)
{
	int64_t left = end - p->position, behind = s->base.spec->batch ? p->file->size - end : 0;

	return (size_t)SPK_MIN((int64_t)piece, left + SPK_MIN(behind, SPK_MAX((int64_t)piece / 8, PIECE_LEAST)));
}

/* One piece of the file as rows. *used 0: no whole row in it. */
static spk_status read_piece(struct file_source *s, struct part *p, int64_t end, size_t piece, int max_rows, struct spk_chunk *chunk, size_t *used, spk_error *err)
{
	size_t want = choose_size(s, p, end, piece), got;
	char *data = spk_arena_alloc(chunk->arena, want + 2 * SPK_CHUNK_PADDING);
	bool last;

	SPK_TRY_PTR(data, err);
	memset(data, 0, SPK_CHUNK_PADDING);
	data += SPK_CHUNK_PADDING;
	SPK_TRY(read_at(p, data, want, p->position, &got, err));
	if (got < want && p->file->size != INT64_MAX)
		return spk_fail(err, SPK_CORRUPT, "file '%s' was cut to %lld bytes while it was read", p->file->path, (long long)p->position + (long long)got);
	if (got < want)
		p->file->size = p->end = p->position + (int64_t)got;
	memset(data + got, 0, SPK_CHUNK_PADDING);
	last = p->position + (int64_t)got >= (s->base.spec->batch ? p->file->size : end);
	if (s->indexed)
		return index_rows(s, p, end, data, got, last, max_rows, chunk, used, err);
	return cut_rows(s, p, end, data, got, last, max_rows, chunk, used, err);
}

static size_t choose_piece(const struct file_source *s, const struct part *p, int max_rows, size_t max_bytes)
{
	size_t rows = (size_t)max_rows * (size_t)p->row_bytes;

	rows += rows / (s->indexed ? 32 : 8);
	return SPK_MAX(SPK_MIN(SPK_MIN(rows, max_bytes), (size_t)PIECE), (size_t)(s->indexed ? INDEXED_LEAST : PIECE_LEAST));
}

static spk_status fetch_rows(struct file_source *s, struct part *p, int64_t end, int max_rows, size_t max_bytes, struct spk_chunk *chunk, spk_error *err)
{
	size_t piece = choose_piece(s, p, max_rows, max_bytes), used = 0;

	while (p->position < SPK_MIN(end, p->end) && !used) {
		chunk->rows = 0;
		SPK_TRY(read_piece(s, p, SPK_MIN(end, p->end), piece, max_rows, chunk, &used, err));
		if (!used && piece >= PIECE_MOST)
			return spk_fail(err, SPK_DATA, "file '%s': the row at byte %lld is longer than %zu MiB", p->file->path, (long long)p->position, PIECE_MOST >> 20);
		piece *= 4;
	}
	p->position += (int64_t)used;
	if (chunk->rows)
		p->row_bytes = (int)SPK_MIN(used / (size_t)chunk->rows + 1, (size_t)1 << 20);
	return SPK_OK;
}

/* Before the first row of a range. */
static spk_status start_part(struct file_source *s, struct part *p, spk_error *err)
{
	SPK_TRY(know_file(s, p, err));
	p->end = SPK_MIN(p->end, p->file->size);
	if (p->position < 0 && p->begin > 0)
		SPK_TRY(find_start(s, p, p->begin, &p->position, err));
	p->position = SPK_MAX(p->position, p->file->data);
	return SPK_OK;
}

/* Whether there are only line ends from `from` up to where the part stands. */
static spk_status only_blank_lines(struct part *p, int64_t from, bool *blank, spk_error *err)
{
	char bytes[4096];
	size_t got = 1;

	*blank = from <= p->position;
	while (*blank && got && from < p->position) {
		SPK_TRY(read_at(p, bytes, (size_t)SPK_MIN(p->position - from, (int64_t)sizeof(bytes)), from, &got, err));
		for (size_t i = 0; i < got; i++)
			*blank = *blank && (bytes[i] == '\n' || bytes[i] == '\r');
		from += (int64_t)got;
	}
	return SPK_OK;
}

/* Behind the last row of a range: the next range must have been judged to begin here, or with blank lines that nobody counts. */
static spk_status finish_part(struct file_source *s, struct part *p, spk_error *err)
{
	bool right = true;
	int64_t next;

	if (p->end < p->file->size) {
		SPK_TRY(find_start(s, p, p->end, &next, err));
		SPK_TRY(only_blank_lines(p, next, &right, err));
		if (!right) {
			if (s->base.spec->misjudged)
				__atomic_store_n(s->base.spec->misjudged, true, __ATOMIC_RELAXED);
			spk_fail(err, SPK_DATA, "file '%s': the text in quotes that ends at byte %lld looks like rows, so a range of the file was begun inside of it",
			         p->file->path, (long long)p->position);
			return spk_hint(err, "SET files.range = 0 reads every file from one end to the other");
		}
	}
	spk_file_bytes_close(p->bytes);
	p->bytes = NULL;
	return SPK_OK;
}

static spk_status fetch_chunk(struct file_source *s, struct part *p, int64_t end, int max_rows, size_t max_bytes, struct spk_chunk *chunk, spk_error *err)
{
	SPK_TRY(start_part(s, p, err));
	chunk->arena = spk_arena_new(spk_memory_account("source chunks"));
	SPK_TRY_PTR(chunk->arena, err);
	SPK_TRY(fetch_rows(s, p, end, s->indexed ? SPK_MIN(max_rows, SPK_BATCH_ROWS) : max_rows, max_bytes, chunk, err));
	chunk->finished = p->position >= p->end;
	return chunk->finished && s->base.spec->batch ? finish_part(s, p, err) : SPK_OK;
}

static spk_status file_fetch(struct spk_source *base, int partition, int64_t end, int max_rows, size_t max_bytes, int64_t wait_us, struct spk_chunk *chunk, spk_error *err)
{
	struct file_source *s = self(base);
	struct part *p = &s->part[partition];
	int64_t start = p->position;
	spk_status status;

	(void)wait_us;
	status = fetch_chunk(s, p, end, max_rows, max_bytes, chunk, err);
	if (status != SPK_OK) {
		p->position = start;
		spk_chunk_release(chunk);
		return status;
	}
	chunk->partition = partition;
	chunk->start = SPK_MAX(start, p->begin);
	chunk->end = p->position;
	return SPK_OK;
}

/* --- decoding --- */

/* The line that byte `to` of the file is in, from 1; 0 when that cannot be told. */
static int64_t line_of(const struct file *f, int64_t to)
{
	struct spk_file_bytes *b = NULL;
	char *window = malloc(PIECE_LEAST);
	int64_t at = 0, line = 1;
	size_t got = 1;

	if (window && spk_file_bytes_new(&b, f->path, NULL) == SPK_OK) {
		while (at < to && got && spk_file_bytes_read(b, window, (size_t)SPK_MIN(to - at, (int64_t)PIECE_LEAST), at, &got, NULL) == SPK_OK) {
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
static spk_status bad_row(const struct file *f, bool guessed, const struct spk_chunk *chunk, int from, const struct spk_row_errors *errors, spk_error *err)
{
	const struct spk_row_error *first = &errors->list[0];
	int64_t at, line;

	for (int i = 1; i < errors->count; i++)
		if (errors->list[i].row < first->row)
			first = &errors->list[i];
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

static spk_status file_decode(struct spk_source *base, const struct spk_chunk *chunk, int from, int n, struct spk_row_errors *errors, struct spk_batch **out, spk_error *err)
{
	struct file *f = self(base)->part[chunk->partition].file;
	struct spk_row_errors own = { 0 };
	spk_status status;

	SPK_TRY(spk_chunk_decode(f->decoder, base->spec, chunk, from, n, errors ? errors : &own, out, err));
	if (own.count == 0)
		return SPK_OK;
	status = bad_row(f, base->spec->table->guessed, chunk, from, &own, err);
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
	.fetch = file_fetch,
	.parallel_fetch = true,
	.decode = file_decode,
	.estimate = spk_files_estimate,
	.trouble = file_trouble,
	.lag = file_lag,
	.report = file_report,
	.close = file_close,
};
