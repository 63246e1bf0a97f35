/*
 * A database's log at random, as messages of Debezium to one partition or several: with key changes, truncates, values that are left out, and messages that come twice; and
 * a source that reads them.
 */
#ifndef SPK_TESTS_STREAM_CHANGELOG_H
#define SPK_TESTS_STREAM_CHANGELOG_H

#include "core/base/check.h"
#include "tests/stream/support.h"

enum { KEYS = 24, LOG_MAX = 4000 };

/* --- the database and its log --- */

struct row { bool there; int64_t a; int v; };       /* v: which of the texts */

/*
 * One message. picture: what the table holds then, by number. What it says: that its key (-1: every one) has this row from `time` (microseconds) on, or none; `repeats`: what
 * another one said before.
 */
struct message { int partition, picture, key; struct row row; int64_t time; bool repeats; char *json, *other; };

struct log {
	bool text;                                  /* v is a text, which updates may leave out */
	int padding;                                /* and may be so long */
	int partitions, messages, pictures, serial;
	bool truncates;
	int64_t lsn, commit, time;                  /* time: does not fall, several changes may have one */
	struct row table[KEYS];
	struct message message[LOG_MAX];
	struct row (*picture)[KEYS];
	int by_partition[PARTITIONS][LOG_MAX], in_partition[PARTITIONS];
	spk_test_rng *rng;
};

static inline int partition_of(const struct log *l, int key) { return key < 0 ? 0 : key * 7 % l->partitions; }

static inline char *row_json(const struct log *l, int key, bool hole)
{
	const struct row *r = &l->table[key];

	if (!l->text)
		return spk_test_format("{\"id\":%d,\"a\":%lld,\"v\":%d}", key, (long long)r->a, r->v);
	if (!hole && l->padding)
		return spk_test_format("{\"id\":%d,\"a\":%lld,\"v\":\"text number %d%*s\"}", key, (long long)r->a, r->v, r->v * 97 % l->padding, "");
	if (hole)
		return spk_test_format("{\"id\":%d,\"a\":%lld,\"v\":\"__debezium_unavailable_value\"}", key, (long long)r->a);
	return spk_test_format("{\"id\":%d,\"a\":%lld,\"v\":\"text number %d\"}", key, (long long)r->a, r->v);
}

/* Takes the two texts; a NULL is null. */
static inline void send(struct log *l, int key, char op, char *before, char *after, int other)
{
	struct message *m = &l->message[l->messages];
	char commit[32];

	if (l->messages == LOG_MAX)
		return;
	snprintf(commit, sizeof commit, l->commit ? "\\\"%lld\\\"" : "null", (long long)l->commit);
	m->partition = partition_of(l, key);
	m->json = spk_test_format("{\"before\":%s,\"after\":%s,\"source\":{\"snapshot\":\"%s\",\"ts_ms\":%lld,\"sequence\":\"[%s,\\\"%lld\\\"]\"},\"op\":\"%c\"}", before ? before : "null",
				  after ? after : "null", op == 'r' ? "true" : "false", (long long)(l->time / 1000), op == 'r' ? "null" : commit, (long long)l->lsn, op);
	m->other = other < 0 ? NULL : spk_test_format("{\"id\":%d}", other);
	memcpy(l->picture[l->pictures], l->table, sizeof l->table);
	m->picture = l->pictures++;
	m->key = key;
	m->row = key < 0 ? (struct row){ 0 } : l->table[key];
	m->time = l->time;
	l->messages++;
	free(before);
	free(after);
}

static inline char *key_json(int key) { return spk_test_format("{\"id\":%d,\"a\":0,\"v\":null}", key); }

static inline void next_lsn(struct log *l)
{
	l->lsn += spk_test_between(l->rng, 1, 50);
	l->time += spk_test_one_in(l->rng, 3) ? 0 : spk_test_between(l->rng, 1, 150) * 1000;
	if (spk_test_one_in(l->rng, 3))
		l->commit = l->lsn - 1;
}

static inline void change_key(struct log *l, int from, int to)
{
	l->table[to] = l->table[from];
	l->table[from].there = false;
	/* The picture between the two is that of neither; both rows are one change of the database. */
	send(l, from, 'd', key_json(from), NULL, to);
	if (l->messages < LOG_MAX)
		send(l, to, 'c', NULL, row_json(l, to, spk_test_one_in(l->rng, 2)), from);
}

