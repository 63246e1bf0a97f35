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

static spk_status check_path(const char *path, const struct spk_conf *conf, spk_error *err)
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

/* The next of several paths, in the arena; *rest moves behind it, NULL at the end. */
static spk_status next_path(const char **rest, struct spk_arena *arena, const char **out, spk_error *err)
{
	const char *stop = strchr(*rest, SPK_PATH_SEPARATOR);

	*out = spk_arena_strndup(arena, *rest, stop ? (size_t)(stop - *rest) : strlen(*rest));
	SPK_TRY_PTR(*out, err);
	*rest = stop ? stop + 1 : NULL;
	return SPK_OK;
}

spk_status spk_files_check_path(const char *paths, const struct spk_conf *conf, spk_error *err)
{
	struct spk_arena *arena;
	const char *path;
	spk_status status = SPK_OK;

	if (!strchr(paths, SPK_PATH_SEPARATOR))
		return check_path(paths, conf, err);
	arena = spk_arena_new(NULL);
	SPK_TRY_PTR(arena, err);
	while (status == SPK_OK && paths) {
		status = next_path(&paths, arena, &path, err);
		if (status == SPK_OK)
			status = check_path(path, conf, err);
	}
	spk_arena_unref(arena);
	return status;
}

/* --- options --- */

spk_status spk_files_interval(const struct spk_table *t, int64_t *us, spk_error *err)
{
	const char *text = spk_format_option(t, "source.monitor-interval");

	*us = 0;
	if (!text)
		return SPK_OK;
	if (spk_conf_parse_duration(text, 1000, us, err) == SPK_OK && *us > 0)
		return SPK_OK;
	spk_fail(err, SPK_USAGE, "'source.monitor-interval' = '%s' is not a time", text);
	return spk_hint(err, "'10 s', '500 ms', '1 min'");
}

