/*
 * Random graphs give the same result whatever fails and in whatever order tasks run: on the local SPIs with every fault point at
 * every pass, and on SPIs of this file's own, which shows that the DAG scheduler knows no others.
 */
#include <stdatomic.h>

#include "core/base/fault.h"
#include "core/base/log.h"
#include "tests/scheduler/support.h"

enum { STAGES = 6, TASKS = 4, PARTITIONS = 9, SHUFFLES = 64 };

/* --- random graphs whose result depends on every row and on their order --- */

struct graph {
	struct spk_dag dag;
	struct spk_stage stage[STAGES];
	int input[STAGES][STAGES], base[STAGES][STAGES];
	_Atomic uint64_t result[STAGES][TASKS];
	_Atomic int runs[STAGES][TASKS];
};

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15u;
	return h ^ (h >> 29);
}

static spk_status digest(struct spk_task *task, spk_error *err)
{
	struct graph *g = spk_task_user(task);
	int at = spk_task_stage(task), p = spk_task_partition(task);
	const struct spk_stage *stage = &g->stage[at];
	uint64_t h = mix((uint64_t)at, (uint64_t)p);
	struct spk_batch *b;

	atomic_fetch_add(&g->runs[at][p], 1);
	for (int k = 0; k < stage->inputs; k++)
		for (;;) {
			SPK_TRY(spk_task_fetch(task, k, &b, err));
			if (!b)
				break;
			for (int i = 0; i < b->selected; i++)
				h = mix(h, (uint64_t)spk_vector_i64(&b->column[0])[i]);
		}
	for (int i = 0; i < stage->output_partitions * 2; i++) {
		int to = (int)(mix(h, (uint64_t)i) % (uint64_t)stage->output_partitions);

		SPK_TRY(write_numbers(task, to, (int64_t)(mix(h, (uint64_t)i + 100) >> 1), 1 + i % 3, err));
	}
	atomic_store(&g->result[at][p], h);
	return SPK_OK;
}

static bool skip_some(int task, void *user)
{
	(void)user;
	return task == 2;
}

static void make_graph(struct graph *g, spk_test_rng *rng, bool all_repeatable)
{
	memset(g, 0, sizeof(*g));
	g->dag = (struct spk_dag){ .name = "random", .stage = g->stage };
	g->dag.stages = (int)spk_test_between(rng, 1, STAGES);
	for (int i = 0; i < g->dag.stages; i++) {
		struct spk_stage *s = &g->stage[i];

		*s = (struct spk_stage){ .name = "random", .run = digest, .user = g, .input = g->input[i], .repeatable = true };
		s->tasks = (int)spk_test_between(rng, 1, TASKS);
		s->output_partitions = spk_test_one_in(rng, 3) ? 1 : (int)spk_test_between(rng, 1, spk_test_one_in(rng, 2) ? TASKS : PARTITIONS);
		s->skip = spk_test_one_in(rng, 4) ? skip_some : NULL;
		if (!all_repeatable)
			s->repeatable = !spk_test_one_in(rng, 3);
		bool based = spk_test_one_in(rng, 2);

		if (based)
			s->input_base = g->base[i];
		for (int from = 0; from < i; from++) {
			int spare = g->stage[from].output_partitions - s->tasks;

			if ((g->stage[from].output_partitions != 1 && (based ? spare < 0 : spare != 0)) || spk_test_one_in(rng, 3))
				continue;
			g->base[i][s->inputs] = spare > 0 ? (int)spk_test_below(rng, (uint64_t)spare + 1) : 0;
			g->input[i][s->inputs++] = from;
		}
	}
}

static void take_result(struct graph *g, uint64_t out[STAGES][TASKS])
{
	for (int i = 0; i < STAGES; i++)
		for (int p = 0; p < TASKS; p++) {
			out[i][p] = atomic_exchange(&g->result[i][p], 0);
			atomic_store(&g->runs[i][p], 0);
		}
}

static bool same(uint64_t a[STAGES][TASKS], uint64_t b[STAGES][TASKS]) { return memcmp(a, b, sizeof(uint64_t) * STAGES * TASKS) == 0; }

/* --- faults on the local SPIs --- */

static const enum spk_fault points[] = { SPK_FAULT_TASK_START, SPK_FAULT_TASK_FINISH, SPK_FAULT_SHUFFLE_WRITE, SPK_FAULT_SHUFFLE_FETCH };

