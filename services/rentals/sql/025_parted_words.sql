-- U+001F parts the English words of a refusal from the French ones: one within a name or a title, which
-- may hold any character, would part them there.
CREATE OR REPLACE FUNCTION rentals.shortages_said(p_materials bigint[], p_short bigint[], p_wanted bigint[],
                                       p_from timestamptz, p_to timestamptz, p_without bigint)
    RETURNS text LANGUAGE plpgsql STABLE
    SET plan_cache_mode = force_generic_plan AS $$
DECLARE said text[]; english text; french text;
BEGIN
    FOR i IN 1 .. least(cardinality(p_materials), 5) LOOP
        said := rentals.shortage_words(p_materials[i], p_short[i], p_wanted[i], p_from, p_to, p_without);
        english := concat_ws('; ', english, translate(said[1], E'\x1f', ' '));
        french := concat_ws(' ; ', french, translate(said[2], E'\x1f', ' '));
    END LOOP;
    RETURN english || E'.\x1fMatériels insuffisants : ' || french;
END $$;
