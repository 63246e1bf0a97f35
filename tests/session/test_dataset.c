/* Typed datasets: structs go in and come back, functions see their rows, groups are whole, errors name the member; any number of tasks. */
#include <stdio.h>

#include "sparklet/dataset.h"
#include "tests/session/typed.pb-c.h"
#include "tests/support/test.h"

static struct spk_session *session;
static spk_error err;

static void begin(void)
{
	err = (spk_error){ 0 };
	REQUIRE_OK(spk_session_new(&session, &err), err);
}

static void end(void) { spk_session_free(session); }

#define POINT(S, FIELD, NESTED, ARRAY) \
	FIELD(S, f64, x) \
	FIELD(S, optional_text, label)
SPK_STRUCT(point, POINT)

#define EVERYTHING(S, FIELD, NESTED, ARRAY) \
	FIELD(S, boolean, b) FIELD(S, i16, s) FIELD(S, i32, i) FIELD(S, i64, l) FIELD(S, f32, f) FIELD(S, f64, d) FIELD(S, text, t) FIELD(S, bytes, y) \
	FIELD(S, date, day) FIELD(S, time, clock) FIELD(S, timestamp, at) FIELD(S, timestamptz, atz) FIELD(S, decimal, n) \
	FIELD(S, optional_i32, oi) FIELD(S, optional_text, ot) FIELD(S, optional_decimal, on) \
	NESTED(S, point, p) ARRAY(S, i64, many) ARRAY(S, text, words)
SPK_STRUCT(everything, EVERYTHING)

static struct spk_text text(const char *s) { return (struct spk_text){ s, strlen(s) }; }
static bool is(struct spk_text t, const char *s) { return t.size == strlen(s) && memcmp(t.data, s, t.size) == 0; }

static void structs_round_trip(void)
{
	static const int64_t many[] = { 1, -2, INT64_MAX };
	static const struct spk_text words[] = { { "short", 5 }, { "a word that is longer than twelve", 33 } };
	struct everything in[2] = { { .b = true, .s = -3, .i = 7, .l = INT64_MIN, .f = 1.5f, .d = -0.25, .t = text("größe"), .y = { "\0\xff", 2 }, .day = 19000, .clock = 5, .at = -1, .atz = 9,
		.n = { -12345, 2 }, .oi = { true, 4 }, .ot = { true, { "a text that is longer than twelve bytes", 39 } }, .on = { true, { 5, 0 } }, .p = { 2.5, { true, { "here", 4 } } },
		.many = { many, 3 }, .words = { words, 2 } } };
	struct spk_collected *back;
	const struct everything *e;

	begin();
	REQUIRE_OK(spk_dataset_collect(spk_dataset_of_rows(session, &everything_encoder, in, 2), &back, &err), err);
	REQUIRE_EQ_INT(back->count, 2);
	e = back->row;
	CHECK(e->b && e->s == -3 && e->i == 7 && e->l == INT64_MIN && e->f == 1.5f && e->d == -0.25 && is(e->t, "größe") && e->y.size == 2 && e->day == 19000 && e->clock == 5);
	CHECK(e->at == -1 && e->atz == 9 && e->n.value == -12345 && e->n.scale == 2 && e->oi.set && e->oi.value == 4 && is(e->ot.value, "a text that is longer than twelve bytes"));
	CHECK(e->on.set && e->on.value.value == 5 && e->p.x == 2.5 && is(e->p.label.value, "here"));
	CHECK(e->many.count == 3 && e->many.item[2] == INT64_MAX && e->words.count == 2 && is(e->words.item[1], "a word that is longer than twelve"));
	e++;
	CHECK(!e->b && !e->oi.set && !e->ot.set && !e->on.set && !e->p.label.set && e->many.count == 0 && e->t.size == 0);
	spk_collected_free(back);
	end();
}

#define ITEM(S, FIELD, NESTED, ARRAY) \
	FIELD(S, i64, id) \
	FIELD(S, text, name)
SPK_STRUCT(item, ITEM)
#define NUMBER(S, FIELD, NESTED, ARRAY) FIELD(S, i64, n)
SPK_STRUCT(number, NUMBER)
#define TALLY(S, FIELD, NESTED, ARRAY) FIELD(S, i64, key) FIELD(S, i64, rows) FIELD(S, i64, sum)
SPK_STRUCT(tally, TALLY)

