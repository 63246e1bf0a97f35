/* Datasets: typed calls become CALLBACK, REPARTITION, SORT and PROJECT nodes over a frame's plan. See include/sparklet/dataset.h. */
#include "session/dataset.h"

#include <stdlib.h>

/* --- making them --- */

static struct spk_dataset *dataset_of(struct spk_session *s, const struct spk_struct_encoder *e, struct spk_frame *frame)
{
	struct spk_dataset *d = frame ? SPK_NEW(s->arena, struct spk_dataset) : NULL;

	if (d)
		*d = (struct spk_dataset){ s, e, frame };
	return d;
}

static struct spk_dataset *dataset_of_error(struct spk_session *s, const struct spk_struct_encoder *e, const spk_error *error)
{
	return dataset_of(s, e, spk_frame_of_error(s, error));
}

struct spk_frame *spk_dataset_frame(struct spk_dataset *dataset) { return dataset ? dataset->frame : NULL; }

/* A projection to columns [first, first + count) of the plan. */
static spk_status pick(struct spk_session *s, struct spk_logical *plan, int first, int count, struct spk_logical **out, spk_error *err)
{
	struct spk_schema *schema = SPK_NEW(s->arena, struct spk_schema);
	struct spk_logical *l;

	SPK_TRY_PTR(schema, err);
	*schema = (struct spk_schema){ count, plan->schema->field + first };
	l = spk_logical_new(s->arena, SPK_LOGICAL_PROJECT, schema, &plan, 1);
	SPK_TRY_PTR(l, err);
	l->expr = SPK_NEW_ARRAY(s->arena, struct spk_expr *, count + 1);
	SPK_TRY_PTR(l->expr, err);
	for (; l->expr_count < count; l->expr_count++)
		SPK_TRY_PTR(l->expr[l->expr_count] = spk_expr_column(s->arena, first + l->expr_count, &schema->field[l->expr_count]), err);
	*out = l;
	return SPK_OK;
}

/* The first `keys` columns as expressions. */
static spk_status key_columns(struct spk_session *s, const struct spk_schema *schema, int keys, struct spk_expr ***out, spk_error *err)
{
	*out = SPK_NEW_ARRAY(s->arena, struct spk_expr *, keys + 1);
	SPK_TRY_PTR(*out, err);
	for (int i = 0; i < keys; i++)
		SPK_TRY_PTR((*out)[i] = spk_expr_column(s->arena, i, &schema->field[i]), err);
	return SPK_OK;
}

/* A CALLBACK over `plan`, by its first `keys` columns. */
static spk_status add_callback(struct spk_session *s, struct spk_logical *plan, const struct typed *t, int keys, struct spk_logical **out, spk_error *err)
{
	struct typed *own = spk_arena_copy(s->arena, t, sizeof *t);
	struct spk_logical *l;

	if (!t->map)   /* whichever it is of the union */
		return spk_fail(err, SPK_USAGE, "%s: its function is NULL", t->base.type->name);
	SPK_TRY_PTR(own, err);
	l = spk_logical_new(s->arena, SPK_LOGICAL_CALLBACK, t->base.schema, &plan, 1);
	SPK_TRY_PTR(l, err);
	l->callback = &own->base;
	l->expr_count = keys;
	*out = l;
	return keys ? key_columns(s, plan->schema, keys, &l->expr, err) : SPK_OK;
}

/* Schema of `front`'s members (or one integer when it is NULL), then of `back`'s columns. */
static spk_status wide_schema(struct spk_session *s, const struct spk_struct_encoder *front, const struct spk_schema *back, struct spk_schema **out, spk_error *err)
{
	struct spk_schema *schema = SPK_NEW(s->arena, struct spk_schema), *first = NULL;

	SPK_TRY_PTR(schema, err);
	if (front)
		SPK_TRY(spk_encoder_schema(front, s->arena, &first, err));
	schema->count = (first ? first->count : 1) + back->count;
	schema->field = SPK_NEW_ARRAY(s->arena, struct spk_field, schema->count + 1);
	SPK_TRY_PTR(schema->field, err);
	schema->field[0] = (struct spk_field){ "task", spk_type(SPK_TYPE_INTEGER), false };
	if (first)
		memcpy(schema->field, first->field, sizeof *first->field * (size_t)first->count);
	memcpy(schema->field + schema->count - back->count, back->field, sizeof *back->field * (size_t)back->count);
	*out = schema;
	return SPK_OK;
}

/* --- row by row --- */

static struct spk_dataset *apply(struct spk_dataset *d, const struct spk_callback_type *type, struct typed t)
{
	struct spk_schema *schema;
	struct spk_logical *plan;
	spk_error error = { 0 };

