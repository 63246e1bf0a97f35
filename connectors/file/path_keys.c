/*
 * Columns that stand in paths: directories named key=value, as Hive and Spark write partitions. %XX in them is the byte of that number;
 * __HIVE_DEFAULT_PARTITION__ is NULL.
 */
#include "connectors/file/file.h"

#include "core/base/check.h"
#include "core/expr/text.h"
#include "connectors/format/simdjson_shim.h"

/* The directories that several paths all begin with. */
static size_t common_part(const char *paths)
{
	size_t n = strcspn(paths, "*?[\x1f");

	for (const char *p = strchr(paths, SPK_PATH_SEPARATOR); p; p = strchr(p + 1, SPK_PATH_SEPARATOR)) {
		size_t same = 0;

		while (same < n && p[1 + same] == paths[same])
			same++;
		n = same;
	}
	while (n && paths[n - 1] != '/')
		n--;
	return n;
}

/* How much of a path names files by itself: a directory, or what is before the first name with a wildcard. */
static size_t fixed_part(const char *path, const struct spk_files *files)
{
	size_t n = strcspn(path, "*?[");

	if (strchr(path, SPK_PATH_SEPARATOR))
		return common_part(path);
	if (files->count == 1 && strcmp(files->path[0], path) == 0)
		return n;
	if (path[n] == '\0')
		return n;
	while (n && path[n - 1] != '/')
		n--;
	return n;
}

/* The next directory named key=value from p on; NULL: there is none. *size of the key. */
static const char *next_key(const char *p, size_t *size)
{
	while (p && *p) {
		const char *slash = strchr(p, '/'), *equals = strchr(p, '=');

		if (!slash)
			return NULL;
		if (equals && equals < slash && equals > p) {
			*size = (size_t)(equals - p);
			return p;
		}
		p = slash + 1;
	}
	return NULL;
}

static bool has_keys(const char *file, size_t fixed, const struct spk_path_keys *keys)
{
	const char *p = file + fixed;
	int n = 0;

	for (size_t size; (p = next_key(p, &size)); p += size) {
		if (n == keys->count || strlen(keys->key[n]) != size || memcmp(keys->key[n], p, size) != 0)
			return false;
		n++;
	}
	return n == keys->count;
}

spk_status spk_path_keys_find(const char *path, const struct spk_files *files, struct spk_arena *arena, struct spk_path_keys *out, spk_error *err)
{
	size_t fixed = fixed_part(path, files), most = 0;
	const char *p = files->count ? files->path[0] + SPK_MIN(fixed, strlen(files->path[0])) : NULL;

	*out = (struct spk_path_keys){ 0 };
	for (const char *c = p; c && *c; c++)
		most += *c == '/';
	out->key = SPK_NEW_ARRAY(arena, const char *, most + 1);
	SPK_TRY_PTR(out->key, err);
	for (size_t size; (p = next_key(p, &size)); p += size) {
		out->key[out->count] = spk_arena_strndup(arena, p, size);
		SPK_TRY_PTR(out->key[out->count++], err);
	}
	for (int i = 1; i < files->count; i++)
		if (!has_keys(files->path[i], fixed, out))
			out->count = 0;
	return SPK_OK;
}

/* The last directory of that key. */
static const char *find_value(const char *file, const char *key, size_t *length)
{
	size_t n = strlen(key), size;
	const char *found = NULL;

	for (const char *p = file; (p = next_key(p, &size)); p += size) {
		if (size != n || memcmp(p, key, n) != 0)
			continue;
		found = p + n + 1;
		*length = strcspn(found, "/");
	}
	return found;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

spk_status spk_path_value(const char *file, const char *key, struct spk_arena *arena, const char **out, size_t *length, spk_error *err)
{
	const char *value = find_value(file, key, length);
	size_t n = 0;
	char *text;

	*out = NULL;
	if (!value)
		return spk_fail(err, SPK_DATA, "file '%s' lies in no directory named %s=...", file, key);
	if (*length == strlen("__HIVE_DEFAULT_PARTITION__") && memcmp(value, "__HIVE_DEFAULT_PARTITION__", *length) == 0)
		return SPK_OK;
	text = spk_arena_alloc(arena, *length + 1);
	SPK_TRY_PTR(text, err);
	for (size_t i = 0; i < *length; i++) {
		bool escaped = value[i] == '%' && i + 2 < *length && hex_digit(value[i + 1]) >= 0 && hex_digit(value[i + 2]) >= 0;

		text[n++] = (char)(escaped ? hex_digit(value[i + 1]) << 4 | hex_digit(value[i + 2]) : value[i]);
		i += escaped ? 2 : 0;
	}
	text[n] = '\0';
	*length = n;
	*out = text;
	return SPK_OK;
}

spk_status spk_path_column(const char *file, const char *key, struct spk_type type, const char *timezone, struct spk_vector *v, struct spk_arena *arena, spk_error *err)
{
	const char *text;
	size_t length;
	struct spk_value value;
	spk_status status;

	SPK_TRY(spk_path_value(file, key, arena, &text, &length, err));
	if (!text)
		return spk_vector_init_constant(v, type, NULL, arena, err);
	if (!spk_simdjson_is_text(text, length))
		return spk_fail(err, SPK_DATA, "file '%s': the value of %s is not UTF-8 text", file, key);
	value = (struct spk_value){ .type = type };
	status = spk_text_to_value(type, text, length, timezone, &value.boolean, err);
	if (status != SPK_OK)
		return spk_error_context(err, "file '%s', %s=%s", file, key, text), status;
	return spk_vector_init_constant(v, type, spk_value_bytes(&value), arena, err);
}