static struct spk_dataset *items(int64_t n)
{
	char *sql = spk_test_format("SELECT i AS id, 'item number ' || i AS name FROM generate_series(1, %lld) AS t (i)", (long long)n);
	struct spk_dataset *d = spk_dataset_of_frame(spk_frame_repartition(spk_frame_sql(session, sql), 3, NULL), &item_encoder);

	free(sql);
	return d;
}

static spk_status twice(const void *row, void *out, void *user, spk_error *e)
{
	(void)e;
	*(struct number *)out = (struct number){ ((const struct item *)row)->id * *(const int64_t *)user };
	return SPK_OK;
}

static bool is_even(const void *row, void *user)
{
	spk_accumulator_add(user, 1);
	return ((const struct item *)row)->id % 2 == 0;
}

static spk_status repeat(const void *row, struct spk_emitter *out, void *user, spk_error *e)
{
	(void)user;
	for (int64_t i = 0; i < ((const struct item *)row)->id % 3; i++)
		SPK_TRY(spk_emit(out, row, e));
	return SPK_OK;
}

static spk_status count_rows(struct spk_rows *rows, struct spk_emitter *out, void *user, spk_error *e)
{
	struct number n = { 0 };

	(void)user;
	while (spk_rows_next(rows))
		n.n++;
	return spk_emit(out, &n, e);
}

static spk_status add_up(const void *row, void *user, spk_error *e)
{
	(void)e;
	*(int64_t *)user += ((const struct number *)row)->n;
	return SPK_OK;
}

static int64_t sum_of(struct spk_dataset *numbers)
{
	int64_t sum = 0;

	CHECK_OK(spk_dataset_foreach(numbers, add_up, &sum, &err), err);
	return sum;
}

static int64_t count_of(struct spk_dataset *d)
{
	int64_t n = -1;

	CHECK_OK(spk_dataset_count(d, &n, &err), err);
	return n;
}

static void functions_see_all_rows(void)
{
	struct spk_accumulator *seen;
	const int64_t two = 2;

	begin();
	seen = spk_accumulator_new(session);
	CHECK_EQ_INT(sum_of(spk_dataset_map(items(10000), &number_encoder, twice, (void *)(uintptr_t)spk_broadcast(session, &two, sizeof two))), 100010000);
	CHECK_EQ_INT(count_of(spk_dataset_filter(items(10001), is_even, seen)), 5000);
	CHECK_EQ_INT(spk_accumulator_value(seen), 10001);
	CHECK_EQ_INT(count_of(spk_dataset_flat_map(items(9000), &item_encoder, repeat, NULL)), 9000);
	CHECK_EQ_INT(sum_of(spk_dataset_map_partitions(items(9000), &number_encoder, count_rows, NULL)), 9000);
	end();
}

static spk_status key_of(const void *row, void *out, void *user, spk_error *e)
{
	(void)e;
	((struct number *)out)->n = ((const struct item *)row)->id % *(const int64_t *)user;
	return SPK_OK;
}

static spk_status tally_group(const void *key, struct spk_rows *rows, struct spk_emitter *out, void *user, spk_error *e)
{
	struct tally t = { .key = ((const struct number *)key)->n };
	const struct item *i;

	(void)user;
	while ((i = spk_rows_next(rows))) {
		char name[40];

		snprintf(name, sizeof name, "item number %lld", (long long)i->id);
		if (!is(i->name, name))
			return spk_fail(e, SPK_DATA, "item %lld has another's name", (long long)i->id);
		t.rows++;
		t.sum += i->id;
	}
	return spk_emit(out, &t, e);
}

static spk_status keep_largest(void *into, const void *row, void *user, spk_error *e)
{
	(void)user;
	(void)e;
	if (((const struct item *)row)->id > ((struct item *)into)->id)
		*(struct item *)into = *(const struct item *)row;
	return SPK_OK;
}