	if (!d)
		return NULL;
	t.in = d->encoder;
	t.base.type = type;
	if (spk_frame_ready(d->frame, &error) != SPK_OK || spk_encoder_schema(t.out, d->session->arena, &schema, &error) != SPK_OK)
		return dataset_of_error(d->session, t.out, &error);
	t.base.schema = schema;
	if (add_callback(d->session, d->frame->plan, &t, 0, &plan, &error) != SPK_OK)
		return dataset_of_error(d->session, t.out, &error);
	return dataset_of(d->session, t.out, spk_frame_of_plan(d->session, plan));
}

struct spk_dataset *spk_dataset_map(struct spk_dataset *dataset, const struct spk_struct_encoder *out, spk_map_function map, void *user)
{
	return apply(dataset, &spk_typed_map, (struct typed){ .out = out, .map = map, .user = user });
}

struct spk_dataset *spk_dataset_filter(struct spk_dataset *dataset, spk_filter_function filter, void *user)
{
	return dataset ? apply(dataset, &spk_typed_filter, (struct typed){ .out = dataset->encoder, .filter = filter, .user = user }) : NULL;
}

struct spk_dataset *spk_dataset_flat_map(struct spk_dataset *dataset, const struct spk_struct_encoder *out, spk_flat_map_function flat_map, void *user)
{
	return apply(dataset, &spk_typed_flat_map, (struct typed){ .out = out, .flat_map = flat_map, .user = user });
}

struct spk_dataset *spk_dataset_map_partitions(struct spk_dataset *dataset, const struct spk_struct_encoder *out, spk_partition_function map, void *user)
{
	return apply(dataset, &spk_typed_partitions, (struct typed){ .out = out, .partition = map, .user = user });
}

/* --- by key --- */

/* The plan with the key's columns in front. */
static spk_status add_key(struct spk_dataset *d, const struct spk_struct_encoder *key, spk_key_function key_of, void *user, struct spk_logical **out, spk_error *err)
{
	struct typed t = { .base.type = &spk_typed_key, .in = d->encoder, .key = key, .map = key_of, .user = user };
	struct spk_schema *schema;

	SPK_TRY(spk_frame_ready(d->frame, err));
	if (!key)
		return spk_fail(err, SPK_USAGE, "key: its encoder is NULL");
	SPK_TRY(wide_schema(d->session, key, d->frame->plan->schema, &schema, err));
	t.base.schema = schema;
	return add_callback(d->session, d->frame->plan, &t, 0, out, err);
}

struct spk_keyed *spk_dataset_group_by_key(struct spk_dataset *dataset, const struct spk_struct_encoder *key, spk_key_function key_of, void *user)
{
	spk_error error = { 0 };
	struct spk_logical *plan;
	struct spk_keyed *k;

	if (!dataset || !(k = SPK_NEW(dataset->session->arena, struct spk_keyed)))
		return NULL;
	*k = (struct spk_keyed){ dataset->session, key, dataset->encoder, NULL };
	k->frame = add_key(dataset, key, key_of, user, &plan, &error) == SPK_OK ? spk_frame_of_plan(dataset->session, plan) : spk_frame_of_error(dataset->session, &error);
	return k->frame ? k : NULL;
}

static struct spk_dataset *apply_grouped(struct spk_session *s, const struct spk_callback_type *type, struct spk_logical *plan, struct typed t)
{
	struct spk_schema *schema;
	spk_error error = { 0 };

	t.base.type = type;
	if (spk_encoder_schema(t.out, s->arena, &schema, &error) != SPK_OK)
		return dataset_of_error(s, t.out, &error);
	t.base.schema = schema;
	if (add_callback(s, plan, &t, t.key->members, &plan, &error) != SPK_OK)
		return dataset_of_error(s, t.out, &error);
	return dataset_of(s, t.out, spk_frame_of_plan(s, plan));
}

static struct spk_dataset *apply_one(struct spk_keyed *k, const struct spk_callback_type *type, struct typed t)
{
	spk_error error = { 0 };

	if (!k)
		return NULL;
	t.in = k->value;
	t.key = k->key;
	if (spk_frame_ready(k->frame, &error) != SPK_OK)
		return dataset_of_error(k->session, t.out, &error);
	return apply_grouped(k->session, type, k->frame->plan, t);
}

struct spk_dataset *spk_keyed_map_groups(struct spk_keyed *keyed, const struct spk_struct_encoder *out, spk_group_function map, void *user)
{
	return apply_one(keyed, &spk_typed_groups, (struct typed){ .out = out, .group = map, .user = user });
}

struct spk_dataset *spk_keyed_reduce_groups(struct spk_keyed *keyed, spk_reduce_function reduce, void *user)
{
	return keyed ? apply_one(keyed, &spk_typed_reduce, (struct typed){ .out = keyed->value, .reduce = reduce, .user = user }) : NULL;
}

