/* PARTITIONED BY (a, b) of a table, which the grammar knows as PARTITION BY LIST: the columns that stand in the paths of its files. */
#include "planner/sql/bind.h"

#include <strings.h>

static spk_status refuse(const struct spk_binder *b, int location, const char *what, spk_error *err)
{
	spk_binder_fail(b, location, SPK_UNSUPPORTED, err, "%s is not supported", what);
	return spk_hint(err, "PARTITIONED BY (column, ...) names the columns by whose values files are put into folders.");
}

static spk_status find_column(const struct spk_binder *b, const PgQuery__PartitionElem *e, const struct spk_table *t, const int *before, int count, int *out, spk_error *err)
{
	*out = spk_schema_lookup(t->schema, e->name);
	if (*out < 0)
		return spk_binder_fail(b, e->location, SPK_BIND, err, "column \"%s\" named in PARTITIONED BY does not exist", e->name);
	if ((t->computed && t->computed[*out]) || (t->metadata && t->metadata[*out]))
		return spk_binder_fail(b, e->location, SPK_BIND, err, "column \"%s\" in PARTITIONED BY is computed: nothing is written to it", e->name);
	if (t->rounded && t->rounded[*out]) {
		spk_binder_fail(b, e->location, SPK_UNSUPPORTED, err, "column \"%s\" in PARTITIONED BY with a type that rounds is not supported", e->name);
		return spk_hint(err, "Declare it without the digits, as timestamp.");
	}
	for (int i = 0; i < count; i++)
		if (before[i] == *out)
			return spk_binder_fail(b, e->location, SPK_BIND, err, "column \"%s\" appears twice in PARTITIONED BY", e->name);
	return SPK_OK;
}

spk_status spk_binder_partitioned(struct spk_binder *b, const PgQuery__PartitionSpec *s, struct spk_table *t, spk_error *err)
{
	int *column, n = (int)s->n_part_params;

	if (strcasecmp(s->strategy, "list") != 0)
		return refuse(b, s->location, "PARTITION BY RANGE or HASH of a table", err);
	column = SPK_NEW_ARRAY(b->arena, int, n + 1);
	SPK_TRY_PTR(column, err);
	for (int i = 0; i < n; i++) {
		const PgQuery__PartitionElem *e = s->part_params[i]->partition_elem;

		if (!e->name || !*e->name)
			return refuse(b, e->location, "an expression in PARTITIONED BY", err);
		SPK_TRY(find_column(b, e, t, column, i, &column[i], err));
	}
	if (n == t->schema->count)
		return spk_binder_fail(b, s->location, SPK_BIND, err, "table \"%s\" is partitioned by all of its columns: nothing is left to write into files", t->name);
	t->partition = column;
	t->partition_count = n;
	return SPK_OK;
}
