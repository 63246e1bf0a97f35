#include "cli/profile.h"

#include <inttypes.h>

#include "cli/progress.h"
#include "core/base/check.h"

const char *spk_cli_bytes(int64_t bytes, char out[32])
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
	double value = (double)bytes / 1024;
	size_t unit = 0;

	if (bytes < 1024) {
		snprintf(out, 32, "%" PRId64 " B", bytes);
		return out;
	}
	for (; value >= 1024 && unit + 1 < SPK_COUNT_OF(units); unit++)
		value /= 1024;
	snprintf(out, 32, value < 10 ? "%.1f %s" : "%.0f %s", value, units[unit]);
	return out;
}

const char *spk_cli_time(int64_t us, char out[32])
{
	if (us < 9950)
		snprintf(out, 32, "%.1f ms", (double)us / 1000);
	else if (us < 999500)
		snprintf(out, 32, "%.0f ms", (double)us / 1000);
	else
		snprintf(out, 32, us < 99950000 ? "%.1f s" : "%.0f s", (double)us / 1e6);
	return out;
}

/* --- text --- */

enum { COLUMNS = 11, WIDTH = 32 };

static const char *const heads[COLUMNS] = { "stage", "tasks", "from", "to", "slowest", "CPU", "rows out", "bytes out", "a second", "memory", "spilled" };

/* Bytes out by the time that the stage took. */
static int64_t a_second(const struct spk_stage_stats *s)
{
	int64_t us = s->sum.end_us - s->sum.start_us;

	return us > 0 ? (int64_t)((double)s->sum.bytes_out * 1e6 / (double)us) : 0;
}

static void fill_row(int stage, const struct spk_stage_profile *p, char row[COLUMNS][WIDTH])
{
	const struct spk_stage_stats *s = &p->stats;

	snprintf(row[0], WIDTH, "%d", stage);
	snprintf(row[1], WIDTH, s->sum.failures ? "%d (%d failed)" : "%d", s->tasks, s->sum.failures);
	spk_cli_time(s->sum.start_us, row[2]);
	spk_cli_time(s->sum.end_us, row[3]);
	spk_cli_time(s->slowest_us, row[4]);
	spk_cli_time(s->sum.cpu_us, row[5]);
	spk_cli_grouped(s->sum.rows_out, row[6]);
	spk_cli_bytes(s->sum.bytes_out, row[7]);
	spk_cli_bytes(a_second(s), row[8]);
	spk_cli_bytes(p->memory_peak, row[9]);
	spk_cli_bytes(p->spilled_bytes, row[10]);
}

static spk_status put_row(const char *const cell[COLUMNS], const int width[COLUMNS], const char *what, struct spk_buffer *out, spk_error *err)
{
	for (int c = 0; c < COLUMNS; c++)
		SPK_TRY(spk_buffer_printf(out, err, "%s%*s", c ? "  " : "", width[c], cell[c]));
	return spk_buffer_printf(out, err, "  %s\n", what);
}

static spk_status put_stages(const struct spk_query_profile *p, struct spk_buffer *out, spk_error *err)
{
	char row[COLUMNS][WIDTH];
	const char *cell[COLUMNS];
	int width[COLUMNS];

	for (int c = 0; c < COLUMNS; c++)
		width[c] = (int)strlen(heads[c]);
	for (int i = 0; i < p->stages; i++) {
		fill_row(i, &p->stage[i], row);
		for (int c = 0; c < COLUMNS; c++)
			width[c] = SPK_MAX(width[c], (int)strlen(row[c]));
	}
	SPK_TRY(put_row(heads, width, "operators", out, err));
	for (int i = 0; i < p->stages; i++) {
		fill_row(i, &p->stage[i], row);
		for (int c = 0; c < COLUMNS; c++)
			cell[c] = row[c];
		SPK_TRY(put_row(cell, width, p->stage[i].what, out, err));
	}
	return SPK_OK;
}

static spk_status put_decisions(const struct spk_query_profile *p, struct spk_buffer *out, spk_error *err)
{
	for (int i = 0; i < p->stages; i++)
		if (p->stage[i].adaptive)
			SPK_TRY(spk_buffer_printf(out, err, "adaptive: stage %d: %s\n", i, p->stage[i].adaptive));
	return SPK_OK;
}

