-- A refusal in English and French, parted by U+001F (proto/rules.h, text_in).

-- An event that was billed stays: its bills name it, in the trash as well.
CREATE OR REPLACE FUNCTION rentals.keep_billed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_regprocedure('billing.event_billed(bigint)') IS NOT NULL THEN
        IF billing.event_billed(OLD.id) THEN
            PERFORM core.raise('CONFLICT', E'The event has bills; delete them first.'
                '\x1fL''événement a des factures ; supprimez-les d''abord.');
        END IF;
    END IF;
    RETURN OLD;
END $$;
