/*
 * Files as a source. Every file is a partition, named by its path; positions are byte offsets of rows.
 *
 * A file is what it was when the source was opened: bytes that are appended later are not read. A fetch reads one piece and cuts
 * it into rows; what is behind its last whole row is read again by the next. A replay that asks for bytes which are not there
 * any more fails by name.
 */
#include "connectors/file/file.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/base/check.h"
#include "core/base/fault.h"
#include "core/base/file.h"
#include "core/base/memory.h"
#include "connectors/format/field.h"

enum { PIECE = 1 << 20, PIECE_LEAST = 64 << 10, HEADER_MAX = 1 << 20 };
static const size_t PIECE_MOST = (size_t)256 << 20;  /* no row is longer */

/* Decoders by the header line they were opened for; files with the same header share one. */
struct shared_decoder { struct shared_decoder *next; struct spk_view header; struct spk_decoder *decoder; };

struct part {
	const char *path;
	int fd;                       /* -1: not open yet */
	int64_t position, size;
	int64_t data;                 /* where rows begin: behind a byte order mark and a header; -1 not looked yet */
	int row_bytes;                /* of a row, about, as seen so far */
	struct spk_decoder *decoder;
};

struct file_source {
	struct spk_source base;
	struct spk_arena *arena;
	const struct spk_format *format;
	bool header;                  /* files begin with one */
	struct part *part;
	pthread_mutex_t lock;         /* guards what follows and the arena */
	struct shared_decoder *decoders;
};

static const struct spk_option_spec options[] = {
	{ "path", false, true, NULL, "A file, a directory or a pattern like 'in/2013-*.csv'; as a sink a directory." },
	{ "source.monitor-interval", false, false, NULL, "Not supported yet: look for new files and rows in such intervals." },
	{ 0 },
};

static struct file_source *self(const struct spk_source *s)
{
	return spk_container_of(s, struct file_source, base);
}

/* --- opening --- */

