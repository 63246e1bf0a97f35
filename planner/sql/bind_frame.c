/*
 * Frames of window functions: ROWS, GROUPS and RANGE.
 *
 * RANGE with an offset compares sort keys. Here it becomes two expressions over the row, the keys at the frame's edges, in a type wide
 * enough that none overflows for want of room: whoever runs it only compares.
 */
#include "planner/sql/bind_frame.h"

#include <string.h>

#include "planner/sql/bind.h"

static enum spk_frame_bound bound_of(int options, const int *bit)
{
	for (int i = 0; i < 5; i++)
		if (options & bit[i])
			return (enum spk_frame_bound)i;
	return SPK_FRAME_CURRENT;
}

static spk_status bind_offset(struct spk_exprs *x, const PgQuery__Node *n, const char *clause, struct spk_expr **out, spk_error *err)
{
	struct spk_exprs here = *x;

	here.clause = strcmp(clause, "ROWS") == 0 ? "window ROWS" : strcmp(clause, "RANGE") == 0 ? "window RANGE" : "window GROUPS";
	here.aggregates = NULL;
	return spk_binder_expr(&here, n, out, err);
}

/* The same for all rows: a subquery may stand in it, if it looks at none of this query's columns. */
static spk_status check_constant(struct spk_exprs *x, struct spk_expr *e, const PgQuery__Node *n, const char *clause, spk_error *err)
{
	struct spk_level level = { 0 };

	SPK_TRY(spk_binder_level(x->b, &e, 1, &level, err));
	return level.local ? spk_binder_fail(x->b, spk_node_location(n), SPK_BIND, err, "argument of %s must not contain variables", clause) : SPK_OK;
}

/* The type in which keys and edges of RANGE are compared, and the offset's; false: it has no distances. */
static bool distance_types(struct spk_type key, struct spk_type *wide, struct spk_type *offset)
{
	switch (key.id) {
	case SPK_TYPE_SMALLINT:
	case SPK_TYPE_INTEGER:
		*wide = *offset = spk_type(SPK_TYPE_BIGINT);
		return true;
	case SPK_TYPE_BIGINT:
	case SPK_TYPE_DECIMAL:
		*wide = *offset = spk_type(SPK_TYPE_DECIMAL);
		return true;
	case SPK_TYPE_REAL:
	case SPK_TYPE_DOUBLE:
		*wide = *offset = spk_type(SPK_TYPE_DOUBLE);
		return true;
	case SPK_TYPE_DATE:
		*wide = spk_type(SPK_TYPE_TIMESTAMP);
		*offset = spk_type(SPK_TYPE_INTERVAL);
		return true;
	case SPK_TYPE_TIMESTAMP:
	case SPK_TYPE_TIMESTAMPTZ:
	case SPK_TYPE_INTERVAL:
		*wide = key;
		*offset = spk_type(SPK_TYPE_INTERVAL);
		return true;
	default:
		return false;
	}
}

/* `by`: the type of what is ordered by. The key at an edge of the frame, and whether the offset is negative (an error when it runs). */
static spk_status bind_edge(struct spk_exprs *x, struct spk_type by, struct spk_expr *key, bool minus, struct spk_type type, const PgQuery__Node *n, struct spk_expr **edge, struct spk_expr **negative, spk_error *err)
{
	struct spk_expr *pair[2] = { key, NULL }, *offset, *compared[2];
	int location = spk_node_location(n);

	SPK_TRY(bind_offset(x, n, "RANGE", &offset, err));
	if (offset->type.id == SPK_TYPE_UNKNOWN)  /* a literal of the type that is asked for, as it is called there */
		SPK_TRY(spk_expr_cast(x->b->arena, offset, type.id == SPK_TYPE_INTERVAL ? type : spk_type(by.id), true, spk_binder_at(x->b, location), &offset, err));
	if (spk_expr_cast(x->b->arena, offset, type, false, spk_binder_at(x->b, location), &offset, err) != SPK_OK) {
		char have[64], want[64];

		spk_type_format_bare(offset->type, have, sizeof have);
		spk_type_format_bare(by, want, sizeof want);
		return spk_binder_fail(x->b, location, SPK_BIND, err, "RANGE with offset PRECEDING/FOLLOWING is not supported for column type %s and offset type %s", want, have);
	}
	SPK_TRY(check_constant(x, offset, n, "RANGE", err));
	compared[0] = pair[1] = offset;
	compared[1] = spk_expr_unknown(x->b->arena, type.id == SPK_TYPE_INTERVAL ? "0 seconds" : "0");
	SPK_TRY_PTR(compared[1], err);
	SPK_TRY(spk_binder_call(x->b, "<", compared, 2, location, negative, err));
	SPK_TRY(spk_binder_call(x->b, minus ? "-" : "+", pair, 2, location, edge, err));
	return spk_expr_cast(x->b->arena, *edge, key->type, true, spk_binder_at(x->b, location), edge, err);
}

