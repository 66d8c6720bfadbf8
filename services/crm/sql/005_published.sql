-- What accounts, rentals, billing and sync call, what the hooks ask, and who may do what.

-- Persons in the body of a company become contacts of it. A bad one fails the whole write.
CREATE FUNCTION crm.add_company_persons(p_company bigint, p_persons jsonb) RETURNS void
    LANGUAGE plpgsql AS $$
DECLARE p jsonb;
BEGIN
    IF jsonb_typeof(p_persons) = 'null' THEN RETURN; END IF;
    IF jsonb_typeof(p_persons) <> 'array' THEN
        RAISE EXCEPTION 'no list' USING ERRCODE = '23514', CONSTRAINT = 'clients_persons_check';
    END IF;
    FOR p IN SELECT * FROM jsonb_array_elements(p_persons) LOOP
        IF jsonb_typeof(p) <> 'object' OR NOT crm.is_person(p) THEN
            RAISE EXCEPTION 'no person' USING ERRCODE = '23514',
                CONSTRAINT = 'clients_persons_check';
        END IF;
        IF crm.person_taken(NULL, p ->> 'first_name', p ->> 'last_name', p ->> 'email') THEN
            PERFORM core.raise('CONFLICT', 'A person with this name and email already exists.');
        END IF;
        INSERT INTO crm.contacts (first_name, last_name, nickname, email, phone, address_line_1,
                                  postcode,
                                  city, country_id, client_id, notes)
        VALUES (btrim(p ->> 'first_name'), btrim(p ->> 'last_name'), p ->> 'nickname',
                nullif(p ->> 'email', ''), nullif(p ->> 'phone', ''), p ->> 'street',
                p ->> 'postal_code',
                p ->> 'locality', nullif(p ->> 'country_id', '')::bigint, p_company, p ->> 'note');
    END LOOP;
END $$;

-- Document 003's bounds for a person that comes inside another body.
CREATE FUNCTION crm.is_person(p jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT bool_and(coalesce(CASE WHEN jsonb_typeof(p -> k) IN ('object', 'array', 'boolean')
                                  THEN false
                                  WHEN nullif(btrim(p ->> k), '') IS NULL
                                      THEN k NOT LIKE '%!_name' ESCAPE '!'
                                  WHEN k LIKE '%!_id' ESCAPE '!' THEN p ->> k ~ '^[0-9]{1,18}$'
                                  WHEN k = 'email' THEN p ->> k ~ '^[^\s@]+@[^\s@]+$'
                                                        AND char_length(p ->> k) <= 191
                                  ELSE char_length(btrim(p ->> k)) BETWEEN low AND high END, false))
      FROM (VALUES ('first_name', 2, 96), ('last_name', 2, 96), ('nickname', 0, 96),
                   ('email', 0, 191), ('phone', 0, 24), ('street', 0, 191), ('postal_code', 0, 10),
                   ('locality', 0, 191), ('note', 0, 65535), ('country_id', 0, 0)) AS r (k, low,
                       high)
$$;

-- Unique in document 003's dialect only, trashed rows included; p_id is the row itself. The lock
-- makes parallel writers of one name take turns.
CREATE FUNCTION crm.person_taken(p_id bigint, p_first text, p_last text, p_email text)
    RETURNS boolean
    LANGUAGE plpgsql AS $$
BEGIN
    IF p_id IS NOT NULL THEN
        SELECT coalesce(p_first, first_name), coalesce(p_last, last_name), coalesce(p_email, email)
          INTO p_first, p_last, p_email
          FROM crm.contacts
         WHERE organization_id = core.org() AND id = p_id AND deleted_at IS NULL;
        IF NOT FOUND THEN RETURN false; END IF; -- the update itself says 404
    END IF;
    IF coalesce(p_email, '') = '' OR p_first IS NULL OR p_last IS NULL THEN RETURN false; END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('person:' || core.org() || ':'
                                                   || core.fold(p_last || p_first), 0));
    RETURN EXISTS (SELECT FROM crm.contacts
         WHERE organization_id = core.org() AND id IS DISTINCT FROM p_id
           AND core.fold(last_name) = core.fold(btrim(p_last))
           AND core.fold(first_name) = core.fold(btrim(p_first))
           AND core.fold(email) = core.fold(btrim(p_email)));
