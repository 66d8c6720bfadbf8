-- What the search over everything finds here; called by crm, which knows the caller's role.
ALTER TABLE rentals.events ADD COLUMN search_text text GENERATED ALWAYS AS
    (core.fold(title || E'\n' || coalesce(location, '') || E'\n' || coalesce(description, ''))) STORED;
CREATE INDEX events_search_idx ON rentals.events USING gin (search_text gin_trgm_ops);

-- The newest p_limit of p_type ('material', 'event') that have every one of the patterns. The
-- patterns become literals: the planner chooses between the index and the newest rows by them.
CREATE FUNCTION rentals.search(p_type text, p_patterns text[], p_limit integer)
    RETURNS TABLE (id bigint, title text, subtitle text, at timestamptz)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    words text := (SELECT string_agg(format(' AND t.search_text LIKE %L', p), '')
                     FROM unnest(p_patterns) p);
BEGIN
    RETURN QUERY EXECUTE format(
        'SELECT t.id, %s, %s, t.updated_at FROM rentals.%I t WHERE t.organization_id = %L'
        ' AND t.deleted_at IS NULL%s ORDER BY t.id DESC LIMIT %s',
        CASE p_type WHEN 'material' THEN 't.name' ELSE 't.title' END,
        CASE p_type WHEN 'material' THEN 't.reference' ELSE 't.location' END,
        CASE p_type WHEN 'material' THEN 'materials' ELSE 'events' END,
        core.org(), words, p_limit);
END $$;
REVOKE EXECUTE ON FUNCTION rentals.search(text, text[], integer) FROM PUBLIC;
GRANT USAGE ON SCHEMA rentals TO bureau_crm;
GRANT EXECUTE ON FUNCTION rentals.search(text, text[], integer) TO bureau_crm;
