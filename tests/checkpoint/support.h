/* Epoch records from a seed, and what tests of logs and stores ask about them. */
#ifndef SPK_TESTS_CHECKPOINT_SUPPORT_H
#define SPK_TESTS_CHECKPOINT_SUPPORT_H

#include <stdio.h>

#include "checkpoint/epoch_log.h"
#include "core/base/fault.h"
#include "tests/support/test.h"

/* RocksDB is not built with ThreadSanitizer; what its threads do through libstdc++ is not told to be its own by tools/tsan.supp. */
__attribute__((visibility("default"), used)) const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void) { return "called_from_lib:libstdc++.so\n"; }

static inline const char *random_name(struct spk_arena *arena, spk_test_rng *rng)
{
	static const char *const words[] = { "", "bid", "topic/3", "a b\tc", "\xc3\xa4\xe2\x82\xac", "quote\"d", "data/2013-01.csv" };

	if (spk_test_one_in(rng, 3))
		return words[spk_test_below(rng, sizeof(words) / sizeof(words[0]))];
	return spk_arena_printf(arena, "name-%llx", (unsigned long long)spk_test_next(rng));
}

/* Any number, the far ends more often than not. */
static inline int64_t random_number(spk_test_rng *rng)
{
	static const int64_t ends[] = { 0, 1, -1, INT64_MAX, INT64_MIN, INT32_MAX, 127, 128 };

	return spk_test_one_in(rng, 2) ? ends[spk_test_below(rng, sizeof(ends) / sizeof(ends[0]))] : (int64_t)spk_test_next(rng);
}

static inline struct spk_epoch_partition random_partition(struct spk_arena *arena, spk_test_rng *rng)
{
	return (struct spk_epoch_partition){ .name = random_name(arena, rng), .start = random_number(rng), .end = random_number(rng),
		.rows = random_number(rng), .hash = spk_test_next(rng), .watermark = random_number(rng), .idle = spk_test_one_in(rng, 2),
		.finished = spk_test_one_in(rng, 2), .bound = random_number(rng), .pace_rows = random_number(rng), .pace_us = random_number(rng) };
}

/* A record with up to `most` sources, partitions of each, and sinks. */
static inline struct spk_epoch_record *random_record(struct spk_arena *arena, spk_test_rng *rng, int most)
{
	struct spk_epoch_record *r = SPK_NEW(arena, struct spk_epoch_record);

	*r = (struct spk_epoch_record){ .job = random_name(arena, rng), .incarnation = random_number(rng), .epoch = random_number(rng),
		.previous_hash = spk_test_next(rng), .plan_hash = spk_test_next(rng), .time_us = random_number(rng),
		.sources = (int)spk_test_below(rng, (uint64_t)most + 1), .sinks = (int)spk_test_below(rng, (uint64_t)most + 1),
		.late_rows = random_number(rng), .bad_rows = random_number(rng), .checkpoint = random_number(rng),
		.lane = (int)spk_test_below(rng, 100), .engine = random_name(arena, rng) };
	r->source = SPK_NEW_ARRAY(arena, struct spk_epoch_source, r->sources);
	r->sink = SPK_NEW_ARRAY(arena, struct spk_epoch_sink, r->sinks);
	for (int i = 0; i < r->sources; i++) {
		struct spk_epoch_source *s = &r->source[i];

		*s = (struct spk_epoch_source){ random_name(arena, rng), random_number(rng), (int)spk_test_below(rng, (uint64_t)most + 1), NULL };
		s->partition = SPK_NEW_ARRAY(arena, struct spk_epoch_partition, s->partitions);
		for (int p = 0; p < s->partitions; p++)
			s->partition[p] = random_partition(arena, rng);
	}
	for (int i = 0; i < r->sinks; i++)
		r->sink[i] = (struct spk_epoch_sink){ random_name(arena, rng), random_number(rng), spk_test_next(rng) };
	return r;
}

/* A plain record of one source with two partitions and one sink. */
static inline struct spk_epoch_record *plain_record(struct spk_arena *arena, int64_t epoch, uint64_t previous)
{
	struct spk_epoch_record *r = SPK_NEW(arena, struct spk_epoch_record);

	*r = (struct spk_epoch_record){ .job = "j", .incarnation = 1, .epoch = epoch, .previous_hash = previous, .plan_hash = 7, .time_us = 1000 * epoch,
		.sources = 1, .sinks = 1, .engine = "t" };
	r->source = SPK_NEW(arena, struct spk_epoch_source);
	r->sink = SPK_NEW(arena, struct spk_epoch_sink);
	r->source[0] = (struct spk_epoch_source){ "bid", 5, 2, SPK_NEW_ARRAY(arena, struct spk_epoch_partition, 2) };
	for (int p = 0; p < 2; p++)
		r->source[0].partition[p] = (struct spk_epoch_partition){ .name = p ? "bid/1" : "bid/0", .start = 10 * (epoch - 1), .end = 10 * epoch, .rows = 10,
			.hash = (uint64_t)epoch * 31 + (uint64_t)p, .watermark = 5, .bound = INT64_MAX };
	r->sink[0] = (struct spk_epoch_sink){ "out", 3, 99 };
	return r;
}

static inline void encode_record(struct spk_epoch_record *r, struct spk_buffer *out)
{
	spk_error err = { 0 };

	REQUIRE_OK(spk_epoch_encode(r, out, &err), err);
}

/* The epochs that a log gives, in its order. */
enum { EPOCHS_MAX = 64 };
struct epochs { int count; int64_t epoch[EPOCHS_MAX]; };

static inline spk_status note_epoch(void *user, const void *data, size_t size, spk_error *err)
{
	struct epochs *e = user;
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_epoch_record *r;
	spk_status status = spk_epoch_decode(data, size, arena, &r, err);

	if (status == SPK_OK && e->count < EPOCHS_MAX)
		e->epoch[e->count++] = r->epoch;
	spk_arena_unref(arena);
	return status;
}

static inline void check_log(struct spk_epoch_log *log, int64_t first, int64_t last)
{
	struct epochs e = { 0 };
	spk_error err = { 0 };

	CHECK_OK(log->type->read(log, note_epoch, &e, &err), err);
	CHECK_EQ_INT(e.count, last - first + 1);
	for (int i = 0; i < e.count; i++)
		CHECK_EQ_INT(e.epoch[i], first + i);
}

#endif
