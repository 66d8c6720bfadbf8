-- What a return put out of order is kept beside it: no more can be out of order than there is, so it
-- may be less than what was said, and a correction must take back no more than that.

-- NULL: of an inventory from before this column; all that it says was counted.
ALTER TABLE rentals.inventories ADD COLUMN counted bigint
    CONSTRAINT inventories_counted_check CHECK (counted >= 0);

-- Puts what a return says out of order, beside what its former version had put there: {material: n}.
-- The materials are locked.
CREATE FUNCTION rentals.count_return(p_event bigint, p_former jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE c record; had bigint; has bigint;
BEGIN
    FOR c IN
        SELECT material_id, coalesce(f.was, 0) AS was, coalesce(i.broken + i.missing, 0) AS wants
          FROM (SELECT key::bigint AS material_id, value::bigint AS was FROM jsonb_each_text(p_former)) f
          FULL JOIN (SELECT x.material_id, x.broken, x.missing FROM rentals.inventories x
                      WHERE x.organization_id = core.org() AND x.event_id = p_event AND x.kind = 'return') i
         USING (material_id) ORDER BY material_id
    LOOP
        had := 0;
        has := 0;
        IF c.wants <> c.was THEN
            SELECT coalesce(out_of_order_quantity, 0) INTO had FROM rentals.materials
             WHERE organization_id = core.org() AND id = c.material_id;
            UPDATE rentals.materials SET out_of_order_quantity = had + c.wants - c.was, updated_at = now()
             WHERE organization_id = core.org() AND id = c.material_id
             RETURNING coalesce(out_of_order_quantity, 0) INTO has;
        END IF;
        UPDATE rentals.inventories SET counted = least(c.wants, c.was + greatest(has - had, 0))
         WHERE organization_id = core.org() AND event_id = p_event AND kind = 'return'
           AND material_id = c.material_id;
    END LOOP;
END $$;

-- As before, but for what a correction takes back.
CREATE OR REPLACE FUNCTION rentals.keep_inventory(p_event bigint, p_kind text, p_rows jsonb)
    RETURNS text LANGUAGE plpgsql AS $$
DECLARE former jsonb;
BEGIN
    PERFORM FROM rentals.events
      WHERE organization_id = core.org() AND id = p_event AND deleted_at IS NULL FOR NO KEY UPDATE;
    IF NOT FOUND THEN RETURN 'event'; END IF;
    IF EXISTS (SELECT FROM jsonb_array_elements(p_rows) r
                WHERE NOT EXISTS (SELECT FROM rentals.event_materials em
                                   WHERE em.organization_id = core.org() AND em.event_id = p_event
                                     AND em.material_id = (r ->> 0)::bigint)) THEN
        RETURN 'material';
    END IF;
    PERFORM FROM rentals.materials m
      WHERE m.organization_id = core.org() AND (m.id IN (
            SELECT (r ->> 0)::bigint FROM jsonb_array_elements(p_rows) r)
         OR m.id IN (SELECT i.material_id FROM rentals.inventories i
                      WHERE i.organization_id = core.org() AND i.event_id = p_event AND i.kind = p_kind))
      ORDER BY m.id FOR NO KEY UPDATE;
    WITH gone AS (
        DELETE FROM rentals.inventories
         WHERE organization_id = core.org() AND event_id = p_event AND kind = p_kind
         RETURNING material_id, coalesce(counted, broken + missing) AS counted)
    SELECT coalesce(jsonb_object_agg(material_id, counted), '{}') INTO former FROM gone;
    INSERT INTO rentals.inventories (event_id, kind, material_id, quantity, broken, missing)
    SELECT DISTINCT ON (3) p_event, p_kind, (r ->> 0)::bigint, (r ->> 1)::bigint, (r ->> 2)::bigint,
           (r ->> 3)::bigint
      FROM jsonb_array_elements(p_rows) WITH ORDINALITY AS x (r, at) ORDER BY 3, at DESC;
    IF p_kind = 'return' THEN PERFORM rentals.count_return(p_event, former); END IF;
    RETURN 'ok';
END $$;
