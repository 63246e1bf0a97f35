/* What EXPLAIN says of the state of a job: what comes out, by what it is kept, how large it is, what bounds it; a warning and a way out where nothing does. */
#include "core/base/check.h"
#include "tests/planner/physical/support.h"

static const struct { const char *sql, *text; } states[] = {
	{ "INSERT INTO plain SELECT auction, price FROM bid WHERE price > 10", "The job keeps no state.\n" },
	{ "INSERT INTO windows SELECT window_end, auction, count(*) FROM tumble(bid, ts, interval '10 seconds') GROUP BY window_end, auction",
	  "State of the job\n"
	  "  windows.aggregate-1, of WindowAggregate #6: changelog append; by window_end, auction; about 74 bytes for each group; bounded by the watermark\n" },
	{ "INSERT INTO shown SELECT auction, price FROM bid QUALIFY row_number() OVER (PARTITION BY auction ORDER BY price DESC) <= 3",
	  "State of the job\n"
	  "  shown.top-1, of TopN #4: changelog retract; by auction; about 43 bytes for each row within the bounds, 3 of a key; grows with the number of keys\n" },
	{ "INSERT INTO plain SELECT auction, sum(price) OVER (PARTITION BY auction ORDER BY ts ROWS 2 PRECEDING) FROM bid",
	  "State of the job\n"
	  "  plain.hold-1, of Hold #4: changelog append; by auction; about 43 bytes for each row that waits; bounded by the watermark\n"
	  "  plain.over-1, of TimeOver #5: changelog append; by auction; about 52 bytes for each row that is looked back at, 2 of a key; grows with the number of keys\n" },
	{ "INSERT INTO plain SELECT auction, first_value(price) OVER (PARTITION BY auction ORDER BY ts) FROM bid",
	  "State of the job\n"
	  "  plain.hold-1, of Hold #4: changelog append; by auction; about 43 bytes for each row that waits; bounded by the watermark\n"
	  "  plain.over-1, of TimeOver #5: changelog append; by auction; about 52 bytes for each row; not bounded\n"
	  "    warning: nothing bounds what TimeOver #5 keeps. Give the frames a beginning: ROWS BETWEEN 10 PRECEDING AND CURRENT ROW, or RANGE BETWEEN INTERVAL '1' HOUR PRECEDING AND CURRENT ROW.\n" },
	{ "INSERT INTO shown SELECT a.auction, b.price FROM bid a JOIN bid b ON a.auction = b.bidder",
	  "State of the job\n"
	  "  shown.join-1, of StreamJoin #7: changelog append; by auction; about 29 bytes for each row of either side; not bounded\n"
	  "    warning: nothing bounds what StreamJoin #7 keeps. Bound how far apart the event times of both sides may be (a.ts BETWEEN b.ts - INTERVAL '1' HOUR AND b.ts), or join windows of both. Or let keys go that do not change: SET state.ttl = '1 d'.\n" },
	{ "INSERT INTO shown SELECT auction, lead(price) OVER (PARTITION BY auction ORDER BY ts) FROM bid",
	  "State of the job\n"
	  "  shown.over-1, of Recompute #3: changelog retract; by auction; about 43 bytes for each row; not bounded\n"
	  "    warning: nothing bounds what Recompute #3 keeps. Group or partition by a window of a table with a WATERMARK (window_start, window_end), order window functions by its event time, "
	  "or bound their rank by a constant. Or let keys go that do not change: SET state.ttl = '1 d'.\n" },
	{ "INSERT INTO shown SELECT k, k FROM changes ORDER BY v LIMIT 5",
	  "State of the job\n"
	  "  shown.top-1, of TopN #4: changelog retract; by nothing, all rows together; about 84 bytes for each row; not bounded\n"
	  "    warning: nothing bounds what TopN #4 keeps. Rank rows that are only added, of which none but the first are kept, or those of a window (PARTITION BY window_start, window_end).\n" },
};

static void is_told(void)
{
	for (size_t i = 0; i < SPK_COUNT_OF(states); i++) {
		struct session *s = job_session();
		struct spk_physical_plan *plan;
		struct spk_buffer text = { 0 };
		spk_error err = { 0 };

		REQUIRE_OK(plan_job(s, states[i].sql, true, SPK_EMIT_AUTO, &plan, &err), err);
		REQUIRE_OK(spk_physical_format_state(plan, &text, &err), err);
		CHECK_EQ_STR(spk_buffer_cstr(&text), states[i].text);
		spk_buffer_release(&text);
		session_free(s);
	}
}

SPK_TEST_SUITE("state of jobs", { "is told", is_told })
