/* What a change does to what is known of its key, and of the key that its row came from or goes to. See normalize.h. */
#include "stream/operator/normalize.h"

/* --- applying a change --- */

/* It came before, as far as its partition tells; else the partition is now read so far. */
static bool is_repeated(struct spk_read_mark *m, const struct spk_change *c, const struct spk_key_entry *e)
{
	int order = m->is.known ? spk_change_time_compare(&c->at, &m->is) : 1;

	/* Of several with the same time, which are not of one key, a row that leaves is the first. */
	if (order < 0 || (order == 0 && c->op == SPK_CHANGE_DELETE))
		return true;
	if (order == 0 && e && spk_entry_has_row(e) && !e->is.snapshot && e->is.at.known && spk_change_time_compare(&c->at, &e->is.at) == 0)
		return true;
	m->is = c->at;
	return false;
}

static bool is_old(struct spk_normalize *n, const struct spk_change *c, const struct spk_key_entry *e)
{
	const int shard = spk_normalize_shard(n->keys.hash[c->key]);
	uint32_t number;

	if (!c->at.known)
		return false;
	/* A reading of the whole table begins a new count: the numbers may be another server's. */
	if (c->op == SPK_CHANGE_SNAPSHOT)
		n->mark[c->mark].is = (struct spk_change_time){ 0 };
	else if (is_repeated(&n->mark[c->mark], c, e) || (spk_entry_has_row(e) && !e->is.snapshot && spk_change_before(&c->at, &e->is.at)))
		return true;
	return spk_normalize_put_mark(n, SPK_MARK_TRUNCATED, shard, 0, &number, NULL) == SPK_OK && spk_change_before(&c->at, &n->mark[number].is);
}

static spk_status report_hole(struct spk_normalize *n, const struct spk_change *c, spk_error *err)
{
	const char *reason = "an update leaves out a value that did not change (TOAST), and there is no earlier row of its key that has it; read the topic from its beginning, or set REPLICA IDENTITY FULL";

	if (!n->base.pipeline->run->streaming)
		return spk_fail(err, SPK_DATA, "%s", reason);
	return spk_op_dead_letter(&n->base, spk_normalize_batch(n, c->batch), c->row, SPK_DATA, false, 0, reason, err);
}

static void drop_row(struct spk_key_entry *e)
{
	e->row_of = NULL;
	spk_key_image_clear(&e->is);
}

static struct spk_key_entry *entry_of(struct spk_normalize *n, const struct spk_bytes *key)
{
	uint32_t number = key->data ? spk_normalize_find_key(n, key) : SPK_NO_KEY;

	return number == SPK_NO_KEY ? NULL : &n->entry[number];
}

/* `e`, whose key is `key`, has a row that waits for the move's values from now on; NULL data: for none. */
static void wait_for(struct spk_normalize *n, struct spk_key_entry *e, const struct spk_bytes *key, const struct spk_bytes *move)
{
	struct spk_key_entry *m = entry_of(n, move);

	e->is.from = m ? *move : (struct spk_bytes){ 0 };
	if (m)
		m->is.to = *key;
}

/*
 * Fills what the row of `e` lacks from another one, which may lack values itself: `e` then waits for what that one waited for. `unknown`, `from`: of
 * that one.
 */
static spk_status fill_row(struct spk_normalize *n, struct spk_key_entry *e, const struct spk_bytes *key, const struct spk_bytes *other, const struct spk_bytes *unknown,
			   const struct spk_bytes *from, spk_error *err)
{
	const struct spk_bytes none = { 0 };
	struct spk_bytes filled, left;

	if (!e->is.mask.data)
		return SPK_OK;
	SPK_TRY(spk_row_fill(&n->row, &e->is.row, &e->is.mask, other, n->work, &filled, err));
	SPK_TRY(spk_mask_both(&e->is.mask, unknown, n->work, &left, err));
	e->is.row = filled;
	e->is.mask = left;
	wait_for(n, e, key, left.data ? from : &none);
	return SPK_OK;
}

/* A row that came from another key. The message that it left there may have been read, or not. *lost: it leaves out what nobody knows. */
static spk_status apply_arrival(struct spk_normalize *n, const struct spk_change *c, struct spk_key_entry *e, bool *lost, spk_error *err)
{
	struct spk_key_entry *m = &n->entry[c->move];
	const struct spk_bytes own = spk_normalize_key(n, c->key), move = spk_normalize_key(n, c->move);

	*lost = false;
	e->is.mask = c->holes;
	if (!m->is.count) {
		m->is.to = own;
		m->is.at = c->at;
		e->is.from = c->holes.data ? move : (struct spk_bytes){ 0 };
		return SPK_OK;
	}
	if (m->is.row.data)
		SPK_TRY(fill_row(n, e, &own, &m->is.row, &m->is.mask, &m->is.from, err));
	else
		*lost = c->holes.data;
	spk_key_image_clear(&m->is);
	return SPK_OK;
}

static spk_status apply_row(struct spk_normalize *n, const struct spk_change *c, struct spk_key_entry *e, spk_error *err)
{
	const struct spk_bytes own = spk_normalize_key(n, c->key);
	struct spk_key_image before;
	bool lost = false;

	if (!c->holes.data && c->move == SPK_NO_KEY) {
		drop_row(e);
		e->row_of = c;
	} else {
		SPK_TRY(spk_normalize_need_row(n, e, err));
		before = e->is;
		if (c->move == SPK_NO_KEY && !before.row.data)
			return report_hole(n, c, err);
		drop_row(e);
		SPK_TRY(spk_normalize_encode_row(n, c, &e->is.row, err));
		e->is.mask = c->holes;
		if (c->move != SPK_NO_KEY)
			SPK_TRY(apply_arrival(n, c, e, &lost, err));
		else
			SPK_TRY(fill_row(n, e, &own, &before.row, &before.mask, &before.from, err));
	}
	e->is.at = c->at;
	e->is.snapshot = c->op == SPK_CHANGE_SNAPSHOT;
	if (!lost)
		return SPK_OK;
	drop_row(e);
	return report_hole(n, c, err);
}

