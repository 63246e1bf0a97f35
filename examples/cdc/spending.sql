-- What each customer has ordered, kept up to date while customers, orders and their lines change in PostgreSQL; exactly once, into a compacted topic.
--
--   BOOTSTRAP=localhost:9092 sparklet run examples/cdc/spending.sql
--
-- Topics: shop.public.customers, shop.public.orders, shop.public.order_lines (Debezium's, see shop.properties), spending.
CREATE TABLE customers (id int, name text, tier text, about text, PRIMARY KEY (id) NOT ENFORCED)
WITH ('connector' = 'kafka', 'topic' = 'shop.public.customers', 'properties.bootstrap.servers' = '${env:BOOTSTRAP}', 'format' = 'debezium-json');

CREATE TABLE orders (id bigint, customer_id int, state text, placed_at timestamp, PRIMARY KEY (id) NOT ENFORCED)
WITH ('connector' = 'kafka', 'topic' = 'shop.public.orders', 'properties.bootstrap.servers' = '${env:BOOTSTRAP}', 'format' = 'debezium-json');

CREATE TABLE order_lines (order_id bigint, line_no int, sku text, qty int, price numeric(10,2), PRIMARY KEY (order_id, line_no) NOT ENFORCED)
WITH ('connector' = 'kafka', 'topic' = 'shop.public.order_lines', 'properties.bootstrap.servers' = '${env:BOOTSTRAP}', 'format' = 'debezium-json');

CREATE TABLE spending (customer_id int, name text, tier text, about_length int, orders bigint, units bigint, total numeric(14,2), last_order timestamp, PRIMARY KEY (customer_id) NOT ENFORCED)
WITH ('connector' = 'upsert-kafka', 'topic' = 'spending', 'properties.bootstrap.servers' = '${env:BOOTSTRAP}', 'key.format' = 'json', 'value.format' = 'json');

INSERT INTO spending
SELECT c.id, c.name, c.tier, length(c.about), count(DISTINCT o.id), sum(l.qty), sum(l.qty * l.price), max(o.placed_at)
FROM customers AS c
LEFT JOIN orders AS o ON o.customer_id = c.id AND o.state <> 'cancelled'
LEFT JOIN order_lines AS l ON l.order_id = o.id
GROUP BY c.id, c.name, c.tier, length(c.about);
