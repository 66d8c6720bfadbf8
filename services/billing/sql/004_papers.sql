-- What the PDF and the XML of a bill print, worked out here so that money stays exact decimal text.
-- Nothing but the bill's own row is read: the same bill gives the same paper for ever.

-- The address of a person or company: the person's company when she has one.
CREATE FUNCTION billing.paper_buyer(p_person jsonb) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    company jsonb := CASE WHEN jsonb_typeof(p_person -> 'company') = 'object'
                          THEN p_person -> 'company' ELSE '{}' END;
    own boolean := coalesce(company ->> 'street', company ->> 'locality') IS NULL;
    home jsonb := CASE WHEN own THEN p_person ELSE company END;
BEGIN
    RETURN jsonb_build_object(
        'buyer_name', p_person ->> 'full_name', 'buyer_company', company ->> 'legal_name',
        'buyer_street', home ->> 'street', 'buyer_postal_code', home ->> 'postal_code',
        'buyer_locality', home ->> 'locality', 'buyer_country', home -> 'country' ->> 'name',
        'buyer_country_code', home -> 'country' ->> 'code', 'buyer_email', p_person ->> 'email',
        'buyer_phone', p_person ->> 'phone', 'buyer_vat', p_person ->> 'vat_number');
END $$;

-- One flat object of texts. Of a credit note the amounts are negative, as in its row.
CREATE FUNCTION billing.bill_paper(p_bill bigint) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
    b billing.bills;
    zone text;
    net numeric;
    credited billing.bills;