/* The row goes to another key. If it arrived there before, whoever waits for its values gets them. */
static spk_status apply_move(struct spk_normalize *n, const struct spk_change *c, struct spk_key_entry *e, spk_error *err)
{
	struct spk_key_entry *m = &n->entry[c->move], *holder = entry_of(n, &m->is.to);
	const struct spk_bytes move = spk_normalize_key(n, c->move), to = m->is.to;
	struct spk_key_image left;

	SPK_TRY(spk_normalize_need_row(n, e, err));
	left = e->is;
	drop_row(e);
	if (!to.data) {
		m->is = (struct spk_key_image){ .row = left.row, .mask = left.mask, .at = c->at, .count = 1 };
		wait_for(n, m, &move, &left.from);
		return SPK_OK;
	}
	spk_key_image_clear(&m->is);
	if (!holder || !spk_bytes_same(&holder->is.from, &move))
		return SPK_OK;
	SPK_TRY(spk_normalize_need_row(n, holder, err));
	if (left.row.data) {
		SPK_TRY(fill_row(n, holder, &to, &left.row, &left.mask, &left.from, err));
		return spk_normalize_has_history(n) && !spk_is_move(to.data) ? spk_normalize_note_version(n, c, holder, false, err) : SPK_OK;
	}
	/* Nobody knows what it lacks. Of a row on its way that is told when it arrives. */
	if (spk_is_move(to.data)) {
		holder->is = (struct spk_key_image){ .at = holder->is.at, .count = 1 };
		return SPK_OK;
	}
	drop_row(holder);
	return report_hole(n, c, err);
}

/* The row of a key of the epoch goes with a TRUNCATE. */
static spk_status end_version(struct spk_normalize *n, const struct spk_change *c, uint32_t key, spk_error *err)
{
	struct spk_key_entry *e = &n->entry[key];

	SPK_TRY(spk_normalize_need_row(n, e, err));
	return e->is.row.data && !spk_is_move(spk_normalize_key(n, key).data) ? spk_normalize_note_truncated(n, c, &e->is.row, err) : SPK_OK;
}

static spk_status note_truncate(struct spk_normalize *n, const struct spk_change *c, spk_error *err)
{
	struct spk_truncate *t = SPK_NEW(n->collected, struct spk_truncate);

	SPK_TRY_PTR(t, err);
	*t = (struct spk_truncate){ c, n->truncate };
	n->truncate = t;
	return SPK_OK;
}

/* Takes what there is of these shards. */
static spk_status truncate_shards(struct spk_normalize *n, const struct spk_change *c, bool *taken, spk_error *err)
{
	uint32_t number;

	for (int shard = n->first_shard; shard < n->end_shard; shard++) {
		struct spk_truncation *t = &n->truncation[shard];

		if (c->at.known) {
			SPK_TRY(spk_normalize_put_mark(n, SPK_MARK_READ, shard, c->partition, &number, err));
			if (is_repeated(&n->mark[number], c, NULL))
				continue;
			SPK_TRY(spk_normalize_put_mark(n, SPK_MARK_TRUNCATED, shard, 0, &number, err));
			if (!n->mark[number].is.known || spk_change_before(&n->mark[number].is, &c->at))
				n->mark[number].is = c->at;
			t->upto = n->mark[number].is;
		}
		taken[shard] = t->any = true;
		t->all = t->all || !c->at.known;
	}
	return SPK_OK;
}

static spk_status apply_truncate(struct spk_normalize *n, const struct spk_change *c, spk_error *err)
{
	bool taken[SPK_SHARDS] = { false }, any = false;

	SPK_TRY(truncate_shards(n, c, taken, err));
	for (int shard = n->first_shard; shard < n->end_shard; shard++)
		any = any || taken[shard];
	if (any)
		SPK_TRY(note_truncate(n, c, err));
	for (uint32_t k = 0; k < n->keys.count; k++) {
		struct spk_key_entry *e = &n->entry[k];

		if (!taken[spk_normalize_shard(n->keys.hash[k])])
			continue;
		if (spk_change_before(&c->at, &e->is.at))
			continue;
		if (spk_normalize_has_history(n))
			SPK_TRY(end_version(n, c, k, err));
		drop_row(e);
	}
	return SPK_OK;
}

static spk_status apply_weight(struct spk_normalize *n, const struct spk_change *c, struct spk_key_entry *e, spk_error *err)
{
	(void)n, (void)err;
	if (!spk_entry_has_row(e))
		e->row_of = c;
	e->is.count += c->weight;
	return SPK_OK;
}

spk_status spk_normalize_apply(struct spk_normalize *n, const struct spk_change *c, spk_error *err)
{
	struct spk_key_entry *e;
	bool had;

	if (c->op == SPK_CHANGE_TRUNCATE)
		return apply_truncate(n, c, err);
	e = &n->entry[c->key];
	if (n->base.plan->exact)
		return apply_weight(n, c, e, err);
	if (is_old(n, c, e))
		return SPK_OK;
	had = spk_entry_has_row(e);
	if (c->op != SPK_CHANGE_DELETE)
		SPK_TRY(apply_row(n, c, e, err));
	else if (c->move != SPK_NO_KEY)
		SPK_TRY(apply_move(n, c, e, err));
	else
		drop_row(e);
	return spk_normalize_has_history(n) ? spk_normalize_note_version(n, c, e, had, err) : SPK_OK;
}
