-- Bookings of a house that refuses overbooking take turns by one lock of the organization instead of
-- its materials' rows: a group of bookings takes it once and is one commit, and whoever takes it
-- before anything else waits with empty hands. Materials' rows stay free for inventories and edits.

CREATE FUNCTION rentals.booking_key(p_org bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT hashtextextended('rentals.bookings', p_org)
$$;

-- The locks of these organizations, in one order; of those that refuse.
CREATE FUNCTION rentals.lock_bookings(p_orgs bigint[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE before text := current_setting('bureau.org', true); org bigint;
BEGIN
    FOR org IN SELECT DISTINCT o FROM unnest(p_orgs) o ORDER BY o LOOP
        PERFORM set_config('bureau.org', org::text, true);
        IF accounts.org_setting('overbooking') = 'refuse' THEN
            PERFORM pg_advisory_xact_lock(rentals.booking_key(org));
        END IF;
    END LOOP;
    PERFORM set_config('bureau.org', coalesce(before, ''), true);
END $$;

-- Refuses the transaction when the event books more than there is and the organization wants that
-- refused. With the lock, what is seen is what there is. Without it (another has it) what is short
-- already is refused at once, for nobody need wait for a refusal; else it is waited for and looked
-- at again.
CREATE OR REPLACE FUNCTION rentals.guard_event(p_event bigint) RETURNS void LANGUAGE plpgsql
    SET plan_cache_mode = force_generic_plan AS $$
DECLARE e rentals.events; ids bigint[]; said text; key bigint := rentals.booking_key(core.org());
BEGIN
    IF accounts.org_setting('overbooking') IS DISTINCT FROM 'refuse' THEN RETURN; END IF;
    SELECT * INTO e FROM rentals.events
     WHERE organization_id = core.org() AND id = p_event AND deleted_at IS NULL
       AND (is_confirmed OR expires_at IS NULL OR expires_at > now());
    IF NOT FOUND THEN RETURN; END IF;
    SELECT array_agg(material_id ORDER BY material_id) INTO ids FROM rentals.event_materials
     WHERE organization_id = core.org() AND event_id = p_event;
    IF ids IS NULL THEN RETURN; END IF;
    IF NOT pg_try_advisory_xact_lock(key) THEN
        said := rentals.shortages(e, ids);
        IF said IS NULL THEN PERFORM pg_advisory_xact_lock(key); END IF;
    END IF;
    said := coalesce(said, rentals.shortages(e, ids));
    IF said IS NOT NULL THEN
        PERFORM core.raise('CONFLICT', 'Not enough materials: ' || said || '.');
    END IF;
END $$;
