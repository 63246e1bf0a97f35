/*
 * The registry: a hash table of metrics that are never removed, so a handle is a plain pointer. Finding takes a mutex and
 * is done once per handle; updating takes none.
 */
#include "core/base/metrics.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/check.h"

enum { TABLE_SIZE = 1024 };

#define PREFIX "sparklet_"

struct entry {
	struct entry *next;
	struct spk_metric metric;  /* last: its buckets follow */
};

static struct {
	pthread_mutex_t lock;
	struct entry *table[TABLE_SIZE];
	int count;
} registry = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Takes the updates of metrics that could not be made; it is a histogram, so that any handle may be it. */
static struct spk_metric dummy = {
	.kind = SPK_HISTOGRAM, .name = "lost_metrics", .labels = "", .bucket = { [SPK_HISTOGRAM_BUCKETS - 1] = 0 },
};

/* FNV-1a, see http://www.isthe.com/chongo/tech/comp/fnv/: names are short and are looked up once. */
static uint32_t hash(uint32_t h, const char *s)
{
	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	return h;
}

static struct entry *make(enum spk_metric_kind kind, const char *name, const char *labels)
{
	size_t buckets = kind == SPK_HISTOGRAM ? SPK_HISTOGRAM_BUCKETS : 0;
	size_t fixed = sizeof(struct entry) + buckets * sizeof(dummy.bucket[0]);
	size_t name_size = strlen(name) + 1, labels_size = strlen(labels) + 1;
	struct entry *e;
	char *text;

	if (registry.count >= SPK_METRICS_MAX)
		return NULL;
	e = calloc(1, fixed + name_size + labels_size);
	if (!e)
		return NULL;
	text = (char *)e + fixed;
	memcpy(text, name, name_size);
	memcpy(text + name_size, labels, labels_size);
	e->metric.kind = kind;
	e->metric.name = text;
	e->metric.labels = text + name_size;
	registry.count++;
	return e;
}

struct spk_metric *spk_metric(enum spk_metric_kind kind, const char *name, const char *labels)
{
	struct entry **slot, *e;

	labels = labels ? labels : "";
	slot = &registry.table[hash(hash(2166136261u, name) * 31, labels) % TABLE_SIZE];
	pthread_mutex_lock(&registry.lock);
	for (e = *slot; e; e = e->next) {
		if (strcmp(e->metric.name, name) == 0 && strcmp(e->metric.labels, labels) == 0)
			break;
	}
	if (!e) {
		e = make(kind, name, labels);
		if (e) {
			e->next = *slot;
			*slot = e;
		}
	}
	pthread_mutex_unlock(&registry.lock);
	SPK_ASSERT(!e || e->metric.kind == kind, "one metric name used with two kinds");
	return e ? &e->metric : &dummy;
}

/* The bucket of values in [2^(i-1), 2^i), the first for all below 1. */
static int bucket_of(int64_t value)
{
	return value < 1 ? 0 : 64 - __builtin_clzll((unsigned long long)value);
}

static int64_t bucket_top(int i)
{
	return i >= 63 ? INT64_MAX : ((int64_t)1 << i) - 1;
}

void spk_metric_observe(struct spk_metric *m, int64_t value)
{
	SPK_ASSERT(m->kind == SPK_HISTOGRAM, "only a histogram observes");
	atomic_fetch_add_explicit(&m->bucket[bucket_of(value)], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&m->value, value, memory_order_relaxed);
	atomic_fetch_add_explicit(&m->count, 1, memory_order_relaxed);
}

/* Reads all buckets, each once; returns their sum, so that what is computed from the copy agrees with itself. */
static int64_t read_buckets(const struct spk_metric *m, int64_t out[SPK_HISTOGRAM_BUCKETS])
{
	int64_t total = 0;

	for (int i = 0; i < SPK_HISTOGRAM_BUCKETS; i++) {
		out[i] = atomic_load_explicit(&m->bucket[i], memory_order_relaxed);
		total += out[i];
	}
	return total;
}

int64_t spk_metric_quantile(const struct spk_metric *m, double q)
{
	int64_t bucket[SPK_HISTOGRAM_BUCKETS], total, rank, seen = 0;
	int i = 0;

	SPK_ASSERT(m->kind == SPK_HISTOGRAM, "only a histogram has quantiles");
	total = read_buckets(m, bucket);
	if (total == 0)
		return 0;
	rank = (int64_t)(q * (double)total);
	rank = SPK_MAX(SPK_MIN(rank, total - 1), 0);
	while (seen + bucket[i] <= rank)
		seen += bucket[i++];
	return bucket_top(i);
}

static int by_name(const void *a, const void *b)
{
	const struct spk_metric *x = *(const struct spk_metric *const *)a, *y = *(const struct spk_metric *const *)b;
	int order = strcmp(x->name, y->name);

	return order ? order : strcmp(x->labels, y->labels);
}

