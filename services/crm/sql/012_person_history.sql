-- As in 005; what a user's own record writes into her person stands in the person's history too, as
-- the doing of who wrote it (of herself when she has just registered).
CREATE OR REPLACE FUNCTION crm.user_person_upsert(p_user bigint, p_person jsonb) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE c crm.contacts; before jsonb; p jsonb;
BEGIN
    IF p_person IS NULL OR jsonb_typeof(p_person) = 'null' THEN RETURN NULL; END IF;
    SELECT * INTO c FROM crm.contacts x
     WHERE x.organization_id = core.org() AND x.user_id = p_user FOR UPDATE;
    before := CASE WHEN FOUND THEN to_jsonb(c) END;
    p := CASE WHEN before IS NULL THEN '{}'::jsonb
              ELSE jsonb_build_object('first_name', c.first_name, 'last_name', c.last_name) END
         || CASE jsonb_typeof(p_person) WHEN 'object' THEN p_person ELSE '{}' END;
    IF NOT crm.is_person(p) THEN
        RAISE EXCEPTION 'no person' USING ERRCODE = '23514', CONSTRAINT = 'users_person_check';
    END IF;
    IF before IS NULL THEN
        INSERT INTO crm.contacts (organization_id, user_id, first_name, last_name)
        VALUES (core.org(), p_user, btrim(p ->> 'first_name'), btrim(p ->> 'last_name'))
        RETURNING * INTO c;
    END IF;
    UPDATE crm.contacts x SET
        first_name = btrim(p ->> 'first_name'), last_name = btrim(p ->> 'last_name'),
        nickname = CASE WHEN p ? 'nickname' THEN nullif(p ->> 'nickname', '') ELSE x.nickname END,
        email = CASE WHEN p ? 'email' THEN nullif(p ->> 'email', '') ELSE x.email END,
        phone = CASE WHEN p ? 'phone' THEN nullif(p ->> 'phone', '') ELSE x.phone END,
        address_line_1 = CASE WHEN p ? 'street'
            THEN nullif(p ->> 'street', '') ELSE x.address_line_1 END,
        postcode = CASE WHEN p ? 'postal_code'
            THEN nullif(p ->> 'postal_code', '') ELSE x.postcode END,
        city = CASE WHEN p ? 'locality' THEN nullif(p ->> 'locality', '') ELSE x.city END,
        country_id = CASE WHEN p ? 'country_id' THEN nullif(p ->> 'country_id', '')::bigint
                          ELSE x.country_id END,
        notes = CASE WHEN p ? 'note' THEN nullif(p ->> 'note', '') ELSE x.notes END,
        deleted_at = NULL, updated_at = clock_timestamp()
     WHERE x.organization_id = core.org() AND x.id = c.id RETURNING * INTO c;
    INSERT INTO core.audit (organization_id, resource, row_id, op, user_id, token_id, changes)
    VALUES (core.org(), 'contact', c.id, CASE WHEN before IS NULL THEN 'create' ELSE 'update' END,
            coalesce(core.usr(), p_user), 0,
            CASE WHEN before IS NULL THEN core.audit_row(to_jsonb(c), '{}')
                 ELSE core.audit_diff(before, to_jsonb(c), '{}') END);
    RETURN c.id;
END $$;
