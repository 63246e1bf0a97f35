/* State that goes when its key has not changed for some time. See expiry.h. */
#include "stream/operator/expiry.h"

#include "batch/run.h"
#include "stream/operator/stream_operators.h"

enum { MARKS_APART = 8 };

/* The value of a mark: what its key does not tell. */
struct mark { uint64_t hash; int64_t side; };

void spk_expiry_init(struct spk_expiry *x, const struct spk_op *op, struct spk_state_view *view, spk_status (*forget)(void *user, const struct spk_expired *key, int n, spk_error *err), void *user)
{
	*x = (struct spk_expiry){ .op = op, .view = view, .forget = forget, .user = user };
	x->bytes.account = x->keys.bytes.account = op->pipeline->account;
}

void spk_expiry_release(struct spk_expiry *x)
{
	spk_buffer_release(&x->bytes);
	spk_row_keys_release(&x->keys);
}

/* The time by which keys are judged, that of the epoch's end; SPK_WATERMARK_NONE or _END: there is none. */
static int64_t now(const struct spk_expiry *x)
{
	return x->op->plan->time_sources ? spk_op_watermark_after(x->op) : x->op->pipeline->run->time_us;
}

static bool is_time(int64_t at) { return at != SPK_WATERMARK_NONE && at != SPK_WATERMARK_END; }

/* The bucket of marks made at a time. */
static int64_t due(const struct spk_expiry *x, int side, int64_t at)
{
	const int64_t ttl = x->op->plan->state_ttl_us[side], apart = SPK_MAX(ttl / MARKS_APART, 1);
	int64_t out;

	if (!is_time(at))
		return SPK_EXPIRY_UNDATED;
	/* The end of its eighth, rounded down also before 1970. */
	at -= (at % apart + apart) % apart;
	return __builtin_add_overflow(at, ttl + apart, &out) ? SPK_EXPIRY_UNDATED : SPK_MIN(out, SPK_EXPIRY_UNDATED);
}

static void all_in(int64_t bucket, int n, int64_t *out)
{
	for (int i = 0; i < n; i++)
		out[i] = bucket;
}

spk_status spk_expiry_touch(struct spk_expiry *x, int side, const struct spk_view *key, const uint64_t *hash, int n, spk_error *err)
{
	struct mark mark[SPK_BATCH_ROWS];
	struct spk_state_value value[SPK_BATCH_ROWS];
	int64_t bucket[SPK_BATCH_ROWS];

	if (!x->op->plan->state_ttl_us[side] || !n)
		return SPK_OK;
	all_in(due(x, side, now(x)), n, bucket);
	for (int i = 0; i < n; i++) {
		mark[i] = (struct mark){ hash[i], side };
		value[i] = (struct spk_state_value){ (const char *)&mark[i], sizeof mark[i] };
	}
	SPK_TRY(spk_row_keys_views(&x->keys, key, n, err));
	return spk_state_put(x->view, &x->keys, hash, bucket, value, err);
}

/* --- buckets that are due --- */

/* In x->bytes: the mark, the key's size, the key. */
static spk_status note(void *user, const char *key, uint32_t key_size, const char *value, uint32_t size, spk_error *err)
{
	struct spk_expiry *x = user;

	if (size != sizeof(struct mark))
		return spk_fail(err, SPK_CORRUPT, "a mark of a key's last change has %u bytes", size);
	SPK_TRY(spk_buffer_append(&x->bytes, value, size, err));
	SPK_TRY(spk_buffer_append(&x->bytes, &key_size, sizeof key_size, err));
	return spk_buffer_append(&x->bytes, key, key_size, err);
}

static spk_status take_marks(struct spk_expiry *x, int64_t bucket, spk_error *err)
{
	spk_buffer_clear(&x->bytes);
	return spk_state_take_bucket(x->view, bucket, note, x, err);
}

/* Some of the marks in x->bytes, from *at on. */
struct marks { int n; struct spk_expired key[SPK_BATCH_ROWS]; struct spk_view view[SPK_BATCH_ROWS]; uint64_t hash[SPK_BATCH_ROWS]; };

