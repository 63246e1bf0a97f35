/*
 * Random changelogs through NORMALIZE, against a plain map: a database's log with key changes, truncates and values that are left out, sent as messages of
 * Debezium to one partition or several, partly twice; read in random epochs, with restarts from snapshots.
 */
#include "tests/stream/changelog.h"

enum { EPOCHS_MAX = 200 };

/* --- the job --- */

struct life {
	spk_test_rng rng;
	struct stream stream;
	char *dir;
	int generation, at[SOURCES][PARTITIONS], epochs;
	struct cut cut[EPOCHS_MAX];
	struct outcome outcome[EPOCHS_MAX];
	int64_t snapshot;
	struct lines table;
};

static void open_life(struct life *l)
{
	static const int sizes[] = { 1, 3, 50, 4096 };
	char *dir = spk_test_format("%s/state-%d", l->dir, l->generation);

	stream_open(&l->stream, dir, 1 + (int)spk_test_below(&l->rng, 5), sizes[spk_test_below(&l->rng, SPK_COUNT_OF(sizes))], 1 + (int)spk_test_below(&l->rng, 3), spk_test_one_in(&l->rng, 2));
	free(dir);
}

static void begin_life(struct life *l, const char *sql)
{
	static struct partition none[PARTITIONS];
	spk_error err = { 0 };

	stream_init(&l->stream, sql, none, 1, none, 1);
	l->stream.messages = put_messages;
	for (int i = 0; i < l->stream.plan->sources; i++) {
		struct spk_source *base = &l->stream.source[i].base;

		base->type = &changes_type;
		base->partitions = l->stream.partitions[i] = logs[i]->partitions;
		REQUIRE_OK(spk_source_open_format(base, (struct spk_view){ 0 }, &err), err);
	}
	l->dir = spk_test_dir("normalize");
	open_life(l);
}

static void end_life(struct life *l)
{
	stream_close(&l->stream);
	for (int i = 0; i < l->stream.plan->sources; i++)
		spk_source_close_format(&l->stream.source[i].base);
	stream_release(&l->stream);
	for (int i = 0; i < l->epochs; i++)
		outcome_release(&l->outcome[i]);
	lines_release(&l->table);
	free(l->dir);
}

static void take_snapshot(struct life *l)
{
	char *dir = spk_test_format("%s/state-%d", l->dir, l->generation + 1);
	spk_error err = { 0 };

	spk_test_remove(dir);
	REQUIRE_OK(spk_store_snapshot(l->stream.store, dir, &err), err);
	l->snapshot = l->stream.epoch;
	free(dir);
}

/* From the last snapshot: every epoch since must write what it wrote. */
static void restart(struct life *l)
{
	stream_close(&l->stream);
	l->generation++;
	l->stream.epoch = l->snapshot;
	open_life(l);
	for (int64_t e = l->snapshot; e < l->epochs; e++) {
		struct outcome again;
		spk_error err = { 0 };

		REQUIRE_OK(stream_epoch(&l->stream, &l->cut[e], NULL, &again, &err), err);
		lines_sort(&again.out[0]);
		CHECK(lines_same(&again.out[0], &l->outcome[e].out[0]));
		outcome_release(&again);
	}
	take_snapshot(l);
}

static void read_on(struct life *l, bool last)
{
	struct cut *cut = &l->cut[l->epochs];

	cut->chunk = 1 + (int)spk_test_below(&l->rng, 100);
	for (int i = 0; i < l->stream.plan->sources; i++)
		for (int p = 0; p < logs[i]->partitions; p++) {
			int left = logs[i]->in_partition[p] - l->at[i][p];

			cut->from[i][p] = l->at[i][p];
			cut->to[i][p] = l->at[i][p] += last ? left : (int)spk_test_below(&l->rng, (uint64_t)SPK_MIN(left, 60) + 1);
		}
}

