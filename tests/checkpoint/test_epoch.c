/* Epoch records: their bytes, what is found out about damaged ones, and how two are compared. */
#include <xxhash.h>

#include "core/base/check.h"
#include "tests/checkpoint/support.h"

/* --- there and back --- */

static bool same_partition(const struct spk_epoch_partition *a, const struct spk_epoch_partition *b)
{
	return strcmp(a->name, b->name) == 0 && a->start == b->start && a->end == b->end && a->rows == b->rows && a->hash == b->hash &&
	       a->watermark == b->watermark && a->idle == b->idle && a->finished == b->finished && a->bound == b->bound && a->pace_rows == b->pace_rows && a->pace_us == b->pace_us;
}

static bool same_source(const struct spk_epoch_source *a, const struct spk_epoch_source *b)
{
	if (strcmp(a->table, b->table) != 0 || a->watermark != b->watermark || a->partitions != b->partitions)
		return false;
	for (int i = 0; i < a->partitions; i++)
		if (!same_partition(&a->partition[i], &b->partition[i]))
			return false;
	return true;
}

static bool same_record(const struct spk_epoch_record *a, const struct spk_epoch_record *b)
{
	if (strcmp(a->job, b->job) != 0 || a->incarnation != b->incarnation || a->epoch != b->epoch || a->previous_hash != b->previous_hash ||
	    a->plan_hash != b->plan_hash || a->time_us != b->time_us || a->late_rows != b->late_rows || a->bad_rows != b->bad_rows ||
	    a->checkpoint != b->checkpoint || a->lane != b->lane || strcmp(a->engine, b->engine) != 0 || a->hash != b->hash ||
	    a->sources != b->sources || a->sinks != b->sinks)
		return false;
	for (int i = 0; i < a->sources; i++)
		if (!same_source(&a->source[i], &b->source[i]))
			return false;
	for (int i = 0; i < a->sinks; i++)
		if (strcmp(a->sink[i].table, b->sink[i].table) != 0 || a->sink[i].rows != b->sink[i].rows || a->sink[i].hash != b->sink[i].hash)
			return false;
	return true;
}

static void goes_there_and_back(void)
{
	spk_test_rng rng = spk_test_rng_new(1);
	int rounds = spk_test_long() ? 20000 : 1000;

	for (int i = 0; i < rounds; i++) {
		struct spk_arena *arena = spk_arena_new(NULL);
		struct spk_epoch_record *r = random_record(arena, &rng, 1 + i % 6), *back = NULL, *copy;
		struct spk_buffer bytes = { 0 }, again = { 0 };
		spk_error err = { 0 };

		encode_record(r, &bytes);
		CHECK_EQ_INT(spk_epoch_size(bytes.data, bytes.size), bytes.size);
		REQUIRE_OK(spk_epoch_decode(bytes.data, bytes.size, arena, &back, &err), err);
		CHECK(same_record(r, back));
		copy = spk_epoch_copy(r, arena);
		CHECK(copy && same_record(r, copy));
		encode_record(back, &again);
		CHECK(again.size == bytes.size && memcmp(again.data, bytes.data, bytes.size) == 0);
		spk_buffer_release(&bytes);
		spk_buffer_release(&again);
		spk_arena_unref(arena);
	}
}

/* Records are put one behind the other: encode appends, and each knows its size. */
static void stand_in_a_row(void)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_buffer bytes = { 0 };
	uint64_t hash = 0;
	size_t at = 0;

	for (int64_t e = 1; e <= 5; e++) {
		struct spk_epoch_record *r = plain_record(arena, e, hash);

		encode_record(r, &bytes);
		hash = r->hash;
	}
	hash = 0;
	for (int64_t e = 1; e <= 5; e++) {
		size_t size = spk_epoch_size(bytes.data + at, bytes.size - at);
		struct spk_epoch_record *r = NULL;
		spk_error err = { 0 };

		REQUIRE_OK(spk_epoch_decode(bytes.data + at, size, arena, &r, &err), err);
		CHECK_EQ_INT(r->epoch, e);
		CHECK(r->previous_hash == hash);
		hash = r->hash;
		at += size;
	}
	CHECK_EQ_INT(at, bytes.size);
	spk_buffer_release(&bytes);
	spk_arena_unref(arena);
}

