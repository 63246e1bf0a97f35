CREATE TABLE generated (
  auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, `dateTime` TIMESTAMP(3), extra STRING
) WITH ('connector' = 'nexmark', 'nexmark.table' = 'bid', 'nexmark.events' = '${events}', 'nexmark.partitions' = '${partitions}');
CREATE TABLE bid (
  auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, `dateTime` TIMESTAMP(3), extra STRING
) WITH ('connector' = 'kafka', 'topic' = '${input}', 'properties.bootstrap.servers' = '${brokers}', 'format' = 'json');
INSERT INTO bid SELECT * FROM generated;
