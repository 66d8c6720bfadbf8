-- A new event is decided by one statement: judged before anything is written, so that a refusal is an
-- answer that leaves nothing to undo; then the event is made, what it books, and what the caller is
-- shown. Sweeps are one sort and one window, and every look-up goes by key, however the tables grow.

-- As before: the most that is booked at once, by material, by events but one; p_clip keeps the sweep to
-- [p_from, p_to). Rows of one instant are peers of the window: each sees the level behind all of them.
CREATE OR REPLACE FUNCTION rentals.peaks(p_materials bigint[], p_from timestamptz, p_to timestamptz,
                                         p_without bigint, p_clip boolean)
    RETURNS TABLE (material_id bigint, peak bigint) LANGUAGE sql STABLE AS $$
    SELECT l.material_id, max(l.level)
      FROM (SELECT s.material_id, sum(s.change) OVER (PARTITION BY s.material_id ORDER BY s.at) AS level
              FROM (SELECT b.material_id, side * b.quantity::integer AS change,
                           CASE WHEN side = 1 AND p_clip THEN greatest(b.start_at, p_from)
                                WHEN side = 1 THEN b.start_at
                                WHEN p_clip THEN least(b.end_at, p_to) ELSE b.end_at END AS at
                      FROM rentals.bookings(p_materials, p_from, p_to) b
                     CROSS JOIN (VALUES (1), (-1)) x (side)
                     WHERE b.event_id IS DISTINCT FROM p_without) s) l
     GROUP BY l.material_id
$$;

-- As before, read until the first hit.
CREATE OR REPLACE FUNCTION rentals.next_free_until(p_material bigint, p_free bigint, p_from timestamptz,
                                        p_length interval, p_without bigint, p_horizon timestamptz)
    RETURNS timestamptz LANGUAGE plpgsql STABLE
    SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN (SELECT until
              FROM (SELECT at, until, lead(at) OVER (ORDER BY at) AS next
                      FROM (SELECT s.at, lead(s.at) OVER w AS until, sum(s.change) OVER w AS level
                              FROM (SELECT side * b.quantity::integer AS change,
                                           CASE side WHEN 1 THEN b.start_at ELSE b.end_at END AS at
                                      FROM rentals.bookings(ARRAY[p_material], p_from, p_horizon) b
                                     CROSS JOIN (VALUES (1), (-1)) x (side)
                                     WHERE b.event_id IS DISTINCT FROM p_without) s
                            WINDOW w AS (ORDER BY s.at)) levels
                     WHERE level > p_free) busy
             WHERE until >= p_from AND until + p_length <= p_horizon
               AND (next IS NULL OR next >= until + p_length)
             ORDER BY at LIMIT 1);
END $$;

-- One shortage in English and French: what, how many, against which events, and when there is room for
-- p_wanted of it.
CREATE FUNCTION rentals.shortage_words(p_material bigint, p_short bigint, p_wanted bigint,
                                       p_from timestamptz, p_to timestamptz, p_without bigint)
    RETURNS text[] LANGUAGE plpgsql STABLE
    SET plan_cache_mode = force_generic_plan AS $$
DECLARE name text; reference text; clashes text[]; free text[]; free_at timestamptz;
BEGIN
    SELECT m.name, m.reference INTO name, reference FROM rentals.materials m
     WHERE m.organization_id = core.org() AND m.id = p_material;
    SELECT ARRAY[string_agg(format('"%s" (event %s, %s from %s to %s)', c.title, c.event_id, c.quantity,
                                   c.since, c.until), ', '),
                 string_agg(format('« %s » (événement %s, %s du %s au %s)', c.title, c.event_id,
                                   c.quantity, c.since, c.until), ', ')] INTO clashes
      FROM (SELECT b.event_id, b.quantity, core.local(b.start_at) AS since, core.local(b.end_at) AS until,
                   (SELECT o.title FROM rentals.events o
                     WHERE o.organization_id = core.org() AND o.id = b.event_id) AS title
              FROM rentals.bookings(ARRAY[p_material], p_from, p_to) b
             WHERE b.event_id IS DISTINCT FROM p_without
             ORDER BY b.start_at, b.event_id LIMIT 3) c;
    free_at := rentals.next_free(p_material, p_wanted, p_from, p_to - p_from, p_without);
    free := ARRAY[core.local(free_at), core.local(free_at + (p_to - p_from))];
    RETURN ARRAY[
        format('%s (%s, id %s): %s short', name, reference, p_material, p_short)
            || coalesce(', booked by ' || clashes[1], '')
            || coalesce(', free from ' || free[1] || ' to ' || free[2], ''),
        format('%s (%s, id %s) : il en manque %s', name, reference, p_material, p_short)
            || coalesce(', pris par ' || clashes[2], '')
            || coalesce(', libre du ' || free[1] || ' au ' || free[2], '')];
