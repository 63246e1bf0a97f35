-- expect: 4:9: error: property 'properties.plugin.library.paths' is refused: it loads code
CREATE TABLE flight (origin text)
  WITH ('connector' = 'kafka', 'topic' = 'flights', 'properties.bootstrap.servers' = 'localhost:9092', 'format' = 'json',
        'properties.plugin.library.paths' = 'evil.so');
