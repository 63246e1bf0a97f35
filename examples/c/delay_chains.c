/*
 * ETL with typed datasets: how delays travel with an aircraft. Per aircraft its flights in order of departure; a chain is a run of flights
 * that all left late. What SQL says badly, a loop over structs says well.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sparklet/dataset.h"

#define FLIGHT(S, FIELD, NESTED, ARRAY) \
	FIELD(S, text, tailnum) \
	FIELD(S, timestamp, scheduled) \
	FIELD(S, i32, delay)
SPK_STRUCT(flight, FLIGHT)

#define AIRCRAFT(S, FIELD, NESTED, ARRAY) FIELD(S, text, tailnum)
SPK_STRUCT(aircraft, AIRCRAFT)

#define CHAIN(S, FIELD, NESTED, ARRAY) \
	FIELD(S, text, tailnum) \
	FIELD(S, i32, flights) \
	FIELD(S, i32, minutes)
SPK_STRUCT(chain, CHAIN)

static spk_status tail_of(const void *row, void *key, void *user, spk_error *err)
{
	(void)user;
	(void)err;
	((struct aircraft *)key)->tailnum = ((const struct flight *)row)->tailnum;
	return SPK_OK;
}

static int by_time(const void *a, const void *b)
{
	int64_t x = ((const struct flight *)a)->scheduled, y = ((const struct flight *)b)->scheduled;

	return (x > y) - (x < y);
}

static spk_status emit_chain(const struct chain *c, struct spk_emitter *out, spk_error *err) { return c->flights > 1 ? spk_emit(out, c, err) : SPK_OK; }

static spk_status chains(const void *key, struct spk_rows *rows, struct spk_emitter *out, void *user, spk_error *err)
{
	const int late = *(const int *)user;
	struct flight list[2048];
	const struct flight *f;
	struct chain c = { .tailnum = ((const struct aircraft *)key)->tailnum };
	size_t n = 0;

	while ((f = spk_rows_next(rows)) && n < sizeof list / sizeof *list)
		list[n++] = *f;
	qsort(list, n, sizeof *list, by_time);
	for (size_t i = 0; i < n; i++) {
		if (list[i].delay > late) {
			c.flights++;
			c.minutes += list[i].delay;
			continue;
		}
		SPK_TRY(emit_chain(&c, out, err));
		c.flights = c.minutes = 0;
	}
	return emit_chain(&c, out, err);
}

int main(void)
{
	const int late = 30;
	spk_error err = { 0 };
	struct spk_session *s;
	char *table;

	if (spk_session_new(&s, &err) != SPK_OK)
		return fprintf(stderr, "%s\n", err.message), 1;
	struct spk_frame *raw = spk_frame_filter(spk_frame_read_csv(s, "examples/data/flights.csv", NULL), "tailnum IS NOT NULL AND dep_delay IS NOT NULL");
	struct spk_frame *flights = spk_frame_select(raw, "tailnum, make_timestamp(year::int, month::int, day::int, hour::int, minute::int, 0) AS scheduled, dep_delay::int AS delay");
	struct spk_keyed *aircraft = spk_dataset_group_by_key(spk_dataset_of_frame(flights, &flight_encoder), &aircraft_encoder, tail_of, NULL);
	struct spk_dataset *found = spk_keyed_map_groups(aircraft, &chain_encoder, chains, (void *)(uintptr_t)spk_broadcast(s, &late, sizeof late));

	if (spk_frame_show(spk_frame_sort(spk_dataset_frame(found), "flights DESC, minutes DESC, tailnum"), 5, &table, &err) != SPK_OK)
		return fprintf(stderr, "%s\n%s\n", err.message, err.hint), 1;
	printf("%s", table);
	free(table);
	spk_session_free(s);
	return 0;
}
