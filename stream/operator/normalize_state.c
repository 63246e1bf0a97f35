/* What is known of keys: read before an epoch's changes are applied, written after. See normalize.h. */
#include "stream/operator/normalize.h"

#include "core/columnar/plain.h"

/* --- what is known of the keys --- */

/* The hash of a key that is only known by its bytes: of a row's key that of its values. */
static spk_status hash_of_key(struct spk_normalize *n, const struct spk_bytes *key, uint64_t *hash, spk_error *err)
{
	const int keys = n->base.plan->key_count;
	struct spk_arena *arena;
	struct spk_vector *v;
	spk_status status;

	*hash = spk_hash_bytes(key->data, key->size);
	if (spk_is_move(key->data))
		return SPK_OK;
	arena = spk_arena_new(n->base.pipeline->account);
	v = arena ? SPK_NEW_ARRAY(arena, struct spk_vector, keys + 1) : NULL;
	status = v ? SPK_OK : spk_fail_memory(err);
	*hash = 0;
	for (int k = 0; k < keys && status == SPK_OK; k++)
		status = spk_vector_init(&v[k], n->key_column[k].type, 1, arena, err);
	if (status == SPK_OK && keys)
		status = spk_row_key_decode(key->data, key->size, n->key_column, keys, v, 0, 1, arena, err);
	for (int k = 0; k < keys && status == SPK_OK; k++) {
		if (k == 0)
			spk_hash_column(&v[k], NULL, 1, hash);
		else
			spk_hash_column_more(&v[k], NULL, 1, hash);
	}
	spk_arena_unref(arena);
	return status;
}

/* Its number; SPK_NO_KEY: it is none of the epoch's. */
uint32_t spk_normalize_find_key(struct spk_normalize *n, const struct spk_bytes *key)
{
	uint64_t hash;

	return hash_of_key(n, key, &hash, NULL) == SPK_OK ? spk_keymap_find(&n->keys, key->data, key->size, hash) : SPK_NO_KEY;
}

/* Keys of a map from number `from` on, without a copy of their bytes. */
static struct spk_row_keys some_keys(const struct spk_keymap *map, uint32_t from, int n)
{
	return (struct spk_row_keys){ .bytes = map->key_bytes, .offset = map->key_offset + from, .count = n };
}

/* Calls `each` for what the state has of the map's keys from number `from` on. */
static spk_status load(struct spk_normalize *n, const struct spk_keymap *map, uint32_t from, spk_status (*each)(struct spk_normalize *n, uint32_t number, const struct spk_state_value *value, spk_error *err), spk_error *err)
{
	const int64_t bucket[SPK_BATCH_ROWS] = { SPK_NORMALIZE_BUCKET };
	struct spk_state_value value[SPK_BATCH_ROWS];

	for (; n->view && from < map->count; from += SPK_BATCH_ROWS) {
		int count = (int)SPK_MIN(map->count - from, (uint32_t)SPK_BATCH_ROWS);
		const struct spk_row_keys keys = some_keys(map, from, count);

		SPK_TRY(spk_state_get(n->view, &keys, map->hash + from, bucket, value, err));
		for (int i = 0; i < count; i++)
			if (spk_state_found(&value[i]))
				SPK_TRY(each(n, from + (uint32_t)i, &value[i], err));
	}
	return SPK_OK;
}

static spk_status load_entry(struct spk_normalize *n, uint32_t number, const struct spk_state_value *value, spk_error *err)
{
	struct spk_key_entry *e = &n->entry[number];
	struct spk_bytes copy;

	SPK_TRY(spk_bytes_copy(value->data, value->size, n->work, &copy, err));
	SPK_TRY(spk_key_image_read(copy.data, copy.size, &e->was, err));
	e->is = e->was;
	return SPK_OK;
}

/* Keys and moves that an image names are asked for, too. */
static spk_status put_named(struct spk_normalize *n, const struct spk_bytes *name, spk_error *err)
{
	uint32_t number;
	uint64_t hash;

	if (!name->data)
		return SPK_OK;
	SPK_TRY(hash_of_key(n, name, &hash, err));
	return spk_keymap_put_one(&n->keys, name->data, name->size, hash, &number, err);
}

/* What is known of all keys of the epoch, and of those whose rows wait for theirs. */
static spk_status load_entries(struct spk_normalize *n, spk_error *err)
{
	for (uint32_t from = 0, to; from < n->keys.count; from = to) {
		struct spk_key_entry *grown = SPK_NEW_ARRAY(n->work, struct spk_key_entry, n->keys.count);

		SPK_TRY_PTR(grown, err);
		if (from)
			memcpy(grown, n->entry, sizeof *grown * from);
		n->entry = grown;
		to = n->keys.count;
		SPK_TRY(load(n, &n->keys, from, load_entry, err));
		for (uint32_t k = from; k < to; k++) {
			SPK_TRY(put_named(n, &grown[k].is.to, err));
			SPK_TRY(put_named(n, &grown[k].is.from, err));
		}
	}
	return SPK_OK;
}

