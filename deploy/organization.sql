-- What deploy/organization knows of the schema, in a session of its own: nothing here stays. Tables and
-- references come from the catalog; what the catalog cannot say stands in the four tables below, and
-- pg_temp.check_schema() refuses a schema with something that is in neither.
\set ON_ERROR_STOP 1
\set QUIET 1
\set VERBOSITY terse
SET client_min_messages = warning;
SET search_path = pg_catalog, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET statement_timeout = 0;

-- Tables without organization_id: of all, or of people.
CREATE TEMP TABLE apart (t text PRIMARY KEY);
INSERT INTO apart VALUES ('core.migrations'), ('crm.countries'), ('sync.budgets'), ('accounts.users'),
    ('accounts.organizations'), ('accounts.tokens'), ('accounts.sessions'), ('accounts.jwts'),
    ('accounts.password_resets'), ('accounts.login_failures'), ('accounts.mail');

-- Rows that live for a day or for minutes and mean nothing elsewhere: erased, never exported.
CREATE TEMP TABLE passing (t text PRIMARY KEY);
INSERT INTO passing VALUES ('core.idempotency'), ('sync.oauth_states');

-- What goes along only with --secrets, and what stands there without. is_bound: sealed for the id of
-- its organization, so of no use under another.
CREATE TEMP TABLE secret (t text, col text, instead text, is_bound boolean, PRIMARY KEY (t, col));
INSERT INTO secret VALUES
    ('accounts.users', 'password', $$'!'$$, false),
    ('sync.integrations', 'sealed', 'NULL', true),
    ('sync.integrations', 'key_id', 'NULL', true),
    ('sync.integrations', 'needs_reconnect', 'p.needs_reconnect OR p.sealed IS NOT NULL', true),
    ('sync.webhooks', 'sealed', $$''$$, true),
    ('sync.webhooks', 'key_id', $$''$$, true),
    ('sync.webhooks', 'is_active', 'false', true),
    ('sync.webhooks', 'disabled_reason', $$coalesce(p.disabled_reason, 'Its secret stayed behind.')$$, true);

-- References without a foreign key, by the column's name; t where the name alone does not tell. A column
-- without a target is none. (token_id tells in the history how somebody came in; it leads nowhere.)
CREATE TEMP TABLE named (t text, col text, target text, cond text NOT NULL DEFAULT 'true');
INSERT INTO named (col, target) VALUES
    ('user_id', 'accounts.users'), ('of_user_id', 'accounts.users'), ('assigned_to', 'accounts.users'),
    ('created_by', 'accounts.users'), ('person_id', 'crm.contacts'), ('beneficiary_id', 'crm.contacts'),
    ('company_id', 'crm.clients'), ('calendar_id', 'sync.calendars'), ('event_id', 'rentals.events'),
    ('material_id', 'rentals.materials'), ('record_id', 'billing.time_blocks'), ('job_id', 'sync.jobs'),
    ('token_id', NULL), ('external_id', NULL), ('purged_to', NULL);
INSERT INTO named VALUES
    ('sync.jobs', 'record_id', 'billing.time_blocks', $$p.kind = 'push'$$),
    ('sync.jobs', 'record_id', 'sync.calendars', $$p.kind = 'pull'$$),
    ('core.audit', 'row_id', 'crm.contacts', $$p.resource = 'person'$$),
    ('core.audit', 'row_id', 'crm.clients', $$p.resource = 'company'$$),
    ('core.audit', 'row_id', 'rentals.sub_categories', $$p.resource = 'subcategory'$$);

-- ---- from the catalog ----

CREATE TEMP TABLE every AS -- table
SELECT c.oid, c.oid::regclass::text AS t,
       EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'organization_id') AS is_tenant,
       EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'id' AND a.attidentity <> ''
                  AND EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique
                                 AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum)) AS has_id
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname IN ('core', 'accounts', 'crm', 'rentals', 'billing', 'sync')
   AND c.relkind IN ('r', 'p') AND NOT c.relispartition;

CREATE TEMP TABLE field AS -- of them; not what PostgreSQL makes of others, nor where a person is just now
SELECT e.t, e.oid, a.attnum, a.attname::text AS col, a.atttypid
  FROM every e JOIN pg_attribute a ON a.attrelid = e.oid
 WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND a.attname <> 'current_organization_id';

-- What goes along, in this order, and which rows of it; %s is the organization's id.
CREATE TEMP TABLE part AS
SELECT 1 AS place, 'accounts.organizations' AS t, 'p.id = %s' AS own
UNION ALL SELECT 2, 'accounts.users', 'p.id IN (SELECT id FROM people)'
UNION ALL SELECT 3, t, 'p.organization_id = %s' FROM every WHERE is_tenant AND t NOT IN (SELECT t FROM passing)
UNION ALL SELECT 4, 'accounts.tokens', 'p.user_id IN (SELECT id FROM people)';

