-- expect: 2:39: error: column "b" does not exist
CREATE TABLE t (a text, WATERMARK FOR b AS b - INTERVAL '1' SECOND) WITH ('connector' = 'print');
