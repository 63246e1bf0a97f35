/*
 * What files hold, uncompressed: read at offsets, whether the file is compressed or not.
 *
 * A compressed file is only read forwards. What was decoded lately stays in a window, because a reader that takes whole rows asks
 * again for what was behind the last one; asking for what is no longer there starts over.
 */
#include "connectors/file/file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "core/base/check.h"
#include "core/base/file.h"
#include "core/base/memory.h"

enum { INPUT = 128 << 10, STEP = 256 << 10 };

struct spk_file_bytes {
	const char *path;
	int fd;                       /* -1: not open yet */
	enum spk_compression compression;
	struct spk_memory_account *account;
	/* Of a compressed file: */
	z_stream gzip;
	ZSTD_DStream *zstd;
	bool begun;                   /* gzip's state is there */
	char *input;
	size_t input_size, input_at;
	int64_t taken;                /* bytes of the file read so far */
	bool input_ended, between;    /* between: a member or frame has ended, and another may follow */
	char *window;                 /* decoded bytes [base, base + length) */
	size_t length, capacity;
	int64_t base;
	bool ended;                   /* the window's end is the file's */
};

enum spk_compression spk_file_compression(const char *path, size_t *plain_length)
{
	static const struct { const char *ending; enum spk_compression kind; } endings[] = {
		{ ".gz", SPK_COMPRESSION_GZIP }, { ".zst", SPK_COMPRESSION_ZSTD }, { ".zstd", SPK_COMPRESSION_ZSTD },
	};
	size_t n = strlen(path);

	*plain_length = n;
	for (size_t i = 0; i < SPK_COUNT_OF(endings); i++) {
		size_t m = strlen(endings[i].ending);

		if (n <= m || strcmp(path + n - m, endings[i].ending) != 0)
			continue;
		*plain_length = n - m;
		return endings[i].kind;
	}
	return SPK_COMPRESSION_NONE;
}

spk_status spk_file_bytes_new(struct spk_file_bytes **out, const char *path, spk_error *err)
{
	struct spk_memory_account *account = spk_memory_account("source chunks");
	struct spk_file_bytes *b = spk_calloc(account, sizeof(*b));
	size_t plain;

	SPK_TRY_PTR(b, err);
	*b = (struct spk_file_bytes){ .path = path, .fd = -1, .compression = spk_file_compression(path, &plain), .account = account };
	*out = b;
	return SPK_OK;
}

/* Forgets what was decoded. */
static void rewind_file(struct spk_file_bytes *b)
{
	if (b->begun)
		inflateEnd(&b->gzip);
	ZSTD_freeDStream(b->zstd);
	b->zstd = NULL;
	b->begun = b->input_ended = b->ended = false;
	b->between = true;
	b->input_size = b->input_at = b->length = 0;
	b->base = b->taken = 0;
}

void spk_file_bytes_close(struct spk_file_bytes *b)
{
	if (!b)
		return;
	rewind_file(b);
	if (b->fd >= 0)
		close(b->fd);
	spk_free(b->account, b->input, b->input ? INPUT : 0);
	spk_free(b->account, b->window, b->capacity);
	spk_free(b->account, b, sizeof(*b));
}

/* --- plain --- */

