-- What goes, or loses what it pointed at, because another record was destroyed has its entry in the
-- history too, as the doing of who destroyed that one; no token, for none asked for it.

-- A trigger's function; its argument is the resource's name.
CREATE FUNCTION core.log_following() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO core.audit (organization_id, resource, row_id, op, user_id, token_id, changes)
    VALUES (OLD.organization_id, TG_ARGV[0], OLD.id,
            CASE TG_OP WHEN 'DELETE' THEN 'destroy' ELSE 'update' END, coalesce(core.usr(), 0), 0,
            core.audit_diff(to_jsonb(OLD), CASE TG_OP WHEN 'UPDATE' THEN to_jsonb(NEW) END, '{}'));
    RETURN NULL;
END $$;
