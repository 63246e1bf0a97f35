/*
 * Reading one partition of a file source: where its rows begin, pieces, rows out of them. A fetch reads one piece and cuts it into rows; what
 * is behind its last whole row is read again by the next. In batch, where rows begin behind the border of a range is judged (range.h), and
 * checked by whoever reads the range before: on a wrong judgement the query is run again with whole files. Rows come as pieces with an index
 * of their fields where the format makes one: no raw rows, positions or hashes.
 */
#include "connectors/file/source.h"

#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/base/check.h"
#include "core/base/fault.h"
#include "core/base/memory.h"
#include "connectors/format/json.h"

enum { PIECE = 1 << 20, PIECE_LEAST = 64 << 10, INDEXED_LEAST = 16 << 10, HEAD = 64 << 10, HEADER_MAX = 1 << 20 };
static const size_t PIECE_MOST = (size_t)256 << 20;  /* no row is longer */

/* --- where rows begin --- */

static spk_status read_at(struct spk_file_part *p, char *out, size_t size, int64_t at, size_t *got, spk_error *err)
{
	*got = 0;
	SPK_TRY(spk_fault(SPK_FAULT_SOURCE_READ, err));
	if (!p->bytes)
		SPK_TRY(spk_file_bytes_new(&p->bytes, p->file->path, err));
	return spk_file_bytes_read(p->bytes, out, size, at, got, err);
}

static spk_status shared_decoder(struct spk_file_source *s, struct spk_view header, struct spk_decoder **out, spk_error *err)
{
	struct spk_shared_decoder *d;
	struct spk_decoder *made;
	char *copy;

	for (d = s->decoders; d; d = d->next) {
		if (spk_view_equal(&d->header, &header)) {
			*out = d->decoder;
			return SPK_OK;
		}
	}
	d = SPK_NEW(s->arena, struct spk_shared_decoder);
	copy = spk_arena_copy(s->arena, spk_view_data(&header), header.length);
	SPK_TRY_PTR(d && copy, err);
	SPK_TRY(spk_file_source_decoder(s, header, &made, err));
	*d = (struct spk_shared_decoder){ s->decoders, spk_view(copy, header.length), made };
	s->decoders = d;
	*out = made;
	return SPK_OK;
}

/* The file's first row as its header. An empty file has none, and no rows. *found false: it does not end in these bytes. */
static spk_status use_header(struct spk_file_source *s, struct spk_source_file *f, const char *head, size_t got, bool whole, bool *found, spk_error *err)
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