END $$;

CREATE FUNCTION crm.company_taken(p_id bigint, p_name text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF p_name IS NULL OR p_id IS NOT NULL AND NOT EXISTS (SELECT FROM crm.clients
           WHERE organization_id = core.org() AND id = p_id AND deleted_at IS NULL) THEN
        RETURN false; -- the update itself says 404
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('company:' || core.org() || ':'
                                                   || core.fold(btrim(p_name)), 0));
    RETURN EXISTS (SELECT FROM crm.clients
         WHERE organization_id = core.org() AND type = 'company' AND id IS DISTINCT FROM p_id
           AND core.fold(name) = core.fold(btrim(p_name)));
END $$;

-- Clients that look the same: the hundred largest groups by folded name, e-mail address or digits of
-- the telephone number. p_user narrows. Two cheap passes, hashed: the planner has no statistics
-- of these keys and would sort everything, or loop.
CREATE FUNCTION crm.duplicates(p_user bigint) RETURNS json LANGUAGE plpgsql STABLE
    SET work_mem = '64MB' SET jit = off
    SET enable_nestloop = off SET enable_mergejoin = off SET enable_sort = off AS $$
BEGIN
    RETURN (
    WITH keyed AS NOT MATERIALIZED (
        SELECT c.id, k.reason, k.value
          FROM crm.clients c, LATERAL (VALUES
                   ('name', btrim(split_part(c.search_text, E'\n', 1))),
                   ('email', nullif(lower(btrim(c.email)), '')),
                   ('phone', nullif(translate(c.phone, ' .-()/+', ''), ''))) AS k (reason, value)
         WHERE c.organization_id = core.org() AND c.deleted_at IS NULL AND k.value IS NOT NULL
           AND (p_user IS NULL OR c.assigned_to = p_user)),
    repeated AS MATERIALIZED (
        SELECT reason, value, count(*) AS n FROM keyed
         GROUP BY reason, value HAVING count(*) > 1
         ORDER BY count(*) DESC, reason, value LIMIT 100),
    members AS (
        SELECT r.reason, r.value, r.n, (array_agg(k.id ORDER BY k.id))[1:100] AS ids
          FROM repeated r JOIN keyed k ON k.reason = r.reason AND k.value = r.value
         GROUP BY r.reason, r.value, r.n)
    SELECT coalesce(json_agg(json_build_object('reason', m.reason, 'value', m.value, 'count', m.n,
               'clients', (SELECT json_agg(json_build_object('id', c.id, 'name', c.name,
                               'trading_name', c.trading_name, 'email', c.email, 'phone', c.phone,
                               'created_at', core.iso(c.created_at)) ORDER BY c.id)
                             FROM crm.clients c
                            WHERE c.organization_id = core.org() AND c.id = ANY (m.ids)))
               ORDER BY m.n DESC, m.reason, m.value), '[]')
      FROM members m);
END $$;

