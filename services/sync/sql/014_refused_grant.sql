-- A refusal is of the tokens that were refused, not of those somebody connected with meanwhile.

-- As sync.need_reconnect, if what stands in the row is still what was refused (p_sealed); else false,
-- and nothing is done.
CREATE FUNCTION sync.refuse_grant(p_integration bigint, p_sealed text, p_reason text) RETURNS boolean
    LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM sync.integrations WHERE organization_id = core.org() AND id = p_integration
        AND sealed = p_sealed FOR UPDATE;
    IF NOT FOUND THEN RETURN false; END IF;
    PERFORM sync.need_reconnect(p_integration, p_reason);
    RETURN true;
END $$;
REVOKE EXECUTE ON FUNCTION sync.refuse_grant(bigint, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sync.refuse_grant(bigint, text, text) TO bureau_sync;
