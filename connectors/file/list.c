/*
 * Which files a path names, and whether SQL may name it.
 */
#include "connectors/file/file.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>

#include "core/base/check.h"
#include "core/base/file.h"
#include "connectors/format/field.h"

enum { DEPTH_MOST = 16 };

/* --- files.root --- */

/* The path with links and dots resolved; what does not exist yet is added to what does. False: it cannot be told. */
static bool resolve(const char *path, char out[PATH_MAX])
{
	char copy[PATH_MAX], *slash;
	const char *rest = "";

	if (strlen(path) >= sizeof(copy))
		return false;
	strcpy(copy, path);
	while (!realpath(*copy ? copy : "/", out)) {
		if (errno != ENOENT && errno != ENOTDIR)
			return false;
		slash = strrchr(copy, '/');
		rest = slash ? path + (slash - copy) : path;
		if (slash)
			*slash = '\0';
		else
			strcpy(copy, ".");
		if (strstr(rest, "..") || (!slash && strcmp(path, rest)))
			return false;
	}
	if (strlen(out) + strlen(rest) + 2 > PATH_MAX)
		return false;
	if (*rest && *rest != '/')
		strcat(out, "/");
	strcat(out, rest);
	return true;
}

spk_status spk_files_check_path(const char *path, const struct spk_conf *conf, spk_error *err)
{
	const char *root = conf ? spk_conf_text(conf, SPK_CONF_FILES_ROOT) : "";
	char real_root[PATH_MAX], real[PATH_MAX];
	size_t n;

	if (!root || !*root)
		return SPK_OK;
	if (!realpath(root, real_root))
		return spk_fail_errno(err, errno, "files.root '%s' cannot be resolved", root);
	n = strlen(real_root);
	if (resolve(path, real) && !strncmp(real, real_root, n) && (real[n] == '/' || real[n] == '\0' || n == 1))
		return SPK_OK;
	spk_fail(err, SPK_USAGE, "path '%s' is outside of files.root, '%s'", path, root);
	spk_hint(err, "only files below files.root may be named in SQL");
	return SPK_USAGE;
}

/* --- options --- */

spk_status spk_files_check_table(const struct spk_table *t, const struct spk_conf *conf, spk_error *err)
{
	const char *path = spk_format_option(t, "path");
	spk_status status;

	if (spk_format_option(t, "source.monitor-interval")) {
		spk_fail(err, SPK_UNSUPPORTED, "'source.monitor-interval' (table \"%s\")", t->name);
		spk_hint(err, "leave it out to read the files that are there, once");
	} else if (!*path) {
		spk_fail(err, SPK_USAGE, "table \"%s\": 'path' is empty", t->name);
	} else {
		status = spk_files_check_path(path, conf, err);
		if (status == SPK_OK)
			return SPK_OK;
		spk_error_context(err, "table \"%s\"", t->name);
	}
	for (int i = 0; err && i < t->option_count; i++)
		if (!strcmp(t->option[i].key, err->code == SPK_UNSUPPORTED ? "source.monitor-interval" : "path"))
			err->position = t->option[i].position;
	return err ? err->code : SPK_USAGE;
}

/* --- finding --- */

static bool is_plain_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static bool is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Known to be compressed, but not by whom we could ask. */
static spk_status refuse_compressed(const char *path, spk_error *err)
{
	static const char *const ending[] = { ".bz2", ".xz", ".lz4", ".zip", ".snappy", ".br" };
	size_t n = strlen(path);

	for (size_t i = 0; i < SPK_COUNT_OF(ending); i++) {
		size_t m = strlen(ending[i]);

		if (n <= m || strcmp(path + n - m, ending[i]))
			continue;
		spk_fail(err, SPK_UNSUPPORTED, "reading files compressed as *%s (%s)", ending[i], path);
		return spk_hint(err, "compress it as .gz or .zst, or not at all");
	}
	return SPK_OK;
}

/* Files being collected. */
struct found { struct spk_arena *arena; const char **path; int count, capacity; };

