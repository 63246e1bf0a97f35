CREATE TABLE sink (auction BIGINT, price BIGINT) WITH (${append});
INSERT INTO sink SELECT auction, price FROM bid WHERE MOD(auction, 123) = 0;