static void groups_are_whole(void)
{
	const int64_t seven = 7;
	struct spk_keyed *keyed;
	struct spk_collected *out;

	begin();
	keyed = spk_dataset_group_by_key(items(20000), &number_encoder, key_of, (void *)(uintptr_t)&seven);
	REQUIRE_OK(spk_dataset_collect(spk_keyed_map_groups(keyed, &tally_encoder, tally_group, NULL), &out, &err), err);
	CHECK_EQ_INT(out->count, 7);
	for (size_t i = 0; i < out->count; i++) {
		const struct tally *t = (const struct tally *)out->row + i;
		int64_t rows = t->key ? (20000 - t->key) / 7 + 1 : 20000 / 7, first = t->key ? t->key : 7;

		CHECK_EQ_INT(t->rows, rows);
		CHECK_EQ_INT(t->sum, rows * first + 7 * rows * (rows - 1) / 2);
	}
	spk_collected_free(out);
	REQUIRE_OK(spk_dataset_collect(spk_keyed_reduce_groups(keyed, keep_largest, NULL), &out, &err), err);
	CHECK_EQ_INT(out->count, 7);
	for (size_t i = 0; i < out->count; i++) {
		char name[40];
		const struct item *item = (const struct item *)out->row + i;

		snprintf(name, sizeof name, "item number %lld", (long long)item->id);
		CHECK(item->id > 20000 - 7 && is(item->name, name));
	}
	spk_collected_free(out);
	end();
}

static spk_status both(const void *key, struct spk_rows *left, struct spk_rows *right, struct spk_emitter *out, void *user, spk_error *e)
{
	struct tally t = { .key = ((const struct number *)key)->n };

	(void)user;
	while (spk_rows_next(left))
		t.rows++;
	while (spk_rows_next(right))
		t.sum++;
	return spk_emit(out, &t, e);
}

static spk_status pair(const void *left, const void *right, struct spk_emitter *out, void *user, spk_error *e)
{
	struct number n = { (left ? ((const struct item *)left)->id : 0) + 1000 * (right ? ((const struct item *)right)->id : 0) };

	(void)user;
	return spk_emit(out, &n, e);
}

static void two_sides_meet(void)
{
	const int64_t ten = 10, mod = 1000;
	struct spk_keyed *left, *right;
	struct spk_collected *out;

	begin();
	left = spk_dataset_group_by_key(items(15), &number_encoder, key_of, (void *)(uintptr_t)&ten);    /* 1..9, 0; 1..5 twice */
	right = spk_dataset_group_by_key(items(4), &number_encoder, key_of, (void *)(uintptr_t)&mod);
	REQUIRE_OK(spk_dataset_collect(spk_keyed_cogroup(left, right, &tally_encoder, both, NULL), &out, &err), err);
	CHECK_EQ_INT(out->count, 10);
	for (size_t i = 0; i < out->count; i++) {
		const struct tally *t = (const struct tally *)out->row + i;

		CHECK_EQ_INT(t->rows, t->key >= 1 && t->key <= 5 ? 2 : 1);
		CHECK_EQ_INT(t->sum, t->key >= 1 && t->key <= 4);
	}
	spk_collected_free(out);
	CHECK_EQ_INT(count_of(spk_keyed_join(left, right, "inner", &number_encoder, pair, NULL)), 8);
	CHECK_EQ_INT(count_of(spk_keyed_join(left, right, "left", &number_encoder, pair, NULL)), 15);
	CHECK_EQ_INT(count_of(spk_keyed_join(right, left, "left", &number_encoder, pair, NULL)), 8);
	CHECK_EQ_INT(count_of(spk_keyed_join(right, left, "full", &number_encoder, pair, NULL)), 15);
	CHECK_EQ_INT(sum_of(spk_keyed_join(left, right, "inner", &number_encoder, pair, NULL)), 1 + 11 + 2 + 12 + 3 + 13 + 4 + 14 + 2000 * (1 + 2 + 3 + 4));
	CHECK_FAILS(spk_dataset_count(spk_keyed_join(left, right, "outer", &number_encoder, pair, NULL), &(int64_t){ 0 }, &err), SPK_USAGE, err);
	end();
}

static int by_last_digit(const void *row, int tasks, void *user)
{
	(void)user;
	return (int)(((const struct item *)row)->id % 10 % tasks);
}

static int wrong_task(const void *row, int tasks, void *user)
{
	(void)row;
	(void)user;
	return tasks;
}

static spk_status one_digit_each(struct spk_rows *rows, struct spk_emitter *out, void *user, spk_error *e)
{
	struct number n = { -1 };
	const struct item *i;

	(void)user;
	while ((i = spk_rows_next(rows))) {
		if (n.n >= 0 && n.n != i->id % 10)
			return spk_fail(e, SPK_DATA, "digits %lld and %lld in one task", (long long)n.n, (long long)i->id % 10);
		n.n = i->id % 10;
	}
	return spk_emit(out, &n, e);
}

