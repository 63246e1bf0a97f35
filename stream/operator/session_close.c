/*
 * Sessions that the watermark has passed: looks that are due, bucket by bucket, so that sessions come out in order of their end. See session.h.
 */
#include "core/base/memory.h"
#include "stream/operator/row_changes.h"
#include "stream/operator/session.h"

enum { ROWS_AT_ONCE = 1 << 14, BYTES_AT_ONCE = 1 << 22, WINDOW_TIME_BEFORE_END_US = 1000 };

/* Keys that are to be looked at. */
struct due { struct due *next; struct spk_view key; uint64_t hash; };

struct closing {
	struct spk_sessions *x;
	int64_t watermark, bucket;
	struct spk_arena *arena;         /* of the bucket at hand */
	struct due *first, **last;
	struct spk_session_looks looks;
	struct spk_closed_groups groups; /* aggregates on their way out */
	/* rows on their way out, and their sessions' bounds */
	struct spk_arena *rows;
	const struct spk_kept_row **kept;
	int n;
	int64_t *start, *end;
	size_t bytes;
};

/* --- aggregates --- */

static spk_status take_states(struct closing *c, struct spk_view key, const struct spk_session *session, spk_error *err)
{
	struct spk_stateful_groups *s = &c->x->s;
	const int columns = s->base.plan->schema->count;
	struct spk_batch *out;
	char *row;
	int at;

	SPK_TRY(spk_closed_groups_add(&c->groups, &row, err));
	memset(row, 0, (size_t)s->row_size);
	out = c->groups.batch;
	at = c->groups.n - 1;
	SPK_TRY(spk_groups_read_states(&s->epoch, spk_state_states(row), session->data, session->size, err));
	spk_vector_i64(&out->column[0])[at] = session->first;
	spk_vector_i64(&out->column[columns - 2])[at] = session->last + c->x->gap;
	spk_vector_i64(&out->column[columns - 1])[at] = session->last + c->x->gap - WINDOW_TIME_BEFORE_END_US;
	return spk_row_key_decode(spk_view_data(&key), key.length, c->x->key_column, s->base.plan->key_count, out->column + 1, at, SPK_BATCH_ROWS, out->arena, err);
}

/* --- rows --- */

static spk_status fill_bounds(struct closing *c, int from, struct spk_batch *out, spk_error *err)
{
	const int columns = out->schema->count;

	for (int i = columns - 3; i < columns; i++)
		SPK_TRY(spk_vector_init(&out->column[i], out->schema->field[i].type, out->rows, out->arena, err));
	memcpy(spk_vector_i64(&out->column[columns - 3]), c->start + from, sizeof(int64_t) * (size_t)out->rows);
	memcpy(spk_vector_i64(&out->column[columns - 2]), c->end + from, sizeof(int64_t) * (size_t)out->rows);
	for (int i = 0; i < out->rows; i++)
		spk_vector_i64(&out->column[columns - 1])[i] = c->end[from + i] - WINDOW_TIME_BEFORE_END_US;
	return SPK_OK;
}

static spk_status emit_piece(struct closing *c, const struct spk_schema *schema, int from, int n, spk_error *err)
{
	const struct spk_op *op = &c->x->s.base;
	struct spk_batch *out = NULL;
	spk_status status = spk_kept_rows_begin(op, op->plan->schema, c->rows, n, &out, err);

	if (status == SPK_OK)
		status = spk_kept_rows_read(out, 0, schema, c->kept + from, n, err);
	if (status == SPK_OK)
		status = fill_bounds(c, from, out, err);
	if (status == SPK_OK)
		status = spk_op_emit(&c->x->s.base, out, err);
	spk_batch_unref(out);
	return status;
}

static spk_status emit_rows(struct closing *c, spk_error *err)
{
	const struct spk_physical *plan = c->x->s.base.plan;
	const struct spk_schema schema = { .count = plan->schema->count - 3, .field = plan->schema->field };
	spk_status status = SPK_OK;

	for (int from = 0; from < c->n && status == SPK_OK; from += SPK_BATCH_ROWS)
		status = emit_piece(c, &schema, from, SPK_MIN(c->n - from, SPK_BATCH_ROWS), err);
	spk_arena_unref(c->rows);
	c->rows = NULL;
	c->n = 0;
	c->bytes = 0;
	return status;
}

