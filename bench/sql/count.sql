CREATE TABLE sink (auction BIGINT, window_end TIMESTAMP(3), bids BIGINT) WITH (${append});
INSERT INTO sink
SELECT auction, window_end, COUNT(*)
FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND))
GROUP BY auction, window_start, window_end;
