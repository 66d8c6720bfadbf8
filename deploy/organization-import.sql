-- The second half of deploy/organization.sql: a file of one organization becomes rows again, all or none.
-- An id that is free is kept; one that is taken gives way to a new one, in every column that names it.

CREATE TEMP TABLE line (line json); -- as they come; a line that is no JSON ends the import
CREATE TEMP TABLE staged (t text, r json); -- the same, the table's name and the row apart
CREATE TEMP TABLE moved (t text, old bigint, new bigint, PRIMARY KEY (t, old)); -- ids that changed
CREATE TEMP TABLE met (t text, id bigint, PRIMARY KEY (t, id)); -- rows of the file that are here already
-- What a row that is here already is recognized by.
CREATE TEMP TABLE natural_key (t text, col text);
INSERT INTO natural_key VALUES ('accounts.users', 'email'), ('accounts.tokens', 'hash');

-- Each table of the file as a temporary table of the same columns, "crm.clients"; counted and summed.
CREATE FUNCTION pg_temp.stage(p_end json) RETURNS void LANGUAGE plpgsql AS $$
DECLARE e record; found json;
BEGIN
    INSERT INTO staged SELECT j.key, j.value FROM line, json_each(line.line) j;
    CREATE INDEX ON staged (t);
    ANALYZE staged;
    FOR e IN SELECT coalesce(s.t, j.key) AS t, j.value AS total, part.t IS NOT NULL AS is_known
               FROM (SELECT DISTINCT t FROM staged WHERE t NOT IN ('bureau', 'end')) s
               FULL JOIN json_each(p_end) j ON j.key = s.t LEFT JOIN part ON part.t = coalesce(s.t, j.key) LOOP
        found := pg_temp.total(format('SELECT r FROM staged WHERE t = %L', e.t));
        IF NOT e.is_known THEN
            RAISE EXCEPTION 'the file holds "%", which is unknown here', e.t;
        ELSIF found::text IS DISTINCT FROM e.total::text THEN
            RAISE EXCEPTION 'the file is damaged: % holds %, its end says %', e.t, found, e.total;
        END IF;
    END LOOP;
    FOR e IN SELECT t FROM part LOOP
        EXECUTE format('CREATE TEMP TABLE %1$I ON COMMIT DROP AS SELECT p.* FROM staged s,'
                       ' json_populate_record(NULL::%1$s, s.r) p WHERE s.t = %1$L', e.t);
    END LOOP;
END $$;

