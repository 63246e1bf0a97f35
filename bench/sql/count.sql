-- No query of Nexmark, but the least that a window costs: bids per auction and 10 seconds.
CREATE TABLE nexmark_count (
  auction BIGINT,
  window_end TIMESTAMP(3),
  bids BIGINT
) WITH ('connector' = 'print');

INSERT INTO nexmark_count
SELECT auction, window_end, COUNT(*)
FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND))
GROUP BY auction, window_start, window_end;