static spk_status begin_rows(struct closing *c, spk_error *err)
{
	c->rows = spk_arena_new(c->x->s.base.pipeline->account);
	SPK_TRY_PTR(c->rows, err);
	c->kept = SPK_NEW_ARRAY(c->rows, const struct spk_kept_row *, ROWS_AT_ONCE);
	c->start = SPK_NEW_ARRAY(c->rows, int64_t, ROWS_AT_ONCE);
	c->end = SPK_NEW_ARRAY(c->rows, int64_t, ROWS_AT_ONCE);
	SPK_TRY_PTR(c->kept && c->start && c->end, err);
	return SPK_OK;
}

static spk_status take_row(struct closing *c, const struct spk_session *session, const char *bytes, uint32_t size, spk_error *err)
{
	struct spk_kept_row *row;

	if (c->n == ROWS_AT_ONCE || c->bytes > BYTES_AT_ONCE)
		SPK_TRY(emit_rows(c, err));
	if (!c->rows)
		SPK_TRY(begin_rows(c, err));
	row = SPK_NEW(c->rows, struct spk_kept_row);
	SPK_TRY_PTR(row, err);
	*row = (struct spk_kept_row){ .bytes = spk_arena_copy(c->rows, bytes, size), .size = size };
	SPK_TRY_PTR(row->bytes, err);
	c->kept[c->n] = row;
	c->start[c->n] = session->first;
	c->end[c->n++] = session->last + c->x->gap;
	c->bytes += size;
	return SPK_OK;
}

static spk_status take_rows(struct closing *c, const struct spk_session *session, spk_error *err)
{
	const char *at = session->data, *end = at + session->size;
	uint32_t size;

	for (; at < end; at += size) {
		if ((size_t)(end - at) < sizeof size)
			return spk_fail(err, SPK_CORRUPT, "the rows of a session end within one");
		memcpy(&size, at, sizeof size);
		at += sizeof size;
		if (size > (size_t)(end - at))
			return spk_fail(err, SPK_CORRUPT, "the rows of a session end within one");
		SPK_TRY(take_row(c, session, at, size, err));
	}
	return SPK_OK;
}

/* --- looking --- */

/*
 * What is left of a session at this look. One that is over comes out and stays known, as long as rows may come that would have belonged to it; one
 * that goes on is looked at again when it is over, in its turn.
 */
static spk_status look_at(struct closing *c, const struct due *d, const struct spk_session *session, spk_error *err)
{
	struct spk_sessions *x = c->x;
	struct spk_session left = *session;
	const int64_t over = spk_session_over(left.last, x->gap);
	size_t at;
	int64_t until;

	if (!left.closed && over <= c->bucket) {
		SPK_TRY(spk_sessions_keep_rows(x) ? take_rows(c, session, err) : take_states(c, d->key, session, err));
		left = (struct spk_session){ .first = left.first, .last = left.last, .look = left.look, .closed = true };
	}
	until = !left.closed ? over : __builtin_add_overflow(over, x->gap, &until) ? INT64_MAX : until;
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
	if (status != SPK_OK)
		return status;
	return spk_sessions_keep_rows(c->x) ? emit_rows(c, err) : spk_closed_groups_emit(&c->groups, err);
}

spk_status spk_sessions_close(struct spk_sessions *x, int64_t watermark, spk_error *err)
{
	struct closing *c = SPK_NEW(x->work, struct closing);
	spk_status status;

	SPK_TRY_PTR(c, err);
	c->x = x;
	c->groups.s = &x->s;
	c->watermark = watermark;
	status = close_buckets(c, err);
	if (!spk_sessions_keep_rows(x))
		spk_closed_groups_drop(&c->groups);
	spk_arena_unref(c->rows);
	return status;
}
