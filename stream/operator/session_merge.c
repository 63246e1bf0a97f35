/* The epoch's runs into the sessions that the state has. See session.h. */
#include "core/columnar/plain.h"
#include "stream/operator/session.h"

/* What becomes one session: those that were there, and runs, in order of time. */
struct united { struct spk_session s; const struct spk_session **was; const struct spk_session_run **run; int olds, runs; };

/* Some keys in the making. */
struct slice {
	struct spk_sessions *x;
	struct spk_arena *arena;
	struct spk_session_keys keys;
	uint32_t number[SPK_SESSION_KEYS], start[SPK_SESSION_KEYS + 1];
	struct spk_session_looks looks;
	struct united u;
	char *states, *more;             /* scratch: sets of states */
};

/* --- states --- */

static spk_status merge_one(struct spk_sessions *x, char *into, char *from, spk_error *err)
{
	struct spk_groups *g = &x->s.epoch;

	for (int i = 0; i < g->calls; i++)
		if (!g->call[i].shared)
			SPK_TRY(g->call[i].step->merge(&g->call[i], &into, &from, 1, err));
	return SPK_OK;
}

static spk_status read_states(struct slice *c, const struct spk_session *was, char *states, spk_error *err)
{
	memset(states, 0, (size_t)c->x->s.base.plan->state_size);
	return spk_groups_read_states(&c->x->s.epoch, states, was->data, was->size, err);
}

static spk_status merge_states(struct slice *c, const struct united *u, spk_error *err)
{
	struct spk_groups *g = &c->x->s.epoch;
	spk_status status;

	SPK_TRY(read_states(c, u->was[0], c->states, err));
	for (int i = 1; i < u->olds; i++) {
		status = read_states(c, u->was[i], c->more, err);
		if (status == SPK_OK)
			status = merge_one(c->x, c->states, c->more, err);
		spk_aggregate_row_release(g->call, g->calls, c->more);
		SPK_TRY(status);
	}
	for (int i = 0; i < u->runs; i++)
		SPK_TRY(merge_one(c->x, c->states, spk_groups_states(g, u->run[i]->group), err));
	return spk_groups_write_states(g, c->states, &c->x->s.bytes, err);
}

static spk_status put_states(struct slice *c, const struct united *u, spk_error *err)
{
	struct spk_groups *g = &c->x->s.epoch;
	spk_status status;

	/* Nothing but what was brings runs of the same epoch together. */
	if (!u->olds)
		return spk_groups_write_states(g, spk_groups_states(g, u->run[0]->group), &c->x->s.bytes, err);
	status = merge_states(c, u, err);
	spk_aggregate_row_release(g->call, g->calls, c->states);
	return status;
}

/* --- rows --- */

static spk_status put_row(struct spk_sessions *x, const struct spk_session_item *item, spk_error *err)
{
	const struct spk_batch *in = spk_sessions_batch(x, item->batch);
	struct spk_buffer *out = &x->s.bytes;
	const size_t at = out->size;
	uint32_t size = 0;

	SPK_TRY(spk_buffer_append(out, &size, sizeof size, err));
	for (int c = 0; c < in->columns - SPK_SESSION_ORIGINS; c++)
		SPK_TRY(spk_plain_write(&in->column[c], item->row, out, err));
	size = (uint32_t)(out->size - at - sizeof size);
	memcpy(out->data + at, &size, sizeof size);
	return SPK_OK;
}

static spk_status put_rows(struct slice *c, const struct united *u, spk_error *err)
{
	const struct spk_session_item *item = spk_session_items(c->x);

	for (int i = 0; i < u->olds; i++)
		SPK_TRY(spk_buffer_append(&c->x->s.bytes, u->was[i]->data, u->was[i]->size, err));
	for (int i = 0; i < u->runs; i++)
		for (uint32_t k = u->run[i]->from; k < u->run[i]->end; k++)
			if (item[c->x->ref[k].item].run != SPK_SESSION_LATE)
				SPK_TRY(put_row(c->x, &item[c->x->ref[k].item], err));
	return SPK_OK;
}

/* --- sessions --- */

/* Rows of a session whose bounds stay come out beside those that are out; anything else is taken back. */
static bool only_grows(const struct slice *c, const struct united *u)
{
	return spk_sessions_keep_rows(c->x) && u->olds == 1 && u->was[0]->out && u->was[0]->first == u->s.first && u->was[0]->last == u->s.last;
}

/* Sessions that are out, and are not what was brought together. */
static spk_status take_back(struct slice *c, int i, spk_error *err)
{
	struct united *u = &c->u;

	u->s.out = only_grows(c, u) || !c->x->s.base.plan->on_close;
	for (int k = 0; k < u->olds && !only_grows(c, u); k++)
		if (u->was[k]->out)
			SPK_TRY(spk_session_out_put(c->x->out, c->keys.key[i], u->was[k], -1, err));
	return SPK_OK;
}

/* What is out from now on, that was not; its data are those behind `from`. */
static spk_status give(struct slice *c, int i, size_t from, spk_error *err)
{
	struct spk_buffer *bytes = &c->x->s.bytes;
	struct spk_session given = c->u.s;

	from += only_grows(c, &c->u) ? c->u.was[0]->size : 0;
	given.data = bytes->data + from;
	given.size = (uint32_t)(bytes->size - from);
	return spk_session_out_put(c->x->out, c->keys.key[i], &given, 1, err);
}

/* Asks for a look at a session of which nobody thinks as early as something is to be done about it. */
static spk_status ask_for_look(struct slice *c, int i, spk_error *err)
{
	struct spk_session *s = &c->u.s;
	const int64_t due = spk_session_due(c->x, s);

	if (c->u.olds && s->look <= due)
		return SPK_OK;
	/* One that is over already comes out in this epoch. */
	s->look = SPK_MAX(due, spk_op_watermark_before(&c->x->s.base));
	return spk_session_look(&c->looks, c->keys.key[i], c->keys.hash[i], s->look, err);
}

