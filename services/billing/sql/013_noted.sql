-- Who locked a period, and who changed a client's terms, is in the log of changes.

-- What is not written by a resource's own routes; p_before NULL: made, p_after NULL: destroyed.
-- Nothing is noted of a change that changes nothing.
CREATE FUNCTION billing.note(p_resource text, p_row bigint, p_before jsonb, p_after jsonb,
                             p_by billing.actor) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    changes jsonb := CASE WHEN p_before IS NULL THEN core.audit_row(p_after, '{}')
                          ELSE core.audit_diff(p_before, p_after, '{}') END;
BEGIN
    IF changes = '{}' THEN RETURN; END IF;
    INSERT INTO core.audit (organization_id, resource, row_id, op, user_id, token_id, request_id, changes)
    VALUES (core.org(), p_resource, p_row,
            CASE WHEN p_before IS NULL THEN 'create' WHEN p_after IS NULL THEN 'destroy' ELSE 'update' END,
            (p_by).user_id, (p_by).token_id, (p_by).request_id, changes);
END $$;
REVOKE EXECUTE ON FUNCTION billing.note(text, bigint, jsonb, jsonb, billing.actor) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION billing.note(text, bigint, jsonb, jsonb, billing.actor) TO bureau_billing;
