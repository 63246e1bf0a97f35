CREATE TABLE t (a integer, a text) WITH ('connector' = 'print');
