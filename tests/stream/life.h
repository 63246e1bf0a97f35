/*
 * Lives of a streaming plan: random rows, cuts, partitions, watermarks and idleness, with restarts from snapshots, failing tasks and failing state in
 * between. Epochs that are done again must write what they wrote then.
 */
#ifndef SPK_TESTS_STREAM_LIFE_H
#define SPK_TESTS_STREAM_LIFE_H

#include "core/base/check.h"
#include "tests/stream/support.h"

enum { EPOCHS_MAX = 80 };

/* What a snapshot remembers beside the state. */
struct snapshot { int64_t epoch, watermark[SOURCES], mark[SOURCES][PARTITIONS]; };

struct life {
	spk_test_rng rng;
	struct stream stream;
	struct partition t[PARTITIONS], u[PARTITIONS];
	char *dir;
	int generation;                     /* of the store's folder */
	struct snapshot snapshot;
	struct cut cut[EPOCHS_MAX];         /* by epoch */
	struct outcome outcome[EPOCHS_MAX]; /* lines sorted */
};

/* Which table source i of the plan is: 0 t, 1 u or another one over its rows. */
static inline int life_source(const struct life *l, int i) { return strcmp(l->stream.plan->source[i].table->name, "t") != 0; }

static inline char *state_dir(const struct life *l, int generation) { return spk_test_format("%s/state-%d", l->dir, generation); }

static inline void open_life(struct life *l)
{
	static const int sizes[] = { 1, 3, 50, 4096 };
	char *dir = state_dir(l, l->generation);

	stream_open(&l->stream, dir, 1 + (int)spk_test_below(&l->rng, 5), sizes[spk_test_below(&l->rng, SPK_COUNT_OF(sizes))], 1 + (int)spk_test_below(&l->rng, 3), spk_test_one_in(&l->rng, 2));
	free(dir);
}

/* A snapshot of the state as it is, in the next folder. */
static inline void take_snapshot(struct life *l)
{
	char *dir = state_dir(l, l->generation + 1);
	spk_error err = { 0 };

	spk_test_remove(dir);
	REQUIRE_OK(spk_store_snapshot(l->stream.store, dir, &err), err);
	l->snapshot.epoch = l->stream.epoch;
	memcpy(l->snapshot.watermark, l->stream.watermark, sizeof l->snapshot.watermark);
	memcpy(l->snapshot.mark, l->stream.mark, sizeof l->snapshot.mark);
	free(dir);
}

/* Starts anew from the last snapshot and does the epochs since again: each must write what it wrote then. */
static inline void life_restart(struct life *l)
{
	char *old = state_dir(l, l->generation);
	int64_t last = l->stream.epoch;

	stream_close(&l->stream);
	spk_test_remove(old);
	free(old);
	l->generation++;
	l->stream.epoch = l->snapshot.epoch;
	memcpy(l->stream.watermark, l->snapshot.watermark, sizeof l->snapshot.watermark);
	memcpy(l->stream.mark, l->snapshot.mark, sizeof l->snapshot.mark);
	open_life(l);
	for (int64_t e = l->stream.epoch; e < last; e++) {
		struct outcome again;
		spk_error err = { 0 };

		REQUIRE_OK(stream_epoch(&l->stream, &l->cut[e], NULL, &again, &err), err);
		for (int i = 0; i < l->stream.plan->sinks; i++) {
			lines_sort(&again.out[i]);
			CHECK(lines_same(&again.out[i], &l->outcome[e].out[i]));
		}
		CHECK(again.late == l->outcome[e].late && again.bad == l->outcome[e].bad);
		outcome_release(&again);
	}
	take_snapshot(l);
}

