-- The queue: what billing calls, and what workers do.

-- How long edits wait for more: they go to the provider as one.
CREATE FUNCTION sync.patience(p_type text) RETURNS interval LANGUAGE sql IMMUTABLE
    RETURN CASE p_type WHEN 'invoicing' THEN interval '5 seconds' ELSE interval '1 second' END;

CREATE FUNCTION sync.utc(t timestamptz) RETURNS text LANGUAGE sql STABLE
    RETURN to_char(t AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"');

-- Adds the job or the change to the job that is there. Waiting edits wait on, at most 30 s in all.
CREATE FUNCTION sync.add_job(p_integration bigint, p_kind text, p_record bigint, p_priority smallint,
                             p_wait interval) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO sync.jobs AS j (integration_id, kind, record_id, priority, run_at)
    VALUES (p_integration, p_kind, p_record, p_priority, clock_timestamp() + p_wait)
    ON CONFLICT (organization_id, integration_id, kind, record_id) DO UPDATE SET
        rev = j.rev + 1,
        priority = least(j.priority, excluded.priority),
        run_at = CASE WHEN j.state = 'available' AND j.attempt = 0
                      THEN least(excluded.run_at,
                                 greatest(j.first_at + interval '30 seconds', clock_timestamp()))
                      WHEN j.state = 'available' AND p_wait > interval '0'
                      THEN greatest(j.run_at, excluded.run_at)
                      ELSE excluded.run_at END,
        first_at = CASE WHEN j.state = 'failed' THEN clock_timestamp() ELSE j.first_at END,
        attempt = CASE WHEN j.state = 'failed' OR p_wait <= interval '0' THEN 0 ELSE j.attempt END,
        state = 'available', updated_at = clock_timestamp();
    PERFORM pg_notify('bureau_sync', '');
END $$;

-- Where a block's event belongs: the calendar it names, else the primary one of its user's own
-- integration, else the organization's first. No row: nowhere.
CREATE FUNCTION sync.calendar_of(p_calendar bigint, p_user bigint) RETURNS SETOF sync.calendars
    LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    SELECT c.* FROM sync.calendars c JOIN sync.integrations i
        ON i.organization_id = c.organization_id AND i.id = c.integration_id
     WHERE c.organization_id = core.org() AND c.deleted_at IS NULL AND c.is_enabled
       AND i.deleted_at IS NULL AND i.is_active AND c.access IN ('owner', 'writer')
       AND (c.id = p_calendar OR p_calendar IS NULL AND c.is_primary)
     ORDER BY i.user_id = p_user DESC, i.id, c.id LIMIT 1;
END $$;

CREATE FUNCTION sync.invoicing_of(p_record bigint) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT i.id FROM sync.integrations i
              LEFT JOIN sync.links l ON l.organization_id = i.organization_id
                   AND l.integration_id = i.id AND l.record_id = p_record
             WHERE i.organization_id = core.org() AND i.provider_type = 'invoicing'
               AND i.is_active AND i.deleted_at IS NULL
             ORDER BY l.external_id IS NOT NULL DESC, i.id LIMIT 1);
END $$;

