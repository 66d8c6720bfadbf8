-- What the history tells of an event and a material besides their columns, as it is stored.

CREATE FUNCTION rentals.event_lists(p_event bigint) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN jsonb_build_object(
        'materials', (SELECT coalesce(jsonb_agg(jsonb_build_object('id', material_id, 'quantity', quantity)
                                                ORDER BY material_id), '[]')
                        FROM rentals.event_materials
                       WHERE organization_id = core.org() AND event_id = p_event),
        'beneficiaries', (SELECT coalesce(jsonb_agg(person_id ORDER BY position, person_id), '[]')
                            FROM rentals.event_beneficiaries
                           WHERE organization_id = core.org() AND event_id = p_event),
        'assignees', (SELECT coalesce(jsonb_agg(person_id ORDER BY position, person_id), '[]')
                        FROM rentals.event_assignees
                       WHERE organization_id = core.org() AND event_id = p_event));
END $$;

CREATE FUNCTION rentals.material_lists(p_material bigint) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN jsonb_build_object(
        'tags', (SELECT coalesce(jsonb_agg(g.name ORDER BY core.fold(g.name), g.id), '[]')
                   FROM rentals.material_tags mt
                   JOIN crm.tag_card g ON g.organization_id = mt.organization_id AND g.id = mt.tag_id
                  WHERE mt.organization_id = core.org() AND mt.material_id = p_material),
        'attributes', (SELECT coalesce(jsonb_agg(jsonb_build_object('id', a.id, 'name', a.name,
                                           'value', rentals.attribute_value(a.type, ma.value))
                                       ORDER BY a.id), '[]')
                         FROM rentals.material_attributes ma
                         JOIN rentals.attributes a
                           ON a.organization_id = ma.organization_id AND a.id = ma.attribute_id
                        WHERE ma.organization_id = core.org() AND ma.material_id = p_material));
END $$;