/* The hash that the next record carries is of the whole record: another row count anywhere gives another one. */
static void chain_depends_on_everything(void)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_buffer bytes = { 0 };
	struct spk_epoch_record *r = plain_record(arena, 3, 1);
	int64_t *numbers[] = { &r->incarnation, &r->epoch, &r->time_us, &r->late_rows, &r->bad_rows, &r->checkpoint, &r->source[0].watermark,
		&r->source[0].partition[1].end, &r->source[0].partition[1].rows, &r->sink[0].rows };
	uint64_t first;

	encode_record(r, &bytes);
	first = r->hash;
	for (size_t i = 0; i < SPK_COUNT_OF(numbers); i++) {
		++*numbers[i];
		encode_record(r, &bytes);
		CHECK(r->hash != first);
		--*numbers[i];
	}
	r->previous_hash++;
	encode_record(r, &bytes);
	CHECK(r->hash != first);
	r->previous_hash--;
	encode_record(r, &bytes);
	CHECK(r->hash == first);
	spk_buffer_release(&bytes);
	spk_arena_unref(arena);
}

/* --- damage --- */

static spk_status decode(const char *data, size_t size, spk_error *err)
{
	/* A block of just that size: reading past its end is found by the sanitizer. */
	char *exact = malloc(size ? size : 1);
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_epoch_record *r;
	spk_status status;

	if (size)
		memcpy(exact, data, size);
	status = spk_epoch_decode(exact, size, arena, &r, err);
	spk_arena_unref(arena);
	free(exact);
	return status;
}

static void every_flipped_bit_is_found(void)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_buffer bytes = { 0 };

	encode_record(plain_record(arena, 12, 34), &bytes);
	for (size_t i = 0; i < 8 * bytes.size; i++) {
		spk_error err = { 0 };

		bytes.data[i / 8] = (char)(bytes.data[i / 8] ^ 1 << i % 8);
		CHECK_FAILS(decode(bytes.data, bytes.size, &err), SPK_CORRUPT, err);
		bytes.data[i / 8] = (char)(bytes.data[i / 8] ^ 1 << i % 8);
	}
	spk_buffer_release(&bytes);
	spk_arena_unref(arena);
}

static void every_other_length_is_found(void)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_buffer bytes = { 0 };
	size_t size;
	spk_error err = { 0 };

	encode_record(plain_record(arena, 12, 34), &bytes);
	size = bytes.size;
	for (size_t i = 0; i < size; i++)
		CHECK_FAILS(decode(bytes.data, i, &err), SPK_CORRUPT, err);
	REQUIRE_OK(spk_buffer_append_str(&bytes, "x", &err), err);
	CHECK_FAILS(decode(bytes.data, bytes.size, &err), SPK_CORRUPT, err);
	/* A record that is cut off still tells how long it was to be. */
	CHECK_EQ_INT(spk_epoch_size(bytes.data, size / 2), size);
	CHECK_EQ_INT(spk_epoch_size(bytes.data, 5), 0);
	spk_buffer_release(&bytes);
	spk_arena_unref(arena);
}

/* Puts right the two hashes of a record whose bytes were changed on purpose. */
static void seal(struct spk_buffer *b)
{
	uint64_t check = XXH3_64bits(b->data, 9), hash;

	for (int i = 0; i < 4; i++)
		b->data[9 + i] = (char)(check >> 8 * i);
	hash = XXH3_64bits(b->data, b->size - SPK_EPOCH_TRAILER);
	for (int i = 0; i < 8; i++)
		b->data[b->size - SPK_EPOCH_TRAILER + (size_t)i] = (char)(hash >> 8 * i);
}

static void other_formats_are_refused(void)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_buffer bytes = { 0 };
	spk_error err = { 0 };

	encode_record(plain_record(arena, 12, 34), &bytes);
	seal(&bytes);
	CHECK_OK(decode(bytes.data, bytes.size, &err), err);
	bytes.data[4] = SPK_EPOCH_FORMAT + 1;
	seal(&bytes);
	CHECK_FAILS(decode(bytes.data, bytes.size, &err), SPK_UNSUPPORTED, err);
	CHECK_HOLDS(err.message, "format 2");
	/* A body that is no protobuf, with the right hashes. */
	bytes.data[4] = SPK_EPOCH_FORMAT;
	memset(bytes.data + SPK_EPOCH_HEADER, 0xff, bytes.size - SPK_EPOCH_HEADER - SPK_EPOCH_TRAILER);
	seal(&bytes);
	CHECK_FAILS(decode(bytes.data, bytes.size, &err), SPK_CORRUPT, err);
	/* A length that nobody wrote must not be believed. */
	memset(bytes.data + 5, 0xff, 4);
	seal(&bytes);
	CHECK_EQ_INT(spk_epoch_size(bytes.data, bytes.size), 0);
	CHECK_FAILS(decode(bytes.data, bytes.size, &err), SPK_CORRUPT, err);
	spk_buffer_release(&bytes);
	spk_arena_unref(arena);
}

