-- What the resource engine (services/core) needs in the database: joining custom fields to a row,
-- and the log of changes.

-- Both objects' members in one object; a is never empty, b may be.
CREATE FUNCTION core.json_join(a json, b json) RETURNS json
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN a IS NULL OR b IS NULL OR b::text ~ '^\s*\{\s*\}\s*$' THEN a
                ELSE (left(a::text, -1) || ',' || substr(btrim(b::text), 2))::json END;

-- Every defined key with its value, or with what stands for none (null, []).
CREATE FUNCTION core.custom_values(custom jsonb, ids text[], empties json[]) RETURNS json
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (SELECT json_object_agg(d.id, coalesce(nullif(custom -> d.id, 'null'::jsonb)::json, d.nothing)
                                   ORDER BY d.n)
            FROM unnest(ids, empties) WITH ORDINALITY AS d (id, nothing, n));

-- Is any of the options among those of a value?
CREATE FUNCTION core.has_option(value jsonb, options bigint[]) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN coalesce((SELECT bool_or(value @> to_jsonb(o)) FROM unnest(options) AS o), false);

-- {"column": [old, new]} of every column that differs; long texts are kept short.
CREATE FUNCTION core.audit_diff(before jsonb, after jsonb, secrets text[]) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (SELECT coalesce(jsonb_object_agg(k.key, jsonb_build_array(before -> k.key, after -> k.key)), '{}')
            FROM jsonb_object_keys(coalesce(after, before)) AS k (key)
            WHERE k.key <> ALL (secrets || '{@v,organization_id,search_text}'::text[])
              AND (before -> k.key) IS DISTINCT FROM (after -> k.key)
              AND NOT (before IS NULL AND after -> k.key = 'null'::jsonb)
              AND NOT (after IS NULL AND before -> k.key = 'null'::jsonb));

CREATE TABLE core.audit (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organization_id bigint NOT NULL DEFAULT core.org(),
    resource        text NOT NULL,
    row_id          bigint NOT NULL,
    op              text NOT NULL CONSTRAINT audit_op_check
                    CHECK (op IN ('create', 'update', 'delete', 'restore', 'destroy')),
    user_id         bigint NOT NULL,
    token_id        bigint NOT NULL,
    request_id      text NOT NULL DEFAULT '',
    at              timestamptz NOT NULL DEFAULT clock_timestamp(),
    changes         jsonb NOT NULL,
    seq             bigint,  -- place in the organization's chain; NULL: not sealed yet
    prev_hash       bytea,
    hash            bytea,
    CONSTRAINT audit_seq_key UNIQUE (organization_id, seq)
);
CREATE INDEX audit_row_idx ON core.audit (organization_id, resource, row_id, id DESC);
CREATE INDEX audit_open_idx ON core.audit (id) WHERE seq IS NULL;
CREATE INDEX audit_list_idx ON core.audit (organization_id, id DESC);
ALTER TABLE core.audit ENABLE ROW LEVEL SECURITY;
ALTER TABLE core.audit FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON core.audit USING (organization_id = core.org());
GRANT SELECT, INSERT ON core.audit TO bureau_accounts, bureau_crm, bureau_rentals, bureau_billing, bureau_sync;
