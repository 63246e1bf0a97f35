-- What each seller's auctions went for, each averaged with the ten before it. A winning bid that is outbid changes up to eleven rows;
-- Flink has no OVER over rows that are taken back, so it cannot run this one.
CREATE TABLE nexmark_q6 (
  seller BIGINT,
  avg_price BIGINT
) WITH ('connector' = 'print');

INSERT INTO nexmark_q6
SELECT
    Q.seller,
    AVG(Q.price) OVER
        (PARTITION BY Q.seller ORDER BY Q.`dateTime` ROWS BETWEEN 10 PRECEDING AND CURRENT ROW)
FROM (
    SELECT A.id, A.seller, B.price, B.`dateTime`,
        ROW_NUMBER() OVER (PARTITION BY A.id, A.seller ORDER BY B.price DESC, B.`dateTime` ASC) AS rownum
    FROM auction AS A,
        bid AS B
    WHERE A.id = B.auction
        and B.`dateTime` between A.`dateTime` and A.expires
) AS Q
WHERE Q.rownum <= 1;
