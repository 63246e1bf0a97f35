with recursive t(n) as (select 1 union all select n+1 from t where n < 3) search depth first by n set ord select * from t order by ord;
with recursive t(n) as (select 1 union all select n+1 from t where n < 3) search breadth first by n set ord select * from t order by ord;
with recursive t(n) as (select 1 union all select n % 3 + 1 from t) cycle n set is_cycle using path select * from t;
with recursive g(f, t, label) as (values (1,2,'a'),(1,3,'b'),(2,3,'c'),(1,4,'d'),(4,5,'e'),(5,1,'f')), s as (select * from g union all select g.* from g, s where g.f = s.t) cycle f, t set is_cycle to true default false using path select * from s order by path, f, t;
with recursive g(f, t, label) as (values (1,2,'a'),(1,3,'b'),(2,3,'c'),(1,4,'d'),(4,5,'e'),(5,1,'f')), s as (select * from g union all select g.* from g, s where g.f = s.t) cycle f, t set c to 'Y' default 'N' using path select f, t, c, path from s order by path, f, t;
with recursive g(f, t) as (values (1,2),(1,3),(2,3),(1,4),(4,5)), s as (select g.* from g where f = 1 union all select g.* from g join s on g.f = s.t) search depth first by f, t set seq select * from s order by seq;
with recursive g(f, t) as (values (1,2),(1,3),(2,3),(1,4),(4,5)), s as (select g.* from g where f = 1 union all select g.* from g join s on g.f = s.t) search breadth first by f, t set seq select * from s order by seq;
with recursive g(f, t) as (values (1,2),(2,3),(3,1)), s as (select g.* from g where f = 1 union all select g.* from g join s on g.f = s.t) search depth first by f, t set seq cycle f, t set is_cycle using path select * from s order by seq;
with recursive g(f, t) as (values (1,2),(2,3),(3,1)), s as (select g.* from g where f = 1 union select g.* from g join s on g.f = s.t) cycle f set is_cycle using path select * from s order by path;
with recursive t(n) as (select 1 union all select n+1 from t where n < 3) search depth first by m set ord select * from t;
-- says: search sequence column name "n" already used
with recursive t(n) as (select 1 union all select n+1 from t where n < 3) search depth first by n set n select * from t;
with recursive t(n) as (select 1 union all select n+1 from t where n < 3) search depth first by n, n set ord select * from t;
with recursive t(n) as (select 1 union all select n+1 from t where n < 3) cycle m set c using p select * from t;
-- says: cycle mark column name "n" already used
with recursive t(n) as (select 1 union all select n+1 from t where n < 3) cycle n set n using p select * from t;
-- says: cycle path column name "n" already used
with recursive t(n) as (select 1 union all select n+1 from t where n < 3) cycle n set c using n select * from t;
with recursive t(n) as (select 1 union all select n+1 from t where n < 3) cycle n set c using c select * from t;
with recursive t(n) as (select 1 union all select n+1 from t where n < 3) cycle n set c to 1 default 'a' using p select * from t;
with recursive t(n) as (select 1 union all select n+1 from t where n < 3) search depth first by n set c cycle n set c using p select * from t;
with recursive t(n) as (select 1 union all select n+1 from t where n < 3) search depth first by n set p cycle n set c using p select * from t;
with recursive t(n) as (select 1) search depth first by n set ord select * from t;
with t(n) as (select 1) search depth first by n set ord select * from t;
with recursive t(n) as (select 1 union all select * from (select n+1 from t where n < 3) q) search depth first by n set ord select * from t;
-- says: column "ord" does not exist
with recursive t(n) as (select 1 union all select ord from t where n < 3) search depth first by n set ord select * from t;
with recursive t(n) as (select 1 union all (select n+1 from t where n < 3 union select 7 from t where n < 2)) search depth first by n set ord select * from t;
with recursive t(n) as (select 1 union all select x.n+1 from t as x where x.n < 3) search depth first by n set ord select ord, n from t as y order by 1;
with recursive t(n) as (select 1 union all select distinct n+1 from t where n < 3) search breadth first by n set ord select * from t;
with recursive t(n, m) as (select 1, 'a' union all select n+1, m from t where n < 3) search breadth first by n, m set ord select n, to_json(ord) from t order by n;
with recursive t(n, m) as (select 1, 'a' union all select n % 3 + 1, m from t) cycle n, m set c using p select n, c, to_json(p) from t order by n, c;
with recursive t(n) as (select 1 union all select n+1 from t where n < 3) search depth first by n set ord select n, to_json(ord) from t order by n;