CREATE FUNCTION sync.add_push(p_integration bigint, p_type text, p_record bigint, p_urgent boolean,
                              p_priority smallint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE trouble text;
BEGIN
    SELECT last_error INTO trouble FROM sync.integrations
     WHERE organization_id = core.org() AND id = p_integration AND needs_reconnect;
    INSERT INTO sync.links AS l (integration_id, record_id, provider_type, status, error)
    VALUES (p_integration, p_record, p_type, CASE WHEN trouble IS NULL THEN 'pending' ELSE 'failed' END, trouble)
    ON CONFLICT (organization_id, integration_id, record_id) DO UPDATE SET
        status = excluded.status, error = excluded.error, updated_at = clock_timestamp();
    PERFORM sync.add_job(p_integration, 'push', p_record, p_priority,
                         CASE WHEN p_urgent THEN interval '0' ELSE sync.patience(p_type) END);
END $$;

-- Called by billing in the transaction of the block's own write. p_what: upsert, delete, again.
CREATE FUNCTION sync.enqueue(p_kind text, p_record bigint, p_what text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    b billing.time_blocks;
    c sync.calendars;
    books bigint;
    old record;
    urgent boolean := p_what = 'again';
BEGIN
    SELECT * INTO b FROM billing.time_blocks WHERE organization_id = core.org() AND id = p_record;
    IF p_kind <> 'time_block' OR b.origin IS DISTINCT FROM 'bureau' THEN RETURN; END IF;
    IF p_what <> 'delete' AND b.deleted_at IS NULL THEN
        SELECT * INTO c FROM sync.calendar_of(b.calendar_id, b.user_id);
        IF c.sync_direction <> 'pull' THEN
            PERFORM sync.add_push(c.integration_id, 'calendar', p_record, urgent, 0::smallint);
        END IF;
        books := sync.invoicing_of(p_record);
        IF books IS NOT NULL AND b.end_time IS NOT NULL THEN
            PERFORM sync.add_push(books, 'invoicing', p_record, urgent, 0::smallint);
        END IF;
    END IF;
    -- What stands elsewhere is taken away there.
    FOR old IN SELECT l.integration_id, l.provider_type FROM sync.links l
                 JOIN sync.integrations i ON i.organization_id = l.organization_id AND i.id = l.integration_id
                WHERE l.organization_id = core.org() AND l.record_id = p_record
                  AND i.deleted_at IS NULL
                  AND (l.external_id IS NOT NULL OR l.attempt_at IS NOT NULL OR l.status <> 'none')
                  AND (p_what = 'delete' OR l.integration_id IS DISTINCT FROM
                       CASE l.provider_type WHEN 'calendar' THEN c.integration_id ELSE books END) LOOP
        PERFORM sync.add_push(old.integration_id, old.provider_type, p_record, urgent, 0::smallint);
    END LOOP;
END $$;

-- The state of a block at both sides; what billing shows.
CREATE FUNCTION sync.block_status(p_record bigint) RETURNS jsonb
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    l sync.links;
    out jsonb := '{"calendar_status": "none", "invoicing_status": "none"}';
BEGIN
    FOR l IN SELECT DISTINCT ON (provider_type) * FROM sync.links
              WHERE organization_id = core.org() AND record_id = p_record
              ORDER BY provider_type, status = 'none', updated_at DESC LOOP
        out := out || jsonb_build_object(
            l.provider_type || '_status', l.status,
            l.provider_type || '_error', CASE l.status WHEN 'failed' THEN l.error END,
            CASE l.provider_type WHEN 'calendar' THEN 'calendar_event_id' ELSE 'invoicing_entry_id' END,
            CASE WHEN l.is_there THEN l.external_id END);
    END LOOP;
    RETURN out;
END $$;

CREATE FUNCTION sync.integrations_count(p_type text) RETURNS bigint
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (SELECT count(*) FROM sync.integrations WHERE organization_id = core.org()
               AND provider_type = p_type AND deleted_at IS NULL);
END $$;

-- ---- workers ----

CREATE TYPE sync.claimed AS (
    job bigint, organization bigint, integration bigint, provider text, kind text, record bigint,
    rev bigint, attempt integer, claim bigint, priority smallint, failures integer
);

-- The next job: urgent ones first, then the organization the provider served longest ago, then its
-- lane: who has many accounts has no larger share of a budget. The lease is the lane's, so one integration is served by one worker at a time. A provider that told one of our
-- addresses to wait, or whose budget is used up, is left alone.
CREATE FUNCTION sync.claim(p_worker text, p_lease_ms bigint, p_address text)
RETURNS SETOF sync.claimed LANGUAGE plpgsql AS $$
DECLARE c sync.claimed;
BEGIN
    SELECT j.id, l.organization_id, l.integration_id, l.provider, j.kind, j.record_id, j.rev, 0,
           l.claim + 1, j.priority, l.failures INTO c
      FROM sync.lanes l CROSS JOIN LATERAL (
           SELECT j.id, j.kind, j.record_id, j.rev, j.priority FROM sync.jobs j
            WHERE j.integration_id = l.integration_id AND j.state = 'available'
              AND j.run_at <= clock_timestamp()
            ORDER BY j.priority, j.run_at, j.id LIMIT 1) j
     WHERE (l.lease_until IS NULL OR l.lease_until < clock_timestamp())
       AND l.paused_until <= clock_timestamp()
       AND NOT EXISTS (SELECT FROM sync.budgets b WHERE b.name = l.provider || '@' || p_address
                          AND (b.closed_until > clock_timestamp() OR b.tokens + b.rate
                               * extract(epoch FROM clock_timestamp() - b.filled_at) < 1))
     ORDER BY j.priority, (SELECT max(o.served_at) FROM sync.lanes o
                            WHERE o.organization_id = l.organization_id AND o.provider = l.provider),
              l.served_at LIMIT 1 FOR UPDATE OF l SKIP LOCKED;
    IF c.job IS NULL THEN RETURN; END IF;
    UPDATE sync.lanes SET lease_until = clock_timestamp() + p_lease_ms * interval '1 millisecond',
           worker = p_worker, claim = c.claim, job_id = c.job, served_at = clock_timestamp()
     WHERE integration_id = c.integration;
    UPDATE sync.jobs SET attempt = attempt + 1 WHERE id = c.job
    RETURNING rev, jobs.attempt INTO c.rev, c.attempt;
    IF FOUND THEN RETURN NEXT c; END IF;
END $$;

-- The end of a claimed job; false when the lease was lost meanwhile: then nothing of it counts.
-- p_outcome: done, later (again after the wait, as new), retry, snooze (costs no attempt), failed.
CREATE FUNCTION sync.settle(p_integration bigint, p_claim bigint, p_job bigint, p_rev bigint,
                            p_outcome text, p_wait_ms bigint, p_pause_ms bigint,
                            p_error text) RETURNS boolean
    LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz := clock_timestamp() + p_wait_ms * interval '1 millisecond';
    j sync.jobs;
BEGIN
    UPDATE sync.lanes SET lease_until = NULL, worker = NULL, job_id = NULL,
           failures = CASE WHEN p_outcome = 'retry' OR p_pause_ms > 0 THEN failures + 1
                           WHEN p_outcome = 'snooze' THEN failures ELSE 0 END,
           -- The provider's own wait; and after five failures in a row only a probe now and then.
           paused_until = greatest(paused_until, clock_timestamp() + p_pause_ms * interval '1 millisecond',
               CASE WHEN p_outcome = 'retry' AND failures >= 4 THEN clock_timestamp()
                    + least(300, 2 ^ least(failures - 3, 9)) * interval '1 second' END)
     WHERE organization_id = core.org() AND integration_id = p_integration AND claim = p_claim;
    IF NOT FOUND THEN RETURN false; END IF;
    SELECT * INTO j FROM sync.jobs WHERE organization_id = core.org() AND id = p_job FOR UPDATE;
    IF j.id IS NULL THEN RETURN true; END IF;
    IF p_outcome IN ('done', 'failed') AND j.rev <> p_rev THEN -- it changed meanwhile: once more
        UPDATE sync.jobs SET attempt = 0, error = NULL, first_at = clock_timestamp()
         WHERE organization_id = core.org() AND id = p_job;
        UPDATE sync.links SET status = 'pending', error = NULL WHERE organization_id = core.org()
           AND integration_id = p_integration AND record_id = j.record_id AND j.kind = 'push';
    ELSIF p_outcome = 'done' THEN
        DELETE FROM sync.jobs WHERE organization_id = core.org() AND id = p_job;
    ELSE
        UPDATE sync.jobs SET state = CASE p_outcome WHEN 'failed' THEN 'failed' ELSE 'available' END,
               run_at = CASE WHEN rev <> p_rev AND p_outcome = 'later' THEN run_at ELSE at END,
               error = p_error, updated_at = clock_timestamp(),
               priority = CASE WHEN kind <> 'push' THEN 2 ELSE priority END,
               attempt = CASE p_outcome WHEN 'later' THEN 0 WHEN 'snooze' THEN greatest(attempt - 1, 0)
                                        ELSE attempt END
         WHERE organization_id = core.org() AND id = p_job;
    END IF;
    RETURN true;
END $$;

-- Takes one request from a budget: 0, or how many milliseconds to wait for one. p_reserve: what
-- must be left for urgent work.
CREATE FUNCTION sync.take(p_name text, p_burst numeric, p_rate numeric, p_reserve numeric)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE b sync.budgets; left_now numeric;
BEGIN
    INSERT INTO sync.budgets (name, burst, rate, tokens) VALUES (p_name, p_burst, p_rate, p_burst)
        ON CONFLICT DO NOTHING;
    SELECT * INTO b FROM sync.budgets WHERE name = p_name FOR UPDATE;
    IF b.closed_until > clock_timestamp() THEN
        RETURN 1 + extract(epoch FROM b.closed_until - clock_timestamp()) * 1000;
    END IF;
    left_now := least(p_burst, b.tokens
                      + p_rate * greatest(0, extract(epoch FROM clock_timestamp() - b.filled_at)));
    IF left_now < 1 + p_reserve THEN
        RETURN 1 + ceil((1 + p_reserve - left_now) / p_rate * 1000);
    END IF;
    UPDATE sync.budgets SET tokens = left_now - 1, burst = p_burst, rate = p_rate,
           filled_at = clock_timestamp() WHERE name = p_name;
    RETURN 0;
END $$;

-- Nobody of ours asks the provider before then.
CREATE FUNCTION sync.close_budget(p_name text, p_wait_ms bigint) RETURNS void LANGUAGE sql AS $$
    UPDATE sync.budgets SET tokens = 0, filled_at = clock_timestamp(), closed_until = greatest(closed_until,
           clock_timestamp() + p_wait_ms * interval '1 millisecond') WHERE name = p_name
$$;

-- One block and its link, as a provider needs them; marks it as under way. wanted: it shall stand
-- there, in this place. No row: nothing is known about it.
CREATE FUNCTION sync.load(p_integration bigint, p_record bigint)
RETURNS TABLE (wanted boolean, place_wanted text, uuid text, title text, description text,
               starts text, ends text, zone text, billable boolean, client text, project text,
               contact_id text, project_id text, email text, floor_start text, floor_end text,
               day_from text, day_to text,
               external_id text, is_there boolean, place text, generation integer, etag text,
               sent text, attempted boolean, is_frozen boolean)
LANGUAGE plpgsql AS $$
DECLARE
    l sync.links;
    b billing.time_block_card;
    c sync.calendars;
    ends_at timestamptz;
    is_wanted boolean := false;
BEGIN
    UPDATE sync.links k SET status = 'syncing', updated_at = clock_timestamp()
     WHERE k.organization_id = core.org() AND k.integration_id = p_integration
       AND k.record_id = p_record RETURNING * INTO l;
    IF NOT FOUND THEN RETURN; END IF;
    SELECT * INTO b FROM billing.time_block_card t WHERE t.id = p_record;
    IF b.id IS NOT NULL AND b.deleted_at IS NULL AND b.origin = 'bureau' THEN
        IF l.provider_type = 'calendar' THEN
            SELECT * INTO c FROM sync.calendar_of(b.calendar_id, b.user_id);
            is_wanted := c.integration_id = p_integration AND c.sync_direction <> 'pull';
        ELSE
            is_wanted := sync.invoicing_of(p_record) = p_integration AND b.end_time IS NOT NULL;
        END IF;
    END IF;
    ends_at := greatest(date_trunc('minute', b.end_time), date_trunc('minute', b.start_time) + interval '1 minute');
    RETURN QUERY SELECT coalesce(is_wanted, false), c.external_id, replace(b.uuid::text, '-', ''), b.title,
        b.description, sync.utc(b.start_time), sync.utc(b.end_time), b.timezone, b.is_billable,
        k.name::text, b.project_name::text, k.external_id::text, b.project_external_id::text,
        u.email::text, sync.utc(date_trunc('minute', b.start_time)), sync.utc(ends_at),
        to_char(least(b.start_time, (l.sent ->> 'started_at')::timestamptz) AT TIME ZONE 'UTC'
                - interval '1 day', 'YYYYMMDD'),
        to_char(greatest(ends_at, (l.sent ->> 'ended_at')::timestamptz) AT TIME ZONE 'UTC'
                + interval '1 day', 'YYYYMMDD'),
        l.external_id, l.is_there, l.place, l.generation, l.etag, l.sent::text,
        l.attempt_at IS NOT NULL, l.is_frozen
      FROM (SELECT 1) one
      LEFT JOIN crm.client_card k ON k.id = b.client_id
      LEFT JOIN accounts.user_card u ON u.id = b.user_id;
END $$;

-- The account refuses our tokens: its jobs wait for somebody to connect it again.
CREATE FUNCTION sync.need_reconnect(p_integration bigint, p_reason text) RETURNS void
    LANGUAGE plpgsql AS $$
BEGIN
    UPDATE sync.integrations SET needs_reconnect = true, last_error = p_reason, updated_at = now()
     WHERE organization_id = core.org() AND id = p_integration;
    UPDATE sync.lanes SET paused_until = 'infinity'
     WHERE organization_id = core.org() AND integration_id = p_integration;
    UPDATE sync.links l SET status = 'failed', error = p_reason, updated_at = now()
      FROM sync.jobs j WHERE j.organization_id = l.organization_id AND j.kind = 'push'
       AND j.integration_id = l.integration_id AND j.record_id = l.record_id
       AND l.organization_id = core.org() AND l.integration_id = p_integration;
END $$;

-- A new or renewed connection: its lane is open, everything that waited goes on.
CREATE FUNCTION sync.resume(p_integration bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE i sync.integrations; r record;
BEGIN
    SELECT * INTO i FROM sync.integrations WHERE organization_id = core.org() AND id = p_integration;
    INSERT INTO sync.lanes (integration_id, provider) VALUES (p_integration, i.provider)
        ON CONFLICT (integration_id) DO UPDATE SET paused_until = '-infinity', failures = 0;
    UPDATE sync.jobs SET state = 'available', run_at = clock_timestamp(), attempt = 0
     WHERE organization_id = core.org() AND integration_id = p_integration;
    FOR r IN SELECT record_id, provider_type FROM sync.links l WHERE l.organization_id = core.org()
                AND l.integration_id = p_integration
                AND (l.status = 'failed' OR l.status = 'none' AND l.external_id IS NOT NULL) LOOP
        PERFORM sync.add_push(p_integration, r.provider_type, r.record_id, false, 1::smallint);
    END LOOP;
    PERFORM sync.add_job(p_integration, CASE i.provider_type WHEN 'calendar' THEN 'calendars' ELSE 'import' END,
                         0, 0::smallint, interval '0');
END $$;

-- Tokens are wiped, nothing more is sent; what stands at the provider stays there.
CREATE FUNCTION sync.disconnect(p_integration bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM sync.drop_externals(p_integration);
    DELETE FROM sync.jobs WHERE organization_id = core.org() AND integration_id = p_integration;
    UPDATE sync.links SET status = 'none', error = NULL, updated_at = now()
     WHERE organization_id = core.org() AND integration_id = p_integration;
    UPDATE sync.integrations SET sealed = NULL, key_id = NULL, expires_at = NULL, is_active = false,
           needs_reconnect = false, last_error = NULL, facts = '{}', facts_at = NULL,
           deleted_at = now(), updated_at = now()
     WHERE organization_id = core.org() AND id = p_integration;
END $$;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA sync FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA sync TO bureau_sync;
GRANT EXECUTE ON FUNCTION sync.enqueue(text, bigint, text), sync.block_status(bigint) TO bureau_billing;
GRANT EXECUTE ON FUNCTION sync.integrations_count(text) TO bureau_accounts;
