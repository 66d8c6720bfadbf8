-- The next free time is mostly near: bookings are read as far as needed, not to the end of all time.

-- The first end of a busy time after p_from behind which p_quantity of the material is free for
-- p_length, among those that end p_length before the horizon: what begins behind it cannot matter.
CREATE FUNCTION rentals.next_free_until(p_material bigint, p_free bigint, p_from timestamptz,
                                        p_length interval, p_without bigint, p_horizon timestamptz)
    RETURNS timestamptz LANGUAGE plpgsql STABLE
    SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN (WITH booked AS MATERIALIZED (
                SELECT b.start_at, b.end_at, b.quantity
                  FROM rentals.bookings(ARRAY[p_material], p_from, p_horizon) b
                 WHERE b.event_id IS DISTINCT FROM p_without),
            steps AS (
                SELECT s.at, sum(s.change) AS change
                  FROM (SELECT start_at AS at, quantity AS change FROM booked
                        UNION ALL SELECT end_at, -quantity FROM booked) s GROUP BY s.at),
            levels AS (
                SELECT at, lead(at) OVER (ORDER BY at) AS until, sum(change) OVER (ORDER BY at) AS level
                  FROM steps),
            busy AS (
                SELECT until, lead(at) OVER (ORDER BY at) AS next FROM levels WHERE level > p_free)
            SELECT min(until) FROM busy
             WHERE until >= p_from AND until + p_length <= p_horizon
               AND (next IS NULL OR next >= until + p_length));
END $$;

-- The first end of a busy time after p_from behind which p_quantity of the material is free for
-- p_length. NULL when there is not that much of it at all.
CREATE OR REPLACE FUNCTION rentals.next_free(p_material bigint, p_quantity bigint, p_from timestamptz,
                                             p_length interval, p_without bigint) RETURNS timestamptz
    LANGUAGE plpgsql STABLE AS $$
DECLARE free bigint; found_at timestamptz; far timestamptz := p_from + 4 * p_length + interval '30 days';
BEGIN
    SELECT rentals.in_service(stock_quantity, out_of_order_quantity) - p_quantity INTO free
      FROM rentals.materials WHERE organization_id = core.org() AND id = p_material;
    IF free < 0 THEN RETURN NULL; END IF;
    LOOP
        found_at := rentals.next_free_until(p_material, free, p_from, p_length, p_without, far);
        EXIT WHEN found_at IS NOT NULL OR far = 'infinity';
        far := CASE WHEN far < p_from + interval '10 years' THEN p_from + 8 * (far - p_from)
                    ELSE 'infinity' END;
    END LOOP;
    RETURN found_at;
END $$;