/* Reads on: some partitions a little, some nothing, some all; idle or ended ones as it comes. */
static inline void draw_cut(struct life *l, struct cut *cut, bool last)
{
	cut->time_us = (l->stream.epoch ? l->cut[l->stream.epoch - 1].time_us : 1) + spk_test_between(&l->rng, 0, 2 * SECOND);
	cut->chunk = 1 + (int)spk_test_below(&l->rng, spk_test_one_in(&l->rng, 2) ? 10 : 1000);
	for (int i = 0; i < l->stream.plan->sources; i++)
		for (int p = 0; p < l->stream.partitions[i]; p++) {
			struct partition *part = &l->stream.partition[i][p];
			int most = part->events - part->at, n = spk_test_one_in(&l->rng, 4) ? 0 : (int)spk_test_below(&l->rng, (uint64_t)SPK_MIN(most, 60) + 1);

			cut->from[i][p] = part->at;
			part->at += last ? most : n;
			cut->to[i][p] = part->at;
			cut->finished[i][p] = part->at == part->events && (last || spk_test_one_in(&l->rng, 3));
			cut->idle[i][p] = cut->from[i][p] == cut->to[i][p] && spk_test_one_in(&l->rng, 3);
		}
}

/* NULL more often than not. */
static inline char *draw_fault(struct life *l)
{
	static const char *const faults[] = { "task.start:%d", "task.finish:%d", "shuffle.write:%d", "shuffle.fetch:%d", "state.read:%d", "state.write:%d", "malloc:%d" };

	if (!spk_test_one_in(&l->rng, 4))
		return NULL;
	return spk_test_format(faults[spk_test_below(&l->rng, SPK_COUNT_OF(faults))], 1 + (int)spk_test_below(&l->rng, 30));
}

/* One epoch, if need be after a restart. */
static inline void life_epoch(struct life *l, bool last)
{
	int64_t e = l->stream.epoch;
	char *fault = draw_fault(l);
	spk_error err = { 0 };

	draw_cut(l, &l->cut[e], last);
	if (stream_epoch(&l->stream, &l->cut[e], fault, &l->outcome[e], &err) != SPK_OK) {
		CHECK(fault != NULL);
		life_restart(l);
		REQUIRE_OK(stream_epoch(&l->stream, &l->cut[e], NULL, &l->outcome[e], &err), err);
	}
	free(fault);
	for (int i = 0; i < l->stream.plan->sinks; i++)
		lines_sort(&l->outcome[e].out[i]);
}

/* Whether the epoch that was done last is the first one of its interval, so that what was held before it (emit.interval) has come out. */
static inline bool life_begins_interval(const struct life *l, int64_t interval_us)
{
	const int64_t e = l->stream.epoch - 1;

	return e > 0 && l->cut[e].time_us / interval_us != l->cut[e - 1].time_us / interval_us;
}

/* What may happen between two epochs: a snapshot, a restart. */
static inline void life_goes_on(struct life *l)
{
	if (spk_test_one_in(&l->rng, 6))
		take_snapshot(l);
	if (spk_test_one_in(&l->rng, 8))
		life_restart(l);
}

/* Epoch after epoch, each with what may happen behind it, as long as `check` finds it good. */
static inline bool life_run(struct life *l, int epochs, bool (*check)(struct life *l))
{
	bool good = true;

	for (int e = 0; e < epochs && good; e++) {
		life_epoch(l, e == epochs - 1);
		good = check(l);
		life_goes_on(l);
	}
	return good;
}

/* A life of that query, t and u having fewer than `events` rows a partition; stream: of random numbers. */
static inline void life_init(struct life *l, const char *sql, uint64_t stream, int events)
{
	*l = (struct life){ .rng = spk_test_rng_new(stream), .dir = spk_test_dir("life") };
	const int t = 1 + (int)spk_test_below(&l->rng, PARTITIONS), u = 1 + (int)spk_test_below(&l->rng, PARTITIONS);

	for (int p = 0; p < PARTITIONS; p++) {
		partition_fill(&l->t[p], p < t ? (int)spk_test_below(&l->rng, (uint64_t)events) : 0, &l->rng);
		partition_fill(&l->u[p], p < u ? (int)spk_test_below(&l->rng, (uint64_t)events) : 0, &l->rng);
	}
	stream_init(&l->stream, sql, l->t, t, l->u, u);
	open_life(l);
	take_snapshot(l);
}

static inline void life_release(struct life *l)
{
	stream_close(&l->stream);
	stream_release(&l->stream);
	for (int p = 0; p < PARTITIONS; p++) {
		free(l->t[p].event);
		free(l->u[p].event);
	}
	for (int e = 0; e < EPOCHS_MAX; e++)
		outcome_release(&l->outcome[e]);
	spk_test_remove(l->dir);
	free(l->dir);
}

#endif
