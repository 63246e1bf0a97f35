-- expect: 2:14: error: table "flight" has no 'connector'
CREATE TABLE flight (origin text) WITH ('path' = 'flights.csv');
