-- How materials and events are shown and kept together with what hangs on them. Shapes are plpgsql:
-- their plans are kept by the connection, those of SQL functions are made again by each statement.

CREATE FUNCTION rentals.material_tags_json(p_material bigint) RETURNS json LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT coalesce(json_agg(json_build_object('id', g.id, 'name', g.name)
                             ORDER BY mt.position, g.id), '[]')
      FROM rentals.material_tags mt JOIN crm.tag_card g ON g.id = mt.tag_id
     WHERE mt.organization_id = core.org() AND mt.material_id = p_material AND g.deleted_at IS NULL);
END $$;

CREATE FUNCTION rentals.material_tagged(p_material bigint, p_names text[]) RETURNS boolean
    LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM rentals.material_tags mt JOIN crm.tag_card g ON g.id = mt.tag_id
                    WHERE mt.organization_id = core.org() AND mt.material_id = p_material
                      AND g.deleted_at IS NULL
                      AND core.fold(btrim(g.name)) IN (SELECT core.fold(btrim(n)) FROM unnest(p_names) n))
$$;

-- A stored value as its attribute's type has it.
CREATE FUNCTION rentals.attribute_value(p_type text, p_value text) RETURNS json
    LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE p_type WHEN 'integer' THEN to_json(trunc(p_value::numeric))
                       WHEN 'float' THEN to_json(trim_scale(p_value::numeric))
                       WHEN 'boolean' THEN to_json(p_value IN ('1', 'true'))
                       ELSE to_json(p_value) END
$$;

CREATE FUNCTION rentals.material_attributes_json(p_material bigint) RETURNS json
    LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT coalesce(json_agg(json_build_object('id', a.id, 'name', a.name, 'type', a.type, 'unit', a.unit,
               'value', rentals.attribute_value(a.type, ma.value)) ORDER BY ma.position, a.id), '[]')
      FROM rentals.material_attributes ma
      JOIN rentals.attributes a ON a.organization_id = ma.organization_id AND a.id = ma.attribute_id
     WHERE ma.organization_id = core.org() AND ma.material_id = p_material AND a.deleted_at IS NULL);
END $$;

-- Stock is never negative, and no more can be out of order than there is; none is null.
CREATE FUNCTION rentals.clamp_stock() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.stock_quantity := greatest(NEW.stock_quantity, 0);
    IF NEW.out_of_order_quantity IS NOT NULL THEN
        NEW.out_of_order_quantity :=
            nullif(greatest(least(NEW.out_of_order_quantity, NEW.stock_quantity), 0), 0);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER materials_clamp BEFORE INSERT OR UPDATE OF stock_quantity, out_of_order_quantity
    ON rentals.materials FOR EACH ROW EXECUTE FUNCTION rentals.clamp_stock();

-- Replaces the tags of a material; NULL: leaves them.
CREATE FUNCTION rentals.keep_tags(p_material bigint, p_names text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF p_names IS NULL THEN RETURN; END IF;
    DELETE FROM rentals.material_tags WHERE organization_id = core.org() AND material_id = p_material;
    INSERT INTO rentals.material_tags (material_id, tag_id, position)
    SELECT p_material, id, min(at) FROM unnest(crm.ensure_tags(p_names)) WITH ORDINALITY AS t (id, at)
     WHERE id IS NOT NULL GROUP BY id;
END $$;

-- Replaces the attribute values of a material: [[id, "text"], …]. Answers the name of an attribute
-- whose value does not fit its type, with that type; NULL when all is well.
CREATE FUNCTION rentals.keep_attributes(p_material bigint, p_values jsonb)
    RETURNS TABLE (name text, type text) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY
    SELECT a.name, a.type FROM jsonb_array_elements(p_values) v
      JOIN rentals.attributes a ON a.organization_id = core.org() AND a.id = (v ->> 0)::bigint
     WHERE a.type IN ('integer', 'float') AND v ->> 1 !~ '^\s*[-+]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})\s*$'
     LIMIT 1;
    IF FOUND THEN RETURN; END IF;
    DELETE FROM rentals.material_attributes
     WHERE organization_id = core.org() AND material_id = p_material;
    INSERT INTO rentals.material_attributes (material_id, attribute_id, value, position)
    SELECT DISTINCT ON (1, 2) p_material, (v ->> 0)::bigint, v ->> 1, at
      FROM jsonb_array_elements(p_values) WITH ORDINALITY AS x (v, at) ORDER BY 1, 2, at DESC;
END $$;

-- What a material belongs to, as document 003 shows it beside the ids; null: none, or in the trash.
CREATE FUNCTION rentals.park_json(p_park bigint) RETURNS json LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT json_build_object('id', id, 'name', name) FROM rentals.parks
             WHERE organization_id = core.org() AND id = p_park AND deleted_at IS NULL);