-- Called by accounts inside the transaction that makes the organization; bureau.org is set to it.
CREATE FUNCTION crm.new_organization(p_org bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF p_org IS DISTINCT FROM core.org() THEN
        RAISE EXCEPTION 'bureau.org is not the organization to fill';
    END IF;
    INSERT INTO crm.tags (organization_id, name)
        VALUES (p_org, 'Bénéficiaire'), (p_org, 'Technicien')
        ON CONFLICT DO NOTHING;
END $$;

-- The person behind a user of document 003: made or changed by the keys that are present.
CREATE FUNCTION crm.user_person_upsert(p_user bigint, p_person jsonb) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE row_id bigint; p jsonb;
BEGIN
    IF p_person IS NULL OR jsonb_typeof(p_person) = 'null' THEN RETURN NULL; END IF;
    SELECT c.id INTO row_id FROM crm.contacts c
     WHERE c.organization_id = core.org() AND c.user_id = p_user FOR UPDATE;
    p := CASE WHEN row_id IS NULL THEN '{}'::jsonb
              ELSE (SELECT jsonb_build_object('first_name', c.first_name, 'last_name', c.last_name)
                      FROM crm.contacts c WHERE c.organization_id = core.org()
                          AND c.id = row_id) END
         || CASE jsonb_typeof(p_person) WHEN 'object' THEN p_person ELSE '{}' END;
    IF NOT crm.is_person(p) THEN
        RAISE EXCEPTION 'no person' USING ERRCODE = '23514', CONSTRAINT = 'users_person_check';
    END IF;
    IF row_id IS NULL THEN
        INSERT INTO crm.contacts (organization_id, user_id, first_name, last_name)
        VALUES (core.org(), p_user, btrim(p ->> 'first_name'), btrim(p ->> 'last_name'))
        RETURNING id INTO row_id;
    END IF;
    UPDATE crm.contacts c SET
        first_name = btrim(p ->> 'first_name'), last_name = btrim(p ->> 'last_name'),
        nickname = CASE WHEN p ? 'nickname' THEN nullif(p ->> 'nickname', '') ELSE c.nickname END,
        email = CASE WHEN p ? 'email' THEN nullif(p ->> 'email', '') ELSE c.email END,
        phone = CASE WHEN p ? 'phone' THEN nullif(p ->> 'phone', '') ELSE c.phone END,
        address_line_1 = CASE WHEN p ? 'street'
            THEN nullif(p ->> 'street', '') ELSE c.address_line_1 END,
        postcode = CASE WHEN p ? 'postal_code'
            THEN nullif(p ->> 'postal_code', '') ELSE c.postcode END,
        city = CASE WHEN p ? 'locality' THEN nullif(p ->> 'locality', '') ELSE c.city END,
        country_id = CASE WHEN p ? 'country_id' THEN nullif(p ->> 'country_id', '')::bigint
                          ELSE c.country_id END,
        notes = CASE WHEN p ? 'note' THEN nullif(p ->> 'note', '') ELSE c.notes END,
        deleted_at = NULL, updated_at = clock_timestamp()
     WHERE c.organization_id = core.org() AND c.id = row_id;
    RETURN row_id;
END $$;

-- A destroyed user leaves her person behind.
CREATE FUNCTION crm.user_person_forget(p_user bigint) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog AS $$
    UPDATE crm.contacts SET user_id = NULL, updated_at = clock_timestamp()
     WHERE organization_id = core.org() AND user_id = p_user
$$;

CREATE FUNCTION crm.person_of_user(p_user bigint) RETURNS json
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    RETURN (SELECT crm.person_json(c.id) FROM crm.contacts c
             WHERE c.organization_id = core.org() AND c.user_id = p_user AND c.deleted_at IS NULL);
END $$;

-- Functions are for everyone unless taken away; here only for who needs them.
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA crm FROM PUBLIC;
GRANT USAGE ON SCHEMA crm TO bureau_crm, bureau_accounts, bureau_rentals, bureau_billing,
    bureau_sync;
GRANT SELECT, INSERT, UPDATE, DELETE ON crm.tags, crm.clients, crm.contacts, crm.communications,
    crm.contact_tags, crm.client_tags, crm.custom_fields TO bureau_crm;
GRANT SELECT, INSERT, UPDATE ON crm.counters TO bureau_crm;
GRANT SELECT ON crm.countries, crm.person_card, crm.client_card, crm.tag_card, crm.country_card
    TO bureau_crm;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA crm TO bureau_crm;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA crm TO bureau_crm;
GRANT SELECT ON crm.person_card TO bureau_accounts, bureau_rentals, bureau_billing;
GRANT SELECT ON crm.client_card TO bureau_rentals, bureau_billing, bureau_sync;
GRANT SELECT ON crm.tag_card TO bureau_rentals;
GRANT SELECT ON crm.country_card TO bureau_accounts, bureau_rentals, bureau_billing;
GRANT EXECUTE ON FUNCTION crm.ensure_tags(text[]), crm.tag_names(jsonb) TO bureau_rentals;
GRANT EXECUTE ON FUNCTION crm.person_json(bigint), crm.company_json(bigint),
    crm.country_json(bigint)
    TO bureau_accounts, bureau_rentals, bureau_billing;
-- What the OpenAPI document says of the organization's custom fields: {"clients": {"tier": {…}}}.
CREATE FUNCTION crm.custom_schema(f crm.custom_fields) RETURNS json LANGUAGE plpgsql STABLE AS $$
DECLARE
    ids json := (SELECT json_agg((o ->> 'id')::bigint) FROM jsonb_array_elements(f.options) o);
    kind jsonb := CASE f.type
        WHEN 'Boolean' THEN '{"type": ["boolean", "null"]}'
        WHEN 'Number' THEN '{"type": ["integer", "null"]}'
        WHEN 'Numeric' THEN '{"type": ["number", "null"], "minimum": -999999999999.999,
                              "maximum": 999999999999.999}'
        WHEN 'Checkbox' THEN '{"type": "array"}'
        WHEN 'MultiSelect' THEN '{"type": "array"}'
        WHEN 'Radio' THEN '{"type": ["integer", "null"]}'
        WHEN 'Select' THEN '{"type": ["integer", "null"]}'
        WHEN 'Date' THEN '{"type": ["string", "null"], "format": "date"}'
        WHEN 'URL' THEN '{"type": ["string", "null"], "format": "uri", "maxLength": 255}'
        WHEN 'Text' THEN '{"type": ["string", "null"], "maxLength": 255}'
        WHEN 'Textarea' THEN '{"type": ["string", "null"], "maxLength": 65535}'
        WHEN 'ColorSwatch' THEN '{"type": ["string", "null"], "examples": ["#333333"]}'
        WHEN 'DateTime' THEN '{"type": ["string", "null"], "examples": ["2020-11-26 06:00:00"]}'
        ELSE '{"type": ["string", "null"], "examples": ["America/Toronto"]}' END;
