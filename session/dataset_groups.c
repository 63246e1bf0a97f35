/*
 * Typed functions over the rows of a key. Rows come sorted by the key's columns, so a group is a run of neighbours; its structs are kept, with
 * their text, in an arena until the function has seen them.
 */
#include <stdlib.h>

#include "core/columnar/rowkey.h"
#include "session/dataset.h"

struct side { char *row; size_t count, capacity; };

struct groups_state {
	const struct typed *t;
	struct spk_memory_account *account;
	struct spk_key_column *key_column;
	struct spk_buffer key;                 /* of the group at hand, as a row key */
	bool open;                             /* there is a group at hand */
	struct spk_arena *arena;               /* the group's */
	void *key_struct;
	struct side side[2];
	struct spk_emitter emitter;
};

static spk_status groups_begin(void *state, const struct spk_callback *c, struct spk_memory_account *account, spk_error *err)
{
	struct groups_state *s = state;

	*s = (struct groups_state){ .t = (const struct typed *)c, .account = account, .arena = spk_arena_new(account), .key = { .account = account } };
	s->key_column = calloc((size_t)s->t->key->members + 1, sizeof *s->key_column);
	s->key_struct = calloc(1, s->t->key->size + 1);
	SPK_TRY_PTR(s->arena && s->key_column && s->key_struct, err);
	s->emitter = (struct spk_emitter){ .writer = { .schema = c->schema, .account = account }, .encoder = s->t->out };
	return SPK_OK;
}

static void groups_end(void *state)
{
	struct groups_state *s = state;

	spk_struct_writer_release(&s->emitter.writer);
	spk_buffer_release(&s->key);
	spk_arena_unref(s->arena);
	free(s->key_column);
	free(s->key_struct);
	for (int i = 0; i < 2; i++)
		free(s->side[i].row);
	*s = (struct groups_state){ 0 };
}

/* --- a group is complete --- */

static struct spk_rows rows_of(const struct side *side, const struct spk_struct_encoder *encoder)
{
	return (struct spk_rows){ .encoder = encoder, .at = side->row, .end = side->row ? side->row + side->count * encoder->size : NULL };
}

static spk_status join_group(struct groups_state *s, spk_error *err)
{
	const struct side *l = &s->side[0], *r = &s->side[1];
	const struct typed *t = s->t;

	for (size_t i = 0; i < l->count; i++)
		for (size_t k = 0; k < r->count; k++)
			SPK_TRY(spk_typed_ended(t, t->join(l->row + i * t->in->size, r->row + k * t->right->size, &s->emitter, t->user, err), err));
	for (size_t i = 0; i < l->count && !r->count && t->keep_left; i++)
		SPK_TRY(spk_typed_ended(t, t->join(l->row + i * t->in->size, NULL, &s->emitter, t->user, err), err));
	for (size_t k = 0; k < r->count && !l->count && t->keep_right; k++)
		SPK_TRY(spk_typed_ended(t, t->join(NULL, r->row + k * t->right->size, &s->emitter, t->user, err), err));
	return SPK_OK;
}

static spk_status reduce_group(struct groups_state *s, spk_error *err)
{
	char *into = s->side[0].row;

	for (size_t i = 1; i < s->side[0].count; i++)
		SPK_TRY(spk_typed_ended(s->t, s->t->reduce(into, s->side[0].row + i * s->t->in->size, s->t->user, err), err));
	return spk_emit(&s->emitter, into, err);
}

static spk_status close_group(struct groups_state *s, spk_error *err)
{
	struct spk_rows left = rows_of(&s->side[0], s->t->in), right = rows_of(&s->side[1], s->t->right ? s->t->right : s->t->in);
	spk_status status;

	if (!s->open)
		return SPK_OK;
	if (s->t->base.type == &spk_typed_groups)
		status = spk_typed_ended(s->t, s->t->group(s->key_struct, &left, &s->emitter, s->t->user, err), err);
	else if (s->t->base.type == &spk_typed_reduce)
		status = reduce_group(s, err);
	else if (s->t->base.type == &spk_typed_cogroup)
		status = spk_typed_ended(s->t, s->t->cogroup(s->key_struct, &left, &right, &s->emitter, s->t->user, err), err);
	else
		status = join_group(s, err);
	spk_arena_clear(s->arena);
	s->side[0].count = s->side[1].count = 0;
	s->open = false;
	return status;
}