END $$;
CREATE FUNCTION rentals.category_json(p_category bigint) RETURNS json LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT json_build_object('id', id, 'name', name) FROM rentals.categories
             WHERE organization_id = core.org() AND id = p_category AND deleted_at IS NULL);
END $$;
CREATE FUNCTION rentals.sub_category_json(p_sub_category bigint) RETURNS json
    LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT json_build_object('id', id, 'name', name, 'category_id', category_id)
              FROM rentals.sub_categories
             WHERE organization_id = core.org() AND id = p_sub_category AND deleted_at IS NULL);
END $$;

-- A page of materials with these three put behind each row.
CREATE FUNCTION rentals.with_names(p_page json) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT coalesce('[' || string_agg(
               left(rtrim(r::text), -1) || ',"park":' || coalesce(rentals.park_json(m.park_id)::text, 'null')
               || ',"category":' || coalesce(rentals.category_json(m.category_id)::text, 'null')
               || ',"sub_category":' || coalesce(rentals.sub_category_json(m.sub_category_id)::text, 'null')
               || '}', ',' ORDER BY at) || ']', '[]')
      FROM json_array_elements(p_page) WITH ORDINALITY AS x (r, at)
      JOIN rentals.materials m ON m.organization_id = core.org() AND m.id = (r ->> 'id')::bigint
$$;

-- A material as lists of other resources show it.
CREATE FUNCTION rentals.material_json(m rentals.materials) RETURNS json LANGUAGE sql STABLE AS $$
    SELECT json_build_object('id', m.id, 'name', m.name, 'description', m.description,
        'reference', m.reference, 'park_id', m.park_id, 'category_id', m.category_id,
        'sub_category_id', m.sub_category_id, 'rental_price', trim_scale(m.rental_price),
        'stock_quantity', m.stock_quantity, 'out_of_order_quantity', m.out_of_order_quantity,
        'replacement_price', trim_scale(m.replacement_price), 'serial_number', m.serial_number,
        'is_hidden_on_bill', m.is_hidden_on_bill, 'is_discountable', m.is_discountable,
        'note', m.note, 'created_at', core.local(m.created_at), 'updated_at', core.local(m.updated_at),
        'deleted_at', core.local(m.deleted_at), 'park', rentals.park_json(m.park_id),
        'category', rentals.category_json(m.category_id),
        'sub_category', rentals.sub_category_json(m.sub_category_id),
        'tags', rentals.material_tags_json(m.id), 'attributes', rentals.material_attributes_json(m.id))
$$;

-- For the address book's GET /api/tags/{id}/materials.
CREATE FUNCTION rentals.material_row(p_material bigint) RETURNS json LANGUAGE sql STABLE
    SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT rentals.material_json(m) FROM rentals.materials m
     WHERE m.organization_id = core.org() AND m.id = p_material
$$;
REVOKE EXECUTE ON FUNCTION rentals.material_row(bigint) FROM PUBLIC;
-- The functions of a view run as its reader: hence material_row's rights.
CREATE VIEW rentals.tag_material WITH (security_barrier) AS
    SELECT mt.organization_id, mt.tag_id, mt.material_id, m.deleted_at, m.name,
           rentals.material_row(m.id) AS "row"
      FROM rentals.material_tags mt
      JOIN rentals.materials m ON m.organization_id = mt.organization_id AND m.id = mt.material_id
     WHERE mt.organization_id = core.org();

-- Materials of an event in document 003's shape; only those short of stock when p_missing.
CREATE FUNCTION rentals.event_materials_of(p_event bigint, p_missing boolean) RETURNS json
    LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT coalesce(json_agg(s.shown ORDER BY s.position, s.id), '[]') FROM (
        SELECT em.position, m.id, (left(json_build_object('id', m.id, 'name', m.name,
            'description', m.description, 'reference', m.reference, 'park_id', m.park_id,
            'category_id', m.category_id, 'sub_category_id', m.sub_category_id,
            'rental_price', trim_scale(m.rental_price), 'stock_quantity', m.stock_quantity,
            'out_of_order_quantity', m.out_of_order_quantity,
            'replacement_price', trim_scale(m.replacement_price), 'serial_number', m.serial_number,
            'is_hidden_on_bill', m.is_hidden_on_bill, 'is_discountable', m.is_discountable,
            'park', rentals.park_json(m.park_id), 'category', rentals.category_json(m.category_id),
            'sub_category', rentals.sub_category_json(m.sub_category_id),
            'tags', rentals.material_tags_json(m.id),
            'attributes', rentals.material_attributes_json(m.id),
            'pivot', json_build_object('event_id', em.event_id, 'material_id', m.id,
                                       'quantity', em.quantity))::text, -1)
            || CASE WHEN p_missing THEN ', "remaining_quantity" : ' || r.remaining ELSE '' END
            || '}')::json AS shown
          FROM rentals.event_materials em
          JOIN rentals.materials m ON m.organization_id = em.organization_id AND m.id = em.material_id
          LEFT JOIN (SELECT * FROM rentals.event_remaining(p_event) WHERE p_missing) r
            ON r.material_id = m.id
         WHERE em.organization_id = core.org() AND em.event_id = p_event AND m.deleted_at IS NULL
           AND (NOT p_missing OR r.remaining < 0)) s);
