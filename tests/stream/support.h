/*
 * Streaming plans driven epoch by epoch without a job: sources that decode prepared rows, sinks that write them down as text, a real
 * store, a real scheduler. What a job would do (cut epochs, keep watermarks, snapshot, restart) the tests do at random.
 */
#ifndef SPK_TESTS_STREAM_SUPPORT_H
#define SPK_TESTS_STREAM_SUPPORT_H

#include <stdio.h>

#include "batch/exec.h"
#include "core/base/fault.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/expr/text.h"
#include "planner/optimizer/optimizer.h"
#include "planner/sql/sql.h"
#include "stream/operator/stream_operators.h"
#include "tests/scheduler/stack.h"

/* RocksDB is not built with ThreadSanitizer; what its threads do through libstdc++ is not told to be its own by tools/tsan.supp. */
__attribute__((visibility("default"), used)) const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void) { return "called_from_lib:libstdc++.so\n"; }

enum { SOURCES = 2, PARTITIONS = 4, SECOND = 1000000, DELAY = 4 * SECOND };

/* --- rows --- */

struct event { bool a_null, b_null, ts_null; int64_t a, b, ts; double f; char v[28]; };

/* All rows that a partition will ever have, and up to which they were cut into epochs. */
struct partition { struct event *event; int events, at; };

static inline struct event random_event(spk_test_rng *rng, int64_t now)
{
	static const char *const texts[] = { "", "x", "twelve bytes", "thirteen byte", "a text of many bytes, all told" };
	struct event e = { .a_null = spk_test_one_in(rng, 12), .b_null = spk_test_one_in(rng, 12), .ts_null = spk_test_one_in(rng, 40) };

	e.a = spk_test_between(rng, 0, spk_test_one_in(rng, 2) ? 3 : 300);
	e.b = spk_test_between(rng, -5, 5);
	/* Now, some time ago, or long ago; never on the second, so that sums of doubles show their order. */
	e.ts = now - spk_test_between(rng, 0, spk_test_one_in(rng, 20) ? 60 * SECOND : 5 * SECOND);
	e.f = spk_test_unit(rng) * 1e6 - 3e5;
	snprintf(e.v, sizeof e.v, "%.25s", texts[spk_test_below(rng, sizeof texts / sizeof texts[0])]);
	return e;
}

static inline void partition_fill(struct partition *p, int events, spk_test_rng *rng)
{
	int64_t now = (int64_t)1700000000 * SECOND;

	*p = (struct partition){ .event = calloc((size_t)events + 1, sizeof *p->event), .events = events };
	for (int i = 0; i < events; i++) {
		now += spk_test_between(rng, 0, SECOND / 4);
		p->event[i] = random_event(rng, now);
	}
}

/* --- sources --- */

struct fake_source { struct spk_source base; struct spk_source_spec spec; struct partition *partition; };

static inline bool event_is_null(const struct event *e, const char *column)
{
	return (strcmp(column, "a") == 0 && e->a_null) || (strcmp(column, "b") == 0 && e->b_null) || (strcmp(column, "ts") == 0 && e->ts_null);
}

static inline void put_event(struct spk_vector *v, int row, const struct event *e, const char *column)
{
	if (strcmp(column, "v") == 0)
		spk_vector_view(v)[row] = spk_view_str(e->v);
	else if (strcmp(column, "f") == 0)
		spk_vector_f64(v)[row] = e->f;
	else
		spk_vector_i64(v)[row] = strcmp(column, "a") == 0 ? e->a : strcmp(column, "b") == 0 ? e->b : e->ts;
}

/* Positions in a chunk are indexes of events. */
static inline spk_status fake_decode(struct spk_source *s, const struct spk_chunk *chunk, int from, int n, const struct spk_sieve *sieve, struct spk_row_errors *errors,
				     struct spk_batch **out, spk_error *err)
{
	const struct fake_source *f = (const struct fake_source *)s;
	const struct event *event = f->partition[chunk->partition].event + chunk->start + from;
	struct spk_batch *b;

