/* The local implementations of the SPIs, each by itself, with real threads. */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "core/base/clock.h"
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
	int64_t start = spk_clock_monotonic_us();

	REQUIRE_OK(spk_local_executor_new(&b, 1, &err), err);
	CHECK_OK(b->type->launch_later(b, (struct spk_work){ stamp_now, &far }, 3600000000, &err), err);
	b->type->close(b);
	CHECK(far.at != 0);
	CHECK(spk_clock_monotonic_us() - start < 5000000);
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
	struct spk_batch *batch[64], **block[8];
	int count[8];
	spk_error err = { 0 };

	for (int p = 0; p < partitions; p++) {
		block[p] = batch + p * batches;
		count[p] = batches;
		for (int i = 0; i < batches; i++)
			REQUIRE_OK(numbers(&block[p][i], first + p * 100 + i, 10, &err), err);
	}
	REQUIRE_OK(s->type->publish(s, spk_shuffle_id(id), producer, block, count, &err), err);
}

static int64_t first_value(const struct spk_batch *b) { return spk_vector_i64(&b->column[0])[0]; }

static void shuffle_keeps(void)
{
	struct spk_shuffle_service *s;
	struct spk_batch **got;
	struct spk_shuffle_stat stat;
	int count;
	spk_error err = { 0 };
	size_t before = spk_memory_used();

	REQUIRE_OK(spk_memory_shuffle_new(&s, &err), err);
	REQUIRE_OK(s->type->add(s, spk_shuffle_id(7), 2, 3, &err), err);
	CHECK_FAILS(s->type->add(s, spk_shuffle_id(7), 2, 3, &err), SPK_EXISTS, err);
	CHECK_FAILS(s->type->fetch(s, spk_shuffle_id(7), 1, 0, &got, &count, &err), SPK_NOT_FOUND, err);
	CHECK_FAILS(s->type->fetch(s, spk_shuffle_id(8), 1, 0, &got, &count, &err), SPK_INTERNAL, err);
	publish_numbers(s, 7, 1, 3, 1000, 2);
	for (int p = 0; p < 3; p++) {
		REQUIRE_OK(s->type->fetch(s, spk_shuffle_id(7), 1, p, &got, &count, &err), err);
		REQUIRE_EQ_INT(count, 2);
		CHECK_EQ_INT(first_value(got[0]), 1000 + p * 100);
		CHECK_EQ_INT(first_value(got[1]), 1001 + p * 100);
	}
	s->type->stat(s, spk_shuffle_id(7), &stat);
	CHECK_EQ_INT(stat.rows, 60);
	CHECK_EQ_INT(stat.bytes, 480);

	/* Lost and replaced outputs stay readable for those who have them. */
	s->type->lose(s, spk_shuffle_id(7), 1);
	CHECK_EQ_INT(first_value(got[0]), 1200);
	CHECK_FAILS(s->type->fetch(s, spk_shuffle_id(7), 1, 0, &got, &count, &err), SPK_NOT_FOUND, err);
	publish_numbers(s, 7, 1, 3, 2000, 1);
	REQUIRE_OK(s->type->fetch(s, spk_shuffle_id(7), 1, 0, &got, &count, &err), err);
	publish_numbers(s, 7, 1, 3, 3000, 1);
	CHECK_EQ_INT(first_value(got[0]), 2000);
	s->type->stat(s, spk_shuffle_id(7), &stat);
	CHECK_EQ_INT(stat.rows, 30);
	s->type->remove(s, spk_shuffle_id(7));
	s->type->remove(s, spk_shuffle_id(7));
	s->type->stat(s, spk_shuffle_id(7), &stat);
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
		struct spk_batch **got;
		int count;

		publish_numbers(m->s, 1, m->producer, 4, m->producer * 1000, 2);
		for (int other = 0; other < 4; other++) {
			if (m->s->type->fetch(m->s, spk_shuffle_id(1), other, round % 4, &got, &count, NULL) != SPK_OK)
				continue;
			if (count != 2 || first_value(got[1]) != other * 1000 + round % 4 * 100 + 1)
				atomic_fetch_add(&m->bad, 1);
		}
		if (round % 3 == 0)
			m->s->type->lose(m->s, spk_shuffle_id(1), (m->producer + 1) % 4);
	}
	return NULL;
}

static void shuffle_by_threads(void)
{
	struct spk_shuffle_service *s;
	struct mix m[4];
	pthread_t thread[4];
	spk_error err = { 0 };

	REQUIRE_OK(spk_memory_shuffle_new(&s, &err), err);
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
	{ "partitioners send every shard to its owner", partitions })
