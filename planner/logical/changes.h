/*
 * Tables whose rows say what became of earlier ones: changelogs.
 *
 *   BY_KEY   a row is the new state of its PRIMARY KEY, or says that the key is gone. What it takes back nobody can tell but who kept the row before:
 *            the NORMALIZE node (planner/physical/changes.c), which makes -1/+1 rows of them
 *   EXACT    rows come with weights -1 and +1: a table without PRIMARY KEY, whose messages hold the row before as well
 *
 * A BY_KEY source's batches have columns of the change behind those of the table, in the order of enum spk_change_column, and behind
 * them the key columns once more: the other key, of a row that went to or came from it. All header, since connectors/ is tested without planner/.
 */
#ifndef SPK_PLANNER_LOGICAL_CHANGES_H
#define SPK_PLANNER_LOGICAL_CHANGES_H

#include <string.h>

#include "planner/logical/catalog.h"

enum spk_changes { SPK_CHANGES_NONE, SPK_CHANGES_BY_KEY, SPK_CHANGES_EXACT };

/* SNAPSHOT: an upsert out of a reading of the whole table, which begins anew. TRUNCATE: all rows are gone; the row's own columns are NULL. */
enum spk_change_op { SPK_CHANGE_UPSERT = 1, SPK_CHANGE_DELETE, SPK_CHANGE_SNAPSHOT, SPK_CHANGE_TRUNCATE };

/*
 * HOLES: a bit per column of the decoded table, as bytes: the row before has its value. NULL: none.
 * COMMIT, OWN: when it happened, as two numbers of which the first counts first; both NULL: not known. Within a source partition they do not fall, but
 * for messages that come again.
 * PARTITION: says which source partition it is, for good.
 */
enum spk_change_column { SPK_CHANGE_OP, SPK_CHANGE_HOLES, SPK_CHANGE_COMMIT, SPK_CHANGE_OWN, SPK_CHANGE_PARTITION, SPK_CHANGE_OTHER };

static inline struct spk_field spk_change_field(enum spk_change_column column)
{
	static const struct { const char *name; enum spk_type_id type; } field[] = {
		{ "change.op", SPK_TYPE_SMALLINT }, { "change.holes", SPK_TYPE_BYTEA }, { "change.commit", SPK_TYPE_BIGINT },
		{ "change.own", SPK_TYPE_BIGINT }, { "change.partition", SPK_TYPE_BIGINT },
	};

	return (struct spk_field){ .name = field[column].name, .type = spk_type(field[column].type) };
}

static inline const char *spk_changes_option(const struct spk_table *t, const char *key)
{
	for (int i = t->option_count - 1; i >= 0; i--)
		if (strcmp(t->option[i].key, key) == 0)
			return t->option[i].value;
	return NULL;
}

static inline const char *spk_changes_format(const struct spk_table *t)
{
	const char *format = spk_changes_option(t, "value.format");

	format = format ? format : spk_changes_option(t, "format");
	return format ? format : "";
}

/* By connector and format alone. */
static inline enum spk_changes spk_table_changes(const struct spk_table *t)
{
	const char *format = spk_changes_format(t);

	if (t->connector && strcmp(t->connector, "upsert-kafka") == 0)
		return SPK_CHANGES_BY_KEY;
	if (strcmp(format, "debezium-json") == 0 || strcmp(format, "maxwell-json") == 0 || strcmp(format, "canal-json") == 0)
		return t->key_count ? SPK_CHANGES_BY_KEY : SPK_CHANGES_EXACT;
	return SPK_CHANGES_NONE;
}

/* A column whose value PostgreSQL may keep out of the row, and Debezium then leaves out of an UPDATE that did not touch it. */
static inline bool spk_change_may_be_hole(struct spk_type type)
{
	return type.id == SPK_TYPE_TEXT || type.id == SPK_TYPE_BYTEA || type.id == SPK_TYPE_JSON || type.id == SPK_TYPE_JSONB || type.id == SPK_TYPE_ARRAY;
}

/* Whether values may have to be carried over from one key to another: then all rows must be on one task. Only headers of messages tell of such. */
static inline bool spk_table_carries(const struct spk_table *t)
{
	bool holes = false;

	for (int c = 0; c < t->schema->count; c++) {
		bool key = false;

		for (int k = 0; k < t->key_count; k++)
			key = key || t->key[k] == c;
		holes = holes || (!key && !(t->computed && t->computed[c]) && !(t->metadata && t->metadata[c]) && spk_change_may_be_hole(t->schema->field[c].type));
	}
	return holes && t->key_count && t->connector && strcmp(t->connector, "kafka") == 0 && strcmp(spk_changes_format(t), "debezium-json") == 0;
}

#endif
