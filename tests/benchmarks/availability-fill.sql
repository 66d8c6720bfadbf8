-- 10,000 materials and 100,000 events of bureau.org, each event with eight of them.
INSERT INTO rentals.parks (name) VALUES ('bench');
INSERT INTO rentals.categories (name) VALUES ('bench');
INSERT INTO rentals.materials (name, reference, park_id, category_id, rental_price, stock_quantity)
SELECT 'Material ' || lpad(n::text, 5, '0'), 'REF-' || n, (SELECT max(id) FROM rentals.parks),
       (SELECT max(id) FROM rentals.categories), n % 90, 20 + n % 50
  FROM generate_series(1, 10000) n;
-- Five years of events of an hour to three weeks; one in a thousand runs for months.
INSERT INTO rentals.events (user_id, title, start_date, end_date)
SELECT 1, 'Event ' || n, s, s + CASE WHEN n % 1000 = 0 THEN interval '200 days'
                                     ELSE make_interval(hours => 1 + (n::bigint * 7919 % 500)::integer) END
  FROM generate_series(1, 100000) n,
       LATERAL (SELECT timestamptz '2024-01-01' + make_interval(mins => (n::bigint * 104729 % 2629440)::integer)) x (s);
INSERT INTO rentals.event_materials (event_id, material_id, quantity, position)
SELECT e.id, m.id, 1 + (e.id + m.id) % 4, k
  FROM rentals.events e, generate_series(1, 8) k,
       LATERAL (SELECT (SELECT min(id) FROM rentals.materials) + (e.id * 31 + k * 1237) % 10000 AS id) m;
ANALYZE rentals.events, rentals.event_materials, rentals.materials;