/* Of sorted rows, those of a task: in order themselves. One number per task that has any. */
static spk_status sorted_rows(struct spk_rows *rows, struct spk_emitter *out, void *user, spk_error *e)
{
	const struct item *i;
	int64_t last = -1;

	(void)user;
	while ((i = spk_rows_next(rows))) {
		if (i->id % 100 < last)
			return spk_fail(e, SPK_DATA, "%lld comes after %lld", (long long)i->id % 100, (long long)last);
		last = i->id % 100;
	}
	return last < 0 ? SPK_OK : spk_emit(out, &(struct number){ 1 }, e);
}

/* Several tasks have the sorted rows, one after the other. */
static void order_by_ranges(void)
{
	const int64_t mod = 100;
	struct spk_dataset *sorted;

	REQUIRE_OK(spk_session_set(session, "sort.ranges", "always", &err), err);
	sorted = spk_dataset_sort_by(spk_dataset_partition_by(items(30000), 10, by_last_digit, NULL), &number_encoder, key_of, (void *)(uintptr_t)&mod);
	CHECK(sum_of(spk_dataset_map_partitions(sorted, &number_encoder, sorted_rows, NULL)) > 1);
	REQUIRE_OK(spk_session_set(session, "sort.ranges", "auto", &err), err);
}

static void order_and_place(void)
{
	const int64_t mod = 100;
	struct spk_collected *out;

	begin();
	REQUIRE_OK(spk_dataset_collect(spk_dataset_sort_by(items(300), &number_encoder, key_of, (void *)(uintptr_t)&mod), &out, &err), err);
	for (size_t i = 1; i < out->count; i++)
		CHECK(((const struct item *)out->row)[i - 1].id % 100 <= ((const struct item *)out->row)[i].id % 100);
	CHECK_EQ_INT(out->count, 300);
	spk_collected_free(out);
	CHECK_EQ_INT(sum_of(spk_dataset_map_partitions(spk_dataset_partition_by(items(5000), 10, by_last_digit, NULL), &number_encoder, one_digit_each, NULL)), 45);
	CHECK_FAILS(spk_dataset_count(spk_dataset_partition_by(items(10), 4, wrong_task, NULL), &(int64_t){ 0 }, &err), SPK_DATA, err);
	CHECK_HOLDS(err.message, "a partitioner said task 4");
	order_by_ranges();
	CHECK_FAILS(spk_dataset_count(spk_dataset_partition_by(items(10), 0, wrong_task, NULL), &(int64_t){ 0 }, &err), SPK_USAGE, err);
	end();
}

static spk_status fail(const void *row, void *out, void *user, spk_error *e)
{
	(void)out;
	(void)user;
	return spk_fail(e, SPK_DATA, "no to item %lld", (long long)((const struct item *)row)->id);
}

static spk_status bad_text(const void *row, void *out, void *user, spk_error *e)
{
	(void)row;
	(void)user;
	(void)e;
	*(struct item *)out = (struct item){ 1, { "\xff", 1 } };
	return SPK_OK;
}

static void check_error(struct spk_dataset *d, spk_status code, const char *message)
{
	struct spk_collected *out;

	err = (spk_error){ 0 };
	CHECK_FAILS(spk_dataset_collect(d, &out, &err), code, err);
	CHECK_HOLDS(err.message, message);
}

static void errors_say_what_is_wrong(void)
{
	begin();
	check_error(spk_dataset_of_frame(spk_frame_sql(session, "SELECT 1 AS id"), &item_encoder), SPK_BIND, "there is no column \"name\"");
	check_error(spk_dataset_of_frame(spk_frame_sql(session, "SELECT 'x' AS id, 'y' AS name"), &item_encoder), SPK_BIND, "column \"id\" is text, member id is bigint");
	check_error(spk_dataset_of_frame(spk_frame_sql(session, "SELECT 1.5 AS id, 'y' AS name"), &item_encoder), SPK_BIND, "member id is bigint");
	check_error(spk_dataset_of_frame(spk_frame_sql(session, "SELECT NULL::int AS id, 'y' AS name"), &item_encoder), SPK_DATA, "column \"id\" is NULL, but member id of struct item is not optional");
	check_error(spk_dataset_of_frame(spk_frame_sql(session, "SELECT x FROM nowhere"), &item_encoder), SPK_BIND, "nowhere");
	check_error(spk_dataset_map(items(3), &item_encoder, fail, NULL), SPK_DATA, "no to item");
	check_error(spk_dataset_map(items(3), &item_encoder, bad_text, NULL), SPK_DATA, "member name is not UTF-8");
	check_error(NULL, SPK_NO_MEMORY, "out of memory");
	CHECK_EQ_INT(count_of(spk_dataset_of_frame(spk_frame_sql(session, "SELECT 1::smallint AS id, 'y' AS name, 5 AS more"), &item_encoder)), 1);
	end();
}

