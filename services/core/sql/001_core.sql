-- What every service stands on: roles, schemas, helpers, the memory of repeated writes.
-- Roles belong to the whole cluster: several databases may be migrated at once, so each step takes
-- "somebody else just did it" for an answer.

DO $$
DECLARE
    service text;
BEGIN
    FOREACH service IN ARRAY ARRAY['accounts', 'crm', 'rentals', 'billing', 'sync'] LOOP
        EXECUTE format('CREATE SCHEMA IF NOT EXISTS %I', service);
        BEGIN
            IF to_regrole('bureau_' || service) IS NULL THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN NOBYPASSRLS', 'bureau_' || service);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END LOOP;
END $$;

-- Grants of roles are rows of the whole cluster too; a parallel change is tried again. Run after
-- each migration, because the login bureau_app may be made later.
CREATE FUNCTION core.grant_roles() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    service text;
    grantee text;
BEGIN
    FOREACH service IN ARRAY ARRAY['accounts', 'crm', 'rentals', 'billing', 'sync'] LOOP
        FOREACH grantee IN ARRAY ARRAY[current_user::text, 'bureau_app'] LOOP
            FOR attempt IN 1..20 LOOP
                EXIT WHEN to_regrole(quote_ident(grantee)) IS NULL OR EXISTS (
                    SELECT FROM pg_auth_members
                     WHERE roleid = to_regrole('bureau_' || service)
                       AND pg_auth_members.member = to_regrole(quote_ident(grantee)));
                BEGIN
                    EXECUTE format('GRANT %I TO %I', 'bureau_' || service, grantee);
                EXCEPTION WHEN internal_error OR unique_violation OR duplicate_object THEN
                    PERFORM pg_sleep(0.05);
                END;
            END LOOP;
        END LOOP;
    END LOOP;
END $$;
SELECT core.grant_roles();
REVOKE EXECUTE ON FUNCTION core.grant_roles() FROM PUBLIC;

DO $$
DECLARE
    service text;
BEGIN
    FOREACH service IN ARRAY ARRAY['accounts', 'crm', 'rentals', 'billing', 'sync'] LOOP
        EXECUTE format('GRANT USAGE ON SCHEMA core, %I TO %I', service, 'bureau_' || service);
    END LOOP;
END $$;

CREATE EXTENSION IF NOT EXISTS unaccent SCHEMA public;
CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA public;
CREATE EXTENSION IF NOT EXISTS btree_gist SCHEMA public;
CREATE EXTENSION IF NOT EXISTS citext SCHEMA public;

-- Whose rows: set with each transaction by the services. NULL, which equals nothing, when unset.
CREATE FUNCTION core.org() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('bureau.org', true), '')::bigint;
CREATE FUNCTION core.usr() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('bureau.user', true), '')::bigint;
CREATE FUNCTION core.org_zone() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce(nullif(current_setting('bureau.zone', true), ''), 'UTC');
CREATE FUNCTION core.user_zone() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce(nullif(current_setting('bureau.user_zone', true), ''), core.org_zone());

-- Times as the dialects print them. The text of a timestamp is a tenth of to_char's work; sessions
-- have DateStyle ISO (services/core/pg.c), which is PostgreSQL's default too.
CREATE FUNCTION core.iso(t timestamptz) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    RETURN replace(date_trunc('second', t AT TIME ZONE 'UTC')::text, ' ', 'T') || '+00:00';
CREATE FUNCTION core.local(t timestamptz, zone text) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    RETURN date_trunc('second', t AT TIME ZONE zone)::text;
CREATE FUNCTION core.local(t timestamptz) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
    RETURN date_trunc('second', t AT TIME ZONE core.org_zone())::text;

-- For comparing and searching what people typed: lower case, no accents.
-- PL/pgSQL: unaccent() is only stable, so an SQL function would be planned anew for every row.
CREATE FUNCTION core.fold(value text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    RETURN lower(public.unaccent('public.unaccent'::regdictionary, value));
END $$;
CREATE FUNCTION core.like_escape(value text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN replace(replace(replace(value, '\', '\\'), '%', '\%'), '_', '\_');

-- Answers the request with one of the errors of common/err.def. boolean, to stand in a condition.
CREATE FUNCTION core.raise(err_name text, message text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'P0001', MESSAGE = message, DETAIL = err_name;
END $$;

-- A setting of the caller's organization; what accounts does not know has its default here.
CREATE FUNCTION core.org_setting(name text) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
    value text;
BEGIN
    IF to_regprocedure('accounts.org_setting(text)') IS NOT NULL THEN
        EXECUTE 'SELECT accounts.org_setting($1)' INTO value USING name;
    END IF;
    RETURN coalesce(value, CASE name
        WHEN 'timezone' THEN 'UTC'
        WHEN 'language' THEN 'EN'
        WHEN 'currency' THEN 'EUR'
        WHEN 'vat_rate' THEN '20'
        WHEN 'degressive_rate' THEN '((daysCount - 1) * 0.75) + 1'
        WHEN 'overbooking' THEN 'report'
        WHEN 'week_starts_on' THEN 'monday'
    END);
END $$;

-- Answers of writes that carried an Idempotency-Key, for 24 hours. The answer is sealed by the
-- service (it may hold a token). organization_id 0: the caller works outside any organization.
CREATE TABLE core.idempotency (
    organization_id bigint NOT NULL DEFAULT coalesce(core.org(), 0),
    caller          text NOT NULL,
    key             text NOT NULL
                    CONSTRAINT idempotency_key_check CHECK (octet_length(key) BETWEEN 1 AND 255),
    request_sha256  text NOT NULL,
    status          integer NOT NULL,
    answer          text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT idempotency_pkey PRIMARY KEY (organization_id, caller, key)
);
CREATE INDEX idempotency_created_at_idx ON core.idempotency (created_at);
ALTER TABLE core.idempotency ENABLE ROW LEVEL SECURITY;
ALTER TABLE core.idempotency FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON core.idempotency USING (organization_id = coalesce(core.org(), 0));
-- The hourly clean-up belongs to no organization.
CREATE POLICY expired_read ON core.idempotency FOR SELECT
    USING (core.org() IS NULL AND created_at < now() - interval '24 hours');
CREATE POLICY expired_remove ON core.idempotency FOR DELETE
    USING (core.org() IS NULL AND created_at < now() - interval '24 hours');
GRANT SELECT, INSERT, UPDATE, DELETE ON core.idempotency
    TO bureau_accounts, bureau_crm, bureau_rentals, bureau_billing, bureau_sync;

-- Made by the migration itself (services/core/migrate.c); read by the readiness check.
GRANT SELECT ON core.migrations
    TO bureau_accounts, bureau_crm, bureau_rentals, bureau_billing, bureau_sync;
