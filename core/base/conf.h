/*
 * Configuration: one table of keys (conf_list.h), read from defaults, a file, the environment, `SET key = value` and -s
 * key=value, each overriding the one before. docs/configuration.md is generated from the same table.
 *
 * Environment names: key in upper case, '.' as '_', with prefix: memory.limit -> SPARKLET_MEMORY_LIMIT.
 * Values: bytes take KiB/MiB/GiB (also K/M/G), durations us/ms/s/min/h (bare numbers mean the key's unit), booleans
 * true/false/on/off/yes/no. ${file:PATH} and ${env:NAME} in a text value are replaced by what is there, and the value is
 * registered as a secret; $${ stands for a plain ${. Not thread-safe while being set; read-only afterwards, by any thread.
 */
#ifndef SPK_CORE_BASE_CONF_H
#define SPK_CORE_BASE_CONF_H

#include <stdint.h>

#include "core/base/buffer.h"
#include "core/base/conf_list.h"

enum spk_conf_kind { SPK_CONF_INT, SPK_CONF_BOOL, SPK_CONF_BYTES, SPK_CONF_DURATION, SPK_CONF_DOUBLE, SPK_CONF_TEXT, SPK_CONF_ENUM };

enum spk_conf_key {
#define SPK_CONF_KEY_ENUM(id, name, kind, unit, def, min, max, doc) SPK_CONF_##id,
	SPK_CONF_LIST(SPK_CONF_KEY_ENUM)
#undef SPK_CONF_KEY_ENUM
	SPK_CONF_COUNT
};

struct spk_conf;

struct spk_conf *spk_conf_new(void);  /* all defaults; NULL when memory is out */
struct spk_conf *spk_conf_copy(const struct spk_conf *conf);
void spk_conf_free(struct spk_conf *conf);
/* Sets one key by name; unknown names fail with a suggestion, values out of range with the range. */
spk_status spk_conf_set(struct spk_conf *conf, const char *name, const char *value, spk_error *err);
/* The same for good: spk_conf_set of this key still checks its value, but changes nothing. So -s outweighs SET in the SQL. */
spk_status spk_conf_fix(struct spk_conf *conf, const char *name, const char *value, spk_error *err);
/* key = value lines, '#' comments (at the start of a line or after a blank), values in '...' or "..." as they are. On
 * failure, which names file and line, nothing is set. */
spk_status spk_conf_load_file(struct spk_conf *conf, const char *path, spk_error *err);
/* Takes SPARKLET_<KEY> for every key; warns about names that look like one of them misspelt. On failure nothing is set. */
spk_status spk_conf_load_environment(struct spk_conf *conf, spk_error *err);

int64_t spk_conf_int(const struct spk_conf *conf, enum spk_conf_key key);  /* INT, BOOL, BYTES (bytes), DURATION (us), ENUM (index) */
/*
 * epoch.max.rows and epoch.max.bytes as they hold: from a memory.limit of 256 MiB on as they are set, below it in proportion. What an epoch takes on its way
 * is many times its rows.
 */
int64_t spk_conf_epoch_rows(const struct spk_conf *conf);
int64_t spk_conf_epoch_bytes(const struct spk_conf *conf);
double spk_conf_double(const struct spk_conf *conf, enum spk_conf_key key);
const char *spk_conf_text(const struct spk_conf *conf, enum spk_conf_key key);  /* valid while conf lives */
const char *spk_conf_name(enum spk_conf_key key);
/* True for keys of Flink's that jobs may set and that mean nothing here (table.exec.mini-batch.enabled). spk_conf_find does not know them. */
bool spk_conf_without_effect(const char *name);
/* Finds a key by name; unknown ones fail with a suggestion. */
spk_status spk_conf_find(const char *name, enum spk_conf_key *out, spk_error *err);
/* Appends the value as a user would write it ("16MiB", "100ms"), with secrets masked: for SHOW, EXPLAIN and logs. */
spk_status spk_conf_format(const struct spk_conf *conf, enum spk_conf_key key, struct spk_buffer *out, spk_error *err);
/* Generates docs/configuration.md. */
spk_status spk_conf_markdown(struct spk_buffer *out, spk_error *err);
/* The closest of `count` names to `name` within a third of its length, or NULL: for "did you mean". */
const char *spk_closest_name(const char *name, const char *const *names, int count);
/* Appends `text` with ${file:} and ${env:} replaced and registered as secrets; for options that are not keys, too. */
spk_status spk_conf_substitute(const char *text, struct spk_buffer *out, spk_error *err);
/* The same for what is no secret, such as an address: nothing is registered. */
spk_status spk_conf_substitute_plain(const char *text, struct spk_buffer *out, spk_error *err);
/* "4 MiB", "250 ms", "true" to a number in base units (bytes, us, 0/1). Fractions are fine if nothing is rounded off. */
spk_status spk_conf_parse_bytes(const char *text, int64_t *out, spk_error *err);
spk_status spk_conf_parse_duration(const char *text, int64_t unit_us, int64_t *out, spk_error *err);
spk_status spk_conf_parse_int(const char *text, int64_t *out, spk_error *err);
spk_status spk_conf_parse_double(const char *text, double *out, spk_error *err);
spk_status spk_conf_parse_bool(const char *text, int64_t *out, spk_error *err);

#endif