static spk_status look_at_head(struct spk_file_source *s, struct spk_file_part *p, char *head, size_t most, bool *found, spk_error *err)
{
	struct spk_source_file *f = p->file;
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

static spk_status find_data(struct spk_file_source *s, struct spk_file_part *p, spk_error *err)
{
	struct spk_source_file *f = p->file;
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
static spk_status know_file(struct spk_file_source *s, struct spk_file_part *p, spk_error *err)
{
	spk_status status = SPK_OK;

	pthread_mutex_lock(&s->lock);
	if (p->file->data < 0)
		status = find_data(s, p, err);
	pthread_mutex_unlock(&s->lock);
	return status;
}

/* Where the first row at or behind byte `at` begins. */
static spk_status find_start(struct spk_file_source *s, struct spk_file_part *p, int64_t at, int64_t *out, spk_error *err)
{
	bool unsure;
	spk_status status;

	if (!p->bytes)
		SPK_TRY(spk_file_bytes_new(&p->bytes, p->file->path, err));
	SPK_TRY(spk_range_start(&p->file->range, p->bytes, at, NULL, &unsure, out, err));
	if (!unsure)
		return SPK_OK;
	pthread_mutex_lock(&s->lock);
	status = spk_range_start(&p->file->range, p->bytes, at, &p->file->quotes, &unsure, out, err);
	pthread_mutex_unlock(&s->lock);
	return status;
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
static spk_status split(struct spk_file_source *s, struct spk_file_part *p, const char *data, size_t size, bool last, int room, struct spk_chunk *chunk, size_t *used, spk_error *err)
{
	struct spk_source_file *f = p->file;
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
static spk_status cut_rows(struct spk_file_source *s, struct spk_file_part *p, int64_t end, const char *data, size_t size, bool last, int max_rows, struct spk_chunk *chunk, size_t *used, spk_error *err)
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
static spk_status index_rows(struct spk_file_source *s, const struct spk_file_part *p, int64_t end, const char *data, size_t size, bool last, int max_rows, struct spk_chunk *chunk, size_t *used, spk_error *err)
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
static size_t choose_size(const struct spk_file_source *s, const struct spk_file_part *p, int64_t end, size_t piece)
{
	int64_t left = end - p->position, behind = s->base.spec->batch ? p->file->size - end : 0;

	return (size_t)SPK_MIN((int64_t)piece, left + SPK_MIN(behind, SPK_MAX((int64_t)piece / 8, PIECE_LEAST)));
}

/* One piece of the file as rows. *used 0: no whole row in it. */
static spk_status read_piece(struct spk_file_source *s, struct spk_file_part *p, int64_t end, size_t piece, int max_rows, struct spk_chunk *chunk, size_t *used, spk_error *err)
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

static size_t choose_piece(const struct spk_file_source *s, const struct spk_file_part *p, int max_rows, size_t max_bytes)
{
	size_t rows = (size_t)max_rows * (size_t)p->row_bytes;

	rows += rows / (s->indexed ? 32 : 8);
	return SPK_MAX(SPK_MIN(SPK_MIN(rows, max_bytes), (size_t)PIECE), (size_t)(s->indexed ? INDEXED_LEAST : PIECE_LEAST));
}

static spk_status fetch_rows(struct spk_file_source *s, struct spk_file_part *p, int64_t end, int max_rows, size_t max_bytes, struct spk_chunk *chunk, spk_error *err)
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
static spk_status start_part(struct spk_file_source *s, struct spk_file_part *p, spk_error *err)
{
	SPK_TRY(know_file(s, p, err));
	p->end = SPK_MIN(p->end, p->file->size);
	if (p->position < 0 && p->begin > 0)
		SPK_TRY(find_start(s, p, p->begin, &p->position, err));
	p->position = SPK_MAX(p->position, p->file->data);
	return SPK_OK;
}

/* Whether there are only line ends from `from` up to where the part stands. */
static spk_status only_blank_lines(struct spk_file_part *p, int64_t from, bool *blank, spk_error *err)
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
static spk_status finish_part(struct spk_file_source *s, struct spk_file_part *p, spk_error *err)
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

static spk_status fetch_chunk(struct spk_file_source *s, struct spk_file_part *p, int64_t end, int max_rows, size_t max_bytes, struct spk_chunk *chunk, spk_error *err)
{
	SPK_TRY(start_part(s, p, err));
	if (p->position >= p->end)
		SPK_TRY(spk_file_watch_part(s, p, err));
	if (p->position >= p->end && s->watch_us) {
		chunk->finished = true;
		return SPK_OK;
	}
	chunk->arena = spk_arena_new(spk_memory_account("source chunks"));
	SPK_TRY_PTR(chunk->arena, err);
	SPK_TRY(fetch_rows(s, p, end, s->indexed ? SPK_MIN(max_rows, SPK_BATCH_ROWS) : max_rows, max_bytes, chunk, err));
	chunk->finished = p->position >= p->end;
	return chunk->finished && s->base.spec->batch ? finish_part(s, p, err) : SPK_OK;
}

spk_status spk_file_source_fetch(struct spk_source *base, int partition, int64_t end, int max_rows, size_t max_bytes, int64_t wait_us, struct spk_chunk *chunk, spk_error *err)
{
	struct spk_file_source *s = spk_file_source_of(base);
	struct spk_file_part *p = &s->part[partition];
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
