/* Reads two files, joins and aggregates them, and prints what comes out through Arrow: cc worst_routes.c $(pkg-config --cflags --libs sparklet) */
#include <inttypes.h>
#include <stdio.h>

#include "sparklet/frame.h"

int main(void)
{
	spk_error err = { 0 };
	struct spk_session *s;
	struct ArrowArrayStream rows;
	struct ArrowArray batch;

	if (spk_session_new(&s, &err) != SPK_OK)
		return fprintf(stderr, "%s\n", err.message), 1;
	struct spk_frame *flights = spk_frame_read_csv(s, "examples/data/flights.csv", NULL), *airlines = spk_frame_read_csv(s, "examples/data/airlines.csv", NULL);
	struct spk_frame *named = spk_frame_join_using(spk_frame_filter(flights, "dep_delay > 60"), airlines, "inner", "carrier");
	struct spk_frame *worst = spk_frame_agg(spk_frame_group_by(named, "name"), "count(*) AS late, max(dep_delay)::bigint AS worst");

	if (spk_frame_collect(spk_frame_limit(spk_frame_sort(worst, "late DESC, name"), 5, 0), &rows, &err) != SPK_OK)
		return fprintf(stderr, "%s\n%s\n", err.message, err.hint), 1;
	while (rows.get_next(&rows, &batch) == 0 && batch.release) {
		const int32_t *end = batch.children[0]->buffers[1];
		const char *name = batch.children[0]->buffers[2];
		const int64_t *late = batch.children[1]->buffers[1], *longest = batch.children[2]->buffers[1];

		for (int64_t i = 0; i < batch.length; i++)
			printf("%-28.*s %5" PRId64 " late, the worst by %" PRId64 " minutes\n", (int)(end[i + 1] - end[i]), name + end[i], late[i], longest[i]);
		batch.release(&batch);
	}
	rows.release(&rows);
	spk_session_free(s);
	return 0;
}