/* Whatever bytes: an answer, never a crash. Checksums are put right half of the time, so that the body is looked at. */
static void random_bytes_do_no_harm(void)
{
	spk_test_rng rng = spk_test_rng_new(2);
	int rounds = spk_test_long() ? 200000 : 5000, opened = 0;
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_buffer whole = { 0 };

	encode_record(random_record(arena, &rng, 4), &whole);
	for (int i = 0; i < rounds; i++) {
		struct spk_buffer b = { 0 };
		spk_error err = { 0 };

		spk_buffer_append(&b, whole.data, whole.size, NULL);
		for (int k = 0; k < 1 + (int)spk_test_below(&rng, 4); k++)
			b.data[SPK_EPOCH_HEADER + spk_test_below(&rng, b.size - SPK_EPOCH_HEADER)] = (char)spk_test_next(&rng);
		if (i % 2)
			seal(&b);
		opened += decode(b.data, b.size, &err) == SPK_OK;
		spk_buffer_release(&b);
	}
	CHECK(opened > 0);
	spk_buffer_release(&whole);
	spk_arena_unref(arena);
}

/* --- memory --- */

static spk_status use_all(const struct spk_epoch_record *r, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_buffer bytes = { 0 }, text = { 0 };
	struct spk_epoch_record *copy = arena ? spk_epoch_copy(r, arena) : NULL, *back;
	spk_status status = copy ? spk_epoch_encode(copy, &bytes, err) : spk_fail_memory(err);

	if (status == SPK_OK)
		status = spk_epoch_decode(bytes.data, bytes.size, arena, &back, err);
	if (status == SPK_OK)
		status = spk_epoch_format(back, &text, err);
	spk_buffer_release(&bytes);
	spk_buffer_release(&text);
	spk_arena_unref(arena);
	return status;
}

static void running_out_of_memory_is_an_error(void)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	spk_test_rng rng = spk_test_rng_new(3);
	struct spk_epoch_record *r = random_record(arena, &rng, 6);
	spk_error err = { 0 };
	int n = 0;

	do {
		char *fault = spk_test_format("malloc:%d", ++n);

		REQUIRE_OK(spk_fault_set(fault, &err), err);
		free(fault);
		err = (spk_error){ 0 };
	} while (use_all(r, &err) != SPK_OK && n < 1000);
	spk_fault_set(NULL, NULL);
	CHECK(n > 3 && n < 1000);
	spk_arena_unref(arena);
}

/* --- comparing --- */

static void compares(void)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_epoch_record *was = plain_record(arena, 48211, 1), *is = plain_record(arena, 48211, 1);
	struct spk_epoch_partition *p = &is->source[0].partition[1];
	spk_error err = { 0 };

	CHECK_OK(spk_epoch_compare(was, is, &err), err);
	p->rows = 9;
	CHECK_FAILS(spk_epoch_compare(was, is, &err), SPK_DIVERGED, err);
	CHECK_HOLDS(err.message, "epoch 48211");
	CHECK_HOLDS(err.message, "bid/1");
	CHECK_HOLDS(err.message, "9 rows");
	CHECK_HOLDS(err.hint, "compacted");
	p->rows = 10;
	p->hash++;
	CHECK_FAILS(spk_epoch_compare(was, is, &err), SPK_DIVERGED, err);
	CHECK_HOLDS(err.message, "bid/1");
	p->hash--;
	p->end++;
	CHECK_FAILS(spk_epoch_compare(was, is, &err), SPK_DIVERGED, err);
	CHECK_HOLDS(err.message, "bid/1");
	CHECK_HOLDS(err.message, "482110");
	p->end--;
	p->name = "bid/7";
	CHECK_FAILS(spk_epoch_compare(was, is, &err), SPK_DIVERGED, err);
	CHECK_HOLDS(err.message, "bid/1");
	CHECK_HOLDS(err.message, "not there");
	spk_arena_unref(arena);
}

