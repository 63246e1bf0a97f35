#include "cli/progress.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/base/check.h"
#include "core/base/clock.h"
#include "core/expr/text.h"

enum { DRAW_US = 100000, SAMPLE_US = 1000000, TELL_AGAIN_US = 30000000, LINE = 400 };

void spk_cli_progress_init(struct spk_cli_progress *p, const char *job, bool live)
{
	*p = (struct spk_cli_progress){ .job = job, .live = live, .first_epoch = -1, .last = { .phase = "connecting", .lag = -1, .watermark_us = INT64_MIN } };
}

/* --- numbers for people --- */

const char *spk_cli_grouped(int64_t v, char out[32])
{
	char digits[24];
	int n = snprintf(digits, sizeof digits, "%" PRId64, v), at = 0;

	for (int i = 0; i < n; i++) {
		out[at++] = digits[i];
		if (digits[i] != '-' && (n - i - 1) % 3 == 0 && i + 1 < n)
			out[at++] = ',';
	}
	out[at] = '\0';
	return out;
}

/* "850 ms", "12 s", "3 min", "5 h", "12 d", "3.4 y" */
static const char *duration(int64_t us, char out[32])
{
	double s = (double)us / 1e6;

	if (s < 1)
		snprintf(out, 32, "%.0f ms", s * 1000);
	else if (s < 120)
		snprintf(out, 32, s < 10 ? "%.1f s" : "%.0f s", s);
	else if (s < 7200)
		snprintf(out, 32, "%.0f min", s / 60);
	else if (s < 172800)
		snprintf(out, 32, "%.0f h", s / 3600);
	else if (s < 63072000)
		snprintf(out, 32, "%.0f d", s / 86400);
	else
		snprintf(out, 32, "%.1f y", s / 31536000);
	return out;
}

/* --- the live line --- */

struct line { char text[LINE]; size_t size; };

static void put(struct line *l, const char *format, ...) SPK_PRINTF(2, 3);

static void put(struct line *l, const char *format, ...)
{
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(l->text + l->size, sizeof l->text - l->size, format, arguments);
	va_end(arguments);
	l->size = SPK_MIN(l->size + (size_t)SPK_MAX(n, 0), sizeof l->text - 1);
}

static void put_watermark(struct line *l, const struct spk_job_progress *now)
{
	char text[SPK_TEXT_MAX], behind[32];

	if (now->watermark_us == INT64_MIN)
		return;
	if (now->watermark_us == INT64_MAX) {
		put(l, "  watermark: end");
		return;
	}
	put(l, "  watermark %.*s", spk_text_timestamp(now->watermark_us - now->watermark_us % 1000000, text), text);
	if (spk_clock_wall_us() > now->watermark_us)
		put(l, " (%s behind)", duration(spk_clock_wall_us() - now->watermark_us, behind));
}

/* Cut to the terminal's width, else it would not be one line. */
static void fit(struct line *l)
{
	struct winsize size = { 0 };
	size_t width = 80;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		width = size.ws_col;
	if (l->size < width)
		return;
	l->size = width - 1;
	while (l->size && ((unsigned char)l->text[l->size] & 0xc0) == 0x80)
		l->size--;
	l->text[l->size] = '\0';
}

static void draw(struct spk_cli_progress *p, const struct spk_job_progress *now)
{
	struct line l = { .size = 0 };
	char a[32], b[32], c[32];

	put(&l, "%s: ", p->job);
	if (*p->trouble)
		put(&l, "%s", p->trouble);
	else if (strcmp(now->phase, "running") != 0)
		put(&l, "%s  ", now->phase);
	if (!*p->trouble) {
		put(&l, "epoch %s  %s rows/s  %s in", spk_cli_grouped(now->epoch, a), spk_cli_grouped((int64_t)p->rate, b), spk_cli_grouped(now->rows_in, c));
		put(&l, "  %s out", spk_cli_grouped(now->rows_out, a));
		if (now->lag >= 0)
			put(&l, "  lag %s", spk_cli_grouped(now->lag, a));
		if (now->late || now->bad)
			put(&l, "  %s late  %s bad", spk_cli_grouped(now->late, a), spk_cli_grouped(now->bad, b));
		put_watermark(&l, now);
	}
	fit(&l);
	spk_cli_live(l.text);
}

