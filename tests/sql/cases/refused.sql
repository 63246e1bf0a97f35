-- PostgreSQL's functions that are not here are refused as such, not as names that nobody knows.
-- refused: function to_tsvector(unknown) is not supported
SELECT to_tsvector('a b');
-- refused: function current_setting(unknown) is not supported
SELECT current_setting('server_version');
SELECT no_such_function(1);
SELECT 1 || 4.0;
SELECT lower(1.5);
SELECT -'1.5'::jsonb;
