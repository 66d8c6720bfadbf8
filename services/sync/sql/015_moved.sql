-- An event of ours that somebody moved to another calendar, there: the block goes along.

-- e stands in calendar c, and carries the mark of a block of ours: block, org. Its link still names the
-- calendar it came from, or was given up when that one said it was gone: then the block was deleted with it, or
-- kept where many were, and stands here under its last name. Its hours come back with it.
CREATE FUNCTION sync.take_moved(c sync.calendars, e jsonb) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    l sync.links;
    b billing.time_blocks;
    a billing.time_blocks;
    was_gone boolean;
    was_deleted boolean;
    books bigint;
BEGIN
    IF e ->> 'org' IS DISTINCT FROM core.org()::text OR NOT coalesce(e ->> 'block' ~ '^\d{1,18}$', false)
       OR e ->> 'status' = 'cancelled' OR c.sync_direction <> 'both' OR c.access NOT IN ('owner', 'writer') THEN
        RETURN 'ours';
    END IF;
    SELECT * INTO b FROM billing.time_blocks
     WHERE organization_id = core.org() AND id = (e ->> 'block')::bigint FOR UPDATE;
    SELECT * INTO l FROM sync.links WHERE organization_id = core.org() AND integration_id = c.integration_id
       AND record_id = b.id FOR UPDATE;
    was_gone := l.external_id IS NULL AND e ->> 'id' = 'tb' || replace(b.uuid::text, '-', '') || 'g' || l.generation - 1;
    was_deleted := was_gone AND coalesce(b.deleted_at = l.removed_at, false);
    IF l.record_id IS NULL OR b.billed_at IS NOT NULL OR billing.is_locked(b.start_time, b.end_time)
       OR EXISTS (SELECT FROM sync.jobs j WHERE j.organization_id = core.org() AND j.kind = 'push'
                     AND j.integration_id = l.integration_id AND j.record_id = l.record_id)
       OR NOT (was_deleted OR b.deleted_at IS NULL AND (was_gone AND l.status = 'synced'
                                                        OR l.is_there AND l.external_id = e ->> 'id')) THEN
        RETURN 'ours';
    END IF;
    UPDATE sync.links SET place = c.external_id, external_id = e ->> 'id', is_there = true, status = 'synced',
           generation = CASE WHEN was_gone THEN generation - 1 ELSE generation END,
           etag = NULL, removed_at = NULL, updated_at = now()
     WHERE organization_id = core.org() AND integration_id = l.integration_id AND record_id = l.record_id
    RETURNING * INTO l;
    UPDATE billing.time_blocks SET calendar_id = c.id, deleted_at = NULL, updated_at = now()
     WHERE organization_id = core.org() AND id = b.id RETURNING * INTO a;
    IF was_deleted THEN
        PERFORM sync.note('time_block', to_jsonb(b), to_jsonb(b) - 'deleted_at');
        books := sync.invoicing_of(b.id);
        IF books IS NOT NULL AND b.end_time IS NOT NULL THEN
            PERFORM sync.add_push(books, 'invoicing', b.id, false, 0::smallint);
        END IF;
    END IF;
    PERFORM sync.note('time_block', to_jsonb(b) - 'deleted_at', to_jsonb(a) - 'deleted_at');
    RETURN sync.take_own(l, c, e); -- what else was changed, and the other side learns of it
END $$;
REVOKE EXECUTE ON FUNCTION sync.take_moved(sync.calendars, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sync.take_moved(sync.calendars, jsonb) TO bureau_sync;

-- As before, but for that. e: block and org, too, of an event that is ours.
CREATE OR REPLACE FUNCTION sync.take_event(p_calendar bigint, e jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE l sync.links; c sync.calendars;
BEGIN
    SELECT * INTO c FROM sync.calendars WHERE organization_id = core.org() AND id = p_calendar;
    SELECT * INTO l FROM sync.links WHERE organization_id = core.org() AND place = c.external_id
       AND integration_id = c.integration_id AND external_id = e ->> 'id';
    IF l.record_id IS NOT NULL THEN RETURN sync.take_own(l, c, e); END IF;
    IF (e ->> 'ours')::boolean THEN RETURN sync.take_moved(c, e); END IF; -- or another's, or on its way
    RETURN sync.take_foreign(c, e);
END $$;