CREATE TEMP TABLE foreign_key AS -- a row for each pair of columns
SELECT k.oid, k.conname, e.t, f.t AS target, a.attname::text AS col, b.attname::text AS target_col
  FROM pg_constraint k JOIN every e ON e.oid = k.conrelid JOIN every f ON f.oid = k.confrelid
 CROSS JOIN unnest(k.conkey, k.confkey) AS u (mine, theirs)
  JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.mine
  JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = u.theirs
 WHERE k.contype = 'f';

CREATE TEMP TABLE reference AS -- col of t is an id of target where cond holds for the row p
SELECT t, col, target, 'true' AS cond FROM foreign_key
 WHERE target_col = 'id' AND target NOT IN ('accounts.organizations', 'crm.countries')
UNION
SELECT f.t, f.col, n.target, n.cond FROM field f JOIN named n ON n.col = f.col AND n.t = f.t
UNION
SELECT f.t, f.col, n.target, n.cond FROM field f JOIN named n ON n.col = f.col AND n.t IS NULL
 WHERE n.target IS NOT NULL AND f.atttypid = 'bigint'::regtype
   AND NOT EXISTS (SELECT FROM named o WHERE o.t = f.t AND o.col = f.col)
   AND NOT EXISTS (SELECT FROM foreign_key k WHERE k.t = f.t AND k.col = f.col AND k.target_col = 'id')
UNION -- the history names a table's rows by its name in the singular
SELECT 'core.audit', 'row_id', t, format('p.resource = %L', regexp_replace(regexp_replace(
           split_part(t, '.', 2), 'ies$', 'ys'), 's$', '')) FROM every WHERE is_tenant AND has_id;

CREATE TEMP VIEW unclear AS
SELECT t || ': neither organization_id nor known in deploy/organization.sql' AS fault FROM every
 WHERE NOT is_tenant AND t NOT IN (SELECT t FROM apart)
UNION ALL
SELECT format('%s.%s: whose id is it? Tell deploy/organization.sql', f.t, f.col) FROM field f JOIN every e USING (t)
 WHERE e.is_tenant AND f.atttypid = 'bigint'::regtype AND f.col ~ '_(id|to|by)$' AND f.col <> 'organization_id'
   AND NOT EXISTS (SELECT FROM reference r WHERE r.t = f.t AND r.col = f.col)
   AND NOT EXISTS (SELECT FROM foreign_key k WHERE k.t = f.t AND k.col = f.col)
   AND NOT EXISTS (SELECT FROM named n WHERE n.col = f.col AND n.t IS NULL AND n.target IS NULL)
UNION ALL
SELECT t || ': has no primary key' FROM every e
 WHERE NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = e.oid AND i.indisprimary);

CREATE FUNCTION pg_temp.check_schema() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM unclear) THEN
        RAISE EXCEPTION '%', (SELECT string_agg(fault, E'\n') FROM unclear);
    END IF;
END $$;

-- ---- export ----

CREATE TEMP TABLE people (id bigint PRIMARY KEY);

