-- What changes at the providers and is taken over here. These functions write tables of billing and
-- crm, each by its own rules: an origin other than ours, edits of clean blocks only, no deletion in
-- bulk. Changes taken over are never sent back to where they came from.

-- Events of others that stand here as read-only blocks.
CREATE TABLE sync.externals (
    organization_id bigint NOT NULL DEFAULT core.org(),
    calendar_id     bigint NOT NULL,
    external_id     text NOT NULL,
    record_id       bigint NOT NULL,
    etag            text,
    seen_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (organization_id, calendar_id, external_id),
    CONSTRAINT externals_calendar_id_fkey FOREIGN KEY (organization_id, calendar_id)
        REFERENCES sync.calendars (organization_id, id)
);
ALTER TABLE sync.externals ENABLE ROW LEVEL SECURITY;
ALTER TABLE sync.externals FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON sync.externals USING (organization_id = core.org());
GRANT SELECT, INSERT, UPDATE, DELETE ON sync.externals TO bureau_sync;

-- When somebody empties a calendar, blocks are not deleted with it: so many an hour may go.
ALTER TABLE sync.links ADD COLUMN removed_at timestamptz;

-- A channel through which the provider tells that a calendar changed; its address carries a secret.
ALTER TABLE sync.calendars
    ADD COLUMN channel_hash text,     -- SHA-256 of the secret
    ADD COLUMN channel_old_hash text, -- of the channel before, which may still be open
    ADD COLUMN channel_until timestamptz,
    ADD COLUMN channel_asked_at timestamptz;

