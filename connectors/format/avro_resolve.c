/*
 * Avro's schema resolution: the writer's schema on one side, the columns of a table on the other, with the reader's schema, where there is one,
 * for aliases and defaults.
 *
 * Goes beyond the specification where nothing can be lost: an int may go into a smallint (what does not fit is a bad row) and an integer into a
 * numeric, a decimal into a numeric of more digits, a time in one unit into a column of another. Falls short of it in one point: a number without
 * a logical type does not become a time, because nothing says what it counts.
 */
#include "connectors/format/avro_step.h"

#include <stdio.h>

struct resolving { struct spk_arena *arena; char why[400]; };

static spk_status resolve(struct resolving *r, const struct spk_avro_type *from, const struct spk_avro_type *reader, struct spk_type to, const char *name, struct spk_avro_step *out, spk_error *err);

static spk_status never(struct resolving *r, struct spk_avro_step *s, spk_error *err)
{
	s->op = SPK_AVRO_OP_NEVER;
	s->why = spk_arena_strdup(r->arena, r->why);
	SPK_TRY_PTR(s->why, err);
	return SPK_OK;
}

static const char *way_out(const struct spk_avro_type *from, struct spk_type to)
{
	if (from->kind == SPK_AVRO_LONG && (to.id == SPK_TYPE_SMALLINT || to.id == SPK_TYPE_INTEGER))
		return "; declare it bigint";
	if (from->kind == SPK_AVRO_DOUBLE && to.id == SPK_TYPE_REAL)
		return "; declare it double precision";
	if (from->kind == SPK_AVRO_RECORD || from->kind == SPK_AVRO_MAP || from->kind == SPK_AVRO_ARRAY || from->kind == SPK_AVRO_UNION)
		return "; declare it jsonb";
	if ((from->kind == SPK_AVRO_INT || from->kind == SPK_AVRO_LONG) && !from->logical && (to.id == SPK_TYPE_DATE || to.id == SPK_TYPE_TIME || to.id == SPK_TYPE_TIMESTAMP || to.id == SPK_TYPE_TIMESTAMPTZ))
		return "; without a logical type nothing says what it counts: declare it bigint and compute the time";
	if (from->logical >= SPK_AVRO_LOCAL_MILLIS && from->logical <= SPK_AVRO_LOCAL_NANOS && to.id == SPK_TYPE_TIMESTAMPTZ)
		return "; a local timestamp has no zone: declare it timestamp";
	return "";
}

static spk_status does_not_fit(struct resolving *r, const struct spk_avro_type *from, struct spk_type to, struct spk_avro_step *s, spk_error *err)
{
	char type[64], avro[128];

	snprintf(r->why, sizeof(r->why), "field \"%.80s\" is %s, which cannot be read as %s%s", s->name, spk_avro_type_format(from, avro, sizeof(avro)),
	         spk_type_format(to, type, sizeof(type)), way_out(from, to));
	return never(r, s, err);
}

/* --- scalars --- */

/* The logical type that counts: the writer's, else the reader's over the same kind. */
static enum spk_avro_logical logical_of(const struct spk_avro_type *from, const struct spk_avro_type *reader)
{
	return from->logical || !reader || reader->kind != from->kind ? from->logical : reader->logical;
}

/* Microseconds that one of a time's unit is; negative: how many of them one is; 0: it is no such time. */
static int64_t time_factor(enum spk_avro_logical logical, enum spk_type_id to)
{
	bool time = to == SPK_TYPE_TIME, local = to == SPK_TYPE_TIMESTAMP, stamp = local || to == SPK_TYPE_TIMESTAMPTZ;

	switch (logical) {
	case SPK_AVRO_TIME_MILLIS: return time ? 1000 : 0;
	case SPK_AVRO_TIME_MICROS: return time ? 1 : 0;
	case SPK_AVRO_TIMESTAMP_MILLIS: return stamp ? 1000 : 0;
	case SPK_AVRO_TIMESTAMP_MICROS: return stamp ? 1 : 0;
	case SPK_AVRO_TIMESTAMP_NANOS: return stamp ? -1000 : 0;
	case SPK_AVRO_LOCAL_MILLIS: return local ? 1000 : 0;
	case SPK_AVRO_LOCAL_MICROS: return local ? 1 : 0;
	case SPK_AVRO_LOCAL_NANOS: return local ? -1000 : 0;
	default: return 0;
	}
}

static enum spk_avro_op number_op(enum spk_avro_kind from, enum spk_type_id to)
{
	bool whole = from == SPK_AVRO_INT || from == SPK_AVRO_LONG;