spk_status spk_cli_profile_text(const struct spk_query_profile *p, struct spk_buffer *out, spk_error *err)
{
	char a[32], b[32], c[32], d[32], e[32], f[32], g[32];

	if (p->plan)
		SPK_TRY(spk_buffer_append_str(out, p->plan, err));
	SPK_TRY(spk_buffer_append_str(out, "\n", err));
	SPK_TRY(put_stages(p, out, err));
	SPK_TRY(put_decisions(p, out, err));
	SPK_TRY(spk_buffer_printf(out, err, "\n%s row%s in %s, %s of CPU; %s rows exchanged (%s); memory at most %s, %s spilled\n", spk_cli_grouped(p->rows, a), p->rows == 1 ? "" : "s",
				  spk_cli_time(p->elapsed_us, b), spk_cli_time(p->cpu_us, c), spk_cli_grouped(p->shuffle_rows, d), spk_cli_bytes(p->shuffle_bytes, e),
				  spk_cli_bytes(p->memory_peak, f), p->spilled_bytes ? spk_cli_bytes(p->spilled_bytes, g) : "nothing"));
	if (p->tasks_failed || p->tasks_recomputed)
		return spk_buffer_printf(out, err, "%" PRId64 " attempts of tasks failed and were made again, %" PRId64 " tasks ran again for a lost output\n", p->tasks_failed, p->tasks_recomputed);
	return SPK_OK;
}

/* --- JSON --- */

static spk_status put_stage_json(const struct spk_stage_profile *p, struct spk_buffer *out, spk_error *err)
{
	const struct spk_stage_stats *s = &p->stats;

	SPK_TRY(spk_buffer_printf(out, err, "{\"tasks\":%d,\"attempts\":%d,\"failures\":%d,\"start_us\":%" PRId64 ",\"end_us\":%" PRId64 ",\"slowest_us\":%" PRId64 ",\"cpu_us\":%" PRId64,
				  s->tasks, s->sum.attempts, s->sum.failures, s->sum.start_us, s->sum.end_us, s->slowest_us, s->sum.cpu_us));
	SPK_TRY(spk_buffer_printf(out, err, ",\"rows_in\":%" PRId64 ",\"bytes_in\":%" PRId64 ",\"rows_out\":%" PRId64 ",\"bytes_out\":%" PRId64 ",\"memory\":%" PRId64 ",\"spilled\":%" PRId64 ",\"operators\":",
				  s->sum.rows_in, s->sum.bytes_in, s->sum.rows_out, s->sum.bytes_out, p->memory_peak, p->spilled_bytes));
	SPK_TRY(spk_buffer_append_json(out, p->what, strlen(p->what), err));
	if (p->adaptive) {
		SPK_TRY(spk_buffer_append_str(out, ",\"adaptive\":", err));
		SPK_TRY(spk_buffer_append_json(out, p->adaptive, strlen(p->adaptive), err));
	}
	return spk_buffer_append_str(out, "}", err);
}

spk_status spk_cli_profile_json(const struct spk_query_profile *p, struct spk_buffer *out, spk_error *err)
{
	SPK_TRY(spk_buffer_printf(out, err, "{\"rows\":%" PRId64 ",\"us\":%" PRId64 ",\"cpu_us\":%" PRId64 ",\"shuffle_rows\":%" PRId64 ",\"shuffle_bytes\":%" PRId64, p->rows, p->elapsed_us, p->cpu_us,
				  p->shuffle_rows, p->shuffle_bytes));
	SPK_TRY(spk_buffer_printf(out, err, ",\"memory\":%" PRId64 ",\"spilled\":%" PRId64 ",\"failures\":%" PRId64 ",\"recomputed\":%" PRId64 ",\"stages\":[", p->memory_peak, p->spilled_bytes,
				  p->tasks_failed, p->tasks_recomputed));
	for (int i = 0; i < p->stages; i++) {
		SPK_TRY(spk_buffer_append_str(out, i ? "," : "", err));
		SPK_TRY(put_stage_json(&p->stage[i], out, err));
	}
	return spk_buffer_append_str(out, "]}", err);
}
