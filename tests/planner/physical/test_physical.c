/*
 * Physical plans of jobs and queries as EXPLAIN shows them: where exchanges and stages are, what is shared, what keeps state. The texts
 * were read line by line when they were written; a change of one is a change of what jobs do.
 */
#include <jansson.h>

#include "core/base/check.h"
#include "core/base/fault.h"
#include "tests/planner/physical/support.h"

static const struct { const char *name; bool streaming; enum spk_emit emit; const char *sql, *text; } plans[] = {
	{ "a stateless job is one stage", true, SPK_EMIT_AUTO,
	  "INSERT INTO plain SELECT auction, price FROM bid WHERE price > 10",
	  "Sink #3 plain (kafka) [append]  (stage 0)\n"
	  "   -> Project #2 [auction, price]  (stage 0)\n"
	  "      -> Filter #1 [(price > 10)]  (stage 0)\n"
	  "         -> Scan #0 bid (kafka) [columns: auction, price, ts; watermark: ts - 00:00:04]  (stage 0)\n" },
	{ "windows over a watermark close", true, SPK_EMIT_AUTO,
	  "INSERT INTO windows SELECT window_end, auction, count(*)\n"
	  "FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(ts), INTERVAL '10' SECOND)) GROUP BY window_end, auction",
	  "Sink #7 windows (kafka) [append]  (stage 1)\n"
	  "   -> WindowAggregate #6 [group: window_end, auction; count(*)] state windows.aggregate-1, bounded by the watermark  (stage 1)\n"
	  "      -> Exchange #4 [hash of the group]  (stage 0)\n"
	  "         -> PartialAggregate #3 [group: window_end, auction; count(*)]  (stage 0)\n"
	  "            -> LateFilter #2 [by window_end]  (stage 0)\n"
	  "               -> Window #1 [tumble of ts, size 00:00:10]  (stage 0)\n"
	  "                  -> Scan #0 bid (kafka) [columns: auction, ts; watermark: ts - 00:00:04]  (stage 0)\n" },
	{ "by the window's start, too", true, SPK_EMIT_AUTO,
	  "INSERT INTO windows SELECT window_start, auction, count(*) FILTER (WHERE price > 5)\n"
	  "FROM tumble(bid, ts, interval '1 hour', interval '15 minutes') GROUP BY window_start, auction",
	  "Sink #7 windows (kafka) [append]  (stage 1)\n"
	  "   -> WindowAggregate #6 [group: window_start, auction; count(*) filter ((price > 5))] state windows.aggregate-1, bounded by the watermark  (stage 1)\n"
	  "      -> Exchange #4 [hash of the group]  (stage 0)\n"
	  "         -> PartialAggregate #3 [group: window_start, auction; count(*) filter ((price > 5))]  (stage 0)\n"
	  "            -> LateFilter #2 [by window_start]  (stage 0)\n"
	  "               -> Window #1 [tumble of ts, size 01:00:00, offset 00:15:00]  (stage 0)\n"
	  "                  -> Scan #0 bid (kafka) [columns: auction, price, ts; watermark: ts - 00:00:04]  (stage 0)\n" },
	{ "windows whose changes are wanted", true, SPK_EMIT_ON_UPDATE,
	  "INSERT INTO shown SELECT auction, count(*) FROM tumble(bid, ts, interval '10 seconds') GROUP BY window_end, auction",
	  "Sink #8 shown (print) [changes]  (stage 1, changes)\n"
	  "   -> Project #7 [auction, count]  (stage 1, changes)\n"
	  "      -> StreamAggregate #6 [group: window_end, auction; count(*)] state shown.aggregate-1, bounded by the watermark  (stage 1, changes)\n"
	  "         -> Exchange #4 [hash of the group]  (stage 0)\n"
	  "            -> PartialAggregate #3 [group: window_end, auction; count(*)]  (stage 0)\n"
	  "               -> LateFilter #2 [by window_end]  (stage 0)\n"
	  "                  -> Window #1 [tumble of ts, size 00:00:10]  (stage 0)\n"
	  "                     -> Scan #0 bid (kafka) [columns: auction, ts; watermark: ts - 00:00:04]  (stage 0)\n" },
	{ "windows over a column without a watermark never close", true, SPK_EMIT_AUTO,
	  "INSERT INTO shown SELECT 0, count(*) FROM tumble(events, at, interval '10 seconds') GROUP BY window_end",
	  "Sink #7 shown (print) [changes]  (stage 1, changes)\n"
	  "   -> Project #6 [0, count]  (stage 1, changes)\n"
	  "      -> StreamAggregate #5 [group: window_end; count(*)] state shown.aggregate-1, grows with the number of keys  (stage 1, changes)\n"
	  "         -> Exchange #3 [hash of the group]  (stage 0)\n"
	  "            -> PartialAggregate #2 [group: window_end; count(*)]  (stage 0)\n"
	  "               -> Window #1 [tumble of at, size 00:00:10]  (stage 0)\n"
	  "                  -> Scan #0 events (kafka) [columns: at]  (stage 0)\n" },
	{ "a window over windows", true, SPK_EMIT_AUTO,
	  "INSERT INTO windows SELECT window_end, 0, max(n) FROM (SELECT window_end, auction, count(*) AS n\n"
	  "FROM tumble(bid, ts, interval '10 seconds') GROUP BY window_end, auction) x GROUP BY window_end",
	  "Sink #13 windows (kafka) [append]  (stage 2)\n"
	  "   -> Project #12 [window_end, 0, max]  (stage 2)\n"
	  "      -> WindowAggregate #11 [group: window_end; max(count)] state windows.aggregate-2, bounded by the watermark  (stage 2)\n"
	  "         -> Exchange #9 [hash of the group]  (stage 1)\n"
	  "            -> PartialAggregate #8 [group: window_end; max(count)]  (stage 1)\n"
	  "               -> LateFilter #7 [by window_end]  (stage 1)\n"
	  "                  -> WindowAggregate #6 [group: window_end, auction; count(*)] state windows.aggregate-1, bounded by the watermark  (stage 1)\n"
	  "                     -> Exchange #4 [hash of the group]  (stage 0)\n"
	  "                        -> PartialAggregate #3 [group: window_end, auction; count(*)]  (stage 0)\n"
	  "                           -> LateFilter #2 [by window_end]  (stage 0)\n"
	  "                              -> Window #1 [tumble of ts, size 00:00:10]  (stage 0)\n"
	  "                                 -> Scan #0 bid (kafka) [columns: auction, ts; watermark: ts - 00:00:04]  (stage 0)\n" },
	{ "the first rows of each key, without their number", true, SPK_EMIT_AUTO,
	  "INSERT INTO shown SELECT auction, price FROM (SELECT *, row_number() OVER (PARTITION BY auction ORDER BY price DESC) AS n FROM bid) b WHERE n <= 3 AND bidder > 1",
	  "Sink #7 shown (print) [changes]  (stage 1, changes)\n"
	  "   -> Project #6 [auction, price]  (stage 1, changes)\n"
	  "      -> Filter #5 [(bidder > 1)]  (stage 1, changes)\n"
	  "         -> TopN #4 [row_number 1 to 3, by auction; order price desc] state shown.top-1, grows with the number of keys  (stage 1, changes)\n"
	  "            -> Exchange #2 [hash of auction]  (stage 0)\n"
	  "               -> Project #1 [auction, bidder, price]  (stage 0)\n"
	  "                  -> Scan #0 bid (kafka) [columns: auction, bidder, price, ts; watermark: ts - 00:00:04]  (stage 0)\n" },
	{ "ranks that are shown, over what is computed", true, SPK_EMIT_AUTO,
	  "INSERT INTO shown SELECT price, n FROM (SELECT price, rank() OVER (PARTITION BY auction % 10 ORDER BY price * 2) AS n FROM bid) b WHERE 4 > n AND n >= 2",
	  "Sink #8 shown (print) [changes]  (stage 1, changes)\n"
	  "   -> Project #7 [price, rank]  (stage 1, changes)\n"
	  "      -> Project #6 [auction, price, rank]  (stage 1, changes)\n"
	  "         -> TopN #5 [rank 2 to 3, by argument 2; order argument 3] state shown.top-1, grows with the number of keys  (stage 1, changes)\n"
	  "            -> Exchange #3 [hash of argument 2]  (stage 0)\n"
	  "               -> Project #2 [auction, price, (auction % 10), (price * 2)]  (stage 0)\n"
	  "                  -> Project #1 [auction, price]  (stage 0)\n"
	  "                     -> Scan #0 bid (kafka) [columns: auction, price, ts; watermark: ts - 00:00:04]  (stage 0)\n" },
	{ "the last row of each key by DISTINCT ON", true, SPK_EMIT_AUTO,
	  "INSERT INTO upserts SELECT DISTINCT ON (auction) auction, price FROM bid ORDER BY auction, ts DESC",
	  "Sink #7 upserts (upsert-kafka) [upsert by auction]  (stage 2, changes)\n"
	  "   -> Exchange #5 [hash of auction]  (stage 1, changes)\n"
	  "      -> Project #4 [auction, price]  (stage 1, changes)\n"
	  "         -> TopN #3 [row_number 1 to 1, by auction; order ?order? desc] state upserts.top-1, grows with the number of keys  (stage 1, changes)\n"
	  "            -> Exchange #1 [hash of auction]  (stage 0)\n"
	  "               -> Scan #0 bid (kafka) [columns: auction, price, ts; watermark: ts - 00:00:04]  (stage 0)\n" },
	{ "the first of all rows that may be taken back", true, SPK_EMIT_AUTO,
	  "INSERT INTO shown SELECT auction, count(*) FROM bid GROUP BY auction ORDER BY 2 DESC, 1 LIMIT 5 OFFSET 1",
	  "Sink #9 shown (print) [changes]  (stage 2, changes)\n"
	  "   -> TopN #8 [row 2 to 6; order count desc, auction] state shown.top-1, grows with the number of keys  (stage 2, changes)\n"
	  "      -> Exchange #6 [all to one task]  (stage 1, changes)\n"
	  "         -> StreamAggregate #5 [group: auction; count(*)] state shown.aggregate-1, grows with the number of keys  (stage 1, changes)\n"
	  "            -> Exchange #3 [hash of the group]  (stage 0)\n"
	  "               -> PartialAggregate #2 [group: auction; count(*)]  (stage 0)\n"
	  "                  -> Project #1 [auction]  (stage 0)\n"
	  "                     -> Scan #0 bid (kafka) [columns: auction, ts; watermark: ts - 00:00:04]  (stage 0)\n" },
	{ "the first rows of windows, as they change", true, SPK_EMIT_ON_UPDATE,
	  "INSERT INTO shown SELECT auction, price FROM tumble(bid, ts, interval '10 seconds') QUALIFY row_number() OVER (PARTITION BY window_start ORDER BY price) = 1",
	  "Sink #7 shown (print) [changes]  (stage 1, changes)\n"
	  "   -> Project #6 [auction, price]  (stage 1, changes)\n"
	  "      -> TopN #5 [row_number 1 to 1, by window_start; order price; changes until the window closes] state shown.top-1, bounded by the watermark  (stage 1, changes)\n"
	  "         -> Exchange #3 [hash of window_start]  (stage 0)\n"
	  "            -> LateFilter #2 [by window_start]  (stage 0)\n"
	  "               -> Window #1 [tumble of ts, size 00:00:10]  (stage 0)\n"
	  "                  -> Scan #0 bid (kafka) [columns: auction, price, ts; watermark: ts - 00:00:04]  (stage 0)\n" },
	{ "a join of windows, as it changes", true, SPK_EMIT_ON_UPDATE,
	  "INSERT INTO shown SELECT x.auction, y.price FROM tumble(bid, ts, interval '10 seconds') AS x LEFT JOIN tumble(bid, ts, interval '10 seconds') AS y USING (window_start, window_end)",
	  "Sink #13 shown (print) [changes]  (stage 1, changes)\n"
	  "   -> Project #12 [auction, price]  (stage 1, changes)\n"
	  "      -> StreamJoin #11 [left; window_start = window_start, window_end = window_end; changes until the window closes] state shown.join-1, bounded by the watermark  (stage 1, changes)\n"
	  "         -> Exchange #7 [hash of window_start, window_end]  (stage 0)\n"
	  "            -> LateFilter #5 [by window_end]  (stage 0)\n"
	  "               -> Window #2 [tumble of ts, size 00:00:10]  (stage 0)\n"
	  "                  -> Project #1 [auction, ts]  (stage 0)\n"
	  "                     -> Scan #0 bid (kafka) [columns: auction, price, ts; watermark: ts - 00:00:04]  (stage 0)\n"
	  "         -> Exchange #9 [hash of window_start, window_end]  (stage 0)\n"
	  "            -> LateFilter #6 [by window_end]  (stage 0)\n"
	  "               -> Window #4 [tumble of ts, size 00:00:10]  (stage 0)\n"
	  "                  -> Project #3 [price, ts]  (stage 0)\n"
	  "                     -> Scan #0 (shared, see above)\n" },
	{ "the first rows of windows", true, SPK_EMIT_AUTO,
	  "INSERT INTO windows SELECT window_end, auction, price FROM tumble(bid, ts, interval '10 seconds') QUALIFY row_number() OVER (PARTITION BY window_start ORDER BY price) = 1",
	  "Sink #7 windows (kafka) [append]  (stage 1)\n"
	  "   -> Project #6 [window_end, auction, price]  (stage 1)\n"
	  "      -> TopN #5 [row_number 1 to 1, by window_start; order price; when the window closes] state windows.top-1, bounded by the watermark  (stage 1)\n"
	  "         -> Exchange #3 [hash of window_start]  (stage 0)\n"
	  "            -> LateFilter #2 [by window_start]  (stage 0)\n"
	  "               -> Window #1 [tumble of ts, size 00:00:10]  (stage 0)\n"
	  "                  -> Scan #0 bid (kafka) [columns: auction, price, ts; watermark: ts - 00:00:04]  (stage 0)\n" },
	{ "in the order of event time rows wait for the watermark", true, SPK_EMIT_AUTO,
	  "INSERT INTO plain SELECT auction, sum(price) OVER (PARTITION BY auction ORDER BY ts ROWS 2 PRECEDING) FROM bid",
	  "Sink #7 plain (kafka) [append]  (stage 1)\n"
	  "   -> Project #6 [auction, sum::bigint]  (stage 1)\n"
	  "      -> TimeOver #5 [by auction; looks back at 2 rows: Sort [auction, ts] > Over [sum; partition: auction] [ts]] state plain.over-1, grows with the number of keys  (stage 1)\n"
	  "         -> Hold #4 [until the watermark passes ts] state plain.hold-1, bounded by the watermark  (stage 1)\n"
	  "            -> Exchange #2 [hash of auction]  (stage 0)\n"
	  "               -> LateFilter #1 [by ts]  (stage 0)\n"
	  "                  -> Scan #0 bid (kafka) [columns: auction, price, ts; watermark: ts - 00:00:04]  (stage 0)\n" },
	{ "as far as frames look back, in time and rows", true, SPK_EMIT_AUTO,
	  "INSERT INTO plain SELECT count(*) OVER (w RANGE INTERVAL '1 hour' PRECEDING), lag(price, 3) OVER w FROM bid WINDOW w AS (ORDER BY ts)",
	  "Sink #9 plain (kafka) [append]  (stage 1)\n"
	  "   -> Project #8 [count, lag]  (stage 1)\n"
	  "      -> Project #7 [price, ts, count, lag]  (stage 1)\n"
	  "         -> TimeOver #6 [over all rows; looks back at 3 rows and 01:00:00: Sort [ts] > Over [count, lag] [ts]] state plain.over-1, grows with the number of keys  (stage 1)\n"
	  "            -> Hold #5 [until the watermark passes ts] state plain.hold-1, bounded by the watermark  (stage 1)\n"
	  "               -> Exchange #3 [all to one task]  (stage 0)\n"
	  "                  -> LateFilter #2 [by ts]  (stage 0)\n"
	  "                     -> Project #1 [price, ts, (ts - '01:00:00'::interval)]  (stage 0)\n"
	  "                        -> Scan #0 bid (kafka) [columns: price, ts; watermark: ts - 00:00:04]  (stage 0)\n" },
	{ "the first row by event time is final", true, SPK_EMIT_AUTO,
	  "INSERT INTO plain SELECT DISTINCT ON (auction) auction, price FROM bid ORDER BY auction, ts",
	  "Sink #7 plain (kafka) [append]  (stage 1)\n"
	  "   -> Project #6 [auction, price]  (stage 1)\n"
	  "      -> TopN #5 [row_number 1 to 1, by auction; order ?order?] state plain.top-1, grows with the number of keys  (stage 1)\n"
	  "         -> Hold #4 [until the watermark passes ts] state plain.hold-1, bounded by the watermark  (stage 1)\n"
	  "            -> Exchange #2 [hash of auction]  (stage 0)\n"
	  "               -> LateFilter #1 [by ts]  (stage 0)\n"
	  "                  -> Scan #0 bid (kafka) [columns: auction, price, ts; watermark: ts - 00:00:04]  (stage 0)\n" },
	{ "or comes at once when changes are wanted", true, SPK_EMIT_ON_UPDATE,
	  "INSERT INTO shown SELECT DISTINCT ON (auction) auction, price FROM bid ORDER BY auction, ts",
	  "Sink #5 shown (print) [changes]  (stage 1, changes)\n"
	  "   -> Project #4 [auction, price]  (stage 1, changes)\n"
	  "      -> TopN #3 [row_number 1 to 1, by auction; order ?order?] state shown.top-1, grows with the number of keys  (stage 1, changes)\n"
	  "         -> Exchange #1 [hash of auction]  (stage 0)\n"
	  "            -> Scan #0 bid (kafka) [columns: auction, price, ts; watermark: ts - 00:00:04]  (stage 0)\n" },
	{ "what is computed once for both sides of a union is not in one stage with what it feeds", true, SPK_EMIT_AUTO,
	  "INSERT INTO shown SELECT auction, count(*) OVER () FROM bid UNION ALL SELECT a, b FROM (SELECT a, b, row_number() OVER (PARTITION BY a ORDER BY b) AS n FROM\n"
	  "(SELECT auction, count(*) OVER () FROM bid) AS r(a, b)) AS q WHERE n <= 7",
	  "Sink #11 shown (print) [changes]  (stage 2, changes)\n"
	  "   -> Exchange #9 [all to one task]  (stage 1, changes)\n"
	  "      -> Recompute #4 [over all rows: Over [count]] state shown.over-1, not bounded  (stage 1, changes)\n"
	  "         -> Exchange #2 [all to one task]  (stage 0)\n"
	  "            -> Project #1 [auction]  (stage 0)\n"
	  "               -> Scan #0 bid (kafka) [columns: auction, ts; watermark: ts - 00:00:04]  (stage 0)\n"
	  "   -> Project #8 [auction, count]  (stage 2, changes)\n"
	  "      -> TopN #7 [row_number 1 to 7, by auction; order count] state shown.top-1, not bounded  (stage 2, changes)\n"
	  "         -> Exchange #5 [hash of auction]  (stage 1, changes)\n"
	  "            -> Recompute #4 (shared, see above)\n" },
	{ "sets of values and the largest one have branches", true, SPK_EMIT_AUTO,
	  "INSERT INTO upserts SELECT auction, count(DISTINCT bidder) + count(DISTINCT bidder) FILTER (WHERE price > 1) FROM bid GROUP BY auction",
	  "Sink #15 upserts (upsert-kafka) [upsert by auction]  (stage 2, changes)\n"
	  "   -> Project #14 [auction, (count + count)]  (stage 2, changes)\n"
	  "      -> StreamAggregate #13 [group: auction; count(DISTINCT bidder), count(DISTINCT bidder) filter (argument 2)] state upserts.aggregate-2, grows with the number of keys  (stage 2, changes)\n"
	  "         -> Exchange #11 [hash of the group]  (stage 1)\n"
	  "            -> Exchange #4 [hash of the group]  (stage 0)\n"
	  "               -> PartialAggregate #3 [group: auction]  (stage 0)\n"
	  "                  -> Project #2 [auction, bidder, (price > 1)]  (stage 0)\n"
	  "                     -> Project #1 [auction, bidder, price]  (stage 0)\n"
	  "                        -> Scan #0 bid (kafka) [columns: auction, bidder, price, ts; watermark: ts - 00:00:04]  (stage 0)\n"
	  "            -> PartialAggregate #10 [group: auction; count(bidder), count(bidder) filter (filter)]  (stage 1)\n"
	  "               -> StreamAggregate #9 [group: auction, bidder; whether(*) filter (argument 2)] state upserts.aggregate-1, grows with the number of keys  (stage 1, changes)\n"
	  "                  -> Exchange #7 [hash of the group]  (stage 0)\n"
	  "                     -> PartialAggregate #6 [group: auction, bidder; whether(*) filter (argument 2)]  (stage 0)\n"
	  "                        -> Project #2 (shared, see above)\n" },
	{ "what no constant bounds is computed again", true, SPK_EMIT_AUTO,
	  "INSERT INTO shown SELECT auction, price FROM bid QUALIFY row_number() OVER (PARTITION BY auction ORDER BY price) <= bidder",
	  "Sink #7 shown (print) [changes]  (stage 1, changes)\n"
	  "   -> Project #6 [auction, price]  (stage 1, changes)\n"
	  "      -> Filter #5 [(row_number <= bidder)]  (stage 1, changes)\n"
	  "         -> Recompute #4 [by auction: Sort [auction, price] > Over [row_number; partition: auction] [price]] state shown.over-1, not bounded  (stage 1, changes)\n"
	  "            -> Exchange #2 [hash of auction]  (stage 0)\n"
	  "               -> Project #1 [auction, bidder, price]  (stage 0)\n"
	  "                  -> Scan #0 bid (kafka) [columns: auction, bidder, price, ts; watermark: ts - 00:00:04]  (stage 0)\n" },
	{ "a sink keyed as the query needs no exchange", true, SPK_EMIT_AUTO,
	  "INSERT INTO upserts SELECT auction, count(*) FROM bid GROUP BY auction HAVING count(*) > 1",
	  "Sink #7 upserts (upsert-kafka) [upsert by auction]  (stage 1, changes)\n"
	  "   -> Filter #6 [(count > 1)]  (stage 1, changes)\n"
	  "      -> StreamAggregate #5 [group: auction; count(*)] state upserts.aggregate-1, grows with the number of keys  (stage 1, changes)\n"
	  "         -> Exchange #3 [hash of the group]  (stage 0)\n"
	  "            -> PartialAggregate #2 [group: auction; count(*)]  (stage 0)\n"
	  "               -> Project #1 [auction]  (stage 0)\n"
	  "                  -> Scan #0 bid (kafka) [columns: auction, ts; watermark: ts - 00:00:04]  (stage 0)\n" },
	{ "a sink keyed differently gets one", true, SPK_EMIT_AUTO,
	  "INSERT INTO by_n SELECT auction, count(*) FROM bid GROUP BY auction",
	  "Sink #8 by_n (upsert-kafka) [upsert by n]  (stage 2, changes)\n"
	  "   -> Exchange #6 [hash of count]  (stage 1, changes)\n"
	  "      -> StreamAggregate #5 [group: auction; count(*)] state by_n.aggregate-1, grows with the number of keys  (stage 1, changes)\n"
	  "         -> Exchange #3 [hash of the group]  (stage 0)\n"
	  "            -> PartialAggregate #2 [group: auction; count(*)]  (stage 0)\n"
	  "               -> Project #1 [auction]  (stage 0)\n"
	  "                  -> Scan #0 bid (kafka) [columns: auction, ts; watermark: ts - 00:00:04]  (stage 0)\n" },
	{ "a source's key does not say where its rows are", true, SPK_EMIT_AUTO,
	  "INSERT INTO texts SELECT k, v FROM keyed",
	  "Sink #3 texts (upsert-kafka) [upsert by k]  (stage 1)\n"
	  "   -> Exchange #1 [hash of k]  (stage 0)\n"
	  "      -> Scan #0 keyed (kafka) [columns: k, v]  (stage 0)\n" },
	{ "columns that are not given are NULL", true, SPK_EMIT_AUTO,
	  "INSERT INTO texts (k) SELECT k FROM keyed",
	  "Sink #4 texts (upsert-kafka) [upsert by k]  (stage 1)\n"
	  "   -> Exchange #2 [hash of k]  (stage 0)\n"
	  "      -> Project #1 [k, NULL]  (stage 0)\n"
	  "         -> Scan #0 keyed (kafka) [columns: k]  (stage 0)\n" },
	{ "one group of all rows", true, SPK_EMIT_AUTO,
	  "INSERT INTO shown SELECT max(price), count(*) FROM bid",
	  "Sink #6 shown (print) [changes]  (stage 1, changes)\n"
	  "   -> StreamAggregate #5 [group: all rows; max(price), count(*)] state shown.aggregate-1, grows with the number of keys  (stage 1, changes)\n"
	  "      -> Exchange #3 [all to one task]  (stage 0)\n"
	  "         -> PartialAggregate #2 [group: all rows; max(price), count(*)]  (stage 0)\n"
	  "            -> Project #1 [price]  (stage 0)\n"
	  "               -> Scan #0 bid (kafka) [columns: price, ts; watermark: ts - 00:00:04]  (stage 0)\n" },
	{ "changes into an aggregate", true, SPK_EMIT_AUTO,
	  "INSERT INTO shown SELECT n, count(*) FROM (SELECT auction, count(*) AS n FROM bid GROUP BY auction) x GROUP BY n",
	  "Sink #10 shown (print) [changes]  (stage 2, changes)\n"
	  "   -> StreamAggregate #9 [group: n; count(*)] state shown.aggregate-2, grows with the number of keys  (stage 2, changes)\n"
	  "      -> Exchange #7 [hash of the group]  (stage 1)\n"
	  "         -> PartialAggregate #6 [group: count; count(*)]  (stage 1)\n"
	  "            -> StreamAggregate #5 [group: auction; count(*)] state shown.aggregate-1, grows with the number of keys  (stage 1, changes)\n"
	  "               -> Exchange #3 [hash of the group]  (stage 0)\n"
	  "                  -> PartialAggregate #2 [group: auction; count(*)]  (stage 0)\n"
	  "                     -> Project #1 [auction]  (stage 0)\n"
	  "                        -> Scan #0 bid (kafka) [columns: auction, ts; watermark: ts - 00:00:04]  (stage 0)\n" },
	{ "a union of sources is one stage", true, SPK_EMIT_AUTO,
	  "INSERT INTO shown SELECT auction, price FROM bid UNION ALL SELECT auction, who FROM click",
	  "Sink #4 shown (print) [append]  (stage 0)\n"
	  "   -> Project #1 [auction, price]  (stage 0)\n"
	  "      -> Scan #0 bid (kafka) [columns: auction, price, ts; watermark: ts - 00:00:04]  (stage 0)\n"
	  "   -> Project #3 [auction, who]  (stage 0)\n"
	  "      -> Scan #2 click (kafka) [columns: auction, who, ts; watermark: ts - 00:00:00]  (stage 0)\n" },
	{ "a union of a source and an aggregate gets an exchange", true, SPK_EMIT_AUTO,
	  "INSERT INTO shown SELECT auction, price FROM bid UNION ALL SELECT auction, count(*) FROM bid GROUP BY auction",
	  "Sink #9 shown (print) [changes]  (stage 1, changes)\n"
	  "   -> Exchange #7 [all to one task]  (stage 0)\n"
	  "      -> Project #1 [auction, price]  (stage 0)\n"
	  "         -> Scan #0 bid (kafka) [columns: auction, price, ts; watermark: ts - 00:00:04]  (stage 0)\n"
	  "   -> StreamAggregate #6 [group: auction; count(*)] state shown.aggregate-1, grows with the number of keys  (stage 1, changes)\n"
	  "      -> Exchange #4 [hash of the group]  (stage 0)\n"
	  "         -> PartialAggregate #3 [group: auction; count(*)]  (stage 0)\n"
	  "            -> Project #2 [auction]  (stage 0)\n"
	  "               -> Scan #0 (shared, see above)\n" },
	{ "so does a nested one that begins with constants", true, SPK_EMIT_AUTO,
	  "INSERT INTO shown (SELECT 1, 2 UNION ALL SELECT auction, price FROM bid) UNION ALL SELECT auction, count(*) FROM bid GROUP BY auction",
	  "Sink #11 shown (print) [changes]  (stage 1, changes)\n"
	  "   -> Project #1 [1, 2]  (stage 1)\n"
	  "      -> Values #0 [1 rows]  (stage 1)\n"
	  "   -> Exchange #9 [all to one task]  (stage 0)\n"
	  "      -> Project #3 [auction, price]  (stage 0)\n"
	  "         -> Scan #2 bid (kafka) [columns: auction, price, ts; watermark: ts - 00:00:04]  (stage 0)\n"
	  "   -> StreamAggregate #8 [group: auction; count(*)] state shown.aggregate-1, grows with the number of keys  (stage 1, changes)\n"
	  "      -> Exchange #6 [hash of the group]  (stage 0)\n"
	  "         -> PartialAggregate #5 [group: auction; count(*)]  (stage 0)\n"
	  "            -> Project #4 [auction]  (stage 0)\n"
	  "               -> Scan #2 (shared, see above)\n" },
	{ "two INSERTs share a scan", true, SPK_EMIT_AUTO,
	  "INSERT INTO plain SELECT auction, price FROM bid;\n"
	  "INSERT INTO upserts SELECT auction, count(*) FROM bid GROUP BY auction",
	  "Sink #2 plain (kafka) [append]  (stage 0)\n"
	  "   -> Project #1 [auction, price]  (stage 0)\n"
	  "      -> Scan #0 bid (kafka) [columns: auction, price, ts; watermark: ts - 00:00:04]  (stage 0)\n"
	  "Sink #8 upserts (upsert-kafka) [upsert by auction]  (stage 1, changes)\n"
	  "   -> StreamAggregate #7 [group: auction; count(*)] state upserts.aggregate-1, grows with the number of keys  (stage 1, changes)\n"
	  "      -> Exchange #5 [hash of the group]  (stage 0)\n"
	  "         -> PartialAggregate #4 [group: auction; count(*)]  (stage 0)\n"
	  "            -> Project #3 [auction]  (stage 0)\n"
	  "               -> Scan #0 (shared, see above)\n" },
	{ "a watermark over a computed column", true, SPK_EMIT_AUTO,
	  "INSERT INTO windows SELECT window_end, 0, count(*) FROM tumble(raw, at, interval '1 hour') GROUP BY window_end",
	  "Sink #9 windows (kafka) [append]  (stage 1)\n"
	  "   -> Project #8 [window_end::timestamp without time zone, 0, count]  (stage 1)\n"
	  "      -> WindowAggregate #7 [group: window_end; count(*)] state windows.aggregate-1, bounded by the watermark  (stage 1)\n"
	  "         -> Exchange #5 [hash of the group]  (stage 0)\n"
	  "            -> PartialAggregate #4 [group: window_end; count(*)]  (stage 0)\n"
	  "               -> LateFilter #3 [by window_end]  (stage 0)\n"
	  "                  -> Window #2 [tumble of at, size 01:00:00]  (stage 0)\n"
	  "                     -> Project #1 [to_timestamp((ms / 1000)::double precision)]  (stage 0)\n"
	  "                        -> Scan #0 raw (kafka) [columns: ms; watermark: to_timestamp((ms / 1000)::double precision) - 00:01:00]  (stage 0)\n" },
	{ "metadata columns are read", true, SPK_EMIT_AUTO,
	  "INSERT INTO shown SELECT a, off FROM meta",
	  "Sink #1 shown (print) [append]  (stage 0)\n"
	  "   -> Scan #0 meta (kafka) [columns: a, off]  (stage 0)\n" },
	{ "a batch query", false, SPK_EMIT_AUTO,
	  "SELECT auction, count(*) AS n FROM bid WHERE price > 1 GROUP BY auction ORDER BY n DESC NULLS LAST LIMIT 3 OFFSET 1",
	  "Collect #10  (stage 2)\n"
	  "   -> TopK #9 [count desc nulls last] [limit 3 offset 1]  (stage 2)\n"
	  "      -> Exchange #7 [all to one task]  (stage 1)\n"
	  "         -> TopK #6 [count desc nulls last] [limit 4 of each task]  (stage 1)\n"
	  "            -> FinalAggregate #5 [group: auction; count(*)]  (stage 1)\n"
	  "               -> Exchange #3 [hash of the group]  (stage 0)\n"
	  "                  -> PartialAggregate #2 [group: auction; count(*)]  (stage 0)\n"
	  "                     -> Filter #1 [(price > 1)]  (stage 0)\n"
	  "                        -> Scan #0 bid (kafka) [columns: auction, price]  (stage 0)\n" },
	{ "ORDER BY", false, SPK_EMIT_AUTO,
	  "SELECT auction FROM bid ORDER BY auction",
	  "Collect #4  (stage 1)\n"
	  "   -> Exchange #2 [all to one task, merged]  (stage 0)\n"
	  "      -> Sort #1 [auction]  (stage 0)\n"
	  "         -> Scan #0 bid (kafka) [columns: auction]  (stage 0)\n" },
	{ "ORDER BY of rows that are on one task", false, SPK_EMIT_AUTO,
	  "SELECT * FROM (SELECT auction FROM bid LIMIT 9) b ORDER BY auction",
	  "Collect #6  (stage 1)\n"
	  "   -> Sort #5 [auction]  (stage 1)\n"
	  "      -> Limit #4 [limit 9 offset 0]  (stage 1)\n"
	  "         -> Exchange #2 [all to one task]  (stage 0)\n"
	  "            -> Limit #1 [limit 9 of each task]  (stage 0)\n"
	  "               -> Scan #0 bid (kafka) [columns: auction]  (stage 0)\n" },
	{ "ORDER BY with a large LIMIT", false, SPK_EMIT_AUTO,
	  "SELECT auction FROM bid ORDER BY auction LIMIT 100000 OFFSET 5",
	  "Collect #6  (stage 1)\n"
	  "   -> Limit #5 [limit 100000 offset 5]  (stage 1)\n"
	  "      -> Exchange #3 [all to one task, merged]  (stage 0)\n"
	  "         -> Limit #2 [limit 100005 of each task]  (stage 0)\n"
	  "            -> Sort #1 [auction]  (stage 0)\n"
	  "               -> Scan #0 bid (kafka) [columns: auction]  (stage 0)\n" },
	{ "OFFSET alone", false, SPK_EMIT_AUTO,
	  "SELECT auction FROM bid OFFSET 5",
	  "Collect #4  (stage 1)\n"
	  "   -> Limit #3 [limit -1 offset 5]  (stage 1)\n"
	  "      -> Exchange #1 [all to one task]  (stage 0)\n"
	  "         -> Scan #0 bid (kafka) [columns: auction]  (stage 0)\n" },
	{ "DISTINCT", false, SPK_EMIT_AUTO,
	  "SELECT DISTINCT auction FROM bid",
	  "Collect #7  (stage 2)\n"
	  "   -> Exchange #5 [all to one task]  (stage 1)\n"
	  "      -> FinalAggregate #4 [group: auction]  (stage 1)\n"
	  "         -> Exchange #2 [hash of the group]  (stage 0)\n"
	  "            -> PartialAggregate #1 [group: auction]  (stage 0)\n"
	  "               -> Scan #0 bid (kafka) [columns: auction]  (stage 0)\n" },
	{ "LIMIT without ORDER BY", false, SPK_EMIT_AUTO,
	  "SELECT auction FROM bid LIMIT 5",
	  "Collect #5  (stage 1)\n"
	  "   -> Limit #4 [limit 5 offset 0]  (stage 1)\n"
	  "      -> Exchange #2 [all to one task]  (stage 0)\n"
	  "         -> Limit #1 [limit 5 of each task]  (stage 0)\n"
	  "            -> Scan #0 bid (kafka) [columns: auction]  (stage 0)\n" },
	{ "constants", false, SPK_EMIT_AUTO,
	  "VALUES (1, 'a'), (2, 'b')",
	  "Collect #1  (stage 0)\n"
	  "   -> Values #0 [2 rows]  (stage 0)\n" },
};

