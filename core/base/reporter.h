/*
 * Reporters: the metrics registry written out from time to time, as metrics.reporter, metrics.interval and metrics.file say.
 *
 *   console     a line of what changed since the last one, to the log (target "metrics"), whatever log.level is
 *   file        a JSON object a line, appended to metrics.file: {"ts":<us>,"rows_in_total":1234,"epoch_duration_us":{"count":..,"sum":..,"p50":..,"p99":..},...}
 *   prometheus  metrics.file replaced by Prometheus text: for node_exporter's textfile collector
 *
 * There is no thread behind it: whoever works or waits calls spk_reporter_tick often. A report that fails is logged, once, and hurts nothing
 * else. One thread at a time.
 */
#ifndef SPK_CORE_BASE_REPORTER_H
#define SPK_CORE_BASE_REPORTER_H

#include "core/base/conf.h"

struct spk_reporter;

/* *out is NULL when the configuration asks for none. USAGE when its file is not named or cannot be written. */
spk_status spk_reporter_open(struct spk_reporter **out, const struct spk_conf *conf, spk_error *err);
/* Is it what the configuration asks for (NULL: nothing)? */
bool spk_reporter_fits(const struct spk_reporter *r, const struct spk_conf *conf);
/* Writes when the interval is over. NULL is fine. */
void spk_reporter_tick(struct spk_reporter *r);
/* Writes a last time. NULL is fine. */
void spk_reporter_close(struct spk_reporter *r);

#endif
