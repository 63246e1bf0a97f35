#include "core/base/reporter.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/check.h"
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/base/memory.h"
#include "core/base/metrics.h"

enum kind { NONE, CONSOLE, FILE_LINES, PROMETHEUS };   /* in the order of metrics.reporter's values */
enum { LINE_MAX_BYTES = 900, BEFORE_MAX = 512 };

struct spk_reporter {
	enum kind kind;
	char *path;
	int fd;                       /* FILE_LINES */
	int64_t interval_us, next_us, last_us;
	bool failed;                  /* and said so */
	struct spk_buffer text;
	spk_error *err;               /* while a report is made */
	/* CONSOLE: what was there the last time, by the order of first sight. */
	struct { const struct spk_metric *metric; int64_t value; } before[BEFORE_MAX];
	int count;
};

/* --- opening --- */

static spk_status open_file(struct spk_reporter *r, spk_error *err)
{
	r->fd = open(r->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (r->fd >= 0)
		return SPK_OK;
	spk_fail_errno(err, errno, "metrics.file '%s'", r->path);
	if (err)
		err->code = SPK_USAGE;
	return SPK_USAGE;
}

static spk_status configure(struct spk_reporter *r, const struct spk_conf *conf, spk_error *err)
{
	r->kind = (enum kind)spk_conf_int(conf, SPK_CONF_METRICS_REPORTER);
	r->interval_us = spk_conf_int(conf, SPK_CONF_METRICS_INTERVAL);
	r->path = strdup(spk_conf_text(conf, SPK_CONF_METRICS_FILE));
	r->last_us = spk_clock_monotonic_us();
	r->next_us = r->last_us + r->interval_us;
	SPK_TRY_PTR(r->path, err);
	if (r->kind != CONSOLE && !*r->path) {
		spk_fail(err, SPK_USAGE, "metrics.reporter is set, but not metrics.file");
		return spk_hint(err, "metrics.file names the file that is written, for example metrics.file = '/var/lib/node_exporter/sparklet.prom'");
	}
	return r->kind == FILE_LINES ? open_file(r, err) : SPK_OK;
}

static void release(struct spk_reporter *r)
{
	if (r->fd >= 0)
		close(r->fd);
	spk_buffer_release(&r->text);
	free(r->path);
	free(r);
}

spk_status spk_reporter_open(struct spk_reporter **out, const struct spk_conf *conf, spk_error *err)
{
	struct spk_reporter *r;
	spk_status status;

	*out = NULL;
	if (spk_conf_int(conf, SPK_CONF_METRICS_REPORTER) == NONE)
		return SPK_OK;
	r = calloc(1, sizeof *r);
	SPK_TRY_PTR(r, err);
	r->fd = -1;
	status = configure(r, conf, err);
	if (status != SPK_OK) {
		release(r);
		return status;
	}
	*out = r;
	return SPK_OK;
}

bool spk_reporter_fits(const struct spk_reporter *r, const struct spk_conf *conf)
{
	enum kind kind = (enum kind)spk_conf_int(conf, SPK_CONF_METRICS_REPORTER);

	if (!r)
		return kind == NONE;
	return r->kind == kind && r->interval_us == spk_conf_int(conf, SPK_CONF_METRICS_INTERVAL) && strcmp(r->path, spk_conf_text(conf, SPK_CONF_METRICS_FILE)) == 0;
}

/* --- console --- */

static int64_t *value_before(struct spk_reporter *r, const struct spk_metric *m)
{
	for (int i = 0; i < r->count; i++)
		if (r->before[i].metric == m)
			return &r->before[i].value;
	if (r->count == BEFORE_MAX)
		return NULL;
	r->before[r->count].metric = m;
	r->before[r->count].value = 0;
	return &r->before[r->count++].value;
}

/* "rows_in_total 1234 (+500, 100/s)"; a gauge without the rate. What has not changed is left out. */
static spk_status put_change(struct spk_reporter *r, const struct spk_metric *m)
{
	int64_t now = m->kind == SPK_HISTOGRAM ? m->count : spk_metric_get(m), *before = value_before(r, m), change;
	double seconds = (double)(spk_clock_monotonic_us() - r->last_us) / 1e6;
	const char *labels = *m->labels ? m->labels : NULL;

	if (!before || now == *before || r->text.size > LINE_MAX_BYTES)
		return SPK_OK;
	change = now - *before;
	*before = now;
	SPK_TRY(spk_buffer_printf(&r->text, r->err, "%s%s%s%s%s %" PRId64, r->text.size ? ", " : "", m->name, labels ? "{" : "", labels ? labels : "", labels ? "}" : "", now));
	if (m->kind == SPK_GAUGE || seconds <= 0)
		return SPK_OK;
	return spk_buffer_printf(&r->text, r->err, " (%.0f/s)", (double)change / seconds);
}

static spk_status each_change(const struct spk_metric *m, void *user) { return put_change(user, m); }

static spk_status to_console(struct spk_reporter *r)
{
	SPK_TRY(spk_metrics_each(each_change, r, r->err));
	if (!r->text.size)
		return SPK_OK;
	SPK_TRY_PTR(spk_buffer_cstr(&r->text), r->err);
	spk_log_write(SPK_LOG_INFO, "metrics", "%s", r->text.data);
	return SPK_OK;
}

/* --- file --- */

static spk_status put_json(const struct spk_metric *m, void *user)
{
	struct spk_reporter *r = user;
	const char *labels = *m->labels ? m->labels : NULL;
	struct spk_buffer name = { 0 };
	spk_status status = spk_buffer_printf(&name, r->err, "%s%s%s%s", m->name, labels ? "{" : "", labels ? labels : "", labels ? "}" : "");

	if (status == SPK_OK)
		status = spk_buffer_append(&r->text, ",", 1, r->err);
	if (status == SPK_OK)
		status = spk_buffer_append_json(&r->text, name.data, name.size, r->err);
	spk_buffer_release(&name);
	SPK_TRY(status);
	if (m->kind != SPK_HISTOGRAM)
		return spk_buffer_printf(&r->text, r->err, ":%" PRId64, spk_metric_get(m));
	return spk_buffer_printf(&r->text, r->err, ":{\"count\":%" PRId64 ",\"sum\":%" PRId64 ",\"p50\":%" PRId64 ",\"p99\":%" PRId64 "}", m->count, spk_metric_get(m),
				 spk_metric_quantile(m, 0.5), spk_metric_quantile(m, 0.99));
}

static spk_status to_file(struct spk_reporter *r)
{
	SPK_TRY(spk_buffer_printf(&r->text, r->err, "{\"ts\":%" PRId64, spk_clock_wall_us()));
	SPK_TRY(spk_metrics_each(put_json, r, r->err));
	SPK_TRY(spk_buffer_append_str(&r->text, "}\n", r->err));
	if (write(r->fd, r->text.data, r->text.size) != (ssize_t)r->text.size)
		return spk_fail_errno(r->err, errno, "%s", r->path);
	return SPK_OK;
}

/* --- prometheus --- */

static spk_status to_prometheus(struct spk_reporter *r)
{
	SPK_TRY(spk_metrics_prometheus(&r->text, r->err));
	return spk_file_write_atomic(r->path, r->text.data ? r->text.data : "", r->text.size, r->err);
}

/* --- reports --- */

static spk_status forget_account(const struct spk_metric *m, void *user)
{
	(void)user;
	if (strcmp(m->name, "memory_account_bytes") == 0)
		spk_metric_set(spk_metric(m->kind, m->name, m->labels), 0);
	return SPK_OK;
}

static void measure_account(const char *name, size_t bytes, void *user)
{
	char labels[80];

	(void)user;
	snprintf(labels, sizeof labels, "account=%s", name);
	spk_metric_set(spk_metric(SPK_GAUGE, "memory_account_bytes", labels), (int64_t)bytes);
}

/* What is asked for is not counted as it happens, but looked at when it is reported. */
static void measure(void)
{
	spk_metric_set(spk_metric(SPK_GAUGE, "memory_used_bytes", NULL), (int64_t)spk_memory_used());
	spk_metric_set(spk_metric(SPK_GAUGE, "memory_peak_bytes", NULL), (int64_t)spk_memory_peak());
	spk_metric_set(spk_metric(SPK_GAUGE, "memory_limit_bytes", NULL), (int64_t)spk_memory_limit());
	spk_metric_set(spk_metric(SPK_COUNTER, "process_cpu_us_total", NULL), spk_clock_process_cpu_us());
	spk_metrics_each(forget_account, NULL, NULL);  /* those that hold nothing any more are not among them */
	spk_memory_each(measure_account, NULL);
}

static void report(struct spk_reporter *r)
{
	spk_error err = { 0 };
	spk_status status;

	measure();
	spk_buffer_clear(&r->text);
	r->err = &err;
	status = r->kind == CONSOLE ? to_console(r) : r->kind == FILE_LINES ? to_file(r) : to_prometheus(r);
	r->err = NULL;
	if (status != SPK_OK && !r->failed)
		SPK_LOG(WARN, "metrics", "metrics are not reported: %s", err.message);
	r->failed = status != SPK_OK;
	r->last_us = spk_clock_monotonic_us();
	r->next_us = r->last_us + r->interval_us;
}

void spk_reporter_tick(struct spk_reporter *r)
{
	if (r && spk_clock_monotonic_us() >= r->next_us)
		report(r);
}

void spk_reporter_close(struct spk_reporter *r)
{
	if (!r)
		return;
	report(r);
	release(r);
}