static void explains(void)
{
	for (size_t i = 0; i < SPK_COUNT_OF(plans); i++) {
		struct session *s = job_session();
		struct spk_physical_plan *plan;
		spk_error err = { 0 };
		char *text;

		if (CHECK_OK(plan_job(s, plans[i].sql, plans[i].streaming, plans[i].emit, &plan, &err), err)) {
			text = explain(plan);
			if (!CHECK_EQ_STR(text, plans[i].text))
				printf("      (%s)\n", plans[i].name);
			free(text);
		}
		session_free(s);
	}
}

/* --- errors: message, hint, and the words of the query they point at --- */

static const struct { bool streaming; const char *sql; spk_status code; const char *message, *hint, *at; } errors[] = {
	{ true, "INSERT INTO plain SELECT auction, count(*) FROM bid GROUP BY auction", SPK_PLAN,
	  "sink \"plain\" takes rows back", "PRIMARY KEY", "plain" },
	{ true, "INSERT INTO plain SELECT auction, price FROM bid ORDER BY price", SPK_PLAN, "ORDER BY cannot be kept up to date", "leave it out", "price" },
	{ true, "INSERT INTO shown SELECT k, 0 FROM changes", SPK_OK, "", "", NULL },
	{ true, "INSERT INTO shown SELECT auction, count(*) FROM bid GROUP BY auction HAVING max(ts) > now() - interval '1 hour'", SPK_PLAN, "Filter by now() or random()", "as a column", NULL },
	{ true, "INSERT INTO shown SELECT a.auction, 0 FROM bid a LEFT JOIN bid b ON a.price = b.price AND b.ts > now()", SPK_PLAN, "Join by now() or random()", "as a column", NULL },
	{ true, "INSERT INTO shown SELECT auction, price FROM bid ORDER BY random() LIMIT 3", SPK_OK, "", "", NULL },
	{ true, "INSERT INTO plain SELECT auction, price FROM bid WHERE ts > now() - interval '1 hour'", SPK_OK, "", "", NULL },
	{ true, "INSERT INTO plain SELECT k, 0 FROM changes", SPK_PLAN, "takes rows back", "debezium-json", "plain" },
};

