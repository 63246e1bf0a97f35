/*
 * What a stream keeps, for EXPLAIN: of every node with state what comes out of it, by what it is kept, how large an entry is about, what bounds it; and where nothing does,
 * how to write the query so that something will.
 */
#include "planner/physical/physical.h"

#include "core/base/check.h"

/* Guesses: of a text, and of what the state's cache has beside each entry. */
enum { TEXT_BYTES = 24, ENTRY_BYTES = 24, ROW_BYTES = 16 };

static int type_bytes(struct spk_type type)
{
	return 1 + (spk_type_is_view(type) || spk_type_is_nested(type) ? TEXT_BYTES : spk_type_width(type));
}

static int columns_bytes(const struct spk_schema *s, int from, int to)
{
	int bytes = 0;

	for (int i = from; i < to; i++)
		bytes += type_bytes(s->field[i].type);
	return bytes;
}

static int order_bytes(const struct spk_physical *n)
{
	int bytes = 0;

	for (int i = 0; i < n->sort_count; i++)
		bytes += type_bytes(n->sort[i].expr->type);
	return bytes;
}

static int group_bytes(const struct spk_physical *n)
{
	return ENTRY_BYTES + ROW_BYTES + n->state_size + columns_bytes(n->schema, 0, SPK_MIN(n->expr_count, n->schema->count));
}

static int side_bytes(const struct spk_physical *n) { return ROW_BYTES + (columns_bytes(n->left, 0, n->left->count) + columns_bytes(n->right, 0, n->right->count)) / 2; }

static int row_bytes(const struct spk_physical *n)
{
	const struct spk_schema *in = n->inputs ? n->input[0]->schema : n->schema;

	return ROW_BYTES + order_bytes(n) + columns_bytes(in, 0, in->count);
}

int spk_physical_entry_bytes(const struct spk_physical *n, const char **what)
{
	switch (n->kind) {
	case SPK_PHYSICAL_WINDOW_AGGREGATE:
	case SPK_PHYSICAL_STREAM_AGGREGATE:
	case SPK_PHYSICAL_PANE_AGGREGATE:
		*what = "group";
		return group_bytes(n);
	case SPK_PHYSICAL_STREAM_JOIN:
	case SPK_PHYSICAL_INTERVAL_JOIN:
	case SPK_PHYSICAL_WINDOW_JOIN:
		*what = "row of either side";
		return side_bytes(n);
	case SPK_PHYSICAL_TOP_N:
		*what = spk_top_n_keeps_all(n) ? "row" : "row within the bounds";
		return row_bytes(n);
	case SPK_PHYSICAL_PACED_CHANGES:
		*what = "change that is held";
		return row_bytes(n);
	case SPK_PHYSICAL_HOLD:
		*what = "row that waits";
		return row_bytes(n);
	case SPK_PHYSICAL_TIME_OVER:
		*what = n->limit < 0 ? "row" : "row that is looked back at";
		return row_bytes(n);
	case SPK_PHYSICAL_RECOMPUTE:
		*what = "row";
		return row_bytes(n);
	default:
		*what = "entry";
		return row_bytes(n);
	}
}

#define OR_FORGET(text) forgets ? text " Or let keys go that do not change: SET state.ttl = '1 d'." : text

/* What could be written instead, where nothing bounds a node's state. */
const char *spk_physical_way_out(const struct spk_physical *n)
{
	const bool forgets = spk_physical_may_expire(n);

	if (!n->state_table || n->bound != SPK_BOUND_NOTHING)
		return NULL;
	switch (n->kind) {
	case SPK_PHYSICAL_STREAM_JOIN:
	case SPK_PHYSICAL_INTERVAL_JOIN:
		return OR_FORGET("Bound how far apart the event times of both sides may be (a.ts BETWEEN b.ts - INTERVAL '1' HOUR AND b.ts), or join windows of both.");
	case SPK_PHYSICAL_TOP_N:
		return OR_FORGET("Rank rows that are only added, of which none but the first are kept, or those of a window (PARTITION BY window_start, window_end).");
	case SPK_PHYSICAL_STREAM_ASOF_JOIN:
		return "Join the nearest row before (a.ts >= b.ts): forward in time a row waits for one that may never come.";
	case SPK_PHYSICAL_TIME_OVER:
		return "Give the frames a beginning: ROWS BETWEEN 10 PRECEDING AND CURRENT ROW, or RANGE BETWEEN INTERVAL '1' HOUR PRECEDING AND CURRENT ROW.";
	case SPK_PHYSICAL_RECOMPUTE:
		return OR_FORGET("Group or partition by a window of a table with a WATERMARK (window_start, window_end), order window functions by its event time, or bound their rank by a constant.");
	default:
		return "Group by a window of a table with a WATERMARK (window_start, window_end).";
	}
}

const char *spk_physical_changelog(const struct spk_physical *n)
{
	if (n->kind == SPK_PHYSICAL_SINK && n->key_count)
		return "upsert";
	return n->retracts ? "retract" : "append";
}