static void messages_are_structs_too(void)
{
	const struct spk_struct_encoder *trip, *none;
	struct spk_collected *out;
	Typed__Trip in = TYPED__TRIP__INIT, bare = TYPED__TRIP__INIT, rows[2];
	Typed__Place place = TYPED__PLACE__INIT;
	double legs[] = { 1.5, 2.5 };
	const Typed__Trip *t;

	begin();
	REQUIRE_OK(spk_encoder_of_protobuf(session, &typed__trip__descriptor, &trip, &err), err);
	in.id = 1;
	in.name = (char *)(uintptr_t)"a name of more than twelve bytes";
	in.has_distance = in.has_late = in.has_seats = in.has_raw = 1;
	in.distance = 1ll << 40;
	in.late = 1;
	in.seats = 4000000000u;
	in.raw = (ProtobufCBinaryData){ 3, (uint8_t *)(uintptr_t)"a\0b" };
	place.code = (char *)(uintptr_t)"EWR";
	in.from = &place;
	in.n_legs = 2;
	in.legs = legs;
	bare.id = 2;
	rows[0] = in;
	rows[1] = bare;
	REQUIRE_OK(spk_dataset_collect(spk_dataset_of_rows(session, trip, rows, 2), &out, &err), err);
	REQUIRE_EQ_INT(out->count, 2);
	t = out->row;
	CHECK_EQ_STR(t->name, "a name of more than twelve bytes");
	CHECK(t->id == 1 && t->has_distance && t->distance == 1ll << 40 && t->has_late && t->late && t->has_seats && t->seats == 4000000000u && t->raw.len == 3);
	REQUIRE(t->from != NULL);
	CHECK_EQ_STR(t->from->code, "EWR");
	CHECK(!t->from->has_lat && t->n_legs == 2 && t->legs[1] == 2.5);
	CHECK_EQ_INT(protobuf_c_message_get_packed_size(&t->base), protobuf_c_message_get_packed_size(&in.base));
	t++;
	CHECK(t->id == 2 && !t->name && !t->has_distance && !t->from && t->n_legs == 0 && !t->has_raw);
	spk_collected_free(out);
	CHECK_FAILS(spk_encoder_of_protobuf(session, &typed__looped__descriptor, &none, &err), SPK_UNSUPPORTED, err);
	CHECK_FAILS(spk_encoder_of_protobuf(session, &typed__choice__descriptor, &none, &err), SPK_UNSUPPORTED, err);
	CHECK_FAILS(spk_encoder_of_protobuf(session, "nonsense", &none, &err), SPK_USAGE, err);
	end();
}

static void frames_and_back(void)
{
	char *shown = NULL;

	begin();
	CHECK_OK(spk_frame_show(spk_frame_sort(spk_dataset_frame(spk_dataset_filter(items(4), is_even, spk_accumulator_new(session))), "id DESC"), 9, &shown, &err), err);
	CHECK_EQ_STR(shown, " id |     name      \n----+---------------\n  4 | item number 4\n  2 | item number 2\n(2 rows)\n");
	free(shown);
	CHECK_OK(spk_frame_explain(spk_dataset_frame(spk_keyed_reduce_groups(spk_dataset_group_by_key(items(4), &item_encoder, twice, NULL), keep_largest, NULL)), &shown, &err), err);
	CHECK_HOLDS(shown, "Callback reduce_groups by id, name");
	free(shown);
	end();
}

SPK_TEST_SUITE("datasets",
	{"structs go in and come back", structs_round_trip},
	{"functions see all rows", functions_see_all_rows},
	{"groups are whole", groups_are_whole},
	{"two sides meet by key", two_sides_meet},
	{"rows are sorted, and put where a partitioner says", order_and_place},
	{"errors say what is wrong", errors_say_what_is_wrong},
	{"protobuf messages are structs, too", messages_are_structs_too},
	{"datasets are frames", frames_and_back})
