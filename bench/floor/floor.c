/*
 * The yardstick: what a Kafka job costs without an engine. Reads a topic of Nexmark bids from its beginning to its end as of now, and
 *
 *   floor --brokers H:P --topic IN --sink OUT    writes auction, bidder, price, dateTime and extra (Nexmark q0) to OUT, one transaction per epoch
 *   floor --brokers H:P --topic IN --decode-only [--columns auction,dateTime]    stops when a row is in a struct
 *   floor --brokers H:P --topic IN --consume-only    stops when a row is in our memory
 *   [--epoch-rows N]  rows per transaction (65536)   [--consume batch|callback]  how librdkafka hands messages over (batch)
 *
 * Prints one JSON object: events, wall_s, user_s, sys_s, cpu_s_per_million, rss_mb and what was run. Exit code 0, 1 or 2 (usage).
 * librdkafka is set up as the engine does it (connectors/kafka/properties.c, source.c): keep both in step.
 */
#include "bench/floor/floor.h"

#include <getopt.h>
#include <librdkafka/rdkafka.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
	PARTITIONS_MAX = 256,
	BATCH = 4096,                  /* messages per rd_kafka_consume_batch_queue */
	QUEUE_BYTES = 8 << 20,         /* over all partitions */
	QUEUE_ROWS = 65536,
	WAIT_MS = 10000,
	BLOCK = 1 << 20,
	OUT_ROW_MAX = 256,             /* an encoded row without `extra` */
	PRODUCE_SLICE = 1024,
};

enum stage { CONSUME, DECODE, WHOLE };

struct options {
	const char *brokers, *topic, *sink;
	enum stage stage;
	unsigned columns;
	int epoch_rows;
	bool by_callback;
};

struct encoded { char *data; size_t size, capacity; uint32_t *end; int rows; };

struct run {
	struct options o;
	rd_kafka_t *consumer, *producer;
	rd_kafka_topic_t *out;
	int partitions, finished, wake;
	rd_kafka_queue_t *queue[PARTITIONS_MAX];
	int64_t end[PARTITIONS_MAX];
	bool done[PARTITIONS_MAX];
	rd_kafka_message_t *batch[BATCH];
	struct floor_decoder *decoder;
	char *block;                   /* where payloads are copied to */
	size_t block_used;
	struct encoded epoch;
	int64_t events, taken;
	uint64_t check;                /* sum over what was decoded: nothing may be optimised away */
};

static _Noreturn void die(const char *what, const char *why)
{
	fprintf(stderr, "floor: %s: %s\n", what, why);
	exit(1);
}

static void *need(void *p)
{
	if (!p)
		die("memory", "out of it");
	return p;
}

/* ---- Clients --------------------------------------------------------------------------------------------------------- */

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char text[256];

	if (rd_kafka_conf_set(conf, name, value, text, sizeof(text)) != RD_KAFKA_CONF_OK)
		die(name, text);
}

static void set_number(rd_kafka_conf_t *conf, const char *name, long long value)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", value);
	set(conf, name, text);
}

static rd_kafka_t *make(rd_kafka_type_t type, rd_kafka_conf_t *conf, const struct options *o)
{
	char text[256];
	rd_kafka_t *rk;

	set(conf, "bootstrap.servers", o->brokers);
	set(conf, "socket.nagle.disable", "true");
	rk = rd_kafka_new(type, conf, text, sizeof(text));
	if (!rk)
		die("client", text);
	return rk;
}

static long long at_least(long long value, long long least)
{
	return value < least ? least : value;
}

