/* The local implementations of the SPIs, each by itself, with real threads. */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/fault.h"
#include "core/base/memory.h"
#include "core/columnar/hash.h"
#include "tests/scheduler/support.h"

/* --- executor and task scheduler --- */

struct counter { _Atomic int count; _Atomic int running, most; };

static void count_one(void *user)
{
	struct counter *c = user;
	int now = atomic_fetch_add(&c->running, 1) + 1, most = atomic_load(&c->most);

	while (now > most && !atomic_compare_exchange_weak(&c->most, &most, now))
		;
	usleep(200);
	atomic_fetch_sub(&c->running, 1);
	atomic_fetch_add(&c->count, 1);
}

static void executor_runs_all(void)
{
	struct spk_executor_backend *b;
	struct counter c = { 0 };
	spk_error err = { 0 };

	REQUIRE_OK(spk_local_executor_new(&b, 3, &err), err);
	CHECK_EQ_INT(b->type->slots(b), 3);
	for (int i = 0; i < 300; i++)
		CHECK_OK(b->type->launch(b, (struct spk_work){ count_one, &c }, &err), err);
	b->type->close(b);
	CHECK_EQ_INT(c.count, 300);
	CHECK(c.most <= 3);
}

struct stamp { int64_t at; };
static void stamp_now(void *user) { ((struct stamp *)user)->at = spk_clock_monotonic_us(); }

static void executor_delays(void)
{
	struct spk_executor_backend *b;
	struct stamp late = { 0 }, early = { 0 }, none = { 0 };
	spk_error err = { 0 };
	int64_t start = spk_clock_monotonic_us();

	REQUIRE_OK(spk_local_executor_new(&b, 2, &err), err);
	CHECK_OK(b->type->launch_later(b, (struct spk_work){ stamp_now, &late }, 60000, &err), err);
	CHECK_OK(b->type->launch_later(b, (struct spk_work){ stamp_now, &early }, 20000, &err), err);
	CHECK_OK(b->type->launch_later(b, (struct spk_work){ stamp_now, &none }, 0, &err), err);
	usleep(150000);
	b->type->close(b);
	CHECK(none.at - start >= 0);
	CHECK(early.at - start >= 20000);
	CHECK(late.at - start >= 60000);
	CHECK(none.at < early.at && early.at < late.at);
}

static void executor_closes_with_delayed_work(void)
{
	struct spk_executor_backend *b;
	struct stamp far = { 0 };
	spk_error err = { 0 };

	REQUIRE_OK(spk_local_executor_new(&b, 1, &err), err);
	CHECK_OK(b->type->launch_later(b, (struct spk_work){ stamp_now, &far }, 3600000000, &err), err);
	b->type->close(b);
	CHECK(far.at != 0);
}

static void executor_refuses_nonsense(void)
{
	struct spk_executor_backend *b = NULL;
	spk_error err = { 0 };

	CHECK_FAILS(spk_local_executor_new(&b, -1, &err), SPK_USAGE, err);
	CHECK_FAILS(spk_local_executor_new(&b, 5000, &err), SPK_USAGE, err);
	REQUIRE_OK(spk_local_executor_new(&b, 0, &err), err);
	CHECK(b->type->slots(b) >= 1);
	b->type->close(b);
}

struct order { pthread_mutex_t lock; int n; int seen[64]; _Atomic bool gate; };
struct numbered { struct order *order; int number; };

static void note_order(void *user)
{
	struct numbered *n = user;

	pthread_mutex_lock(&n->order->lock);
	n->order->seen[n->order->n++] = n->number;
	pthread_mutex_unlock(&n->order->lock);
}

static void wait_for_gate(void *user)
{
	struct order *o = user;

	while (!atomic_load(&o->gate))
		usleep(100);
}