static void check_error(const char *sql, const spk_error *err, const char *message, const char *hint, const char *at)
{
	CHECK_HOLDS(err->message, message);
	CHECK_HOLDS(err->hint, hint);
	if (at && CHECK(err->position > 0 && err->position <= (int)strlen(sql)))
		CHECK(strncmp(sql + err->position - 1, at, strlen(at)) == 0);
}

static void refuses(void)
{
	for (size_t i = 0; i < SPK_COUNT_OF(errors); i++) {
		struct session *s = job_session();
		struct spk_physical_plan *plan;
		spk_error err = { 0 };
		spk_status status = plan_job(s, errors[i].sql, errors[i].streaming, SPK_EMIT_AUTO, &plan, &err);

		if (!CHECK_EQ_INT(status, errors[i].code) || status != SPK_OK)
			check_error(errors[i].sql, &err, errors[i].message, errors[i].hint, errors[i].at);
		session_free(s);
	}
}

/* --- what must stay the same, and what must not --- */

static uint64_t hash_of(const char *tables, const char *sql, bool streaming)
{
	struct session *s = job_session();
	struct spk_physical_plan *plan = NULL;
	struct spk_script script;
	spk_error err = { 0 };
	uint64_t hash;

	REQUIRE_OK(session_bind(s, tables, &script, &err), err);
	REQUIRE_OK(plan_job(s, sql, streaming, SPK_EMIT_AUTO, &plan, &err), err);
	hash = plan->hash;
	CHECK(strlen(plan->text) > 0);
	session_free(s);
	return hash;
}

