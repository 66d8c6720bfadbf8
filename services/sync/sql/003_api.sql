-- What the API asks in one piece.

-- Everything of an integration is looked at again now. Does nothing while it must be reconnected.
CREATE FUNCTION sync.force(p_integration bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE r record;
BEGIN
    FOR r IN SELECT i.provider_type, c.id AS calendar FROM sync.integrations i
               LEFT JOIN sync.calendars c ON c.organization_id = i.organization_id
                    AND c.integration_id = i.id AND c.deleted_at IS NULL AND c.is_enabled
                    AND c.sync_direction <> 'push'
              WHERE i.organization_id = core.org() AND i.id = p_integration AND NOT i.needs_reconnect LOOP
        PERFORM sync.add_job(p_integration, CASE r.provider_type WHEN 'calendar' THEN 'calendars' ELSE 'import' END,
                             0, 0::smallint, interval '0');
        IF r.calendar IS NOT NULL THEN
            PERFORM sync.add_job(p_integration, 'pull', r.calendar, 0::smallint, interval '0');
        END IF;
    END LOOP;
END $$;

-- A page of deliveries. Work by the clock is listed only while something is wrong with it.
CREATE FUNCTION sync.job_page(p_status text, p_page text, p_size text) RETURNS json
    LANGUAGE plpgsql STABLE AS $$
DECLARE
    size integer := CASE WHEN p_size ~ '^[1-9]\d{0,2}$' THEN least(p_size::integer, 100)
                         WHEN p_size ~ '^[1-9]\d*$' THEN 100 ELSE 15 END;
    page bigint := CASE WHEN p_page ~ '^[1-9]\d{0,8}$' THEN p_page::bigint ELSE 1 END;
BEGIN
    RETURN (
        WITH shown AS (
            SELECT j.*, l.provider,
                   CASE WHEN j.state = 'failed' THEN 'failed'
                        WHEN l.job_id = j.id AND l.lease_until > now() THEN 'running'
                        ELSE 'pending' END AS status
              FROM sync.jobs j JOIN sync.lanes l ON l.organization_id = j.organization_id
                                                AND l.integration_id = j.integration_id
             WHERE j.organization_id = core.org() AND (j.kind = 'push' OR j.error IS NOT NULL)),
        wanted AS (SELECT * FROM shown WHERE p_status IS NULL OR p_status = '' OR status = p_status)
        SELECT json_build_object(
            'data', coalesce((SELECT json_agg(json_build_object(
                'id', j.id, 'integration_id', j.integration_id, 'provider', j.provider, 'kind', j.kind,
                'record', CASE j.kind WHEN 'push' THEN 'time_block' WHEN 'pull' THEN 'calendar' END,
                'record_id', nullif(j.record_id, 0), 'status', j.status, 'attempts', j.attempt,
                'error', j.error, 'run_at', core.iso(j.run_at), 'created_at', core.iso(j.created_at),
                'updated_at', core.iso(j.updated_at)) ORDER BY j.id DESC)
                FROM (SELECT * FROM wanted ORDER BY id DESC LIMIT size OFFSET (page - 1) * size) j), '[]'),
            'meta', json_build_object('current_page', page, 'per_page', size,
                                      'total', (SELECT count(*) FROM wanted))));
END $$;

-- May a block name this calendar?
CREATE FUNCTION sync.calendar_known(p_calendar bigint) RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN EXISTS (SELECT FROM sync.calendars WHERE organization_id = core.org() AND id = p_calendar
                      AND deleted_at IS NULL);
END $$;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA sync FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA sync TO bureau_sync;
GRANT EXECUTE ON FUNCTION sync.calendar_known(bigint) TO bureau_billing;

-- One change as readers and webhooks get it.
CREATE FUNCTION sync.change_json(a core.audit) RETURNS json LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN json_build_object('seq', a.seq, 'resource', a.resource, 'id', a.row_id, 'op', a.op,
        'user_id', a.user_id, 'at', core.iso(a.at), 'request_id', a.request_id, 'changes', a.changes,
        'hash', encode(a.hash, 'hex'), 'prev_hash', encode(a.prev_hash, 'hex'));
END $$;
REVOKE EXECUTE ON FUNCTION sync.change_json(core.audit) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sync.change_json(core.audit) TO bureau_sync;

-- The changes of the organization in the order they were sealed: numbered without a gap, each with
-- the hash of the one before, so a reader can prove that it missed nothing. What is not sealed yet
-- comes with a later page.
CREATE FUNCTION sync.change_page(p_after bigint, p_limit integer) RETURNS json LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (
        WITH page AS (SELECT * FROM core.audit WHERE organization_id = core.org() AND seq > p_after
                       ORDER BY seq LIMIT p_limit)
        SELECT json_build_object(
            'data', coalesce(json_agg(sync.change_json(page.*::core.audit) ORDER BY seq), '[]'),
            'meta', json_build_object('after', p_after, 'next', coalesce(max(seq), p_after),
                'last', coalesce((SELECT max(seq) FROM core.audit WHERE organization_id = core.org()), 0)))
          FROM page);
END $$;
REVOKE EXECUTE ON FUNCTION sync.change_page(bigint, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sync.change_page(bigint, integer) TO bureau_sync;