	(void)errors, (void)sieve;
	SPK_TRY(spk_batch_new(&b, f->spec.schema, NULL, err));
	b->rows = b->selected = n;
	for (int c = 0; c < b->columns; c++) {
		const char *name = f->spec.schema->field[c].name;

		if (spk_vector_init(&b->column[c], f->spec.schema->field[c].type, n, b->arena, err) != SPK_OK ||
		    spk_vector_need_valid(&b->column[c], n, b->arena, err) != SPK_OK) {
			spk_batch_unref(b);
			return SPK_NO_MEMORY;
		}
		for (int i = 0; i < n; i++) {
			put_event(&b->column[c], i, &event[i], name);
			if (event_is_null(&event[i], name))
				spk_bit_clear(b->column[c].valid, i);
		}
	}
	*out = b;
	return SPK_OK;
}

static const struct spk_source_type fake_source_type = { .name = "kafka", .replayable = true, .decode = fake_decode };

/* --- sinks: rows as lines "+a|b" and "-a|b" --- */

static inline void put_text(const struct spk_vector *v, int row, char *out, size_t size)
{
	struct spk_reader r = spk_vector_reader(v);
	uint32_t slot = spk_reader_slot(&r, row);
	const char *at = (const char *)r.data + (size_t)slot * (size_t)spk_type_width(v->type);
	char text[SPK_TEXT_MAX];

	if (!spk_reader_valid(&r, slot)) {
		snprintf(out, size, "NULL");
	} else if (spk_type_is_view(v->type)) {
		const struct spk_view *view = (const struct spk_view *)(const void *)at;

		snprintf(out, size, "%.*s", (int)view->length, spk_view_data(view));
	} else {
		snprintf(out, size, "%.*s", spk_text_from_value(v->type, at, NULL, text), text);
	}
}

/* One line; a row that is there several times has so many. */
static inline spk_status fake_encode_row(const struct spk_batch *batch, int32_t row, struct spk_sink_block *block, spk_error *err)
{
	SPK_TRY(spk_sink_block_reserve(block, 1, err));
	SPK_TRY(spk_buffer_append_str(&block->value, spk_batch_weight(batch, row) > 0 ? "+" : "-", err));
	for (int c = 0; c < batch->columns; c++) {
		char text[SPK_TEXT_MAX];

		put_text(&batch->column[c], row, text, sizeof text);
		SPK_TRY(spk_buffer_printf(&block->value, err, "%s%s", c ? "|" : "", text));
	}
	SPK_TRY(spk_buffer_append_str(&block->value, "\n", err));
	block->value_end[block->rows] = (uint32_t)block->value.size;
	block->key_end[block->rows++] = 0;
	return SPK_OK;
}

static inline spk_status fake_encode(struct spk_sink *s, const struct spk_batch *batch, struct spk_sink_block *block, struct spk_row_errors *errors, spk_error *err)
{
	(void)s;
	(void)errors;
	SPK_EACH_ROW(batch, i, row)
		for (int32_t left = abs(spk_batch_weight(batch, row)); left > 0; left--)
			SPK_TRY(fake_encode_row(batch, row, block, err));
	return SPK_OK;
}

static const struct spk_sink_type fake_sink_type = { .name = "fake", .upserts = true, .deltas = true, .encode = fake_encode };

/* --- lists of lines --- */

struct lines { int count, capacity; char **line; };

static inline void lines_add(struct lines *l, const char *text, size_t size)
{
	if (l->count == l->capacity) {
		l->capacity = l->capacity ? 2 * l->capacity : 64;
		l->line = realloc(l->line, sizeof *l->line * (size_t)l->capacity);
	}
	l->line[l->count] = malloc(size + 1);
	memcpy(l->line[l->count], text, size);
	l->line[l->count++][size] = '\0';
}