/* Fails the n-th pass of the point for n = 1, 2, ... until there is no such pass. */
static void sweep(struct stack *s, struct graph *g, enum spk_fault point, uint64_t want[STAGES][TASKS])
{
	uint64_t got[STAGES][TASKS];

	for (int n = 1; n < 500; n++) {
		char *spec = spk_test_format("%s:%d", spk_fault_name(point), n);
		struct spk_dag_result result;
		spk_error err = { 0 };

		REQUIRE_OK(spk_fault_set(spec, &err), err);
		CHECK_OK(spk_dag_run(s->dag, &g->dag, &result, &err), err);
		take_result(g, got);
		CHECK(same(got, want));
		bool over = spk_fault_passes(point) < n;

		if (!over)
			CHECK(result.tasks_failed + result.tasks_recomputed >= 1);
		free(spec);
		if (over)
			break;
	}
	CHECK_EQ_INT(spk_fault_set(NULL, NULL), SPK_OK);
}

static void survives_every_fault(void)
{
	spk_test_rng rng = spk_test_rng_new(1);
	struct graph *g = calloc(1, sizeof(*g));
	struct stack s;

	stack_open(&s, 3, 3, NULL);
	for (int round = 0; round < (spk_test_long() ? 100 : 8); round++) {
		uint64_t want[STAGES][TASKS];
		spk_error err = { 0 };

		make_graph(g, &rng, true);
		REQUIRE_OK(spk_dag_run(s.dag, &g->dag, NULL, &err), err);
		take_result(g, want);
		for (size_t i = 0; i < SPK_COUNT_OF(points); i++)
			sweep(&s, g, points[i], want);
	}
	stack_close(&s);
	free(g);
}

static void several_faults_at_once(void)
{
	spk_test_rng rng = spk_test_rng_new(2);
	struct graph *g = calloc(1, sizeof(*g));
	struct stack s;

	stack_open(&s, 3, 3, NULL);
	for (int round = 0; round < (spk_test_long() ? 3000 : 150); round++) {
		uint64_t want[STAGES][TASKS], got[STAGES][TASKS];
		spk_error err = { 0 };

		make_graph(g, &rng, spk_test_one_in(&rng, 2));
		REQUIRE_OK(spk_dag_run(s.dag, &g->dag, NULL, &err), err);
		take_result(g, want);
		char *spec = spk_test_format("task.start:%d,task.finish:%d,shuffle.write:%d,shuffle.fetch:%d", (int)spk_test_between(&rng, 1, 12),
		                             (int)spk_test_between(&rng, 1, 12), (int)spk_test_between(&rng, 1, 12), (int)spk_test_between(&rng, 1, 20));

		REQUIRE_OK(spk_fault_set(spec, &err), err);
		/* Stages that are not repeatable may fail the run, but never run twice. */
		spk_status status = spk_dag_run(s.dag, &g->dag, NULL, &err);

		for (int i = 0; i < g->dag.stages; i++)
			for (int p = 0; p < g->stage[i].tasks && !g->stage[i].repeatable; p++)
				CHECK(g->runs[i][p] <= 1);
		take_result(g, got);
		if (status == SPK_OK)
			CHECK(same(got, want));
		else
			CHECK(err.message[0] != 0);
		REQUIRE_OK(spk_fault_set(NULL, &err), err);
		free(spec);
	}
	stack_close(&s);
	free(g);
}

/* --- SPIs of our own: one thread, random order, a shuffle that loses things --- */

struct mock_tasks {
	struct spk_task_scheduler base;
	struct spk_work queue[256];
	int count;
	int refuse;               /* submissions until one is refused; 0: never */
};

static spk_status mock_submit(struct spk_task_scheduler *s, struct spk_work work, int64_t priority, int64_t after_us, spk_error *err)
{
	struct mock_tasks *m = spk_container_of(s, struct mock_tasks, base);

	(void)priority;
	(void)after_us;
	if (m->refuse && --m->refuse == 0)
		return spk_fail(err, SPK_NO_MEMORY, "the queue is full");
	m->queue[m->count++] = work;
	return SPK_OK;
}

static const struct spk_task_scheduler_type mock_tasks_type = { .name = "mock", .submit = mock_submit };

