-- A house that refuses overbooking refuses what makes a shortage or makes one worse, no more: an event
-- that is short already (the stock was lowered, it was booked before the setting) may be sent back as it
-- is, shortened, or given less.

-- Which of the materials are booked beyond the stock at some instant of [p_from, p_to). NULL: none.
CREATE FUNCTION rentals.short_within(p_materials bigint[], p_from timestamptz, p_to timestamptz)
    RETURNS bigint[] LANGUAGE plpgsql
    SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN (SELECT array_agg(m.id)
      FROM rentals.peaks(p_materials, p_from, p_to, NULL, true) p
      JOIN rentals.materials m ON m.organization_id = core.org() AND m.id = p.material_id
     WHERE p.peak > rentals.in_service(m.stock_quantity, m.out_of_order_quantity));
END $$;

-- What the event made short, in words; NULL: nothing. Of p_grown it books more than before all its time,
-- of p_materials (all it has) in p_more, when it did not book before.
CREATE FUNCTION rentals.made_short(e rentals.events, p_materials bigint[], p_grown bigint[],
                                   p_more tstzmultirange) RETURNS text LANGUAGE plpgsql AS $$
DECLARE short bigint[]; part tstzrange;
BEGIN
    IF p_grown IS NOT NULL THEN
        short := rentals.short_within(p_grown, e.start_date, e.end_date);
    END IF;
    FOR part IN SELECT unnest(p_more) LOOP
        short := short || rentals.short_within(p_materials, lower(part), upper(part));
    END LOOP;
    RETURN CASE WHEN short IS NOT NULL THEN rentals.shortages(e, short) END;
END $$;

-- Refuses the transaction when the event made a shortage or made one worse and the organization wants
-- that refused. p_grown: materials of which it has more than before; p_was: when it booked before.
-- With the lock, what is seen is what there is. Without it (another has it) what is short already is
-- refused at once, for nobody need wait for a refusal; else it is waited for and looked at again.
CREATE FUNCTION rentals.guard_growth(p_event bigint, p_grown bigint[], p_was tstzrange) RETURNS void
    LANGUAGE plpgsql
    SET plan_cache_mode = force_generic_plan AS $$
DECLARE e rentals.events; ids bigint[]; more tstzmultirange; said text; held boolean;
        key bigint := rentals.booking_key(core.org());
BEGIN
    IF accounts.org_setting('overbooking') IS DISTINCT FROM 'refuse' THEN RETURN; END IF;
    SELECT * INTO e FROM rentals.events
     WHERE organization_id = core.org() AND id = p_event AND deleted_at IS NULL
       AND (is_confirmed OR expires_at IS NULL OR expires_at > now());
    IF NOT FOUND THEN RETURN; END IF;
    SELECT array_agg(material_id ORDER BY material_id) INTO ids FROM rentals.event_materials
     WHERE organization_id = core.org() AND event_id = p_event;
    more := tstzmultirange(tstzrange(e.start_date, e.end_date))
            - tstzmultirange(coalesce(p_was, tstzrange(e.start_date, e.end_date)));
    IF ids IS NULL OR (p_grown IS NULL AND isempty(more)) THEN RETURN; END IF;
    held := pg_try_advisory_xact_lock(key);
    said := rentals.made_short(e, ids, p_grown, more);
    IF said IS NULL AND NOT held THEN
        PERFORM pg_advisory_xact_lock(key);
        said := rentals.made_short(e, ids, p_grown, more);
    END IF;
    IF said IS NOT NULL THEN
        PERFORM core.raise('CONFLICT', 'Not enough materials: ' || said || '.');
    END IF;
END $$;