/* --- two sides: key, side, left's columns, right's columns; those of the other side NULL --- */

static spk_status side_schema(struct spk_session *s, const struct spk_schema *left, const struct spk_schema *right, int keys, struct spk_schema **out, spk_error *err)
{
	struct spk_schema *schema = SPK_NEW(s->arena, struct spk_schema);
	int l = left->count - keys, r = right->count - keys;

	SPK_TRY_PTR(schema, err);
	schema->count = keys + 1 + l + r;
	schema->field = SPK_NEW_ARRAY(s->arena, struct spk_field, schema->count);
	SPK_TRY_PTR(schema->field, err);
	memcpy(schema->field, left->field, sizeof *left->field * (size_t)keys);
	schema->field[keys] = (struct spk_field){ "side", spk_type(SPK_TYPE_INTEGER), false };
	memcpy(schema->field + keys + 1, left->field + keys, sizeof *left->field * (size_t)l);
	memcpy(schema->field + keys + 1 + l, right->field + keys, sizeof *right->field * (size_t)r);
	for (int i = 0; i < schema->count; i++)
		schema->field[i].nullable = i != keys;
	*out = schema;
	return SPK_OK;
}

/* One side's rows in that schema: its own columns from `first` on. */
static spk_status widen(struct spk_session *s, struct spk_logical *plan, const struct spk_schema *schema, int keys, int side, int first, struct spk_logical **out, spk_error *err)
{
	struct spk_logical *l = spk_logical_new(s->arena, SPK_LOGICAL_PROJECT, schema, &plan, 1);
	int own = plan->schema->count - keys;

	SPK_TRY_PTR(l, err);
	l->expr = SPK_NEW_ARRAY(s->arena, struct spk_expr *, schema->count);
	SPK_TRY_PTR(l->expr, err);
	for (int i = 0; i < schema->count; i++) {
		int from = i < keys ? i : i >= first && i < first + own ? keys + i - first : -1;

		if (from >= 0)
			l->expr[i] = spk_expr_column(s->arena, from, &plan->schema->field[from]);
		else
			l->expr[i] = spk_expr_literal(s->arena, (struct spk_value){ .type = schema->field[i].type, .null = i != keys, .i32 = side });
		SPK_TRY_PTR(l->expr[i], err);
	}
	l->expr_count = schema->count;
	*out = l;
	return SPK_OK;
}

static spk_status both_sides(struct spk_keyed *left, struct spk_keyed *right, struct spk_logical **out, spk_error *err)
{
	struct spk_session *s = left->session;
	int keys = left->key->members;
	struct spk_logical *side[2];
	struct spk_schema *schema = NULL;

	SPK_TRY(spk_frame_ready(left->frame, err));
	SPK_TRY(spk_frame_ready(right->frame, err));
	if (!spk_encoder_same(left->key, right->key))
		return spk_fail(err, SPK_USAGE, "the keys of the two sides differ: struct %s, struct %s", left->key->name, right->key->name);
	SPK_TRY(side_schema(s, left->frame->plan->schema, right->frame->plan->schema, keys, &schema, err));
	SPK_TRY(widen(s, left->frame->plan, schema, keys, 0, keys + 1, &side[0], err));
	SPK_TRY(widen(s, right->frame->plan, schema, keys, 1, keys + 1 + left->value->members, &side[1], err));
	side[0] = spk_logical_copy_tree(s->arena, side[0]);
	side[1] = spk_logical_copy_tree(s->arena, side[1]);
	SPK_TRY_PTR(side[0] && side[1], err);
	*out = spk_logical_new(s->arena, SPK_LOGICAL_UNION, schema, side, 2);
	SPK_TRY_PTR(*out, err);
	return SPK_OK;
}

static struct spk_dataset *apply_two(struct spk_keyed *left, struct spk_keyed *right, const struct spk_callback_type *type, struct typed t)
{
	struct spk_logical *plan;
	spk_error error = { 0 };

	if (!left || !right)
		return NULL;
	t.in = left->value;
	t.right = right->value;
	t.key = left->key;
	if (both_sides(left, right, &plan, &error) != SPK_OK)
		return dataset_of_error(left->session, t.out, &error);
	return apply_grouped(left->session, type, plan, t);
}

struct spk_dataset *spk_keyed_cogroup(struct spk_keyed *left, struct spk_keyed *right, const struct spk_struct_encoder *out, spk_cogroup_function map, void *user)
{
	return apply_two(left, right, &spk_typed_cogroup, (struct typed){ .out = out, .cogroup = map, .user = user });
}

