-- A batch query over a CSV file; columns and their types come from the file.
SELECT carrier,
       count(*) AS flights,
       count(*) FILTER (WHERE dep_time IS NULL) AS cancelled,
       round(avg(dep_delay), 1) AS mean_delay,
       round(100.0 * count(*) FILTER (WHERE dep_delay > 60) / count(*), 1) AS percent_over_an_hour
FROM 'examples/data/flights.csv'
GROUP BY carrier
ORDER BY mean_delay DESC
LIMIT 5;
