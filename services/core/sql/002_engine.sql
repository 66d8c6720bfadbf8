-- What the resource engine (services/core) needs in the database: joining custom fields to a row,
-- and the log of changes.

-- PL/pgSQL keeps the plans of its expressions; SQL functions that cannot be inlined are planned anew
-- at every row.

-- Both objects' members in one object; a is never empty, b may be.
CREATE FUNCTION core.json_join(a json, b json) RETURNS json
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    IF a IS NULL OR b IS NULL OR b::text ~ '^\s*\{\s*\}\s*$' THEN
        RETURN a;
    END IF;
    RETURN (left(a::text, -1) || ',' || substr(btrim(b::text), 2))::json;
END $$;

-- Every defined key with its value, or with what stands for none (null, []).
CREATE FUNCTION core.custom_values(custom jsonb, ids text[], empties json[]) RETURNS json
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN (SELECT json_object_agg(d.id, coalesce(nullif(custom -> d.id, 'null'::jsonb)::json, d.nothing)
                                   ORDER BY d.n)
            FROM unnest(ids, empties) WITH ORDINALITY AS d (id, nothing, n));
END $$;

-- Is any of the options among those of a value?
CREATE FUNCTION core.has_option(value jsonb, options bigint[]) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    option bigint;
BEGIN
    FOREACH option IN ARRAY options LOOP
        IF value @> to_jsonb(option) THEN
            RETURN true;
        END IF;
    END LOOP;
    RETURN false;
END $$;

-- A new row as it is logged: without nulls, secrets and what the database keeps for itself. Reading
-- makes a diff of it (services/core/audit_read.c): that costs the reader, not every writer.
CREATE FUNCTION core.audit_row(after jsonb, secrets text[]) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN jsonb_strip_nulls(after - '{@v,organization_id,search_text,contacts_count,'
                                      'communications_count,projects_count}'::text[] - secrets);

-- {"column": [old, new]} of every column that differs.
CREATE FUNCTION core.audit_diff(before jsonb, after jsonb, secrets text[]) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN (SELECT coalesce(jsonb_object_agg(k.key, jsonb_build_array(before -> k.key, after -> k.key)), '{}')
            FROM jsonb_object_keys(coalesce(after, before)) AS k (key)
            WHERE (before -> k.key) IS DISTINCT FROM (after -> k.key)
              AND k.key <> ALL ('{@v,organization_id,search_text,contacts_count,communications_count,'
                               'projects_count}'::text[])
              AND k.key <> ALL (secrets)
              AND NOT (before IS NULL AND after -> k.key = 'null'::jsonb)
              AND NOT (after IS NULL AND before -> k.key = 'null'::jsonb));
END $$;

CREATE TABLE core.audit (
    id              bigint GENERATED ALWAYS AS IDENTITY,
    organization_id bigint NOT NULL DEFAULT core.org(),
    resource        text NOT NULL,
    row_id          bigint NOT NULL,
    op              text NOT NULL CONSTRAINT audit_op_check
                    CHECK (op IN ('create', 'update', 'delete', 'restore', 'destroy')),
    user_id         bigint NOT NULL,
    token_id        bigint NOT NULL,
    request_id      text NOT NULL DEFAULT '',
    at              timestamptz NOT NULL DEFAULT clock_timestamp(),
    changes         jsonb NOT NULL, -- {"column": [old, new]}; of a create the row itself
    seq             bigint,  -- place in the organization's chain; NULL: not sealed yet
    prev_hash       bytea,
    hash            bytea,
    PRIMARY KEY (organization_id, id)
);
-- Few indexes, for every write pays for them: the key serves the lists too.
CREATE UNIQUE INDEX audit_seq_key ON core.audit (organization_id, seq) WHERE seq IS NOT NULL;
CREATE INDEX audit_row_idx ON core.audit (organization_id, resource, row_id, id DESC);
CREATE INDEX audit_open_idx ON core.audit (id) WHERE seq IS NULL;
ALTER TABLE core.audit ENABLE ROW LEVEL SECURITY;
ALTER TABLE core.audit FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON core.audit USING (organization_id = core.org());
GRANT SELECT, INSERT ON core.audit TO bureau_accounts, bureau_crm, bureau_rentals, bureau_billing, bureau_sync;
-- The owner (whose functions seal and verify) sees every organization's rows; services only theirs.
CREATE POLICY owner ON core.audit TO CURRENT_ROLE USING (true) WITH CHECK (true);

-- What was appended stays: only its place in the chain may be added, once.
CREATE FUNCTION core.audit_keep() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    unplaced core.audit;
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.seq IS NULL AND NEW.seq IS NOT NULL THEN
        unplaced := NEW;
        unplaced.seq := OLD.seq;
        unplaced.prev_hash := OLD.prev_hash;
        unplaced.hash := OLD.hash;
        IF unplaced IS NOT DISTINCT FROM OLD THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'core.audit is append-only';
END $$;
CREATE TRIGGER audit_keep BEFORE UPDATE OR DELETE ON core.audit
    FOR EACH ROW EXECUTE FUNCTION core.audit_keep();
CREATE TRIGGER audit_keep_all BEFORE TRUNCATE ON core.audit
    FOR EACH STATEMENT EXECUTE FUNCTION core.audit_keep();

-- Hash of a row at its place behind another: every column counts.
CREATE FUNCTION core.audit_hash(a core.audit, place bigint, before bytea) RETURNS bytea
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN sha256(coalesce(before, ''::bytea) || convert_to(jsonb_build_array(
        place, a.id, a.organization_id, a.resource, a.row_id, a.op, a.user_id, a.token_id,
        a.request_id, extract(epoch FROM a.at), a.changes)::text, 'UTF8'));