/* Writes what was brought together. */
static spk_status put_united(struct slice *c, int i, spk_error *err)
{
	struct spk_sessions *x = c->x;
	struct united *u = &c->u;
	const bool changes = u->runs || u->olds > 1;
	size_t at, from;

	if (!u->olds && !u->runs)
		return SPK_OK;
	if (changes) {
		SPK_TRY(take_back(c, i, err));
		SPK_TRY(ask_for_look(c, i, err));
	}
	SPK_TRY(spk_session_put(&u->s, &x->s.bytes, &at, err));
	from = x->s.bytes.size;
	if (!changes)
		SPK_TRY(spk_buffer_append(&x->s.bytes, u->was[0]->data, u->was[0]->size, err));
	else
		SPK_TRY(spk_sessions_keep_rows(x) ? put_rows(c, u, err) : put_states(c, u, err));
	if (x->s.bytes.size > UINT32_MAX / 2)
		return spk_fail(err, SPK_MEMORY_LIMIT, "the sessions of %d keys take more than 2 GiB", i + 1);
	spk_session_put_size(&x->s.bytes, at);
	if (changes && u->s.out)
		SPK_TRY(give(c, i, from, err));
	u->olds = u->runs = 0;
	return SPK_OK;
}

static spk_status add_old(struct slice *c, int i, const struct spk_session *was, spk_error *err)
{
	struct united *u = &c->u;

	if (!(u->olds + u->runs) || was->closed || u->s.closed || was->first > u->s.last + c->x->gap) {
		SPK_TRY(put_united(c, i, err));
		u->s = *was;
	}
	if (!u->olds)
		u->s.look = was->look;
	u->s.last = SPK_MAX(u->s.last, was->last);
	u->s.look = SPK_MIN(u->s.look, was->look);
	u->was[u->olds++] = was;
	return SPK_OK;
}

static spk_status add_run(struct slice *c, int i, const struct spk_session_run *run, spk_error *err)
{
	struct united *u = &c->u;

	if (!(u->olds + u->runs) || u->s.closed || run->first > u->s.last + c->x->gap) {
		SPK_TRY(put_united(c, i, err));
		u->s = (struct spk_session){ .first = run->first, .last = run->last };
	}
	u->s.last = SPK_MAX(u->s.last, run->last);
	u->run[u->runs++] = run;
	return SPK_OK;
}

static spk_status merge_key(struct slice *c, int i, const struct spk_session_list *list, spk_error *err)
{
	const uint32_t k = c->number[i];
	uint32_t r = k ? c->x->run_end[k - 1] : 0;
	const size_t runs = c->x->run_end[k] - r;
	int old = 0;

	c->u = (struct united){ .was = SPK_NEW_ARRAY(c->arena, const struct spk_session *, list->count + 1),
		.run = SPK_NEW_ARRAY(c->arena, const struct spk_session_run *, runs + 1) };
	SPK_TRY_PTR(c->u.was && c->u.run, err);
	while (old < list->count || r < c->x->run_end[k]) {
		if (r == c->x->run_end[k] || (old < list->count && list->at[old].first <= c->x->run[r].first))
			SPK_TRY(add_old(c, i, &list->at[old++], err));
		else
			SPK_TRY(add_run(c, i, &c->x->run[r++], err));
	}
	return put_united(c, i, err);
}

static spk_status merge_keys(struct slice *c, spk_error *err)
{
	struct spk_session_list *list = SPK_NEW_ARRAY(c->arena, struct spk_session_list, SPK_SESSION_KEYS);

	SPK_TRY_PTR(list, err);
	SPK_TRY(spk_sessions_read(c->x, &c->keys, list, c->arena, err));
	spk_buffer_clear(&c->x->s.bytes);
	for (int i = 0; i < c->keys.n; i++) {
		c->start[i] = (uint32_t)c->x->s.bytes.size;
		SPK_TRY(merge_key(c, i, &list[i], err));
	}
	c->start[c->keys.n] = (uint32_t)c->x->s.bytes.size;
	SPK_TRY(spk_sessions_write(c->x, &c->keys, &c->x->s.bytes, c->start, err));
	c->keys.n = 0;
	return SPK_OK;
}

static spk_status merge_slice(struct slice *c, spk_error *err)
{
	spk_status status;

	c->arena = spk_arena_new(c->x->s.base.pipeline->account);
	SPK_TRY_PTR(c->arena, err);
	status = merge_keys(c, err);
	spk_arena_unref(c->arena);
	return status;
}

spk_status spk_sessions_merge(struct spk_sessions *x, spk_error *err)
{
	struct slice *c = SPK_NEW(x->work, struct slice);

	SPK_TRY_PTR(c, err);
	c->x = x;
	c->looks.arena = x->work;
	c->states = x->s.old_row;
	c->more = x->s.old_row + x->s.row_size;
	for (uint32_t k = 0, from = 0; k < x->keys.count; from = x->run_end[k++]) {
		if (from == x->run_end[k])
			continue;
		c->number[c->keys.n] = k;
		c->keys.hash[c->keys.n] = x->keys.hash[k];
		c->keys.key[c->keys.n++] = spk_sessions_key(x, k);
		if (c->keys.n == SPK_SESSION_KEYS)
			SPK_TRY(merge_slice(c, err));
	}
	if (c->keys.n)
		SPK_TRY(merge_slice(c, err));
	return spk_session_looks_write(x, &c->looks, err);
}
