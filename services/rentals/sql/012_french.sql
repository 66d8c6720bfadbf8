-- Shortages in English and French, parted by U+001F (proto/rules.h, text_in).

-- One shortage in both: what, how many, against which events, and when there is room.
CREATE FUNCTION rentals.shortage_texts(p_event rentals.events, p_material bigint, p_short bigint)
    RETURNS text[] LANGUAGE plpgsql STABLE
    SET plan_cache_mode = force_generic_plan AS $$
DECLARE m rentals.materials; wanted bigint; clashes text[]; free text[]; free_at timestamptz;
        length interval := p_event.end_date - p_event.start_date;
BEGIN
    SELECT * INTO m FROM rentals.materials WHERE organization_id = core.org() AND id = p_material;
    SELECT quantity INTO wanted FROM rentals.event_materials
     WHERE organization_id = core.org() AND event_id = p_event.id AND material_id = p_material;
    SELECT ARRAY[string_agg(format('"%s" (event %s, %s from %s to %s)', o.title, o.id, c.quantity,
                                   core.local(c.start_at), core.local(c.end_at)), ', '
                            ORDER BY c.start_at, c.event_id),
                 string_agg(format('« %s » (événement %s, %s du %s au %s)', o.title, o.id, c.quantity,
                                   core.local(c.start_at), core.local(c.end_at)), ', '
                            ORDER BY c.start_at, c.event_id)] INTO clashes
      FROM (SELECT b.* FROM rentals.bookings(ARRAY[p_material], p_event.start_date, p_event.end_date) b
             WHERE b.event_id <> p_event.id ORDER BY b.start_at, b.event_id LIMIT 3) c
      JOIN rentals.events o ON o.organization_id = core.org() AND o.id = c.event_id;
    free_at := rentals.next_free(p_material, wanted, p_event.start_date, length, p_event.id);
    free := ARRAY[core.local(free_at), core.local(free_at + length)];
    RETURN ARRAY[
        format('%s (%s, id %s): %s short', m.name, m.reference, m.id, p_short)
            || coalesce(', booked by ' || clashes[1], '')
            || coalesce(', free from ' || free[1] || ' to ' || free[2], ''),
        format('%s (%s, id %s) : il en manque %s', m.name, m.reference, m.id, p_short)
            || coalesce(', pris par ' || clashes[2], '')
            || coalesce(', libre du ' || free[1] || ' au ' || free[2], '')];
END $$;

-- What the event books beyond the stock, in words; NULL: nothing.
CREATE OR REPLACE FUNCTION rentals.shortages(e rentals.events, p_materials bigint[]) RETURNS text
    LANGUAGE plpgsql
    SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    RETURN (SELECT string_agg(s.said[1], '; ' ORDER BY s.id) || E'.\x1fMatériels insuffisants : '
                   || string_agg(s.said[2], ' ; ' ORDER BY s.id)
      FROM (SELECT m.id, rentals.shortage_texts(e, m.id, p.peak - rentals.in_service(
                       m.stock_quantity, m.out_of_order_quantity)) AS said
              FROM rentals.peaks(p_materials, e.start_date, e.end_date, NULL, true) p
              JOIN rentals.materials m ON m.organization_id = core.org() AND m.id = p.material_id
             WHERE p.peak > rentals.in_service(m.stock_quantity, m.out_of_order_quantity)
             ORDER BY m.id LIMIT 5) s);
END $$;