static void fifo_orders(void)
{
	struct spk_executor_backend *b;
	struct spk_task_scheduler *s;
	struct order o = { .lock = PTHREAD_MUTEX_INITIALIZER };
	struct numbered n[40];
	spk_error err = { 0 };

	REQUIRE_OK(spk_local_executor_new(&b, 1, &err), err);
	REQUIRE_OK(spk_fifo_scheduler_new(&s, b, &err), err);
	CHECK_OK(s->type->submit(s, (struct spk_work){ wait_for_gate, &o }, 0, 0, &err), err);
	for (int i = 0; i < 40; i++) {
		n[i] = (struct numbered){ &o, i };
		CHECK_OK(s->type->submit(s, (struct spk_work){ note_order, &n[i] }, 3 - i % 4, 0, &err), err);
	}
	atomic_store(&o.gate, true);
	s->type->close(s);
	b->type->close(b);
	REQUIRE_EQ_INT(o.n, 40);
	/* Priority 3 - i % 4, then order of submission. */
	for (int i = 0; i < 40; i++)
		CHECK_EQ_INT(o.seen[i], i % 10 * 4 + 3 - i / 10);
}

static void fifo_waits_at_close(void)
{
	struct spk_executor_backend *b;
	struct spk_task_scheduler *s;
	struct counter c = { 0 };
	spk_error err = { 0 };

	REQUIRE_OK(spk_local_executor_new(&b, 2, &err), err);
	REQUIRE_OK(spk_fifo_scheduler_new(&s, b, &err), err);
	for (int i = 0; i < 50; i++)
		CHECK_OK(s->type->submit(s, (struct spk_work){ count_one, &c }, i, i % 5 == 0 ? 5000 : 0, &err), err);
	s->type->close(s);
	CHECK_EQ_INT(c.count, 50);
	b->type->close(b);
}

/* A backend that refuses some launches. */
struct moody { struct spk_executor_backend base; struct spk_executor_backend *real; _Atomic int calls; int every; };

static int moody_slots(const struct spk_executor_backend *b)
{
	(void)b;
	return 2;
}

static bool refuses(struct moody *m, spk_error *err)
{
	if (atomic_fetch_add(&m->calls, 1) % m->every != m->every - 1)
		return false;
	spk_fail(err, SPK_NO_MEMORY, "not now");
	return true;
}

static spk_status moody_launch(struct spk_executor_backend *b, struct spk_work work, spk_error *err)
{
	struct moody *m = spk_container_of(b, struct moody, base);

	return refuses(m, err) ? SPK_NO_MEMORY : m->real->type->launch(m->real, work, err);
}

static spk_status moody_launch_later(struct spk_executor_backend *b, struct spk_work work, int64_t delay_us, spk_error *err)
{
	struct moody *m = spk_container_of(b, struct moody, base);

	return refuses(m, err) ? SPK_NO_MEMORY : m->real->type->launch_later(m->real, work, delay_us, err);
}

static const struct spk_executor_backend_type moody_type = { .name = "moody", .slots = moody_slots, .launch = moody_launch, .launch_later = moody_launch_later };

/* Work that was accepted runs once; work that was refused never. */
static void fifo_on_a_moody_backend(void)
{
	for (int every = 1; every < 6; every++) {
		struct moody m = { .base.type = &moody_type, .every = every };
		struct spk_task_scheduler *s;
		struct counter c = { 0 };
		int accepted = 0;
		spk_error err = { 0 };

		REQUIRE_OK(spk_local_executor_new(&m.real, 2, &err), err);
		REQUIRE_OK(spk_fifo_scheduler_new(&s, &m.base, &err), err);
		for (int i = 0; i < 60; i++) {
			spk_status status = s->type->submit(s, (struct spk_work){ count_one, &c }, 0, i % 3 ? 0 : 300, &err);

			accepted += status == SPK_OK;
			if (status != SPK_OK)
				CHECK_HOLDS(err.message, "not now");
		}
		s->type->close(s);
		CHECK_EQ_INT(c.count, accepted);
		CHECK(every == 1 ? !accepted : accepted > 0);
		m.real->type->close(m.real);
	}
}

/* --- shuffle --- */

