-- Whose company or person was destroyed: the foreign keys see to it, from within their own triggers.

CREATE TRIGGER contacts_bereft AFTER UPDATE OF client_id ON crm.contacts FOR EACH ROW
    WHEN (pg_trigger_depth() > 0 AND OLD.client_id IS NOT NULL AND NEW.client_id IS NULL)
    EXECUTE FUNCTION core.log_following('contact');
CREATE TRIGGER communications_bereft AFTER UPDATE OF client_id, contact_id ON crm.communications
    FOR EACH ROW WHEN (pg_trigger_depth() > 0
        AND (OLD.client_id IS NOT NULL AND NEW.client_id IS NULL
             OR OLD.contact_id IS NOT NULL AND NEW.contact_id IS NULL))
    EXECUTE FUNCTION core.log_following('communication');
