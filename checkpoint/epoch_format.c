/* Epoch records as text, for `sparklet epochs`. */
#include <inttypes.h>

#include "checkpoint/epoch.h"
#include "core/expr/text.h"

static spk_status put_time(int64_t us, struct spk_buffer *out, spk_error *err)
{
	char text[SPK_TEXT_MAX];

	if (us == INT64_MIN)
		return spk_buffer_append_str(out, "none", err);
	if (us == INT64_MAX)
		return spk_buffer_append_str(out, "end", err);
	return spk_buffer_append(out, text, (size_t)spk_text_timestamp(us, text), err);
}

static spk_status put_source(const struct spk_epoch_source *s, struct spk_buffer *out, spk_error *err)
{
	SPK_TRY(spk_buffer_printf(out, err, "  source %s  watermark ", s->table));
	SPK_TRY(put_time(s->watermark, out, err));
	SPK_TRY(spk_buffer_append_str(out, "\n", err));
	for (int i = 0; i < s->partitions; i++) {
		const struct spk_epoch_partition *p = &s->partition[i];

		SPK_TRY(spk_buffer_printf(out, err, "    %s  [%" PRId64 ", %" PRId64 ")  %" PRId64 " rows  hash %016" PRIx64 "  watermark ", p->name, p->start, p->end, p->rows, p->hash));
		SPK_TRY(put_time(p->watermark, out, err));
		SPK_TRY(spk_buffer_printf(out, err, "%s%s\n", p->idle ? "  idle" : "", p->finished ? "  finished" : ""));
	}
	return SPK_OK;
}

spk_status spk_epoch_format(const struct spk_epoch_record *r, struct spk_buffer *out, spk_error *err)
{
	SPK_TRY(spk_buffer_printf(out, err, "epoch %" PRId64 "  ", r->epoch));
	SPK_TRY(put_time(r->time_us, out, err));
	SPK_TRY(spk_buffer_printf(out, err, "  incarnation %" PRId64 "  checkpoint %" PRId64 "  late %" PRId64 "  bad %" PRId64 "  plan %016" PRIx64 "  hash %016" PRIx64 "\n", r->incarnation,
				  r->checkpoint, r->late_rows, r->bad_rows, r->plan_hash, r->hash));
	for (int i = 0; i < r->sources; i++)
		SPK_TRY(put_source(&r->source[i], out, err));
	for (int i = 0; i < r->sinks; i++)
		SPK_TRY(spk_buffer_printf(out, err, "  sink %s  %" PRId64 " rows  hash %016" PRIx64 "\n", r->sink[i].table, r->sink[i].rows, r->sink[i].hash));
	return SPK_OK;
}