static void publish_numbers(struct spk_shuffle_service *s, int id, int producer, int partitions, int64_t first, int batches)
{
	struct spk_shuffle_output *output;
	struct spk_shuffle_stat sum = { 0 };
	spk_error err = { 0 };

	REQUIRE_OK(s->type->open(s, spk_shuffle_id(id), producer, &output, &err), err);
	for (int i = 0; i < batches; i++)
		for (int p = partitions; p-- > 0;) {
			struct spk_batch *batch;

			REQUIRE_OK(numbers(&batch, first + p * 100 + i, 10, &err), err);
			REQUIRE_OK(s->type->write(s, output, p, batch, &sum, &err), err);
			spk_batch_unref(batch);
		}
	CHECK_EQ_INT(sum.rows, partitions * batches * 10);
	CHECK_EQ_INT(sum.bytes, sum.rows * 8);
	REQUIRE_OK(s->type->publish(s, output, &err), err);
}

/* The first value of the next batch, -1 at the end. */
static int64_t next_value(struct spk_shuffle_service *s, struct spk_shuffle_reader *reader)
{
	struct spk_batch *b = NULL;
	spk_error err = { 0 };
	int64_t value = -1;

	if (s->type->read(s, reader, &b, &err) != SPK_OK)
		return -2;
	if (b)
		value = spk_vector_i64(&b->column[0])[0];
	spk_batch_unref(b);
	return value;
}

static struct spk_shuffle_reader locate(struct spk_shuffle_service *s, int id, int producer, int partition)
{
	struct spk_shuffle_reader reader = { 0 };
	spk_error err = { 0 };

	REQUIRE_OK(s->type->fetch(s, spk_shuffle_id(id), producer, partition, &reader, &err), err);
	return reader;
}

static void shuffle_keeps(void)
{
	struct spk_shuffle_service *s;
	struct spk_shuffle_reader got = { 0 };
	struct spk_shuffle_output *output;
	struct spk_shuffle_stat stat;
	spk_error err = { 0 };
	size_t before = spk_memory_used();

	REQUIRE_OK(spk_local_shuffle_new(&s, NULL, &err), err);
	REQUIRE_OK(s->type->add(s, spk_shuffle_id(7), 2, 3, &err), err);
	CHECK_FAILS(s->type->add(s, spk_shuffle_id(7), 2, 3, &err), SPK_EXISTS, err);
	CHECK_FAILS(s->type->fetch(s, spk_shuffle_id(7), 1, 0, &got, &err), SPK_NOT_FOUND, err);
	CHECK_FAILS(s->type->fetch(s, spk_shuffle_id(8), 1, 0, &got, &err), SPK_INTERNAL, err);
	CHECK_FAILS(s->type->open(s, spk_shuffle_id(8), 1, &output, &err), SPK_INTERNAL, err);
	CHECK_EQ_INT(next_value(s, &got), -1);
	publish_numbers(s, 7, 1, 3, 1000, 2);
	for (int p = 0; p < 3; p++) {
		got = locate(s, 7, 1, p);
		CHECK_EQ_INT(next_value(s, &got), 1000 + p * 100);
		CHECK_EQ_INT(next_value(s, &got), 1001 + p * 100);
		CHECK_EQ_INT(next_value(s, &got), -1);
		s->type->end(s, &got);
		s->type->stat(s, spk_shuffle_id(7), p, &stat);
		CHECK_EQ_INT(stat.rows, 20);
		CHECK_EQ_INT(stat.bytes, 160);
	}
	s->type->stat(s, spk_shuffle_id(7), -1, &stat);
	CHECK_EQ_INT(stat.rows, 60);
	CHECK_EQ_INT(stat.bytes, 480);
	CHECK_EQ_INT(s->type->reclaim(s, SIZE_MAX), 0);

	/* Lost and replaced outputs stay readable for those who have located them; what was discarded never was. */
	got = locate(s, 7, 1, 2);
	s->type->lose(s, spk_shuffle_id(7), 1);
	CHECK_EQ_INT(next_value(s, &got), 1200);
	CHECK_FAILS(s->type->fetch(s, spk_shuffle_id(7), 1, 0, &got, &err), SPK_NOT_FOUND, err);
	publish_numbers(s, 7, 1, 3, 2000, 1);
	got = locate(s, 7, 1, 0);
	publish_numbers(s, 7, 1, 3, 3000, 1);
	CHECK_EQ_INT(next_value(s, &got), 2000);
	REQUIRE_OK(s->type->open(s, spk_shuffle_id(7), 1, &output, &err), err);
	s->type->discard(s, output);
	s->type->discard(s, NULL);
	got = locate(s, 7, 1, 0);
	CHECK_EQ_INT(next_value(s, &got), 3000);
	s->type->stat(s, spk_shuffle_id(7), -1, &stat);
	CHECK_EQ_INT(stat.rows, 30);
	s->type->remove(s, spk_shuffle_id(7));
	s->type->remove(s, spk_shuffle_id(7));
	s->type->stat(s, spk_shuffle_id(7), -1, &stat);
	CHECK_EQ_INT(stat.rows, 0);
	REQUIRE_OK(s->type->add(s, spk_shuffle_id(9), 1, 1, &err), err);
	publish_numbers(s, 9, 0, 1, 1, 3);
	s->type->close(s);
	CHECK_EQ_INT(spk_memory_used(), before);
}

