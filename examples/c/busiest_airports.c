/* Busy hours of airports, told as each hour of event time is over: cc busiest_airports.c $(pkg-config --cflags --libs sparklet) */
#include <inttypes.h>
#include <stdio.h>

#include "sparklet/stream.h"

/* The rows of an epoch in which hours were closed. A windowed result is final: all weights are 1. */
static spk_status on_hours(void *user, int64_t epoch, struct ArrowArrayStream *changes, spk_error *err)
{
	struct ArrowArray batch;

	while (changes->get_next(changes, &batch) == 0 && batch.release) {
		const int32_t *end = batch.children[0]->buffers[1];
		const char *text = batch.children[0]->buffers[2];
		const int64_t *flights = batch.children[1]->buffers[1];

		for (int64_t i = 0; i < batch.length; i++)
			printf("epoch %2" PRId64 ": %.*s, %" PRId64 " departures\n", epoch, end[i + 1] - end[i], text + end[i], flights[i]);
		batch.release(&batch);
	}
	return (void)user, (void)err, SPK_OK;
}

int main(void)
{
	const char *const files[] = { "connector", "filesystem", "path", "examples/data/flights-json/part-*.ndjson", "format", "json", NULL };
	struct spk_stream *stream;
	struct spk_session *s;
	spk_error err = { 0 };

	if (spk_session_new(&s, &err) != SPK_OK || spk_session_set(s, "epoch.max.rows", "2000", &err) != SPK_OK)
		return fprintf(stderr, "%s\n", err.message), 1;
	struct spk_frame *flights = spk_frame_with_watermark(spk_frame_read_stream(s, "flight", "event_time timestamp, origin text", files), "event_time", "10 minutes");
	struct spk_frame *hours = spk_frame_agg(spk_frame_group_by(spk_frame_tumble(flights, "event_time", "1 hour"), "window_start, window_end, origin"), "count(*) AS n");
	struct spk_frame *busy = spk_frame_select(spk_frame_filter(hours, "n >= 34"), "to_char(window_start, 'YYYY-MM-DD HH24:MI ') || origin AS hour, n");

	if (spk_frame_write_stream(busy, &(struct spk_stream_sink){ .changes = on_hours }, &(struct spk_stream_options){ .name = "busiest-airports" }, &stream, &err) != SPK_OK ||
	    spk_stream_await(stream, -1, &err) != SPK_OK)
		return fprintf(stderr, "%s\n%s\n", err.message, err.hint), 1;
	spk_session_free(s);
	return 0;
}