	switch (to) {
	case SPK_TYPE_SMALLINT: return from == SPK_AVRO_INT ? SPK_AVRO_OP_INTEGER : SPK_AVRO_OP_NEVER;
	case SPK_TYPE_INTEGER: return from == SPK_AVRO_INT ? SPK_AVRO_OP_INT : SPK_AVRO_OP_NEVER;
	case SPK_TYPE_BIGINT: return from == SPK_AVRO_LONG ? SPK_AVRO_OP_LONG : whole ? SPK_AVRO_OP_INTEGER : SPK_AVRO_OP_NEVER;
	case SPK_TYPE_REAL: return whole ? SPK_AVRO_OP_INTEGER : from == SPK_AVRO_FLOAT ? SPK_AVRO_OP_FLOAT : SPK_AVRO_OP_NEVER;
	case SPK_TYPE_DOUBLE: return whole ? SPK_AVRO_OP_INTEGER : from == SPK_AVRO_FLOAT ? SPK_AVRO_OP_FLOAT_DOUBLE : from == SPK_AVRO_DOUBLE ? SPK_AVRO_OP_DOUBLE : SPK_AVRO_OP_NEVER;
	case SPK_TYPE_DECIMAL: return whole ? SPK_AVRO_OP_INTEGER : SPK_AVRO_OP_NEVER;
	default: return SPK_AVRO_OP_NEVER;
	}
}

static enum spk_avro_op scalar_op(const struct spk_avro_type *from, enum spk_avro_logical logical, struct spk_type to)
{
	bool bytes = from->kind == SPK_AVRO_BYTES || from->kind == SPK_AVRO_STRING || from->kind == SPK_AVRO_FIXED;

	switch (to.id) {
	case SPK_TYPE_BOOLEAN:
		return from->kind == SPK_AVRO_BOOLEAN ? SPK_AVRO_OP_BOOLEAN : SPK_AVRO_OP_NEVER;
	case SPK_TYPE_TEXT:
		if (from->kind == SPK_AVRO_ENUM)
			return SPK_AVRO_OP_ENUM;
		if (from->kind == SPK_AVRO_FIXED)
			return logical == SPK_AVRO_UUID ? SPK_AVRO_OP_UUID : SPK_AVRO_OP_NEVER;
		return bytes && logical != SPK_AVRO_DECIMAL ? SPK_AVRO_OP_TEXT : SPK_AVRO_OP_NEVER;
	case SPK_TYPE_BYTEA:
		return bytes ? SPK_AVRO_OP_BYTES : SPK_AVRO_OP_NEVER;
	case SPK_TYPE_DATE:
		return logical == SPK_AVRO_DATE ? SPK_AVRO_OP_INT : SPK_AVRO_OP_NEVER;
	case SPK_TYPE_DECIMAL:
		if (logical == SPK_AVRO_DECIMAL)
			return to.scale < 0 || from->scale <= to.scale ? SPK_AVRO_OP_DECIMAL : SPK_AVRO_OP_NEVER;
		return number_op(from->kind, to.id);
	case SPK_TYPE_INTERVAL:
		return logical == SPK_AVRO_DURATION ? SPK_AVRO_OP_DURATION : SPK_AVRO_OP_NEVER;
	default:
		return number_op(from->kind, to.id);
	}
}

static spk_status resolve_scalar(struct resolving *r, const struct spk_avro_type *from, const struct spk_avro_type *reader, struct spk_type to, struct spk_avro_step *out, spk_error *err)
{
	enum spk_avro_logical logical = logical_of(from, reader);

	out->factor = time_factor(logical, to.id);
	out->op = out->factor ? SPK_AVRO_OP_SCALED : scalar_op(from, logical, to);
	return out->op == SPK_AVRO_OP_NEVER ? does_not_fit(r, from, to, out, err) : SPK_OK;
}

/* --- arrays and unions --- */

/* The reader's type for the part of a value that is not NULL; NULL where it is not known. */
static const struct spk_avro_type *not_null(const struct spk_avro_type *reader)
{
	int null = reader ? spk_avro_null_branch(reader) : -1;

	if (!reader || reader->kind != SPK_AVRO_UNION)
		return reader;
	return null >= 0 && reader->count == 2 ? reader->item[!null] : NULL;
}

static spk_status resolve_array(struct resolving *r, const struct spk_avro_type *from, const struct spk_avro_type *reader, struct spk_type to, struct spk_avro_step *out, spk_error *err)
{
	if (from->kind != SPK_AVRO_ARRAY || spk_type_is_map(to))
		return does_not_fit(r, from, to, out, err);
	out->op = SPK_AVRO_OP_ARRAY;
	out->step = SPK_NEW(r->arena, struct spk_avro_step);
	SPK_TRY_PTR(out->step, err);
	SPK_TRY(resolve(r, from->item[0], reader && reader->kind == SPK_AVRO_ARRAY ? reader->item[0] : NULL, spk_type_element(to), out->name, out->step, err));
	if (out->step->op == SPK_AVRO_OP_NEVER) {
		out->op = SPK_AVRO_OP_NEVER;
		out->why = out->step->why;
	}
	return SPK_OK;
}

