-- Who somebody is, before anybody is known. See 001_accounts.sql for why these run as the owner.

-- Ready to sign in: not destroyed, and not in the trash of the only organization she is in.
CREATE FUNCTION accounts.is_live(p_user bigint) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT u.deleted_at IS NULL
       AND (NOT EXISTS (SELECT FROM accounts.members m WHERE m.user_id = u.id)
            OR EXISTS (SELECT FROM accounts.members m
                        WHERE m.user_id = u.id AND m.deleted_at IS NULL))
      FROM accounts.users u WHERE u.id = p_user
$$;

-- The person behind a credential, one row for each of her organizations (or one with none).
CREATE FUNCTION accounts.identity_of(p_user bigint)
RETURNS TABLE (user_id bigint, language text, zone text, current_organization bigint,
               organization_id bigint, role text, org_zone text, custom bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT u.id, u.language, u.zone, coalesce(u.current_organization_id, 0),
           o.id, m.role, s.timezone, o.custom_version
      FROM accounts.users u
      LEFT JOIN (accounts.members m
                 JOIN accounts.organizations o ON o.id = m.organization_id AND o.deleted_at IS NULL
                 JOIN accounts.organization_settings s ON s.organization_id = o.id)
             ON m.user_id = u.id AND m.deleted_at IS NULL
     WHERE u.id = p_user AND accounts.is_live(u.id)
     ORDER BY m.joined_at, o.id LIMIT 64
$$;

-- A token's secret becomes its person; notes the use, once a minute.
CREATE FUNCTION accounts.identity_token(p_id bigint, p_hash text)
RETURNS TABLE (user_id bigint, token_id bigint, expires_ms bigint, abilities text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE accounts.tokens t SET last_used_at = now()
     WHERE t.id = p_id AND t.hash = p_hash AND (t.expires_at IS NULL OR t.expires_at > now())
       AND (t.last_used_at IS NULL OR t.last_used_at < now() - interval '1 minute');
    RETURN QUERY SELECT t.user_id, t.id, coalesce((extract(epoch FROM t.expires_at) * 1000)::bigint, 0),
                        array_to_string(t.abilities, ',')
                   FROM accounts.tokens t
                  WHERE t.id = p_id AND t.hash = p_hash
                    AND (t.expires_at IS NULL OR t.expires_at > now());
END $$;

-- A session ends after 12 hours without use, and after 30 days.
CREATE FUNCTION accounts.identity_session(p_hash text)
RETURNS TABLE (user_id bigint, token_id bigint, expires_ms bigint, abilities text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE accounts.sessions s
       SET last_used_at = now(),
           expires_at = least(now() + interval '12 hours', s.created_at + interval '30 days')
     WHERE s.hash = p_hash AND s.expires_at > now()
       AND s.last_used_at < now() - interval '1 minute';
    RETURN QUERY SELECT s.user_id, 0::bigint, (extract(epoch FROM s.expires_at) * 1000)::bigint, '*'::text
                   FROM accounts.sessions s WHERE s.hash = p_hash AND s.expires_at > now();
END $$;

-- The gateway has checked signature and expiry; here only whether it has been ended.
CREATE FUNCTION accounts.identity_jwt(p_hash text, p_user bigint, p_iat bigint)
RETURNS TABLE (user_id bigint, token_id bigint, expires_ms bigint, abilities text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT u.id, 0::bigint, 0::bigint, '*'::text
      FROM accounts.users u LEFT JOIN accounts.jwts j ON j.hash = p_hash
     WHERE u.id = p_user
       AND coalesce(j.state = 'spared', to_timestamp(p_iat) > u.sessions_valid_from)
$$;

-- Begins a try to sign in: one at a time for an account, so that parallel guesses count one by one.
-- The lock is held until the transaction ends, which sign_in_done precedes. wait_s > 0: too many
-- failures; nothing may be tried. password is NULL for somebody unknown.
CREATE FUNCTION accounts.sign_in(p_identifier text, p_pseudo_too boolean)
RETURNS TABLE (account text, wait_s bigint, user_id bigint, password text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, core, pg_temp AS $$
DECLARE
    v_user accounts.users%ROWTYPE;
    v_until timestamptz;
BEGIN
    SELECT * INTO v_user FROM accounts.users u WHERE u.email = p_identifier::citext;
    IF NOT FOUND AND p_pseudo_too THEN
        SELECT * INTO v_user FROM accounts.users u WHERE u.pseudo = p_identifier::citext;
    END IF;
    account := coalesce('user:' || v_user.id, 'name:' || left(lower(p_identifier), 255));
    PERFORM pg_advisory_xact_lock(hashtextextended('sign_in ' || account, 0));
    SELECT f.until INTO v_until FROM accounts.login_failures f WHERE f.account = sign_in.account;
    wait_s := CASE WHEN v_until > clock_timestamp()
                   THEN ceil(extract(epoch FROM v_until - clock_timestamp())) ELSE 0 END;
    IF v_user.id IS NOT NULL AND accounts.is_live(v_user.id) THEN
        user_id := v_user.id;
        -- read again: it may have changed while the lock was waited for
        SELECT u.password INTO password FROM accounts.users u WHERE u.id = v_user.id;
    END IF;
    RETURN NEXT;
END $$;

-- The fifth failure within a minute makes the account wait 60 s, the next five 120 s, … at most
-- 15 minutes; a success, or a day without failures, starts afresh.
CREATE FUNCTION accounts.sign_in_done(p_account text, p_good boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v accounts.login_failures%ROWTYPE;
BEGIN
    IF p_good THEN
        DELETE FROM accounts.login_failures WHERE account = p_account;
        RETURN;
    END IF;
    INSERT INTO accounts.login_failures (account) VALUES (p_account) ON CONFLICT DO NOTHING;
    SELECT * INTO v FROM accounts.login_failures WHERE account = p_account FOR UPDATE;
    IF v.failed_at < now() - interval '1 day' THEN
        v.level := 0;
    END IF;
    v.recent := array(SELECT t FROM unnest(v.recent) AS t
                       WHERE t > clock_timestamp() - interval '1 minute') || clock_timestamp();
    IF cardinality(v.recent) >= 5 THEN
        v.level := v.level + 1;
        v.until := clock_timestamp() + least(900, 60 * 2 ^ least(v.level - 1, 10)) * interval '1 second';
        v.recent := '{}';
    END IF;
    UPDATE accounts.login_failures
       SET recent = v.recent, level = v.level, until = v.until, failed_at = clock_timestamp()
     WHERE account = p_account;
END $$;

-- "Acme Agency" becomes acme-agency, acme-agency-2, …
CREATE FUNCTION accounts.slug_for(p_name text) RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, core, pg_temp AS $$
DECLARE
    v_base text := left(trim(BOTH '-' FROM regexp_replace(core.fold(p_name), '[^a-z0-9]+', '-', 'g')), 80);
    v_slug text;
    v_n integer := 1;
BEGIN
    v_base := coalesce(nullif(trim(BOTH '-' FROM v_base), ''), 'organization');
    v_slug := v_base;
    WHILE EXISTS (SELECT FROM accounts.organizations WHERE slug = v_slug) LOOP
        v_n := v_n + 1;
        -- many of one name: do not try every number there is
        v_slug := v_base || '-' || CASE WHEN v_n <= 20 THEN v_n::text
                                        ELSE substr(md5(random()::text), 1, 8) END;
    END LOOP;
    RETURN v_slug;
END $$;

-- Makes an organization with its owner, settings, first park and tags.
CREATE FUNCTION accounts.organization_create(p_user bigint, p_name text, p_zone text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, core, pg_temp AS $$
DECLARE
    v_id bigint;
    v_tries integer := 0;
BEGIN
    LOOP
        BEGIN
            INSERT INTO accounts.organizations (name, slug)
                 VALUES (p_name, accounts.slug_for(p_name)) RETURNING id INTO v_id;
            EXIT;
        EXCEPTION WHEN unique_violation THEN -- two of one name at once
            v_tries := v_tries + 1;
            IF v_tries = 5 THEN RAISE; END IF;
        END;
    END LOOP;
    INSERT INTO accounts.organization_settings (organization_id, timezone)
         VALUES (v_id, coalesce(p_zone, 'UTC'));
    INSERT INTO accounts.members (organization_id, user_id, role) VALUES (v_id, p_user, 'owner');
    -- for the two functions below; the service says again who it is before its next statement
    PERFORM set_config('bureau.org', v_id::text, true), set_config('bureau.user', p_user::text, true);
    IF to_regprocedure('crm.new_organization(bigint)') IS NOT NULL THEN
        EXECUTE 'SELECT crm.new_organization($1)' USING v_id;
    END IF;
    IF to_regprocedure('rentals.new_organization(bigint)') IS NOT NULL THEN
        EXECUTE 'SELECT rentals.new_organization($1)' USING v_id;
    END IF;
    RETURN v_id;
END $$;

-- A pseudo for who gave none: "john.doe@…" becomes johndoe, johndoe2, … (document 003's users have
-- one, of at least four letters and digits).
CREATE FUNCTION accounts.pseudo_for(p_email text) RETURNS text LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, core, pg_temp AS $$
DECLARE
    v_base text := left(regexp_replace(core.fold(split_part(p_email, '@', 1)), '[^a-z0-9]+', '', 'g'), 60);
    v_pseudo text;
    v_n integer := 1;
BEGIN
    v_base := CASE WHEN char_length(v_base) < 4 THEN v_base || 'user' ELSE v_base END;
    v_pseudo := v_base;
    WHILE accounts.is_taken('pseudo', v_pseudo, NULL) LOOP
        v_n := v_n + 1;
        v_pseudo := v_base || CASE WHEN v_n <= 20 THEN v_n::text
                                   ELSE substr(md5(random()::text), 1, 10) END;
    END LOOP;
    RETURN v_pseudo;
END $$;

-- A new person with an organization of her own.
CREATE FUNCTION accounts.register(p_name text, p_email text, p_pseudo text, p_password text,
                                  p_organization text, p_zone text)
RETURNS TABLE (user_id bigint, organization_id bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, core, pg_temp AS $$
DECLARE
    v_constraint text;
    v_tries integer := 0;
BEGIN
    LOOP
        BEGIN
            INSERT INTO accounts.users (name, email, pseudo, password, zone)
                 VALUES (p_name, p_email, coalesce(p_pseudo, accounts.pseudo_for(p_email)), p_password,
                         coalesce(p_zone, 'UTC'))
              RETURNING id INTO register.user_id;
            EXIT;
        EXCEPTION WHEN unique_violation THEN -- two of one pseudo at once: the next is found
            GET STACKED DIAGNOSTICS v_constraint = CONSTRAINT_NAME;
            v_tries := v_tries + 1;
            IF v_constraint <> 'users_pseudo_key' OR p_pseudo IS NOT NULL OR v_tries = 5 THEN
                RAISE;
            END IF;
        END;
    END LOOP;
    register.organization_id := accounts.organization_create(register.user_id, p_organization, p_zone);
    UPDATE accounts.users u SET current_organization_id = register.organization_id
     WHERE u.id = register.user_id;
    RETURN NEXT;
END $$;

CREATE FUNCTION accounts.is_empty() RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$ SELECT NOT EXISTS (SELECT FROM accounts.users) $$;

-- The owner of an empty database; NULL when somebody is there already. Two at once: one makes her.
CREATE FUNCTION accounts.first_owner(p_email text, p_pseudo text, p_password text, p_organization text)
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('accounts first owner', 0));
    IF NOT accounts.is_empty() THEN
        RETURN NULL;
    END IF;
    RETURN (SELECT r.user_id FROM accounts.register(p_pseudo, p_email, p_pseudo, p_password,
                                                    p_organization, NULL) r);
END $$;

CREATE FUNCTION accounts.is_taken(p_field text, p_value text, p_but bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, core, pg_temp AS $$
    SELECT EXISTS (SELECT FROM accounts.users u
                    WHERE u.id IS DISTINCT FROM p_but
                      AND CASE p_field WHEN 'email' THEN u.email = p_value::citext
                                       WHEN 'pseudo' THEN u.pseudo = p_value::citext END)
$$;

-- Where a person works when a call names no organization: her current one, else her oldest.
CREATE FUNCTION accounts.home_of(p_user bigint) RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    SELECT i.organization_id FROM accounts.identity_of(p_user) WITH ORDINALITY
           AS i(user_id, language, zone, current_organization, organization_id, role, org_zone, n)
     ORDER BY (i.organization_id = i.current_organization) DESC NULLS LAST, i.n LIMIT 1
$$;

-- Second at which a JWT of this person may begin: later than what ended her former ones, so that a
-- token made right after a change of password is good (at most one second of waiting).
CREATE FUNCTION accounts.jwt_start(p_user bigint, OUT iat bigint, OUT hours bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_from timestamptz;
BEGIN
    SELECT u.sessions_valid_from, u.auth_token_validity_duration INTO v_from, hours
      FROM accounts.users u WHERE u.id = p_user;
    IF date_trunc('second', clock_timestamp()) <= v_from THEN
        PERFORM pg_sleep(1.001 - extract(microseconds FROM clock_timestamp())::bigint % 1000000 / 1e6);
    END IF;
    iat := floor(extract(epoch FROM clock_timestamp()));
END $$;

-- Document 000's words for a role; a person without an organization is a plain user.
CREATE FUNCTION accounts.role_word(p_role text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN p_role = 'owner' THEN 'admin' ELSE coalesce(p_role, 'user') END
$$;

-- Document 003's groups.
CREATE FUNCTION accounts.group_of(p_role text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN p_role IN ('owner', 'admin') THEN 'admin' WHEN p_role = 'visitor' THEN 'visitor'
                ELSE 'member' END
$$;

-- The address book entry of a user of this organization, as document 003 nests it.
CREATE FUNCTION accounts.person_of(p_user bigint) RETURNS json LANGUAGE plpgsql STABLE AS $$
DECLARE
    v json;
BEGIN
    IF to_regprocedure('crm.person_of_user(bigint)') IS NOT NULL THEN
        EXECUTE 'SELECT crm.person_of_user($1)::json' INTO v USING p_user;
    END IF;
    RETURN v;
END $$;

-- A user as document 003 prints her; of the organization of the call.
CREATE FUNCTION accounts.user_json(p_user bigint) RETURNS json LANGUAGE sql STABLE AS $$
    SELECT json_build_object(
               'id', u.id, 'pseudo', coalesce(u.pseudo::text, u.email::text), 'email', u.email::text,
               'group_id', accounts.group_of(m.role), 'created_at', core.local(u.created_at),
               'updated_at', core.local(greatest(u.updated_at, m.deleted_at)),
               'deleted_at', core.local(m.deleted_at), 'person', accounts.person_of(u.id))
      FROM accounts.members m JOIN accounts.users u ON u.id = m.user_id
     WHERE m.organization_id = core.org() AND m.user_id = p_user
$$;

-- A user's settings, as document 003 prints them.
CREATE FUNCTION accounts.settings_json(p_user bigint) RETURNS json LANGUAGE sql STABLE AS $$
    SELECT json_build_object(
               'id', u.id, 'user_id', u.id, 'language', u.language,
               'auth_token_validity_duration', u.auth_token_validity_duration,
               'created_at', core.local(u.created_at), 'updated_at', core.local(u.settings_updated_at))
      FROM accounts.users u WHERE u.id = p_user
$$;

-- The user of a sign-in: with her settings, which the clients of the original read without asking.
-- Who belongs nowhere yet is shown as a visitor.
CREATE FUNCTION accounts.signin_json(p_user bigint) RETURNS json LANGUAGE sql STABLE AS $$
    SELECT json_object_agg(p.key, p.value ORDER BY p.n)
      FROM accounts.users u, LATERAL (
               SELECT e.key, e.value, e.n
                 FROM json_each(coalesce(accounts.user_json(u.id), json_build_object(
                          'id', u.id, 'pseudo', u.pseudo::text, 'email', u.email::text,
                          'group_id', 'visitor', 'created_at', core.local(u.created_at),
                          'updated_at', core.local(u.updated_at), 'deleted_at', NULL,
                          'person', NULL))) WITH ORDINALITY AS e(key, value, n)
               UNION ALL SELECT 'settings', accounts.settings_json(u.id), 1000) p
     WHERE u.id = p_user
$$;

-- Ends what a person's old password opened, and keeps what the call that changed it came with.
CREATE FUNCTION accounts.password_set(p_user bigint, p_password text, p_token bigint, p_credential text)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE accounts.users SET password = p_password, sessions_valid_from = clock_timestamp(),
                              updated_at = clock_timestamp() WHERE id = p_user;
    DELETE FROM accounts.sessions WHERE user_id = p_user AND hash IS DISTINCT FROM p_credential;
    DELETE FROM accounts.tokens
     WHERE user_id = p_user AND kind = 'signin' AND id IS DISTINCT FROM p_token;
    DELETE FROM accounts.jwts WHERE user_id = p_user AND state = 'spared';
    IF p_credential IS NOT NULL AND p_token IS NULL
       AND NOT EXISTS (SELECT FROM accounts.sessions WHERE hash = p_credential) THEN
        INSERT INTO accounts.jwts (hash, user_id, state, forget_at)
             VALUES (p_credential, p_user, 'spared', now() + interval '31 days')
        ON CONFLICT (hash) DO NOTHING;
    END IF;
    DELETE FROM accounts.password_resets WHERE user_id = p_user;
    DELETE FROM accounts.login_failures WHERE account = 'user:' || p_user;
END $$;
