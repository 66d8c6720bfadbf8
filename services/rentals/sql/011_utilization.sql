-- Utilisation by day from the changes of bookings alone: what it costs grows with the bookings that
-- overlap the window, not with how long they last, nor with the stock.

-- By local day: how much there is, the most that is booked at once of each material, and by how many
-- events. Materials of one park or category only, if given. All materials together hold a running
-- sum; only a material that changes within a day can hold more for a moment than at its start.
CREATE OR REPLACE FUNCTION rentals.utilization(p_from date, p_to date, p_park bigint, p_category bigint)
    RETURNS json LANGUAGE plpgsql STABLE SET jit = off SET work_mem = '32MB' AS $$
DECLARE stock bigint; zone text := core.org_zone();
        v_since timestamptz := p_from::timestamp AT TIME ZONE core.org_zone();
        v_until timestamptz := (p_to + 1)::timestamp AT TIME ZONE core.org_zone();
BEGIN
    SELECT sum(rentals.in_service(stock_quantity, out_of_order_quantity)) INTO stock
      FROM rentals.materials
     WHERE organization_id = core.org() AND deleted_at IS NULL
       AND (p_park IS NULL OR park_id = p_park) AND (p_category IS NULL OR category_id = p_category);
    RETURN (
        WITH events AS MATERIALIZED (
            SELECT e.id, e.start_date, e.end_date
              FROM generate_series(0, 7) n
             CROSS JOIN LATERAL (SELECT n::smallint AS span, rentals.span_from(n, v_since) AS since OFFSET 0) s
              JOIN rentals.events e ON e.organization_id = core.org() AND e.span = s.span
               AND e.start_date > s.since AND e.start_date < v_until AND e.end_date > v_since
             WHERE e.deleted_at IS NULL
               AND (e.is_confirmed OR e.expires_at IS NULL OR e.expires_at > now())),
        booked AS MATERIALIZED (
            SELECT em.material_id, e.id AS event_id, em.quantity,
                   greatest(e.start_date, v_since) AS start_at, least(e.end_date, v_until) AS end_at
              FROM events e
             CROSS JOIN LATERAL (SELECT x.material_id, x.quantity FROM rentals.event_materials x
                                  WHERE x.organization_id = core.org() AND x.event_id = e.id OFFSET 0) em
              JOIN rentals.materials m ON m.organization_id = core.org() AND m.id = em.material_id
               AND m.deleted_at IS NULL AND (p_park IS NULL OR m.park_id = p_park)
               AND (p_category IS NULL OR m.category_id = p_category)),
        steps AS (
            SELECT s.material_id, s.at, sum(s.change)::bigint AS change
              FROM (SELECT material_id, start_at AS at, quantity AS change FROM booked
                    UNION ALL SELECT material_id, end_at, -quantity FROM booked WHERE end_at < v_until) s
             GROUP BY s.material_id, s.at),
        levels AS (
            SELECT material_id, at, change, (at AT TIME ZONE zone)::date AS day,
                   sum(change) OVER (PARTITION BY material_id ORDER BY at)::bigint AS level FROM steps),
        changed AS (
            SELECT day, change, level, at = day::timestamp AT TIME ZONE zone AS at_start,
                   material_id, lag(day) OVER (PARTITION BY material_id ORDER BY at)
                   IS DISTINCT FROM day AS is_first
              FROM levels),
        -- A material on a day it changes: its level when the day begins, and its highest.
        touched AS (
            SELECT day, max(CASE WHEN is_first THEN CASE WHEN at_start THEN level ELSE level - change END END)
                        AS at_start,
                   max(CASE WHEN is_first AND NOT at_start THEN greatest(level, level - change) ELSE level END)
                        AS peak
              FROM changed GROUP BY day, material_id),
        extra AS (SELECT day, sum(peak - at_start) AS more FROM touched GROUP BY day),
        -- What all hold together when a day begins: changes at its start count, later ones do not yet.
        moved AS (
            SELECT CASE WHEN at_start THEN day ELSE day + 1 END AS day, sum(change) AS change
              FROM changed GROUP BY 1),
        spans AS (
            SELECT (min(start_at) AT TIME ZONE zone)::date AS first,
                   ((max(end_at) AT TIME ZONE zone) - interval '1 microsecond')::date AS last
              FROM booked GROUP BY event_id),
        came AS (
            SELECT day, sum(n) AS n FROM (SELECT first AS day, 1 AS n FROM spans
                                          UNION ALL SELECT last + 1, -1 FROM spans) x GROUP BY day),
        days AS (
            SELECT d::date AS day, sum(coalesce(m.change, 0)) OVER (ORDER BY d) + coalesce(x.more, 0) AS booked,
                   sum(coalesce(c.n, 0)) OVER (ORDER BY d) AS events
              FROM generate_series(p_from::timestamp, p_to::timestamp, interval '1 day') d
              LEFT JOIN moved m ON m.day = d::date LEFT JOIN extra x ON x.day = d::date
              LEFT JOIN came c ON c.day = d::date)
        SELECT json_agg(json_build_object('day', d.day, 'stock', coalesce(stock, 0),
                   'booked', d.booked, 'events', d.events,
                   'rate', CASE WHEN stock > 0 THEN trim_scale(round(d.booked / stock, 4)) END)
                   ORDER BY d.day)
          FROM days d);
END $$;