static void compares_partitions_by_name(void)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_epoch_record *was = plain_record(arena, 5, 1), *is = plain_record(arena, 5, 1);
	struct spk_epoch_partition more[3] = { { .name = "bid/00" }, is->source[0].partition[0], is->source[0].partition[1] };
	spk_error err = { 0 };

	/* One that came since, in front of the others, and gave nothing. */
	is->source[0].partition = more;
	is->source[0].partitions = 3;
	CHECK_OK(spk_epoch_compare(was, is, &err), err);
	more[0].rows = 1;
	CHECK_FAILS(spk_epoch_compare(was, is, &err), SPK_DIVERGED, err);
	CHECK_HOLDS(err.message, "bid/00");
	more[0].rows = 0;
	is->source[0].table = "other";
	CHECK_FAILS(spk_epoch_compare(was, is, &err), SPK_DIVERGED, err);
	CHECK_HOLDS(err.message, "\"bid\"");
	spk_arena_unref(arena);
}

static void compares_outputs(void)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_epoch_record *was = plain_record(arena, 5, 1), *is = plain_record(arena, 5, 1);
	struct spk_epoch_sink two[2] = { is->sink[0], { "late", 1, 5 } };
	spk_error err = { 0 };

	is->sink[0].hash++;
	CHECK_FAILS(spk_epoch_compare(was, is, &err), SPK_DIVERGED, err);
	CHECK_HOLDS(err.message, "epoch 5, sink \"out\"");
	CHECK_HOLDS(err.hint, "not deterministic");
	is->plan_hash++;
	CHECK_FAILS(spk_epoch_compare(was, is, &err), SPK_DIVERGED, err);
	CHECK_HOLDS(err.hint, "has changed");
	is->plan_hash--;
	is->sink[0].hash--;
	is->late_rows = 2;
	CHECK_FAILS(spk_epoch_compare(was, is, &err), SPK_DIVERGED, err);
	CHECK_HOLDS(err.message, "2 late");
	is->late_rows = 0;
	/* Rows for a sink that the record does not know; none for one that it does. */
	is->sink = two;
	is->sinks = 2;
	CHECK_FAILS(spk_epoch_compare(was, is, &err), SPK_DIVERGED, err);
	CHECK_HOLDS(err.message, "\"late\"");
	CHECK_FAILS(spk_epoch_compare(is, was, &err), SPK_DIVERGED, err);
	CHECK_HOLDS(err.message, "\"late\"");
	is->sinks = 0;
	CHECK_FAILS(spk_epoch_compare(was, is, &err), SPK_DIVERGED, err);
	CHECK_HOLDS(err.message, "\"out\"");
	spk_arena_unref(arena);
}

static void reads_as_text(void)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_epoch_record *r = plain_record(arena, 5, 1);
	struct spk_buffer text = { 0 };
	spk_error err = { 0 };

	r->source[0].watermark = INT64_MIN;
	r->source[0].partition[0].watermark = INT64_MAX;
	r->source[0].partition[1].idle = true;
	REQUIRE_OK(spk_epoch_format(r, &text, &err), err);
	CHECK_HOLDS(spk_buffer_cstr(&text), "epoch 5  1970-01-01 00:00:00.005  incarnation 1");
	CHECK_HOLDS(spk_buffer_cstr(&text), "  source bid  watermark none\n");
	CHECK_HOLDS(spk_buffer_cstr(&text), "    bid/0  [40, 50)  10 rows  hash 000000000000009b  watermark end\n");
	CHECK_HOLDS(spk_buffer_cstr(&text), "watermark 1970-01-01 00:00:00.000005  idle\n");
	CHECK_HOLDS(spk_buffer_cstr(&text), "  sink out  3 rows  hash 0000000000000063\n");
	spk_buffer_release(&text);
	spk_arena_unref(arena);
}

SPK_TEST_SUITE("epoch records",
	{ "random records go there and back", goes_there_and_back },
	{ "records stand in a row", stand_in_a_row },
	{ "the chain depends on everything", chain_depends_on_everything },
	{ "every flipped bit is found", every_flipped_bit_is_found },
	{ "every other length is found", every_other_length_is_found },
	{ "other formats are refused", other_formats_are_refused },
	{ "random bytes do no harm", random_bytes_do_no_harm },
	{ "running out of memory is an error", running_out_of_memory_is_an_error },
	{ "compares inputs", compares },
	{ "compares partitions by name", compares_partitions_by_name },
	{ "compares outputs", compares_outputs },
	{ "reads as text", reads_as_text })
