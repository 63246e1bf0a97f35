CREATE TABLE t (a integr) WITH ('connector' = 'print');
