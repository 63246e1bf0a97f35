CREATE TABLE p (a integer) WITH ('connector' = 'print');
INSERT INTO p SELECT a FROM p;