struct spk_dataset *spk_keyed_join(struct spk_keyed *left, struct spk_keyed *right, const char *type, const struct spk_struct_encoder *out, spk_join_function join, void *user)
{
	bool keep_left = type && (strcmp(type, "left") == 0 || strcmp(type, "full") == 0), keep_right = type && (strcmp(type, "right") == 0 || strcmp(type, "full") == 0);
	spk_error error = { 0 };

	if (left && (!type || (!keep_left && !keep_right && strcmp(type, "inner") != 0))) {
		spk_fail(&error, SPK_USAGE, "join: there is no \"%s\" join", type ? type : "");
		spk_hint(&error, "inner, left, right or full.");
		return dataset_of_error(left->session, out, &error);
	}
	return apply_two(left, right, &spk_typed_join, (struct typed){ .out = out, .join = join, .user = user, .keep_left = keep_left, .keep_right = keep_right });
}

/* --- order and place --- */

static spk_status sorted(struct spk_dataset *d, const struct spk_struct_encoder *key, spk_key_function key_of, void *user, struct spk_logical **out, spk_error *err)
{
	struct spk_session *s = d->session;
	struct spk_logical *plan, *l;
	struct spk_expr **column;

	SPK_TRY(add_key(d, key, key_of, user, &plan, err));
	SPK_TRY(key_columns(s, plan->schema, key->members, &column, err));
	l = spk_logical_new(s->arena, SPK_LOGICAL_SORT, plan->schema, &plan, 1);
	SPK_TRY_PTR(l, err);
	l->sort = SPK_NEW_ARRAY(s->arena, struct spk_sort_key, key->members + 1);
	SPK_TRY_PTR(l->sort, err);
	for (; l->sort_count < key->members; l->sort_count++)
		l->sort[l->sort_count].expr = column[l->sort_count];
	return pick(s, l, key->members, d->encoder->members, out, err);
}

struct spk_dataset *spk_dataset_sort_by(struct spk_dataset *dataset, const struct spk_struct_encoder *key, spk_key_function key_of, void *user)
{
	struct spk_logical *plan = NULL;
	spk_error error = { 0 };

	if (!dataset)
		return NULL;
	if (sorted(dataset, key, key_of, user, &plan, &error) != SPK_OK)
		return dataset_of_error(dataset->session, dataset->encoder, &error);
	return dataset_of(dataset->session, dataset->encoder, spk_frame_of_plan(dataset->session, plan));
}

static spk_status partitioned(struct spk_dataset *d, int tasks, spk_partitioner_function partition, void *user, struct spk_logical **out, spk_error *err)
{
	struct typed t = { .base.type = &spk_typed_partition, .in = d->encoder, .partitioner = partition, .user = user, .tasks = tasks };
	struct spk_session *s = d->session;
	struct spk_logical *plan, *l;
	struct spk_schema *schema;

	SPK_TRY(spk_frame_ready(d->frame, err));
	if (tasks < 1 || tasks > SPK_FRAME_TASKS_MAX)
		return spk_fail(err, SPK_USAGE, "partition_by: %d tasks; 1 to %d", tasks, SPK_FRAME_TASKS_MAX);
	SPK_TRY(wide_schema(s, NULL, d->frame->plan->schema, &schema, err));
	t.base.schema = schema;
	SPK_TRY(add_callback(s, d->frame->plan, &t, 0, &plan, err));
	l = spk_logical_new(s->arena, SPK_LOGICAL_REPARTITION, plan->schema, &plan, 1);
	SPK_TRY_PTR(l, err);
	l->partitions = tasks;
	l->direct = true;
	l->expr_count = 1;
	SPK_TRY(key_columns(s, plan->schema, 1, &l->expr, err));
	return pick(s, l, 1, d->encoder->members, out, err);
}

struct spk_dataset *spk_dataset_partition_by(struct spk_dataset *dataset, int tasks, spk_partitioner_function partition, void *user)
{
	struct spk_logical *plan = NULL;
	spk_error error = { 0 };

	if (!dataset)
		return NULL;
	if (partitioned(dataset, tasks, partition, user, &plan, &error) != SPK_OK)
		return dataset_of_error(dataset->session, dataset->encoder, &error);
	return dataset_of(dataset->session, dataset->encoder, spk_frame_of_plan(dataset->session, plan));
}

/* --- beside the rows --- */

struct spk_accumulator *spk_accumulator_new(struct spk_session *session) { return SPK_NEW(session->arena, struct spk_accumulator); }
void spk_accumulator_add(struct spk_accumulator *a, int64_t n) { __atomic_fetch_add(&a->value, n, __ATOMIC_RELAXED); }
int64_t spk_accumulator_value(const struct spk_accumulator *a) { return __atomic_load_n(&a->value, __ATOMIC_RELAXED); }
const void *spk_broadcast(struct spk_session *session, const void *data, size_t size) { return spk_arena_copy(session->arena, data, size); }
