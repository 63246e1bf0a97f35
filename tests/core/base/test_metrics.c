#include "core/base/metrics.h"

#include <stdio.h>

#include "core/base/fault.h"
#include "tests/core/base/threads.h"

static void found_again(void)
{
	struct spk_metric *m = spk_metric(SPK_COUNTER, "rows_total", "stage=1");

	CHECK(m == spk_metric(SPK_COUNTER, "rows_total", "stage=1"));
	CHECK(m != spk_metric(SPK_COUNTER, "rows_total", "stage=2"));
	CHECK(spk_metric(SPK_GAUGE, "g", NULL) == spk_metric(SPK_GAUGE, "g", ""));
	CHECK_EQ_STR(m->name, "rows_total");
	CHECK_EQ_STR(m->labels, "stage=1");
}

static void counter_and_gauge(void)
{
	struct spk_metric *c = spk_metric(SPK_COUNTER, "c_total", NULL), *g = spk_metric(SPK_GAUGE, "lag", NULL);

	spk_metric_add(c, 5);
	spk_metric_add(c, 2);
	spk_metric_set(g, -3);
	CHECK_EQ_INT(spk_metric_get(c), 7);
	CHECK_EQ_INT(spk_metric_get(g), -3);
}

static void quantiles(void)
{
	struct spk_metric *m = spk_metric(SPK_HISTOGRAM, "latency_us", NULL);

	CHECK_EQ_INT(spk_metric_quantile(m, 0.5), 0);
	for (int i = 0; i < 90; i++)
		spk_metric_observe(m, 5);
	for (int i = 0; i < 9; i++)
		spk_metric_observe(m, 1000);
	spk_metric_observe(m, INT64_MAX);
	CHECK_EQ_INT(spk_metric_quantile(m, 0), 7);
	CHECK_EQ_INT(spk_metric_quantile(m, 0.5), 7);
	CHECK_EQ_INT(spk_metric_quantile(m, 0.95), 1023);
	CHECK_EQ_INT(spk_metric_quantile(m, 1), INT64_MAX);
	CHECK_EQ_INT(m->count, 100);
}

static void bucket_borders(void)
{
	static const struct { int64_t value, top; } cases[] = {
		{ INT64_MIN, 0 }, { -1, 0 }, { 0, 0 }, { 1, 1 }, { 2, 3 }, { 3, 3 }, { 4, 7 }, { 1LL << 62, INT64_MAX },
		{ (1LL << 62) - 1, (1LL << 62) - 1 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char labels[16];
		struct spk_metric *m;

		snprintf(labels, sizeof(labels), "case=%zu", i);
		m = spk_metric(SPK_HISTOGRAM, "borders", labels);
		spk_metric_observe(m, cases[i].value);
		CHECK_EQ_INT(spk_metric_quantile(m, 0.5), cases[i].top);
	}
}

static void prometheus_text(void)
{
	struct spk_buffer b = { 0 };
	struct spk_metric *h = spk_metric(SPK_HISTOGRAM, "zz_us", "op=join");
	spk_error err = { 0 };
	const char *text, *first, *second;

	spk_metric_add(spk_metric(SPK_COUNTER, "zy_total", "task=1,name=say \"hi\"\\"), 3);
	spk_metric_add(spk_metric(SPK_COUNTER, "zy_total", "task=0"), 4);
	spk_metric_set(spk_metric(SPK_GAUGE, "zx", "flag"), 1);
	spk_metric_observe(h, 1);
	spk_metric_observe(h, 3);
	REQUIRE_OK(spk_metrics_prometheus(&b, &err), err);
	text = spk_buffer_cstr(&b);
	REQUIRE(text != NULL);
	CHECK_HOLDS(text, "# TYPE sparklet_zx gauge\nsparklet_zx{flag=\"\"} 1\n");
	CHECK_HOLDS(text, "# TYPE sparklet_zy_total counter\nsparklet_zy_total{task=\"0\"} 4\n"
	                  "sparklet_zy_total{task=\"1\",name=\"say \\\"hi\\\"\\\\\"} 3\n");
	CHECK_HOLDS(text, "# TYPE sparklet_zz_us histogram\n"
	                  "sparklet_zz_us_bucket{op=\"join\",le=\"0\"} 0\n"
	                  "sparklet_zz_us_bucket{op=\"join\",le=\"1\"} 1\n"
	                  "sparklet_zz_us_bucket{op=\"join\",le=\"3\"} 2\n"
	                  "sparklet_zz_us_bucket{op=\"join\",le=\"+Inf\"} 2\n"
	                  "sparklet_zz_us_sum{op=\"join\"} 4\n"
	                  "sparklet_zz_us_count{op=\"join\"} 2\n");
	first = strstr(text, "# TYPE sparklet_zx ");
	second = strstr(text, "# TYPE sparklet_zz_us ");
	CHECK(first && second && first < second);
	spk_buffer_release(&b);
}

static void prometheus_without_memory(void)
{
	struct spk_buffer b = { 0 };
	spk_error err = { 0 };

	REQUIRE_OK(spk_fault_set("malloc:1+", &err), err);
	CHECK_FAILS(spk_metrics_prometheus(&b, &err), SPK_NO_MEMORY, err);
	spk_fault_set(NULL, NULL);
	spk_buffer_release(&b);
}

static void *count_much(void *index)
{
	for (int i = 0; i < 5000; i++) {
		struct spk_buffer b = { 0 };
		char labels[16];

		snprintf(labels, sizeof(labels), "i=%d", i % 10);
		spk_metric_add(spk_metric(SPK_COUNTER, "threads_total", labels), 1);
		spk_metric_observe(spk_metric(SPK_HISTOGRAM, "threads_us", NULL), i);
		if (i % 1000 == 0 && (intptr_t)index == 0)
			spk_metrics_prometheus(&b, NULL);
		spk_buffer_release(&b);
	}
	return NULL;
}

static void threads_lose_no_count(void)
{
	int64_t sum = 0;

	run_threads(count_much);
	for (int i = 0; i < 10; i++) {
		char labels[16];

		snprintf(labels, sizeof(labels), "i=%d", i);
		sum += spk_metric_get(spk_metric(SPK_COUNTER, "threads_total", labels));
	}
	CHECK_EQ_INT(sum, 5000 * THREADS);
	CHECK_EQ_INT(spk_metric(SPK_HISTOGRAM, "threads_us", NULL)->count, 5000 * THREADS);
}

/* Last: it uses up the registry. */
static void too_many_share_a_dummy(void)
{
	struct spk_metric *a, *b;
	char labels[16];

	for (int i = 0; i < SPK_METRICS_MAX; i++) {
		snprintf(labels, sizeof(labels), "n=%d", i);
		spk_metric_add(spk_metric(SPK_COUNTER, "many_total", labels), 1);
	}
	a = spk_metric(SPK_COUNTER, "one_too_many_total", NULL);
	b = spk_metric(SPK_HISTOGRAM, "two_too_many_us", NULL);
	CHECK(a == b);
	spk_metric_add(a, 1);
	spk_metric_observe(b, 1);
	CHECK(spk_metric(SPK_COUNTER, "rows_total", "stage=1") != a);
}

SPK_TEST_SUITE("metrics",
	{"found again", found_again},
	{"counter and gauge", counter_and_gauge},
	{"quantiles", quantiles},
	{"bucket borders", bucket_borders},
	{"Prometheus text", prometheus_text},
	{"Prometheus text without memory", prometheus_without_memory},
	{"threads lose no count", threads_lose_no_count},
	{"too many share a dummy", too_many_share_a_dummy})
