/*
 * The metrics registry: counters, gauges and histograms by name and one label set ("stage=2,task=0").
 * Handles are found once and kept; updates are relaxed atomics. Threads: any.
 */
#ifndef SPK_CORE_BASE_METRICS_H
#define SPK_CORE_BASE_METRICS_H

#include <stdint.h>

#include "core/base/buffer.h"

enum spk_metric_kind { SPK_COUNTER, SPK_GAUGE, SPK_HISTOGRAM };

enum { SPK_HISTOGRAM_BUCKETS = 64, SPK_METRICS_MAX = 16384 };

struct spk_metric {
	enum spk_metric_kind kind;
	const char *name, *labels;
	_Atomic int64_t value;      /* counter, gauge; histogram: sum */
	_Atomic int64_t count;      /* histogram: observations */
	_Atomic int64_t bucket[];   /* histogram: bucket i counts values < 2^i (HDR-like by powers of two) */
};

/* Finds or makes a metric; `name` is "part_noun_unit" (e.g. source_rows_total), `labels` may be NULL, and its values hold no
 * ',' or '='. Never NULL: falls back to a shared dummy when memory is out or there are SPK_METRICS_MAX. One name has one kind
 * (asserted). The handle lives as long as the process. */
struct spk_metric *spk_metric(enum spk_metric_kind kind, const char *name, const char *labels);

static inline void spk_metric_add(struct spk_metric *m, int64_t n)
{
	__atomic_fetch_add((int64_t *)(void *)&m->value, n, __ATOMIC_RELAXED);
}
static inline void spk_metric_set(struct spk_metric *m, int64_t v)
{
	__atomic_store_n((int64_t *)(void *)&m->value, v, __ATOMIC_RELAXED);
}
static inline int64_t spk_metric_get(const struct spk_metric *m)
{
	return __atomic_load_n((const int64_t *)(const void *)&m->value, __ATOMIC_RELAXED);
}
void spk_metric_observe(struct spk_metric *m, int64_t value);
/* Upper bound (the largest value it may hold) of the bucket that holds quantile q (0..1); 0 without observations. */
int64_t spk_metric_quantile(const struct spk_metric *m, double q);
/* Calls `each` for all metrics, sorted by name and labels, until one fails. It may find and make others. */
spk_status spk_metrics_each(spk_status (*each)(const struct spk_metric *m, void *user), void *user, spk_error *err);
/* Appends all metrics as Prometheus text, sorted by name, each with "sparklet_" before its name. */
spk_status spk_metrics_prometheus(struct spk_buffer *out, spk_error *err);

#endif
