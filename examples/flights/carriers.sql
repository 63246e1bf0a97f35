-- Who was late in January? A batch query over two CSV files; columns and types come from the files.
SELECT a.name,
       count(*) AS flights,
       count(*) FILTER (WHERE f.dep_time IS NULL) AS cancelled,
       round(avg(f.dep_delay), 1) AS mean_delay,
       round(100.0 * count(*) FILTER (WHERE f.dep_delay > 60) / count(*), 1) AS percent_over_an_hour
FROM 'examples/data/flights.csv' f
JOIN 'examples/data/airlines.csv' a ON a.carrier = f.carrier
GROUP BY a.name
ORDER BY mean_delay DESC, a.name;
