-- A row in each table of an organization that has none, made from the catalog; after deploy/organization.sql,
-- with :org and :usr. A table whose values it cannot guess is told; give it a row of its own at the end.
SELECT set_config('bureau.org', :'org', false), set_config('bureau.user', :'usr', false) \g /dev/null

-- An SQL value for a column: an id of the organization where it names one, else something of its type.
CREATE FUNCTION pg_temp.value(p_t text, p_col text, p_type regtype, p_org bigint) RETURNS text LANGUAGE plpgsql AS $$
DECLARE target text := (SELECT r.target FROM reference r WHERE r.t = p_t AND r.col = p_col LIMIT 1); word text;
BEGIN
    IF target = 'accounts.users' THEN RETURN current_setting('bureau.user'); END IF;
    IF target IS NOT NULL THEN
        RETURN format('(SELECT min(id) FROM %s WHERE organization_id = %s)', target, p_org);
    END IF;
    SELECT (regexp_match(pg_get_constraintdef(k.oid), '''([^'']+)''::text[,\]]'))[1] INTO word FROM pg_constraint k
      JOIN pg_attribute a ON a.attrelid = k.conrelid AND k.conkey = ARRAY[a.attnum]
     WHERE k.contype = 'c' AND k.conrelid = p_t::regclass AND a.attname = p_col;
    RETURN CASE p_type::text WHEN 'text' THEN quote_literal(coalesce(word, p_col || p_org))
        WHEN 'citext' THEN quote_literal(p_col || p_org) WHEN 'boolean' THEN 'true'
        WHEN 'jsonb' THEN '''{}''' WHEN 'bytea' THEN '''\x00ff''' WHEN 'date' THEN '''2026-01-02'''
        WHEN 'timestamp with time zone' THEN
            CASE WHEN p_col LIKE 'end%' THEN '''2026-01-02T04:05:06Z''' ELSE '''2026-01-02T03:04:05.678901Z''' END
        ELSE '2' END;
END $$;

CREATE FUNCTION pg_temp.fill(p_org bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE e record; n bigint; cols text; vals text;
BEGIN
    FOR round IN 1..4 LOOP -- rows that name others come after them
        FOR e IN SELECT t FROM every WHERE is_tenant ORDER BY t LOOP
            EXECUTE format('SELECT count(*) FROM %s WHERE organization_id = %s', e.t, p_org) INTO n;
            CONTINUE WHEN n > 0;
            SELECT string_agg(quote_ident(f.col), ', '), string_agg(pg_temp.value(f.t, f.col, f.atttypid, p_org), ', ')
              INTO cols, vals FROM field f JOIN pg_attribute a ON a.attrelid = f.oid AND a.attnum = f.attnum
             WHERE f.t = e.t AND f.col <> 'organization_id' AND a.attidentity = ''
               AND ((a.attnotnull AND NOT a.atthasdef)
                    OR f.col IN (SELECT r.col FROM reference r WHERE r.t = f.t AND r.target <> f.t));
            BEGIN
                EXECUTE format('INSERT INTO %s (organization_id, %s) VALUES (%s, %s)', e.t, cols, p_org, vals);
            EXCEPTION WHEN OTHERS THEN
                IF round = 4 THEN RAISE WARNING '%: % (%)', e.t, SQLERRM, vals; END IF;
            END;
        END LOOP;
    END LOOP;
END $$;

BEGIN;
SELECT pg_temp.fill(:org) \g /dev/null
-- Nothing of it shall be worked on while it is compared.
UPDATE sync.webhooks SET is_active = false, disabled_reason = 'Not now.' WHERE organization_id = :org;
UPDATE sync.jobs SET run_at = 'infinity' WHERE organization_id = :org;
UPDATE sync.integrations SET sealed = 'sealed', provider = 'google_calendar' WHERE organization_id = :org;
COMMIT;