static bool read_marks(const struct spk_expiry *x, size_t *at, struct marks *m)
{
	for (m->n = 0; m->n < SPK_BATCH_ROWS && *at < x->bytes.size; m->n++) {
		struct mark mark;
		uint32_t size;

		memcpy(&mark, x->bytes.data + *at, sizeof mark);
		memcpy(&size, x->bytes.data + *at + sizeof mark, sizeof size);
		*at += sizeof mark + sizeof size;
		m->key[m->n] = (struct spk_expired){ x->bytes.data + *at, size, mark.hash, mark.side == 1 };
		m->view[m->n] = spk_view(x->bytes.data + *at, size);
		m->hash[m->n] = mark.hash;
		*at += size;
	}
	return m->n > 0;
}

/* Takes those out that have a mark in a later bucket than this. */
static spk_status leave_alive(struct spk_expiry *x, int64_t bucket, struct marks *m, spk_error *err)
{
	struct spk_state_value value[SPK_BATCH_ROWS];
	int64_t in[SPK_BATCH_ROWS];

	for (int64_t later = spk_state_next_bucket(x->view, bucket + 1); later < SPK_EXPIRY_DATA && m->n; later = spk_state_next_bucket(x->view, later + 1)) {
		int left = 0;

		all_in(later, m->n, in);
		SPK_TRY(spk_row_keys_views(&x->keys, m->view, m->n, err));
		SPK_TRY(spk_state_get(x->view, &x->keys, m->hash, in, value, err));
		for (int i = 0; i < m->n; i++) {
			if (spk_state_found(&value[i]))
				continue;
			m->key[left] = m->key[i];
			m->view[left] = m->view[i];
			m->hash[left++] = m->hash[i];
		}
		m->n = left;
	}
	return SPK_OK;
}

static spk_status forget_bucket(struct spk_expiry *x, int64_t bucket, struct marks *m, spk_error *err)
{
	size_t at = 0;

	SPK_TRY(take_marks(x, bucket, err));
	while (read_marks(x, &at, m)) {
		SPK_TRY(leave_alive(x, bucket, m, err));
		if (m->n)
			SPK_TRY(x->forget(x->user, m->key, m->n, err));
	}
	return SPK_OK;
}

/* Marks from before there was a watermark are dated now. */
static spk_status date_marks(struct spk_expiry *x, struct marks *m, spk_error *err)
{
	size_t at = 0;

	SPK_TRY(take_marks(x, SPK_EXPIRY_UNDATED, err));
	while (read_marks(x, &at, m)) {
		for (int side = 0; side < 2; side++) {
			struct spk_view key[SPK_BATCH_ROWS];
			uint64_t hash[SPK_BATCH_ROWS];
			int n = 0;

			for (int i = 0; i < m->n; i++) {
				if (m->key[i].side != side)
					continue;
				key[n] = m->view[i];
				hash[n++] = m->hash[i];
			}
			SPK_TRY(spk_expiry_touch(x, side, key, hash, n, err));
		}
	}
	return SPK_OK;
}

spk_status spk_expiry_run(struct spk_expiry *x, spk_error *err)
{
	const int64_t at = now(x);
	struct marks *m = is_time(at) ? spk_malloc(x->op->pipeline->account, sizeof *m) : NULL;
	spk_status status = SPK_OK;
	int64_t bucket;

	if (!is_time(at))
		return SPK_OK;
	SPK_TRY_PTR(m, err);
	if (spk_state_next_bucket(x->view, SPK_EXPIRY_UNDATED) == SPK_EXPIRY_UNDATED)
		status = date_marks(x, m, err);
	while (status == SPK_OK && (bucket = spk_state_first_bucket(x->view)) <= at && bucket < SPK_EXPIRY_UNDATED)
		status = forget_bucket(x, bucket, m, err);
	spk_free(x->op->pipeline->account, m, sizeof *m);
	return status;
}