/* --- rows --- */

static spk_status add_row(struct groups_state *s, int which, const struct spk_struct_encoder *encoder, const struct spk_vector *column, int row, spk_error *err)
{
	struct side *side = &s->side[which];

	if (side->count == side->capacity) {
		size_t capacity = SPK_MAX(2 * side->capacity, 16);
		char *grown = realloc(side->row, capacity * encoder->size);

		SPK_TRY_PTR(grown, err);
		side->row = grown;
		side->capacity = capacity;
	}
	SPK_TRY(spk_struct_decode(encoder, column, row, true, s->arena, side->row + side->count * encoder->size, err));
	side->count++;
	return SPK_OK;
}

static spk_status open_group(struct groups_state *s, const struct spk_batch *in, int row, const char *key, uint32_t size, spk_error *err)
{
	spk_buffer_clear(&s->key);
	SPK_TRY(spk_buffer_append(&s->key, key, size, err));
	s->open = true;
	return spk_struct_decode(s->t->key, in->column, row, true, s->arena, s->key_struct, err);
}

/* Which side a row is of: told by the column behind the key, where there are two. */
static int side_of(const struct groups_state *s, const struct spk_batch *in, int row)
{
	struct spk_reader r;

	if (!s->t->right)
		return 0;
	r = spk_vector_reader(&in->column[s->t->key->members]);
	return ((const int32_t *)r.data)[spk_reader_slot(&r, row)];
}

static spk_status take_rows(struct groups_state *s, const struct spk_batch *in, const struct spk_row_keys *keys, spk_error *err)
{
	int first = s->t->key->members + (s->t->right ? 1 : 0);

	SPK_EACH_ROW(in, i, row) {
		uint32_t size;
		const char *key = spk_row_key(keys, i, &size);
		int side = side_of(s, in, row);

		if (s->open && (s->key.size != size || memcmp(s->key.data, key, size) != 0))
			SPK_TRY(close_group(s, err));
		if (!s->open)
			SPK_TRY(open_group(s, in, row, key, size, err));
		SPK_TRY(add_row(s, side, side ? s->t->right : s->t->in, in->column + first + (side ? s->t->in->members : 0), row, err));
	}
	return SPK_OK;
}

static spk_status groups_push(void *state, struct spk_batch *in, const struct spk_callback_out *out, spk_error *err)
{
	struct groups_state *s = state;
	struct spk_row_keys keys = { 0 };
	spk_status status;

	s->emitter.out = out;
	for (int i = 0; i < s->t->key->members; i++)
		s->key_column[i] = (struct spk_key_column){ .column = i, .type = in->column[i].type };
	status = spk_row_keys_encode(&keys, in, s->key_column, s->t->key->members, false, err);
	if (status == SPK_OK)
		status = take_rows(s, in, &keys, err);
	spk_row_keys_release(&keys);
	return status;
}

static spk_status groups_finish(void *state, const struct spk_callback_out *out, spk_error *err)
{
	struct groups_state *s = state;

	s->emitter.out = out;
	SPK_TRY(close_group(s, err));
	return spk_emitter_flush(&s->emitter, err);
}

#define GROUPS_TYPE(id, name_) \
	const struct spk_callback_type spk_typed_##id = { .name = name_, .state_size = sizeof(struct groups_state), .begin = groups_begin, .push = groups_push, .finish = groups_finish, .end = groups_end };
GROUPS_TYPE(groups, "map_groups")
GROUPS_TYPE(reduce, "reduce_groups")
GROUPS_TYPE(cogroup, "cogroup")
GROUPS_TYPE(join, "join")
