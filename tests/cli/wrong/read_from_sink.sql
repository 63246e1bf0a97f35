-- expect: 3:29: error: table "p": connector 'print' cannot be read from
CREATE TABLE p (a integer) WITH ('connector' = 'print');
INSERT INTO p SELECT a FROM p;
