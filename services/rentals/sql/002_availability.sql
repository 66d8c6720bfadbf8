-- What is free when: the sweep over overlapping bookings, and the refusal of overbooking.
-- Source: rentals.md 4.11, decisions.md 6 and 8.

-- Bookings of these materials that overlap [p_from, p_to), strictly. Expired holds book nothing.
-- The bounds are columns of a relation of their own: computed beside the table's columns they could
-- not go into the index under row-level security.
CREATE FUNCTION rentals.bookings(p_materials bigint[], p_from timestamptz, p_to timestamptz)
    RETURNS TABLE (material_id bigint, event_id bigint, quantity bigint, start_at timestamptz,
                   end_at timestamptz)
    LANGUAGE sql STABLE AS $$
    SELECT m, em.event_id, em.quantity, em.start_at, em.end_at
      FROM unnest(p_materials) AS m
     CROSS JOIN (VALUES (0::smallint, rentals.span_from(0, p_from)), (1, rentals.span_from(1, p_from)),
                        (2, rentals.span_from(2, p_from)), (3, rentals.span_from(3, p_from)),
                        (4, rentals.span_from(4, p_from)), (5, rentals.span_from(5, p_from)),
                        (6, rentals.span_from(6, p_from)), (7, rentals.span_from(7, p_from)))
           AS s (span, since)
     CROSS JOIN LATERAL (
           SELECT b.event_id, b.quantity, b.start_at, b.end_at FROM rentals.event_materials b
            WHERE b.organization_id = core.org() AND b.material_id = m AND b.live AND b.span = s.span
              AND b.start_at < p_to AND b.start_at > s.since
              AND b.end_at > p_from AND (b.free_at IS NULL OR b.free_at > now())
           OFFSET 0) AS em
$$;

-- The most that is booked at once, by material; without one event, if given. The sweep runs over
-- the whole of the overlapping bookings; p_clip keeps it to [p_from, p_to).
CREATE FUNCTION rentals.peaks(p_materials bigint[], p_from timestamptz, p_to timestamptz,
                              p_without bigint, p_clip boolean)
    RETURNS TABLE (material_id bigint, peak bigint)
    LANGUAGE sql STABLE AS $$
    WITH booked AS MATERIALIZED (
        SELECT b.material_id, b.quantity,
               CASE WHEN p_clip THEN greatest(b.start_at, p_from) ELSE b.start_at END AS start_at,
               CASE WHEN p_clip THEN least(b.end_at, p_to) ELSE b.end_at END AS end_at
          FROM rentals.bookings(p_materials, p_from, p_to) b
         WHERE b.event_id IS DISTINCT FROM p_without),
    steps AS (
        SELECT s.material_id, s.at, sum(s.change) AS change
          FROM (SELECT b.material_id, b.start_at AS at, b.quantity AS change FROM booked b
                UNION ALL SELECT b.material_id, b.end_at, -b.quantity FROM booked b) s
         GROUP BY s.material_id, s.at)
    SELECT l.material_id, max(l.level)::bigint
      FROM (SELECT s.material_id, sum(s.change) OVER (PARTITION BY s.material_id ORDER BY s.at) AS level
              FROM steps s) l
     GROUP BY l.material_id
$$;

CREATE FUNCTION rentals.in_service(p_stock bigint, p_out_of_order bigint) RETURNS bigint
    LANGUAGE sql IMMUTABLE AS $$ SELECT p_stock - coalesce(p_out_of_order, 0) $$;

-- A page of materials with remaining_quantity put behind each row; the page as it is when there is
-- no such event.
CREATE FUNCTION rentals.with_remaining(p_page json, p_event bigint) RETURNS text
    LANGUAGE plpgsql STABLE
    SET plan_cache_mode = force_generic_plan AS $$
DECLARE e record; ids bigint[];
BEGIN
    SELECT start_date, end_date INTO e FROM rentals.events
     WHERE organization_id = core.org() AND id = p_event AND deleted_at IS NULL;
    IF NOT FOUND THEN RETURN p_page::text; END IF;
    SELECT array_agg((r ->> 'id')::bigint) INTO ids FROM json_array_elements(p_page) r;
    RETURN (SELECT coalesce('[' || string_agg(
                       left(rtrim(row.text), -1) || ',"remaining_quantity":'
                       || rentals.in_service(m.stock_quantity, m.out_of_order_quantity)
                          - coalesce(p.peak, 0) || '}', ',' ORDER BY row.at) || ']', '[]')
              FROM (SELECT r::text AS text, (r ->> 'id')::bigint AS id, at
                      FROM json_array_elements(p_page) WITH ORDINALITY AS x (r, at)) row
              JOIN rentals.materials m ON m.organization_id = core.org() AND m.id = row.id
              LEFT JOIN rentals.peaks(ids, e.start_date, e.end_date, p_event, false) p
                ON p.material_id = row.id);
