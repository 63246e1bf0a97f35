-- ETL in SQL: raw files in, cleaned, joined and reduced, clean files out, and a look at what was written.
--
--   rm -rf .sparklet/etl && sparklet sql examples/flights/etl.sql
--
-- What is written is visible once it is complete; run it again and the rows are there twice, as INSERT has it.

-- Extract: columns as they should be, whatever a sample of the files would say.
CREATE TABLE raw_flight (
  year int, month int, day int, dep_time int, sched_dep_time int, dep_delay int, arr_time int, sched_arr_time int, arr_delay int,
  carrier text, flight int, tailnum text, origin text, dest text, air_time int, distance int, hour int, minute int, time_hour timestamptz
) WITH ('connector' = 'filesystem', 'path' = 'examples/data/flights.csv', 'format' = 'csv');

-- Transform: hours that make sense, names instead of codes, one row a route and week.
CREATE VIEW clean_flight AS
SELECT time_hour AT TIME ZONE 'America/New_York' AS departs, carrier, origin, dest, dep_delay, distance,
       CASE WHEN air_time > 0 THEN round(distance / (air_time / 60.0)) END AS miles_per_hour
FROM raw_flight
WHERE dep_time IS NOT NULL AND dep_delay BETWEEN -60 AND 24 * 60;

CREATE TABLE route_week (
  week date, origin text, destination text, flights bigint, carriers text, delay numeric(6, 1), fastest numeric
) WITH ('connector' = 'filesystem', 'path' = '.sparklet/etl/route-week', 'format' = 'json');

-- Load.
INSERT INTO route_week
SELECT date_trunc('week', f.departs)::date, f.origin, COALESCE(a.name, f.dest), count(*), string_agg(DISTINCT f.carrier, ' ' ORDER BY f.carrier),
       avg(f.dep_delay), max(f.miles_per_hour)
FROM clean_flight AS f LEFT JOIN 'examples/data/airports.csv' AS a ON a.faa = f.dest
GROUP BY 1, 2, 3
HAVING count(*) >= 7;

-- Look: the routes that got worse from one week to the next.
SELECT week, origin, destination, flights, carriers, delay, delay - lag(delay) OVER (PARTITION BY origin, destination ORDER BY week) AS worse_by
FROM route_week
QUALIFY lag(delay) OVER (PARTITION BY origin, destination ORDER BY week) IS NOT NULL
ORDER BY worse_by DESC, origin LIMIT 5;
