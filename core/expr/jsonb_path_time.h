/* Dates and times in jsonpath: what .datetime() makes, how it is compared and written. Private to core/expr. */
#ifndef SPK_CORE_EXPR_JSONB_PATH_TIME_H
#define SPK_CORE_EXPR_JSONB_PATH_TIME_H

#include "core/expr/jsonb.h"
#include "core/expr/template.h"
#include "core/expr/zone.h"

enum spk_path_time_kind { SPK_PATH_DATE, SPK_PATH_TIME, SPK_PATH_TIMETZ, SPK_PATH_TIMESTAMP, SPK_PATH_TIMESTAMPTZ };

/* `mark` is no JSON text's first byte: by it an item that points here is known until the path ends, when it becomes a string. */
enum { SPK_PATH_TIME_MARK = 1 };
struct spk_path_time {
	char mark;
	enum spk_path_time_kind kind;
	int32_t offset;                /* seconds east of UTC, of what has a zone */
	int64_t days, of_day;          /* local, as written */
};

static inline bool spk_json_is_time(struct spk_json j) { return *j.p == SPK_PATH_TIME_MARK; }

/* Reads the text by the template, or without one by the first of PostgreSQL's ISO formats that fits. DATA with PostgreSQL's message. */
spk_status spk_path_time_parse(const char *s, size_t size, const struct spk_template *t, struct spk_path_time *out, spk_error *err);
/* As .type() names it. */
const char *spk_path_time_type(enum spk_path_time_kind kind);
/* As JSON, with quotes; at most 64 bytes; returns the length. */
int spk_path_time_format(const struct spk_path_time *v, char *out);
/* Sets *order and returns true; false: kinds that have no order. *needs_zone: only the session's zone says, and `zoned` is not set. */
bool spk_path_time_compare(const struct spk_path_time *a, const struct spk_path_time *b, bool zoned, const struct spk_zone *zone, int *order, bool *needs_zone);

/* By a template, as to_timestamp but strict: separators are those of the template and nothing may be left (from_char.c). */
spk_status spk_template_read(const struct spk_template *t, const char *s, size_t size, struct spk_path_time *out, spk_error *err);

#endif
