-- The database that is followed, in PostgreSQL. No table needs REPLICA IDENTITY FULL: rows go by their key.
CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, tier text NOT NULL DEFAULT 'basic', about text);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id int NOT NULL, state text NOT NULL DEFAULT 'open', placed_at timestamp NOT NULL DEFAULT now());
CREATE TABLE order_lines (order_id bigint, line_no int, sku text NOT NULL, qty int NOT NULL, price numeric(10,2) NOT NULL, PRIMARY KEY (order_id, line_no));
-- Long texts lie out of line, so that an update of another column leaves them out of its message.
ALTER TABLE customers ALTER about SET STORAGE EXTERNAL;
INSERT INTO customers (id, name, tier) VALUES (1, 'Ada', 'gold'), (2, 'Bo', 'basic'), (3, 'Cy', 'basic');
INSERT INTO orders (id, customer_id) VALUES (1, 1), (2, 1), (3, 2);
INSERT INTO order_lines VALUES (1, 1, 'tea', 2, 3.50), (1, 2, 'cup', 1, 7.00), (2, 1, 'pot', 1, 20.00), (3, 1, 'tea', 5, 3.40);
