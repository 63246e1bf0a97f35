-- expect: 3:37: error: table "flight": connector 'filesystem' has no option 'pth'
CREATE TABLE flight (origin text)
  WITH ('connector' = 'filesystem', 'pth' = 'examples/data/flights.csv', 'format' = 'csv');
