-- Refusals in English and French, parted by U+001F (proto/rules.h, text_in).

-- Replaces the event's unfinalized bill and answers the new id; NULL when the discount is above
-- 100 %. p_num / p_den is the degressive rate. The advisory lock makes parallel bills of one event
-- take turns.
CREATE OR REPLACE FUNCTION billing.make_bill(p_event bigint, p_discount numeric, p_num numeric, p_den numeric,
                                  p_days integer, p_by billing.actor) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    e jsonb;
    former billing.bills;
    made billing.bills;
    vat numeric := billing.setting('vat_rate')::numeric;
BEGIN
    IF p_discount > 100 THEN RETURN NULL; END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended(format('bill:%s:%s', core.org(), p_event), 0));
    e := rentals.event_for_bill(p_event);
    IF (e ->> 'days_count')::integer IS DISTINCT FROM p_days THEN
        PERFORM core.raise('CONFLICT', E'The event was changed meanwhile; try again.'
            '\x1fL''événement a changé entre-temps ; réessayez.');
    END IF;
    FOR former IN DELETE FROM billing.bills
                   WHERE organization_id = core.org() AND event_id = p_event
                     AND finalized_at IS NULL AND kind = 'bill' RETURNING * LOOP
        PERFORM billing.note_bill(to_jsonb(former), NULL, p_by);
    END LOOP;
    INSERT INTO billing.bills (number, event_id, beneficiary_id, materials, event, beneficiary,
            seller, days_count, degressive_rate, discount_rate, vat_rate, daily_amount,
            discountable_amount, total_without_taxes, due_amount, vat_amount, replacement_amount,
            currency, user_id)
    SELECT billing.bill_number(p_event), p_event, (e -> 'beneficiary' ->> 'id')::bigint,
           e -> 'materials', e - 'materials' - 'beneficiary',
           billing.bill_beneficiary(e -> 'beneficiary'), to_jsonb(o) - 'slug'
               || jsonb_build_object('country_name', (SELECT c.name FROM crm.country_card c
                                                       WHERE c.code = o.country LIMIT 1)),
           p_days, p_num / p_den, p_discount, vat, a.daily, a.discountable, a.without_taxes, a.due,
           a.due - a.without_taxes, round(a.replacement, 2), billing.setting('currency'), (p_by).user_id
      FROM billing.bill_amounts(e -> 'materials', p_discount, p_num, p_den, vat) a,
           accounts.organization_card o
    RETURNING * INTO made;
    PERFORM billing.note_bill(NULL, to_jsonb(made), p_by);
    RETURN made.id;
END $$;

-- A credit note takes the whole amount back, with its own number of the same sequence.
CREATE OR REPLACE FUNCTION billing.credit_bill(p_bill bigint, p_by billing.actor) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE b billing.bills; made billing.bills;
BEGIN
    PERFORM billing.lock_numbers();
    SELECT * INTO b FROM billing.bills
     WHERE organization_id = core.org() AND id = p_bill AND deleted_at IS NULL FOR UPDATE;
    IF b.id IS NULL THEN RETURN NULL; END IF;
    IF b.finalized_at IS NULL OR b.kind <> 'bill' THEN
        PERFORM core.raise('CONFLICT', E'Only a finalized bill can be credited.'
            '\x1fSeule une facture finalisée peut faire l''objet d''un avoir.');
    END IF;
    IF EXISTS (SELECT FROM billing.bills
                WHERE organization_id = core.org() AND credits_bill_id = p_bill) THEN
        PERFORM core.raise('CONFLICT', E'This bill is credited already.'
            '\x1fCette facture a déjà fait l''objet d''un avoir.');
    END IF;
    INSERT INTO billing.bills (number, event_id, beneficiary_id, materials, event, beneficiary,
            seller, days_count, degressive_rate, discount_rate, vat_rate, daily_amount,
            discountable_amount, total_without_taxes, due_amount, vat_amount, replacement_amount,
            currency, user_id, kind, credits_bill_id, final_number, finalized_at)
    VALUES (b.number || '-C', b.event_id, b.beneficiary_id, b.materials, b.event, b.beneficiary,
            b.seller, b.days_count, b.degressive_rate, b.discount_rate, b.vat_rate, -b.daily_amount,
            -b.discountable_amount, -b.total_without_taxes, -b.due_amount, -b.vat_amount,
            -b.replacement_amount, b.currency, (p_by).user_id, 'credit_note', b.id,
            billing.next_invoice_number(), now())
    RETURNING * INTO made;
    PERFORM billing.note_bill(NULL, to_jsonb(made), p_by);
    RETURN made.id;
END $$;

-- A finalized bill stays as it is: the books need it.
CREATE OR REPLACE FUNCTION billing.keep_finalized() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.finalized_at IS NOT NULL THEN
        PERFORM core.raise('CONFLICT', E'A finalized bill cannot be deleted; make a credit note.'
            '\x1fUne facture finalisée ne peut pas être supprimée ; établissez un avoir.');
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
