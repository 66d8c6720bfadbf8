-- How rows are shown inside others, and what the other services may read and call.

-- An address as it is shown: of a row type, because row_to_json prints that in order and cheaply.
-- The resource tables and the functions below build it in place.
CREATE TYPE crm.address AS (line_1 text, line_2 text, city text, county text, postcode text,
                            country text, "full" text);

-- First letters, whatever the script.
CREATE FUNCTION crm.initials(p_first text, p_last text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT upper(left(btrim(p_first), 1) || left(btrim(p_last), 1))
$$;

CREATE FUNCTION crm.custom_field_definitions(p_set text)
RETURNS TABLE (field_id text, label text, type text, options jsonb, required boolean,
               is_unique boolean, "position" integer)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT f.field_id, f.label, f.type, f.options, f.required, f.is_unique, f.position
      FROM crm.custom_fields f
     WHERE f.organization_id = core.org() AND f.resource = p_set AND f.deleted_at IS NULL
     ORDER BY f.position, f.id
$$;

-- Functions with a sub-select are PL/pgSQL here: their plans are kept, those of SQL functions are
-- made anew at every call.

-- Every defined custom field of a kind of record, unset: null or [].
CREATE FUNCTION crm.custom_blank(p_set text) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT coalesce(jsonb_object_agg(f.field_id, CASE WHEN f.type IN ('Checkbox',
        'MultiSelect')
                                                         THEN '[]'::jsonb ELSE 'null' END), '{}')
              FROM crm.custom_fields f
             WHERE f.organization_id = core.org() AND f.resource = p_set AND f.deleted_at IS NULL);
END $$;

-- The custom values of an embedded record; values of deleted definitions stay out.
CREATE FUNCTION crm.custom_values(p_blank jsonb, p_custom jsonb) RETURNS jsonb
    LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF p_blank = '{}' OR p_custom = '{}' THEN RETURN p_blank; END IF;
    RETURN p_blank || (SELECT coalesce(jsonb_object_agg(e.key, e.value), '{}')
                         FROM jsonb_each(p_custom) e WHERE p_blank ? e.key);
END $$;

-- Late bound: billing's schema comes after ours.
CREATE FUNCTION crm.projects_json(p_client bigint) RETURNS json LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT coalesce(json_agg(json_build_object('id', p.id, 'name', p.name, 'color', p.color,
                       'hourly_rate', p.hourly_rate, 'external_id', p.external_id,
                       'is_active', p.is_active) ORDER BY p.id DESC), '[]')
              FROM billing.project_card p
             WHERE p.organization_id = core.org() AND p.client_id = p_client
                 AND p.deleted_at IS NULL);
END $$;
CREATE FUNCTION crm.user_json(p_user bigint) RETURNS json LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT json_build_object('id', u.id, 'name', u.name) FROM accounts.user_card u
             WHERE u.id = p_user AND u.deleted_at IS NULL);
END $$;

-- Rows as they stand inside others. Single expressions over the row, so that they are inlined.
CREATE TYPE crm.client_shape AS (
    id bigint, uuid uuid, name text, trading_name text, display_name text,
    registration_number text, vat_number text, type text, status text, is_active boolean,
    email text, phone text, website text, industry text, employee_count integer,
    annual_revenue text, notes text, external_id text, assigned_to bigint, organization_id bigint,
    projects_count integer, contacts_count integer, communications_count integer,
    created_at timestamptz, updated_at timestamptz, address crm.address);
CREATE FUNCTION crm.client_plain(c crm.clients) RETURNS json LANGUAGE sql STABLE
RETURN row_to_json(ROW(c.id, c.uuid, c.name, c.trading_name,
    coalesce(nullif(c.trading_name, ''), c.name), c.registration_number, c.vat_number, c.type,
    c.status, c.is_active, c.email, c.phone, c.website, c.industry, c.employee_count,
    c.annual_revenue::text, c.notes, c.external_id, c.assigned_to, c.organization_id,
    c.projects_count, c.contacts_count, c.communications_count,
    date_trunc('second', c.created_at), date_trunc('second', c.updated_at),
    ROW(c.address_line_1, c.address_line_2, c.city, c.county, c.postcode, c.country,
        concat_ws(', ', nullif(c.address_line_1, ''), nullif(c.address_line_2, ''),
                  nullif(c.city, ''), nullif(c.county, ''), nullif(c.postcode, ''),
                  nullif(c.country, '')))::crm.address)::crm.client_shape);