END $$;

-- What an event of [p_from, p_to) lacks: materials, how many of each, how many are wanted; the first five.
CREATE FUNCTION rentals.shortages_said(p_materials bigint[], p_short bigint[], p_wanted bigint[],
                                       p_from timestamptz, p_to timestamptz, p_without bigint)
    RETURNS text LANGUAGE plpgsql STABLE
    SET plan_cache_mode = force_generic_plan AS $$
DECLARE said text[]; english text; french text;
BEGIN
    FOR i IN 1 .. least(cardinality(p_materials), 5) LOOP
        said := rentals.shortage_words(p_materials[i], p_short[i], p_wanted[i], p_from, p_to, p_without);
        english := concat_ws('; ', english, said[1]);
        french := concat_ws(' ; ', french, said[2]);
    END LOOP;
    RETURN english || E'.\x1fMatériels insuffisants : ' || french;
END $$;

-- What the event books beyond the stock, in words; NULL: nothing.
CREATE OR REPLACE FUNCTION rentals.shortages(e rentals.events, p_materials bigint[]) RETURNS text
    LANGUAGE plpgsql
    SET plan_cache_mode = force_generic_plan AS $$
DECLARE ids bigint[]; short bigint[]; wanted bigint[];
BEGIN
    SELECT array_agg(m.id), array_agg(b.peak - m.there), array_agg(w.quantity) INTO ids, short, wanted
      FROM (SELECT DISTINCT x AS id FROM unnest(p_materials) x ORDER BY 1) want
     CROSS JOIN LATERAL (SELECT x.id, rentals.in_service(x.stock_quantity, x.out_of_order_quantity) AS there
                           FROM rentals.materials x
                          WHERE x.organization_id = core.org() AND x.id = want.id OFFSET 0) m
     CROSS JOIN LATERAL rentals.peaks(ARRAY[want.id], e.start_date, e.end_date, NULL, true) b
      LEFT JOIN LATERAL (SELECT x.quantity FROM rentals.event_materials x
                          WHERE x.organization_id = core.org() AND x.event_id = e.id
                            AND x.material_id = want.id OFFSET 0) w ON true
     WHERE b.peak > m.there;
    RETURN CASE WHEN ids IS NOT NULL
                THEN rentals.shortages_said(ids, short, wanted, e.start_date, e.end_date, e.id) END;
END $$;

CREATE OR REPLACE FUNCTION rentals.short_within(p_materials bigint[], p_from timestamptz, p_to timestamptz)
    RETURNS bigint[] LANGUAGE plpgsql
    SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN (SELECT array_agg(b.material_id)
              FROM rentals.peaks(p_materials, p_from, p_to, NULL, true) b
             CROSS JOIN LATERAL (SELECT rentals.in_service(x.stock_quantity, x.out_of_order_quantity) AS there
                                   FROM rentals.materials x
                                  WHERE x.organization_id = core.org() AND x.id = b.material_id OFFSET 0) m
             WHERE b.peak > m.there);
END $$;

-- What a list of [[material, quantity], …] asks for: named twice, the last one counts; none is none.
CREATE FUNCTION rentals.wanted_materials(p_materials jsonb)
    RETURNS TABLE (id bigint, quantity bigint, at bigint) LANGUAGE sql IMMUTABLE AS $$
    SELECT w.id, w.quantity, w.at
      FROM (SELECT DISTINCT ON (1) (v ->> 0)::bigint AS id, (v ->> 1)::bigint AS quantity, at
              FROM jsonb_array_elements(p_materials) WITH ORDINALITY AS x (v, at)
             ORDER BY 1, at DESC) w
     WHERE w.quantity > 0
$$;

-- Whether one of them is no person, or in the trash.
CREATE FUNCTION rentals.has_strangers(p_persons bigint[]) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (SELECT FROM unnest(p_persons) AS want (id)
                    WHERE NOT EXISTS (SELECT FROM crm.person_card p
                                       WHERE p.id = want.id AND p.deleted_at IS NULL));