-- The provider has rung: the calendar is looked at. false: nobody knows this bell.
CREATE FUNCTION sync.channel_rang(p_hash text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE c sync.calendars;
BEGIN
    SELECT * INTO c FROM sync.calendars WHERE organization_id = core.org() AND deleted_at IS NULL
       AND p_hash IN (channel_hash, channel_old_hash);
    IF c.id IS NULL THEN RETURN false; END IF;
    IF c.is_enabled AND c.sync_direction <> 'push' AND EXISTS (SELECT FROM sync.integrations i
            WHERE i.organization_id = core.org() AND i.id = c.integration_id AND i.deleted_at IS NULL) THEN
        PERFORM sync.add_job(c.integration_id, 'pull', c.id, 0::smallint, interval '1 second');
    END IF;
    RETURN true;
END $$;

-- "2024-01-08T09:00:00+01:00", or a day, which begins at midnight there. NULL: neither.
CREATE FUNCTION sync.instant(p_text text, p_zone text) RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF p_text ~ '^\d{4}-\d{2}-\d{2}$' THEN
        RETURN p_text::date::timestamp AT TIME ZONE coalesce(p_zone, 'UTC');
    ELSIF p_text ~ '^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$' THEN
        RETURN p_text::timestamptz;
    END IF;
    RETURN NULL;
EXCEPTION WHEN datetime_field_overflow OR invalid_datetime_format OR invalid_parameter_value THEN
    RETURN NULL;
END $$;

-- What is taken over is in the log of changes too; p_before NULL: made. By nobody, unless asked for.
CREATE FUNCTION sync.note(p_resource text, p_before jsonb, p_after jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    diff jsonb := CASE WHEN p_before IS NULL THEN core.audit_row(p_after, '{}')
                       ELSE core.audit_diff(p_before, p_after, '{}') END;
    way text := CASE WHEN p_before IS NULL THEN 'create'
                     WHEN p_before ->> 'deleted_at' IS NULL AND p_after ->> 'deleted_at' IS NOT NULL THEN 'delete'
                     WHEN p_before ->> 'deleted_at' IS NOT NULL AND p_after ->> 'deleted_at' IS NULL THEN 'restore'
                     ELSE 'update' END;
BEGIN
    IF way = 'update' AND diff - 'updated_at' = '{}' THEN RETURN; END IF;
    INSERT INTO core.audit (organization_id, resource, row_id, op, user_id, token_id, request_id, changes)
    VALUES (core.org(), p_resource, (p_after ->> 'id')::bigint, way, coalesce(core.usr(), 0), 0, 'sync',
            CASE WHEN way IN ('create', 'update') THEN diff ELSE '{}' END);
END $$;

-- Our own event, changed there. Ours wins while a change of ours still waits.
CREATE FUNCTION sync.take_own(l sync.links, c sync.calendars, e jsonb) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    b billing.time_blocks;
    a billing.time_blocks;
    starts timestamptz := sync.instant(e ->> 'start', c.zone);
    ends timestamptz := sync.instant(e ->> 'end', c.zone);
    books bigint;
BEGIN
    SELECT * INTO b FROM billing.time_blocks
     WHERE organization_id = core.org() AND id = l.record_id FOR UPDATE;
    IF b.id IS NULL OR b.deleted_at IS NOT NULL OR c.sync_direction <> 'both'
       OR b.billed_at IS NOT NULL OR billing.is_locked(b.start_time, b.end_time)
       OR e ->> 'etag' IS NOT DISTINCT FROM l.etag
       OR EXISTS (SELECT FROM sync.jobs j WHERE j.organization_id = core.org() AND j.kind = 'push'
                     AND j.integration_id = l.integration_id AND j.record_id = l.record_id) THEN
        RETURN 'left';
    END IF;
    IF e ->> 'status' = 'cancelled' THEN
        IF (SELECT count(*) FROM sync.links k WHERE k.organization_id = core.org()
               AND k.integration_id = l.integration_id AND k.removed_at > now() - interval '1 hour') >= 20 THEN
            UPDATE sync.calendars SET last_error = 'Many events were deleted there. Time blocks were kept; delete them here, or change them to put the events back.'
             WHERE organization_id = core.org() AND id = c.id;
            UPDATE sync.links SET external_id = NULL, is_there = false, etag = NULL, generation = generation + 1
             WHERE organization_id = core.org() AND integration_id = l.integration_id AND record_id = l.record_id;
            RETURN 'kept';
        END IF;
        UPDATE billing.time_blocks SET deleted_at = now(), updated_at = now()
         WHERE organization_id = core.org() AND id = b.id RETURNING * INTO a;
        UPDATE sync.links SET external_id = NULL, is_there = false, etag = NULL, status = 'none',
               generation = generation + 1, removed_at = now(), updated_at = now()
         WHERE organization_id = core.org() AND integration_id = l.integration_id AND record_id = l.record_id;
    ELSE
        UPDATE billing.time_blocks SET title = coalesce(nullif(left(e ->> 'summary', 255), ''), title),
               start_time = coalesce(starts, start_time),
               end_time = CASE WHEN ends > coalesce(starts, start_time) THEN ends ELSE end_time END,
               updated_at = now()
         WHERE organization_id = core.org() AND id = b.id AND (title, start_time, end_time)
               IS DISTINCT FROM (coalesce(nullif(left(e ->> 'summary', 255), ''), title), starts, ends)
        RETURNING * INTO a;
        UPDATE sync.links SET etag = e ->> 'etag', updated_at = now()
         WHERE organization_id = core.org() AND integration_id = l.integration_id AND record_id = l.record_id;
    END IF;
    IF a.id IS NOT NULL THEN PERFORM sync.note('time_block', to_jsonb(b), to_jsonb(a)); END IF;
    -- The other side learns of it; the one it came from knows.
    FOR books IN SELECT k.integration_id FROM sync.links k WHERE k.organization_id = core.org()
                    AND k.record_id = b.id AND k.provider_type = 'invoicing' AND k.status <> 'none' LOOP
        PERFORM sync.add_push(books, 'invoicing', b.id, false, 0::smallint);
    END LOOP;
    RETURN 'taken';
END $$;

-- Somebody else's event: a read-only block of the integration's user.
CREATE FUNCTION sync.take_foreign(c sync.calendars, e jsonb) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    x sync.externals;
    i sync.integrations;
    b billing.time_blocks;
    a billing.time_blocks;
    starts timestamptz := sync.instant(e ->> 'start', c.zone);
    ends timestamptz := sync.instant(e ->> 'end', c.zone);
    zone text := coalesce((SELECT name FROM pg_timezone_names WHERE name = coalesce(e ->> 'zone', c.zone)), 'UTC');
BEGIN
    SELECT * INTO x FROM sync.externals WHERE organization_id = core.org() AND calendar_id = c.id
       AND external_id = e ->> 'id';
    SELECT * INTO b FROM billing.time_blocks WHERE organization_id = core.org() AND id = x.record_id;
    IF e ->> 'status' = 'cancelled' OR starts IS NULL OR ends IS NULL OR ends <= starts THEN
        UPDATE billing.time_blocks SET deleted_at = coalesce(deleted_at, now())
         WHERE organization_id = core.org() AND id = x.record_id RETURNING * INTO a;
        IF a.id IS NOT NULL THEN PERFORM sync.note('time_block', to_jsonb(b), to_jsonb(a)); END IF;
        DELETE FROM sync.externals WHERE organization_id = core.org() AND calendar_id = c.id
           AND external_id = e ->> 'id';
        RETURN 'gone';
    END IF;
    SELECT * INTO i FROM sync.integrations WHERE organization_id = core.org() AND id = c.integration_id;
    IF x.record_id IS NULL THEN
        INSERT INTO billing.time_blocks (user_id, title, description, start_time, end_time, timezone,
                                         color, is_billable, calendar_id, origin)
        VALUES (i.user_id, coalesce(nullif(left(e ->> 'summary', 255), ''), '(no title)'),
                left(e ->> 'description', 5000), starts, ends, zone, c.color, false, c.id, i.provider)
        RETURNING * INTO a;
        x.record_id := a.id;
        PERFORM sync.note('time_block', NULL, to_jsonb(a));
    ELSIF x.etag IS DISTINCT FROM e ->> 'etag' THEN
        UPDATE billing.time_blocks SET title = coalesce(nullif(left(e ->> 'summary', 255), ''), '(no title)'),
               description = left(e ->> 'description', 5000), start_time = starts, end_time = ends,
               deleted_at = NULL, updated_at = now()
         WHERE organization_id = core.org() AND id = x.record_id RETURNING * INTO a;
        PERFORM sync.note('time_block', to_jsonb(b), to_jsonb(a));
    END IF;
    INSERT INTO sync.externals (calendar_id, external_id, record_id, etag)
    VALUES (c.id, e ->> 'id', x.record_id, e ->> 'etag')
    ON CONFLICT (organization_id, calendar_id, external_id) DO UPDATE SET etag = excluded.etag,
        seen_at = clock_timestamp();
    RETURN 'shown';
END $$;

-- One event of a list. e: id, etag, status, summary, description, start, end, zone, ours.
CREATE FUNCTION sync.take_event(p_calendar bigint, e jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE l sync.links; c sync.calendars;
BEGIN
    SELECT * INTO c FROM sync.calendars WHERE organization_id = core.org() AND id = p_calendar;
    SELECT * INTO l FROM sync.links WHERE organization_id = core.org() AND place = c.external_id
       AND integration_id = c.integration_id AND external_id = e ->> 'id';
    IF l.record_id IS NOT NULL THEN RETURN sync.take_own(l, c, e); END IF;
    IF (e ->> 'ours')::boolean THEN RETURN 'ours'; END IF; -- of another connection, or on its way
    RETURN sync.take_foreign(c, e);
END $$;

-- After a whole list: what it no longer has is gone, as far back as it went.
CREATE FUNCTION sync.forget_unseen(p_calendar bigint, p_since timestamptz, p_from timestamptz) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE a billing.time_blocks;
BEGIN
    FOR a IN WITH gone AS (
        DELETE FROM sync.externals x USING billing.time_blocks b
         WHERE x.organization_id = core.org() AND x.calendar_id = p_calendar AND x.seen_at < p_since
           AND b.organization_id = x.organization_id AND b.id = x.record_id AND b.end_time > p_from
        RETURNING x.record_id)
    UPDATE billing.time_blocks SET deleted_at = now() WHERE organization_id = core.org()
       AND id IN (SELECT record_id FROM gone) AND deleted_at IS NULL RETURNING * LOOP
        PERFORM sync.note('time_block', to_jsonb(a) - 'deleted_at', to_jsonb(a));
    END LOOP;
END $$;

-- Without the connection its read-only blocks are no longer true.
CREATE FUNCTION sync.drop_externals(p_integration bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE a billing.time_blocks;
BEGIN
    FOR a IN WITH gone AS (
        DELETE FROM sync.externals x USING sync.calendars c
         WHERE x.organization_id = core.org() AND c.organization_id = x.organization_id
           AND c.id = x.calendar_id AND c.integration_id = p_integration
        RETURNING x.record_id)
    UPDATE billing.time_blocks SET deleted_at = now() WHERE organization_id = core.org()
       AND id IN (SELECT record_id FROM gone) AND deleted_at IS NULL RETURNING * LOOP
        PERFORM sync.note('time_block', to_jsonb(a) - 'deleted_at', to_jsonb(a));
    END LOOP;
    UPDATE sync.calendars SET sync_token = NULL, channel_hash = NULL, channel_old_hash = NULL,
           channel_until = NULL, channel_asked_at = NULL
     WHERE organization_id = core.org() AND integration_id = p_integration;
END $$;

-- ---- Moneybird ----

-- A contact becomes the client with its id, or one of the same name that has none yet.
CREATE FUNCTION sync.take_contact(p_external text, p_name text, p_email text, p_archived boolean) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE k crm.clients; a crm.clients; called text := left(p_name, 255);
BEGIN
    IF coalesce(called, '') = '' THEN RETURN; END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('sync.contacts:' || core.org(), 0));
    SELECT * INTO k FROM crm.clients WHERE organization_id = core.org() AND external_id = p_external
     ORDER BY deleted_at IS NOT NULL LIMIT 1;
    IF k.deleted_at IS NOT NULL THEN RETURN; END IF; -- somebody threw it away here
    IF k.id IS NULL THEN
        SELECT * INTO k FROM crm.clients WHERE organization_id = core.org() AND deleted_at IS NULL
           AND external_id IS NULL AND core.fold(name) = core.fold(called) ORDER BY id LIMIT 1;
    END IF;
    IF k.id IS NULL AND NOT p_archived THEN
        INSERT INTO crm.clients (name, email, external_id, type, status, is_active)
        VALUES (called, nullif(p_email, ''), p_external, 'company', 'active', true) RETURNING * INTO a;
        PERFORM sync.note('client', NULL, to_jsonb(a));
    ELSIF k.id IS NOT NULL AND (k.external_id IS NULL OR k.name <> called OR p_archived = k.is_active) THEN
        UPDATE crm.clients SET external_id = p_external, name = called,
               is_active = NOT p_archived,
               status = CASE WHEN p_archived THEN 'archived' WHEN status = 'archived' THEN 'active' ELSE status END,
               updated_at = now()
         WHERE organization_id = core.org() AND id = k.id RETURNING * INTO a;
        PERFORM sync.note('client', to_jsonb(k), to_jsonb(a));
    END IF;
END $$;

CREATE FUNCTION sync.take_project(p_external text, p_name text, p_active boolean) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE p billing.projects; a billing.projects; called text := left(p_name, 255);
BEGIN
    IF coalesce(called, '') = '' THEN RETURN; END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('sync.projects:' || core.org(), 0));
    SELECT * INTO p FROM billing.projects WHERE organization_id = core.org() AND external_id = p_external
     ORDER BY deleted_at IS NOT NULL LIMIT 1;
    IF p.deleted_at IS NOT NULL THEN RETURN; END IF;
    IF p.id IS NULL THEN
        SELECT * INTO p FROM billing.projects WHERE organization_id = core.org() AND deleted_at IS NULL
           AND external_id IS NULL AND core.fold(name) = core.fold(called) ORDER BY id LIMIT 1;
    END IF;
    IF p.id IS NULL THEN
        INSERT INTO billing.projects (name, external_id, is_active) VALUES (called, p_external, p_active)
        RETURNING * INTO a;
        PERFORM sync.note('project', NULL, to_jsonb(a));
    ELSIF p.external_id IS NULL OR p.name <> called OR p.is_active <> p_active THEN
        UPDATE billing.projects SET external_id = p_external, name = called, is_active = p_active,
               updated_at = now() WHERE organization_id = core.org() AND id = p.id RETURNING * INTO a;
        PERFORM sync.note('project', to_jsonb(p), to_jsonb(a));
    END IF;
END $$;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA sync FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA sync TO bureau_sync;
