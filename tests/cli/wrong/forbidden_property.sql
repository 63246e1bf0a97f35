CREATE TABLE flight (origin text)
  WITH ('connector' = 'kafka', 'topic' = 'flights', 'properties.bootstrap.servers' = 'localhost:9092', 'format' = 'json',
        'properties.plugin.library.paths' = 'evil.so');
