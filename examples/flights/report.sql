-- What delays-files.sql wrote: the hours of the longest delays, and each airport's month. Run that job first.
CREATE TABLE delays (
  window_start timestamp, window_end timestamp, origin text,
  flights bigint, cancelled bigint, avg_delay numeric(10, 2), max_delay integer
) WITH ('connector' = 'filesystem', 'path' = '.sparklet/delays-files/delays/*.json', 'format' = 'json');

SELECT window_start, origin, flights, cancelled, avg_delay, max_delay
FROM delays
WHERE flights - cancelled >= 10
ORDER BY avg_delay DESC
LIMIT 5;

SELECT origin, sum(flights) AS flights, sum(cancelled) AS cancelled, max(max_delay) AS max_delay,
       count(*) FILTER (WHERE avg_delay > 30) AS bad_hours
FROM delays
GROUP BY origin
ORDER BY bad_hours DESC;