struct mix { struct spk_shuffle_service *s; int producer; _Atomic int bad; };

static void *mix_thread(void *user)
{
	struct mix *m = user;

	for (int round = 0; round < 100; round++) {
		publish_numbers(m->s, 1, m->producer, 4, m->producer * 1000, 2);
		for (int other = 0; other < 4; other++) {
			struct spk_shuffle_reader got = { 0 };

			if (m->s->type->fetch(m->s, spk_shuffle_id(1), other, round % 4, &got, NULL) != SPK_OK)
				continue;
			if (next_value(m->s, &got) != other * 1000 + round % 4 * 100 || next_value(m->s, &got) != other * 1000 + round % 4 * 100 + 1 || next_value(m->s, &got) != -1)
				atomic_fetch_add(&m->bad, 1);
			m->s->type->end(m->s, &got);
		}
		if (round % 3 == 0)
			m->s->type->lose(m->s, spk_shuffle_id(1), (m->producer + 1) % 4);
	}
	return NULL;
}

static void mix_by_threads(struct spk_spill_area *area)
{
	struct spk_shuffle_service *s;
	struct mix m[4];
	pthread_t thread[4];
	spk_error err = { 0 };

	REQUIRE_OK(spk_local_shuffle_new(&s, area, &err), err);
	REQUIRE_OK(s->type->add(s, spk_shuffle_id(1), 4, 4, &err), err);
	for (int i = 0; i < 4; i++) {
		m[i] = (struct mix){ .s = s, .producer = i };
		REQUIRE(pthread_create(&thread[i], NULL, mix_thread, &m[i]) == 0);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(thread[i], NULL);
		CHECK_EQ_INT(m[i].bad, 0);
	}
	s->type->close(s);
}

static void shuffle_by_threads(void)
{
	char *dir = spk_test_dir("threads");
	struct spk_spill_area *area;
	spk_error err = { 0 };

	mix_by_threads(NULL);
	REQUIRE_OK(spk_spill_area_new(&area, dir, &err), err);
	mix_by_threads(area);
	spk_spill_area_free(area);
	free(dir);
}

/* --- the shuffle on disk --- */

enum { WIDE_ROWS = 2000, WIDE_PARTITIONS = 3, WIDE_BATCHES = 150 };

static struct spk_field wide_fields[2] = { { "n", { .id = SPK_TYPE_BIGINT }, false }, { "t", { .id = SPK_TYPE_TEXT }, false } };
static const struct spk_schema wide = { 2, wide_fields };

/* Rows number .. number + WIDE_ROWS - 1 with a text of 40 bytes each. */
static struct spk_batch *wide_batch(int64_t number)
{
	struct spk_batch *b;
	spk_error err = { 0 };

