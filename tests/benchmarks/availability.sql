-- Availability of a page of 100 materials against 10,000 materials and 100,000 events.
-- On a migrated, empty database, as its owner:  psql -f tests/benchmarks/availability.sql
-- Prints milliseconds: the median of 21 runs of the page's remaining_quantity, and that each of
-- three pages equals an independent computation.
\set ON_ERROR_STOP 1
\timing off
SELECT set_config('bureau.org', '900001', false), set_config('bureau.zone', 'UTC', false) \g /dev/null

\ir availability-fill.sql

-- The application's role: row-level security is in force.
SET ROLE bureau_rentals;
CREATE TEMP TABLE page AS
    SELECT p, (SELECT json_agg(json_build_object('id', m.id) ORDER BY m.id)
                 FROM (SELECT id FROM rentals.materials ORDER BY id OFFSET p * 100 LIMIT 100) m) AS rows,
           (SELECT id FROM rentals.events ORDER BY id OFFSET 30000 + p * 7 LIMIT 1) AS event
      FROM generate_series(0, 20) p;
CREATE TEMP TABLE taken (p integer, ms numeric);
DO $$
DECLARE r record; t timestamptz;
BEGIN
    FOR r IN SELECT * FROM page ORDER BY p LOOP
        t := clock_timestamp();
        PERFORM rentals.with_remaining(r.rows, r.event);
        INSERT INTO taken VALUES (r.p, extract(epoch FROM clock_timestamp() - t) * 1000);
    END LOOP;
END $$;
SELECT round(percentile_cont(0.5) WITHIN GROUP (ORDER BY ms)::numeric, 2) AS median_ms,
       round(max(ms), 2) AS worst_ms FROM taken;

-- The same by brute force: cut the time line at every start and end, sum each period.
WITH target AS (
    SELECT p.p, e.id, e.start_date, e.end_date, (r ->> 'id')::bigint AS material,
           (r ->> 'remaining_quantity')::bigint AS answered
      FROM page p JOIN rentals.events e ON e.id = p.event,
           json_array_elements(rentals.with_remaining(p.rows, p.event)::json) r WHERE p.p < 3),
booked AS (
    SELECT t.p, t.material, o.start_date, o.end_date, em.quantity
      FROM target t JOIN rentals.event_materials em ON em.material_id = t.material
      JOIN rentals.events o ON o.id = em.event_id
     WHERE o.id <> t.id AND o.end_date > t.start_date AND o.start_date < t.end_date),
expected AS (
    SELECT t.p, t.material, m.stock_quantity - coalesce((
               SELECT max(x.n) FROM (SELECT (SELECT sum(b.quantity) FROM booked b
                                              WHERE b.p = t.p AND b.material = t.material
                                                AND b.start_date <= c.start_date AND b.end_date > c.start_date) AS n
                                       FROM booked c WHERE c.p = t.p AND c.material = t.material) x), 0) AS remaining
      FROM target t JOIN rentals.materials m ON m.id = t.material)
SELECT count(*) AS compared, count(*) FILTER (WHERE t.answered <> e.remaining) AS different,
       count(*) FILTER (WHERE e.remaining < m.stock_quantity) AS booked
  FROM target t JOIN expected e USING (p, material) JOIN rentals.materials m ON m.id = t.material;