static rd_kafka_t *make_consumer(const struct options *o, int partitions)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	long long bytes = at_least(QUEUE_BYTES / partitions, 256 * 1024), fetch = at_least(bytes / 2, 64 * 1024);

	fetch = fetch > 1 << 20 ? 1 << 20 : fetch;
	set(conf, "group.id", "sparklet.floor");
	set(conf, "isolation.level", "read_committed");
	set(conf, "enable.partition.eof", "true");
	set(conf, "check.crcs", "true");
	set(conf, "enable.auto.commit", "false");
	set(conf, "enable.auto.offset.store", "false");
	set(conf, "auto.offset.reset", "error");
	set_number(conf, "queued.max.messages.kbytes", bytes / 1024);
	set_number(conf, "queued.min.messages", at_least(QUEUE_ROWS / partitions, 1024));
	set_number(conf, "fetch.message.max.bytes", fetch);
	set_number(conf, "fetch.max.bytes", fetch * partitions > 4 << 20 ? 4 << 20 : fetch * partitions);
	set(conf, "fetch.min.bytes", "32768");
	set(conf, "fetch.wait.max.ms", "25");
	return make(RD_KAFKA_CONSUMER, conf, o);
}

static rd_kafka_t *make_producer(const struct options *o)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	set(conf, "transactional.id", "sparklet.floor");
	set(conf, "linger.ms", "50");
	set(conf, "batch.num.messages", "10000");
	set(conf, "batch.size", "1000000");
	set(conf, "queue.buffering.max.messages", "200000");
	set(conf, "queue.buffering.max.kbytes", "262144");
	set(conf, "delivery.report.only.error", "true");
	rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
	return make(RD_KAFKA_PRODUCER, conf, o);
}

static int count_partitions(rd_kafka_t *rk, const char *topic)
{
	rd_kafka_topic_t *handle = need(rd_kafka_topic_new(rk, topic, NULL));
	const struct rd_kafka_metadata *m;
	rd_kafka_resp_err_t code = rd_kafka_metadata(rk, 0, handle, &m, WAIT_MS);
	int n;

	if (!code && m->topic_cnt == 1)
		code = m->topics[0].err;
	if (code)
		die(topic, rd_kafka_err2str(code));
	n = m->topics[0].partition_cnt;
	rd_kafka_metadata_destroy(m);
	rd_kafka_topic_destroy(handle);
	return n;
}

static void check(rd_kafka_error_t *error, const char *doing)
{
	if (error)
		die(doing, rd_kafka_error_string(error));
}

static void open_source(struct run *r)
{
	rd_kafka_topic_partition_list_t *list;
	static const uint64_t one = 1;
	int64_t low;

	r->consumer = make_consumer(&r->o, 1);
	r->partitions = count_partitions(r->consumer, r->o.topic);
	if (r->partitions > PARTITIONS_MAX)
		die(r->o.topic, "has too many partitions");
	if (r->partitions > 1) {
		rd_kafka_destroy(r->consumer);
		r->consumer = make_consumer(&r->o, r->partitions);
	}
	r->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	list = rd_kafka_topic_partition_list_new(r->partitions);
	for (int i = 0; i < r->partitions; i++) {
		if (rd_kafka_query_watermark_offsets(r->consumer, r->o.topic, i, &low, &r->end[i], WAIT_MS))
			die(r->o.topic, "cannot ask for its end");
		rd_kafka_topic_partition_list_add(list, r->o.topic, i)->offset = low;
		r->queue[i] = need(rd_kafka_queue_get_partition(r->consumer, r->o.topic, i));
		rd_kafka_queue_forward(r->queue[i], NULL);
		rd_kafka_queue_io_event_enable(r->queue[i], r->wake, &one, sizeof(one));
		r->done[i] = r->end[i] <= low;
		r->finished += r->done[i];
	}
	if (rd_kafka_assign(r->consumer, list))
		die(r->o.topic, "cannot be assigned");
	rd_kafka_topic_partition_list_destroy(list);
}

static void open_sink(struct run *r)
{
	r->producer = make_producer(&r->o);
	check(rd_kafka_init_transactions(r->producer, WAIT_MS), "init_transactions");
	count_partitions(r->producer, r->o.sink);
	r->out = need(rd_kafka_topic_new(r->producer, r->o.sink, NULL));
}

/* ---- Writing --------------------------------------------------------------------------------------------------------- */

