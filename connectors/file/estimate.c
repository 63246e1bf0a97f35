/* How many rows a table's files hold, about: their sizes by the width of the rows at the beginning of a few of them. */
#include "connectors/file/file.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "core/base/check.h"
#include "core/columnar/hash.h"
#include "connectors/format/csv.h"
#include "connectors/format/field.h"
#include "connectors/format/json.h"

enum { SAMPLE = 64 << 10, FILES = 3, ROWS = 4096 };

/* What was seen of a few files. */
struct seen { double disk, bytes, rows; bool whole; };  /* bytes that are `disk` bytes of the file; whole: nothing was left out */

/* Rows in the first bytes of a file; how long they are. */
static spk_status look(const struct spk_table *t, const struct spk_format *format, const char *data, size_t size, bool last, struct seen *out, spk_error *err)
{
	size_t at = size >= 3 && !memcmp(data, "\xef\xbb\xbf", 3) ? 3 : 0, used, bracket;
	struct spk_view *row = malloc(sizeof(*row) * ROWS);
	bool ended, array = format == &spk_format_json && spk_json_array_begins(data + at, size - at, &bracket);
	spk_status status;
	int n;

	SPK_TRY_PTR(row, err);
	if (array)
		status = spk_json_split_array(data + at + bracket, size - at - bracket, true, last, row, ROWS, &n, &used, &ended, err);
	else
		status = format->split(data + at, size - at, last, row, ROWS, &n, &used, t, err);
	free(row);
	SPK_TRY(status);
	out->rows += n - (n > 0 && format == &spk_format_csv && spk_csv_options(t).header);
	out->bytes += (double)used;
	out->whole = last && n < ROWS;
	return SPK_OK;
}

static spk_status look_into(const struct spk_table *t, const struct spk_format *format, const char *path, int64_t size, struct seen *out, spk_error *err)
{
	struct spk_file_bytes *b;
	char *data = calloc(1, SAMPLE + SPK_CHUNK_PADDING);
	size_t got;
	spk_status status;

	SPK_TRY_PTR(data, err);
	status = spk_file_bytes_new(&b, path, err);
	if (status == SPK_OK)
		status = spk_file_bytes_read(b, data, SAMPLE, 0, &got, err);
	if (status == SPK_OK)
		status = look(t, format, data, got, got < SAMPLE, out, err);
	out->disk = out->whole ? (double)size : out->bytes * spk_file_bytes_ratio(b);
	spk_file_bytes_close(b);
	free(data);
	return status;
}

/* The largest file, the first and the last. */
static int choose(const int64_t *size, int count, int *out)
{
	int n = 0, largest = 0;

	for (int i = 1; i < count; i++)
		largest = size[i] > size[largest] ? i : largest;
	if (count)
		out[n++] = largest;
	if (largest != 0)
		out[n++] = 0;
	if (count && largest != count - 1 && count > 1)
		out[n++] = count - 1;
	return n;
}

static spk_status estimate(const struct spk_table *t, const struct spk_format *format, const struct spk_files *files, const int64_t *size, struct spk_source_estimate *out, spk_error *err)
{
	int chosen[FILES], n = choose(size, files->count, chosen);
	double rows = 0, bytes = 0, disk = 0, rest = 0;
	bool *done = calloc((size_t)files->count + 1, sizeof(*done));

	SPK_TRY_PTR(done, err);
	for (int i = 0; i < n; i++) {
		int k = chosen[i];
		struct seen seen = { 0 };
		spk_status status = look_into(t, format, files->path[k], size[k], &seen, err);

		if (status != SPK_OK) {
			free(done);
			return status;
		}
		rows += seen.rows;
		bytes += seen.bytes;
		disk += seen.disk;
		if (seen.whole) {
			done[k] = true;
			out->rows += seen.rows;
			out->bytes += (int64_t)seen.bytes;
		}
	}
	for (int i = 0; i < files->count; i++)
		rest += done[i] ? 0 : (double)size[i];
	free(done);
	if (disk > 0) {
		out->rows += rest * rows / disk;
		out->bytes += (int64_t)(rest * bytes / disk);
	}
	return SPK_OK;
}

static uint64_t version_with(uint64_t version, const char *path, const struct stat *st)
{
	int64_t of[4] = { (int64_t)version, (int64_t)st->st_size, (int64_t)st->st_mtim.tv_sec, (int64_t)st->st_mtim.tv_nsec };

	return spk_hash_bytes(path, strlen(path)) * 31 + spk_hash_bytes(of, sizeof of);
}

spk_status spk_files_estimate(const struct spk_table *t, const struct spk_conf *conf, struct spk_source_estimate *out, spk_error *err)
{
	const struct spk_format *format;
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_files files = { 0 };
	int64_t *size = NULL;
	spk_status status;

	*out = (struct spk_source_estimate){ 0 };
	SPK_TRY_PTR(arena, err);
	status = spk_connector_format(t, &format, err);
	if (status == SPK_OK)
		status = spk_files_of_table(t, conf, arena, &files, err);
	if (status == SPK_OK && !(size = SPK_NEW_ARRAY(arena, int64_t, files.count + 1)))
		status = spk_fail_memory(err);
	for (int i = 0; status == SPK_OK && i < files.count; i++) {
		struct stat st;

		if (stat(files.path[i], &st) != 0)
			status = spk_fail(err, SPK_NOT_FOUND, "cannot look at '%s'", files.path[i]);
		else
			size[i] = st.st_size;
		if (status == SPK_OK)
			out->version = version_with(out->version, files.path[i], &st);
	}
	if (status == SPK_OK && format->split)
		status = estimate(t, format, &files, size, out, err);
	spk_arena_unref(arena);
	return status;
}