/* A branch that does not fit is found when it comes; if none does, the schema does not. */
static spk_status resolve_union(struct resolving *r, const struct spk_avro_type *from, const struct spk_avro_type *reader, struct spk_type to, struct spk_avro_step *out, spk_error *err)
{
	const struct spk_avro_step *bad = NULL;
	bool any = false;

	out->op = SPK_AVRO_OP_UNION;
	out->step = SPK_NEW_ARRAY(r->arena, struct spk_avro_step, from->count);
	SPK_TRY_PTR(out->step, err);
	for (int i = 0; i < from->count; i++) {
		SPK_TRY(resolve(r, from->item[i], reader, to, out->name, &out->step[i], err));
		if (out->step[i].op == SPK_AVRO_OP_JSON_TEXT && from->count > 1 + (spk_avro_null_branch(from) >= 0))
			out->step[i].op = SPK_AVRO_OP_JSON;  /* one of several kinds of values, and so no text of them all */
		if (out->step[i].op == SPK_AVRO_OP_NEVER)
			bad = &out->step[i];
		else
			any |= out->step[i].op != SPK_AVRO_OP_NULL;
	}
	if (bad && !any) {
		out->op = SPK_AVRO_OP_NEVER;
		out->why = bad->why;
	} else if (!bad && from->count == 2 && spk_avro_null_branch(from) >= 0) {
		/* The common one, without a step in between. */
		*out = out->step[!spk_avro_null_branch(from)];
		out->optional = from;
	}
	return SPK_OK;
}

/* --- records --- */

/* A child of a record or of the row: what it is called, what it is, where it goes (-1: nowhere). */
struct child { const char *name; struct spk_type type; int to; };

/* The writer's field of that name or of one of the aliases that the reader has for it; -1: none. */
static int find_source(const struct spk_avro_type *from, const struct spk_avro_field *reader, const char *name)
{
	int found = spk_avro_find(from, reader ? reader->name : name);

	for (int i = 0; reader && found < 0 && i < reader->aliases; i++)
		found = spk_avro_find(from, reader->alias[i]);
	return found;
}

/* A child that the writer does not have. */
static spk_status resolve_fill(struct resolving *r, const struct spk_avro_field *reader, const struct child *child, const char *name, struct spk_avro_step *out, spk_error *err)
{
	struct spk_avro_fill *f = &out->fill[out->fills];
	struct spk_buffer datum = { 0 };
	spk_status status;

	*f = (struct spk_avro_fill){ .to = child->to };
	if (child->to < 0)
		return SPK_OK;
	out->fills++;
	if (!reader || !reader->by_default)
		return SPK_OK;
	status = spk_avro_default(reader->type, reader->by_default, &datum, err);
	if (status == SPK_OK)  /* texts are taken with 16 bytes behind them */
		status = spk_buffer_append(&datum, (const char[16]){ 0 }, 16, err);
	if (status == SPK_OK && !(f->datum = spk_arena_copy(r->arena, datum.data, datum.size)))
		status = spk_fail_memory(err);
	f->size = status == SPK_OK ? datum.size - 16 : 0;
	spk_buffer_release(&datum);
	SPK_TRY(status);
	return resolve(r, reader->type, reader->type, child->type, name, &f->step, err);
}

static const char *path(struct resolving *r, const char *parent, const char *name)
{
	return *parent ? spk_arena_printf(r->arena, "%s.%s", parent, name) : name;
}

static spk_status resolve_fields(struct resolving *r, const struct spk_avro_type *from, const struct spk_avro_type *reader, const struct child *child, int children, struct spk_avro_step *out, spk_error *err)
{
	out->op = SPK_AVRO_OP_RECORD;
	out->step = SPK_NEW_ARRAY(r->arena, struct spk_avro_step, from->count + 1);
	out->to = SPK_NEW_ARRAY(r->arena, int, from->count + 1);
	out->fill = SPK_NEW_ARRAY(r->arena, struct spk_avro_fill, children + 1);
	SPK_TRY_PTR(out->step && out->to && out->fill, err);
	for (int i = 0; i < from->count; i++)
		out->to[i] = -1;
	for (int i = 0; i < children; i++) {
		int at = reader ? spk_avro_find(reader, child[i].name) : -1;
		const struct spk_avro_field *f = at >= 0 ? &reader->field[at] : NULL;
		int source = find_source(from, f, child[i].name);
		const char *name = path(r, out->name, child[i].name);

		SPK_TRY_PTR(name, err);
		if (source < 0) {
			SPK_TRY(resolve_fill(r, f, &child[i], name, out, err));
			continue;
		}
		if (out->to[source] >= 0 || out->step[source].op) {
			snprintf(r->why, sizeof(r->why), "field \"%.80s\" is meant by two columns", from->field[source].name);
			return never(r, out, err);
		}
		SPK_TRY(resolve(r, from->field[source].type, f ? f->type : NULL, child[i].type, name, &out->step[source], err));
		if (out->step[source].op == SPK_AVRO_OP_NEVER) {
			out->op = SPK_AVRO_OP_NEVER;
			out->why = out->step[source].why;
			return SPK_OK;
		}
		out->to[source] = child[i].to;
	}
	return SPK_OK;
}