static inline void lines_release(struct lines *l)
{
	for (int i = 0; i < l->count; i++)
		free(l->line[i]);
	free(l->line);
	*l = (struct lines){ 0 };
}

static inline int lines_compare(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }
static inline void lines_sort(struct lines *l)
{
	if (l->count)
		qsort(l->line, (size_t)l->count, sizeof *l->line, lines_compare);
}

/* Takes one of these out; false: there is none. */
static inline bool lines_take(struct lines *l, const char *text)
{
	for (int i = 0; i < l->count; i++) {
		if (strcmp(l->line[i], text) != 0)
			continue;
		free(l->line[i]);
		l->line[i] = l->line[--l->count];
		return true;
	}
	return false;
}

static inline bool lines_same(const struct lines *a, const struct lines *b)
{
	bool same = a->count == b->count;

	for (int i = 0; same && i < a->count; i++)
		same = strcmp(a->line[i], b->line[i]) == 0;
	return same;
}

/* --- a plan being run --- */

struct stream {
	struct spk_arena *arena;
	struct spk_conf *conf;
	struct spk_catalog *catalog;
	struct spk_physical_plan *plan;
	struct fake_source source[SOURCES];
	struct spk_sink sink[4];
	int partitions[SOURCES];
	struct partition *partition[SOURCES];      /* by source of the plan; borrowed */
	int64_t watermark[SOURCES], mark[SOURCES][PARTITIONS];
	struct stack stack;
	struct spk_store *store;
	struct spk_exec *exec;
	int64_t epoch;
	/* Puts other bytes than those of make_chunks into a chunk; NULL: nobody. */
	void (*messages)(const struct stream *s, int source, struct spk_chunk *chunk);
};

static const char stream_tables[] =
	"CREATE TABLE held (id bigint, a bigint, v text, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'kafka', 'format' = 'debezium-json');\n"
	"CREATE TABLE spread (id bigint, a bigint, v bigint, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'kafka', 'format' = 'debezium-json');\n"
	"CREATE TABLE rows (id bigint, a bigint, v text) WITH ('connector' = 'deltas');\n"
	"CREATE TABLE t (a bigint, b bigint, v text, f double precision, ts timestamp, WATERMARK FOR ts AS ts - INTERVAL '4' SECOND) WITH ('connector' = 'kafka');\n"
	"CREATE TABLE u (a bigint, b bigint, v text, f double precision, ts timestamp, WATERMARK FOR ts AS ts - INTERVAL '4' SECOND) WITH ('connector' = 'kafka');\n"
	"CREATE TABLE deltas (x bigint, y bigint) WITH ('connector' = 'deltas');\n"
	"CREATE TABLE texts (x bigint, y text, z text) WITH ('connector' = 'deltas');\n"
	"CREATE TABLE doubles (x bigint, y double precision) WITH ('connector' = 'deltas');\n"
	"CREATE TABLE more (x bigint, y bigint) WITH ('connector' = 'deltas');\n"
	"CREATE TABLE windows (w timestamp, x bigint, n bigint, s bigint) WITH ('connector' = 'appends');\n"
	"CREATE TABLE changing (w timestamp, x bigint, n bigint, s bigint) WITH ('connector' = 'deltas');\n"
	"CREATE TABLE by_x (x bigint, y bigint, PRIMARY KEY (x) NOT ENFORCED) WITH ('connector' = 'upserts');\n"
	"CREATE TABLE by_y (x bigint, y bigint, PRIMARY KEY (y) NOT ENFORCED) WITH ('connector' = 'upserts');\n";

static inline spk_status stream_sink_takes(const struct spk_table *t, bool *upserts, bool *deltas, void *user, spk_error *err)
{
	(void)user;
	(void)err;
	*upserts = strcmp(t->connector, "upserts") == 0;
	*deltas = strcmp(t->connector, "deltas") == 0;
	return SPK_OK;
}