/* What is taken back must be there; nothing both goes and comes in one epoch. */
static void add_up(struct life *l, const struct lines *out)
{
	for (int come = 0; come < 2; come++)
		for (int i = 0; i < out->count; i++) {
			const char *row = out->line[i] + 1;

			if ((out->line[i][0] == '+') != come)
				continue;
			if (come)
				lines_add(&l->table, row, strlen(row));
			else
				REQUIRE(lines_take(&l->table, row));
		}
	lines_sort(&l->table);
}

static char *draw_fault(struct life *l)
{
	static const char *const faults[] = { "task.start:%d", "task.finish:%d", "shuffle.write:%d", "state.read:%d", "state.write:%d", "malloc:%d" };

	return spk_test_format(faults[spk_test_below(&l->rng, SPK_COUNT_OF(faults))], 1 + (int)spk_test_below(&l->rng, 30));
}

static void one_epoch(struct life *l, bool last)
{
	struct outcome *out = &l->outcome[l->epochs];
	spk_error err = { 0 };

	read_on(l, last);
	/* What fails is begun again from the last snapshot. */
	if (spk_test_one_in(&l->rng, 6)) {
		char *fault = draw_fault(l);
		spk_status status = stream_epoch(&l->stream, &l->cut[l->epochs], fault, out, &err);

		free(fault);
		if (status != SPK_OK) {
			err = (spk_error){ 0 };
			restart(l);
			REQUIRE_OK(stream_epoch(&l->stream, &l->cut[l->epochs], NULL, out, &err), err);
		}
	} else {
		REQUIRE_OK(stream_epoch(&l->stream, &l->cut[l->epochs], NULL, out, &err), err);
	}
	l->epochs++;
	CHECK_EQ_INT(out->bad, 0);
	add_up(l, &out->out[0]);
	lines_sort(&out->out[0]);
}

typedef void (*model)(const struct row *const table[SOURCES], bool text, struct lines *out);

static void compare(struct life *l, model expected, const struct row *const table[SOURCES])
{
	struct lines want = { 0 };

	expected(table, logs[0]->text, &want);
	lines_sort(&want);
	CHECK(lines_same(&l->table, &want));
	for (int i = 0; !lines_same(&l->table, &want) && i < SPK_MAX(want.count, l->table.count); i++)
		printf("# %-30s %-30s\n", i < l->table.count ? l->table.line[i] : "", i < want.count ? want.line[i] : "");
	lines_release(&want);
}

/* With one partition the table is known after every epoch; with several when all is read. A change of a key is two messages, and not looked at between them. */
static bool known_now(const struct life *l, const struct row *table[SOURCES])
{
	for (int i = 0; i < l->stream.plan->sources; i++) {
		int at = l->at[i][0];

		if (logs[i]->partitions > 1 || at == 0 || (at < logs[i]->messages && logs[i]->message[at - 1].other && strstr(logs[i]->message[at - 1].json, "\"op\":\"d\"")))
			return false;
		table[i] = logs[i]->picture[logs[i]->message[at - 1].picture];
	}
	return true;
}

static void live(struct life *l, const char *sql, model expected)
{
	const struct row *table[SOURCES] = { 0 };

	begin_life(l, sql);
	take_snapshot(l);
	while (l->epochs < EPOCHS_MAX - 1) {
		bool left = false;

		for (int i = 0; i < l->stream.plan->sources; i++)
			for (int p = 0; p < logs[i]->partitions; p++)
				left = left || l->at[i][p] < logs[i]->in_partition[p];
		if (!left)
			break;
		one_epoch(l, l->epochs == EPOCHS_MAX - 2);
		if (known_now(l, table))
			compare(l, expected, table);
		if (spk_test_one_in(&l->rng, 8))
			take_snapshot(l);
		if (spk_test_one_in(&l->rng, 8))
			restart(l);
	}
	for (int i = 0; i < l->stream.plan->sources; i++)
		table[i] = logs[i]->table;
	compare(l, expected, table);
	end_life(l);
}