-- Members, and whoever else the organization's rows name.
CREATE FUNCTION pg_temp.find_people(p_org bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE r record;
BEGIN
    PERFORM pg_temp.check_schema();
    IF NOT EXISTS (SELECT FROM accounts.organizations WHERE id = p_org) THEN
        RAISE EXCEPTION 'there is no organization %', p_org;
    END IF;
    DELETE FROM people;
    FOR r IN SELECT * FROM reference JOIN part USING (t) WHERE target = 'accounts.users' AND place = 3 LOOP
        EXECUTE format('INSERT INTO people SELECT DISTINCT p.%I FROM %s p WHERE ' || r.own || ' AND p.%I > 0'
                       ' ON CONFLICT DO NOTHING', r.col, r.t, p_org, r.col);
    END LOOP;
END $$;

-- The rows of a table as JSON, by their key. p_only: these columns; NULL: all.
CREATE FUNCTION pg_temp.pick(p_t text, p_own text, p_secrets boolean, p_only text[] DEFAULT NULL) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT format('SELECT row_to_json(r) AS r FROM (SELECT %s FROM %s p WHERE %s ORDER BY %s) r',
        string_agg(CASE WHEN s.t IS NULL OR p_secrets THEN 'p.' || quote_ident(f.col) ELSE s.instead END
                   || ' AS ' || quote_ident(f.col), ', ' ORDER BY f.attnum), p_t, p_own,
        (SELECT string_agg('p.' || quote_ident(a.attname), ', ' ORDER BY k.place) FROM pg_index i
          CROSS JOIN unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
          JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
         WHERE i.indrelid = p_t::regclass AND i.indisprimary))
      FROM field f LEFT JOIN secret s ON s.t = f.t AND s.col = f.col
     WHERE f.t = p_t AND (p_only IS NULL OR f.col = ANY (p_only))
$$;

-- What is exported, table by table.
CREATE FUNCTION pg_temp.picks(p_org bigint, p_secrets boolean)
RETURNS TABLE (place integer, t text, query text) LANGUAGE sql STABLE AS $$
    SELECT place, t, pg_temp.pick(t, replace(own, '%s', p_org::text), p_secrets) FROM part
     WHERE p_secrets OR t <> 'accounts.tokens' ORDER BY place, t
$$;

-- Number of rows and the sum of 60 bits of each one's MD5: equal for the same rows in any order.
CREATE FUNCTION pg_temp.total(p_query text) RETURNS json LANGUAGE plpgsql AS $$
DECLARE n bigint; h numeric;
BEGIN
    EXECUTE format($q$SELECT count(*), coalesce(sum(('x' || left(md5(x.r::text), 15))::bit(60)::bigint), 0)
                        FROM (%s) x$q$, p_query) INTO n, h;
    RETURN json_build_object('rows', n, 'sum', h::text);
END $$;

-- ---- erase ----

-- What is there of an organization, of its people (who would go, who stays), at providers.
CREATE FUNCTION pg_temp.census(p_org bigint) RETURNS TABLE (what text, n bigint) LANGUAGE plpgsql AS $$
DECLARE r record;
BEGIN
    FOR r IN SELECT t FROM every WHERE is_tenant ORDER BY t LOOP
        what := r.t;
        EXECUTE format('SELECT count(*) FROM %s WHERE organization_id = %s', r.t, p_org) INTO n;
        IF n > 0 THEN RETURN NEXT; END IF;
    END LOOP;
    RETURN QUERY SELECT 'people who belong to no other organization', count(*) FROM pg_temp.only_here(p_org);
    RETURN QUERY SELECT 'people who stay', count(*) FROM accounts.members m
        WHERE m.organization_id = p_org AND m.user_id NOT IN (SELECT pg_temp.only_here(p_org));
END $$;

CREATE FUNCTION pg_temp.only_here(p_org bigint) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
    SELECT user_id FROM accounts.members GROUP BY user_id HAVING array_agg(organization_id) = ARRAY[p_org]
$$;

-- All but who belongs to it, a batch a transaction; called with session_replication_role = replica,
-- because history and finalized bills let nobody take anything away.
CREATE PROCEDURE pg_temp.erase_rows(p_org bigint, p_batch integer) LANGUAGE plpgsql AS $$
DECLARE table_name text; is_more boolean;
BEGIN
    FOREACH table_name IN ARRAY ARRAY(SELECT t FROM every WHERE is_tenant AND t NOT LIKE 'accounts.%' ORDER BY t) LOOP
        LOOP
            EXECUTE format('DELETE FROM %1$s WHERE ctid = ANY (ARRAY(SELECT ctid FROM %1$s'
                           ' WHERE organization_id = %2$s LIMIT %3$s))', table_name, p_org, p_batch);
            COMMIT;
            EXECUTE format('SELECT EXISTS (SELECT FROM %s WHERE organization_id = %s)', table_name, p_org) INTO is_more;
            EXIT WHEN NOT is_more;
        END LOOP;
    END LOOP;
END $$;

-- The rest in one transaction; foreign keys take tokens, sessions and the like of people along.
CREATE FUNCTION pg_temp.erase_people(p_org bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE r record; going bigint[] := ARRAY(SELECT pg_temp.only_here(p_org));
BEGIN
    DELETE FROM accounts.mail WHERE address::citext IN (
        SELECT email FROM accounts.users WHERE id = ANY (going)
        UNION SELECT email FROM accounts.invitations WHERE organization_id = p_org);
    DELETE FROM accounts.login_failures WHERE account IN (SELECT 'user:' || id FROM unnest(going) id);
    FOR r IN SELECT t FROM every WHERE is_tenant AND t LIKE 'accounts.%' LOOP
        EXECUTE format('DELETE FROM %s WHERE organization_id = %s', r.t, p_org);
    END LOOP;
    UPDATE accounts.users SET current_organization_id = NULL WHERE current_organization_id = p_org;
    DELETE FROM accounts.users WHERE id = ANY (going);
    DELETE FROM accounts.organizations WHERE id = p_org;
    FOR r IN SELECT * FROM pg_temp.census(p_org) c WHERE c.n > 0 LOOP
        RAISE EXCEPTION '% rows of % appeared meanwhile; run it again', r.n, r.what;
    END LOOP;
END $$;
