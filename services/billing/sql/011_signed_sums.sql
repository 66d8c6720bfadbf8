-- Materials may have a negative price: what the XML of a bill adds up keeps its sign.

-- Lines are rounded one by one, the bill once. lines_total has the sign of the bill's own row, as its
-- totals; the others are what is taken off (allowances) or put on (charges) of a document whose
-- amounts are turned round when it is a credit note.
CREATE OR REPLACE FUNCTION billing.paper_sums(p_bill bigint) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
    paper jsonb := billing.bill_paper(p_bill);
    turn integer := CASE paper ->> 'kind' WHEN 'credit_note' THEN -1 ELSE 1 END;
    lines numeric;
    off numeric := (paper ->> 'period_discount')::numeric;
    rest numeric;
BEGIN
    IF paper IS NULL THEN RETURN NULL; END IF;
    SELECT coalesce(sum(period_total::numeric), 0) INTO lines FROM billing.paper_lines(p_bill);
    IF turn * (paper ->> 'discountable')::numeric < 0 THEN off := -off; END IF;
    rest := turn * (lines - (paper ->> 'total_without_taxes')::numeric) - off;
    RETURN paper || jsonb_build_object('lines_total', lines::numeric(24, 2)::text,
        'rounding', abs(rest)::numeric(24, 2)::text, 'rounding_is_charge', (rest < 0)::text,
        'discount_is_charge', (off < 0)::text,
        'allowances', (greatest(off, 0) + greatest(rest, 0))::numeric(24, 2)::text,
        'charges', (greatest(-off, 0) + greatest(-rest, 0))::numeric(24, 2)::text);
END $$;