/* Equal queries have equal hashes; whatever changes results changes the hash. */
static void hashes_tell_plans_apart(void)
{
	static const char table[] = "CREATE TABLE t (a integer, b integer, at timestamp) WITH ('connector' = 'kafka')";
	static const char *const queries[] = {
		"INSERT INTO shown SELECT a, count(*) FROM t GROUP BY a",
		"INSERT INTO shown SELECT a, count(b) FROM t GROUP BY a",
		"INSERT INTO shown SELECT a, count(*) FROM t WHERE b > 1 GROUP BY a",
		"INSERT INTO shown SELECT a, count(*) FROM t WHERE b > 2 GROUP BY a",
		"INSERT INTO shown SELECT a, count(*) FILTER (WHERE b > 2) FROM t GROUP BY a",
		"INSERT INTO shown VALUES (1, 2)",
		"INSERT INTO shown VALUES (1, 3)",
		"INSERT INTO shown VALUES (1, 2), (1, 3)",
		"INSERT INTO shown SELECT 1, count(*) FROM tumble(t, at, interval '1 hour') GROUP BY window_end",
		"INSERT INTO shown SELECT 1, count(*) FROM tumble(t, at, interval '1 hour', interval '1 minute') GROUP BY window_end",
		"INSERT INTO shown SELECT 1, count(*) FROM tumble(t, at, interval '2 hours') GROUP BY window_end",
	};
	uint64_t hash[SPK_COUNT_OF(queries)];

	for (size_t i = 0; i < SPK_COUNT_OF(queries); i++) {
		hash[i] = hash_of(table, queries[i], true);
		CHECK(hash_of(table, queries[i], true) == hash[i]);
		for (size_t k = 0; k < i; k++)
			CHECK(hash[k] != hash[i]);
	}
	CHECK(hash_of("CREATE TABLE t (a integer, b bigint, at timestamp) WITH ('connector' = 'kafka')", queries[1], true) != hash[1]);
	CHECK(hash_of(table, "SELECT a FROM t ORDER BY a NULLS FIRST", false) != hash_of(table, "SELECT a FROM t ORDER BY a", false));
}

