-- A refusal in English and French, parted by U+001F (proto/rules.h, text_in).

-- Document 003's words for a value that somebody else has; also when two ask for it at once.
CREATE OR REPLACE FUNCTION accounts.refuse_duplicate(p_constraint text) RETURNS void
    LANGUAGE plpgsql AS $$
DECLARE field text := CASE p_constraint WHEN 'users_email_key' THEN 'email' ELSE 'pseudo' END;
BEGIN
    PERFORM core.raise('CONFLICT', format(
        E'Duplicate entry: %1$s must be unique\x1fDoublon : %1$s doit être unique', field));
END $$;
