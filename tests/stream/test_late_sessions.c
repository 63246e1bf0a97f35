/*
 * Sessions that change, for late rows behind their end or from their first row on, over random rows, cuts, watermarks, restarts and faults: after every epoch what came out and was
 * not taken back is what a plain computation over the rows that were not late gives. Nothing is left in the state when all is over.
 */
#include "tests/stream/life.h"
#include "tests/stream/session_model.h"

enum shape { GROUPED, ROWS, BY_END, SHAPES };

/* interval: changes of sessions that have not ended come so often; 0: in every epoch. */
struct query { enum shape shape; bool on_update, both; int64_t gap, lateness, interval; char *sql; };

static const char tables[] =
	"CREATE TABLE sessions (s timestamp, e timestamp, a bigint, n bigint, b bigint) WITH ('connector' = 'deltas');\n"
	"CREATE TABLE of_sessions (s timestamp, e timestamp, a bigint, b bigint, ts timestamp) WITH ('connector' = 'deltas');\n"
	"CREATE TABLE ends (e timestamp, n bigint, b bigint) WITH ('connector' = 'deltas');\n";

static struct query query_new(spk_test_rng *rng)
{
	static const int64_t gaps[] = { SECOND / 2, 2 * SECOND, 7 * SECOND }, latenesses[] = { 0, SECOND, 6 * SECOND, 40 * SECOND };
	static const char *const selects[SHAPES] = {
		"INSERT INTO sessions SELECT window_start, window_end, a, count(*), sum(b) FROM %s GROUP BY window_start, window_end, a",
		"INSERT INTO of_sessions SELECT window_start, window_end, a, b, ts FROM %s",
		"INSERT INTO ends SELECT window_end, count(*), sum(b) FROM %s GROUP BY window_end",
	};
	struct query q = { .shape = (enum shape)spk_test_below(rng, SHAPES), .on_update = spk_test_one_in(rng, 2), .both = spk_test_one_in(rng, 2) };
	char *from, *select;

	q.gap = gaps[spk_test_below(rng, SPK_COUNT_OF(gaps))];
	q.lateness = latenesses[spk_test_below(rng, SPK_COUNT_OF(latenesses))];
	if (!q.lateness)
		q.on_update = true;
	if (q.on_update && spk_test_one_in(rng, 2))
		q.interval = spk_test_one_in(rng, 3) ? 10000 * (int64_t)SECOND : 3 * SECOND;
	from = spk_test_format("session(%s PARTITION BY a, ts, interval '%lld microseconds')", q.both ? "(SELECT * FROM t UNION ALL SELECT * FROM u)" : "t", (long long)q.gap);
	select = spk_test_format(selects[q.shape], from);
	q.sql = spk_test_format("%sSET emit.allowed-lateness = '%lldms';\nSET emit.interval = '%lldms';\n%s%s", tables, (long long)(q.lateness / 1000), (long long)(q.interval / 1000), q.on_update ? "SET emit = 'on-update';\n" : "", select);
	free(from);
	free(select);
	return q;
}

/* --- what it must come to --- */

struct trial {
	const struct query *query;
	struct life life;
	struct seen live;                    /* rows of sessions that may change */
	struct closed_sessions forgotten;
	struct seen ended;                   /* their rows */
	struct lines out;                    /* what came and was not taken back */
	struct lines was[EPOCHS_MAX + 1];    /* with an interval: what there was at its beginning and since */
	int times;
	int64_t late, bad;
};

static bool is_late(const struct trial *l, const struct event *e, int64_t watermark)
{
	const int64_t gap = l->query->gap;

	if (e->ts + gap + l->query->lateness < watermark)
		return true;
	/* Those that are remembered are told by their bounds, as sessions that were closed are. */
	return session_late(&l->forgotten, e, gap, INT64_MIN);
}

static void put_session(const struct trial *l, const struct event *const *from, const struct event *const *to, struct lines *out)
{
	char a[24], b[24], start[SPK_TEXT_MAX], end[SPK_TEXT_MAX], ts[SPK_TEXT_MAX];
	const int s = spk_text_timestamp(from[0]->ts, start), e = spk_text_timestamp(to[-1]->ts + l->query->gap, end);
	int64_t sum = 0;
	bool any = false;

	number_text(from[0]->a_null, from[0]->a, a);
	for (const struct event *const *at = from; at < to; at++) {
		sum += (*at)->b_null ? 0 : (*at)->b;
		any = any || !(*at)->b_null;
		if (l->query->shape == ROWS)
			put_line(out, "%.*s|%.*s|%s|%s|%.*s", s, start, e, end, a, number_text((*at)->b_null, (*at)->b, b), spk_text_timestamp((*at)->ts, ts), ts);
	}
	number_text(!any, sum, b);
	if (l->query->shape == GROUPED)
		put_line(out, "%.*s|%.*s|%s|%d|%s", s, start, e, end, a, (int)(to - from), b);
	else if (l->query->shape == BY_END)
		put_line(out, "%.*s|%d|%s", e, end, (int)(to - from), b);
}

