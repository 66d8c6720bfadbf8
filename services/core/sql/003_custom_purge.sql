-- Takes the values of one custom field out of the next p_rows rows of a table; the id of the last row
-- that was looked at, NULL when there was none behind p_after. What nobody is shown any more changes
-- no record: neither its time nor its history.
CREATE FUNCTION core.custom_purge(p_table regclass, p_field text, p_after bigint, p_rows integer)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE last bigint;
BEGIN
    EXECUTE format('SELECT max(id) FROM (SELECT id FROM %s WHERE organization_id = core.org()'
                   ' AND id > $1 ORDER BY id LIMIT $2) x', p_table) INTO last USING p_after, p_rows;
    IF last IS NOT NULL THEN
        EXECUTE format('UPDATE %s SET custom = custom - $1 WHERE organization_id = core.org()'
                       ' AND id > $2 AND id <= $3 AND custom ? $1', p_table)
          USING p_field, p_after, last;
    END IF;
    RETURN last;
END $$;
REVOKE EXECUTE ON FUNCTION core.custom_purge(regclass, text, bigint, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION core.custom_purge(regclass, text, bigint, integer) TO bureau_crm;