static spk_status bind_range(struct spk_exprs *x, const PgQuery__WindowDef *w, const struct spk_over *o, struct spk_window_frame *f, spk_error *err)
{
	struct spk_type wide, offset;
	struct spk_expr *key;
	char name[64];

	if (o->sorts != 1)
		return spk_binder_fail(x->b, w->location, SPK_BIND, err, "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column");
	key = o->sort[0].expr;
	if (!distance_types(key->type, &wide, &offset)) {
		spk_type_format_bare(key->type, name, sizeof name);
		return spk_binder_fail(x->b, spk_node_location(w->start_offset ? w->start_offset : w->end_offset), SPK_BIND, err, "RANGE with offset PRECEDING/FOLLOWING is not supported for column type %s", name);
	}
	SPK_TRY(spk_expr_cast(x->b->arena, key, wide, true, key->position, &key, err));
	f->range_key = key;
	if (w->start_offset)
		SPK_TRY(bind_edge(x, o->sort[0].expr->type, key, (f->start == SPK_FRAME_PRECEDING) != o->sort[0].descending, offset, w->start_offset, &f->start_edge, &f->start_offset, err));
	if (w->end_offset)
		SPK_TRY(bind_edge(x, o->sort[0].expr->type, key, (f->end == SPK_FRAME_PRECEDING) != o->sort[0].descending, offset, w->end_offset, &f->end_edge, &f->end_offset, err));
	return SPK_OK;
}

static spk_status bind_count(struct spk_exprs *x, const PgQuery__Node *n, const char *clause, struct spk_expr **out, spk_error *err)
{
	struct spk_type type;
	spk_status status;
	char name[64];

	if (!n)
		return SPK_OK;
	SPK_TRY(bind_offset(x, n, clause, out, err));
	type = (*out)->type;
	status = spk_expr_cast(x->b->arena, *out, spk_type(SPK_TYPE_BIGINT), type.id == SPK_TYPE_UNKNOWN, spk_binder_at(x->b, spk_node_location(n)), out, err);
	if (status == SPK_BIND && type.id != SPK_TYPE_UNKNOWN)
		return spk_binder_fail(x->b, spk_node_location(n), SPK_BIND, err, "argument of %s must be type bigint, not type %s", clause, spk_type_format_bare(type, name, sizeof name));
	SPK_TRY(status);
	return check_constant(x, *out, n, clause, err);
}

spk_status spk_binder_frame(struct spk_exprs *x, const PgQuery__WindowDef *w, struct spk_over *o, spk_error *err)
{
	static const int start[] = { SPK_FRAMEOPTION_START_FIRST, SPK_FRAMEOPTION_START_PRECEDING, SPK_FRAMEOPTION_START_CURRENT, SPK_FRAMEOPTION_START_FOLLOWING, SPK_FRAMEOPTION_START_LAST };
	static const int end[] = { SPK_FRAMEOPTION_END_FIRST, SPK_FRAMEOPTION_END_PRECEDING, SPK_FRAMEOPTION_END_CURRENT, SPK_FRAMEOPTION_END_FOLLOWING, SPK_FRAMEOPTION_END_LAST };
	struct spk_window_frame *f = &o->call.frame;
	int options = w->frame_options;

	f->mode = options & SPK_FRAMEOPTION_ROWS ? SPK_FRAME_ROWS : options & SPK_FRAMEOPTION_GROUPS ? SPK_FRAME_GROUPS : SPK_FRAME_RANGE;
	f->start = bound_of(options, start);
	f->end = bound_of(options, end);
	f->exclude = options & SPK_FRAMEOPTION_EXCLUDE_CURRENT ? SPK_EXCLUDE_CURRENT : options & SPK_FRAMEOPTION_EXCLUDE_GROUP ? SPK_EXCLUDE_GROUP : options & SPK_FRAMEOPTION_EXCLUDE_TIES ? SPK_EXCLUDE_TIES : SPK_EXCLUDE_NONE;
	if (f->mode == SPK_FRAME_GROUPS && o->sorts == 0)
		return spk_binder_fail(x->b, w->location, SPK_BIND, err, "GROUPS mode requires an ORDER BY clause");
	if (f->mode == SPK_FRAME_RANGE && (w->start_offset || w->end_offset))
		return bind_range(x, w, o, f, err);
	SPK_TRY(bind_count(x, w->start_offset, f->mode == SPK_FRAME_ROWS ? "ROWS" : "GROUPS", &f->start_offset, err));
	return bind_count(x, w->end_offset, f->mode == SPK_FRAME_ROWS ? "ROWS" : "GROUPS", &f->end_offset, err);
}