/* State tables of a job's plan as "name: meaning; ...". */
static char *states_of(const char *sql, enum spk_emit emit)
{
	struct session *s = job_session();
	struct spk_physical_plan *plan = NULL;
	char *text = strdup("");
	spk_error err = { 0 };

	REQUIRE_OK(plan_job(s, sql, true, emit, &plan, &err), err);
	for (int i = 0; i < plan->nodes; i++) {
		const struct spk_physical *n = plan->node[i];
		char *more = n->state_table ? spk_test_format("%s%s: %s\n", text, n->state_table, n->fingerprint) : NULL;

		if (more) {
			free(text);
			text = more;
		}
	}
	session_free(s);
	return text;
}

static void check_states(const char *sql, enum spk_emit emit, const char *want)
{
	char *text = states_of(sql, emit);

	CHECK_EQ_STR(text, want);
	free(text);
}

/* State is found again by name and meaning: another INSERT must not rename it, another expression must not be taken for the same. */
static void state_tables_are_named_for_good(void)
{
	check_states("INSERT INTO shown SELECT auction, sum(price) FROM bid GROUP BY auction", SPK_EMIT_AUTO,
		     "shown.aggregate-1: group auction bigint; sum(price) bigint\n");
	check_states("INSERT INTO shown SELECT auction % 10, sum(price) FILTER (WHERE price > 1) FROM bid GROUP BY auction % 10", SPK_EMIT_AUTO,
		     "shown.aggregate-1: group (auction % 10) bigint; sum(price) filter ((price > 1)) bigint\n");
	check_states("INSERT INTO upserts SELECT auction, count(*) FROM bid GROUP BY auction;\n"
		     "INSERT INTO shown SELECT auction, count(price) FROM bid GROUP BY auction",
		     SPK_EMIT_AUTO, "upserts.aggregate-1: group auction bigint; count(*)\nshown.aggregate-1: group auction bigint; count(price) bigint\n");
	/* What is equal is kept once, under the first name. */
	check_states("INSERT INTO upserts SELECT auction, count(*) FROM bid GROUP BY auction;\n"
		     "INSERT INTO shown SELECT auction, count(*) FROM bid GROUP BY auction",
		     SPK_EMIT_AUTO, "upserts.aggregate-1: group auction bigint; count(*)\n");
	check_states("INSERT INTO shown SELECT auction, count(*) FROM bid GROUP BY auction;\n"
		     "INSERT INTO shown SELECT who, count(*) FROM click GROUP BY who",
		     SPK_EMIT_AUTO, "shown.aggregate-1: group auction bigint; count(*)\nshown.aggregate-2: group who bigint; count(*)\n");
	/* Kept by window it is not what is kept by key. */
	check_states("INSERT INTO shown SELECT 0, count(*) FROM tumble(bid, ts, interval '1 hour') GROUP BY window_end", SPK_EMIT_AUTO,
		     "shown.aggregate-1: by window, group window_end timestamp without time zone; count(*)\n");
	check_states("INSERT INTO shown SELECT 0, count(*) FROM tumble(bid, ts, interval '1 hour') GROUP BY window_end", SPK_EMIT_ON_UPDATE,
		     "shown.aggregate-1: late by up to 0 us, changing from the beginning, changing by window, group window_end timestamp without time zone; count(*)\n");
}

