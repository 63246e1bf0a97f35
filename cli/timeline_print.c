/* A run as text: a line of sums, then a bar for each stage and task between the run's first and last moment. */
#include <string.h>
#include <time.h>

#include "cli/profile.h"
#include "cli/progress.h"
#include "cli/timeline.h"
#include "core/base/check.h"

enum { LABEL = 34, FIGURES = 36, BAR_LEAST = 20, TASKS_SHOWN = 16 };

/* --- bars --- */

struct axis { int64_t start_us, us; int width; };

static int column(const struct axis *a, int64_t at_us)
{
	int64_t since = SPK_MIN(SPK_MAX(at_us - a->start_us, 0), a->us);

	return (int)((double)since / (double)SPK_MAX(a->us, 1) * a->width);
}

/* At least a sign wide, so that nothing is overlooked. */
static spk_status put_bar(const struct axis *a, int64_t start_us, int64_t end_us, char sign, spk_error *err)
{
	int from = SPK_MIN(column(a, start_us), a->width - 1), to = SPK_MAX(column(a, end_us), from + 1);

	SPK_TRY(spk_cli_print(err, "  |%*s", from, ""));
	for (int i = from; i < to; i++)
		SPK_TRY(spk_cli_write(&sign, 1, err));
	return spk_cli_print(err, "%*s|\n", a->width - to, "");
}

/* What fits, by characters. */
static int cut(const char *text, int width, const char **dots)
{
	int at = 0, shown = 0;

	*dots = "";
	for (; text[at] && text[at] != '\n'; at++) {
		shown += ((unsigned char)text[at] & 0xc0) != 0x80;
		if (shown > width) {
			*dots = "..";
			at = SPK_MAX(at - 2, 0);
			while (at > 0 && ((unsigned char)text[at] & 0xc0) == 0x80)
				at--;
			break;
		}
	}
	return at;
}

/* The left of a line: what it is, how long it took, what it gave. */
static spk_status put_left(const char *label, int64_t us, int64_t rows, int64_t bytes, spk_error *err)
{
	char a[32], b[32], c[32];
	const char *dots;
	int size = cut(label, LABEL, &dots);

	SPK_TRY(spk_cli_print(err, "%.*s%s%*s", size, label, dots, SPK_MAX(LABEL - size - (int)strlen(dots), 0), ""));
	return spk_cli_print(err, "  %9s  %12s  %9s", spk_cli_time(us, a), spk_cli_grouped(rows, b), spk_cli_bytes(bytes, c));
}

/* --- tasks --- */

static spk_status put_task(const struct spk_timeline_task *t, const struct axis *a, int64_t run_end, spk_error *err)
{
	int64_t end = t->end_us ? t->end_us : run_end;
	char label[64];

	snprintf(label, sizeof label, t->attempt ? "  task %d, attempt %d" : "  task %d", t->task, t->attempt + 1);
	SPK_TRY(put_left(label, end - t->start_us, t->rows, t->bytes, err));
	SPK_TRY(put_bar(a, t->start_us, end, t->error ? 'x' : t->end_us ? '#' : '?', err));
	return t->error ? spk_cli_print(err, "    failed: %s\n", t->error) : SPK_OK;
}

/* All that failed or did not end, and of the others the longest. */
static bool is_shown(const struct spk_timeline_run *r, int index)
{
	const struct spk_timeline_task *t = &r->task[index];
	int longer = 0;

	if (t->error || !t->end_us)
		return true;
	for (int i = 0; i < r->tasks && longer < TASKS_SHOWN; i++) {
		const struct spk_timeline_task *o = &r->task[i];
		int64_t more = (o->end_us - o->start_us) - (t->end_us - t->start_us);

		longer += o->stage == t->stage && o->end_us && (more > 0 || (more == 0 && i < index));
	}
	return longer < TASKS_SHOWN;
}

static spk_status put_stage(const struct spk_timeline_run *r, int stage, const struct axis *a, int64_t run_end, spk_error *err)
{
	const struct spk_timeline_stage *s = &r->stage[stage];
	int64_t end = s->end_us ? s->end_us : run_end;
	char label[256], m[32], p[32];
	int left_out = 0;

	if (!s->start_us)
		return SPK_OK;
	snprintf(label, sizeof label, "stage %d  %s", stage, s->what ? s->what : "");
	SPK_TRY(put_left(label, end - s->start_us, s->rows, s->bytes, err));
	SPK_TRY(put_bar(a, s->start_us, end, s->end_us ? '=' : '?', err));
	if (s->memory || s->spilled)
		SPK_TRY(spk_cli_print(err, "    a task held %s at the most; %s spilled\n", spk_cli_bytes(s->memory, m), s->spilled ? spk_cli_bytes(s->spilled, p) : "nothing"));
	for (int i = 0; i < r->tasks; i++) {
		if (r->task[i].stage != stage)
			continue;
		if (is_shown(r, i))
			SPK_TRY(put_task(&r->task[i], a, run_end, err));
		else
			left_out++;
	}
	return left_out ? spk_cli_print(err, "    and %d shorter tasks\n", left_out) : SPK_OK;
}

