-- Organizations, teams, invitations and mailed secrets. Functions marked SECURITY DEFINER look past
-- the caller's organization and give back no more than the one thing asked for.

-- Starts a change of password for a mail address; the mail goes out only when somebody has it, at
-- most once a minute. A row is written either way, so that the time taken tells nothing.
CREATE FUNCTION accounts.reset_start(p_email text, p_hash text, p_subjects text[], p_bodies text[])
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    v_user accounts.users%ROWTYPE;
    v_at integer;
    v_new bigint;
BEGIN
    SELECT * INTO v_user FROM accounts.users u WHERE u.email = p_email::citext;
    v_at := CASE v_user.language WHEN 'FR' THEN 2 WHEN 'NL' THEN 3 ELSE 1 END;
    INSERT INTO accounts.password_resets AS r (user_id, hash, expires_at)
    SELECT v_user.id, p_hash, now() + interval '60 minutes'
     WHERE v_user.id IS NOT NULL AND accounts.is_live(v_user.id)
    ON CONFLICT (user_id) DO UPDATE SET hash = excluded.hash, created_at = now(),
                                        expires_at = excluded.expires_at
     WHERE r.created_at < now() - interval '1 minute'
    RETURNING r.user_id INTO v_new;
    INSERT INTO accounts.mail (address, subject, body)
    SELECT coalesce(v_user.email::text, ''), p_subjects[v_at],
           CASE WHEN v_new IS NOT NULL THEN p_bodies[v_at] END; -- without a text it is never sent
END $$;

-- Whose change of password this secret is for; NULL when used, too old or another's.
CREATE FUNCTION accounts.reset_of(p_email text, p_hash text) RETURNS bigint LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT r.user_id FROM accounts.password_resets r JOIN accounts.users u ON u.id = r.user_id
     WHERE u.email = p_email::citext AND r.hash = p_hash AND r.expires_at > now()
$$;

