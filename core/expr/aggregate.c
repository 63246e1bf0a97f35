/*
 * Aggregates: resolving them, the layout of state rows, and state rows as bytes. The aggregates themselves are in
 * aggregate_number.c (count, sum, avg, bool_and), aggregate_order.c (min, max) and aggregate_statistic.c.
 */
#include "core/expr/aggregate_internal.h"

#include <strings.h>

#include "core/base/conf.h"

enum { AGGREGATES_MAX = 128 };

const struct spk_aggregate *spk_aggregates(int *count)
{
	static _Thread_local struct spk_aggregate all[AGGREGATES_MAX];
	static _Thread_local int filled;

	if (filled == 0) {
		const struct spk_aggregate_family family[] = { spk_number_aggregates(), spk_order_aggregates(), spk_statistic_aggregates() };

		for (size_t k = 0; k < SPK_COUNT_OF(family); k++)
			for (int i = 0; i < family[k].count; i++) {
				SPK_ASSERT(filled < AGGREGATES_MAX, "room for every aggregate");
				all[filled++] = family[k].aggregate[i];
			}
	}
	*count = filled;
	return all;
}

/* The table's own entry, which outlives the thread that asks. */
static const struct spk_aggregate *each_aggregate(int i)
{
	const struct spk_aggregate_family family[] = { spk_number_aggregates(), spk_order_aggregates(), spk_statistic_aggregates() };

	for (size_t k = 0; k < SPK_COUNT_OF(family); k++) {
		if (i < family[k].count)
			return &family[k].aggregate[i];
		i -= family[k].count;
	}
	return NULL;
}

bool spk_aggregate_known(const char *name)
{
	const struct spk_aggregate *a;

	for (int i = 0; (a = each_aggregate(i)) != NULL; i++)
		if (strcasecmp(a->name, name) == 0)
			return true;
	return false;
}

/* --- resolving --- */

/* Exact types win, then "any", then what an implicit cast reaches, preferred types first. */
static int match(const struct spk_aggregate *a, const struct spk_expr *arg)
{
	if (!arg || a->args == 0)
		return !arg && a->args == 0 ? 4 : 0;
	if (a->arg.id == arg->type.id)
		return 4;
	if (a->arg.id == SPK_TYPE_UNKNOWN)
		return 3;
	if (!spk_can_coerce(arg->type, a->arg))
		return 0;
	return spk_type_preferred(a->arg.id) ? 2 : 1;
}

static spk_status no_such(const char *name, const struct spk_expr *arg, int position, spk_error *err)
{
	char t[64];
	const struct spk_aggregate *a;
	const char *names[AGGREGATES_MAX], *closest;
	int count = 0;

	spk_bind_fail(err, position, "function %s(%s) does not exist", name, arg ? spk_type_format(spk_type_bare(arg->type), t, sizeof t) : "*");
	if (spk_aggregate_known(name))
		return spk_hint(err, "No function matches the given name and argument types. You might need to add explicit type casts.");
	for (int i = 0; (a = each_aggregate(i)) != NULL && count < AGGREGATES_MAX; i++)
		names[count++] = a->name;
	closest = spk_closest_name(name, names, count);
	return closest ? spk_hint(err, "Did you mean %s?", closest) : SPK_BIND;
}

spk_status spk_aggregate_resolve(struct spk_arena *arena, const char *name, struct spk_expr *arg, struct spk_expr *filter, bool distinct, int position, struct spk_aggregate_call *out, spk_error *err)
{
	const struct spk_aggregate *best = NULL, *a;
	int best_match = 0;

	for (int i = 0; (a = each_aggregate(i)) != NULL; i++) {
		int m = strcasecmp(a->name, name) == 0 ? match(a, arg) : 0;

		if (m > best_match) {
			best = a;
			best_match = m;
		}
	}
	if (!best)
		return no_such(name, arg, position, err);
	if (filter && filter->type.id != SPK_TYPE_BOOLEAN)
		SPK_TRY(spk_expr_cast(arena, filter, spk_type(SPK_TYPE_BOOLEAN), false, position, &filter, err));
	if (arg)
		SPK_TRY(spk_expr_coerce(arena, arg, best->arg, position, &arg, err));
	*out = (struct spk_aggregate_call){ .aggregate = best, .arg = arg, .filter = filter, .distinct = distinct, .name = best->name, .position = position };
	if (arg)
		out->arg_type = arg->type;
	out->type = best->result_of(out->arg_type);
	return SPK_OK;
}

/* --- state rows --- */

int spk_aggregate_layout(struct spk_aggregate_call *calls, int count)
{
	int size = 0;

	for (int i = 0; i < count; i++) {
		calls[i].offset = size;
		size += (calls[i].aggregate->state_size + 15) / 16 * 16;
	}
	return size;
}

spk_status spk_aggregate_row_write(const struct spk_aggregate_call *calls, int count, const char *row, struct spk_buffer *out, spk_error *err)
{
	for (int i = 0; i < count; i++) {
		const struct spk_aggregate *a = calls[i].aggregate;

		if (a->write)
			SPK_TRY(a->write(&calls[i], row + calls[i].offset, out, err));
		else
			SPK_TRY(spk_buffer_append(out, row + calls[i].offset, (size_t)a->state_size, err));
	}
	return SPK_OK;
}

spk_status spk_aggregate_row_read(const struct spk_aggregate_call *calls, int count, char *row, const char *data, size_t size, spk_error *err)
{
	const char *from = data, *end = data + size;

	for (int i = 0; i < count; i++) {
		const struct spk_aggregate *a = calls[i].aggregate;
		char *state = row + calls[i].offset;

		if (a->read) {
			SPK_TRY(a->read(&calls[i], state, &from, end, err));
			continue;
		}
		if (end - from < a->state_size)
			return spk_fail(err, SPK_CORRUPT, "aggregate state of %s is cut off", a->name);
		memcpy(state, from, (size_t)a->state_size);
		from += a->state_size;
	}
	return from == end ? SPK_OK : spk_fail(err, SPK_CORRUPT, "aggregate states have %td bytes too many", end - from);
}

void spk_aggregate_row_release(const struct spk_aggregate_call *calls, int count, char *row)
{
	for (int i = 0; i < count; i++)
		if (calls[i].aggregate->release)
			calls[i].aggregate->release(row + calls[i].offset);
}