static char *put(char *p, const char *s, size_t n)
{
	memcpy(p, s, n);
	return p + n;
}
#define PUT(p, literal) put(p, literal, sizeof(literal) - 1)

static char *put_number(char *p, int64_t v)
{
	char digit[20];
	int n = 0;
	uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

	if (v < 0)
		*p++ = '-';
	do
		digit[n++] = (char)('0' + u % 10);
	while (u /= 10);
	while (n)
		*p++ = digit[--n];
	return p;
}

static char *put_padded(char *p, unsigned v, int n)
{
	for (int i = n - 1; i >= 0; i--, v /= 10)
		p[i] = (char)('0' + v % 10);
	return p + n;
}

/* The date of a day number: the inverse of days() in decode.cpp, from the same source. */
static char *put_time(char *p, int64_t us)
{
	static int64_t known_day = INT64_MIN;
	static char date[11];
	int64_t day = (us >= 0 ? us : us - 86399999999) / 86400000000, rest = us - day * 86400000000;
	unsigned second = (unsigned)(rest / 1000000), ms = (unsigned)(rest / 1000 % 1000);

	if (day != known_day) {
		int64_t z = day + 719468, era = (z >= 0 ? z : z - 146096) / 146097, of_era = z - era * 146097;
		int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
		int64_t of_year = of_era - (365 * year + year / 4 - year / 100), month = (5 * of_year + 2) / 153;
		char *q = put_padded(date, (unsigned)(year + era * 400 + (month >= 10)), 4);

		*q++ = '-';
		q = put_padded(q, (unsigned)(month < 10 ? month + 3 : month - 9), 2);
		*q++ = '-';
		put_padded(q, (unsigned)(of_year - (153 * month + 2) / 5 + 1), 2);
		known_day = day;
	}
	p = put(p, date, 10);
	*p++ = ' ';
	p = put_padded(p, second / 3600, 2);
	*p++ = ':';
	p = put_padded(p, second / 60 % 60, 2);
	*p++ = ':';
	p = put_padded(p, second % 60, 2);
	*p++ = '.';
	return put_padded(p, ms, 3);
}

static char *put_text(char *p, const char *s, size_t n)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == '"' || c == '\\')
			*p++ = '\\';
		if (c < 0x20) {
			p = PUT(p, "\\u00");
			*p++ = hex[c >> 4];
			*p++ = hex[c & 15];
		} else {
			*p++ = (char)c;
		}
	}
	return p;
}

static void encode(struct encoded *e, const struct floor_row *b)
{
	size_t most = OUT_ROW_MAX + 6 * b->extra_size;
	char *p;

	if (e->capacity - e->size < most) {
		e->capacity = e->capacity * 2 + most;
		e->data = need(realloc(e->data, e->capacity));
	}
	p = PUT(e->data + e->size, "{\"auction\":");
	p = put_number(p, b->auction);
	p = PUT(p, ",\"bidder\":");
	p = put_number(p, b->bidder);
	p = PUT(p, ",\"price\":");
	p = put_number(p, b->price);
	p = PUT(p, ",\"dateTime\":\"");
	p = put_time(p, b->date_time_us);
	p = PUT(p, "\",\"extra\":\"");
	p = put_text(p, b->extra, b->extra_size);
	p = PUT(p, "\"}");
	e->size = (size_t)(p - e->data);
	e->end[e->rows++] = (uint32_t)e->size;
}