/* --- the run --- */

static spk_status put_head(const struct spk_timeline_run *r, spk_error *err)
{
	char time[32], a[32], b[32], c[32], d[32], e[32];
	time_t seconds = (time_t)(r->start_us / 1000000);
	struct tm utc;

	gmtime_r(&seconds, &utc);
	strftime(time, sizeof time, "%Y-%m-%d %H:%M:%S", &utc);
	SPK_TRY(spk_cli_print(err, "%s\n%s.%03d UTC  ", r->title ? r->title : "?", time, (int)(r->start_us / 1000 % 1000)));
	if (!r->end_us)
		return spk_cli_print(err, "did not end: the program was killed, or it runs still\n");
	SPK_TRY(spk_cli_print(err, "%s, %s of CPU, ", spk_cli_time(r->us, a), spk_cli_time(r->cpu_us, b)));
	if (r->epoch)
		SPK_TRY(spk_cli_print(err, "%s rows in, %s out, %lld late, %lld bad\n", spk_cli_grouped(r->rows_in, c), spk_cli_grouped(r->rows, d), (long long)r->late, (long long)r->bad));
	else
		SPK_TRY(spk_cli_print(err, "%s rows, memory at most %s, %s spilled\n", spk_cli_grouped(r->rows, c), spk_cli_bytes(r->memory, d), r->spilled ? spk_cli_bytes(r->spilled, e) : "nothing"));
	return r->error ? spk_cli_print(err, "failed: %s\n", r->error) : SPK_OK;
}

static int64_t last_moment(const struct spk_timeline_run *r)
{
	int64_t last = SPK_MAX(r->end_us, r->start_us);

	for (int i = 0; i < r->stages; i++)
		last = SPK_MAX(last, SPK_MAX(r->stage[i].start_us, r->stage[i].end_us));
	for (int i = 0; i < r->tasks; i++)
		last = SPK_MAX(last, SPK_MAX(r->task[i].start_us, r->task[i].end_us));
	return last;
}

spk_status spk_timeline_print(const struct spk_timeline_run *r, int width, spk_error *err)
{
	struct axis a = { .start_us = r->start_us, .width = SPK_MAX(width - LABEL - FIGURES - 4, BAR_LEAST) };
	int64_t end = last_moment(r);
	char last[32];

	a.us = end - r->start_us;
	SPK_TRY(put_head(r, err));
	if (r->stages)
		SPK_TRY(spk_cli_print(err, "\n%*s  %9s  %12s  %9s  |0 ms%*s|\n", LABEL, "", "time", "rows", "bytes", a.width - 4, spk_cli_time(a.us, last)));
	for (int i = 0; i < r->stages; i++)
		SPK_TRY(put_stage(r, i, &a, end, err));
	return r->plan ? spk_cli_print(err, "\n%s", r->plan) : SPK_OK;
}

/* --- epochs --- */

static spk_status put_epoch(const struct spk_timeline_run *r, const struct axis *a, spk_error *err)
{
	char label[96], in[32], out[32], time[32];

	snprintf(label, sizeof label, "%s  %s in, %s out", r->title ? r->title : "?", spk_cli_grouped(r->rows_in, in), spk_cli_grouped(r->rows, out));
	if (r->late || r->bad)
		snprintf(label + strlen(label), sizeof label - strlen(label), ", %lld late, %lld bad", (long long)r->late, (long long)r->bad);
	SPK_TRY(spk_cli_print(err, "%-*s  %9s", LABEL + 12, label, r->end_us ? spk_cli_time(r->us, time) : "?"));
	SPK_TRY(put_bar(a, r->start_us, last_moment(r), r->error ? 'x' : r->end_us ? '#' : '?', err));
	return r->error ? spk_cli_print(err, "    failed: %s\n", r->error) : SPK_OK;
}

spk_status spk_timeline_print_epochs(const struct spk_timeline *t, int width, spk_error *err)
{
	struct axis a = { .start_us = t->run[0].start_us, .width = SPK_MAX(width - LABEL - 12 - 11 - 4, BAR_LEAST) };
	char first[32], last[32];
	time_t seconds = (time_t)(a.start_us / 1000000);
	struct tm utc;

	for (int i = 0; i < t->runs; i++)
		a.us = SPK_MAX(a.us, last_moment(&t->run[i]) - a.start_us);
	gmtime_r(&seconds, &utc);
	strftime(first, sizeof first, "%Y-%m-%d %H:%M:%S UTC", &utc);
	SPK_TRY(spk_cli_print(err, "%-*s  %9s  |0 ms%*s|\n", LABEL + 12, first, "time", a.width - 4, spk_cli_time(a.us, last)));
	for (int i = 0; i < t->runs; i++)
		SPK_TRY(put_epoch(&t->run[i], &a, err));
	return SPK_OK;
}
