/* What the files about jsonb share. Private to core/expr. */
#ifndef SPK_CORE_EXPR_JSONB_H
#define SPK_CORE_EXPR_JSONB_H

#include "core/columnar/jsonb.h"
#include "core/expr/array.h"

/* A json or jsonb value, or a part of one: the bytes from `p` to `end`. */
struct spk_json { const char *p, *end; };

/* Without the blanks around it, which the type json may have. */
static inline struct spk_json spk_json_of(const struct spk_view *v)
{
	const char *p = spk_view_data(v), *end = p + v->length;

	while (p < end && (unsigned char)*p <= ' ')
		p++;
	while (end > p && (unsigned char)end[-1] <= ' ')
		end--;
	return (struct spk_json){ p, end };
}
static inline struct spk_json spk_json_at(const struct spk_reader *r, int row) { return spk_json_of(&SPK_ARG(struct spk_view, *r, row)); }
static inline enum spk_jsonb_type spk_json_type(struct spk_json j) { return spk_jsonb_type(j.p); }
static inline bool spk_json_is_container(struct spk_json j) { return *j.p == '{' || *j.p == '['; }
/* Part of a value that lives as long as the result. */
static inline struct spk_view spk_json_view(struct spk_json j) { return spk_view(j.p, (uint32_t)(j.end - j.p)); }

/* What kernels that write values need from row to row: the value is made in `text`. */
struct spk_json_work {
	const struct spk_call *call;
	struct spk_vector *out;
	struct spk_json_parser parser;
	struct spk_buffer text, scratch;
	void *user;
};
/* Calls `one` for every row of the call, with `text` empty; what it leaves there is the row's value unless it says `*done`: then it has
 * set the row itself (NULL, failed). */
typedef spk_status (*spk_json_row)(struct spk_json_work *w, int row, bool *done, spk_error *err);
spk_status spk_json_rows(const struct spk_call *call, struct spk_vector *out, spk_json_row one, void *user, spk_error *err);

static inline spk_status spk_json_append(struct spk_buffer *out, struct spk_json j, spk_error *err)
{
	return spk_buffer_append(out, j.p, (size_t)(j.end - j.p), err);
}
static inline spk_status spk_json_put(struct spk_buffer *out, const char *s, spk_error *err) { return spk_buffer_append(out, s, strlen(s), err); }

/* Value of the member whose name lies between these, escaped as names are. */
bool spk_json_member_raw(struct spk_json j, const char *key, const char *key_end, struct spk_json *out);
/* One step of a path by text: a member's name, or an element's number. */
bool spk_json_step(struct spk_json j, const char *name, size_t size, struct spk_json *out);
/* Whether `whole` contains `part`, as @> has it. */
bool spk_json_contains(struct spk_json whole, struct spk_json part);

/* How values are written as JSON. */
struct spk_json_form {
	bool json;       /* as the type json: arrays and records without blanks; else as jsonb */
	bool lines;      /* with json: elements or fields of the value itself on lines of their own */
	bool loose;      /* set when what was written need not have jsonb's form */
};
/* Appends a value of any type as JSON. */
spk_status spk_json_append_value(struct spk_buffer *out, const struct spk_vector *v, uint32_t slot, const char *timezone, struct spk_json_form *form, spk_error *err);
/* The same of a scalar as a member's name; *wrong: PostgreSQL's message when it cannot be one. */
spk_status spk_json_append_name(struct spk_buffer *out, const struct spk_vector *v, uint32_t slot, const char *timezone, const char **wrong, spk_error *err);

#endif
