-- What the search over everything finds here; called by crm, which knows the caller's role.
ALTER TABLE billing.projects ADD COLUMN search_text text GENERATED ALWAYS AS
    (core.fold(name || E'\n' || coalesce(description, ''))) STORED;
CREATE INDEX projects_search_idx ON billing.projects USING gin (search_text gin_trgm_ops);

-- The newest p_limit projects that have every one of the patterns, which become literals: the
-- planner chooses between the index and the newest rows by them.
CREATE FUNCTION billing.search(p_patterns text[], p_limit integer)
    RETURNS TABLE (id bigint, title text, subtitle text, at timestamptz)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    words text := (SELECT string_agg(format(' AND t.search_text LIKE %L', p), '')
                     FROM unnest(p_patterns) p);
BEGIN
    RETURN QUERY EXECUTE format(
        'SELECT t.id, t.name, (SELECT c.name FROM crm.client_card c WHERE c.id = t.client_id'
        ' AND c.organization_id = t.organization_id), t.updated_at'
        ' FROM billing.projects t WHERE t.organization_id = %L AND t.deleted_at IS NULL%s'
        ' ORDER BY t.id DESC LIMIT %s', core.org(), words, p_limit);
END $$;
REVOKE EXECUTE ON FUNCTION billing.search(text[], integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION billing.search(text[], integer) TO bureau_crm;