/* --- by what --- */

static spk_status put_name(const char *name, bool first, struct spk_buffer *out, spk_error *err)
{
	return spk_buffer_printf(out, err, "%s%s", first ? "" : ", ", name && *name ? name : "?");
}

/* The columns that the state is kept by; nothing when there are none. */
spk_status spk_physical_put_state_key(const struct spk_physical *n, struct spk_buffer *out, spk_error *err)
{
	if (n->kind == SPK_PHYSICAL_WINDOW_AGGREGATE || n->kind == SPK_PHYSICAL_STREAM_AGGREGATE || n->kind == SPK_PHYSICAL_PANE_AGGREGATE) {
		for (int i = 0; i < n->expr_count; i++)
			SPK_TRY(put_name(n->schema->field[i].name, i == 0, out, err));
		return SPK_OK;
	}
	for (int i = 0; i < n->join_keys; i++) {
		SPK_TRY(spk_buffer_append_str(out, i ? ", " : "", err));
		SPK_TRY(spk_expr_format(n->probe_key[i], out, err));
	}
	for (int i = 0; i < n->key_count && n->inputs && !n->join_keys; i++)
		SPK_TRY(put_name(n->input[0]->schema->field[n->key[i]].name, i == 0, out, err));
	return SPK_OK;
}

/* --- as text --- */

static spk_status put_entries(const struct spk_physical *n, struct spk_buffer *out, spk_error *err)
{
	const char *what;
	const int bytes = spk_physical_entry_bytes(n, &what);

	SPK_TRY(spk_buffer_printf(out, err, "about %d bytes for each %s", bytes, what));
	if (n->kind == SPK_PHYSICAL_TOP_N && !spk_top_n_keeps_all(n))
		return spk_buffer_printf(out, err, ", %lld of a key", (long long)(n->offset + n->limit));
	if (n->kind == SPK_PHYSICAL_TIME_OVER && n->limit > 0)
		return spk_buffer_printf(out, err, ", %lld of a key", (long long)n->limit);
	return SPK_OK;
}

static spk_status put_time(int64_t us, struct spk_buffer *out, spk_error *err)
{
	if (us && us % 60000000 == 0)
		return spk_buffer_printf(out, err, "%lld min", (long long)(us / 60000000));
	return us ? spk_buffer_printf(out, err, "%lld ms", (long long)(us / 1000)) : spk_buffer_append_str(out, "never", err);
}

/* When keys are forgotten that do not change, and what that may do. */
static spk_status put_ttl(const struct spk_physical *n, struct spk_buffer *out, spk_error *err)
{
	if (!n->state_ttl_us[0] && !n->state_ttl_us[1])
		return SPK_OK;
	SPK_TRY(spk_buffer_append_str(out, "; forgets a key ", err));
	SPK_TRY(put_time(n->state_ttl_us[0], out, err));
	if (n->kind == SPK_PHYSICAL_STREAM_JOIN) {
		SPK_TRY(spk_buffer_append_str(out, " (left), ", err));
		SPK_TRY(put_time(n->state_ttl_us[1], out, err));
		SPK_TRY(spk_buffer_append_str(out, " (right)", err));
	}
	return spk_buffer_printf(out, err, " after its last change by %s, so results may change", n->time_sources ? "the watermark" : "the times of epochs");
}

static spk_status put_node(const struct spk_physical *n, struct spk_buffer *out, spk_error *err)
{
	const char *way_out = spk_physical_way_out(n);
	struct spk_buffer key = { 0 };
	spk_status status = spk_physical_put_state_key(n, &key, err);

	if (status == SPK_OK)
		status = spk_buffer_printf(out, err, "  %s, of %s #%d: changelog %s; by %s; ", n->state_table, spk_physical_kind_name(n->kind), n->id, spk_physical_changelog(n),
					   key.size ? spk_buffer_cstr(&key) : "nothing, all rows together");
	spk_buffer_release(&key);
	SPK_TRY(status);
	SPK_TRY(put_entries(n, out, err));
	SPK_TRY(put_ttl(n, out, err));
	SPK_TRY(spk_buffer_printf(out, err, "; %s\n", spk_physical_bound_text(n->bound)));
	return way_out ? spk_buffer_printf(out, err, "    warning: nothing bounds what %s #%d keeps. %s\n", spk_physical_kind_name(n->kind), n->id, way_out) : SPK_OK;
}

spk_status spk_physical_format_state(const struct spk_physical_plan *plan, struct spk_buffer *out, spk_error *err)
{
	bool any = false;

	for (int i = 0; i < plan->nodes; i++) {
		if (!plan->node[i]->state_table)
			continue;
		if (!any)
			SPK_TRY(spk_buffer_append_str(out, "State of the job\n", err));
		any = true;
		SPK_TRY(put_node(plan->node[i], out, err));
	}
	return any ? SPK_OK : spk_buffer_append_str(out, "The job keeps no state.\n", err);
}