BEGIN
    SELECT * INTO b FROM billing.bills
     WHERE organization_id = core.org() AND id = p_bill AND deleted_at IS NULL;
    IF b.id IS NULL THEN RETURN NULL; END IF;
    zone := coalesce(b.seller ->> 'zone', 'UTC');
    net := b.daily_amount - b.discountable_amount * b.discount_rate / 100;
    SELECT * INTO credited FROM billing.bills
     WHERE organization_id = core.org() AND id = b.credits_bill_id;
    RETURN billing.paper_buyer(b.beneficiary) || jsonb_build_object(
        'number', coalesce(b.final_number, b.number), 'internal_number', b.number, 'kind', b.kind,
        'is_final', (b.finalized_at IS NOT NULL)::text, 'credits_number', credited.final_number,
        'credits_date', to_char(credited.finalized_at AT TIME ZONE zone, 'YYYY-MM-DD'),
        'language', b.seller ->> 'language', 'currency', b.currency,
        'date', to_char(coalesce(b.finalized_at, b.date) AT TIME ZONE zone, 'YYYY-MM-DD'),
        'made_at', to_char(coalesce(b.finalized_at, b.date) AT TIME ZONE 'UTC',
                           'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
        'event_title', b.event ->> 'title', 'event_location', b.event ->> 'location',
        'start', b.event ->> 'start_date', 'end', b.event ->> 'end_date') || jsonb_build_object(
        'days', b.days_count::text, 'rate', trim_scale(round(b.degressive_rate, 4))::text,
        'discount_rate', trim_scale(round(b.discount_rate, 4))::text,
        'vat_rate', trim_scale(b.vat_rate)::text, 'daily', round(b.daily_amount, 2)::text,
        'discountable', round(b.discountable_amount, 2)::text,
        'discount', round(b.discountable_amount * b.discount_rate / 100, 2)::text,
        'daily_net', round(net, 2)::text, 'daily_vat', round(net * b.vat_rate / 100, 2)::text,
        'daily_with_taxes', round(net * (100 + b.vat_rate) / 100, 2)::text,
        'total_without_taxes', b.total_without_taxes::text, 'vat_amount', b.vat_amount::text,
        'due_amount', b.due_amount::text, 'replacement_amount', b.replacement_amount::text,
        'period_discount', abs(round(b.discountable_amount * b.discount_rate / 100
                                     * b.degressive_rate, 2))::text)
        || (SELECT jsonb_object_agg('seller_' || key, value) FROM jsonb_each_text(b.seller));
END $$;

-- The materials of the second page: groups by name, those of none last; running totals for page
-- breaks. What is hidden on bills and costs nothing is left out.
CREATE FUNCTION billing.paper_lines(p_bill bigint)
RETURNS TABLE (part text, category text, reference text, name text, quantity text, price text,
               replacement text, total text, running text, period_price text, period_total text,
               item bigint)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH bill AS (
        SELECT *, CASE kind WHEN 'credit_note' THEN -1 ELSE 1 END AS sign FROM billing.bills
         WHERE organization_id = core.org() AND id = p_bill AND deleted_at IS NULL
    ), line AS (
        SELECT nullif(m ->> 'sub_category', '') AS part, m ->> 'category' AS category,
               m ->> 'reference' AS reference, m ->> 'name' AS name,
               bill.sign * (m ->> 'quantity')::numeric AS quantity,
               (m ->> 'rental_price')::numeric AS price,
               (m ->> 'replacement_price')::numeric AS replacement, o, bill.degressive_rate AS rate,
               (m ->> 'id')::bigint AS item
          FROM bill, jsonb_array_elements(bill.materials) WITH ORDINALITY AS e (m, o)
         WHERE NOT ((m ->> 'is_hidden_on_bill')::boolean AND (m ->> 'rental_price')::numeric = 0)
    )
    SELECT coalesce(part, '---'), category, reference, name, quantity::text,
           round(price, 2)::text, round(replacement * quantity, 2)::text,
           round(price * quantity, 2)::text,
           round(sum(price * quantity) OVER (ORDER BY part COLLATE "C" NULLS LAST, o), 2)::text,
           trim_scale(round(price * rate, 6))::text, round(price * quantity * rate, 2)::text, item
      FROM line ORDER BY part COLLATE "C" NULLS LAST, o;
END $$;

-- The first page: categories, how many items of each, what they cost a day.
CREATE FUNCTION billing.paper_categories(p_bill bigint)
RETURNS TABLE (category text, items text, total text) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY SELECT coalesce(l.category, '---'), sum(l.quantity::numeric)::text,
                        sum(l.total::numeric)::text
      FROM billing.paper_lines(p_bill) l GROUP BY l.category ORDER BY l.category COLLATE "C" NULLS LAST;
END $$;

-- What the XML adds up: its lines are rounded one by one, the bill once.
CREATE FUNCTION billing.paper_sums(p_bill bigint) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE paper jsonb := billing.bill_paper(p_bill); lines numeric; rest numeric;
BEGIN
    IF paper IS NULL THEN RETURN NULL; END IF;
    SELECT coalesce(sum(abs(period_total::numeric)), 0) INTO lines FROM billing.paper_lines(p_bill);
    rest := lines - (paper ->> 'period_discount')::numeric
                  - abs((paper ->> 'total_without_taxes')::numeric);
    RETURN paper || jsonb_build_object('lines_total', lines::numeric(24, 2)::text,
        'rounding', abs(rest)::numeric(24, 2)::text, 'rounding_is_charge', (rest < 0)::text,
        'allowances', ((paper ->> 'period_discount')::numeric + greatest(rest, 0))::numeric(24, 2)::text,
        'charges', greatest(-rest, 0)::numeric(24, 2)::text);
END $$;

CREATE FUNCTION billing.paper_facts(p_bill bigint) RETURNS TABLE (name text, value text)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY SELECT f.key, f.value FROM jsonb_each_text(billing.paper_sums(p_bill)) f;
END $$;

GRANT EXECUTE ON FUNCTION billing.paper_buyer(jsonb), billing.bill_paper(bigint),
    billing.paper_lines(bigint), billing.paper_categories(bigint), billing.paper_sums(bigint),
    billing.paper_facts(bigint) TO bureau_billing;