END $$;

-- remaining_quantity of each material of an event, the event itself counted.
CREATE FUNCTION rentals.event_remaining(p_event bigint)
    RETURNS TABLE (material_id bigint, remaining bigint) LANGUAGE sql STABLE AS $$
    SELECT m.id, rentals.in_service(m.stock_quantity, m.out_of_order_quantity) - coalesce(p.peak, 0)
      FROM rentals.events e
      JOIN rentals.event_materials em ON em.organization_id = e.organization_id AND em.event_id = e.id
      JOIN rentals.materials m ON m.organization_id = em.organization_id AND m.id = em.material_id
      LEFT JOIN rentals.peaks((SELECT array_agg(x.material_id) FROM rentals.event_materials x
                                WHERE x.organization_id = core.org() AND x.event_id = p_event),
                              e.start_date, e.end_date, NULL, false) p ON p.material_id = m.id
     WHERE e.organization_id = core.org() AND e.id = p_event AND m.deleted_at IS NULL
$$;

-- The first end of a busy time after p_from behind which p_quantity of the material is free for
-- p_length. NULL when there is not that much of it at all.
CREATE FUNCTION rentals.next_free(p_material bigint, p_quantity bigint, p_from timestamptz,
                                  p_length interval, p_without bigint) RETURNS timestamptz
    LANGUAGE plpgsql STABLE
    SET plan_cache_mode = force_generic_plan AS $$
DECLARE free bigint;
BEGIN
    SELECT rentals.in_service(stock_quantity, out_of_order_quantity) - p_quantity INTO free
      FROM rentals.materials WHERE organization_id = core.org() AND id = p_material;
    IF free < 0 THEN RETURN NULL; END IF;
    RETURN (WITH booked AS MATERIALIZED (
                SELECT b.start_at, b.end_at, b.quantity
                  FROM rentals.bookings(ARRAY[p_material], p_from, 'infinity') b
                 WHERE b.event_id IS DISTINCT FROM p_without),
            steps AS (
                SELECT s.at, sum(s.change) AS change
                  FROM (SELECT start_at AS at, quantity AS change FROM booked
                        UNION ALL SELECT end_at, -quantity FROM booked) s GROUP BY s.at),
            levels AS (
                SELECT at, lead(at) OVER (ORDER BY at) AS until, sum(change) OVER (ORDER BY at) AS level
                  FROM steps),
            busy AS (
                SELECT until, lead(at) OVER (ORDER BY at) AS next FROM levels WHERE level > free)
            SELECT min(until) FROM busy
             WHERE until >= p_from AND (next IS NULL OR next >= until + p_length));
END $$;

-- One shortage in words: what, how many, against which events, and when there is room.
CREATE FUNCTION rentals.shortage_said(p_event rentals.events, p_material bigint, p_short bigint)
    RETURNS text LANGUAGE plpgsql STABLE
    SET plan_cache_mode = force_generic_plan AS $$
DECLARE m rentals.materials; wanted bigint; clashes text; free_at timestamptz;
        length interval := p_event.end_date - p_event.start_date;
BEGIN
    SELECT * INTO m FROM rentals.materials WHERE organization_id = core.org() AND id = p_material;
    SELECT quantity INTO wanted FROM rentals.event_materials
     WHERE organization_id = core.org() AND event_id = p_event.id AND material_id = p_material;
    SELECT string_agg('"' || o.title || '" (event ' || o.id || ', ' || c.quantity || ' from '
               || core.local(c.start_at) || ' to ' || core.local(c.end_at) || ')', ', '
               ORDER BY c.start_at, c.event_id) INTO clashes
      FROM (SELECT b.* FROM rentals.bookings(ARRAY[p_material], p_event.start_date, p_event.end_date) b
             WHERE b.event_id <> p_event.id ORDER BY b.start_at, b.event_id LIMIT 3) c
      JOIN rentals.events o ON o.organization_id = core.org() AND o.id = c.event_id;
    free_at := rentals.next_free(p_material, wanted, p_event.start_date, length, p_event.id);
    RETURN m.name || ' (' || m.reference || ', id ' || m.id || '): ' || p_short || ' short'
           || coalesce(', booked by ' || clashes, '')
           || coalesce(', free from ' || core.local(free_at) || ' to ' || core.local(free_at + length), '');
END $$;

