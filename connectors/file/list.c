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

static spk_status list_directory(const char *path, struct spk_arena *arena, struct spk_files *out, spk_error *err)
{
	struct spk_dir_entries entries = { 0 };
	size_t n = strlen(path);

	SPK_TRY(spk_dir_list(path, arena, &entries, err));
	out->path = SPK_NEW_ARRAY(arena, const char *, entries.count + 1);
	SPK_TRY_PTR(out->path, err);
	for (int i = 0; i < entries.count; i++) {
		const char *file = spk_arena_printf(arena, "%s%s%s", path, path[n - 1] == '/' ? "" : "/", entries.name[i]);

		SPK_TRY_PTR(file, err);
		if (entries.name[i][0] != '.' && entries.name[i][0] != '_' && is_plain_file(file))
			out->path[out->count++] = file;
	}
	return SPK_OK;
}

static spk_status list_pattern(const char *path, struct spk_arena *arena, struct spk_files *out, spk_error *err)
{
	glob_t found = { 0 };
	int failed = glob(path, 0, NULL, &found);
	spk_status status = SPK_OK;

	if (failed == GLOB_NOSPACE)
		return spk_fail(err, SPK_NO_MEMORY, "no memory to list %s", path);
	out->path = SPK_NEW_ARRAY(arena, const char *, failed ? 1 : found.gl_pathc + 1);
	for (size_t i = 0; !failed && out->path && i < found.gl_pathc && status == SPK_OK; i++) {
		const char *file = spk_arena_strdup(arena, found.gl_pathv[i]);

		if (!file)
			status = spk_fail_memory(err);
		else if (is_plain_file(file))
			out->path[out->count++] = file;
	}
	if (!failed)
		globfree(&found);
	SPK_TRY_PTR(out->path, err);
	SPK_TRY(status);
	return out->count ? SPK_OK : spk_fail(err, SPK_NOT_FOUND, "no file matches '%s'", path);
}

spk_status spk_files_find(const char *path, struct spk_arena *arena, struct spk_files *out, spk_error *err)
{
	struct stat st;

	*out = (struct spk_files){ 0 };
	if (stat(path, &st) != 0) {
		if (!strpbrk(path, "*?["))
			return spk_fail_errno(err, errno, "cannot read '%s'", path);
		SPK_TRY(list_pattern(path, arena, out, err));
	} else if (S_ISDIR(st.st_mode)) {
		SPK_TRY(list_directory(path, arena, out, err));
	} else {
		out->path = SPK_NEW_ARRAY(arena, const char *, 1);
		SPK_TRY_PTR(out->path, err);
		out->path[0] = spk_arena_strdup(arena, path);
		SPK_TRY_PTR(out->path[0], err);
		out->count = 1;
	}
	for (int i = 0; i < out->count; i++)
		SPK_TRY(refuse_compressed(out->path[i], err));
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
