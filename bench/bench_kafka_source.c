/*
 * The Kafka source beside the floor: reads a topic to its end through spk_kafka_source and prints what `floor --consume-only` prints, so
 * that the two can be compared run by run.
 *
 *   bench_kafka_source BROKER TOPIC [option value]...      options of the table, e.g. properties.queued.max.messages.kbytes 4096
 *
 * Without arguments it says so and does nothing.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "connectors/connector.h"
#include "core/base/clock.h"

enum { OPTIONS_MAX = 32, ROWS_MAX = 65536, BYTES_MAX = 16 << 20 };

struct reading { struct spk_source *source; int64_t *position, *end; int64_t rows; uint64_t hash; };

static int fail(const spk_error *err)
{
	fprintf(stderr, "bench_kafka_source: %s\n", err->message);
	return 1;
}

static void make_table(struct spk_table *t, struct spk_option *option, int argc, char **argv)
{
	static struct spk_field field = { .name = "line", .type = { .id = SPK_TYPE_TEXT }, .nullable = true };
	static struct spk_schema schema = { 1, &field };

	option[0] = (struct spk_option){ "properties.bootstrap.servers", argv[1], 0 };
	option[1] = (struct spk_option){ "topic", argv[2], 0 };
	option[2] = (struct spk_option){ "format", "raw", 0 };
	*t = (struct spk_table){ .name = "bench", .connector = "kafka", .schema = &schema, .option = option, .option_count = 3, .time_column = -1 };
	for (int i = 3; i + 1 < argc && t->option_count < OPTIONS_MAX; i += 2)
		option[t->option_count++] = (struct spk_option){ argv[i], argv[i + 1], 0 };
}

/* One turn over all partitions; *left: partitions not at their end. */
static spk_status turn(struct reading *r, int *left, bool *any, spk_error *err)
{
	const struct spk_source_type *type = r->source->type;

	*left = 0;
	*any = false;
	for (int p = 0; p < r->source->partitions; p++) {
		struct spk_chunk c = { 0 };

		if (r->position[p] >= r->end[p])
			continue;
		SPK_TRY(type->fetch(r->source, p, r->end[p], ROWS_MAX, BYTES_MAX, 0, &c, err));
		*any = *any || c.rows > 0;
		r->rows += c.rows;
		r->hash += c.hash;
		r->position[p] = c.end;
		*left += c.end < r->end[p];
		spk_chunk_release(&c);
	}
	return SPK_OK;
}

static spk_status read_all(struct reading *r, spk_error *err)
{
	int left = 1;
	bool any;

	for (int p = 0; p < r->source->partitions; p++)
		r->position[p] = SPK_POSITION_START;
	SPK_TRY(r->source->type->seek(r->source, r->position, r->position, err));
	SPK_TRY(r->source->type->ends(r->source, false, r->end, err));
	while (left > 0) {
		SPK_TRY(turn(r, &left, &any, err));
		if (!any && left > 0) {
			struct pollfd fd = { .fd = r->source->type->wake_fd(r->source), .events = POLLIN };

			poll(&fd, 1, 1000);
		}
	}
	return SPK_OK;
}

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec * 1e-6;
}

static void print_result(const struct reading *r, double wall)
{
	struct rusage u;
	double user, sys;

	getrusage(RUSAGE_SELF, &u);
	user = seconds(u.ru_utime);
	sys = seconds(u.ru_stime);
	printf("{\"events\":%lld,\"wall_s\":%.3f,\"user_s\":%.3f,\"sys_s\":%.3f,\"cpu_s_per_million\":%.4f,\"rss_mb\":%.1f,\"hash\":\"%016llx\"}\n",
	       (long long)r->rows, wall, user, sys, r->rows ? (user + sys) / (double)r->rows * 1e6 : 0.0, (double)u.ru_maxrss / 1024, (unsigned long long)r->hash);
}

int main(int argc, char **argv)
{
	int64_t begun = spk_clock_monotonic_us();
	struct spk_option option[OPTIONS_MAX];
	struct reading r = { 0 };
	struct spk_source_spec spec = { .columns = 1, .column = (int[]){ 0 }, .job = "bench" };
	struct spk_table table;
	spk_error err = { 0 };
	spk_status status;

	if (argc < 3) {
		puts("bench_kafka_source: nothing to do; it takes a broker and a topic");
		return 0;
	}
	make_table(&table, option, argc, argv);
	spec.table = &table;
	spec.conf = spk_conf_new();
	spec.schema = table.schema;
	if (spk_source_type("kafka")->open(&r.source, &spec, &err))
		return fail(&err);
	r.position = calloc((size_t)r.source->partitions, sizeof(*r.position));
	r.end = calloc((size_t)r.source->partitions, sizeof(*r.end));
	status = r.position && r.end ? read_all(&r, &err) : spk_fail(&err, SPK_NO_MEMORY, "out of memory");
	if (status == SPK_OK)
		print_result(&r, (double)(spk_clock_monotonic_us() - begun) * 1e-6);
	r.source->type->close(r.source);
	free(r.position);
	free(r.end);
	spk_conf_free((struct spk_conf *)(uintptr_t)spec.conf);
	return status ? fail(&err) : 0;
}
