-- Utilisation by day once more, from the same changes: days are found among their beginnings instead of
-- by the time zone, materials are looked up at once, and one sort serves both windows and the groups.

-- By local day: how much there is, the most that is booked at once of each material, and by how many
-- events. Materials of one park or category only, if given. All materials together hold a running
-- sum; only a material that changes within a day can hold more for a moment than at its start.
-- Days are numbers here: day n begins at days[n], and the last of them only ends the one before.
CREATE OR REPLACE FUNCTION rentals.utilization(p_from date, p_to date, p_park bigint, p_category bigint)
    RETURNS json LANGUAGE plpgsql STABLE SET jit = off SET work_mem = '32MB' AS $$
DECLARE stock bigint; n_days integer := p_to - p_from + 1;
        -- A midnight that comes twice, when clocks are put back at 1:00, is the first of both.
        days timestamptz[] := ARRAY(
            SELECT CASE WHEN (x.at - interval '1 hour') AT TIME ZONE core.org_zone() >= d
                        THEN x.at - interval '1 hour' ELSE x.at END
              FROM generate_series(p_from::timestamp, (p_to + 1)::timestamp, interval '1 day') d
             CROSS JOIN LATERAL (SELECT d AT TIME ZONE core.org_zone() AS at) x ORDER BY d);
        since timestamptz := days[1]; until timestamptz := days[n_days + 1];
BEGIN
    SELECT sum(rentals.in_service(stock_quantity, out_of_order_quantity)) INTO stock
      FROM rentals.materials
     WHERE organization_id = core.org() AND deleted_at IS NULL
       AND (p_park IS NULL OR park_id = p_park) AND (p_category IS NULL OR category_id = p_category);
    RETURN (
        WITH materials AS MATERIALIZED (
            SELECT id FROM rentals.materials
             WHERE organization_id = core.org() AND deleted_at IS NULL
               AND (p_park IS NULL OR park_id = p_park)
               AND (p_category IS NULL OR category_id = p_category)),
        events AS MATERIALIZED (
            SELECT e.id, greatest(e.start_date, since) AS start_at, least(e.end_date, until) AS end_at
              FROM generate_series(0, 7) n
             CROSS JOIN LATERAL (SELECT n::smallint AS span, rentals.span_from(n, since) AS after OFFSET 0) s
              JOIN rentals.events e ON e.organization_id = core.org() AND e.span = s.span
               AND e.start_date > s.after AND e.start_date < until AND e.end_date > since
             WHERE e.deleted_at IS NULL
               AND (e.is_confirmed OR e.expires_at IS NULL OR e.expires_at > now())),
        booked AS MATERIALIZED (
            SELECT em.material_id, e.id AS event_id, em.quantity, e.start_at, e.end_at
              FROM events e
             CROSS JOIN LATERAL (SELECT x.material_id, x.quantity::integer AS quantity
                                   FROM rentals.event_materials x
                                  WHERE x.organization_id = core.org() AND x.event_id = e.id OFFSET 0) em
              JOIN materials m ON m.id = em.material_id),
        changes AS MATERIALIZED (
            SELECT c.material_id, c.at, c.change, width_bucket(c.at, days) AS day
              FROM (SELECT material_id, side * quantity AS change,
                           CASE side WHEN 1 THEN start_at ELSE end_at END AS at
                      FROM booked CROSS JOIN (VALUES (1), (-1)) x (side)) c
             WHERE c.at < until),
        levels AS (
            SELECT material_id, day, at,
                   sum(change) OVER (PARTITION BY material_id ORDER BY day, at) AS level FROM changes),
        changed AS (
            SELECT material_id, day, level, at = days[day] AS at_start,
                   lag(day) OVER w IS DISTINCT FROM day AS is_first,
                   coalesce(lag(level) OVER w, 0) AS before
              FROM levels WINDOW w AS (PARTITION BY material_id ORDER BY day, at)),
        -- A material on a day it changes: its level when the day begins, and its highest.
        touched AS (
            SELECT day, max(CASE WHEN is_first THEN CASE WHEN at_start THEN level ELSE before END END)
                        AS at_start,
                   max(CASE WHEN is_first AND NOT at_start THEN greatest(level, before) ELSE level END)
                        AS peak
              FROM changed GROUP BY material_id, day),
        extra AS (SELECT day, sum(peak - at_start) AS more FROM touched GROUP BY day),
        -- What all hold together when a day begins: changes at its start count, later ones do not yet.
        moved AS (
            SELECT CASE WHEN at = days[day] THEN day ELSE day + 1 END AS day, sum(change) AS change
              FROM changes GROUP BY 1),
        spans AS (
            SELECT width_bucket(e.start_at, days) AS first,
                   width_bucket(e.end_at - interval '1 microsecond', days) AS last
              FROM events e JOIN (SELECT DISTINCT event_id FROM booked) b ON b.event_id = e.id),
        came AS (
            SELECT day, sum(n) AS n FROM (SELECT first AS day, 1 AS n FROM spans
                                          UNION ALL SELECT last + 1, -1 FROM spans) x GROUP BY day),
        sums AS (
            SELECT d AS day, sum(coalesce(m.change, 0)) OVER (ORDER BY d) + coalesce(x.more, 0) AS booked,
                   sum(coalesce(c.n, 0)) OVER (ORDER BY d) AS events
              FROM generate_series(1, n_days) d
              LEFT JOIN moved m ON m.day = d LEFT JOIN extra x ON x.day = d LEFT JOIN came c ON c.day = d)
        SELECT json_agg(json_build_object('day', p_from + s.day - 1, 'stock', coalesce(stock, 0),
                   'booked', s.booked, 'events', s.events,
                   'rate', CASE WHEN stock > 0 THEN trim_scale(round(s.booked / stock, 4)) END)
                   ORDER BY s.day)
          FROM sums s);
END $$;