static spk_status read_plain(struct spk_file_bytes *b, char *out, size_t size, int64_t at, size_t *got, spk_error *err)
{
	*got = 0;
	while (*got < size) {
		ssize_t n = pread(b->fd, out + *got, size - *got, at + (int64_t)*got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return spk_fail_errno(err, errno, "cannot read '%s'", b->path);
		if (n == 0)
			break;
		*got += (size_t)n;
	}
	return SPK_OK;
}

/* --- compressed --- */

static spk_status damaged(const struct spk_file_bytes *b, const char *why, spk_error *err)
{
	return spk_fail(err, SPK_CORRUPT, "'%s' cannot be decompressed: %s", b->path, why);
}

static spk_status begin(struct spk_file_bytes *b, spk_error *err)
{
	if (!b->input)
		b->input = spk_malloc(b->account, INPUT);
	SPK_TRY_PTR(b->input, err);
	b->between = true;
	if (b->compression == SPK_COMPRESSION_ZSTD) {
		b->zstd = ZSTD_createDStream();
		SPK_TRY_PTR(b->zstd, err);
		return SPK_OK;
	}
	b->gzip = (z_stream){ 0 };
	/* 15: the largest window; 16: with gzip's head. */
	if (inflateInit2(&b->gzip, 15 + 16) != Z_OK)
		return spk_fail(err, SPK_NO_MEMORY, "no memory to decompress '%s'", b->path);
	b->begun = true;
	return SPK_OK;
}

static spk_status more_input(struct spk_file_bytes *b, spk_error *err)
{
	if (b->input_at < b->input_size || b->input_ended)
		return SPK_OK;
	SPK_TRY(read_plain(b, b->input, INPUT, b->taken, &b->input_size, err));
	b->input_at = 0;
	b->taken += (int64_t)b->input_size;
	b->input_ended = b->input_size < INPUT;
	return SPK_OK;
}

/* One step of gzip; files may be several members one after the other. */
static spk_status step_gzip(struct spk_file_bytes *b, char *out, size_t room, size_t *made, spk_error *err)
{
	int code;

	b->gzip.next_in = (Bytef *)(b->input + b->input_at);
	b->gzip.avail_in = (uInt)(b->input_size - b->input_at);
	b->gzip.next_out = (Bytef *)out;
	b->gzip.avail_out = (uInt)room;
	code = inflate(&b->gzip, Z_NO_FLUSH);
	if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
		return damaged(b, b->gzip.msg ? b->gzip.msg : "wrong bytes", err);
	b->between = b->between && b->gzip.avail_in == b->input_size - b->input_at;
	b->input_at = b->input_size - b->gzip.avail_in;
	*made = room - b->gzip.avail_out;
	if (code == Z_STREAM_END) {
		inflateReset(&b->gzip);
		b->between = true;
	}
	return SPK_OK;
}

static spk_status step_zstd(struct spk_file_bytes *b, char *out, size_t room, size_t *made, spk_error *err)
{
	ZSTD_inBuffer in = { b->input, b->input_size, b->input_at };
	ZSTD_outBuffer to = { out, room, 0 };
	size_t code = ZSTD_decompressStream(b->zstd, &to, &in);

	if (ZSTD_isError(code))
		return damaged(b, ZSTD_getErrorName(code), err);
	b->between = code == 0 || (b->between && in.pos == b->input_at && to.pos == 0);
	b->input_at = in.pos;
	*made = to.pos;
	return SPK_OK;
}

/* Decodes a step behind the window, or finds that the file has ended. */
static spk_status decode_more(struct spk_file_bytes *b, spk_error *err)
{
	size_t made = 0, at;

	if (b->capacity - b->length < STEP) {
		size_t capacity = SPK_MAX(b->capacity + b->capacity / 2, b->length + STEP);
		char *grown = spk_realloc(b->account, b->window, b->capacity, capacity);

		SPK_TRY_PTR(grown, err);
		b->window = grown;
		b->capacity = capacity;
	}
	SPK_TRY(more_input(b, err));
	at = b->input_at;
	if (b->input_at == b->input_size && b->between) {
		b->ended = true;
		return SPK_OK;
	}
	SPK_TRY((b->compression == SPK_COMPRESSION_ZSTD ? step_zstd : step_gzip)(b, b->window + b->length, STEP, &made, err));
	b->length += made;
	if (made == 0 && b->input_at == at && b->input_ended && !b->between)
		return damaged(b, "it ends too early", err);
	return SPK_OK;
}

static spk_status read_compressed(struct spk_file_bytes *b, char *out, size_t size, int64_t at, size_t *got, spk_error *err)
{
	size_t skip;

	if (at < b->base)
		rewind_file(b);
	if (!b->begun && !b->zstd)
		SPK_TRY(begin(b, err));
	while (!b->ended && b->base + (int64_t)b->length < at + (int64_t)size) {
		skip = (size_t)SPK_MIN(at - b->base, (int64_t)b->length);
		if (skip && b->length - skip <= skip) {
			memmove(b->window, b->window + skip, b->length - skip);
			b->base += (int64_t)skip;
			b->length -= skip;
		}
		SPK_TRY(decode_more(b, err));
	}
	skip = (size_t)SPK_MIN(at - b->base, (int64_t)b->length);
	*got = SPK_MIN(size, b->length - skip);
	if (*got)
		memcpy(out, b->window + skip, *got);
	return SPK_OK;
}

spk_status spk_file_bytes_read(struct spk_file_bytes *b, char *out, size_t size, int64_t at, size_t *got, spk_error *err)
{
	*got = 0;
	if (b->fd < 0) {
		b->fd = open(b->path, O_RDONLY | O_CLOEXEC);
		if (b->fd < 0)
			return spk_fail_errno(err, errno, "cannot open '%s'", b->path);
		posix_fadvise(b->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	}
	return b->compression == SPK_COMPRESSION_NONE ? read_plain(b, out, size, at, got, err) : read_compressed(b, out, size, at, got, err);
}

double spk_file_bytes_ratio(const struct spk_file_bytes *b)
{
	int64_t decoded = b->base + (int64_t)b->length;

	return b->compression == SPK_COMPRESSION_NONE || decoded == 0 ? 1 : (double)(b->taken - (int64_t)(b->input_size - b->input_at)) / (double)decoded;
}

spk_status spk_files_head(const char *path, size_t most, struct spk_buffer *out, spk_error *err)
{
	struct spk_file_bytes *b;
	size_t got = 0;
	spk_status status;

	SPK_TRY(spk_file_bytes_new(&b, path, err));
	status = spk_buffer_reserve(out, most, err);
	if (status == SPK_OK)
		status = spk_file_bytes_read(b, out->data + out->size, most, 0, &got, err);
	out->size += status == SPK_OK ? got : 0;
	spk_file_bytes_close(b);
	return status;
}