/* The service's own type: this one's is a table. */
struct spk_shuffle_output { struct spk_shuffle_id id; int producer, count[PARTITIONS]; struct spk_batch *batch[PARTITIONS][64]; };
struct mock_shuffle {
	struct spk_shuffle_service base;
	spk_test_rng *rng;
	struct spk_shuffle_output *output[SHUFFLES][TASKS];  /* by shuffle id % SHUFFLES */
	struct spk_shuffle_output *dropped[4096];
	int drops, added, losses;
};

static struct mock_shuffle *mock(struct spk_shuffle_service *s) { return spk_container_of(s, struct mock_shuffle, base); }

static spk_status mock_add(struct spk_shuffle_service *s, struct spk_shuffle_id id, int producers, int partitions, spk_error *err)
{
	(void)id;
	(void)producers;
	(void)partitions;
	(void)err;
	mock(s)->added++;
	return SPK_OK;
}

static void mock_discard(struct spk_shuffle_service *s, struct spk_shuffle_output *o)
{
	(void)s;
	for (int p = 0; o && p < PARTITIONS; p++)
		for (int i = 0; i < o->count[p]; i++)
			spk_batch_unref(o->batch[p][i]);
	free(o);
}

/* Who located it may still read it: it is let go of at the end. */
static void mock_drop(struct mock_shuffle *m, struct spk_shuffle_output **o)
{
	if (*o)
		m->dropped[m->drops++] = *o;
	*o = NULL;
}

static spk_status mock_open(struct spk_shuffle_service *s, struct spk_shuffle_id id, int producer, struct spk_shuffle_output **out, spk_error *err)
{
	(void)s;
	(void)err;
	*out = calloc(1, sizeof(**out));
	(*out)->id = id;
	(*out)->producer = producer;
	return SPK_OK;
}

static spk_status mock_write(struct spk_shuffle_service *s, struct spk_shuffle_output *o, int to, struct spk_batch *batch, struct spk_shuffle_stat *sum, spk_error *err)
{
	(void)s;
	(void)sum;
	(void)err;
	o->batch[to][o->count[to]++] = spk_batch_ref(batch);
	return SPK_OK;
}

static spk_status mock_publish(struct spk_shuffle_service *s, struct spk_shuffle_output *o, spk_error *err)
{
	struct spk_shuffle_output **place = &mock(s)->output[o->id.value % SHUFFLES][o->producer];

	(void)err;
	mock_drop(mock(s), place);
	*place = o;
	return SPK_OK;
}

static spk_status mock_fetch(struct spk_shuffle_service *s, struct spk_shuffle_id id, int producer, int partition, struct spk_shuffle_reader *out, spk_error *err)
{
	struct mock_shuffle *m = mock(s);
	struct spk_shuffle_output **place = &m->output[id.value % SHUFFLES][producer];

	if (*place && m->losses < 3 && spk_test_one_in(m->rng, 5)) {
		m->losses++;
		mock_drop(m, place);
	}
	if (!*place)
		return spk_fail(err, SPK_NOT_FOUND, "lost");
	out->output = *place;
	out->partition = partition;
	return SPK_OK;
}

static spk_status mock_read(struct spk_shuffle_service *s, struct spk_shuffle_reader *reader, struct spk_batch **out, spk_error *err)
{
	const struct spk_shuffle_output *o = reader->output;

	(void)s;
	(void)err;
	*out = o && reader->next < o->count[reader->partition] ? spk_batch_ref(o->batch[reader->partition][reader->next++]) : NULL;
	return SPK_OK;
}

static void mock_end(struct spk_shuffle_service *s, struct spk_shuffle_reader *reader)
{
	(void)s;
	*reader = (struct spk_shuffle_reader){ 0 };
}

static void mock_lose(struct spk_shuffle_service *s, struct spk_shuffle_id id, int producer)
{
	mock_drop(mock(s), &mock(s)->output[id.value % SHUFFLES][producer]);
}

static void mock_stat(struct spk_shuffle_service *s, struct spk_shuffle_id id, int partition, struct spk_shuffle_stat *out)
{
	(void)s;
	(void)id;
	(void)partition;
	*out = (struct spk_shuffle_stat){ .rows = 1, .bytes = 2 };
}