	REQUIRE_OK(spk_batch_new(&b, &wide, NULL, &err), err);
	for (int c = 0; c < 2; c++)
		REQUIRE_OK(spk_vector_init(&b->column[c], wide_fields[c].type, WIDE_ROWS, b->arena, &err), err);
	for (int i = 0; i < WIDE_ROWS; i++) {
		char *text = spk_arena_printf(b->arena, "%040lld", (long long)number + i);

		REQUIRE(text != NULL);
		spk_vector_i64(&b->column[0])[i] = number + i;
		spk_vector_view(&b->column[1])[i] = spk_view(text, 40);
	}
	b->rows = b->selected = WIDE_ROWS;
	return b;
}

/* Writes batch i to partition i % WIDE_PARTITIONS. */
static spk_status write_wide(struct spk_shuffle_service *s, int id, int producer, spk_error *err)
{
	struct spk_shuffle_output *output;
	struct spk_shuffle_stat sum = { 0 };

	SPK_TRY(s->type->open(s, spk_shuffle_id(id), producer, &output, err));
	for (int i = 0; i < WIDE_BATCHES; i++) {
		struct spk_batch *b = wide_batch(producer * 1000000000ll + i * WIDE_ROWS);
		spk_status status = s->type->write(s, output, i % WIDE_PARTITIONS, b, &sum, err);

		spk_batch_unref(b);
		if (status != SPK_OK) {
			s->type->discard(s, output);
			return status;
		}
	}
	return s->type->publish(s, output, err);
}

/* Batches of a partition that are as they were written. */
static int read_wide(struct spk_shuffle_service *s, int id, int producer, int partition, bool once, spk_error *err)
{
	struct spk_shuffle_reader reader = { 0 };
	struct spk_batch *b;
	int good = 0;

	err->code = s->type->fetch(s, spk_shuffle_id(id), producer, partition, &reader, err);
	reader.once = once;
	for (int i = partition; err->code == SPK_OK; i += WIDE_PARTITIONS) {
		int64_t number = producer * 1000000000ll + i * WIDE_ROWS;
		char text[48];

		err->code = s->type->read(s, &reader, &b, err);
		if (err->code != SPK_OK || !b)
			break;
		snprintf(text, sizeof text, "%040lld", (long long)number + 7);
		good += b->selected == WIDE_ROWS && spk_vector_i64(&b->column[0])[7] == number + 7 &&
			memcmp(spk_view_data(&spk_vector_view(&b->column[1])[7]), text, 40) == 0;
		spk_batch_unref(b);
	}
	s->type->end(s, &reader);
	return good;
}

/* Ten times as much as the limit goes through; the budget is kept, and no file is left. */
static void shuffle_spills(void)
{
	char *dir = spk_test_dir("spills");
	struct spk_shuffle_service *s;
	struct spk_spill_area *area;
	struct spk_spill_usage usage;
	struct spk_shuffle_stat stat;
	spk_error err = { 0 };
	size_t before = spk_memory_used();

	spk_memory_set_limit(before + (20 << 20));
	REQUIRE_OK(spk_spill_area_new(&area, dir, &err), err);
	REQUIRE_OK(spk_local_shuffle_new(&s, area, &err), err);
	REQUIRE_OK(s->type->add(s, spk_shuffle_id(1), 10, WIDE_PARTITIONS, &err), err);
	for (int producer = 0; producer < 10; producer++)
		REQUIRE_OK(write_wide(s, 1, producer, &err), err);
	for (int producer = 0; producer < 10; producer++)
		for (int p = 0; p < WIDE_PARTITIONS; p++) {
			CHECK_EQ_INT(read_wide(s, 1, producer, p, false, &err), WIDE_BATCHES / WIDE_PARTITIONS);
			CHECK_OK(err.code, err);
		}
	s->type->stat(s, spk_shuffle_id(1), 1, &stat);
	CHECK_EQ_INT(stat.rows, 10 * WIDE_BATCHES / WIDE_PARTITIONS * WIDE_ROWS);
	CHECK_EQ_INT(stat.bytes, stat.rows * (8 + 16 + 40));
	spk_spill_area_usage(area, &usage);
	CHECK(usage.written > 1 << 20 && usage.held == usage.written);
	s->type->close(s);
	spk_spill_area_usage(area, &usage);
	CHECK_EQ_INT(usage.held, 0);
	spk_spill_area_free(area);
	spk_memory_set_limit((size_t)1 << 30);
	CHECK_EQ_INT(spk_memory_used(), before);
	free(dir);
}

