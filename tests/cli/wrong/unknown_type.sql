-- expect: 2:19: error: type "integr" does not exist
CREATE TABLE t (a integr) WITH ('connector' = 'print');