-- How far each organization's chain goes and what its last hash is: without it the newest entries could
-- be cut off unseen. Nobody is granted anything here; core.audit_seal() writes it, as the owner.
CREATE TABLE core.audit_head (
    organization_id bigint PRIMARY KEY,
    seq             bigint NOT NULL,
    hash            bytea NOT NULL,
    at              timestamptz NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE core.audit_head ENABLE ROW LEVEL SECURITY;
ALTER TABLE core.audit_head FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON core.audit_head USING (organization_id = core.org());
CREATE POLICY owner ON core.audit_head TO CURRENT_ROLE USING (true) WITH CHECK (true);

-- It only ever goes on.
CREATE FUNCTION core.audit_head_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.organization_id = OLD.organization_id AND NEW.seq > OLD.seq THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'core.audit_head only goes on';
END $$;
CREATE TRIGGER audit_head_keep BEFORE UPDATE OR DELETE ON core.audit_head
    FOR EACH ROW EXECUTE FUNCTION core.audit_head_keep();
CREATE TRIGGER audit_head_keep_all BEFORE TRUNCATE ON core.audit_head
    FOR EACH STATEMENT EXECUTE FUNCTION core.audit_head_keep();

CREATE FUNCTION core.audit_head_set(p_organization bigint, p_seq bigint, p_hash bytea) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog AS $$
    INSERT INTO core.audit_head (organization_id, seq, hash) VALUES (p_organization, p_seq, p_hash)
    ON CONFLICT (organization_id)
    DO UPDATE SET seq = excluded.seq, hash = excluded.hash, at = excluded.at
$$;

-- Gives up to p_rows new rows their place. One sealer at a time; another one finds nothing to do.
-- Writers never wait: they append without a place.
CREATE FUNCTION core.audit_seal(p_rows integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    r core.audit;
    last_seq bigint;
    last_hash bytea;
    last_org bigint;
    sealed bigint := 0;
BEGIN
    IF NOT pg_try_advisory_xact_lock(4242711605) THEN
        RETURN 0;
    END IF;
    FOR r IN SELECT * FROM (SELECT * FROM core.audit WHERE seq IS NULL ORDER BY id LIMIT p_rows) o
             ORDER BY organization_id, id LOOP
        IF last_org IS DISTINCT FROM r.organization_id THEN
            IF last_org IS NOT NULL THEN
                PERFORM core.audit_head_set(last_org, last_seq, last_hash);
            END IF;
            last_org := r.organization_id;
            SELECT h.seq, h.hash INTO last_seq, last_hash FROM core.audit_head h
            WHERE h.organization_id = last_org;
        END IF;
        last_seq := coalesce(last_seq, 0) + 1;
        UPDATE core.audit a
        SET seq = last_seq, prev_hash = last_hash, hash = core.audit_hash(r, last_seq, last_hash)
        WHERE a.organization_id = r.organization_id AND a.id = r.id RETURNING a.hash INTO last_hash;
        sealed := sealed + 1;
    END LOOP;
    IF last_org IS NOT NULL THEN
        PERFORM core.audit_head_set(last_org, last_seq, last_hash);
    END IF;
    RETURN sealed;
END $$;

-- Rows that do not fit their chain: changed, missing in between or at the end, or out of place.
CREATE FUNCTION core.audit_verify() RETURNS TABLE (organization_id bigint, seq bigint, id bigint, fault text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT c.organization_id, c.seq, c.id,
           CASE WHEN c.seq <> c.place THEN 'a row before this one is missing'
                WHEN c.before IS DISTINCT FROM c.prev_hash THEN 'the row before this one is another one'
                ELSE 'the row was changed' END
    FROM (SELECT a.organization_id, a.seq, a.id, a.prev_hash, a.hash,
                 coalesce(lag(a.seq) OVER w, 0) + 1 AS place, lag(a.hash) OVER w AS before,
                 core.audit_hash(a, a.seq, a.prev_hash) AS expected
          FROM core.audit a WHERE a.seq IS NOT NULL
          WINDOW w AS (PARTITION BY a.organization_id ORDER BY a.seq)) c
    WHERE c.seq <> c.place OR c.before IS DISTINCT FROM c.prev_hash OR c.expected IS DISTINCT FROM c.hash
    UNION ALL
    SELECT coalesce(h.organization_id, l.organization_id), coalesce(h.seq, l.seq), l.id,
           CASE WHEN h.seq IS NULL OR l.seq > h.seq THEN 'the chain goes on behind its recorded end'
                WHEN l.seq IS NULL OR l.seq < h.seq
                THEN format('the newest %s rows are missing', h.seq - coalesce(l.seq, 0))
                ELSE 'the newest row is another one' END
    FROM core.audit_head h
    FULL JOIN (SELECT DISTINCT ON (a.organization_id) a.organization_id, a.seq, a.id, a.hash
               FROM core.audit a WHERE a.seq IS NOT NULL
               ORDER BY a.organization_id, a.seq DESC) l ON l.organization_id = h.organization_id
    WHERE (h.seq, h.hash) IS DISTINCT FROM (l.seq, l.hash)
$$;

REVOKE ALL ON FUNCTION core.audit_seal(integer), core.audit_verify(),
    core.audit_head_set(bigint, bigint, bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION core.audit_seal(integer), core.audit_verify() TO bureau_accounts;
GRANT EXECUTE ON FUNCTION core.audit_verify() TO bureau_crm; -- bureau-crm --verify-audit
