/*
 * The only door to C++: what Sparklet takes from simdjson, as plain C. No exception and no C++ type comes through.
 *
 * From simdjson we use its first stage, the vectorised part (chosen at run time for the CPU): one pass that checks UTF-8, finds
 * strings and lists where every token begins. The walk over that list is ours (json_walk.h), because it decodes straight into
 * columns, skips what is not needed and yet checks it, and because simdjson's own walkers would be compiled here for the oldest
 * CPU of the distribution. Verified against Debian 12's 3.0.1.
 *
 * A parser is used by one thread at a time and grows to the longest row it has seen.
 */
#ifndef SPK_CONNECTORS_FORMAT_SIMDJSON_SHIM_H
#define SPK_CONNECTORS_FORMAT_SIMDJSON_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct spk_simdjson;

/* Token starts of one text. Two more entries follow the last and hold a readable position: the text's size. */
struct spk_json_index { const uint32_t *at; uint32_t count; };

struct spk_simdjson *spk_simdjson_new(void);  /* NULL when memory is out */
void spk_simdjson_free(struct spk_simdjson *p);  /* NULL is fine */
/* Bytes of the parser's tables, for the memory budget. */
size_t spk_simdjson_bytes(const struct spk_simdjson *p);

/*
 * Indexes data[0, size). NULL when it went well, else what is wrong with the text ("invalid UTF-8", ...), a static string;
 * spk_simdjson_no_memory when memory is out. *out is valid until the next call on this parser.
 */
const char *spk_simdjson_index(struct spk_simdjson *p, const char *data, size_t size, struct spk_json_index *out);
extern const char spk_simdjson_no_memory[];

/* The double nearest to the decimal number s[0, size) (JSON's grammar, checked before); false: out of a double's range. */
bool spk_simdjson_double(const char *s, size_t size, double *out);

/* Whether bytes are UTF-8 without NUL: what a text may hold. */
bool spk_simdjson_is_text(const char *s, size_t size);

#ifdef __cplusplus
}
#endif

#endif
