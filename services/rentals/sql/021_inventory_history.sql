-- Inventories stand in the history of their event, and what a return puts out of order in that of the
-- material.

-- The two inventories of an event and how many of its materials are out of order: what log_inventory
-- compares with. Locks both, in the order of count_inventory. NULL: no such event.
CREATE FUNCTION rentals.inventory_state(p_event bigint) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM rentals.events
      WHERE organization_id = core.org() AND id = p_event AND deleted_at IS NULL FOR NO KEY UPDATE;
    IF NOT FOUND THEN RETURN NULL; END IF;
    PERFORM FROM rentals.materials m
      WHERE m.organization_id = core.org() AND (m.id IN (
            SELECT em.material_id FROM rentals.event_materials em
             WHERE em.organization_id = core.org() AND em.event_id = p_event)
         OR m.id IN (SELECT i.material_id FROM rentals.inventories i
                      WHERE i.organization_id = core.org() AND i.event_id = p_event))
      ORDER BY m.id FOR NO KEY UPDATE;
    RETURN jsonb_build_object(
        'lists', jsonb_build_object(
            'departure', rentals.inventory_json(p_event, 'departure') -> 'materials',
            'return', rentals.inventory_json(p_event, 'return') -> 'materials'),
        'stock', (SELECT coalesce(jsonb_object_agg(m.id, m.out_of_order_quantity), '{}')
                    FROM rentals.materials m
                   WHERE m.organization_id = core.org() AND (m.id IN (
                         SELECT em.material_id FROM rentals.event_materials em
                          WHERE em.organization_id = core.org() AND em.event_id = p_event)
                      OR m.id IN (SELECT i.material_id FROM rentals.inventories i
                                   WHERE i.organization_id = core.org() AND i.event_id = p_event))));
END $$;

-- Logs what has become another since inventory_state told p_before.
CREATE FUNCTION rentals.log_inventory(p_event bigint, p_before jsonb, p_user bigint, p_token bigint,
                                      p_request text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE after jsonb := rentals.inventory_state(p_event);
BEGIN
    INSERT INTO core.audit (resource, row_id, op, user_id, token_id, request_id, changes)
    SELECT c.resource, c.id, 'update', p_user, p_token, p_request, c.changes
      FROM (SELECT 'event' AS resource, p_event AS id,
                   core.audit_diff(p_before -> 'lists', after -> 'lists', '{}') AS changes
            UNION ALL
            SELECT 'material', s.key::bigint, jsonb_build_object('out_of_order_quantity',
                       jsonb_build_array(p_before -> 'stock' -> s.key, s.value))
              FROM jsonb_each(after -> 'stock') s
             WHERE s.value IS DISTINCT FROM p_before -> 'stock' -> s.key) c
     WHERE c.changes <> '{}' ORDER BY c.resource, c.id;
END $$;