CREATE TYPE crm.contact_shape AS (
    id bigint, uuid uuid, first_name text, last_name text, full_name text, initials text,
    email text, phone text, mobile text, job_title text, department text, client_id bigint,
    is_primary_contact boolean, linkedin_url text, status text, notes text, external_id text,
    assigned_to bigint, created_at timestamptz, updated_at timestamptz, address crm.address);
CREATE FUNCTION crm.contact_plain(c crm.contacts) RETURNS json LANGUAGE sql STABLE
RETURN row_to_json(ROW(c.id, c.uuid, c.first_name, c.last_name,
    btrim(c.first_name || ' ' || c.last_name), crm.initials(c.first_name, c.last_name), c.email,
    c.phone, c.mobile, c.job_title, c.department, c.client_id, c.is_primary_contact,
    c.linkedin_url, c.status, c.notes, c.external_id, c.assigned_to,
    date_trunc('second', c.created_at), date_trunc('second', c.updated_at),
    ROW(c.address_line_1, c.address_line_2, c.city, c.county, c.postcode, c.country,
        concat_ws(', ', nullif(c.address_line_1, ''), nullif(c.address_line_2, ''),
                  nullif(c.city, ''), nullif(c.county, ''), nullif(c.postcode, ''),
                  nullif(c.country, '')))::crm.address)::crm.contact_shape);

CREATE FUNCTION crm.is_overdue(p_due timestamptz, p_completed timestamptz) RETURNS boolean
    LANGUAGE sql STABLE AS $$
    SELECT p_due IS NOT NULL AND p_completed IS NULL AND p_due < now()
$$;

CREATE TYPE crm.communication_shape AS (
    id bigint, uuid uuid, type text, direction text, subject text, content text, client_id bigint,
    contact_id bigint, due_at timestamptz, completed_at timestamptz, priority text, status text,
    is_task boolean, is_overdue boolean, external_id text, created_by bigint, assigned_to bigint,
    created_at timestamptz, updated_at timestamptz);
CREATE FUNCTION crm.communication_plain(c crm.communications) RETURNS json LANGUAGE sql STABLE
RETURN row_to_json(ROW(c.id, c.uuid, c.type, c.direction, c.subject, c.content, c.client_id,
    c.contact_id, date_trunc('second', c.due_at), date_trunc('second', c.completed_at), c.priority,
    c.status, c.type = 'task', crm.is_overdue(c.due_at, c.completed_at), c.external_id,
    c.created_by, c.assigned_to, date_trunc('second', c.created_at),
    date_trunc('second', c.updated_at))::crm.communication_shape);

-- With the custom fields, which most organizations have none of. The row stands twice, because a
-- function is only inlined when what it uses twice is cheap.
CREATE FUNCTION crm.client_json(c crm.clients, p_blank jsonb) RETURNS json LANGUAGE sql STABLE
RETURN CASE WHEN p_blank = '{}' THEN crm.client_plain(c)
            ELSE core.json_join(crm.client_plain(c), crm.custom_values(p_blank, c.custom)::json) END;
CREATE FUNCTION crm.contact_json(c crm.contacts, p_blank jsonb) RETURNS json LANGUAGE sql STABLE
RETURN CASE WHEN p_blank = '{}' THEN crm.contact_plain(c)
            ELSE core.json_join(crm.contact_plain(c), crm.custom_values(p_blank, c.custom)::json) END;
CREATE FUNCTION crm.communication_json(c crm.communications, p_blank jsonb) RETURNS json LANGUAGE sql STABLE
RETURN CASE WHEN p_blank = '{}' THEN crm.communication_plain(c)
            ELSE core.json_join(crm.communication_plain(c), crm.custom_values(p_blank, c.custom)::json) END;

-- The embeds of the Laravel dialect; NULL when the record is trashed. Lists newest first, at most a
-- thousand, so that one record always fits into one message.
CREATE FUNCTION crm.client_embed(p_id bigint) RETURNS json LANGUAGE plpgsql STABLE AS $$
DECLARE blank jsonb;
BEGIN
    IF p_id IS NULL THEN RETURN NULL; END IF;
    blank := crm.custom_blank('clients');
    RETURN (SELECT crm.client_json(c, blank) FROM crm.clients c
             WHERE c.organization_id = core.org() AND c.id = p_id AND c.deleted_at IS NULL);