/* Binds and optimizes all queries of `sql` into root[0..4); returns how many. */
static inline int stream_roots(struct stream *s, const char *sql, struct spk_logical **root)
{
	struct spk_catalog_hooks hooks = { 0 };
	struct spk_script script;
	int roots = 0;
	spk_error err = { 0 };

	s->arena = spk_arena_new(NULL);
	s->conf = spk_conf_new();
	REQUIRE_OK(spk_catalog_new(&s->catalog, &hooks, &err), err);
	REQUIRE_OK(spk_sql_bind(stream_tables, s->catalog, s->conf, s->arena, &script, &err), err);
	REQUIRE_OK(spk_sql_bind(sql, s->catalog, s->conf, s->arena, &script, &err), err);
	for (int i = 0; i < script.count; i++)
		if (script.statement[i].plan)
			REQUIRE_OK(spk_optimize(s->arena, script.statement[i].plan, NULL, &root[roots++], &err), err);
	return roots;
}

static inline struct spk_logical *stream_bind(struct stream *s, const char *sql)
{
	struct spk_logical *root[4];

	stream_roots(s, sql, root);
	return root[0];
}

static inline void stream_plan(struct stream *s, const char *sql)
{
	struct spk_physical_options options = { .streaming = true, .sink_takes = stream_sink_takes };
	struct spk_logical *root[4];
	int roots = stream_roots(s, sql, root);
	spk_error err = { 0 };

	options.emit = (enum spk_emit)spk_conf_int(s->conf, SPK_CONF_EMIT);
	options.lateness_us = spk_conf_int(s->conf, SPK_CONF_EMIT_LATENESS);
	options.emit_interval_us = spk_conf_int(s->conf, SPK_CONF_EMIT_INTERVAL);
	REQUIRE_OK(spk_physical_plan_make(s->arena, root, roots, &options, &s->plan, &err), err);
}

/* Plans `sql` and gives its sources the partitions of t[] and u[]. */
static inline void stream_init(struct stream *s, const char *sql, struct partition *t, int t_count, struct partition *u, int u_count)
{
	*s = (struct stream){ 0 };
	stream_plan(s, sql);
	for (int i = 0; i < s->plan->sources; i++) {
		const struct spk_plan_source *from = &s->plan->source[i];
		bool is_t = strcmp(from->table->name, "t") == 0;

		s->partition[i] = is_t ? t : u;
		s->partitions[i] = is_t ? t_count : u_count;
		s->watermark[i] = SPK_WATERMARK_NONE;
		for (int p = 0; p < PARTITIONS; p++)
			s->mark[i][p] = SPK_WATERMARK_NONE;
		s->source[i] = (struct fake_source){ .spec = { .table = from->table, .column = from->column, .columns = from->columns, .schema = from->schema, .index = i }, .partition = s->partition[i] };
		s->source[i].base = (struct spk_source){ .type = &fake_source_type, .spec = &s->source[i].spec, .partitions = s->partitions[i] };
	}
	for (int i = 0; i < s->plan->sinks; i++)
		s->sink[i] = (struct spk_sink){ .type = &fake_sink_type };
}

/* Opens store, operators and threads; the store's folder may hold a snapshot. */
static inline void stream_open(struct stream *s, const char *dir, int readers, int batch_rows, int threads, bool verify)
{
	struct spk_store_options store = { .cache_bytes = 256 * 1024, .block_cache_bytes = 1 << 20 };
	struct spk_exec_options options = { .plan = s->plan, .readers = readers, .source_partitions = s->partitions, .batch_rows = batch_rows, .op_type = spk_stream_op_type };
	char *was;
	spk_error err = { 0 };

	REQUIRE_OK(spk_store_open(&s->store, dir, &store, &err), err);
	options.store = s->store;
	/* As asked for, or always under make check VERIFY=1. */
	was = getenv("SPARKLET_VERIFY");
	was = strdup(was ? was : "");
	if (verify)
		setenv("SPARKLET_VERIFY", "1", 1);
	REQUIRE_OK(spk_exec_new(&s->exec, &options, &err), err);
	setenv("SPARKLET_VERIFY", was, 1);
	free(was);
	stack_open(&s->stack, threads, 8, NULL);
}