/* The epoch in one transaction, without copying: it stays where it is until the commit is answered. */
static void write_epoch(struct run *r)
{
	static rd_kafka_message_t message[PRODUCE_SLICE];
	struct encoded *e = &r->epoch;

	check(rd_kafka_begin_transaction(r->producer), "begin_transaction");
	for (int at = 0; at < e->rows;) {
		int n = e->rows - at < PRODUCE_SLICE ? e->rows - at : PRODUCE_SLICE, taken;

		for (int i = 0; i < n; i++) {
			uint32_t from = at + i ? e->end[at + i - 1] : 0;

			message[i].payload = e->data + from;
			message[i].len = e->end[at + i] - from;
		}
		taken = rd_kafka_produce_batch(r->out, 0, 0, message, n);
		if (taken < n && message[taken].err != RD_KAFKA_RESP_ERR__QUEUE_FULL)
			die("produce", rd_kafka_err2str(message[taken].err));
		if (taken < n)
			rd_kafka_flush(r->producer, 100);
		at += taken;
	}
	check(rd_kafka_commit_transaction(r->producer, WAIT_MS * 6), "commit_transaction");
	e->rows = 0;
	e->size = 0;
}

/* ---- Reading --------------------------------------------------------------------------------------------------------- */

static void take_row(struct run *r, const rd_kafka_message_t *m)
{
	struct floor_row row = { 0 };
	char *copy;

	if (r->block_used + m->len + FLOOR_PADDING > BLOCK)
		r->block_used = 0;
	if (m->len + FLOOR_PADDING > BLOCK)
		die("row", "too long");
	copy = r->block + r->block_used;
	memcpy(copy, m->payload, m->len);
	r->block_used += m->len;
	r->events++;
	r->taken += (int64_t)m->len;
	if (r->o.stage == CONSUME)
		return;
	if (!floor_decode(r->decoder, copy, m->len, &row))
		die("row", "has not the columns that it should have");
	r->check += (uint64_t)row.auction + (uint64_t)row.bidder + (uint64_t)row.price + (uint64_t)row.id + (uint64_t)row.seller + (uint64_t)row.date_time_us + row.extra_size + row.name_size;
	if (r->o.stage != WHOLE)
		return;
	encode(&r->epoch, &row);
	if (r->epoch.rows == r->o.epoch_rows)
		write_epoch(r);
}

static void take_message(rd_kafka_message_t *m, void *user)
{
	struct run *r = user;
	int p = m->partition;

	if (m->err && m->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
		die("reading", rd_kafka_message_errstr(m));
	if (!m->err && m->offset < r->end[p])
		take_row(r, m);
	if (!r->done[p] && m->offset + !m->err >= r->end[p]) {
		r->done[p] = true;
		r->finished++;
	}
}

/* What is in a partition's queue; false when it was empty. */
static bool drain(struct run *r, int p)
{
	ssize_t n;

	if (r->o.by_callback)
		return rd_kafka_consume_callback_queue(r->queue[p], 0, take_message, r) > 0;
	n = rd_kafka_consume_batch_queue(r->queue[p], 0, r->batch, BATCH);
	for (ssize_t i = 0; i < n; i++) {
		take_message(r->batch[i], r);
		rd_kafka_message_destroy(r->batch[i]);
	}
	return n > 0;
}

/* A fetcher that found its queue full sleeps up to a second; this wakes it (see wake_fetcher in connectors/kafka/fetch.c). */
static void wake_fetchers(struct run *r)
{
	if (r->taken < QUEUE_BYTES / r->partitions / 4)
		return;
	r->taken = 0;
	rd_kafka_error_destroy(rd_kafka_sasl_set_credentials(r->consumer, "", ""));
}

static void loop(struct run *r)
{
	while (r->finished < r->partitions) {
		bool any = false;

		for (int p = 0; p < r->partitions; p++) {
			any |= drain(r, p);
			wake_fetchers(r);
		}
		if (!any) {
			struct pollfd fd = { .fd = r->wake, .events = POLLIN };
			uint64_t count;

			poll(&fd, 1, 1000);
			if (read(r->wake, &count, sizeof(count)) < 0)
				continue;
		}
	}
	if (r->epoch.rows)
		write_epoch(r);
}

/* ---- The program ----------------------------------------------------------------------------------------------------- */

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec * 1e-6;
}

