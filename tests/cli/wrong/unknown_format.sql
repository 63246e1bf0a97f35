CREATE TABLE flight (origin text) WITH ('connector' = 'filesystem', 'path' = 'x', 'format' = 'jsn');