static inline void stream_close(struct stream *s)
{
	spk_exec_free(s->exec);
	stack_close(&s->stack);
	spk_store_close(s->store);
	s->exec = NULL;
	s->store = NULL;
}

static inline spk_status stream_count_entry(void *user, int64_t bucket, const char *key, uint32_t key_size, const char *value, uint32_t value_size, spk_error *err)
{
	(void)bucket, (void)key, (void)key_size, (void)value, (void)value_size, (void)err;
	++*(int *)user;
	return SPK_OK;
}

/* Writes the state to RocksDB, for stream_entries, and closes the operators. */
static inline void stream_settle(struct stream *s)
{
	spk_error err = { 0 };

	REQUIRE_OK(spk_store_flush(s->store, &err), err);
	spk_exec_free(s->exec);
	s->exec = NULL;
}

/* Entries in the state tables of nodes of that kind (COUNT: of all), as they were written last; operators are closed. */
static inline int stream_entries(struct stream *s, enum spk_physical_kind kind)
{
	int entries = 0;
	spk_error err = { 0 };

	for (int i = 0; i < s->plan->nodes; i++) {
		struct spk_state_view *view;

		if (!s->plan->node[i]->state_table || (kind != SPK_PHYSICAL_COUNT && s->plan->node[i]->kind != kind))
			continue;
		REQUIRE_OK(spk_state_view_open(&view, s->store, s->plan->node[i]->state_table, 0, SPK_SHARDS, &err), err);
		REQUIRE_OK(spk_state_scan(view, stream_count_entry, &entries, &err), err);
		spk_state_view_close(view);
	}
	return entries;
}

static inline void stream_release(struct stream *s)
{
	spk_catalog_free(s->catalog);
	spk_conf_free(s->conf);
	spk_arena_unref(s->arena);
}

/* --- one epoch --- */

/* What an epoch read: by source and partition, events [from, to), in chunks of up to `chunk` rows; the flags at its end, and its time. */
struct cut { int64_t time_us; int from[SOURCES][PARTITIONS], to[SOURCES][PARTITIONS], chunk; bool idle[SOURCES][PARTITIONS], finished[SOURCES][PARTITIONS]; };

/* What came of it. Watermarks are by source, before and after. */
struct outcome { struct lines out[4], letter; int64_t late, bad, before[SOURCES], after[SOURCES]; };

static inline void outcome_release(struct outcome *o)
{
	for (int i = 0; i < 4; i++)
		lines_release(&o->out[i]);
	lines_release(&o->letter);
	*o = (struct outcome){ 0 };
}

static inline struct spk_chunk *make_chunks(struct spk_arena *arena, int partition, int from, int to, int size, int *count)
{
	struct spk_chunk *chunk = SPK_NEW_ARRAY(arena, struct spk_chunk, (to - from) / size + 1);

	*count = 0;
	for (int at = from; at < to; at += size) {
		int n = to - at < size ? to - at : size;

		chunk[*count] = (struct spk_chunk){ .arena = arena, .partition = partition, .start = at, .end = at + n, .rows = n };
		chunk[*count].raw = SPK_NEW_ARRAY(arena, struct spk_view, n);
		chunk[*count].position = SPK_NEW_ARRAY(arena, int64_t, n);
		for (int i = 0; i < n; i++) {
			const char *raw = spk_arena_printf(arena, "the bytes of row %d of partition %d", at + i, partition);

			chunk[*count].raw[i] = spk_view_str(raw);
			chunk[*count].position[i] = at + i;
		}
		++*count;
	}
	return chunk;
}

