-- The arithmetic of bills, and nothing else: exact, rounded once, half away from zero.
-- Source: decisions of amounts in docs/bills.md.

-- n / d to two decimals. Whole-number division, so that no quotient is cut before it is rounded.
CREATE FUNCTION billing.round_ratio(n numeric, d numeric) RETURNS numeric
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN round(sign(n) * div(200 * abs(n) + d, 2 * d) / 100, 2);

-- p_materials: [{rental_price, replacement_price, quantity, is_discountable}]; p_discount and p_vat
-- in percent; the degressive rate is p_num / p_den.
CREATE FUNCTION billing.bill_amounts(p_materials jsonb, p_discount numeric, p_num numeric,
                                     p_den numeric, p_vat numeric)
RETURNS TABLE (daily numeric, discountable numeric, replacement numeric, without_taxes numeric,
               due numeric)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    net numeric; -- of the whole period, times 100 * p_den
BEGIN
    SELECT coalesce(sum(l.price * l.quantity), 0),
           coalesce(sum(l.price * l.quantity) FILTER (WHERE l.is_discountable), 0),
           coalesce(sum(coalesce(l.replacement_price, 0) * l.quantity), 0)
      INTO daily, discountable, replacement
      FROM (SELECT (m ->> 'rental_price')::numeric AS price, (m ->> 'quantity')::numeric AS quantity,
                   (m ->> 'replacement_price')::numeric AS replacement_price,
                   (m ->> 'is_discountable')::boolean AS is_discountable
              FROM jsonb_array_elements(p_materials) AS m) l;
    net := (daily * 100 - discountable * p_discount) * p_num;
    without_taxes := billing.round_ratio(net, 100 * p_den);
    due := billing.round_ratio(net * (100 + p_vat), 10000 * p_den);
    RETURN NEXT;
END $$;