static spk_status find_parts(struct file_source *s, spk_error *err)
{
	const struct spk_table *t = s->base.spec->table;
	const char *path = spk_format_option(t, "path");
	struct spk_files files;

	SPK_TRY(spk_files_check_path(path, s->base.spec->conf, err));
	SPK_TRY(spk_files_find(path, s->arena, &files, err));
	s->part = SPK_NEW_ARRAY(s->arena, struct part, files.count + 1);
	SPK_TRY_PTR(s->part, err);
	s->base.partitions = files.count;
	for (int i = 0; i < files.count; i++) {
		struct stat st;

		if (stat(files.path[i], &st) != 0)
			return spk_fail_errno(err, errno, "cannot look at '%s'", files.path[i]);
		s->part[i] = (struct part){ .path = files.path[i], .fd = -1, .size = st.st_size, .data = -1, .row_bytes = 128 };
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
	const char *header = spk_format_option(t, "csv.header");

	SPK_TRY(spk_connector_format(t, &s->format, err));
	if (!s->format->decoder_open || !s->format->split)
		return spk_fail(err, SPK_UNSUPPORTED, "table \"%s\": reading files of format '%s'", t->name, s->format->name);
	s->header = s->format == &spk_format_csv && (!header || !strcmp(header, "true"));
	return s->header ? SPK_OK : open_decoder(s, (struct spk_view){ 0 }, &s->base.decoder, err);
}

static void file_close(struct spk_source *base)
{
	struct file_source *s;

	if (!base)
		return;
	s = self(base);
	for (int i = 0; s->part && i < base->partitions; i++)
		if (s->part[i].fd >= 0)
			close(s->part[i].fd);
	for (struct shared_decoder *d = s->decoders; d; d = d->next)
		d->decoder->format->decoder_close(d->decoder);
	spk_source_close_format(base);
	pthread_mutex_destroy(&s->lock);
	spk_arena_unref(s->arena);
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
	s->base = (struct spk_source){ .type = &spk_file_source, .spec = spec };
	pthread_mutex_init(&s->lock, NULL);
	status = find_parts(s, err);
	if (status != SPK_OK)
		spk_error_context(err, "table \"%s\"", spec->table->name);
	else
		status = open_format(s, err);
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
	if (p->fd < 0)
		p->fd = open(p->path, O_RDONLY | O_CLOEXEC);
	if (p->fd < 0)
		return spk_fail_errno(err, errno, "cannot open '%s'", p->path);
	while (*got < size) {
		ssize_t n = pread(p->fd, out + *got, size - *got, at + (int64_t)*got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return spk_fail_errno(err, errno, "cannot read '%s'", p->path);
		if (n == 0)
			break;
		*got += (size_t)n;
	}
	return SPK_OK;
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

/* The file's first row as its header. An empty file has none, and no rows. */
static spk_status use_header(struct file_source *s, struct part *p, const char *head, size_t got, spk_error *err)
{
	struct spk_view line;
	size_t used;
	int n;
	spk_status status;

	SPK_TRY(s->format->split(head + p->data, got - (size_t)p->data, (int64_t)got >= p->size, &line, 1, &n, &used, s->base.spec->table, err));
	if (!n) {
		p->data = p->size;
		return (int64_t)got >= p->size ? SPK_OK : spk_fail(err, SPK_DATA, "'%s': no end of the header in its first %d bytes", p->path, HEADER_MAX);
	}
	p->data += (int64_t)used;
	line = spk_view(line.ref.pointer, line.length);
	pthread_mutex_lock(&s->lock);
	status = shared_decoder(s, line, &p->decoder, err);
	pthread_mutex_unlock(&s->lock);
	return status == SPK_OK ? SPK_OK : (spk_error_context(err, "file '%s'", p->path), status);
}

static spk_status find_data(struct file_source *s, struct part *p, spk_error *err)
{
	size_t most = s->header ? HEADER_MAX : 3, got;
	char *head = malloc(most + SPK_CHUNK_PADDING);
	spk_status status;

	SPK_TRY_PTR(head, err);
	status = read_at(p, head, most, 0, &got, err);
	if (status == SPK_OK) {
		memset(head + got, 0, SPK_CHUNK_PADDING);
		p->data = got >= 3 && !memcmp(head, "\xef\xbb\xbf", 3) ? 3 : 0;
		p->decoder = s->base.decoder;
		if (s->header)
			status = use_header(s, p, head, got, err);
	}
	if (status != SPK_OK)
		p->data = -1;
	free(head);
	return status;
}

/* --- positions --- */

static const char *file_partition_name(const struct spk_source *s, int partition)
{
	return self(s)->part[partition].path;
}

static spk_status file_seek(struct spk_source *base, const int64_t *position, int64_t *resolved, spk_error *err)
{
	struct file_source *s = self(base);

	for (int i = 0; i < base->partitions; i++) {
		struct part *p = &s->part[i];
		int64_t to = SPK_MAX(position[i], 0);

		if (to > p->size)
			return spk_fail(err, SPK_CORRUPT, "file '%s' has %lld bytes, but was read up to byte %lld before: it was cut or replaced",
			                p->path, (long long)p->size, (long long)to);
		resolved[i] = to;
	}
	for (int i = 0; i < base->partitions; i++)
		s->part[i].position = resolved[i];
	return SPK_OK;
}

static spk_status file_ends(struct spk_source *base, bool bounded_only, int64_t *end, spk_error *err)
{
	(void)bounded_only;
	(void)err;
	for (int i = 0; i < base->partitions; i++)
		end[i] = self(base)->part[i].size;
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
		rows += (s->part[i].size - s->part[i].position) / SPK_MAX(s->part[i].row_bytes, 1);
	return rows;
}

static void file_report(struct spk_source *s, const int64_t *position)
{
	(void)s;
	(void)position;
}

/* --- fetching --- */

/* Gives the rows their positions, real views and the chunk its hash: a sum, so that where chunks are cut does not matter. */
static void finish_rows(struct spk_chunk *chunk, const char *data, int64_t start)
{
	for (int i = 0; i < chunk->rows; i++) {
		struct spk_view *row = &chunk->raw[i];
		const char *text = row->ref.pointer;

		chunk->position[i] = start + (text - data);
		chunk->bytes += row->length;
		chunk->hash += XXH3_64bits_withSeed(text, row->length, (uint64_t)chunk->position[i]);
		*row = spk_view(text, row->length);
	}
}

/* One piece of the file as rows. *used 0: no whole row in it. */
static spk_status read_piece(struct file_source *s, struct part *p, int64_t end, size_t piece, int max_rows, struct spk_chunk *chunk, size_t *used, spk_error *err)
{
	size_t want = (size_t)SPK_MIN((int64_t)piece, end - p->position), got;
	int room = (int)SPK_MIN((size_t)max_rows, want / 2 + 1);
	char *data = spk_arena_alloc(chunk->arena, want + SPK_CHUNK_PADDING);

	chunk->raw = spk_arena_alloc(chunk->arena, sizeof(*chunk->raw) * (size_t)room);
	chunk->position = spk_arena_alloc(chunk->arena, sizeof(*chunk->position) * (size_t)room);
	SPK_TRY_PTR(data && chunk->raw && chunk->position, err);
	SPK_TRY(read_at(p, data, want, p->position, &got, err));
	if (got < want)
		return spk_fail(err, SPK_CORRUPT, "file '%s' was cut to %lld bytes while it was read", p->path, (long long)p->position + (long long)got);
	memset(data + want, 0, SPK_CHUNK_PADDING);
	SPK_TRY(s->format->split(data, want, p->position + (int64_t)want >= end, chunk->raw, room, &chunk->rows, used, s->base.spec->table, err));
	finish_rows(chunk, data, p->position);
	return SPK_OK;
}

static size_t choose_piece(const struct part *p, int max_rows, size_t max_bytes)
{
	size_t rows = (size_t)max_rows * (size_t)p->row_bytes;

	rows += rows / 8;
	return SPK_MAX(SPK_MIN(SPK_MIN(rows, max_bytes), (size_t)PIECE), (size_t)PIECE_LEAST);
}

static spk_status fetch_rows(struct file_source *s, struct part *p, int64_t end, int max_rows, size_t max_bytes, struct spk_chunk *chunk, spk_error *err)
{
	size_t piece = choose_piece(p, max_rows, max_bytes), used = 0;

	while (p->position < end && !used) {
		chunk->rows = 0;
		SPK_TRY(read_piece(s, p, end, piece, max_rows, chunk, &used, err));
		if (!used && piece >= PIECE_MOST)
			return spk_fail(err, SPK_DATA, "file '%s': the row at byte %lld is longer than %zu MiB", p->path, (long long)p->position, PIECE_MOST >> 20);
		piece *= 4;
	}
	p->position += (int64_t)used;
	if (chunk->rows)
		p->row_bytes = (int)SPK_MIN(used / (size_t)chunk->rows + 1, (size_t)1 << 20);
	return SPK_OK;
}

static spk_status file_fetch(struct spk_source *base, int partition, int64_t end, int max_rows, size_t max_bytes, int64_t wait_us, struct spk_chunk *chunk, spk_error *err)
{
	struct file_source *s = self(base);
	struct part *p = &s->part[partition];
	int64_t start = p->position;
	spk_status status;

	(void)wait_us;
	end = SPK_MIN(end, p->size);
	if (p->data < 0)
		SPK_TRY(find_data(s, p, err));
	p->position = SPK_MAX(p->position, p->data);
	chunk->arena = spk_arena_new(spk_memory_account("source chunks"));
	SPK_TRY_PTR(chunk->arena, err);
	status = fetch_rows(s, p, end, max_rows, max_bytes, chunk, err);
	if (status != SPK_OK) {
		p->position = start;
		spk_chunk_release(chunk);
		return status;
	}
	chunk->partition = partition;
	chunk->start = start;
	chunk->end = p->position;
	chunk->finished = p->position >= p->size;
	return SPK_OK;
}

static spk_status file_decode(struct spk_source *base, const struct spk_chunk *chunk, int from, int n, struct spk_row_errors *errors, struct spk_batch **out, spk_error *err)
{
	return spk_chunk_decode(self(base)->part[chunk->partition].decoder, base->spec, chunk, from, n, errors, out, err);
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
	.trouble = file_trouble,
	.lag = file_lag,
	.report = file_report,
	.close = file_close,
};
