-- Rules of contacts and communications that hold whoever writes: either dialect, bulk, import.

CREATE FUNCTION crm.contacts_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.assigned_to := coalesce(NEW.assigned_to, core.usr());
    PERFORM crm.check_assignee('contacts', NEW.assigned_to);
    IF NEW.country_id IS NOT NULL THEN
        NEW.country := crm.country_name(NEW.country_id);
    ELSIF NEW.country IS NOT NULL THEN
        NEW.country_id := crm.country_named(NEW.country);
    END IF;
    RETURN NEW;
END $$;

-- One primary contact a client: the newest wins and the others step back. Locking the client makes
-- parallel writers take turns. A contact that comes back from the trash does not push anybody out.
CREATE FUNCTION crm.contacts_primary() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM crm.clients WHERE organization_id = NEW.organization_id AND id = NEW.client_id
        FOR NO KEY UPDATE;
    IF TG_OP = 'UPDATE' AND OLD.deleted_at IS NOT NULL THEN
        NEW.is_primary_contact := NOT EXISTS (SELECT FROM crm.contacts c
             WHERE c.organization_id = NEW.organization_id AND c.client_id = NEW.client_id
               AND c.is_primary_contact AND c.deleted_at IS NULL AND c.id <> NEW.id);
        RETURN NEW;
    END IF;
    UPDATE crm.contacts SET is_primary_contact = false, updated_at = clock_timestamp()
     WHERE organization_id = NEW.organization_id AND client_id = NEW.client_id
       AND is_primary_contact AND deleted_at IS NULL AND id <> NEW.id;
    RETURN NEW;
END $$;

CREATE TRIGGER contacts_insert BEFORE INSERT ON crm.contacts
    FOR EACH ROW EXECUTE FUNCTION crm.contacts_insert();
CREATE TRIGGER contacts_update BEFORE UPDATE ON crm.contacts FOR EACH ROW
    WHEN (NEW.assigned_to IS DISTINCT FROM OLD.assigned_to
          OR NEW.country IS DISTINCT FROM OLD.country
          OR NEW.country_id IS DISTINCT FROM OLD.country_id)
    EXECUTE FUNCTION crm.address_update();
CREATE TRIGGER contacts_z_primary_insert BEFORE INSERT ON crm.contacts FOR EACH ROW
    WHEN (NEW.is_primary_contact AND NEW.client_id IS NOT NULL AND NEW.deleted_at IS NULL)
    EXECUTE FUNCTION crm.contacts_primary();
CREATE TRIGGER contacts_z_primary_update BEFORE UPDATE ON crm.contacts FOR EACH ROW
    WHEN (NEW.is_primary_contact AND NEW.client_id IS NOT NULL AND NEW.deleted_at IS NULL
          AND (NOT OLD.is_primary_contact OR OLD.client_id IS DISTINCT FROM NEW.client_id
               OR OLD.deleted_at IS NOT NULL))
    EXECUTE FUNCTION crm.contacts_primary();

CREATE FUNCTION crm.communications_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.status := coalesce(NEW.status, CASE NEW.type WHEN 'task' THEN 'pending'
                                                 ELSE 'completed' END);
    NEW.completed_at := CASE WHEN NEW.status = 'completed' THEN now() END;
    NEW.priority := CASE coalesce(NEW.priority, 'medium') WHEN 'normal' THEN 'medium'
                                                          ELSE coalesce(NEW.priority, 'medium') END;
    NEW.assigned_to := coalesce(NEW.assigned_to, core.usr());
    PERFORM crm.check_assignee('communications', NEW.assigned_to);
    RETURN NEW;
END $$;

-- Completed rows carry the instant they were completed at; a task whose date moved, or
-- that is somebody else's now, is reminded again.
CREATE FUNCTION crm.communications_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.assigned_to IS DISTINCT FROM OLD.assigned_to THEN
        PERFORM crm.check_assignee('communications', NEW.assigned_to);
    END IF;
    IF NEW.priority = 'normal' THEN NEW.priority := 'medium'; END IF;
    IF NEW.status = 'completed' THEN
        NEW.completed_at := coalesce(NEW.completed_at, OLD.completed_at, now());
    ELSIF OLD.status = 'completed' THEN
        NEW.completed_at := NULL;
    END IF;
    IF NEW.due_at IS DISTINCT FROM OLD.due_at OR NEW.assigned_to IS DISTINCT FROM OLD.assigned_to THEN
        NEW.reminded_at := NULL;
        NEW.reminded_today_at := NULL;
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER communications_insert BEFORE INSERT ON crm.communications
    FOR EACH ROW EXECUTE FUNCTION crm.communications_insert();
CREATE TRIGGER communications_update BEFORE UPDATE ON crm.communications
    FOR EACH ROW EXECUTE FUNCTION crm.communications_update();

-- Options of a custom field: [{id, name, color}]; new ones get the next free id. NULL: not a list
-- of options with names and distinct positive ids.
CREATE FUNCTION crm.options_normal(p_options jsonb) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE o jsonb; result jsonb := '[]'; used bigint[] := '{}'; n bigint; top bigint := 0;
BEGIN
    IF p_options IS NULL OR jsonb_typeof(p_options) = 'null' THEN RETURN '[]'; END IF;
    IF jsonb_typeof(p_options) <> 'array' OR jsonb_array_length(p_options) > 500 THEN
        RETURN NULL;
    END IF;
    SELECT coalesce(max((e ->> 'id')::bigint), 0) INTO top FROM jsonb_array_elements(p_options) e
     WHERE jsonb_typeof(e) = 'object' AND e ->> 'id' ~ '^[1-9]\d{0,17}$';
    FOR o IN SELECT * FROM jsonb_array_elements(p_options) LOOP
        IF jsonb_typeof(o) = 'string' THEN o := jsonb_build_object('name', o); END IF;
        IF jsonb_typeof(o) <> 'object' OR jsonb_typeof(o -> 'name') IS DISTINCT FROM 'string'
           OR char_length(btrim(o ->> 'name')) NOT BETWEEN 1 AND 255
           OR coalesce(o ->> 'color', '#000') !~* '^#([0-9a-f]{3}|[0-9a-f]{6})$' THEN
            RETURN NULL;
        END IF;
        IF coalesce(jsonb_typeof(o -> 'id'), 'null') = 'null' THEN
            top := top + 1;
            n := top;
        ELSIF o ->> 'id' ~ '^[1-9]\d{0,17}$' THEN
            n := (o ->> 'id')::bigint;
        ELSE
            RETURN NULL;
        END IF;
        IF n = ANY (used) THEN RETURN NULL; END IF;
        used := used || n;
        result := result || jsonb_build_array(jsonb_build_object(
                                'id', n, 'name', btrim(o ->> 'name'),
                                                                 'color', o ->> 'color'));
    END LOOP;
    RETURN result;
END $$;
