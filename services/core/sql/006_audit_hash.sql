-- The chain's hash as PL/pgSQL: an SQL body that cannot be inlined is read and planned by every statement
-- that calls it, and the sealer runs one for each row.
CREATE OR REPLACE FUNCTION core.audit_hash(a core.audit, place bigint, before bytea) RETURNS bytea
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN sha256(coalesce(before, ''::bytea) || convert_to(jsonb_build_array(
        place, a.id, a.organization_id, a.resource, a.row_id, a.op, a.user_id, a.token_id,
        a.request_id, extract(epoch FROM a.at), a.changes)::text, 'UTF8'));
END $$;
