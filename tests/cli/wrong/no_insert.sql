-- expect: sparklet: error: there is no INSERT INTO ... SELECT in it, nor a query, so there is nothing to run
CREATE TABLE flight (event_time timestamp, origin text, dep_delay integer, cancelled boolean)
  WITH ('connector' = 'filesystem', 'path' = 'examples/data/flights-json/part-*.ndjson', 'format' = 'json');
