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

/* Fills what `mask` has of a row from another one, whose own values of the columns `unknown` are not known; these stay in the mask. */
static spk_status fill_row(struct spk_normalize *n, struct spk_bytes *row, struct spk_bytes *mask, const struct spk_bytes *other, const struct spk_bytes *unknown, spk_error *err)
{
	struct spk_bytes filled, left;

	if (!mask->data)
		return SPK_OK;
	SPK_TRY(spk_row_fill(n->base.plan->schema, row, mask, other, n->work, &filled, err));
	SPK_TRY(spk_mask_both(mask, unknown, n->work, &left, err));
	*row = filled;
	*mask = left;
	return SPK_OK;
}

/* A row that came from another key. `complete`: nothing it leaves out is unknown any more. */
static spk_status apply_arrival(struct spk_normalize *n, const struct spk_change *c, struct spk_key_entry *e, bool *complete, spk_error *err)
{
	struct spk_key_entry *other = &n->entry[c->other];
	const struct spk_bytes own = spk_normalize_key(n, c->key);

	*complete = true;
	e->is.mask = c->holes;
	e->is.from = spk_normalize_key(n, c->other);
	e->is.from_at = c->at;
	/* What it was may not be read to its end yet. */
	if (!spk_bytes_same(&other->is.gone_to, &own) || !spk_change_same_time(&other->is.gone_at, &c->at))
		return SPK_OK;
	if (other->is.gone.data)
		SPK_TRY(fill_row(n, &e->is.row, &e->is.mask, &other->is.gone, &other->is.gone_mask, err));
	else
		*complete = !e->is.mask.data;
	if (other->is.gone_from.data)
		return SPK_OK;
	spk_key_image_drop_from(&e->is);
	spk_key_image_drop_gone(&other->is);
	return SPK_OK;
}

static spk_status apply_row(struct spk_normalize *n, const struct spk_change *c, struct spk_key_entry *e, spk_error *err)
{
	const bool arrives = c->other != SPK_NO_KEY && c->other != c->key;
	struct spk_bytes before = { 0 }, row, mask = c->holes;
	bool complete = true;

	if (!c->holes.data && !arrives) {
		e->row_of = c;
		e->is.mask = (struct spk_bytes){ 0 };
	} else {
		SPK_TRY(spk_normalize_need_row(n, e, err));
		before = e->is.row;
		SPK_TRY(spk_normalize_encode_row(n, c, &row, err));
		if (!arrives && !before.data)
			return report_hole(n, c, err);
		if (!arrives)
			SPK_TRY(fill_row(n, &row, &mask, &before, &e->is.mask, err));
		e->is.row = row;
		e->is.mask = mask;
		if (arrives)
			SPK_TRY(apply_arrival(n, c, e, &complete, err));
	}
	e->is.at = c->at;
	e->is.snapshot = c->op == SPK_CHANGE_SNAPSHOT;
	if (complete)
		return SPK_OK;
	spk_entry_drop_row(e);
	return report_hole(n, c, err);
}

/* The row that left `e` is known by now, or as far as it ever will be: whoever has come from there, under `to` or further on, gets its values. */
static spk_status pass_values_on(struct spk_normalize *n, struct spk_key_entry *e, uint32_t key, spk_error *err)
{
	while (e->is.gone_to.data) {
		const struct spk_bytes own = spk_normalize_key(n, key);
		uint32_t to = spk_normalize_find_key(n, &e->is.gone_to);
		struct spk_key_entry *next = to == SPK_NO_KEY ? NULL : &n->entry[to];
		const bool unknown = e->is.gone_from.data != NULL;

		if (next && spk_bytes_same(&next->is.from, &own) && spk_change_same_time(&next->is.from_at, &e->is.gone_at)) {
			SPK_TRY(spk_normalize_need_row(n, next, err));
			if (next->is.row.data)
				SPK_TRY(fill_row(n, &next->is.row, &next->is.mask, &e->is.gone, &e->is.gone_mask, err));
			if (!unknown) {
				spk_key_image_drop_from(&next->is);
				spk_key_image_drop_gone(&e->is);
			}
			return SPK_OK;
		}
		if (!next || !spk_bytes_same(&next->is.gone_from, &own) || !spk_change_same_time(&next->is.gone_from_at, &e->is.gone_at))
			return SPK_OK;
		SPK_TRY(fill_row(n, &next->is.gone, &next->is.gone_mask, &e->is.gone, &e->is.gone_mask, err));
		if (!unknown) {
			next->is.gone_from = (struct spk_bytes){ 0 };
			next->is.gone_from_at = (struct spk_change_time){ 0 };
			spk_key_image_drop_gone(&e->is);
		}
		e = next;
		key = to;
	}
	return SPK_OK;
}

/* The row goes to another key. */
static spk_status apply_move(struct spk_normalize *n, const struct spk_change *c, struct spk_key_entry *e, spk_error *err)
{
	struct spk_key_entry *other = &n->entry[c->other];
	const struct spk_bytes own = spk_normalize_key(n, c->key);

	SPK_TRY(spk_normalize_need_row(n, e, err));
	if (!e->is.row.data && spk_bytes_same(&other->is.from, &own) && spk_change_same_time(&other->is.from_at, &c->at)) {
		bool lost = other->is.mask.data;

		spk_key_image_drop_from(&other->is);
		if (!lost)
			return SPK_OK;
		spk_entry_drop_row(other);
		return report_hole(n, c, err);
	}
	e->is.gone = e->is.row;
	e->is.gone_to = spk_normalize_key(n, c->other);
	e->is.gone_at = c->at;
	e->is.gone_mask = e->is.mask;
	e->is.gone_from = e->is.mask.data ? e->is.from : (struct spk_bytes){ 0 };
	e->is.gone_from_at = e->is.mask.data ? e->is.from_at : (struct spk_change_time){ 0 };
	if (e->is.mask.data)
		spk_key_image_drop_from(&e->is);
	spk_entry_drop_row(e);
	return e->is.gone.data ? pass_values_on(n, e, c->key, err) : SPK_OK;
}

static spk_status apply_truncate(struct spk_normalize *n, const struct spk_change *c, spk_error *err)
{
	bool taken[SPK_SHARDS] = { false };
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
		taken[shard] = t->any = n->truncates = true;
		t->all = t->all || !c->at.known;
	}
	for (uint32_t k = 0; k < n->keys.count; k++) {
		struct spk_key_entry *e = &n->entry[k];

		if (!taken[spk_normalize_shard(n->keys.hash[k])])
			continue;
		if (!spk_change_before(&c->at, &e->is.at))
			e->row_of = NULL;
		spk_key_image_truncate(&e->is, &c->at);
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

	if (c->op == SPK_CHANGE_TRUNCATE)
		return apply_truncate(n, c, err);
	e = &n->entry[c->key];
	if (n->base.plan->exact)
		return apply_weight(n, c, e, err);
	if (is_old(n, c, e))
		return SPK_OK;
	if (c->op != SPK_CHANGE_DELETE)
		return apply_row(n, c, e, err);
	if (c->other != SPK_NO_KEY && c->other != c->key)
		return apply_move(n, c, e, err);
	spk_entry_drop_row(e);
	return SPK_OK;
}