END $$;
CREATE FUNCTION rentals.event_materials_json(p_event bigint) RETURNS json LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT rentals.event_materials_of(p_event, false));
END $$;
CREATE FUNCTION rentals.missing_json(p_event bigint) RETURNS json LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT rentals.event_materials_of(id, true) FROM rentals.events
     WHERE organization_id = core.org() AND id = p_event AND deleted_at IS NULL);
END $$;

CREATE FUNCTION rentals.user_json(p_user bigint) RETURNS json LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT json_build_object('id', u.id, 'pseudo', u.pseudo, 'email', u.email,
                       'group_id', u.group_id, 'created_at', core.local(u.created_at),
                       'updated_at', core.local(u.updated_at), 'deleted_at', NULL,
                       'person', crm.person_of_user(u.id))
              FROM accounts.user_card u WHERE u.id = p_user AND u.deleted_at IS NULL);
END $$;

CREATE FUNCTION rentals.assignees_json(p_event bigint) RETURNS json LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT coalesce(json_agg(json_build_object('id', p.id, 'first_name', p.json -> 'first_name',
               'last_name', p.json -> 'last_name', 'nickname', p.json -> 'nickname',
               'full_name', p.json -> 'full_name', 'country', NULL, 'company', NULL,
               'pivot', json_build_object('event_id', p_event, 'person_id', p.id)) ORDER BY p.position), '[]')
      FROM (SELECT a.position, a.person_id AS id, crm.person_json(a.person_id) AS json
              FROM rentals.event_assignees a
             WHERE a.organization_id = core.org() AND a.event_id = p_event) p
     WHERE p.json IS NOT NULL);
END $$;

CREATE FUNCTION rentals.beneficiaries_json(p_event bigint) RETURNS json LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT coalesce(json_agg(json_build_object('id', p.id, 'first_name', p.json -> 'first_name',
               'last_name', p.json -> 'last_name', 'company_id', p.json -> 'company_id',
               'street', p.json -> 'street', 'postal_code', p.json -> 'postal_code',
               'locality', p.json -> 'locality', 'full_name', p.json -> 'full_name',
               'country', NULL, 'company', p.json -> 'company',
               'pivot', json_build_object('event_id', p_event, 'person_id', p.id)) ORDER BY p.position), '[]')
      FROM (SELECT b.position, b.person_id AS id, crm.person_json(b.person_id) AS json
              FROM rentals.event_beneficiaries b
             WHERE b.organization_id = core.org() AND b.event_id = p_event) p
     WHERE p.json IS NOT NULL);
END $$;

-- Bills belong to the billing service, which loads after this one.
CREATE FUNCTION rentals.bills_json(p_event bigint) RETURNS json LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF to_regprocedure('billing.event_bills(bigint)') IS NULL THEN RETURN '[]'; END IF;
    RETURN billing.event_bills(p_event);
END $$;

-- May the event be written so? ok | user | order. A missing end is the stored one.
CREATE FUNCTION rentals.judge_event(p_event bigint, p_user bigint, p_start timestamptz,
                                    p_end timestamptz) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE old rentals.events;
BEGIN
    SELECT * INTO old FROM rentals.events WHERE organization_id = core.org() AND id = p_event;
    IF p_user IS NOT NULL AND p_user IS DISTINCT FROM old.user_id AND NOT EXISTS (
            SELECT FROM accounts.user_card u WHERE u.id = p_user AND u.deleted_at IS NULL) THEN
        RETURN 'user';
    END IF;
    IF coalesce(p_start, old.start_date) >= coalesce(p_end, old.end_date) THEN RETURN 'order'; END IF;
    RETURN 'ok';
END $$;

-- Replaces the lists of an event, each only when given: [person, …] and [[material, quantity], …].
-- Named twice, the last one counts. p_guard: the event may book more than before.
CREATE FUNCTION rentals.keep_lists(p_event bigint, p_beneficiaries bigint[], p_assignees bigint[],
                                   p_materials jsonb, p_guard boolean) RETURNS void
    LANGUAGE plpgsql AS $$