BEGIN
    IF f.type IN ('Checkbox', 'MultiSelect') THEN
        kind := kind || jsonb_build_object('items', jsonb_build_object('type', 'integer', 'enum',
                                                                       coalesce(ids, '[]')));
    ELSIF f.type IN ('Radio', 'Select') AND ids IS NOT NULL THEN
        kind := kind || jsonb_build_object('enum', ids::jsonb || 'null');
    END IF;
    RETURN (kind || jsonb_build_object('title', f.label, 'description', f.type
        || CASE WHEN f.required THEN ', required' ELSE '' END
        || CASE WHEN f.is_unique THEN ', no two records share a value' ELSE '' END
        || coalesce(': ' || (SELECT string_agg(format('%s %s', o ->> 'id', o ->> 'name'), ', ')
                             FROM jsonb_array_elements(f.options) o), '')))::json;
END $$;

CREATE FUNCTION crm.custom_schemas() RETURNS json LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT coalesce(json_object_agg(r.resource, r.fields), '{}')
            FROM (SELECT f.resource, json_object_agg(f.field_id, crm.custom_schema(f)
                                                     ORDER BY f.position, f.id) AS fields
                  FROM crm.custom_fields f
                  WHERE f.organization_id = core.org() AND f.deleted_at IS NULL
                  GROUP BY f.resource) r);
END $$;
GRANT EXECUTE ON FUNCTION crm.custom_schemas(), crm.custom_schema(crm.custom_fields) TO bureau_crm;

GRANT EXECUTE ON FUNCTION crm.custom_field_definitions(text) TO bureau_rentals, bureau_billing;
GRANT EXECUTE ON FUNCTION crm.new_organization(bigint), crm.user_person_upsert(bigint, jsonb),
    crm.person_of_user(bigint), crm.user_person_forget(bigint) TO bureau_accounts;
GRANT EXECUTE ON FUNCTION crm.person_of_user(bigint) TO bureau_rentals;
GRANT EXECUTE ON FUNCTION crm.client_projects_add(bigint, bigint) TO bureau_billing;