-- Uses it up; two at once: one wins. false when it is gone.
CREATE FUNCTION accounts.reset_use(p_user bigint, p_hash text, p_password text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM accounts.password_resets
     WHERE user_id = p_user AND hash = p_hash AND expires_at > now();
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM accounts.password_set(p_user, p_password, NULL, NULL);
    UPDATE accounts.users SET email_verified_at = coalesce(email_verified_at, now()) WHERE id = p_user;
    RETURN true;
END $$;

-- An open invitation by its secret.
CREATE FUNCTION accounts.invitation_of(p_hash text)
RETURNS TABLE (id bigint, organization_id bigint, email text, role text, expires_at timestamptz,
               name text, slug text, invited_by text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT i.id, o.id, i.email::text, i.role, i.expires_at, o.name, o.slug, u.name
      FROM accounts.invitations i
      JOIN accounts.organizations o ON o.id = i.organization_id AND o.deleted_at IS NULL
      LEFT JOIN accounts.users u ON u.id = i.invited_by
     WHERE i.hash = p_hash AND i.expires_at > now()
$$;

-- Document 003's words for a value that somebody else has; also when two ask for it at once.
CREATE FUNCTION accounts.refuse_duplicate(p_constraint text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM core.raise('CONFLICT', 'Duplicate entry: '
        || CASE p_constraint WHEN 'users_email_key' THEN 'email' ELSE 'pseudo' END || ' must be unique');
END $$;

-- A new person without an organization yet; the caller makes her a member.
CREATE FUNCTION accounts.user_create(p_name text, p_email text, p_pseudo text, p_password text,
                                     p_verified boolean)
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, core, pg_temp AS $$
DECLARE
    v_id bigint;
    v_constraint text;
BEGIN
    INSERT INTO accounts.users (name, email, pseudo, password, language, zone,
                                current_organization_id, email_verified_at)
    VALUES (p_name, p_email, p_pseudo, p_password,
            coalesce(accounts.org_setting('language'), 'EN'),
            coalesce(accounts.org_setting('timezone'), 'UTC'), core.org(),
            CASE WHEN p_verified THEN now() END)
    RETURNING id INTO v_id;
    RETURN v_id;
EXCEPTION WHEN unique_violation THEN
    GET STACKED DIAGNOSTICS v_constraint = CONSTRAINT_NAME;
    PERFORM accounts.refuse_duplicate(v_constraint);
END $$;

-- Changes what is given. Another address is not proven yet.
CREATE FUNCTION accounts.user_rename(p_user bigint, p_name text, p_email text, p_pseudo text)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_constraint text;
BEGIN
    UPDATE accounts.users u
       SET name = coalesce(p_name, u.name), pseudo = coalesce(p_pseudo, u.pseudo::text),
           email = coalesce(p_email, u.email::text),
           email_verified_at = CASE WHEN p_email IS NULL OR u.email = p_email::citext
                                    THEN u.email_verified_at END,
           updated_at = clock_timestamp()
     WHERE u.id = p_user;
EXCEPTION WHEN unique_violation THEN
    GET STACKED DIAGNOSTICS v_constraint = CONSTRAINT_NAME;
    PERFORM accounts.refuse_duplicate(v_constraint);
END $$;

-- Whether a member of this organization works in another one too; then her password, address and
-- pseudo are hers alone to change.
CREATE FUNCTION accounts.is_elsewhere(p_user bigint) RETURNS boolean LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT EXISTS (SELECT FROM accounts.members m JOIN accounts.organizations o
                       ON o.id = m.organization_id AND o.deleted_at IS NULL
                    WHERE m.user_id = p_user AND m.organization_id IS DISTINCT FROM core.org())
$$;

-- Takes a trashed member out for good, and the person with her when this was her last place. What
-- still refers to her keeps her number: then her row stays, without anything that is hers.
CREATE FUNCTION accounts.user_destroy(p_user bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, core, pg_temp AS $$
BEGIN
    DELETE FROM accounts.members
     WHERE organization_id = core.org() AND user_id = p_user AND deleted_at IS NOT NULL;
    IF FOUND AND to_regprocedure('crm.user_person_forget(bigint)') IS NOT NULL THEN
        EXECUTE 'SELECT crm.user_person_forget($1)' USING p_user;
    END IF;
    IF EXISTS (SELECT FROM accounts.members WHERE user_id = p_user) THEN
        UPDATE accounts.users SET current_organization_id = NULL
         WHERE id = p_user AND current_organization_id = core.org();
        RETURN;
    END IF;
    BEGIN
        DELETE FROM accounts.users WHERE id = p_user;
    EXCEPTION WHEN foreign_key_violation THEN
        DELETE FROM accounts.tokens WHERE user_id = p_user;
        DELETE FROM accounts.sessions WHERE user_id = p_user;
        UPDATE accounts.users
           SET name = 'Deleted user', email = 'deleted-' || p_user || '@deleted.invalid', pseudo = NULL,
               password = '', preferences = '{}', current_organization_id = NULL,
               sessions_valid_from = clock_timestamp(), deleted_at = clock_timestamp()
         WHERE id = p_user;
    END;
END $$;

-- The role this person has in a live organization of hers. NULL: it is not hers.
CREATE FUNCTION accounts.my_role(p_organization bigint) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT m.role FROM accounts.members m
      JOIN accounts.organizations o ON o.id = m.organization_id AND o.deleted_at IS NULL
     WHERE m.organization_id = p_organization AND m.user_id = core.usr() AND m.deleted_at IS NULL
$$;

-- Owners beside this one, with the organization locked: of two owners who leave at once, one stays.
CREATE FUNCTION accounts.other_owners(p_user bigint) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM accounts.organizations WHERE id = core.org() FOR UPDATE;
    RETURN (SELECT count(*) FROM accounts.members
             WHERE organization_id = core.org() AND role = 'owner' AND deleted_at IS NULL
               AND user_id <> p_user);
END $$;

-- Everybody in the organization, as the gateways' list of whom to ask about anew.
CREATE FUNCTION accounts.members_to_forget() RETURNS text LANGUAGE sql STABLE AS $$
    SELECT coalesce(string_agg('user:' || user_id, ' '), '')
      FROM accounts.members WHERE organization_id = core.org()
$$;

-- The organization's custom fields were changed: services that keep older ones read them anew as soon
-- as a member's identity says so. Published to crm.
CREATE FUNCTION accounts.custom_changed() RETURNS text LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE accounts.organizations SET custom_version = custom_version + 1 WHERE id = core.org();
    RETURN accounts.members_to_forget();
END $$;
REVOKE ALL ON FUNCTION accounts.custom_changed() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION accounts.custom_changed() TO bureau_crm;

-- Soft: its rows stay, nobody is in it any more.
CREATE FUNCTION accounts.organization_delete() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE accounts.organizations SET deleted_at = clock_timestamp(), updated_at = clock_timestamp()
     WHERE id = core.org();
    UPDATE accounts.users SET current_organization_id = NULL
     WHERE current_organization_id = core.org();
    DELETE FROM accounts.invitations WHERE organization_id = core.org();
END $$;

-- The person of the address book that goes with a user.
CREATE FUNCTION accounts.person_set(p_user bigint, p_person jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF p_person IS NOT NULL AND to_regprocedure('crm.user_person_upsert(bigint, jsonb)') IS NOT NULL THEN
        EXECUTE 'SELECT crm.user_person_upsert($1, $2)' USING p_user, p_person;
    END IF;
END $$;

-- How many integrations of one sort are connected: the sync service's to say.
CREATE FUNCTION accounts.integrations_count(p_type text) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_n bigint := 0;
BEGIN
    IF to_regprocedure('sync.integrations_count(text)') IS NOT NULL THEN
        EXECUTE 'SELECT sync.integrations_count($1)' INTO v_n USING p_type;
    END IF;
    RETURN coalesce(v_n, 0);
END $$;
GRANT USAGE ON SCHEMA sync TO bureau_accounts;

-- What is over: run now and then by the background thread.
CREATE FUNCTION accounts.sweep() RETURNS void LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
    DELETE FROM accounts.sessions WHERE expires_at < now();
    DELETE FROM accounts.jwts WHERE forget_at < now();
    DELETE FROM accounts.password_resets WHERE expires_at < now();
    DELETE FROM accounts.tokens WHERE expires_at < now() - interval '30 days';
    DELETE FROM accounts.login_failures WHERE failed_at < now() - interval '1 day' AND until < now();
    DELETE FROM accounts.mail WHERE body IS NULL AND sent_at IS NULL AND tries = 0;
    -- what could not be sent for a week is given up, its secrets with it
    UPDATE accounts.mail SET body = NULL WHERE sent_at IS NULL AND created_at < now() - interval '7 days';
    DELETE FROM accounts.mail WHERE created_at < now() - interval '30 days' AND body IS NULL;
$$;

-- The functions that see past organizations are for the accounts service only; what others may
-- call is named here.
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA accounts FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA accounts TO bureau_accounts;
GRANT EXECUTE ON FUNCTION accounts.org_setting(text), accounts.group_of(text)
    TO bureau_crm, bureau_rentals, bureau_billing, bureau_sync;
