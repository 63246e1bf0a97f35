CREATE TABLE t (a text, WATERMARK FOR b AS b - INTERVAL '1' SECOND) WITH ('connector' = 'print');