/* --- JSON --- */

static void explains_as_json(void)
{
	struct session *s = job_session();
	struct spk_physical_plan *plan = NULL;
	struct spk_buffer out = { 0 };
	json_error_t where;
	json_t *root, *list;
	spk_error err = { 0 };

	REQUIRE_OK(plan_job(s, "INSERT INTO texts SELECT auction, 'a\"b\\' || chr(10) || max(channel) FROM bid GROUP BY auction", true, SPK_EMIT_AUTO, &plan, &err), err);
	REQUIRE_OK(spk_physical_format_json(plan, &out, &err), err);
	root = json_loadb(out.data, out.size, 0, &where);
	REQUIRE(root != NULL);
	list = json_object_get(root, "plan");
	CHECK_EQ_INT(json_array_size(list), plan->nodes);
	for (int i = 0; i < plan->nodes; i++) {
		json_t *n = json_array_get(list, (size_t)i);

		CHECK_EQ_INT(json_integer_value(json_object_get(n, "id")), i);
		CHECK_EQ_STR(json_string_value(json_object_get(n, "kind")), spk_physical_kind_name(plan->node[i]->kind));
		CHECK_EQ_INT(json_integer_value(json_object_get(n, "stage")), plan->node[i]->stage);
		CHECK_EQ_INT(json_array_size(json_object_get(n, "inputs")), plan->node[i]->inputs);
		CHECK(!json_object_get(n, "state") == !plan->node[i]->state_table);
	}
	json_decref(root);
	spk_buffer_release(&out);
	session_free(s);
}

