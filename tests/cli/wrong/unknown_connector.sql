-- expect: 2:41: error: table "flight": unknown connector 'kafak'
CREATE TABLE flight (origin text) WITH ('connector' = 'kafak', 'topic' = 'flights', 'format' = 'json');
