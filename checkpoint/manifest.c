/* Manifests: JSON for people and tools, with a checksum line so that a changed byte anywhere in it is found. */
#include "checkpoint/manifest.h"

#include <inttypes.h>
#include <jansson.h>
#include <xxhash.h>

#include "core/base/check.h"

enum { FORMAT = 1, HASH_LINE = 18 };  /* "\n" + 16 hex digits + "\n" */

static spk_status put_hex(const struct spk_buffer *bytes, struct spk_buffer *out, spk_error *err)
{
	for (size_t i = 0; i < bytes->size; i++)
		SPK_TRY(spk_buffer_printf(out, err, "%02x", (unsigned char)bytes->data[i]));
	return SPK_OK;
}

static spk_status put_body(struct spk_epoch_record *record, int64_t created_us, const struct spk_checkpoint_file *file, int files, const struct spk_buffer *encoded, struct spk_buffer *out, spk_error *err)
{
	/* Job names are checked to be plain, and RocksDB's file names are: nothing needs escaping. */
	SPK_TRY(spk_buffer_printf(out, err, "{\n \"version\": %d,\n \"job\": \"%s\",\n \"epoch\": %" PRId64 ",\n \"created_us\": %" PRId64 ",\n \"plan\": \"%016" PRIx64 "\",\n \"record\": \"",
				  FORMAT, record->job, record->epoch, created_us, record->plan_hash));
	SPK_TRY(put_hex(encoded, out, err));
	SPK_TRY(spk_buffer_append_str(out, "\",\n \"files\": [", err));
	for (int i = 0; i < files; i++)
		SPK_TRY(spk_buffer_printf(out, err, "%s\n  {\"name\": \"%s\", \"size\": %" PRId64 ", \"hash\": \"%s\"}", i ? "," : "", file[i].name, file[i].size, file[i].hash));
	return spk_buffer_append_str(out, "\n ]\n}", err);
}

spk_status spk_manifest_write(struct spk_epoch_record *record, int64_t created_us, const struct spk_checkpoint_file *file, int files, struct spk_buffer *out, spk_error *err)
{
	struct spk_buffer encoded = { 0 };
	spk_status status = spk_epoch_encode(record, &encoded, err);

	if (status == SPK_OK)
		status = put_body(record, created_us, file, files, &encoded, out, err);
	spk_buffer_release(&encoded);
	SPK_TRY(status);
	return spk_buffer_printf(out, err, "\n%016" PRIx64 "\n", (uint64_t)XXH3_64bits(out->data, out->size));
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static spk_status read_record(const char *hex, struct spk_arena *arena, const struct spk_epoch_record **out, spk_error *err)
{
	size_t n = strlen(hex) / 2;
	char *bytes = spk_arena_alloc(arena, n);
	struct spk_epoch_record *record;

	SPK_TRY_PTR(bytes, err);
	for (size_t i = 0; i < n; i++) {
		int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return spk_fail(err, SPK_CORRUPT, "its record is not hexadecimal");
		bytes[i] = (char)(high << 4 | low);
	}
	SPK_TRY(spk_epoch_decode(bytes, n, arena, &record, err));
	*out = record;
	return SPK_OK;
}

/* Neither leads out of its folder. */
static bool is_name(const char *s) { return *s && *s != '.' && !strchr(s, '/'); }

static spk_status read_files(json_t *list, struct spk_arena *arena, struct spk_checkpoint *c, spk_error *err)
{
	c->files = (int)json_array_size(list);
	c->file = SPK_NEW_ARRAY(arena, struct spk_checkpoint_file, c->files);
	SPK_TRY_PTR(c->file, err);
	for (int i = 0; i < c->files; i++) {
		const char *name, *hash;
		json_int_t size;

		if (json_unpack(json_array_get(list, (size_t)i), "{s:s, s:I, s:s}", "name", &name, "size", &size, "hash", &hash) != 0 || !is_name(name) || !is_name(hash))
			return spk_fail(err, SPK_CORRUPT, "its file number %d is not described as expected", i);
		c->file[i] = (struct spk_checkpoint_file){ spk_arena_strdup(arena, name), size, spk_arena_strdup(arena, hash) };
		SPK_TRY_PTR(c->file[i].name && c->file[i].hash, err);
	}
	return SPK_OK;
}

static spk_status read_json(json_t *root, struct spk_arena *arena, struct spk_checkpoint *c, spk_error *err)
{
	const char *job, *plan, *record;
	json_int_t epoch, created;
	json_t *files;
	int version;

	if (json_unpack(root, "{s:i, s:s, s:I, s:I, s:s, s:s, s:o}", "version", &version, "job", &job, "epoch", &epoch, "created_us", &created, "plan", &plan, "record", &record,
			"files", &files) != 0)
		return spk_fail(err, SPK_CORRUPT, "it lacks a member");
	if (version != FORMAT)
		return spk_fail(err, SPK_UNSUPPORTED, "it has format %d; this program reads format %d", version, FORMAT);
	c->job = spk_arena_strdup(arena, job);
	SPK_TRY_PTR(c->job, err);
	c->epoch = epoch;
	c->created_us = created;
	c->plan_hash = strtoull(plan, NULL, 16);
	SPK_TRY(read_record(record, arena, &c->record, err));
	if (c->record->epoch != c->epoch)
		return spk_fail(err, SPK_CORRUPT, "it is of epoch %" PRId64 ", its record of epoch %" PRId64, c->epoch, c->record->epoch);
	return read_files(files, arena, c, err);
}

spk_status spk_manifest_read(const char *data, size_t size, struct spk_arena *arena, struct spk_checkpoint **out, spk_error *err)
{
	struct spk_checkpoint *c = SPK_NEW(arena, struct spk_checkpoint);
	char want[HASH_LINE + 1];
	json_error_t where;
	json_t *root;
	spk_status status;

	SPK_TRY_PTR(c, err);
	if (size <= HASH_LINE)
		return spk_fail(err, SPK_CORRUPT, "it is too short");
	snprintf(want, sizeof want, "\n%016" PRIx64 "\n", (uint64_t)XXH3_64bits(data, size - HASH_LINE));
	if (memcmp(want, data + size - HASH_LINE, HASH_LINE) != 0)
		return spk_fail(err, SPK_CORRUPT, "its checksum is wrong");
	root = json_loadb(data, size - HASH_LINE, 0, &where);
	if (!root)
		return spk_fail(err, SPK_CORRUPT, "it is not JSON: %s (line %d)", where.text, where.line);
	status = read_json(root, arena, c, err);
	json_decref(root);
	SPK_TRY(status);
	*out = c;
	return SPK_OK;
}