static inline void update(struct log *l, int key)
{
	bool leaves_out = spk_test_one_in(l->rng, 2);

	if (!spk_test_one_in(l->rng, 5))
		l->table[key].a = spk_test_between(l->rng, -5, 5);
	if (!leaves_out)
		l->table[key].v = ++l->serial;
	send(l, key, 'u', NULL, row_json(l, key, leaves_out), -1);
}

static inline void insert(struct log *l, int key, char op)
{
	l->table[key] = (struct row){ .there = true, .a = spk_test_between(l->rng, -5, 5), .v = ++l->serial };
	send(l, key, op, NULL, row_json(l, key, false), -1);
}

static inline void truncate_table(struct log *l)
{
	for (int k = 0; k < KEYS; k++)
		l->table[k].there = false;
	send(l, -1, 't', NULL, NULL, -1);
}

static inline void one_change(struct log *l)
{
	int key = (int)spk_test_below(l->rng, KEYS), other = (int)spk_test_below(l->rng, KEYS);

	next_lsn(l);
	if (!l->table[key].there)
		insert(l, key, 'c');
	else if (!l->table[other].there && spk_test_one_in(l->rng, 3))
		change_key(l, key, other);
	else if (spk_test_one_in(l->rng, 5)) {
		l->table[key].there = false;
		send(l, key, 'd', key_json(key), NULL, -1);
	} else if (l->truncates && spk_test_one_in(l->rng, 80))
		truncate_table(l);
	else
		update(l, key);
}

/* The connector was killed and sends its last messages again. */
static inline void repeat(struct log *l)
{
	/* Not the reading of the table at the beginning: that would be done anew. */
	int n = l->messages, back = (int)spk_test_below(l->rng, (uint64_t)SPK_MIN(n - KEYS / 2, 30) + 1);

	for (int i = n - back; i < n && l->messages < LOG_MAX; i++) {
		struct message *m = &l->message[l->messages++];

		*m = (struct message){ .repeats = true, .partition = l->message[i].partition, .json = strdup(l->message[i].json), .other = l->message[i].other ? strdup(l->message[i].other) : NULL };
		/* Nothing changes by them. */
		m->picture = l->message[n - 1].picture;
	}
}

static inline struct log *log_new(spk_test_rng *rng, bool text, int padding, int partitions, bool truncates, int changes)
{
	struct log *l = calloc(1, sizeof *l);

	l->picture = calloc(LOG_MAX + 1, sizeof *l->picture);
	l->rng = rng;
	l->text = text;
	l->padding = padding;
	l->partitions = partitions;
	l->truncates = truncates;
	l->lsn = 1000;
	l->time = (int64_t)1700000000 * SECOND;
	for (int k = 0; k < KEYS; k += 2)
		insert(l, k, 'r');
	for (int i = 0; i < changes; i++) {
		one_change(l);
		if (spk_test_one_in(rng, 60))
			repeat(l);
	}
	for (int i = 0; i < l->messages; i++)
		l->by_partition[l->message[i].partition][l->in_partition[l->message[i].partition]++] = i;
	return l;
}

static inline void log_free(struct log *l)
{
	for (int i = 0; i < l->messages; i++) {
		free(l->message[i].json);
		free(l->message[i].other);
	}
	free(l->picture);
	free(l);
}

/* --- the source --- */

static struct log *logs[SOURCES];   /* by source of the plan; NULL: it reads something else */

static inline void put_messages(const struct stream *s, int source, struct spk_chunk *chunk)
{
	const struct log *l = logs[source];

	(void)s;
	if (!l)
		return;
	chunk->other_key = SPK_NEW_ARRAY(chunk->arena, struct spk_view, chunk->rows);
	for (int i = 0; i < chunk->rows; i++) {
		const struct message *m = &l->message[l->by_partition[chunk->partition][chunk->start + i]];
		/* What the readers of a chunk may count on behind its bytes. */
		const char *json = spk_arena_printf(chunk->arena, "%s%64s", m->json, ""), *other = m->other ? spk_arena_printf(chunk->arena, "%s%64s", m->other, "") : NULL;

		chunk->raw[i] = spk_view(json, (uint32_t)strlen(m->json));
		if (other)
			chunk->other_key[i] = spk_view(other, (uint32_t)strlen(m->other));
	}
}

static inline const char *partition_name(const struct spk_source *s, int partition)
{
	static const char *const names[] = { "topic/0", "topic/1", "topic/2", "topic/3" };

	(void)s;
	return names[partition];
}

static const struct spk_source_type changes_type = { .name = "kafka", .replayable = true, .partition_name = partition_name };

#endif