END $$;

-- May the event be made? NULL: yes. user_id | end_date | beneficiaries | assignees | materials: what is wrong
-- with it; or else, in a house that refuses overbooking, what it would lack, in words. The lists are
-- those of keep_new_lists. Looks at the lock as guard_growth does.
CREATE FUNCTION rentals.judge_new_event(p_user bigint, p_start timestamptz, p_end timestamptz,
                                        p_holds boolean, p_beneficiaries bigint[], p_assignees bigint[],
                                        p_materials jsonb) RETURNS text LANGUAGE plpgsql
    SET plan_cache_mode = force_generic_plan AS $$
DECLARE ids bigint[]; quantities bigint[]; unknown boolean; lacking bigint[]; short bigint[];
        wanted bigint[]; refuses boolean; held boolean := true;
        key bigint := rentals.booking_key(core.org());
BEGIN
    IF NOT EXISTS (SELECT FROM accounts.user_card u WHERE u.id = p_user AND u.deleted_at IS NULL) THEN
        RETURN 'user_id';
    END IF;
    IF p_start >= p_end THEN RETURN 'end_date'; END IF;
    IF (cardinality(p_beneficiaries) > 0) IS TRUE AND rentals.has_strangers(p_beneficiaries) THEN
        RETURN 'beneficiaries';
    END IF;
    IF (cardinality(p_assignees) > 0) IS TRUE AND rentals.has_strangers(p_assignees) THEN
        RETURN 'assignees';
    END IF;
    IF p_materials IS NULL THEN RETURN NULL; END IF;
    SELECT array_agg(w.id ORDER BY w.id), array_agg(w.quantity ORDER BY w.id) INTO ids, quantities
      FROM rentals.wanted_materials(p_materials) w;
    IF ids IS NULL THEN RETURN NULL; END IF;
    refuses := p_holds AND accounts.org_setting('overbooking') = 'refuse';
    IF refuses THEN held := pg_try_advisory_xact_lock(key); END IF;
    LOOP
        SELECT bool_or(m.there IS NULL), array_agg(w.id) FILTER (WHERE lacks > 0),
               array_agg(lacks) FILTER (WHERE lacks > 0), array_agg(w.quantity) FILTER (WHERE lacks > 0)
          INTO unknown, lacking, short, wanted
          FROM unnest(ids, quantities) AS w (id, quantity)
          LEFT JOIN LATERAL (SELECT rentals.in_service(x.stock_quantity, x.out_of_order_quantity) AS there
                               FROM rentals.materials x
                              WHERE x.organization_id = core.org() AND x.id = w.id
                                AND x.deleted_at IS NULL OFFSET 0) m ON true
          LEFT JOIN LATERAL (SELECT peak FROM rentals.peaks(ARRAY[w.id], p_start, p_end, NULL, true)
                              WHERE refuses) b ON true
         CROSS JOIN LATERAL (SELECT w.quantity + coalesce(b.peak, 0) - m.there AS lacks) l;
        IF unknown THEN RETURN 'materials'; END IF;
        IF NOT refuses THEN RETURN NULL; END IF;
        EXIT WHEN held OR lacking IS NOT NULL;
        PERFORM pg_advisory_xact_lock(key);
        held := true;
    END LOOP;
    IF lacking IS NULL THEN RETURN NULL; END IF;
    RETURN 'Not enough materials: '
           || rentals.shortages_said(lacking, short, wanted, p_start, p_end, NULL) || '.';
END $$;

