-- A deleted custom field keeps its values until it is purged: then the job takes them out of the
-- records, so many at a time, and the definition last.
ALTER TABLE crm.custom_fields ADD COLUMN purged_at timestamptz, -- asked for
                              ADD COLUMN purged_to bigint;      -- the last record that is done
CREATE INDEX custom_fields_purge_idx ON crm.custom_fields (purged_at) WHERE purged_at IS NOT NULL;

-- The job looks for work of any organization, through custom_purge_next() only, which runs as the
-- owner outside any organization.
CREATE POLICY purge ON crm.custom_fields FOR SELECT TO CURRENT_ROLE
    USING (core.org() IS NULL AND purged_at IS NOT NULL);
CREATE FUNCTION crm.custom_purge_next() RETURNS TABLE (id bigint, organization_id bigint)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    RETURN QUERY SELECT f.id, f.organization_id FROM crm.custom_fields f
     WHERE f.purged_at IS NOT NULL ORDER BY f.purged_at LIMIT 1;
END $$;

-- One step. A field that was made anew under the same id keeps the values: then they are its own.
CREATE FUNCTION crm.custom_purge(p_id bigint, p_rows integer) RETURNS void
    LANGUAGE plpgsql AS $$
DECLARE
    f crm.custom_fields;
    done bigint;
BEGIN
    SELECT * INTO f FROM crm.custom_fields
     WHERE organization_id = core.org() AND id = p_id AND purged_at IS NOT NULL
       FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN RETURN; END IF;
    IF NOT EXISTS (SELECT FROM crm.custom_fields n WHERE n.organization_id = core.org()
                      AND n.resource = f.resource AND n.field_id = f.field_id
                      AND n.purged_at IS NULL) THEN
        IF f.resource IN ('clients', 'contacts', 'communications') THEN
            done := core.custom_purge(('crm.' || f.resource)::regclass, f.field_id,
                                      coalesce(f.purged_to, 0), p_rows);
        ELSIF f.resource = 'projects' THEN
            done := billing.custom_purge(f.field_id, coalesce(f.purged_to, 0), p_rows);
        ELSE
            done := rentals.custom_purge(f.resource, f.field_id, coalesce(f.purged_to, 0), p_rows);
        END IF;
    END IF;
    IF done IS NULL THEN
        DELETE FROM crm.custom_fields WHERE organization_id = core.org() AND id = p_id;
    ELSE
        UPDATE crm.custom_fields SET purged_to = done
         WHERE organization_id = core.org() AND id = p_id;
    END IF;
END $$;

REVOKE EXECUTE ON FUNCTION crm.custom_purge_next(), crm.custom_purge(bigint, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION crm.custom_purge_next(), crm.custom_purge(bigint, integer) TO bureau_crm;