static void reclaiming_moves_what_waits(void)
{
	char *dir = spk_test_dir("reclaim");
	struct spk_shuffle_service *s;
	struct spk_spill_area *area;
	spk_error err = { 0 };
	size_t before = spk_memory_used(), held;

	REQUIRE_OK(spk_spill_area_new(&area, dir, &err), err);
	REQUIRE_OK(spk_local_shuffle_new(&s, area, &err), err);
	REQUIRE_OK(s->type->add(s, spk_shuffle_id(1), 2, WIDE_PARTITIONS, &err), err);
	for (int producer = 0; producer < 2; producer++)
		REQUIRE_OK(write_wide(s, 1, producer, &err), err);
	CHECK(spk_spill_area_path(area) == NULL);
	held = spk_memory_used();
	CHECK(s->type->reclaim(s, 4 << 20) >= 4 << 20);
	CHECK(spk_memory_used() < held - (4 << 20));
	CHECK_EQ_INT(read_wide(s, 1, 0, 0, false, &err), WIDE_BATCHES / WIDE_PARTITIONS);
	/* A disk that fails keeps the rows where they are. */
	REQUIRE_OK(spk_fault_set("spill.write:3", &err), err);
	s->type->reclaim(s, SIZE_MAX);
	spk_fault_set(NULL, NULL);
	s->type->reclaim(s, SIZE_MAX);
	CHECK(spk_memory_used() < before + (2 << 20));
	for (int producer = 0; producer < 2; producer++)
		for (int p = 0; p < WIDE_PARTITIONS; p++)
			CHECK_EQ_INT(read_wide(s, 1, producer, p, true, &err), WIDE_BATCHES / WIDE_PARTITIONS);
	REQUIRE_OK(spk_fault_set("spill.read:2", &err), err);
	read_wide(s, 1, 0, 0, false, &err);
	CHECK_EQ_INT(err.code, SPK_IO);
	spk_fault_set(NULL, NULL);
	s->type->close(s);
	spk_spill_area_free(area);
	CHECK_EQ_INT(spk_memory_used(), before);
	free(dir);
}

/* What one reader alone needs goes as it is read, when memory is short; then it is lost to others. */
static void read_once_it_goes(void)
{
	char *dir = spk_test_dir("once");
	struct spk_shuffle_service *s;
	struct spk_spill_area *area;
	spk_error err = { 0 };
	size_t before = spk_memory_used();

	REQUIRE_OK(spk_spill_area_new(&area, dir, &err), err);
	REQUIRE_OK(spk_local_shuffle_new(&s, area, &err), err);
	REQUIRE_OK(s->type->add(s, spk_shuffle_id(1), 1, WIDE_PARTITIONS, &err), err);
	REQUIRE_OK(write_wide(s, 1, 0, &err), err);
	CHECK_EQ_INT(read_wide(s, 1, 0, 1, true, &err), WIDE_BATCHES / WIDE_PARTITIONS);
	CHECK_EQ_INT(read_wide(s, 1, 0, 1, true, &err), WIDE_BATCHES / WIDE_PARTITIONS);
	spk_memory_set_limit(spk_memory_used() + (1 << 20));
	CHECK_EQ_INT(read_wide(s, 1, 0, 1, true, &err), WIDE_BATCHES / WIDE_PARTITIONS);
	CHECK_OK(err.code, err);
	CHECK_EQ_INT(read_wide(s, 1, 0, 1, true, &err), 0);
	CHECK_EQ_INT(err.code, SPK_NOT_FOUND);
	CHECK_EQ_INT(read_wide(s, 1, 0, 2, false, &err), WIDE_BATCHES / WIDE_PARTITIONS);
	CHECK_EQ_INT(read_wide(s, 1, 0, 2, false, &err), WIDE_BATCHES / WIDE_PARTITIONS);
	CHECK(spk_spill_area_path(area) == NULL);
	spk_memory_set_limit((size_t)1 << 30);
	s->type->close(s);
	spk_spill_area_free(area);
	CHECK_EQ_INT(spk_memory_used(), before);
	free(dir);
}