spk_status spk_files_check_table(const struct spk_table *t, const struct spk_conf *conf, spk_error *err)
{
	const char *path = spk_format_option(t, "path"), *wrong = "path";
	int64_t interval;
	spk_status status;

	if (*path)
		status = spk_files_check_path(path, conf, err);
	else
		status = spk_fail(err, SPK_USAGE, "'path' is empty");
	if (status == SPK_OK) {
		status = spk_files_interval(t, &interval, err);
		wrong = "source.monitor-interval";
	}
	if (status == SPK_OK)
		return SPK_OK;
	spk_error_context(err, "table \"%s\"", t->name);
	for (int i = 0; err && i < t->option_count; i++)
		if (!strcmp(t->option[i].key, wrong))
			err->position = t->option[i].position;
	return status;
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
/* none: a pattern may match nothing. */
struct found { struct spk_arena *arena; const char **path; int count, capacity; bool none; };

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

/* What a pattern matches: files, and those of directories unless only files are wanted. */
static spk_status match(struct found *f, const char *pattern, bool directories, spk_error *err)
{
	glob_t found = { 0 };
	int failed = glob(pattern, 0, NULL, &found);
	spk_status status = SPK_OK;

	if (failed == GLOB_NOSPACE)
		return spk_fail(err, SPK_NO_MEMORY, "no memory to list %s", pattern);
	for (size_t i = 0; !failed && i < found.gl_pathc && status == SPK_OK; i++) {
		const char *file = spk_arena_strdup(f->arena, found.gl_pathv[i]);

		if (!file)
			status = spk_fail_memory(err);
		else if (is_plain_file(file))
			status = add_file(f, file, err);
		else if (directories && is_directory(file))
			status = list_directory(f, file, 0, err);
	}
	if (!failed)
		globfree(&found);
	return status;
}

/* A name as a pattern that matches nothing else. */
static const char *quote_pattern(struct spk_arena *arena, const char *name)
{
	char *out = spk_arena_alloc(arena, 2 * strlen(name) + 1), *p = out;

	for (; out && *name; name++) {
		if (strchr("*?[]\\", *name))
			*p++ = '\\';
		*p++ = *name;
	}
	if (out)
		*p = '\0';
	return out;
}

/* The files that `rest` names in a directory and in all below it, but for hidden ones. Links to directories are not followed: they may go round. */
static spk_status list_below(struct found *f, const char *directory, const char *rest, int depth, spk_error *err)
{
	struct spk_dir_entries entries = { 0 };
	const char *quoted = quote_pattern(f->arena, directory), *pattern;
	struct stat st;

	if (depth > DEPTH_MOST)
		return spk_fail(err, SPK_USAGE, "directories below '%s' are more than %d levels deep", directory, DEPTH_MOST);
	SPK_TRY_PTR(quoted, err);
	pattern = spk_arena_printf(f->arena, "%s%s", quoted, rest);
	SPK_TRY_PTR(pattern, err);
	SPK_TRY(match(f, pattern, false, err));
	SPK_TRY(spk_dir_list(*directory ? directory : ".", f->arena, &entries, err));
	for (int i = 0; i < entries.count; i++) {
		const char *entry = spk_arena_printf(f->arena, "%s%s/", directory, entries.name[i]);

		SPK_TRY_PTR(entry, err);
		if (entries.name[i][0] == '.' || lstat(spk_arena_strndup(f->arena, entry, strlen(entry) - 1), &st) != 0 || !S_ISDIR(st.st_mode))
			continue;
		SPK_TRY(list_below(f, entry, rest, depth + 1, err));
	}
	return SPK_OK;
}

/* Where a pattern has a whole name of two stars, which stands for any number of directories; NULL: nowhere. */
static const char *two_stars(const char *path)
{
	for (const char *p = strstr(path, "**"); p; p = strstr(p + 1, "**"))
		if ((p == path || p[-1] == '/') && (p[2] == '/' || p[2] == '\0'))
			return p;
	return NULL;
}

/* a/(two stars)/b: every directory that a names is the top of a tree. */
static spk_status list_deep(struct found *f, const char *path, const char *stars, spk_error *err)
{
	const char *tops = spk_arena_strndup(f->arena, path, (size_t)(stars - path)), *rest = stars[2] && stars[3] ? stars + 3 : "*";
	glob_t found = { 0 };
	spk_status status = SPK_OK;
	int failed;

	SPK_TRY_PTR(tops, err);
	if (two_stars(rest))
		return spk_fail(err, SPK_UNSUPPORTED, "'**' twice in '%s'", path);
	if (!*tops)
		return list_below(f, "", rest, 0, err);
	failed = glob(tops, GLOB_ONLYDIR | GLOB_MARK, NULL, &found);
	if (failed == GLOB_NOSPACE)
		return spk_fail(err, SPK_NO_MEMORY, "no memory to list %s", path);
	for (size_t i = 0; !failed && i < found.gl_pathc && status == SPK_OK; i++)
		if (is_directory(found.gl_pathv[i]))
			status = list_below(f, found.gl_pathv[i], rest, 0, err);
	if (!failed)
		globfree(&found);
	return status;
}

static spk_status list_pattern(struct found *f, const char *path, spk_error *err)
{
	const char *stars = two_stars(path);
	int before = f->count;

	if (stars)
		SPK_TRY(list_deep(f, path, stars, err));
	else
		SPK_TRY(match(f, path, true, err));
	return f->none || f->count > before ? SPK_OK : spk_fail(err, SPK_NOT_FOUND, "no file matches '%s'", path);
}

static spk_status list_path(struct found *f, const char *path, spk_error *err)
{
	struct stat st;
	const char *copy;

	if (stat(path, &st) != 0) {
		if (!strpbrk(path, "*?["))
			return spk_fail_errno(err, errno, "cannot read '%s'", path);
		return list_pattern(f, path, err);
	}
	if (S_ISDIR(st.st_mode))
		return list_directory(f, path, 0, err);
	copy = spk_arena_strdup(f->arena, path);
	SPK_TRY_PTR(copy, err);
	return add_file(f, copy, err);
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* In order, and each once. */
static void sort_files(struct found *f)
{
	int n = 0;

	if (!f->count)
		return;
	qsort(f->path, (size_t)f->count, sizeof(*f->path), compare_paths);
	for (int i = 0; i < f->count; i++)
		if (i == 0 || strcmp(f->path[i], f->path[n - 1]) != 0)
			f->path[n++] = f->path[i];
	f->count = n;
}

/* A pattern may lead through links to where a path by itself may not. */
static spk_status check_found(const struct found *f, const struct spk_conf *conf, spk_error *err)
{
	if (!conf || !*spk_conf_text(conf, SPK_CONF_FILES_ROOT))
		return SPK_OK;
	for (int i = 0; i < f->count; i++)
		SPK_TRY(check_path(f->path[i], conf, err));
	return SPK_OK;
}

static spk_status find(const char *paths, bool none, const struct spk_conf *conf, struct spk_arena *arena, struct spk_files *out, spk_error *err)
{
	struct found f = { .arena = arena, .none = none };
	const char *path;

	*out = (struct spk_files){ 0 };
	SPK_TRY(spk_files_check_path(paths, conf, err));
	for (const char *rest = paths; rest;) {
		SPK_TRY(next_path(&rest, arena, &path, err));
		SPK_TRY(list_path(&f, path, err));
	}
	sort_files(&f);
	SPK_TRY(check_found(&f, conf, err));
	for (int i = 0; i < f.count; i++)
		SPK_TRY(refuse_compressed(f.path[i], err));
	*out = (struct spk_files){ f.path, f.count };
	return SPK_OK;
}

spk_status spk_files_find(const char *paths, const struct spk_conf *conf, struct spk_arena *arena, struct spk_files *out, spk_error *err)
{
	return find(paths, false, conf, arena, out, err);
}

spk_status spk_files_of_table(const struct spk_table *t, const struct spk_conf *conf, struct spk_arena *arena, struct spk_files *out, spk_error *err)
{
	int64_t watch_us;

	SPK_TRY(spk_files_interval(t, &watch_us, err));
	return find(spk_format_option(t, "path"), watch_us > 0, conf, arena, out, err);
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
