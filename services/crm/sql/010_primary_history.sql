-- As in 003: one primary contact a client, the newest wins. That the former one stepped back is a
-- change of hers, and stands in her history (and in the feed of changes) as the same person's doing;
-- no token of its own, for none asked for it.
CREATE OR REPLACE FUNCTION crm.contacts_primary() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM crm.clients WHERE organization_id = NEW.organization_id AND id = NEW.client_id
        FOR NO KEY UPDATE;
    IF TG_OP = 'UPDATE' AND OLD.deleted_at IS NOT NULL THEN
        NEW.is_primary_contact := NOT EXISTS (SELECT FROM crm.contacts c
             WHERE c.organization_id = NEW.organization_id AND c.client_id = NEW.client_id
               AND c.is_primary_contact AND c.deleted_at IS NULL AND c.id <> NEW.id);
        RETURN NEW;
    END IF;
    WITH was AS (
        SELECT c.* FROM crm.contacts c
         WHERE c.organization_id = NEW.organization_id AND c.client_id = NEW.client_id
           AND c.is_primary_contact AND c.deleted_at IS NULL AND c.id <> NEW.id FOR UPDATE),
    stepped_back AS (
        UPDATE crm.contacts c SET is_primary_contact = false, updated_at = clock_timestamp()
          FROM was WHERE c.organization_id = NEW.organization_id AND c.id = was.id RETURNING c.*)
    INSERT INTO core.audit (organization_id, resource, row_id, op, user_id, token_id, changes)
    SELECT s.organization_id, 'contact', s.id, 'update', coalesce(core.usr(), 0), 0,
           core.audit_diff(to_jsonb(was), to_jsonb(s), '{}')
      FROM stepped_back s JOIN was ON was.id = s.id;
    RETURN NEW;
END $$;