-- What the event books beyond the stock, in words; NULL: nothing.
CREATE FUNCTION rentals.shortages(e rentals.events, p_materials bigint[]) RETURNS text
    LANGUAGE plpgsql
    SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN (SELECT string_agg(rentals.shortage_said(e, s.id, s.short), '; ' ORDER BY s.id)
      FROM (SELECT m.id, p.peak - rentals.in_service(m.stock_quantity, m.out_of_order_quantity) AS short
              FROM rentals.peaks(p_materials, e.start_date, e.end_date, NULL, true) p
              JOIN rentals.materials m ON m.organization_id = core.org() AND m.id = p.material_id
             WHERE p.peak > rentals.in_service(m.stock_quantity, m.out_of_order_quantity)
             ORDER BY m.id LIMIT 5) s);
END $$;

-- Refuses the transaction when the event books more than there is and the organization wants that
-- refused. What is short already is refused without a lock: nobody waits for a refusal. Else the
-- rows of its materials are locked in id order and it is looked at again: parallel writers take
-- turns, each sees what the one before left, and no two wait for each other. NO KEY: the foreign
-- keys of bookings must not wait for this lock, nor it for them.
CREATE FUNCTION rentals.guard_event(p_event bigint) RETURNS void LANGUAGE plpgsql
    SET plan_cache_mode = force_generic_plan AS $$
DECLARE e rentals.events; ids bigint[]; said text;
BEGIN
    IF core.org_setting('overbooking') IS DISTINCT FROM 'refuse' THEN RETURN; END IF;
    SELECT * INTO e FROM rentals.events
     WHERE organization_id = core.org() AND id = p_event AND deleted_at IS NULL
       AND (is_confirmed OR expires_at IS NULL OR expires_at > now());
    IF NOT FOUND THEN RETURN; END IF;
    SELECT array_agg(material_id ORDER BY material_id) INTO ids FROM rentals.event_materials
     WHERE organization_id = core.org() AND event_id = p_event;
    IF ids IS NULL THEN RETURN; END IF;
    said := rentals.shortages(e, ids);
    IF said IS NULL THEN
        PERFORM FROM rentals.materials WHERE organization_id = core.org() AND id = ANY (ids)
          ORDER BY id FOR NO KEY UPDATE;
        said := rentals.shortages(e, ids);
    END IF;
    IF said IS NOT NULL THEN
        PERFORM core.raise('CONFLICT', 'Not enough materials: ' || said || '.');
    END IF;
END $$;

-- Defaults of a list's window: the current local year.
CREATE FUNCTION rentals.window_start(p_at timestamptz) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT coalesce(p_at, date_trunc('year', now() AT TIME ZONE core.org_zone()) AT TIME ZONE core.org_zone())
$$;
CREATE FUNCTION rentals.window_end(p_at timestamptz) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT coalesce(p_at, (date_trunc('year', now() AT TIME ZONE core.org_zone())
                           + interval '1 year' - interval '1 second') AT TIME ZONE core.org_zone())
$$;

-- Bookings follow their event; out of the trash they need room again.
CREATE FUNCTION rentals.booking_fill() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT e.start_date, e.end_date, e.deleted_at IS NULL,
           CASE WHEN NOT e.is_confirmed THEN e.expires_at END
      INTO NEW.start_at, NEW.end_at, NEW.live, NEW.free_at
      FROM rentals.events e WHERE e.organization_id = NEW.organization_id AND e.id = NEW.event_id;
    RETURN NEW;
END $$;
CREATE TRIGGER event_materials_fill BEFORE INSERT ON rentals.event_materials
    FOR EACH ROW EXECUTE FUNCTION rentals.booking_fill();

CREATE FUNCTION rentals.booking_follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE rentals.event_materials
       SET start_at = NEW.start_date, end_at = NEW.end_date, live = NEW.deleted_at IS NULL,
           free_at = CASE WHEN NOT NEW.is_confirmed THEN NEW.expires_at END
     WHERE organization_id = NEW.organization_id AND event_id = NEW.id;
    IF OLD.deleted_at IS NOT NULL AND NEW.deleted_at IS NULL THEN
        PERFORM rentals.guard_event(NEW.id);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER events_follow AFTER UPDATE ON rentals.events FOR EACH ROW
    WHEN (OLD.start_date IS DISTINCT FROM NEW.start_date OR OLD.end_date IS DISTINCT FROM NEW.end_date
          OR OLD.deleted_at IS DISTINCT FROM NEW.deleted_at
          OR OLD.is_confirmed IS DISTINCT FROM NEW.is_confirmed
          OR OLD.expires_at IS DISTINCT FROM NEW.expires_at)
    EXECUTE FUNCTION rentals.booking_follow();
