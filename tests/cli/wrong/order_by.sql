-- expect: 4:55: error: ORDER BY cannot be kept up to date over a stream
CREATE TABLE flight (origin text) WITH ('connector' = 'kafka', 'topic' = 'flights', 'properties.bootstrap.servers' = 'localhost:9092', 'format' = 'json');
CREATE TABLE out (origin text, flights bigint) WITH ('connector' = 'print', 'format' = 'json');
INSERT INTO out SELECT origin, 1 FROM flight ORDER BY origin;
