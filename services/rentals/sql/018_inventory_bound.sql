-- An inventory counts no more of a material than the event books: what came back and what is missing
-- together, as well as what is broken and what is missing.

-- As keep_inventory, which it calls; besides its answers "row member most", the first count that is
-- beyond: of which row, which member, and how much there is.
CREATE FUNCTION rentals.count_inventory(p_event bigint, p_kind text, p_rows jsonb) RETURNS text
    LANGUAGE plpgsql AS $$
DECLARE beyond text;
BEGIN
    PERFORM FROM rentals.events
      WHERE organization_id = core.org() AND id = p_event AND deleted_at IS NULL FOR NO KEY UPDATE;
    SELECT concat_ws(' ', r.at - 1, c.member, c.most) INTO beyond
      FROM jsonb_array_elements(p_rows) WITH ORDINALITY AS r (v, at)
      JOIN rentals.event_materials em ON em.organization_id = core.org() AND em.event_id = p_event
       AND em.material_id = (r.v ->> 0)::bigint
     CROSS JOIN LATERAL (SELECT (r.v ->> 1)::bigint AS quantity, (r.v ->> 2)::bigint AS broken,
                                (r.v ->> 3)::bigint AS missing) n
     CROSS JOIN LATERAL (VALUES (1, 'quantity', n.quantity, em.quantity),
                                (2, 'broken', n.broken, em.quantity),
                                (3, 'missing', n.missing,
                                 em.quantity - greatest(n.quantity, n.broken))) c (n, member, said, most)
     WHERE c.said > c.most
     ORDER BY r.at, c.n LIMIT 1;
    RETURN coalesce(beyond, rentals.keep_inventory(p_event, p_kind, p_rows));
END $$;
