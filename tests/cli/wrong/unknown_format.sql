-- expect: 2:83: error: table "flight": unknown 'format' = 'jsn'
CREATE TABLE flight (origin text) WITH ('connector' = 'filesystem', 'path' = 'x', 'format' = 'jsn');
