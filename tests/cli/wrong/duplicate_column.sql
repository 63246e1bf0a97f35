-- expect: 2:28: error: column "a" specified more than once
CREATE TABLE t (a integer, a text) WITH ('connector' = 'print');