-- An event that booked nothing before.
CREATE OR REPLACE FUNCTION rentals.guard_event(p_event bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM rentals.guard_growth(p_event, NULL, 'empty');
END $$;

-- Bookings follow their event; out of the trash they need room again. When it booked before its row
-- was written is kept for keep_lists, which the same write calls next: "event|period".
CREATE OR REPLACE FUNCTION rentals.booking_follow() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE was tstzrange := 'empty';
BEGIN
    UPDATE rentals.event_materials
       SET start_at = NEW.start_date, end_at = NEW.end_date, live = NEW.deleted_at IS NULL,
           free_at = CASE WHEN NOT NEW.is_confirmed THEN NEW.expires_at END
     WHERE organization_id = NEW.organization_id AND event_id = NEW.id;
    IF OLD.deleted_at IS NOT NULL AND NEW.deleted_at IS NULL THEN
        PERFORM rentals.guard_event(NEW.id);
    ELSIF NEW.deleted_at IS NULL THEN
        IF OLD.is_confirmed OR OLD.expires_at IS NULL OR OLD.expires_at > now() THEN
            was := tstzrange(OLD.start_date, OLD.end_date);
        END IF;
        PERFORM set_config('bureau.event_was', NEW.id || '|' || was, true);
    END IF;
    RETURN NULL;
END $$;

-- When the event booked before this write; NULL: as now. Asked once a write.
CREATE FUNCTION rentals.take_event_was(p_event bigint) RETURNS tstzrange LANGUAGE plpgsql AS $$
DECLARE kept text := current_setting('bureau.event_was', true);
BEGIN
    IF split_part(kept, '|', 1) IS DISTINCT FROM p_event::text THEN RETURN NULL; END IF;
    PERFORM set_config('bureau.event_was', '', true);
    RETURN split_part(kept, '|', 2)::tstzrange;
END $$;

-- Replaces the materials of an event; answers those of which it has more than before. NULL: none.
CREATE FUNCTION rentals.keep_materials(p_event bigint, p_materials jsonb) RETURNS bigint[]
    LANGUAGE plpgsql AS $$
DECLARE had jsonb;
BEGIN
    WITH gone AS (DELETE FROM rentals.event_materials
                   WHERE organization_id = core.org() AND event_id = p_event
                  RETURNING material_id, quantity)
    SELECT jsonb_object_agg(material_id, quantity) INTO had FROM gone;
    INSERT INTO rentals.event_materials (event_id, material_id, quantity, position)
    SELECT p_event, w.id, w.quantity, w.at
      FROM (SELECT DISTINCT ON (1) (v ->> 0)::bigint AS id, (v ->> 1)::bigint AS quantity, at
              FROM jsonb_array_elements(p_materials) WITH ORDINALITY AS x (v, at)
             ORDER BY 1, at DESC) w
     WHERE w.quantity > 0 ORDER BY w.id;
    RETURN (SELECT array_agg(material_id ORDER BY material_id) FROM rentals.event_materials
             WHERE organization_id = core.org() AND event_id = p_event
               AND quantity > coalesce((had ->> material_id::text)::bigint, 0));
END $$;

-- Replaces the lists of an event, each only when given: [person, …] and [[material, quantity], …].
-- Named twice, the last one counts. p_guard: the event may book more than before.
CREATE OR REPLACE FUNCTION rentals.keep_lists(p_event bigint, p_beneficiaries bigint[],
                                              p_assignees bigint[], p_materials jsonb,
                                              p_guard boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE grown bigint[];
BEGIN
    IF p_beneficiaries IS NOT NULL THEN
        DELETE FROM rentals.event_beneficiaries
         WHERE organization_id = core.org() AND event_id = p_event;
        INSERT INTO rentals.event_beneficiaries (event_id, person_id, position)
        SELECT p_event, id, min(at)
          FROM unnest(p_beneficiaries) WITH ORDINALITY AS x (id, at) GROUP BY id;
    END IF;
    IF p_assignees IS NOT NULL THEN
        DELETE FROM rentals.event_assignees WHERE organization_id = core.org() AND event_id = p_event;
        INSERT INTO rentals.event_assignees (event_id, person_id, position)
        SELECT p_event, id, min(at) FROM unnest(p_assignees) WITH ORDINALITY AS x (id, at) GROUP BY id;
    END IF;
    IF p_materials IS NOT NULL THEN
        grown := rentals.keep_materials(p_event, p_materials);
    END IF;
    IF p_guard THEN
        PERFORM rentals.guard_growth(p_event, grown, rentals.take_event_was(p_event));
    END IF;
END $$;
