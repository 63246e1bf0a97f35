CREATE TABLE flight (origin text)
  WITH ('connector' = 'filesystem', 'pth' = 'examples/data/flights.csv', 'format' = 'csv');