END $$;
CREATE FUNCTION crm.contact_embed(p_id bigint) RETURNS json LANGUAGE plpgsql STABLE AS $$
DECLARE blank jsonb;
BEGIN
    IF p_id IS NULL THEN RETURN NULL; END IF;
    blank := crm.custom_blank('contacts');
    RETURN (SELECT crm.contact_json(c, blank) FROM crm.contacts c
             WHERE c.organization_id = core.org() AND c.id = p_id AND c.deleted_at IS NULL);
END $$;
CREATE FUNCTION crm.client_contacts(p_id bigint) RETURNS json LANGUAGE plpgsql STABLE AS $$
DECLARE blank jsonb := crm.custom_blank('contacts');
BEGIN
    RETURN (SELECT coalesce(json_agg(crm.contact_json(c, blank)), '[]')
              FROM (SELECT * FROM crm.contacts x WHERE x.organization_id = core.org()
                       AND x.client_id = p_id AND x.deleted_at IS NULL
                     ORDER BY x.created_at DESC, x.id DESC LIMIT 1000) c);
END $$;
CREATE FUNCTION crm.client_communications(p_id bigint) RETURNS json LANGUAGE plpgsql STABLE AS $$
DECLARE blank jsonb := crm.custom_blank('communications');
BEGIN
    RETURN (SELECT coalesce(json_agg(crm.communication_json(c, blank)), '[]')
              FROM (SELECT * FROM crm.communications x WHERE x.organization_id = core.org()
                       AND x.client_id = p_id AND x.deleted_at IS NULL
                     ORDER BY x.created_at DESC, x.id DESC LIMIT 1000) c);
END $$;
CREATE FUNCTION crm.contact_communications(p_id bigint) RETURNS json LANGUAGE plpgsql STABLE AS $$
DECLARE blank jsonb;
BEGIN
    IF NOT EXISTS (SELECT FROM crm.communications x WHERE x.organization_id = core.org()
                      AND x.contact_id = p_id AND x.deleted_at IS NULL) THEN
        RETURN '[]';
    END IF;
    blank := crm.custom_blank('communications');
    RETURN (SELECT json_agg(crm.communication_json(c, blank))
              FROM (SELECT * FROM crm.communications x WHERE x.organization_id = core.org()
                       AND x.contact_id = p_id AND x.deleted_at IS NULL
                     ORDER BY x.created_at DESC, x.id DESC LIMIT 1000) c);
END $$;