static inline void fill_run(struct stream *s, const struct cut *cut, struct spk_arena *arena, struct spk_run *run)
{
	*run = (struct spk_run){ .epoch = { s->epoch + 1 }, .time_us = cut->time_us, .streaming = true };
	run->source = SPK_NEW_ARRAY(arena, struct spk_run_source, s->plan->sources);
	run->sink = SPK_NEW_ARRAY(arena, struct spk_sink *, s->plan->sinks);
	for (int i = 0; i < s->plan->sinks; i++)
		run->sink[i] = &s->sink[i];
	for (int i = 0; i < s->plan->sources; i++) {
		struct spk_run_source *r = &run->source[i];

		*r = (struct spk_run_source){ .source = &s->source[i].base, .partitions = s->partitions[i], .watermark = s->watermark[i],
			.partition = SPK_NEW_ARRAY(arena, struct spk_run_partition, s->partitions[i]) };
		for (int p = 0; p < s->partitions[i]; p++) {
			r->partition[p] = (struct spk_run_partition){ .idle = cut->idle[i][p], .finished = cut->finished[i][p], .watermark = s->mark[i][p] };
			r->partition[p].chunk = make_chunks(arena, p, cut->from[i][p], cut->to[i][p], cut->chunk, &r->partition[p].chunks);
			for (int c = 0; s->messages && c < r->partition[p].chunks; c++)
				s->messages(s, i, &r->partition[p].chunk[c]);
		}
	}
}

/* "position reason"; a letter must have its row's own bytes, which outlive the epoch's chunks. */
static inline void add_letter(struct outcome *out, const struct spk_dead_letter *d)
{
	char *raw = spk_test_format("the bytes of row %lld of partition %d", (long long)d->position, (int)d->partition);
	char *line = spk_test_format("%lld %s", (long long)d->position, d->reason);

	CHECK(d->raw.length == strlen(raw) && memcmp(spk_view_data(&d->raw), raw, strlen(raw)) == 0);
	lines_add(&out->letter, line, strlen(line));
	free(line);
	free(raw);
}

static inline void take_output(struct stream *s, const struct spk_run *run, struct outcome *out)
{
	for (int stage = 0; stage < spk_exec_stages(s->exec); stage++)
		for (int t = 0; t < spk_exec_tasks(s->exec, stage); t++) {
			const struct spk_task_output *o = &run->output[stage][t];

			out->late += o->late;
			out->bad += o->bad;
			for (const struct spk_dead_letter *d = o->letters; d; d = d->next)
				add_letter(out, d);
			for (int i = 0; o->block && i < s->plan->sinks; i++)
				for (int row = 0; o->block[i] && row < o->block[i]->rows; row++) {
					uint32_t from = row ? o->block[i]->value_end[row - 1] : 0;

					lines_add(&out->out[i], o->block[i]->value.data + from, o->block[i]->value_end[row] - from - 1);
				}
		}
}

/* Runs one epoch, under a fault or NULL; on success watermarks move on. */
static inline spk_status stream_epoch(struct stream *s, const struct cut *cut, const char *fault, struct outcome *out, spk_error *err)
{
	struct spk_arena *arena = spk_arena_new(NULL);
	struct spk_run run;
	spk_status status;

	fill_run(s, cut, arena, &run);
	*out = (struct outcome){ 0 };
	spk_fault_set(fault, NULL);
	status = spk_exec_run(s->exec, &run, s->stack.dag, NULL, NULL, err);
	spk_fault_set(NULL, NULL);
	if (status == SPK_OK) {
		take_output(s, &run, out);
		s->epoch++;
		for (int i = 0; i < s->plan->sources; i++) {
			out->before[i] = s->watermark[i];
			s->watermark[i] = out->after[i] = spk_run_source_watermark_after(&run.source[i]);
			for (int p = 0; p < s->partitions[i]; p++)
				s->mark[i][p] = run.source[i].partition[p].watermark;
		}
	}
	spk_exec_clear(s->exec);
	spk_arena_unref(arena);
	return status;
}

#endif
