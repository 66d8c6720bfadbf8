-- A refusal in English and French, parted by U+001F (proto/rules.h, text_in).

-- Ids of the named tags, in the order given; unknown ones are made. Case and accents do not matter,
-- the existing spelling is kept.
CREATE OR REPLACE FUNCTION crm.ensure_tags(p_names text[]) RETURNS bigint[]
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE n text; t crm.tags; ids bigint[] := '{}';
BEGIN
    FOREACH n IN ARRAY coalesce(p_names, '{}') LOOP
        n := btrim(n);
        IF n IS NULL OR char_length(n) NOT BETWEEN 1 AND 48 THEN
            RAISE EXCEPTION 'a tag needs a name'
                USING ERRCODE = '23514', TABLE = 'tags', CONSTRAINT = 'tags_name_check';
        END IF;
        INSERT INTO crm.tags (organization_id, name) VALUES (core.org(), n)
            ON CONFLICT (organization_id, core.fold(btrim(name))) DO NOTHING;
        SELECT * INTO t FROM crm.tags
         WHERE organization_id = core.org() AND core.fold(btrim(name)) = core.fold(n);
        IF t.deleted_at IS NOT NULL THEN
            PERFORM core.raise('CONFLICT', format(
                E'The tag "%1$s" is in the trash.\x1fL''étiquette « %1$s » est dans la corbeille.',
                t.name));
        END IF;
        IF t.id <> ALL (ids) THEN ids := ids || t.id; END IF;
    END LOOP;
    RETURN ids;
END $$;