-- Called by billing when projects of a client come and go.
CREATE FUNCTION crm.client_projects_add(p_client bigint, p_n bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM crm.client_add(core.org(), p_client, 'projects', p_n);
END $$;

-- A search by name alone: the words stand before the unit separator of search_text.
CREATE FUNCTION crm.name_pattern(p_text text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT '%' || core.like_escape(core.fold(btrim(p_text))) || E'%\x1f%'
$$;

CREATE FUNCTION crm.text_pattern(p_text text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT '%' || core.like_escape(core.fold(btrim(p_text))) || '%'
$$;

-- Document 003's shapes of the same rows. They run with the owner's rights, so that every service
-- can embed them, and look only at the asking organization.
CREATE FUNCTION crm.country_json(p_id bigint) RETURNS json
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF p_id IS NULL THEN RETURN NULL; END IF;
    RETURN (SELECT json_build_object('id', id, 'name', name, 'code', code) FROM crm.countries
            WHERE id = p_id);
END $$;

CREATE FUNCTION crm.company_json(p_id bigint) RETURNS json
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF p_id IS NULL THEN RETURN NULL; END IF;
    RETURN (SELECT json_build_object('id', c.id, 'legal_name', c.name, 'street', c.address_line_1,
            'postal_code', c.postcode, 'locality', c.city, 'country_id', c.country_id, 'phone',
                c.phone,
            'note', c.notes, 'created_at', core.local(c.created_at),
            'updated_at', core.local(c.updated_at),
            'deleted_at', core.local(c.deleted_at), 'country', crm.country_json(c.country_id))
          FROM crm.clients c
         WHERE c.organization_id = core.org() AND c.id = p_id AND c.deleted_at IS NULL);
END $$;

CREATE VIEW crm.person_card WITH (security_barrier) AS
    SELECT c.id, c.organization_id, c.user_id, c.first_name, c.last_name, c.nickname, c.email,
           c.phone, c.address_line_1 AS street, c.postcode AS postal_code, c.city AS locality,
               c.country_id,
           c.client_id AS company_id, c.notes AS note, c.created_at, c.updated_at, c.deleted_at,
           btrim(c.first_name || ' ' || c.last_name) AS full_name, c.assigned_to
      FROM crm.contacts c
     WHERE c.organization_id = core.org();

CREATE FUNCTION crm.person_json(p_id bigint) RETURNS json
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF p_id IS NULL THEN RETURN NULL; END IF;
    RETURN (SELECT json_build_object('id', p.id, 'user_id', p.user_id, 'first_name', p.first_name,
            'last_name', p.last_name, 'nickname', p.nickname, 'email', p.email, 'phone', p.phone,
            'street', p.street, 'postal_code', p.postal_code, 'locality', p.locality,
            'country_id', p.country_id, 'company_id', p.company_id, 'note', p.note,
            'created_at', core.local(p.created_at), 'updated_at', core.local(p.updated_at),
            'deleted_at', core.local(p.deleted_at), 'full_name', p.full_name,
            'country', crm.country_json(p.country_id), 'company', crm.company_json(p.company_id))
          FROM crm.person_card p WHERE p.id = p_id AND p.deleted_at IS NULL);
END $$;

CREATE VIEW crm.client_card WITH (security_barrier) AS
    SELECT id, organization_id, name, trading_name, type, status, email, phone, external_id,
           address_line_1, address_line_2, city, county, postcode, country, country_id, vat_number,
           assigned_to, created_at, updated_at, deleted_at
      FROM crm.clients WHERE organization_id = core.org();

CREATE VIEW crm.tag_card WITH (security_barrier) AS
    SELECT id, organization_id, name, deleted_at FROM crm.tags WHERE organization_id = core.org();

CREATE VIEW crm.country_card AS SELECT id, name, code FROM crm.countries;

-- Ids of the named tags, in the order given; unknown ones are made. Case and accents do not matter,
-- the existing spelling is kept.
CREATE FUNCTION crm.ensure_tags(p_names text[]) RETURNS bigint[]
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE n text; t crm.tags; ids bigint[] := '{}';
BEGIN
    FOREACH n IN ARRAY coalesce(p_names, '{}') LOOP
        n := btrim(n);
        IF n IS NULL OR char_length(n) NOT BETWEEN 1 AND 48 THEN
            RAISE EXCEPTION 'a tag needs a name'
                USING ERRCODE = '23514', TABLE = 'tags', CONSTRAINT = 'tags_name_check';
        END IF;
        INSERT INTO crm.tags (organization_id, name) VALUES (core.org(), n)
            ON CONFLICT (organization_id, core.fold(btrim(name))) DO NOTHING;
        SELECT * INTO t FROM crm.tags
         WHERE organization_id = core.org() AND core.fold(btrim(name)) = core.fold(n);
        IF t.deleted_at IS NOT NULL THEN
            PERFORM core.raise('CONFLICT', 'The tag "' || t.name || '" is in the trash.');
        END IF;
        IF t.id <> ALL (ids) THEN ids := ids || t.id; END IF;
    END LOOP;
    RETURN ids;
END $$;

-- Names out of a body's list: strings or {id, name}. NULL when it is something else.
CREATE FUNCTION crm.tag_names(p_tags jsonb) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN jsonb_typeof(p_tags) <> 'array' THEN NULL
                WHEN EXISTS (SELECT FROM jsonb_array_elements(p_tags) e
                              WHERE jsonb_typeof(e) NOT IN ('string', 'object')
                                 OR jsonb_typeof(e) = 'object'
                                    AND jsonb_typeof(e -> 'name') IS DISTINCT FROM 'string')
                THEN NULL
                ELSE (SELECT coalesce(array_agg(CASE jsonb_typeof(e) WHEN 'object' THEN e ->> 'name'
                                                ELSE e #>> '{}' END ORDER BY o), '{}')
                        FROM jsonb_array_elements(p_tags) WITH ORDINALITY AS x (e, o)) END
$$;

-- A list of names replaces the tags; an empty one is ignored (document 003's original).
CREATE FUNCTION crm.set_tags(p_kind text, p_id bigint, p_tags jsonb) RETURNS void
    LANGUAGE plpgsql AS $$
DECLARE names text[] := crm.tag_names(p_tags); ids bigint[];
BEGIN
    IF names IS NULL THEN
        RAISE EXCEPTION 'tags are names' USING ERRCODE = '23514',
            CONSTRAINT = CASE p_kind WHEN 'person' THEN 'contacts' ELSE 'clients' END
                         || '_tags_check';
    END IF;
    IF cardinality(names) = 0 THEN RETURN; END IF;
    ids := crm.ensure_tags(names);
    IF p_kind = 'person' THEN
        DELETE FROM crm.contact_tags WHERE organization_id = core.org() AND contact_id = p_id
           AND tag_id <> ALL (ids);
        INSERT INTO crm.contact_tags (tag_id, contact_id)
            SELECT unnest(ids), p_id ON CONFLICT DO NOTHING;
    ELSE
        DELETE FROM crm.client_tags WHERE organization_id = core.org() AND client_id = p_id
           AND tag_id <> ALL (ids);
        INSERT INTO crm.client_tags (tag_id, client_id)
            SELECT unnest(ids), p_id ON CONFLICT DO NOTHING;
    END IF;
END $$;

-- A row with its link to a tag last, as document 003 prints it; jsonb would sort the keys.
CREATE FUNCTION crm.with_pivot(p_row json, p_tag bigint, p_id bigint, p_type text) RETURNS json
    LANGUAGE sql IMMUTABLE AS $$
    SELECT (left(rtrim(p_row::text), -1) || ',"pivot":' || json_build_object('tag_id', p_tag,
            'taggable_id', p_id, 'taggable_type', p_type) || '}')::json
$$;

-- Pages of a tag's and a company's people and materials; p_user narrows to what that user may see.
CREATE FUNCTION crm.tag_persons(p_tag bigint, p_user bigint, p_limit bigint, p_offset bigint,
                                OUT total bigint, OUT rows json) LANGUAGE sql STABLE AS $$
    WITH f AS (SELECT c.id, c.last_name, c.first_name FROM crm.contact_tags l
                 JOIN crm.contacts c ON c.organization_id = l.organization_id
                     AND c.id = l.contact_id
                WHERE l.organization_id = core.org() AND l.tag_id = p_tag AND c.deleted_at IS NULL
                  AND (p_user IS NULL OR c.assigned_to = p_user)),
         p AS (SELECT id, row_number() OVER (ORDER BY core.fold(last_name), core.fold(first_name),
             id) AS o
                 FROM f ORDER BY o LIMIT p_limit OFFSET p_offset)
    SELECT (SELECT count(*) FROM f),
           (SELECT coalesce(json_agg(crm.with_pivot(crm.person_json(id), p_tag, id, 'Person')
                                     ORDER BY o), '[]') FROM p)
$$;

CREATE FUNCTION crm.company_persons(p_company bigint, p_user bigint, p_limit bigint,
                                    p_offset bigint, OUT total bigint, OUT rows json)
                                        LANGUAGE sql STABLE AS $$
    WITH f AS (SELECT c.id, c.last_name, c.first_name FROM crm.contacts c
                WHERE c.organization_id = core.org() AND c.client_id = p_company
                  AND c.deleted_at IS NULL AND (p_user IS NULL OR c.assigned_to = p_user)),
         p AS (SELECT id, row_number() OVER (ORDER BY core.fold(last_name), core.fold(first_name),
             id) AS o
                 FROM f ORDER BY o LIMIT p_limit OFFSET p_offset)
    SELECT (SELECT count(*) FROM f),
           (SELECT coalesce(json_agg(crm.person_json(id) ORDER BY o), '[]') FROM p)
$$;

-- Late bound: rentals' schema comes after ours.
CREATE FUNCTION crm.tag_materials(p_tag bigint, p_limit bigint, p_offset bigint,
                                  OUT total bigint, OUT rows json) LANGUAGE plpgsql STABLE AS $$
BEGIN
    total := (SELECT count(*) FROM rentals.tag_material m
               WHERE m.organization_id = core.org() AND m.tag_id = p_tag AND m.deleted_at IS NULL);
    rows := (SELECT coalesce(json_agg(crm.with_pivot(p.row, p_tag, p.material_id, 'Material')
                                      ORDER BY core.fold(p.name), p.material_id), '[]')
               FROM (SELECT * FROM rentals.tag_material m
                      WHERE m.organization_id = core.org() AND m.tag_id = p_tag
                        AND m.deleted_at IS NULL
                      ORDER BY core.fold(m.name), m.material_id LIMIT p_limit OFFSET p_offset) p);
END $$;
