-- One search over clients, contacts, communications, projects, materials and events. What other
-- services keep is asked through their published functions, which may be absent.

-- The candidates of one kind: for a common word the newest, for a rare one all. p_user narrows to
-- what a user sees.
CREATE FUNCTION crm.search_own(p_type text, p_patterns text[], p_user bigint, p_limit integer)
    RETURNS TABLE (id bigint, title text, subtitle text, at timestamptz)
    LANGUAGE plpgsql STABLE AS $$
DECLARE
    words text := (SELECT string_agg(format(' AND t.search_text LIKE %L', p), '')
                     FROM unnest(p_patterns) p);
    mine text := CASE WHEN p_user IS NULL THEN ''
                      WHEN p_type = 'communication'
                      THEN format(' AND (t.assigned_to = %1$L OR t.created_by = %1$L)', p_user)
                      ELSE format(' AND t.assigned_to = %L', p_user) END;
BEGIN
    RETURN QUERY EXECUTE format(
        'SELECT t.id, %s, %s, t.updated_at FROM crm.%I t WHERE t.organization_id = %L'
        ' AND t.deleted_at IS NULL%s%s ORDER BY t.created_at DESC, t.id DESC LIMIT %s',
        CASE p_type WHEN 'client' THEN 't.name'
                    WHEN 'contact' THEN 'btrim(t.first_name || '' '' || t.last_name)'
                    ELSE 't.subject' END,
        CASE p_type WHEN 'client' THEN 'coalesce(t.trading_name, t.email)'
                    WHEN 'contact' THEN 'coalesce(t.email, t.phone, t.mobile)'
                    ELSE 't.type' END,
        p_type || 's', core.org(), mine, words, p_limit);
END $$;

CREATE FUNCTION crm.search_type(p_type text, p_patterns text[], p_user bigint, p_limit integer)
    RETURNS TABLE (id bigint, title text, subtitle text, at timestamptz)
    LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF p_type IN ('client', 'contact', 'communication') THEN
        RETURN QUERY SELECT * FROM crm.search_own(p_type, p_patterns, p_user, p_limit);
    ELSIF p_type = 'project' AND to_regprocedure('billing.search(text[],integer)') IS NOT NULL THEN
        RETURN QUERY EXECUTE 'SELECT * FROM billing.search($1, $2)' USING p_patterns, p_limit;
    ELSIF p_type IN ('material', 'event')
          AND to_regprocedure('rentals.search(text,text[],integer)') IS NOT NULL THEN
        RETURN QUERY EXECUTE 'SELECT * FROM rentals.search($1, $2, $3)'
            USING p_type, p_patterns, p_limit;
    END IF;
END $$;

-- Best first: the title itself, its beginning, the beginning of a word in it, anywhere; of equals
-- the last changed.
CREATE FUNCTION crm.search(p_text text, p_types text[], p_user bigint, p_limit integer)
    RETURNS json LANGUAGE plpgsql STABLE AS $$
DECLARE
    folded text := core.like_escape(core.fold(regexp_replace(btrim(p_text), '\s+', ' ', 'g')));
    patterns text[] := (SELECT array_agg('%' || w || '%') FROM (
        SELECT DISTINCT w FROM unnest(string_to_array(folded, ' ')) w WHERE w <> '' LIMIT 8) x);
BEGIN
    IF patterns IS NULL THEN RETURN '[]'; END IF;
    RETURN (SELECT coalesce(json_agg(json_build_object('type', r.type, 'id', r.id, 'title', r.title,
                       'subtitle', r.subtitle, 'rank', r.rank, 'updated_at', core.iso(r.at))
                       ORDER BY r.rank DESC, r.at DESC, r.type, r.id DESC), '[]')
      FROM (SELECT k.type, f.id, f.title, f.subtitle, f.at,
                   CASE WHEN core.fold(f.title) LIKE folded THEN 4
                        WHEN core.fold(f.title) LIKE folded || '%' THEN 3
                        WHEN core.fold(f.title) LIKE '% ' || folded || '%' THEN 2
                        ELSE 1 END AS rank
              FROM unnest(p_types) AS k (type),
                   crm.search_type(k.type, patterns, p_user, greatest(p_limit, 50)) f
             ORDER BY 6 DESC, f.at DESC LIMIT p_limit) r);
END $$;

REVOKE EXECUTE ON FUNCTION crm.search_own(text, text[], bigint, integer),
    crm.search_type(text, text[], bigint, integer), crm.search(text, text[], bigint, integer)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION crm.search_own(text, text[], bigint, integer),
    crm.search_type(text, text[], bigint, integer), crm.search(text, text[], bigint, integer)
    TO bureau_crm;
