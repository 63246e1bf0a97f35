-- expect: 2:41: error: table "flight": connector 'kafka' needs the option 'properties.bootstrap.servers'
CREATE TABLE flight (origin text) WITH ('connector' = 'kafka', 'topic' = 'flights', 'format' = 'json');
CREATE TABLE out (origin text, flights bigint) WITH ('connector' = 'print', 'format' = 'json');
INSERT INTO out SELECT origin, 1 FROM flight;
