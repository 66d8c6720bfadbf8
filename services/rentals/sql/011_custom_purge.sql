-- Called by crm when a deleted custom field is purged; see core.custom_purge().
CREATE FUNCTION rentals.custom_purge(p_set text, p_field text, p_after bigint, p_rows integer)
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    RETURN core.custom_purge(CASE p_set WHEN 'materials' THEN 'rentals.materials'::regclass
                                        WHEN 'events' THEN 'rentals.events'::regclass END,
                             p_field, p_after, p_rows);
END $$;
REVOKE EXECUTE ON FUNCTION rentals.custom_purge(text, text, bigint, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION rentals.custom_purge(text, text, bigint, integer) TO bureau_crm;
