/* Kept rows of buckets whose time is over. See closing_rows.h. */
#include "stream/operator/closing_rows.h"

enum { GROUPS_AT_ONCE = 512, ROWS_AT_ONCE = 1 << 16 };

struct waiting;

/* The groups at hand; a key's sides may be beyond the number of groups at once. */
struct gathering {
	const struct spk_closing_rows *c;
	struct spk_arena *arena;
	struct spk_row_group group[GROUPS_AT_ONCE + 2];
	int groups;
	uint32_t rows;                   /* of all but the last one */
	int64_t bucket;
	struct waiting *first, **last;   /* later */
};

int spk_closing_rows_side(const struct spk_closing_rows *c, const struct spk_row_group *group)
{
	for (int s = 0; s < c->sides; s++)
		if (c->kept[s].side == group->key[group->key_size - 1])
			return s;
	SPK_ASSERT(false, "the table has rows of these sides alone");
	return 0;
}

/* Groups that are handed over when their bucket is gone. */
struct waiting { struct waiting *next; struct spk_arena *arena; int groups; struct spk_row_group *group; };

static spk_status put_aside(struct gathering *g, spk_error *err)
{
	struct waiting *w = SPK_NEW(g->arena, struct waiting);

	SPK_TRY_PTR(w, err);
	w->group = spk_arena_copy(g->arena, g->group, sizeof *g->group * (size_t)g->groups);
	SPK_TRY_PTR(w->group, err);
	w->groups = g->groups;
	w->arena = g->arena;
	*g->last = w;
	g->last = &w->next;
	g->arena = NULL;
	g->groups = 0;
	g->rows = 0;
	return SPK_OK;
}

/* Hands over what was put aside, or just lets go of it. */
static spk_status take_aside(struct gathering *g, spk_status status, spk_error *err)
{
	struct waiting *next;

	for (struct waiting *w = g->first; w; w = next) {
		next = w->next;
		if (status == SPK_OK)
			status = g->c->take(g->c->user, w->group, w->groups, w->arena, err);
		spk_arena_unref(w->arena);
	}
	g->first = NULL;
	g->last = &g->first;
	return status;
}

static spk_status hand_over(struct gathering *g, spk_error *err)
{
	if (g->c->later && g->groups)
		return put_aside(g, err);

	spk_status status = g->groups ? g->c->take(g->c->user, g->group, g->groups, g->arena, err) : SPK_OK;

	spk_arena_unref(g->arena);
	g->arena = NULL;
	g->groups = 0;
	g->rows = 0;
	return status;
}

/* Whether the entry begins another key than that of the last group. */
static bool is_other_key(const struct gathering *g, const struct spk_state_entry *entry)
{
	const struct spk_row_group *last = &g->group[g->groups - 1];

	return entry->key_size != last->key_size || memcmp(entry->key, last->key, last->key_size - 1) != 0;
}

static const struct spk_keyed_rows *layout(const struct gathering *g, const char *key, uint32_t size)
{
	return &g->c->kept[spk_closing_rows_side(g->c, &(struct spk_row_group){ .key = key, .key_size = size })];
}

static spk_status take_entry(void *user, const char *key, uint32_t key_size, const char *value, uint32_t size, spk_error *err)
{
	const struct spk_state_entry entry = { key, key_size, value, size };
	struct gathering *g = user;
	struct spk_row_group *last = g->groups ? &g->group[g->groups - 1] : NULL;
	bool same = false;

	if (last)
		SPK_TRY(spk_keyed_rows_gather(layout(g, last->key, last->key_size), last, &entry, &same, g->arena, err));
	if (same)
		return SPK_OK;
	if (last)
		g->rows += last->rows;
	if (last && (g->groups >= GROUPS_AT_ONCE || g->rows > ROWS_AT_ONCE) && is_other_key(g, &entry))
		SPK_TRY(hand_over(g, err));
	if (!g->arena)
		g->arena = spk_arena_new(g->c->op->pipeline->account);
	SPK_TRY_PTR(g->arena, err);
	last = &g->group[g->groups++];
	*last = (struct spk_row_group){ .bucket = g->bucket };
	return spk_keyed_rows_gather(layout(g, key, key_size), last, &entry, &same, g->arena, err);
}

/* The next bucket, behind those up to `last`. */
static int64_t next_bucket(const struct spk_closing_rows *c, int64_t last)
{
	if (!c->stays)
		return spk_state_first_bucket(c->view);
	return last == INT64_MAX ? INT64_MAX : spk_state_next_bucket(c->view, last + 1);
}

static spk_status take_bucket(struct gathering *g, spk_error *err)
{
	const struct spk_closing_rows *c = g->c;

	return c->stays ? spk_state_scan_bucket(c->view, g->bucket, take_entry, g, err) : spk_state_take_bucket(c->view, g->bucket, c->take ? take_entry : NULL, g, err);
}

spk_status spk_closing_rows_take(const struct spk_closing_rows *c, int64_t watermark, spk_error *err)
{
	struct spk_arena *work = spk_arena_new(c->op->pipeline->account);
	struct gathering *g = work ? SPK_NEW(work, struct gathering) : NULL;
	spk_status status = g ? SPK_OK : spk_fail_memory(err);
	int64_t bucket = c->from;

	if (g) {
		g->c = c;
		g->last = &g->first;
	}
	while (status == SPK_OK && (bucket = next_bucket(c, bucket)) <= watermark && bucket != INT64_MAX) {
		g->bucket = bucket;
		status = spk_op_check_cancelled(c->op, err);
		if (status == SPK_OK)
			status = take_bucket(g, err);
		if (status == SPK_OK)
			status = hand_over(g, err);
		for (int s = 0; s < c->sides && status == SPK_OK && !c->stays; s++)
			if (c->kept[s].filter)
				spk_bucket_filter_drop(c->kept[s].filter, bucket);
		status = take_aside(g, status, err);
	}
	if (g)
		spk_arena_unref(g->arena);
	spk_arena_unref(work);
	return status;
}