/* --- memory --- */

static void running_out_of_memory_is_an_error(void)
{
	static const char sql[] = "INSERT INTO windows SELECT window_end, 0, max(n) FROM (SELECT window_end, auction, count(*) FILTER (WHERE price > 1) AS n\n"
				  "FROM tumble(bid, ts, interval '10 seconds') GROUP BY window_end, auction) x GROUP BY window_end;\n"
				  "INSERT INTO by_n SELECT auction, price FROM bid UNION ALL SELECT auction, count(*) FROM bid GROUP BY auction";
	struct spk_physical_options options = { .streaming = true, .sink_takes = sink_takes };
	struct session *s = job_session();
	struct spk_logical *root[2];
	struct spk_script script;
	spk_status status;
	spk_error err = { 0 };
	int n = 0;

	REQUIRE_OK(session_bind(s, sql, &script, &err), err);
	for (int i = 0; i < 2; i++)
		REQUIRE_OK(spk_optimize(s->arena, script.statement[i].plan, NULL, &root[i], &err), err);
	do {
		struct spk_arena *arena = spk_arena_new(NULL);
		char *fault = spk_test_format("malloc:%d", ++n);
		struct spk_physical_plan *plan;

		spk_fault_set(fault, NULL);
		status = spk_physical_plan_make(arena, root, 2, &options, &plan, &err);
		spk_fault_set(NULL, NULL);
		if (status != SPK_OK)
			CHECK(status == SPK_NO_MEMORY || status == SPK_MEMORY_LIMIT);
		spk_arena_unref(arena);
		free(fault);
	} while (status != SPK_OK && n < 1000);
	CHECK(status == SPK_OK && n > 1);
	session_free(s);
}

SPK_TEST_SUITE("physical plans",
	{ "are explained", explains },
	{ "are refused with a way out", refuses },
	{ "have hashes that tell them apart", hashes_tell_plans_apart },
	{ "name their state for good", state_tables_are_named_for_good },
	{ "are explained as JSON", explains_as_json },
	{ "fail cleanly without memory", running_out_of_memory_is_an_error })