static spk_status add_file(struct found *f, const char *path, spk_error *err)
{
	if (f->count == f->capacity) {
		int capacity = f->capacity ? 2 * f->capacity : 16;
		const char **grown = SPK_NEW_ARRAY(f->arena, const char *, capacity);

		SPK_TRY_PTR(grown, err);
		if (f->count)
			memcpy(grown, f->path, sizeof(*grown) * (size_t)f->count);
		f->path = grown;
		f->capacity = capacity;
	}
	f->path[f->count++] = path;
	return SPK_OK;
}

/* The files of a directory and, key by key, those of directories named key=value. */
static spk_status list_directory(struct found *f, const char *path, int depth, spk_error *err)
{
	struct spk_dir_entries entries = { 0 };
	size_t n = strlen(path);

	if (depth > DEPTH_MOST)
		return spk_fail(err, SPK_USAGE, "directories named key=value go deeper than %d levels in '%s'", DEPTH_MOST, path);
	SPK_TRY(spk_dir_list(path, f->arena, &entries, err));
	for (int i = 0; i < entries.count; i++) {
		const char *name = entries.name[i], *entry = spk_arena_printf(f->arena, "%s%s%s", path, path[n - 1] == '/' ? "" : "/", name);

		SPK_TRY_PTR(entry, err);
		if (name[0] == '.' || name[0] == '_')
			continue;
		if (is_plain_file(entry))
			SPK_TRY(add_file(f, entry, err));
		else if (strchr(name, '=') > name && is_directory(entry))
			SPK_TRY(list_directory(f, entry, depth + 1, err));
	}
	return SPK_OK;
}

static spk_status list_pattern(struct found *f, const char *path, spk_error *err)
{
	glob_t found = { 0 };
	int failed = glob(path, 0, NULL, &found);
	spk_status status = SPK_OK;

	if (failed == GLOB_NOSPACE)
		return spk_fail(err, SPK_NO_MEMORY, "no memory to list %s", path);
	for (size_t i = 0; !failed && i < found.gl_pathc && status == SPK_OK; i++) {
		const char *file = spk_arena_strdup(f->arena, found.gl_pathv[i]);

		if (!file)
			status = spk_fail_memory(err);
		else if (is_plain_file(file))
			status = add_file(f, file, err);
		else if (is_directory(file))
			status = list_directory(f, file, 0, err);
	}
	if (!failed)
		globfree(&found);
	SPK_TRY(status);
	return f->count ? SPK_OK : spk_fail(err, SPK_NOT_FOUND, "no file matches '%s'", path);
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

spk_status spk_files_find(const char *path, struct spk_arena *arena, struct spk_files *out, spk_error *err)
{
	struct found f = { .arena = arena };
	struct stat st;

	*out = (struct spk_files){ 0 };
	if (stat(path, &st) != 0) {
		if (!strpbrk(path, "*?["))
			return spk_fail_errno(err, errno, "cannot read '%s'", path);
		SPK_TRY(list_pattern(&f, path, err));
	} else if (S_ISDIR(st.st_mode)) {
		SPK_TRY(list_directory(&f, path, 0, err));
	} else {
		const char *copy = spk_arena_strdup(arena, path);

		SPK_TRY_PTR(copy, err);
		SPK_TRY(add_file(&f, copy, err));
	}
	if (f.count)
		qsort(f.path, (size_t)f.count, sizeof(*f.path), compare_paths);
	for (int i = 0; i < f.count; i++)
		SPK_TRY(refuse_compressed(f.path[i], err));
	*out = (struct spk_files){ f.path, f.count };
	return SPK_OK;
}

const char *spk_files_format(const char *path)
{
	static const char *const ending[][2] = { { ".csv", "csv" }, { ".tsv", "csv" }, { ".json", "json" }, { ".ndjson", "json" }, { ".jsonl", "json" } };
	size_t n;

	spk_file_compression(path, &n);
	for (size_t i = 0; i < SPK_COUNT_OF(ending); i++) {
		size_t m = strlen(ending[i][0]);

		if (n > m && !strncasecmp(path + n - m, ending[i][0], m))
			return ending[i][1];
	}
	return NULL;
}