-- New ids for those of one table that are taken: the file's rows, and what its rows refer to.
CREATE FUNCTION pg_temp.move_ids(p_t text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE used text; key text := (SELECT col FROM natural_key WHERE t = p_t); seq text;
BEGIN
    IF key IS NOT NULL THEN
        EXECUTE format('INSERT INTO met SELECT %L, p.id FROM %I p JOIN %s h ON h.%I = p.%I', p_t, p_t, p_t, key, key);
        EXECUTE format('INSERT INTO moved SELECT %L, p.id, h.id FROM %I p JOIN %s h ON h.%I = p.%I'
                       ' WHERE h.id <> p.id', p_t, p_t, p_t, key, key);
    END IF;
    SELECT string_agg(format('SELECT p.%I AS id FROM %I p WHERE %s', col, t, cond), ' UNION ') INTO used
      FROM (SELECT p_t AS t, 'id' AS col, 'true' AS cond WHERE p_t IN (SELECT t FROM part)
            UNION SELECT t, col, cond FROM reference JOIN part USING (t) WHERE target = p_t) u;
    IF used IS NULL THEN RETURN; END IF;
    seq := pg_get_serial_sequence(p_t, 'id');
    EXECUTE format('SELECT setval(%L, greatest((SELECT last_value FROM %s), (SELECT max(id) FROM (%s) u)), true)'
                   ' WHERE EXISTS (SELECT FROM (%s) u WHERE id > 0)', seq, seq, used, used);
    EXECUTE format('INSERT INTO moved SELECT %L, u.id, nextval(%L) FROM (%s) u WHERE u.id > 0'
                   ' AND EXISTS (SELECT FROM %s h WHERE h.id = u.id)'
                   ' AND NOT EXISTS (SELECT FROM met m WHERE m.t = %L AND m.id = u.id) ORDER BY u.id',
                   p_t, seq, used, p_t, p_t);
END $$;

-- What a column becomes.
CREATE FUNCTION pg_temp.becomes(p_t text, p_col text, p_old bigint, p_new bigint) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE c text := 'p.' || quote_ident(p_col); cases text;
BEGIN
    IF p_col = 'organization_id' OR (p_t = 'accounts.organizations' AND p_col = 'id') THEN
        RETURN p_new::text;
    ELSIF p_old <> p_new AND EXISTS (SELECT FROM secret WHERE t = p_t AND col = p_col AND is_bound) THEN
        RETURN (SELECT instead FROM secret WHERE t = p_t AND col = p_col);
    END IF;
    SELECT string_agg(format('WHEN %s THEN coalesce((SELECT m.new FROM moved m WHERE m.t = %L AND m.old = %s), %s)',
                             cond, target, c, c), ' ') INTO cases
      FROM (SELECT target, cond FROM reference WHERE t = p_t AND col = p_col
            UNION SELECT p_t, 'true' WHERE p_col = 'id' AND (SELECT has_id FROM every WHERE t = p_t)) r
     WHERE target IN (SELECT t FROM moved);
    IF cases IS NOT NULL THEN
        RETURN format('CASE %s ELSE %s END', cases, c);
    END IF;
    -- A name that is unique over all organizations, and taken.
    IF EXISTS (SELECT FROM field f JOIN pg_index i ON i.indrelid = f.oid AND i.indisunique AND i.indnkeyatts = 1
                  AND i.indkey[0] = f.attnum
                WHERE f.t = p_t AND f.col = p_col AND f.atttypid::regtype::text IN ('text', 'citext')) THEN
        RETURN format('CASE WHEN EXISTS (SELECT FROM %s h WHERE h.%I = %s) THEN left(%s, 80) || ''-%s'' ELSE %s END',
                      p_t, p_col, c, c, p_new, c);
    END IF;
    RETURN c;
END $$;

CREATE FUNCTION pg_temp.put_rows(p_t text, p_old bigint, p_new bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE cols text; vals text;
BEGIN
    SELECT string_agg(quote_ident(f.col), ', ' ORDER BY attnum),
           string_agg(pg_temp.becomes(p_t, f.col, p_old, p_new), ', ' ORDER BY attnum) INTO cols, vals
      FROM field f WHERE f.t = p_t AND f.col IN (SELECT pg_temp.columns_of(p_t));
    IF cols IS NULL THEN RETURN; END IF; -- no rows
    EXECUTE format('INSERT INTO %1$s (%2$s) OVERRIDING SYSTEM VALUE SELECT %3$s FROM %1$I p'
                   ' WHERE NOT EXISTS (SELECT FROM met m WHERE m.t = %1$L AND m.id = (to_jsonb(p) ->> ''id'')::bigint)'
                   || CASE p_t WHEN 'accounts.tokens' THEN
                      ' AND p.user_id NOT IN (SELECT m.id FROM met m WHERE m.t = ''accounts.users'')' ELSE '' END,
                   p_t, cols, vals);
END $$;

-- The columns the file has of a table; a newer schema may have more.
CREATE FUNCTION pg_temp.columns_of(p_t text) RETURNS SETOF text LANGUAGE sql STABLE AS $$
    SELECT json_object_keys((SELECT r FROM staged WHERE t = p_t LIMIT 1))
$$;

-- Whether each row of the file's history fits the one before, and the last one its recorded end.
CREATE FUNCTION pg_temp.check_chain() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM (
            SELECT a.seq, a.prev_hash, a.hash, row_number() OVER w AS place, lag(a.hash) OVER w AS before,
                   core.audit_hash(json_populate_record(NULL::core.audit, a.r), a.seq, a.prev_hash) AS expected
              FROM (SELECT p.seq, p.prev_hash, p.hash, s.r FROM staged s,
                           json_populate_record(NULL::core.audit, s.r) p WHERE s.t = 'core.audit' AND p.seq IS NOT NULL) a
            WINDOW w AS (ORDER BY a.seq)) c
            WHERE c.seq <> c.place OR c.before IS DISTINCT FROM c.prev_hash OR c.expected IS DISTINCT FROM c.hash)
       OR (SELECT (max(seq), (array_agg(hash ORDER BY seq DESC))[1]) FROM "core.audit" WHERE seq IS NOT NULL)
          IS DISTINCT FROM (SELECT (max(seq), (array_agg(hash))[1]) FROM "core.audit_head") THEN
        RAISE EXCEPTION 'the history in the file was changed: its chain does not hold';
    END IF;
END $$;

-- Ids changed, so hashes do: the same places, hashed anew.
CREATE FUNCTION pg_temp.chain_anew(p_org bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE r core.audit; before bytea;
BEGIN
    FOR r IN SELECT * FROM core.audit WHERE organization_id = p_org AND seq IS NOT NULL ORDER BY seq LOOP
        UPDATE core.audit SET prev_hash = before, hash = core.audit_hash(r, r.seq, before)
         WHERE organization_id = p_org AND id = r.id RETURNING hash INTO before;
    END LOOP;
    UPDATE core.audit_head SET hash = before WHERE organization_id = p_org;
END $$;

-- The numbers, the sums where no id had to change, and every foreign key, which replica mode leaves out.
CREATE FUNCTION pg_temp.check_rows(p_org bigint, p_secrets boolean, p_end json) RETURNS void LANGUAGE plpgsql AS $$
DECLARE e record; k record; here json; n bigint; same boolean := NOT EXISTS (SELECT FROM moved);
BEGIN
    FOR e IN SELECT part.t, part.own, j.value AS said FROM json_each(p_end) j JOIN part ON part.t = j.key
              WHERE place = 3 OR (same AND NOT EXISTS (SELECT FROM met)) LOOP
        here := pg_temp.total(pg_temp.pick(e.t, replace(e.own, '%s', p_org::text), p_secrets,
                                           nullif(ARRAY(SELECT pg_temp.columns_of(e.t)), '{}')));
        IF here ->> 'rows' <> e.said ->> 'rows' OR (same AND here ->> 'sum' <> e.said ->> 'sum') THEN
            RAISE EXCEPTION '% came out as %, the file says %', e.t, here, e.said;
        END IF;
    END LOOP;
    FOR k IN SELECT f.conname, f.t, f.target, string_agg(format('p.%I IS NOT NULL', col), ' AND ') AS is_set,
                    string_agg(format('h.%I = p.%I', target_col, col), ' AND ') AS fits
               FROM foreign_key f JOIN part USING (t) WHERE place = 3 GROUP BY f.oid, f.conname, f.t, f.target LOOP
        EXECUTE format('SELECT count(*) FROM %s p WHERE p.organization_id = %s AND %s AND NOT EXISTS'
                       ' (SELECT FROM %s h WHERE %s)', k.t, p_org, k.is_set, k.target, k.fits) INTO n;
        IF n > 0 THEN RAISE EXCEPTION '% rows of % break %', n, k.t, k.conname; END IF;
    END LOOP;
END $$;

CREATE FUNCTION pg_temp.take() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    head json := (SELECT line -> 'bureau' FROM line WHERE line -> 'bureau' IS NOT NULL);
    tail json := (SELECT line -> 'end' FROM line WHERE line -> 'end' IS NOT NULL);
    was bigint := head ->> 'organization'; org bigint; missing text; r record;
BEGIN
    PERFORM pg_temp.check_schema();
    IF head ->> 'format' IS DISTINCT FROM '1' THEN RAISE EXCEPTION 'this is no file of deploy/organization export'; END IF;
    IF tail IS NULL THEN RAISE EXCEPTION 'the file was cut off: its end is missing'; END IF;
    SELECT string_agg(f.key, ', ' ORDER BY f.key) INTO missing FROM json_each_text(head -> 'schema') f
      LEFT JOIN core.migrations m ON m.name = f.key AND m.sha256 = f.value WHERE m.name IS NULL;
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'the file comes from a newer Bureau; this one lacks %: upgrade it first', missing;
    END IF;
    PERFORM pg_temp.stage(tail);
    PERFORM pg_temp.check_chain();
    FOR r IN SELECT t FROM every WHERE has_id AND t <> 'crm.countries' ORDER BY t <> 'accounts.users' LOOP
        PERFORM pg_temp.move_ids(r.t);
    END LOOP;
    org := coalesce((SELECT new FROM moved WHERE t = 'accounts.organizations' AND old = was), was);
    FOR r IN SELECT t FROM part ORDER BY place, t LOOP
        PERFORM pg_temp.put_rows(r.t, was, org);
        -- Places of rows without an id of their own, such as the history's.
        EXECUTE coalesce((SELECT format('SELECT setval(%L, greatest((SELECT last_value FROM %s), (SELECT max(%I) FROM %I)))'
                    ' WHERE EXISTS (SELECT FROM %I)', s, s, a.attname, r.t, r.t)
                    FROM pg_attribute a, pg_get_serial_sequence(r.t, a.attname) s
                   WHERE a.attrelid = r.t::regclass AND a.attidentity <> ''), 'SELECT 1');
    END LOOP;
    IF EXISTS (SELECT FROM moved) THEN PERFORM pg_temp.chain_anew(org); END IF;
    PERFORM pg_temp.find_people(org);
    PERFORM pg_temp.check_rows(org, (head ->> 'secrets')::boolean, tail);
    RETURN format('organization %s (%s): %s rows, %s ids changed, %s people were here already', org, head ->> 'name',
                  (SELECT count(*) - 2 FROM staged), (SELECT count(*) FROM moved),
                  (SELECT count(*) FROM met WHERE t = 'accounts.users'));
END $$;