/* Over the last second; until there is one, since the job began to run. */
static void sample(struct spk_cli_progress *p, const struct spk_job_progress *now)
{
	int64_t us = now->elapsed_us - p->sample_us;
	bool full = us >= SAMPLE_US;

	if (p->sample_us == 0) {
		if (p->first_epoch >= 0)
			p->sample_us = now->elapsed_us;
		return;
	}
	if (us > 0 && (full || !p->sampled))
		p->rate = (double)(now->rows_in - p->sample_rows) * 1e6 / (double)us;
	if (!full)
		return;
	p->sampled = true;
	p->sample_us = now->elapsed_us;
	p->sample_rows = now->rows_in;
}

/* --- lines for logs --- */

static void tell_trouble(struct spk_cli_progress *p, const char *phase, const char *trouble)
{
	int64_t now = spk_clock_monotonic_us();
	char text[32];

	if (!trouble) {
		if (p->trouble_since_us && strcmp(phase, "running") == 0)
			spk_cli_note("job %s: goes on, after %s", p->job, duration(now - p->trouble_since_us, text));
		p->trouble_since_us = 0;
		*p->trouble = '\0';
		return;
	}
	if (strncmp(p->trouble, trouble, sizeof p->trouble - 1) != 0 && (!p->trouble_since_us || p->live || now - p->told_us >= TELL_AGAIN_US)) {
		if (!p->live || !p->trouble_since_us)
			spk_cli_note("job %s: %s", p->job, trouble);
		p->told_us = now;
	}
	snprintf(p->trouble, sizeof p->trouble, "%s", trouble);
	if (!p->trouble_since_us)
		p->trouble_since_us = now;
}

static void tell_start(struct spk_cli_progress *p, const struct spk_job_progress *now)
{
	if (p->first_epoch >= 0 || strcmp(now->phase, "running") != 0)
		return;
	p->first_epoch = now->epoch;
	if (now->epoch > 0)
		spk_cli_note("job %s: goes on after epoch %" PRId64, p->job, now->epoch);
}

void spk_cli_progress_update(void *user, const struct spk_job_progress *now)
{
	struct spk_cli_progress *p = user;
	int64_t clock = spk_clock_monotonic_us();
	bool changed = now->phase != p->last.phase || (now->trouble != NULL) != (*p->trouble != '\0');

	tell_start(p, now);
	tell_trouble(p, now->phase, now->trouble);
	p->last = *now;
	p->last.trouble = NULL;  /* not ours to keep */
	sample(p, now);
	if (!p->live || (!changed && clock - p->drawn_us < DRAW_US))
		return;
	p->drawn_us = clock;
	draw(p, now);
}

void spk_cli_progress_end(struct spk_cli_progress *p, const char *word)
{
	const struct spk_job_progress *l = &p->last;
	int64_t epochs = l->epoch - SPK_MAX(p->first_epoch, 0);
	char time[32];

	spk_cli_live(NULL);
	snprintf(time, sizeof time, l->elapsed_us < 100000 ? "%.0f ms" : "%.1f s", (double)l->elapsed_us / (l->elapsed_us < 100000 ? 1e3 : 1e6));
	if (word)
		spk_cli_note("job %s: %s, %" PRId64 " rows in, %" PRId64 " out, %" PRId64 " late, %" PRId64 " bad, %" PRId64 " epoch%s in %s", p->job, word, l->rows_in,
			     l->rows_out, l->late, l->bad, epochs, epochs == 1 ? "" : "s", time);
}