/* BY_END: lines of one end become one. */
static void add_up(struct lines *l)
{
	int left = 0;

	lines_sort(l);
	for (int i = 0, to; i < l->count; i = to) {
		const size_t end = strcspn(l->line[i], "|");
		long long rows = 0, sum = 0;
		bool any = false;
		char b[24], *line;

		for (to = i; to < l->count && strncmp(l->line[i], l->line[to], end + 1) == 0; to++) {
			char *rest = l->line[to] + end + 1;

			rows += strtoll(rest, &rest, 10);
			any = any || rest[1] != 'N';
			sum += rest[1] != 'N' ? strtoll(rest + 1, NULL, 10) : 0;
		}
		line = spk_test_format("%.*s|%lld|%s", (int)end, l->line[i], rows, number_text(!any, sum, b));
		for (int k = i; k < to; k++)
			free(l->line[k]);
		l->line[left++] = line;
	}
	l->count = left;
}

/* All sessions that are to be seen; those that nothing changes any more leave `live`. */
static struct lines see_sessions(struct trial *l, int64_t watermark)
{
	const int64_t gap = l->query->gap;
	struct seen *all[] = { &l->ended, &l->live }, left = { 0 };
	struct lines out = { 0 };

	for (int w = 0; w < 2; w++) {
		struct seen *s = all[w];
		const int count = s->count;

		if (count)
			qsort(s->event, (size_t)count, sizeof(*s->event), by_a_and_time);
		for (int i = 0, end; i < count; i = end) {
			const struct event *const *e = s->event;
			int64_t over;

			for (end = i + 1; end < count && by_a(&e[i], &e[end]) == 0 && e[end]->ts <= e[end - 1]->ts + gap;)
				end++;
			over = e[end - 1]->ts + gap;
			if (w == 0 || over < watermark || l->query->on_update)
				put_session(l, e + i, e + end, &out);
			if (w == 0)
				continue;
			/* Rows go to `ended`, which was looked at already. */
			if (watermark == SPK_WATERMARK_END || over + l->query->lateness < watermark)
				session_remember(&l->forgotten, e[i], e[end - 1]);
			for (int k = i; k < end; k++)
				seen_add(watermark == SPK_WATERMARK_END || over + l->query->lateness < watermark ? &l->ended : &left, e[k]);
		}
	}
	seen_release(&l->live);
	l->live = left;
	if (l->query->shape == BY_END)
		add_up(&out);
	lines_sort(&out);
	return out;
}

static void take_rows(struct trial *l, int64_t watermark)
{
	const struct cut *cut = &l->life.cut[l->life.stream.epoch - 1];

	for (int i = 0; i < l->life.stream.plan->sources; i++)
		for (int p = 0; p < l->life.stream.partitions[i]; p++)
			for (int k = cut->from[i][p]; k < cut->to[i][p]; k++) {
				const struct event *e = &l->life.stream.partition[i][p].event[k];

				if (e->ts_null)
					l->bad++;
				else if (is_late(l, e, watermark))
					l->late++;
				else
					seen_add(&l->live, e);
			}
}

/* What came, and what of it was taken back. */
static void apply(struct lines *table, const struct lines *out)
{
	for (int come = 1; come >= 0; come--)
		for (int i = 0; i < out->count; i++) {
			const char *row = out->line[i] + 1;

			if ((out->line[i][0] == '+') != come)
				continue;
			if (come)
				lines_add(table, row, strlen(row));
			else
				CHECK(lines_take(table, row));
		}
	lines_sort(table);
}

static int64_t least(const struct trial *l, const int64_t *of)
{
	return l->life.stream.plan->sources > 1 ? SPK_MIN(of[0], of[1]) : of[0];
}

/* --- with an interval --- */

/* Its n-th column, and how long it is. */
static const char *column_of(const char *line, int n, size_t *size)
{
	for (; n > 0; n--)
		line = strchr(line, '|') + 1;
	*size = strcspn(line, "|");
	return line;
}

/* The session has ended by then: times are in order as texts. */
static bool has_ended(const struct trial *l, const char *line, int64_t watermark)
{
	char text[SPK_TEXT_MAX];
	size_t size;
	const char *end = column_of(line, l->query->shape == BY_END ? 0 : 1, &size);
	int length, order;

	if (watermark == SPK_WATERMARK_NONE || watermark == SPK_WATERMARK_END)
		return watermark == SPK_WATERMARK_END;
	length = spk_text_timestamp(watermark, text);
	order = memcmp(end, text, SPK_MIN(size, (size_t)length));
	return order ? order < 0 : size <= (size_t)length;
}

/* The next line from *at on that is of that key, or NULL. */
static const char *next_of_key(const struct lines *l, int *at, const char *key, size_t size)
{
	while (*at < l->count) {
		const char *line = l->line[(*at)++];
		size_t own;
		const char *column = column_of(line, 2, &own);

		if (own == size && memcmp(column, key, size) == 0)
			return line;
	}
	return NULL;
}

