-- A lease is not all: what is claimed is also locked by the worker's own session, as long as that
-- session lives. So a database clock that jumps ahead ends the lease of nobody who is still at work,
-- and one that jumps back keeps nothing claimed for long.

-- Whether a living session holds what was claimed of this integration.
CREATE FUNCTION sync.is_held(p_integration bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM pg_catalog.pg_locks k
                    WHERE k.locktype = 'advisory' AND k.granted AND k.objsubid = 1
                      AND k.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
                      AND (k.classid::bigint << 32 | k.objid::bigint)
                          = hashtextextended('sync.lanes:' || p_integration, 0))
$$;

-- As before, but for that: an integration whose lease is over, or longer than any lease, is taken
-- only when the session it was claimed by is gone.
CREATE OR REPLACE FUNCTION sync.claim(p_worker text, p_lease_ms bigint, p_address text)
RETURNS SETOF sync.claimed LANGUAGE plpgsql AS $$
DECLARE c sync.claimed;
BEGIN
    PERFORM pg_advisory_unlock_all(); -- of a claim that could not be settled
    SELECT j.id, l.organization_id, l.integration_id, l.provider, j.kind, j.record_id, j.rev, 0,
           l.claim + 1, j.priority, l.failures INTO c
      FROM sync.lanes l CROSS JOIN LATERAL (
           SELECT j.id, j.kind, j.record_id, j.rev, j.priority FROM sync.jobs j
            WHERE j.integration_id = l.integration_id AND j.state = 'available'
              AND j.run_at <= clock_timestamp()
            ORDER BY j.priority, j.run_at, j.id LIMIT 1) j
     WHERE (l.lease_until IS NULL
            OR (l.lease_until < clock_timestamp() OR l.lease_until > clock_timestamp() + interval '2 minutes')
               AND NOT sync.is_held(l.integration_id))
       AND l.paused_until <= clock_timestamp()
       AND NOT EXISTS (SELECT FROM sync.budgets b WHERE b.name = l.provider || '@' || p_address
                          AND (b.closed_until > clock_timestamp() OR b.tokens + b.rate
                               * extract(epoch FROM clock_timestamp() - b.filled_at) < 1))
     ORDER BY j.priority, (SELECT max(o.served_at) FROM sync.lanes o
                            WHERE o.organization_id = l.organization_id AND o.provider = l.provider),
              l.served_at LIMIT 1 FOR UPDATE OF l SKIP LOCKED;
    IF c.job IS NULL OR NOT pg_try_advisory_lock(hashtextextended('sync.lanes:' || c.integration, 0)) THEN
        RETURN;
    END IF;
    UPDATE sync.jobs SET attempt = attempt + 1 WHERE id = c.job
    RETURNING rev, jobs.attempt INTO c.rev, c.attempt;
    IF NOT FOUND THEN RETURN; END IF; -- it was taken away meanwhile
    UPDATE sync.lanes SET lease_until = clock_timestamp() + p_lease_ms * interval '1 millisecond',
           worker = p_worker, claim = c.claim, job_id = c.job, served_at = clock_timestamp()
     WHERE integration_id = c.integration;
    RETURN NEXT c;
END $$;

-- As before, and the session's lock ends with the claim.
CREATE OR REPLACE FUNCTION sync.settle(p_integration bigint, p_claim bigint, p_job bigint, p_rev bigint,
                                       p_outcome text, p_wait_ms bigint, p_pause_ms bigint,
                                       p_error text) RETURNS boolean
    LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz := clock_timestamp() + p_wait_ms * interval '1 millisecond';
    j sync.jobs;
BEGIN
    PERFORM pg_advisory_unlock_all();
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

REVOKE EXECUTE ON FUNCTION sync.is_held(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sync.is_held(bigint) TO bureau_sync;