static void a_full_disk_fails_the_producer(void)
{
	char *dir = spk_test_dir("full");
	struct spk_shuffle_service *s;
	struct spk_spill_area *area;
	spk_error err = { 0 };
	size_t before = spk_memory_used();

	spk_memory_set_limit(before + (10 << 20));
	REQUIRE_OK(spk_spill_area_new(&area, dir, &err), err);
	REQUIRE_OK(spk_local_shuffle_new(&s, area, &err), err);
	REQUIRE_OK(s->type->add(s, spk_shuffle_id(1), 1, WIDE_PARTITIONS, &err), err);
	REQUIRE_OK(spk_fault_set("spill.write:5", &err), err);
	CHECK_FAILS(write_wide(s, 1, 0, &err), SPK_IO, err);
	spk_fault_set(NULL, NULL);
	CHECK_OK(write_wide(s, 1, 0, &err), err);
	CHECK_EQ_INT(read_wide(s, 1, 0, 2, true, &err), WIDE_BATCHES / WIDE_PARTITIONS);
	s->type->close(s);
	spk_spill_area_free(area);
	spk_memory_set_limit((size_t)1 << 30);
	CHECK_EQ_INT(spk_memory_used(), before);
	free(dir);
}

/* --- partitioners --- */

static void partitions(void)
{
	spk_test_rng rng = spk_test_rng_new(3);
	struct spk_batch batch = { .rows = 500, .selected = 500 };
	uint64_t hash[500];
	int32_t to[500];

	for (int tasks = 1; tasks <= SPK_SHARDS; tasks++) {
		struct spk_partitioner p = { .type = &spk_hash_partitioner, .partitions = tasks };

		for (int i = 0; i < 500; i++)
			hash[i] = spk_test_next(&rng);
		p.type->assign(&p, &batch, hash, to);
		for (int i = 0; i < 500; i++) {
			int first, end, shard = spk_shard_of(hash[i]).value;

			REQUIRE(to[i] >= 0 && to[i] < tasks);
			spk_shard_range(to[i], tasks, &first, &end);
			CHECK(shard >= first && shard < end);
		}
	}
	struct spk_partitioner single = { .type = &spk_single_partitioner, .partitions = 1 };

	single.type->assign(&single, &batch, NULL, to);
	for (int i = 0; i < 500; i++)
		CHECK_EQ_INT(to[i], 0);
}

SPK_TEST_SUITE("scheduler/spi",
	{ "the local executor runs everything, on so many threads", executor_runs_all },
	{ "delayed work comes when it is due", executor_delays },
	{ "closing does not wait for delays", executor_closes_with_delayed_work },
	{ "thread counts out of range are refused", executor_refuses_nonsense },
	{ "the FIFO scheduler goes by priority, then by order", fifo_orders },
	{ "closing it waits for queued and delayed work", fifo_waits_at_close },
	{ "a backend that refuses now and then", fifo_on_a_moody_backend },
	{ "the shuffle keeps, loses, replaces and forgets", shuffle_keeps },
	{ "the shuffle is used by many threads", shuffle_by_threads },
	{ "ten times the limit goes through the shuffle", shuffle_spills },
	{ "reclaiming moves what waits to disk", reclaiming_moves_what_waits },
	{ "what is read once goes when memory is short", read_once_it_goes },
	{ "a disk that fails fails the producer", a_full_disk_fails_the_producer },
	{ "partitioners send every shard to its owner", partitions })