-- The lists of an event that was just made and judged. boolean, to stand in a condition.
CREATE FUNCTION rentals.keep_new_lists(p_event bigint, p_beneficiaries bigint[], p_assignees bigint[],
                                       p_materials jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF cardinality(p_beneficiaries) > 0 THEN
        INSERT INTO rentals.event_beneficiaries (event_id, person_id, position)
        SELECT p_event, id, min(at)
          FROM unnest(p_beneficiaries) WITH ORDINALITY AS x (id, at) GROUP BY id;
    END IF;
    IF cardinality(p_assignees) > 0 THEN
        INSERT INTO rentals.event_assignees (event_id, person_id, position)
        SELECT p_event, id, min(at) FROM unnest(p_assignees) WITH ORDINALITY AS x (id, at) GROUP BY id;
    END IF;
    IF p_materials IS NOT NULL THEN
        INSERT INTO rentals.event_materials (event_id, material_id, quantity, position)
        SELECT p_event, w.id, w.quantity, w.at FROM rentals.wanted_materials(p_materials) w ORDER BY w.id;
    END IF;
    RETURN true;
END $$;

-- Materials of an event in document 003's shape, as event_materials_of shows them when nothing is
-- missing, without what it needs to find that out.
CREATE OR REPLACE FUNCTION rentals.event_materials_json(p_event bigint) RETURNS json
    LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT coalesce(json_agg(json_build_object('id', m.id, 'name', m.name,
            'description', m.description, 'reference', m.reference, 'park_id', m.park_id,
            'category_id', m.category_id, 'sub_category_id', m.sub_category_id,
            'rental_price', trim_scale(m.rental_price), 'stock_quantity', m.stock_quantity,
            'out_of_order_quantity', m.out_of_order_quantity,
            'replacement_price', trim_scale(m.replacement_price), 'serial_number', m.serial_number,
            'is_hidden_on_bill', m.is_hidden_on_bill, 'is_discountable', m.is_discountable,
            'park', rentals.park_json(m.park_id), 'category', rentals.category_json(m.category_id),
            'sub_category', rentals.sub_category_json(m.sub_category_id),
            'tags', rentals.material_tags_json(m.id),
            'attributes', rentals.material_attributes_json(m.id),
            'pivot', json_build_object('event_id', em.event_id, 'material_id', m.id,
                                       'quantity', em.quantity)) ORDER BY em.position, m.id), '[]')
          FROM rentals.event_materials em
         CROSS JOIN LATERAL (SELECT x.* FROM rentals.materials x
                              WHERE x.organization_id = core.org() AND x.id = em.material_id
                                AND x.deleted_at IS NULL OFFSET 0) m
         WHERE em.organization_id = core.org() AND em.event_id = p_event);
END $$;

-- The same as their namesakes, for the statement that writes what they show: a stable function sees what
-- was there when its statement began.
CREATE FUNCTION rentals.event_materials_now(p_event bigint) RETURNS json LANGUAGE plpgsql AS $$
BEGIN
    RETURN rentals.event_materials_json(p_event);
END $$;
CREATE FUNCTION rentals.assignees_now(p_event bigint) RETURNS json LANGUAGE plpgsql AS $$
BEGIN
    RETURN rentals.assignees_json(p_event);
END $$;
CREATE FUNCTION rentals.beneficiaries_now(p_event bigint) RETURNS json LANGUAGE plpgsql AS $$
BEGIN
    RETURN rentals.beneficiaries_json(p_event);
END $$;

-- A generated column's expression is prepared by every statement that writes the table: a call of
-- PL/pgSQL costs less than reading an SQL body into it each time.
CREATE OR REPLACE FUNCTION rentals.span_of(p_start timestamptz, p_end timestamptz) RETURNS smallint
    LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN CASE WHEN p_end - p_start <= interval '24 hours' THEN 0
                WHEN p_end - p_start <= interval '4 days' THEN 1
                WHEN p_end - p_start <= interval '16 days' THEN 2
                WHEN p_end - p_start <= interval '64 days' THEN 3
                WHEN p_end - p_start <= interval '256 days' THEN 4
                WHEN p_end - p_start <= interval '1024 days' THEN 5
                WHEN p_end - p_start <= interval '4096 days' THEN 6
                ELSE 7 END;
END $$;

-- Looks at the trash, too, for each booking is filled by its row anyway.
CREATE OR REPLACE FUNCTION rentals.booking_fill() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE trashed boolean;
BEGIN
    SELECT e.start_date, e.end_date, e.deleted_at IS NULL,
           CASE WHEN NOT e.is_confirmed THEN e.expires_at END,
           (SELECT m.deleted_at IS NOT NULL FROM rentals.materials m
             WHERE m.organization_id = NEW.organization_id AND m.id = NEW.material_id)
      INTO NEW.start_at, NEW.end_at, NEW.live, NEW.free_at, trashed
      FROM rentals.events e WHERE e.organization_id = NEW.organization_id AND e.id = NEW.event_id;
    IF trashed THEN PERFORM rentals.refuse_trashed('events_materials_fkey'); END IF;
    RETURN NEW;
END $$;