/* --- what must come out --- */

static void add(struct lines *out, char *line)
{
	lines_add(out, line, strlen(line));
	free(line);
}

static char *text_of(const struct row *r, bool text) { return spk_test_format(text ? "text number %d" : "%d", r->v); }

static void all_rows(const struct row *const table[SOURCES], bool text, struct lines *out)
{
	for (int k = 0; k < KEYS; k++)
		if (table[0][k].there) {
			char *v = text_of(&table[0][k], text);

			add(out, spk_test_format("%d|%lld|%s", k, (long long)table[0][k].a, v));
			free(v);
		}
}

static void by_a(const struct row *const table[SOURCES], bool text, struct lines *out)
{
	for (int a = -5; a <= 5; a++) {
		int n = 0, sum = 0;

		for (int k = 0; k < KEYS; k++)
			if (table[0][k].there && table[0][k].a == a) {
				n++;
				sum += k;
			}
		if (n)
			add(out, text ? spk_test_format("%d|%d", a, n) : spk_test_format("%d|%d", a, sum));
	}
}

static void joined(const struct row *const table[SOURCES], bool text, struct lines *out)
{
	(void)text;
	for (int i = 0; i < KEYS; i++)
		for (int k = 0; k < KEYS; k++)
			if (table[0][i].there && table[1][k].there && table[0][i].a == table[1][k].a)
				add(out, spk_test_format("%d|%d", i, k));
}

static void run(const char *sql, model expected, bool text, int padding, bool two, int partitions)
{
	static struct life l;

	l = (struct life){ .rng = spk_test_rng_new((uint64_t)partitions) };
	for (int round = 0; round < (spk_test_long() ? 60 : 4); round++) {
		spk_test_rng rng = l.rng;

		l = (struct life){ .rng = rng };
		logs[0] = log_new(&l.rng, text, padding, partitions, true, 300);
		logs[1] = two ? log_new(&l.rng, !text, 0, 1 + (int)spk_test_below(&l.rng, 2), true, 150) : NULL;
		live(&l, sql, expected);
		log_free(logs[0]);
		if (two)
			log_free(logs[1]);
	}
}

static void one_partition(void) { run("INSERT INTO rows SELECT id, a, v FROM held", all_rows, true, 0, false, 1); }
static void several_partitions(void) { run("INSERT INTO rows SELECT id, a, v FROM held", all_rows, true, 0, false, 3); }
static void by_hash(void) { run("INSERT INTO rows SELECT id, a, v::text FROM spread", all_rows, false, 0, false, 1); }
static void by_hash_of_several(void) { run("INSERT INTO rows SELECT id, a, v::text FROM spread", all_rows, false, 0, false, 4); }
static void counted(void) { run("INSERT INTO deltas SELECT a, count(*) FROM held GROUP BY a", by_a, true, 0, false, 2); }
static void summed(void) { run("INSERT INTO deltas SELECT a, sum(id)::bigint FROM spread GROUP BY a", by_a, false, 0, false, 4); }
static void joins(void) { run("INSERT INTO deltas SELECT h.id, s.id FROM held AS h JOIN spread AS s ON h.a = s.a", joined, true, 0, true, 1); }

/* Rows longer than a page of those that a join keeps. */
static void long_rows(void) { run("INSERT INTO rows SELECT h.id, h.a, rtrim(h.v) FROM held AS h LEFT JOIN spread AS s ON h.id = -1 - s.id", all_rows, true, 5000, true, 1); }

SPK_TEST_SUITE("normalize", { "one partition, values carried over", one_partition }, { "several partitions, values carried over", several_partitions }, { "by hash of the key", by_hash },
	       { "by hash of the key, several partitions", by_hash_of_several }, { "through counts", counted }, { "through sums", summed }, { "through a join", joins },
	       { "long rows through a join that finds nothing", long_rows })
