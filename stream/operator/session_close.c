/*
 * Sessions that the watermark has passed: looks that are due, bucket by bucket, so that sessions come out in order of their end. See session.h.
 */
#include "core/base/memory.h"
#include "stream/operator/session.h"

/* Keys that are to be looked at. */
struct due { struct due *next; struct spk_view key; uint64_t hash; };

struct closing {
	struct spk_sessions *x;
	int64_t watermark, bucket;
	struct spk_arena *arena;         /* of the bucket at hand */
	struct due *first, **last;
	struct spk_session_looks looks;
};

/* --- looking --- */

/*
 * What is left of a session at this look. One that is over comes out, and may change as long as late rows are taken; after that it stays known, as long as rows may come that
 * would have belonged to it. One that goes on is looked at again when it is over, in its turn.
 */
static spk_status look_at(struct closing *c, const struct due *d, const struct spk_session *session, spk_error *err)
{
	struct spk_sessions *x = c->x;
	struct spk_session left = *session;
	const int64_t forgotten = spk_session_forgotten(x, left.last);
	size_t at;
	int64_t until;

	if (!left.closed && !left.out && spk_session_over(left.last, x->gap) <= c->bucket) {
		SPK_TRY(spk_session_out_put(x->out, d->key, session, 1, err));
		left.out = true;
	}
	if (left.out && forgotten <= c->bucket)
		left = (struct spk_session){ .first = left.first, .last = left.last, .look = left.look, .closed = true };
	until = left.closed ? spk_session_later(forgotten, x->gap) : spk_session_due(x, &left);
	if (left.closed && until <= c->watermark)
		return SPK_OK;
	if (left.look <= c->bucket) {
		left.look = until;
		SPK_TRY(spk_session_look(&c->looks, d->key, d->hash, until, err));
	}
	SPK_TRY(spk_session_put(&left, &x->s.bytes, &at, err));
	SPK_TRY(spk_buffer_append(&x->s.bytes, left.data, left.size, err));
	spk_session_put_size(&x->s.bytes, at);
	return SPK_OK;
}

static spk_status look_at_some(struct closing *c, const struct due *due, spk_error *err)
{
	struct spk_session_keys *keys = SPK_NEW(c->arena, struct spk_session_keys);
	struct spk_session_list *list = SPK_NEW_ARRAY(c->arena, struct spk_session_list, SPK_SESSION_KEYS);
	uint32_t start[SPK_SESSION_KEYS + 1] = { 0 };

	SPK_TRY_PTR(keys && list, err);
	for (const struct due *d = due; d && keys->n < SPK_SESSION_KEYS; d = d->next) {
		keys->key[keys->n] = d->key;
		keys->hash[keys->n++] = d->hash;
	}
	SPK_TRY(spk_sessions_read(c->x, keys, list, c->arena, err));
	spk_buffer_clear(&c->x->s.bytes);
	for (int i = 0; i < keys->n; i++, due = due->next) {
		for (int k = 0; k < list[i].count; k++)
			SPK_TRY(look_at(c, due, &list[i].at[k], err));
		start[i + 1] = (uint32_t)c->x->s.bytes.size;
	}
	return spk_sessions_write(c->x, keys, &c->x->s.bytes, start, err);
}

static spk_status note_due(void *user, const char *key, uint32_t key_size, const char *value, uint32_t size, spk_error *err)
{
	struct closing *c = user;
	struct due *d = SPK_NEW(c->arena, struct due);
	const char *copy = spk_arena_copy(c->arena, key, key_size);

	SPK_TRY_PTR(d && copy, err);
	if (size != sizeof d->hash)
		return spk_fail(err, SPK_CORRUPT, "a look at sessions has %u bytes", size);
	d->key = spk_view(copy, key_size);
	memcpy(&d->hash, value, sizeof d->hash);
	*c->last = d;
	c->last = &d->next;
	return SPK_OK;
}

static spk_status close_bucket(struct closing *c, spk_error *err)
{
	c->first = NULL;
	c->last = &c->first;
	c->looks.arena = c->arena;
	SPK_TRY(spk_state_take_bucket(c->x->s.view, c->bucket, note_due, c, err));
	for (const struct due *d = c->first; d;) {
		SPK_TRY(look_at_some(c, d, err));
		for (int i = 0; i < SPK_SESSION_KEYS && d; i++)
			d = d->next;
	}
	return spk_session_looks_write(c->x, &c->looks, err);
}

static spk_status close_buckets(struct closing *c, spk_error *err)
{
	spk_status status = SPK_OK;

	while (status == SPK_OK && (c->bucket = spk_state_first_bucket(c->x->s.view)) <= c->watermark && c->bucket != INT64_MAX) {
		c->arena = spk_arena_new(c->x->s.base.pipeline->account);
		status = c->arena ? close_bucket(c, err) : spk_fail_memory(err);
		spk_arena_unref(c->arena);
	}
	return status;
}

spk_status spk_sessions_close(struct spk_sessions *x, int64_t watermark, spk_error *err)
{
	struct closing *c = SPK_NEW(x->work, struct closing);

	SPK_TRY_PTR(c, err);
	c->x = x;
	c->watermark = watermark;
	return close_buckets(c, err);
}
