-- TPC-H's eight tables as CSV files in one folder; the bench and the tests put its path in place of @DIR@.
CREATE TABLE region (r_regionkey integer, r_name text, r_comment text) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = '@DIR@/region.csv');
CREATE TABLE nation (n_nationkey integer, n_name text, n_regionkey integer, n_comment text) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = '@DIR@/nation.csv');
CREATE TABLE supplier (s_suppkey integer, s_name text, s_address text, s_nationkey integer, s_phone text, s_acctbal decimal(15, 2), s_comment text)
  WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = '@DIR@/supplier.csv');
CREATE TABLE customer (c_custkey integer, c_name text, c_address text, c_nationkey integer, c_phone text, c_acctbal decimal(15, 2), c_mktsegment text, c_comment text)
  WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = '@DIR@/customer.csv');
CREATE TABLE part (p_partkey integer, p_name text, p_mfgr text, p_brand text, p_type text, p_size integer, p_container text, p_retailprice decimal(15, 2), p_comment text)
  WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = '@DIR@/part.csv');
CREATE TABLE partsupp (ps_partkey integer, ps_suppkey integer, ps_availqty integer, ps_supplycost decimal(15, 2), ps_comment text)
  WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = '@DIR@/partsupp.csv');
CREATE TABLE orders (o_orderkey integer, o_custkey integer, o_orderstatus text, o_totalprice decimal(15, 2), o_orderdate date, o_orderpriority text, o_clerk text,
  o_shippriority integer, o_comment text) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = '@DIR@/orders.csv');
CREATE TABLE lineitem (l_orderkey integer, l_partkey integer, l_suppkey integer, l_linenumber integer, l_quantity decimal(15, 2), l_extendedprice decimal(15, 2),
  l_discount decimal(15, 2), l_tax decimal(15, 2), l_returnflag text, l_linestatus text, l_shipdate date, l_commitdate date, l_receiptdate date, l_shipinstruct text,
  l_shipmode text, l_comment text) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = '@DIR@/lineitem.csv');
