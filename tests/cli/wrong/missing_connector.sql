CREATE TABLE flight (origin text) WITH ('path' = 'flights.csv');