static spk_status resolve_record(struct resolving *r, const struct spk_avro_type *from, const struct spk_avro_type *reader, struct spk_type to, struct spk_avro_step *out, spk_error *err)
{
	int n = to.children->count;
	struct child *child;

	if (from->kind != SPK_AVRO_RECORD)
		return does_not_fit(r, from, to, out, err);
	child = SPK_NEW_ARRAY(r->arena, struct child, n + 1);
	SPK_TRY_PTR(child, err);
	for (int i = 0; i < n; i++)
		child[i] = (struct child){ to.children->field[i].name, to.children->field[i].type, i };
	return resolve_fields(r, from, reader && reader->kind == SPK_AVRO_RECORD ? reader : NULL, child, n, out, err);
}

static spk_status resolve(struct resolving *r, const struct spk_avro_type *from, const struct spk_avro_type *reader, struct spk_type to, const char *name, struct spk_avro_step *out, spk_error *err)
{
	out->from = from;
	out->name = name;
	reader = not_null(reader);
	if (from->kind == SPK_AVRO_NULL) {
		out->op = SPK_AVRO_OP_NULL;
		return SPK_OK;
	}
	if (from->kind == SPK_AVRO_UNION)
		return resolve_union(r, from, reader, to, out, err);
	if (spk_type_is_json(to)) {
		out->op = from->kind == SPK_AVRO_STRING ? SPK_AVRO_OP_JSON_TEXT : SPK_AVRO_OP_JSON;
		return SPK_OK;
	}
	if (to.id == SPK_TYPE_ARRAY)
		return resolve_array(r, from, reader, to, out, err);
	if (to.id == SPK_TYPE_ROW)
		return resolve_record(r, from, reader, to, out, err);
	return resolve_scalar(r, from, reader, to, out, err);
}

/* --- the row --- */

static spk_status resolve_row(struct resolving *r, const struct spk_avro_type *writer, const struct spk_avro_reader *reader, struct spk_avro_program *p, spk_error *err)
{
	struct child *child = SPK_NEW_ARRAY(r->arena, struct child, reader->columns + 1);
	const struct spk_avro_type *schema = reader->schema ? not_null(reader->schema) : NULL;

	SPK_TRY_PTR(child, err);
	for (int i = 0; i < reader->columns; i++)
		child[i] = (struct child){ reader->column[i].name, reader->column[i].type, reader->column[i].column };
	p->root.from = writer;
	p->root.name = "";
	if (writer->kind == SPK_AVRO_RECORD)
		return resolve_fields(r, writer, schema && schema->kind == SPK_AVRO_RECORD ? schema : NULL, child, reader->columns, &p->root, err);
	if (reader->columns != 1) {
		char avro[128];

		snprintf(r->why, sizeof(r->why), "the schema is %s and no record of columns", spk_avro_type_format(writer, avro, sizeof(avro)));
		return never(r, &p->root, err);
	}
	p->plain = true;
	p->column = child[0].to;
	return resolve(r, writer, schema, child[0].type, child[0].name, &p->root, err);
}

/* A union of null and one record at the top: as the record, which then may be missing. */
static const struct spk_avro_type *row_of(const struct spk_avro_type *writer)
{
	const struct spk_avro_type *inner = not_null(writer);

	return inner && inner->kind == SPK_AVRO_RECORD ? inner : writer;
}

spk_status spk_avro_resolve(struct spk_arena *arena, const struct spk_avro_type *writer, const struct spk_avro_reader *reader, const struct spk_avro_program **out, spk_error *err)
{
	struct resolving r = { .arena = arena };
	struct spk_avro_program *p = SPK_NEW(arena, struct spk_avro_program);
	const struct spk_avro_type *row = row_of(writer);

	SPK_TRY_PTR(p, err);
	p->skip = reader->skip;
	SPK_TRY(resolve_row(&r, row, reader, p, err));
	if (p->root.op == SPK_AVRO_OP_NEVER)
		return spk_fail(err, SPK_DATA, "%s", p->root.why);
	p->wrapped = row == writer ? NULL : writer;
	*out = p;
	return SPK_OK;
}