static bool same_of_key(const struct lines *x, const struct lines *y, const char *key, size_t size)
{
	int i = 0, k = 0;

	for (;;) {
		const char *a = next_of_key(x, &i, key, size), *b = next_of_key(y, &k, key, size);

		if (!a || !b || strcmp(a, b) != 0)
			return !a && !b;
	}
}

/* What a key of that line shows is what it had at some time since the interval began. */
static bool was_so(const struct trial *l, const char *line)
{
	size_t size;
	const char *key = column_of(line, 2, &size);

	for (int i = 0; i < l->times; i++)
		if (same_of_key(&l->out, &l->was[i], key, size))
			return true;
	printf("      of %.*s this was at no time, as of %s\n", (int)size, key, line);
	return false;
}

/* Sessions that have ended are as they are; of each key the rest is what there was at one time since the interval began. `now` becomes the trial's. */
static bool check_held(struct trial *l, struct lines now, int64_t watermark)
{
	struct lines ended[2] = { { 0 } };
	const struct lines *both[] = { &l->out, &now };
	bool good;

	for (int i = 0; i < 2; i++)
		for (int k = 0; k < both[i]->count; k++)
			if (has_ended(l, both[i]->line[k], watermark))
				lines_add(&ended[i], both[i]->line[k], strlen(both[i]->line[k]));
	good = CHECK(lines_same(&ended[0], &ended[1]));
	for (int i = 0; i < 2; i++)
		lines_release(&ended[i]);
	if (life_begins_interval(&l->life, l->query->interval)) {
		for (int i = 0; i < l->times - 1; i++)
			lines_release(&l->was[i]);
		l->was[0] = l->was[l->times - 1];
		l->times = 1;
	}
	l->was[l->times++] = now;
	for (int i = 0; i < 2 && l->query->shape != BY_END; i++)
		for (int k = 0; k < both[i]->count && good; k++)
			good = CHECK(was_so(l, both[i]->line[k]));
	return good;
}

static bool check_epoch(struct life *life)
{
	struct trial *l = spk_container_of(life, struct trial, life);
	const struct outcome *o = &l->life.outcome[l->life.stream.epoch - 1];
	const int64_t late = l->late, bad = l->bad;
	struct lines want;
	bool same;

	take_rows(l, least(l, o->before));
	want = see_sessions(l, least(l, o->after));
	apply(&l->out, &o->out[0]);
	same = CHECK_EQ_INT(o->late, l->late - late) & CHECK_EQ_INT(o->bad, l->bad - bad);
	if (l->query->interval)
		return check_held(l, want, least(l, o->after)) && same;
	same = CHECK(lines_same(&l->out, &want)) && same;
	for (int i = 0, shown = 0; !same && i < SPK_MAX(l->out.count, want.count) && shown < 10; i++) {
		const char *got = i < l->out.count ? l->out.line[i] : "nothing", *wanted = i < want.count ? want.line[i] : "nothing";

		if (strcmp(got, wanted) != 0)
			printf("      line %d: got %s, want %s\n", ++shown, got, wanted);
	}
	lines_release(&want);
	return same;
}

/* --- trials --- */

static bool has_node(const struct spk_physical_plan *plan, enum spk_physical_kind kind)
{
	for (int i = 0; i < plan->nodes; i++)
		if (plan->node[i]->kind == kind)
			return true;
	return false;
}

static void live(const struct query *q, uint64_t stream, int events, int epochs)
{
	struct trial *l = calloc(1, sizeof *l);
	bool good;

	l->query = q;
	l->times = 1;                        /* nothing, in the beginning */
	life_init(&l->life, q->sql, stream, events);
	CHECK(has_node(l->life.stream.plan, SPK_PHYSICAL_SESSION) && l->life.stream.plan->sink[0].retracts);
	CHECK(!has_node(l->life.stream.plan, SPK_PHYSICAL_RECOMPUTE));
	good = life_run(&l->life, epochs, check_epoch);
	if (!good)
		printf("      epoch %d of %s\n", (int)l->life.stream.epoch, q->sql);
	stream_settle(&l->life.stream);
	if (good && !CHECK_EQ_INT(stream_entries(&l->life.stream, SPK_PHYSICAL_COUNT), 0))
		printf("      %s\n", q->sql);
	life_release(&l->life);
	seen_release(&l->live);
	seen_release(&l->ended);
	free(l->forgotten.at);
	lines_release(&l->out);
	for (int i = 0; i < l->times; i++)
		lines_release(&l->was[i]);
	free(l);
}

static void what_is_left_is_what_there_is(void)
{
	spk_test_rng rng = spk_test_rng_new(41);
	const int rounds = spk_test_long() ? 600 : 60;

	spk_log_set_levels("error", NULL);
	for (int i = 0; i < rounds; i++) {
		struct query q = query_new(&rng);

		live(&q, 70000 + (uint64_t)i, i % 3 ? 60 : 200, 8 + i % 3 * 8);
		free(q.sql);
	}
}

SPK_TEST_SUITE("sessions that change", { "what is left is what there is", what_is_left_is_what_there_is })