static spk_status load_mark(struct spk_normalize *n, uint32_t number, const struct spk_state_value *value, spk_error *err)
{
	struct spk_key_image image = { 0 };

	SPK_TRY(spk_key_image_read(value->data, value->size, &image, err));
	n->mark[number].was = n->mark[number].is = image.at;
	return SPK_OK;
}

spk_status spk_normalize_encode_row(struct spk_normalize *n, const struct spk_change *c, struct spk_bytes *out, spk_error *err)
{
	const struct spk_batch *in = spk_normalize_batch(n, c->batch);

	spk_buffer_clear(&n->scratch);
	for (int i = 0; i < n->columns; i++)
		SPK_TRY(spk_plain_write(&in->column[i], c->row, &n->scratch, err));
	return spk_bytes_copy(n->scratch.data, (uint32_t)n->scratch.size, n->work, out, err);
}

/* Makes sure that the row of `is` is there as bytes. */
spk_status spk_normalize_need_row(struct spk_normalize *n, struct spk_key_entry *e, spk_error *err)
{
	if (e->row_of)
		SPK_TRY(spk_normalize_encode_row(n, e->row_of, &e->is.row, err));
	e->row_of = NULL;
	return SPK_OK;
}

struct spk_bytes spk_normalize_key(const struct spk_normalize *n, uint32_t number)
{
	struct spk_bytes key;

	key.data = spk_keymap_key(&n->keys, number, &key.size);
	return key;
}

spk_status spk_normalize_load(struct spk_normalize *n, spk_error *err)
{
	n->mark = SPK_NEW_ARRAY(n->work, struct spk_read_mark, n->marks.count + 1);
	SPK_TRY_PTR(n->mark, err);
	SPK_TRY(load_entries(n, err));
	return load(n, &n->marks, 0, load_mark, err);
}

/* --- the state --- */

/* Values that are to be written with keys of a map. */
struct writing { struct spk_state_value value[SPK_BATCH_ROWS]; uint64_t hash[SPK_BATCH_ROWS]; struct spk_view key[SPK_BATCH_ROWS]; int n; };

static spk_status flush_writing(struct spk_normalize *n, struct writing *w, spk_error *err)
{
	const int64_t bucket[SPK_BATCH_ROWS] = { SPK_NORMALIZE_BUCKET };

	if (!w->n)
		return SPK_OK;
	SPK_TRY(spk_row_keys_views(&n->encoded, w->key, w->n, err));
	SPK_TRY(spk_state_put(n->view, &n->encoded, w->hash, bucket, w->value, err));
	w->n = 0;
	return SPK_OK;
}

/* image NULL: the key is to be forgotten. The key's bytes stay where they are. */
static spk_status write_image(struct spk_normalize *n, struct writing *w, const struct spk_bytes *key, uint64_t hash, const struct spk_key_image *image, spk_error *err)
{
	struct spk_bytes value = { NULL, UINT32_MAX };

	if (image) {
		spk_buffer_clear(&n->scratch);
		SPK_TRY(spk_key_image_write(image, &n->scratch, err));
		SPK_TRY(spk_bytes_copy(n->scratch.data, (uint32_t)n->scratch.size, n->work, &value, err));
	}
	w->key[w->n] = spk_view(key->data, key->size);
	w->hash[w->n] = hash;
	w->value[w->n++] = (struct spk_state_value){ value.data, value.size };
	return w->n == SPK_BATCH_ROWS ? flush_writing(n, w, err) : SPK_OK;
}

static spk_status write_marks(struct spk_normalize *n, struct writing *w, bool all, spk_error *err)
{
	for (uint32_t i = 0; i < n->marks.count; i++) {
		const struct spk_read_mark *m = &n->mark[i];
		struct spk_bytes key;

		key.data = spk_keymap_key(&n->marks, i, &key.size);
		if (all || m->was.known != m->is.known || (m->is.known && spk_change_time_compare(&m->was, &m->is) != 0))
			SPK_TRY(write_image(n, w, &key, n->marks.hash[i], m->is.known ? &(struct spk_key_image){ .at = m->is } : NULL, err));
	}
	return SPK_OK;
}

/* all: the table was taken, nothing of it is there. */
spk_status spk_normalize_write(struct spk_normalize *n, bool all, spk_error *err)
{
	struct writing *w = SPK_NEW(n->work, struct writing);

	SPK_TRY_PTR(w, err);
	for (uint32_t k = 0; k < n->keys.count; k++) {
		const struct spk_key_entry *e = &n->entry[k];
		const struct spk_bytes key = spk_normalize_key(n, k);
		const bool empty = spk_key_image_empty(&e->is);

		if (all ? !empty : !spk_key_image_same(&e->was, &e->is))
			SPK_TRY(write_image(n, w, &key, n->keys.hash[k], empty ? NULL : &e->is, err));
	}
	SPK_TRY(write_marks(n, w, all, err));
	return flush_writing(n, w, err);
}

/* Entries of the table that is taken, of keys that this epoch does not change. images: what a TRUNCATE leaves of them, to be written again. */
struct taking { struct spk_normalize *n; struct spk_arena *kept_arena; struct spk_buffer images; };
struct kept_entry { struct spk_bytes key, value; uint64_t hash; };

