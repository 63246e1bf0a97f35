/*
 * ETL with frames: raw weather in, one clean row per airport and day out, as JSON files.
 * Kept rows (cache) are read twice: for the result and for the report on what was left out.
 */
#include <stdio.h>
#include <stdlib.h>

#include "sparklet/frame.h"

static int fail(const spk_error *err) { return fprintf(stderr, "clean_weather: %s\n%s\n", err->message, err->hint), 1; }

int main(int argc, char **argv)
{
	const char *target = argc > 1 ? argv[1] : "weather-by-day";
	spk_error err = { 0 };
	struct spk_session *s;
	char *report;

	if (spk_session_new(&s, &err) != SPK_OK)
		return fail(&err);

	struct spk_frame *raw = spk_frame_read_csv(s, "examples/data/weather.csv", NULL);
	struct spk_frame *typed = spk_frame_cache(spk_frame_select(raw, "origin, make_date(year::int, month::int, day::int) AS day, temp::double precision AS fahrenheit, wind_speed::double precision AS wind"));
	struct spk_frame *good = spk_frame_filter(typed, "fahrenheit BETWEEN -60 AND 140 AND wind < 200");
	struct spk_frame *celsius = spk_frame_with_column(good, "celsius", "round(((fahrenheit - 32) / 1.8)::numeric, 1)");
	struct spk_frame *days = spk_frame_agg(spk_frame_group_by(celsius, "origin, day"), "count(*) AS hours, min(celsius) AS coldest, max(celsius) AS warmest, max(wind) AS gust");

	if (spk_frame_write(spk_frame_sort(days, "origin, day"), "json", target, NULL, &err) != SPK_OK)
		return fail(&err);
	struct spk_frame *left_out = spk_frame_filter(typed, "(fahrenheit BETWEEN -60 AND 140 AND wind < 200) IS NOT TRUE");

	if (spk_frame_show(spk_frame_agg(spk_frame_group_by(left_out, "origin"), "count(*) AS left_out"), 10, &report, &err) != SPK_OK)
		return fail(&err);
	printf("%s", report);
	free(report);
	spk_session_free(s);
	return 0;
}