static double clock_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void print_result(const struct run *r, double wall)
{
	static const char *const stages[] = { "consume-only", "decode-only", "q0" };
	struct rusage u;
	double user, sys;

	getrusage(RUSAGE_SELF, &u);
	user = seconds(u.ru_utime);
	sys = seconds(u.ru_stime);
	printf("{\"events\":%lld,\"wall_s\":%.3f,\"user_s\":%.3f,\"sys_s\":%.3f,\"cpu_s_per_million\":%.4f,\"rss_mb\":%.1f,"
	       "\"stage\":\"%s\",\"consume\":\"%s\",\"check\":%llu}\n",
	       (long long)r->events, wall, user, sys, r->events ? (user + sys) / (double)r->events * 1e6 : 0.0, (double)u.ru_maxrss / 1024,
	       stages[r->o.stage], r->o.by_callback ? "callback" : "batch", (unsigned long long)r->check);
}

static _Noreturn void usage(const char *why)
{
	fprintf(stderr, "floor: %s\n"
	                "usage: floor --brokers HOST:PORT --topic IN (--sink OUT | --decode-only [--columns a,b] | --consume-only)\n"
	                "             [--epoch-rows N] [--consume batch|callback]\n", why);
	exit(2);
}

static unsigned parse_columns(char *list)
{
#define FLOOR_MEMBER(id, name) name,
	static const char *const names[] = { FLOOR_COLUMN_LIST(FLOOR_MEMBER) };
	unsigned columns = 0;
	char *one;

	while ((one = strsep(&list, ",")) != NULL) {
		int i = 0;

		while (i < FLOOR_COLUMNS && strcmp(names[i], one) != 0)
			i++;
		if (i == FLOOR_COLUMNS)
			usage("--columns takes auction,bidder,price,dateTime,extra,id,seller,name");
		columns |= 1u << i;
	}
	return columns;
}

static void parse_options(struct options *o, int argc, char **argv)
{
	static const struct option list[] = {
		{ "brokers", required_argument, NULL, 'b' }, { "topic", required_argument, NULL, 't' }, { "sink", required_argument, NULL, 's' },
		{ "decode-only", no_argument, NULL, 'd' }, { "consume-only", no_argument, NULL, 'o' }, { "columns", required_argument, NULL, 'c' },
		{ "epoch-rows", required_argument, NULL, 'e' }, { "consume", required_argument, NULL, 'm' }, { 0 } };
	int c;

	*o = (struct options){ .stage = WHOLE, .columns = FLOOR_BID, .epoch_rows = 65536 };
	while ((c = getopt_long(argc, argv, "", list, NULL)) != -1) {
		switch (c) {
		case 'b': o->brokers = optarg; break;
		case 't': o->topic = optarg; break;
		case 's': o->sink = optarg; break;
		case 'd': o->stage = DECODE; break;
		case 'o': o->stage = CONSUME; break;
		case 'c': o->columns = parse_columns(optarg); break;
		case 'e': o->epoch_rows = (int)strtol(optarg, NULL, 10); break;
		case 'm': o->by_callback = strcmp(optarg, "callback") == 0; break;
		default: usage("unknown option");
		}
	}
	if (!o->brokers || !o->topic || (o->stage == WHOLE) != (o->sink != NULL) || o->epoch_rows < 1)
		usage("options are missing or do not go together");
	if (o->stage == WHOLE)
		o->columns = FLOOR_BID;
}

int main(int argc, char **argv)
{
	static struct run r;
	double begun;

	parse_options(&r.o, argc, argv);
	r.block = need(malloc(BLOCK));
	r.decoder = need(floor_decoder_new(r.o.columns));
	r.epoch.end = need(malloc((size_t)r.o.epoch_rows * sizeof(*r.epoch.end)));
	begun = clock_s();
	open_source(&r);
	if (r.o.stage == WHOLE)
		open_sink(&r);
	loop(&r);
	print_result(&r, clock_s() - begun);
	fflush(stdout);
	/* What was measured is over; ending the clients in order is not part of it. */
	_exit(0);
}