static spk_status keep_entry(struct taking *t, const struct spk_bytes *key, uint64_t hash, const struct spk_key_image *image, spk_error *err)
{
	struct kept_entry e = { .hash = hash };

	spk_buffer_clear(&t->n->scratch);
	SPK_TRY(spk_key_image_write(image, &t->n->scratch, err));
	SPK_TRY(spk_bytes_copy(key->data, key->size, t->kept_arena, &e.key, err));
	SPK_TRY(spk_bytes_copy(t->n->scratch.data, (uint32_t)t->n->scratch.size, t->kept_arena, &e.value, err));
	return spk_buffer_append(&t->images, &e, sizeof e, err);
}

/* Of the epoch's TRUNCATEs the first one that a row of that time was there for. */
static const struct spk_change *truncate_of(const struct spk_normalize *n, const struct spk_change_time *at)
{
	const struct spk_change *out = n->truncate->change;

	for (const struct spk_truncate *t = n->truncate; t; t = t->before)
		if (!spk_change_before(&t->change->at, at))
			out = t->change;
	return out;
}

static spk_status take_entry(void *user, const char *key, uint32_t key_size, const char *value, uint32_t size, spk_error *err)
{
	struct taking *t = user;
	struct spk_normalize *n = t->n;
	const struct spk_bytes bytes = { key, key_size };
	struct spk_key_image image = { 0 };
	struct spk_bytes row = { 0 };
	const struct spk_truncation *cut;
	uint64_t hash;

	SPK_TRY(spk_key_image_read(value, size, &image, err));
	if (spk_normalize_is_mark(key)) {
		hash = (uint64_t)(uint8_t)key[1] << 58 | (spk_hash_bytes(key, key_size) & ~(uint64_t)0 >> 6);
		return spk_keymap_find(&n->marks, key, key_size, hash) == SPK_NO_KEY ? keep_entry(t, &bytes, hash, &image, err) : SPK_OK;
	}
	SPK_TRY(hash_of_key(n, &bytes, &hash, err));
	if (spk_keymap_find(&n->keys, key, key_size, hash) != SPK_NO_KEY)
		return SPK_OK;
	cut = &n->truncation[spk_normalize_shard(hash)];
	if (!cut->any || (!cut->all && spk_change_before(&cut->upto, &image.at)))
		return keep_entry(t, &bytes, hash, &image, err);
	if (spk_is_move(key) || !spk_key_image_shown(&image) || !(spk_normalize_streams(n) || spk_normalize_has_history(n)))
		return SPK_OK;
	SPK_TRY(spk_bytes_copy(image.row.data, image.row.size, n->work, &row, err));
	SPK_TRY(spk_normalize_has_history(n) ? spk_normalize_note_truncated(n, truncate_of(n, &image.at), &row, err) : spk_normalize_emit_row(n, &row, -1, err));
	return spk_arena_bytes(n->work) > SPK_NORMALIZE_CHUNK ? spk_normalize_pass_on(n, err) : SPK_OK;
}

static spk_status write_kept(struct spk_normalize *n, const struct taking *t, spk_error *err)
{
	const struct kept_entry *e = (const struct kept_entry *)(const void *)t->images.data;
	struct writing *w = SPK_NEW(t->kept_arena, struct writing);

	SPK_TRY_PTR(w, err);
	for (size_t i = 0; i < t->images.size / sizeof *e; i++) {
		w->key[w->n] = spk_view(e[i].key.data, e[i].key.size);
		w->hash[w->n] = e[i].hash;
		w->value[w->n++] = (struct spk_state_value){ e[i].value.data, e[i].value.size };
		if (w->n == SPK_BATCH_ROWS)
			SPK_TRY(flush_writing(n, w, err));
	}
	return flush_writing(n, w, err);
}

/* The table is taken whole, and what is left of it written anew. */
spk_status spk_normalize_truncate(struct spk_normalize *n, spk_error *err)
{
	struct taking t = { .n = n, .kept_arena = spk_arena_new(n->base.pipeline->account) };
	struct spk_arena *own = n->work;
	spk_status status = t.kept_arena ? SPK_OK : spk_fail_memory(err);

	/* Versions that wait to be handed on lie in the epoch's own arena, which a batch of others would not hold. */
	if (status == SPK_OK)
		status = spk_row_changes_emit(&n->out, err);
	/* The epoch's own rows stay where they are. */
	n->work = status == SPK_OK ? spk_arena_new(n->base.pipeline->account) : NULL;
	if (status == SPK_OK && !n->work)
		status = spk_fail_memory(err);
	if (status == SPK_OK)
		status = spk_state_take_bucket(n->view, SPK_NORMALIZE_BUCKET, take_entry, &t, err);
	if (status == SPK_OK)
		status = spk_row_changes_emit(&n->out, err);
	spk_arena_unref(n->work);
	n->work = own;
	if (status == SPK_OK)
		status = write_kept(n, &t, err);
	spk_arena_unref(t.kept_arena);
	spk_buffer_release(&t.images);
	return status;
}
