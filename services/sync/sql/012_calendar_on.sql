-- A calendar that is switched on again gets what it missed.

ALTER TABLE sync.calendars ADD COLUMN off_at timestamptz; -- its provider no longer let us write to it

-- What was on its way or failed, and what was written since the provider closed it.
CREATE FUNCTION sync.calendar_on(p_calendar bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE c sync.calendars; block bigint;
BEGIN
    SELECT * INTO c FROM sync.calendars WHERE organization_id = core.org() AND id = p_calendar
       AND is_enabled AND deleted_at IS NULL AND sync_direction <> 'pull';
    IF c.id IS NULL THEN RETURN; END IF;
    UPDATE sync.calendars SET off_at = NULL, last_error = NULL WHERE organization_id = core.org() AND id = c.id;
    FOR block IN
        SELECT record_id FROM sync.links WHERE organization_id = core.org()
           AND integration_id = c.integration_id AND status IN ('none', 'failed')
        UNION SELECT id FROM billing.time_blocks WHERE organization_id = core.org()
           AND updated_at >= c.off_at AND origin = 'bureau' AND deleted_at IS NULL LOOP
        PERFORM sync.enqueue('time_block', block, 'upsert');
    END LOOP;
END $$;
REVOKE EXECUTE ON FUNCTION sync.calendar_on(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sync.calendar_on(bigint) TO bureau_sync;
