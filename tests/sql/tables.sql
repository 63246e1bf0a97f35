-- The tables of the cases, in PostgreSQL's words; each is data/NAME.csv.
CREATE TABLE emp (id int, name text, dept_id int, salary numeric(10, 2), hired date, boss int);
CREATE TABLE dept (id int, name text, city text);
CREATE TABLE sale (id int, emp_id int, amount numeric(8, 2), sold_at timestamp, region text);
CREATE TABLE t1 (a int, b int, c text);
CREATE TABLE t2 (a int, d int, e text);
CREATE TABLE t3 (a bigint, f double precision);
CREATE TABLE edge (src int, dst int, w int);
CREATE TABLE nothing (a int, b text);
CREATE TABLE keyed (k int NOT NULL, v text NOT NULL);
CREATE TABLE padded (id int, code char(4), word varchar(6));
CREATE TABLE rounded (id int, at timestamp(0), zoned timestamptz(2), clock time(1), took interval(0), span interval day to hour);