static void mock_remove(struct spk_shuffle_service *s, struct spk_shuffle_id id)
{
	for (int p = 0; p < TASKS; p++)
		mock_drop(mock(s), &mock(s)->output[id.value % SHUFFLES][p]);
	mock(s)->added--;
}

static const struct spk_shuffle_service_type mock_shuffle_type = {
	.name = "mock", .add = mock_add, .open = mock_open, .write = mock_write, .publish = mock_publish, .discard = mock_discard, .fetch = mock_fetch,
	.read = mock_read, .end = mock_end, .lose = mock_lose, .stat = mock_stat, .remove = mock_remove,
};

struct outcome { bool done; spk_status status; struct spk_dag_result result; };

static void note_outcome(void *user, spk_status status, const spk_error *error, const struct spk_dag_result *result)
{
	struct outcome *o = user;

	(void)error;
	*o = (struct outcome){ .done = true, .status = status, .result = *result };
}

/* Starts the graph and runs its works one by one, in random order, until it is over. */
static struct outcome drive(struct spk_dag_scheduler *s, struct mock_tasks *tasks, struct mock_shuffle *shuffle, const struct graph *g, spk_test_rng *rng)
{
	struct outcome o = { 0 };
	spk_error err = { 0 };

	shuffle->losses = 0;
	o.status = spk_dag_start(s, &g->dag, note_outcome, &o, &err);
	if (o.status == SPK_OK) {
		while (!o.done && tasks->count) {
			int at = (int)spk_test_below(rng, (uint64_t)tasks->count);
			struct spk_work work = tasks->queue[at];

			tasks->queue[at] = tasks->queue[--tasks->count];
			work.run(work.user);
		}
		CHECK(o.done);
	}
	CHECK_EQ_INT(tasks->count, 0);
	CHECK_EQ_INT(shuffle->added, 0);
	for (int i = 0; i < shuffle->drops; i++)
		mock_discard(&shuffle->base, shuffle->dropped[i]);
	shuffle->drops = 0;
	return o;
}

static void depends_on_its_spis_alone(void)
{
	spk_test_rng rng = spk_test_rng_new(4);
	struct graph *g = calloc(1, sizeof(*g));
	struct mock_tasks *tasks = calloc(1, sizeof(*tasks));
	struct mock_shuffle *shuffle = calloc(1, sizeof(*shuffle));
	struct spk_dag_options options = { .tasks = &tasks->base, .shuffle = &shuffle->base, .task_retry = { .retries = 3 } };
	struct spk_dag_scheduler *s;
	struct stack reference;
	spk_error err = { 0 };

	tasks->base.type = &mock_tasks_type;
	shuffle->base.type = &mock_shuffle_type;
	shuffle->rng = &rng;
	stack_open(&reference, 2, 3, NULL);
	REQUIRE_OK(spk_dag_scheduler_new(&s, &options, &err), err);
	for (int round = 0; round < (spk_test_long() ? 5000 : 300); round++) {
		uint64_t want[STAGES][TASKS], got[STAGES][TASKS];

		make_graph(g, &rng, true);
		REQUIRE_OK(spk_dag_run(reference.dag, &g->dag, NULL, &err), err);
		take_result(g, want);
		tasks->refuse = spk_test_one_in(&rng, 4) ? (int)spk_test_between(&rng, 1, 10) : 0;
		struct outcome o = drive(s, tasks, shuffle, g, &rng);

		take_result(g, got);
		if (o.status == SPK_OK)
			CHECK(same(got, want));
		else
			CHECK_EQ_INT(o.status, SPK_NO_MEMORY);
	}
	spk_dag_scheduler_free(s);
	stack_close(&reference);
	free(shuffle);
	free(tasks);
	free(g);
}

static void drop_line(const char *line, int size, void *user)
{
	(void)line;
	(void)size;
	(void)user;
}

/* Hundreds of injected failures would fill the log. */
static void quiet(void)
{
	spk_log_set_sink(drop_line, NULL);
	CHECK(spk_test_seed() != 0 || true);
}

SPK_TEST_SUITE("scheduler/dag random",
	{ "the log is turned down", quiet },
	{ "every fault at every pass gives the same result", survives_every_fault },
	{ "several faults at once, and stages that run once", several_faults_at_once },
	{ "other SPIs, random order, lost outputs", depends_on_its_spis_alone })