BEGIN
    IF p_beneficiaries IS NOT NULL THEN
        DELETE FROM rentals.event_beneficiaries WHERE organization_id = core.org() AND event_id = p_event;
        INSERT INTO rentals.event_beneficiaries (event_id, person_id, position)
        SELECT p_event, id, min(at) FROM unnest(p_beneficiaries) WITH ORDINALITY AS x (id, at) GROUP BY id;
    END IF;
    IF p_assignees IS NOT NULL THEN
        DELETE FROM rentals.event_assignees WHERE organization_id = core.org() AND event_id = p_event;
        INSERT INTO rentals.event_assignees (event_id, person_id, position)
        SELECT p_event, id, min(at) FROM unnest(p_assignees) WITH ORDINALITY AS x (id, at) GROUP BY id;
    END IF;
    IF p_materials IS NOT NULL THEN
        DELETE FROM rentals.event_materials WHERE organization_id = core.org() AND event_id = p_event;
        INSERT INTO rentals.event_materials (event_id, material_id, quantity, position)
        SELECT p_event, w.id, w.quantity, w.at
          FROM (SELECT DISTINCT ON (1) (v ->> 0)::bigint AS id, (v ->> 1)::bigint AS quantity, at
                  FROM jsonb_array_elements(p_materials) WITH ORDINALITY AS x (v, at)
                 ORDER BY 1, at DESC) w
         WHERE w.quantity > 0 ORDER BY w.id;
    END IF;
    IF p_guard THEN PERFORM rentals.guard_event(p_event); END IF;
END $$;

-- An event that was billed stays: its bills name it, in the trash as well.
CREATE FUNCTION rentals.keep_billed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_regprocedure('billing.event_billed(bigint)') IS NOT NULL THEN
        IF billing.event_billed(OLD.id) THEN
            PERFORM core.raise('CONFLICT', 'The event has bills; delete them first.');
        END IF;
    END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER events_keep_billed BEFORE DELETE ON rentals.events
    FOR EACH ROW EXECUTE FUNCTION rentals.keep_billed();

-- Whole periods of 24 hours of the local clock, and the one begun.
CREATE FUNCTION rentals.days_count(p_start timestamptz, p_end timestamptz) RETURNS integer
    LANGUAGE sql STABLE AS $$
    SELECT floor(extract(epoch FROM (p_end AT TIME ZONE core.org_zone())
                                    - (p_start AT TIME ZONE core.org_zone())) / 86400)::integer + 1
$$;

-- What a bill freezes: the event, its first living beneficiary (null: none), its materials with
-- their prices and the names they are grouped by. NULL: no such event.
CREATE FUNCTION rentals.event_for_bill(p_event bigint) RETURNS jsonb LANGUAGE sql STABLE
    SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT jsonb_build_object('id', e.id, 'title', e.title, 'description', e.description,
        'location', e.location, 'start_date', core.local(e.start_date), 'end_date', core.local(e.end_date),
        'is_billable', e.is_billable, 'is_confirmed', e.is_confirmed, 'user_id', e.user_id,
        'days_count', rentals.days_count(e.start_date, e.end_date),
        'beneficiary', (SELECT p.json::jsonb
             FROM (SELECT b.position, crm.person_json(b.person_id) AS json
                     FROM rentals.event_beneficiaries b
                    WHERE b.organization_id = core.org() AND b.event_id = e.id) p
            WHERE p.json IS NOT NULL ORDER BY p.position LIMIT 1),
        'materials', (SELECT coalesce(jsonb_agg(jsonb_build_object('id', m.id, 'name', m.name,
                'reference', m.reference, 'park_id', m.park_id, 'category_id', m.category_id,
                'sub_category_id', m.sub_category_id, 'category', c.name, 'sub_category', s.name,
                'rental_price', trim_scale(m.rental_price),
                'replacement_price', trim_scale(m.replacement_price),
                'is_hidden_on_bill', m.is_hidden_on_bill, 'is_discountable', m.is_discountable,
                'quantity', em.quantity) ORDER BY em.position, m.id), '[]')
             FROM rentals.event_materials em
             JOIN rentals.materials m ON m.organization_id = em.organization_id AND m.id = em.material_id
             JOIN rentals.categories c ON c.organization_id = m.organization_id AND c.id = m.category_id
             LEFT JOIN rentals.sub_categories s
               ON s.organization_id = m.organization_id AND s.id = m.sub_category_id
            WHERE em.organization_id = core.org() AND em.event_id = e.id AND m.deleted_at IS NULL))
      FROM rentals.events e
     WHERE e.organization_id = core.org() AND e.id = p_event AND e.deleted_at IS NULL
$$;
REVOKE EXECUTE ON FUNCTION rentals.event_for_bill(bigint) FROM PUBLIC;

GRANT EXECUTE ON FUNCTION rentals.event_for_bill(bigint) TO bureau_billing;
GRANT EXECUTE ON FUNCTION rentals.material_row(bigint) TO bureau_crm;
GRANT SELECT ON rentals.tag_material TO bureau_crm;
