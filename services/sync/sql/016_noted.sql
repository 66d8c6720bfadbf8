-- Who connected or let go an account, chose what a calendar is used for, or has changes sent to an address,
-- is in the log of changes; and that an account must be connected again.

-- Many a receiver's address is its secret (a path or a query that only the sender knows). Whoever reads the
-- log of changes, or is sent all changes, is told the host, and by a digest whether the rest is another one.
CREATE FUNCTION sync.note_value(key text, value jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN key <> 'url' THEN value
        ELSE to_jsonb(format('%s/… (%s)', substring(value #>> '{}' FROM '^[a-z]+://[^/?#]+'),
                             left(encode(sha256(convert_to(value #>> '{}', 'UTF8')), 'hex'), 8))) END
$$;

-- Of these columns (the trigger's second argument), as a change of the resource (its first). What workers do
-- by themselves is told elsewhere; what nobody put there (an organization that is imported) is no change.
CREATE FUNCTION sync.note_row() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    columns text[] := TG_ARGV[1];
    before jsonb; after jsonb; changes jsonb;
    way text;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        SELECT jsonb_object_agg(key, sync.note_value(key, value)) INTO before FROM jsonb_each(to_jsonb(OLD)) WHERE key = ANY (columns);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        SELECT jsonb_object_agg(key, sync.note_value(key, value)) INTO after FROM jsonb_each(to_jsonb(NEW)) WHERE key = ANY (columns);
    END IF;
    changes := CASE WHEN before IS NULL THEN core.audit_row(after, '{}') ELSE core.audit_diff(before, after, '{}') END;
    IF changes = '{}' OR coalesce(core.usr(), 0) = 0
       AND (TG_OP <> 'UPDATE' OR before -> 'needs_reconnect' IS NOT DISTINCT FROM after -> 'needs_reconnect') THEN
        RETURN NULL;
    END IF;
    way := CASE WHEN before IS NULL THEN 'create' WHEN after IS NULL THEN 'destroy'
                WHEN before ->> 'deleted_at' IS NULL AND after ->> 'deleted_at' IS NOT NULL THEN 'delete'
                WHEN before ->> 'deleted_at' IS NOT NULL AND after ->> 'deleted_at' IS NULL THEN 'restore'
                ELSE 'update' END;
    INSERT INTO core.audit (organization_id, resource, row_id, op, user_id, token_id, changes)
    VALUES (core.org(), TG_ARGV[0], (coalesce(after, before) ->> 'id')::bigint, way, coalesce(core.usr(), 0), 0,
            changes - 'deleted_at');
    RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION sync.note_row() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sync.note_row() TO bureau_sync;

CREATE TRIGGER integrations_noted
    AFTER INSERT OR UPDATE OF name, account_email, user_id, is_active, needs_reconnect, deleted_at ON sync.integrations
    FOR EACH ROW EXECUTE FUNCTION sync.note_row('integration',
        '{id,provider,name,account_email,user_id,is_active,needs_reconnect,deleted_at}');
CREATE TRIGGER calendars_noted
    AFTER UPDATE OF is_enabled, sync_direction ON sync.calendars
    FOR EACH ROW EXECUTE FUNCTION sync.note_row('calendar', '{id,is_enabled,sync_direction}');
CREATE TRIGGER webhooks_noted
    AFTER INSERT OR DELETE OR UPDATE OF url, description, resources, events, is_active, previous_until ON sync.webhooks
    FOR EACH ROW EXECUTE FUNCTION sync.note_row('webhook',
        '{id,url,description,resources,events,is_active,previous_until}');
