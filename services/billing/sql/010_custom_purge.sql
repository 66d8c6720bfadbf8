-- Called by crm when a deleted custom field of projects is purged; see core.custom_purge().
CREATE FUNCTION billing.custom_purge(p_field text, p_after bigint, p_rows integer)
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    RETURN core.custom_purge('billing.projects'::regclass, p_field, p_after, p_rows);
END $$;
REVOKE EXECUTE ON FUNCTION billing.custom_purge(text, bigint, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION billing.custom_purge(text, bigint, integer) TO bureau_crm;
