/*
 * Which rows are together on one task, so that no exchange is planned to bring them there again.
 *
 * An exchange by hash sends a row where spk_hash_columns of its key columns says, and so does an aggregate's (its carried hash is that of
 * the group columns, in order). What is known is carried along with the ports: key by key, the columns that hold its value.
 */
#include "planner/physical/build.h"

#include "core/base/check.h"

/* Casts that keep a value's hash: integers hash alike whatever their width, real as double, numerics by value. */
static bool keeps_hash(struct spk_type from, struct spk_type to)
{
	if (spk_type_is_integer(from))
		return spk_type_is_integer(to) && from.id <= to.id;
	if (from.id == SPK_TYPE_REAL)
		return to.id == SPK_TYPE_DOUBLE;
	if (from.id == SPK_TYPE_DECIMAL)
		return to.id == SPK_TYPE_DECIMAL && from.scale >= 0 && to.scale >= from.scale && to.precision - to.scale >= from.precision - from.scale;
	return from.id == SPK_TYPE_TEXT && to.id == SPK_TYPE_TEXT && to.precision == 0;
}

struct spk_expr *spk_build_hashed(struct spk_expr *e)
{
	while (e->kind == SPK_EXPR_CAST && keeps_hash(e->arg[0]->type, e->type))
		e = e->arg[0];
	return e;
}

spk_status spk_partitioned_by_first(struct spk_build *b, int keys, struct spk_partitioning *out, spk_error *err)
{
	struct spk_partition_key *key = SPK_NEW_ARRAY(b->arena, struct spk_partition_key, keys);
	int *column = SPK_NEW_ARRAY(b->arena, int, keys);

	SPK_TRY_PTR(key && column, err);
	for (int k = 0; k < keys; k++) {
		column[k] = k;
		key[k] = (struct spk_partition_key){ 1, &column[k] };
	}
	*out = (struct spk_partitioning){ .keys = keys, .key = key };
	return SPK_OK;
}

static bool key_holds(const struct spk_partition_key *key, const struct spk_expr *e)
{
	if (e->kind != SPK_EXPR_COLUMN)
		return false;
	for (int i = 0; i < key->columns; i++)
		if (key->column[i] == e->column)
			return true;
	return false;
}

spk_status spk_partitioned_behind(struct spk_build *b, const struct spk_partitioning *in, struct spk_expr *const *expr, int exprs, struct spk_partitioning *out, spk_error *err)
{
	struct spk_partition_key *key = SPK_NEW_ARRAY(b->arena, struct spk_partition_key, in->keys);

	*out = (struct spk_partitioning){ 0 };
	SPK_TRY_PTR(key, err);
	for (int k = 0; k < in->keys; k++) {
		int *column = SPK_NEW_ARRAY(b->arena, int, exprs), n = 0;

		SPK_TRY_PTR(column, err);
		for (int i = 0; i < exprs; i++)
			if (key_holds(&in->key[k], spk_build_hashed(expr[i])))
				column[n++] = i;
		if (n == 0)
			return SPK_OK;
		key[k] = (struct spk_partition_key){ n, column };
	}
	*out = (struct spk_partitioning){ .keys = in->keys, .key = key, .range = in->range };
	return SPK_OK;
}

bool spk_partitioned_within(const struct spk_partitioning *in, struct spk_expr *const *expr, int exprs, int *order)
{
	for (int k = 0; k < in->keys; k++) {
		order[k] = -1;
		for (int i = 0; i < exprs && order[k] < 0; i++)
			if (key_holds(&in->key[k], spk_build_hashed(expr[i])))
				order[k] = i;
		if (order[k] < 0)
			return false;
	}
	return in->keys > 0;
}
