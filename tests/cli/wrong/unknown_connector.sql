CREATE TABLE flight (origin text) WITH ('connector' = 'kafak', 'topic' = 'flights', 'format' = 'json');
