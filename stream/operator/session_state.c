/* A key's sessions as the state table has them. See session.h. */
#include "stream/operator/session.h"

/* Before each session's data. */
enum { CLOSED = 1, OUT = 2 };
struct header { int64_t first, last, look; uint32_t flags, size; };

static spk_status parse(const struct spk_state_value *value, struct spk_session_list *list, struct spk_arena *arena, spk_error *err)
{
	const char *at = value->data, *end = at + value->size;
	struct header h;
	int n = 0;

	for (const char *p = at; p < end; n++) {
		if ((size_t)(end - p) < sizeof h)
			return spk_fail(err, SPK_CORRUPT, "the sessions of a key have %u bytes, which end within one", value->size);
		memcpy(&h, p, sizeof h);
		p += sizeof h;
		if (h.size > (size_t)(end - p))
			return spk_fail(err, SPK_CORRUPT, "the sessions of a key have %u bytes, which end within one", value->size);
		p += h.size;
	}
	list->at = SPK_NEW_ARRAY(arena, struct spk_session, n);
	SPK_TRY_PTR(list->at, err);
	for (; list->count < n; at += h.size) {
		memcpy(&h, at, sizeof h);
		at += sizeof h;
		list->at[list->count++] = (struct spk_session){ h.first, h.last, h.look, h.flags & CLOSED, h.flags & OUT, at, h.size };
	}
	return SPK_OK;
}

static void all_in(int64_t bucket, int n, int64_t *out)
{
	for (int i = 0; i < n; i++)
		out[i] = bucket;
}

spk_status spk_sessions_read(struct spk_sessions *x, const struct spk_session_keys *keys, struct spk_session_list *list, struct spk_arena *arena, spk_error *err)
{
	struct spk_state_value value[SPK_SESSION_KEYS];
	int64_t bucket[SPK_SESSION_KEYS];

	all_in(INT64_MAX, keys->n, bucket);
	SPK_TRY(spk_row_keys_views(&x->encoded, keys->key, keys->n, err));
	SPK_TRY(spk_state_get(x->s.view, &x->encoded, keys->hash, bucket, value, err));
	for (int i = 0; i < keys->n; i++) {
		list[i] = (struct spk_session_list){ 0 };
		if (spk_state_found(&value[i]))
			SPK_TRY(parse(&value[i], &list[i], arena, err));
	}
	return SPK_OK;
}

spk_status spk_session_put(const struct spk_session *session, struct spk_buffer *out, size_t *at, spk_error *err)
{
	const struct header h = { session->first, session->last, session->look, (session->closed ? CLOSED : 0) | (session->out ? OUT : 0), 0 };

	*at = out->size;
	return spk_buffer_append(out, &h, sizeof h, err);
}

void spk_session_put_size(struct spk_buffer *out, size_t at)
{
	const uint32_t size = (uint32_t)(out->size - at - sizeof(struct header));

	memcpy(out->data + at + offsetof(struct header, size), &size, sizeof size);
}

spk_status spk_sessions_write(struct spk_sessions *x, const struct spk_session_keys *keys, const struct spk_buffer *bytes, const uint32_t *start, spk_error *err)
{
	struct spk_state_value value[SPK_SESSION_KEYS];
	int64_t bucket[SPK_SESSION_KEYS];

	all_in(INT64_MAX, keys->n, bucket);
	for (int i = 0; i < keys->n; i++) {
		const uint32_t size = start[i + 1] - start[i];

		value[i] = size ? (struct spk_state_value){ bytes->data + start[i], size } : (struct spk_state_value){ NULL, UINT32_MAX };
	}
	SPK_TRY(spk_row_keys_views(&x->encoded, keys->key, keys->n, err));
	return spk_state_put(x->s.view, &x->encoded, keys->hash, bucket, value, err);
}

spk_status spk_session_look(struct spk_session_looks *looks, struct spk_view key, uint64_t hash, int64_t at, spk_error *err)
{
	struct spk_session_look *look = SPK_NEW(looks->arena, struct spk_session_look);

	SPK_TRY_PTR(look, err);
	*look = (struct spk_session_look){ looks->first, key, hash, at };
	looks->first = look;
	return SPK_OK;
}

static spk_status write_looks(struct spk_sessions *x, const struct spk_session_keys *keys, const int64_t *at, spk_error *err)
{
	struct spk_state_value value[SPK_SESSION_KEYS];

	for (int i = 0; i < keys->n; i++)
		value[i] = (struct spk_state_value){ (const char *)&keys->hash[i], sizeof keys->hash[i] };
	SPK_TRY(spk_row_keys_views(&x->encoded, keys->key, keys->n, err));
	return spk_state_put(x->s.view, &x->encoded, keys->hash, at, value, err);
}

spk_status spk_session_looks_write(struct spk_sessions *x, struct spk_session_looks *looks, spk_error *err)
{
	struct spk_session_keys *keys = SPK_NEW(looks->arena, struct spk_session_keys);
	int64_t at[SPK_SESSION_KEYS];

	SPK_TRY_PTR(keys, err);
	for (; looks->first; looks->first = looks->first->next) {
		keys->key[keys->n] = looks->first->key;
		keys->hash[keys->n] = looks->first->hash;
		at[keys->n++] = looks->first->at;
		if (keys->n < SPK_SESSION_KEYS)
			continue;
		SPK_TRY(write_looks(x, keys, at, err));
		keys->n = 0;
	}
	return keys->n ? write_looks(x, keys, at, err) : SPK_OK;
}