/* All metrics sorted, to be freed. Adding may go on meanwhile: entries never move. */
static const struct spk_metric **list_sorted(size_t *count)
{
	const struct spk_metric **list;
	size_t n = 0;

	pthread_mutex_lock(&registry.lock);
	list = malloc(sizeof(*list) * ((size_t)registry.count + 1));
	for (int i = 0; list && i < TABLE_SIZE; i++) {
		for (const struct entry *e = registry.table[i]; e; e = e->next)
			list[n++] = &e->metric;
	}
	pthread_mutex_unlock(&registry.lock);
	if (list)
		qsort(list, n, sizeof(*list), by_name);
	*count = n;
	return list;
}

static spk_status put_label_value(struct spk_buffer *out, const char *value, size_t size, spk_error *err)
{
	for (size_t i = 0; i < size; i++) {
		char c = value[i];

		if (c == '\\' || c == '"')
			SPK_TRY(spk_buffer_append(out, "\\", 1, err));
		SPK_TRY(c == '\n' ? spk_buffer_append(out, "\\n", 2, err) : spk_buffer_append(out, &c, 1, err));
	}
	return SPK_OK;
}

/* "stage=2,task=0" and the bucket's bound (NULL: none) as {stage="2",task="0",le="7"}. */
static spk_status put_labels(struct spk_buffer *out, const char *labels, const char *le, spk_error *err)
{
	const char *separator = "{";

	for (const char *at = labels; *at;) {
		const char *end = strchrnul(at, ',');
		const char *equals = memchr(at, '=', (size_t)(end - at));
		int name_length = (int)((equals ? equals : end) - at);
		const char *value = equals ? equals + 1 : end;

		SPK_TRY(spk_buffer_printf(out, err, "%s%.*s=\"", separator, name_length, at));
		SPK_TRY(put_label_value(out, value, (size_t)(end - value), err));
		SPK_TRY(spk_buffer_append(out, "\"", 1, err));
		separator = ",";
		at = *end ? end + 1 : end;
	}
	if (le) {
		SPK_TRY(spk_buffer_printf(out, err, "%sle=\"%s\"", separator, le));
		separator = ",";
	}
	return *separator == ',' ? spk_buffer_append(out, "}", 1, err) : SPK_OK;
}

static spk_status put_sample(struct spk_buffer *out, const struct spk_metric *m, const char *suffix, const char *le,
                             int64_t value, spk_error *err)
{
	SPK_TRY(spk_buffer_printf(out, err, PREFIX "%s%s", m->name, suffix));
	SPK_TRY(put_labels(out, m->labels, le, err));
	return spk_buffer_printf(out, err, " %lld\n", (long long)value);
}

static spk_status put_histogram(struct spk_buffer *out, const struct spk_metric *m, spk_error *err)
{
	int64_t bucket[SPK_HISTOGRAM_BUCKETS], seen = 0;
	int64_t total = read_buckets(m, bucket);

	for (int i = 0; i < SPK_HISTOGRAM_BUCKETS && seen < total; i++) {
		char le[24];

		seen += bucket[i];
		snprintf(le, sizeof(le), "%lld", (long long)bucket_top(i));
		SPK_TRY(put_sample(out, m, "_bucket", le, seen, err));
	}
	SPK_TRY(put_sample(out, m, "_bucket", "+Inf", total, err));
	SPK_TRY(put_sample(out, m, "_sum", NULL, spk_metric_get(m), err));
	return put_sample(out, m, "_count", NULL, total, err);
}

static spk_status put_all(struct spk_buffer *out, const struct spk_metric **list, size_t count, spk_error *err)
{
	static const char *const kinds[] = { [SPK_COUNTER] = "counter", [SPK_GAUGE] = "gauge", [SPK_HISTOGRAM] = "histogram" };

	for (size_t i = 0; i < count; i++) {
		const struct spk_metric *m = list[i];

		if (i == 0 || strcmp(list[i - 1]->name, m->name) != 0)
			SPK_TRY(spk_buffer_printf(out, err, "# TYPE " PREFIX "%s %s\n", m->name, kinds[m->kind]));
		if (m->kind == SPK_HISTOGRAM)
			SPK_TRY(put_histogram(out, m, err));
		else
			SPK_TRY(put_sample(out, m, "", NULL, spk_metric_get(m), err));
	}
	return SPK_OK;
}

spk_status spk_metrics_each(spk_status (*each)(const struct spk_metric *m, void *user), void *user, spk_error *err)
{
	size_t count;
	const struct spk_metric **list = list_sorted(&count);
	spk_status status = SPK_OK;

	SPK_TRY_PTR(list, err);
	for (size_t i = 0; i < count && status == SPK_OK; i++)
		status = each(list[i], user);
	free(list);
	return status;
}

spk_status spk_metrics_prometheus(struct spk_buffer *out, spk_error *err)
{
	size_t count;
	const struct spk_metric **list = list_sorted(&count);
	spk_status status;

	SPK_TRY_PTR(list, err);
	status = put_all(out, list, count, err);
	free(list);
	return status;
}
