-- expect: 3:9: error: table "flight" has no 'format'
CREATE TABLE flight (origin text)
  WITH ('connector' = 'kafka', 'topic' = 'flights', 'properties.bootstrap.servers' = 'localhost:9092');
