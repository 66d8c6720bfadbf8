-- A row that changes a record may give it the value again that an earlier row gave the same record: a
-- dry run notes whose value it was. Empty: nobody else's row can be about that record.
ALTER TABLE crm.import_seen ADD COLUMN owner text;

-- Places in p_values of those that came before for another owner, in them or in an earlier batch.
CREATE FUNCTION crm.import_repeats(p_import bigint, p_field text, p_values text[],
                                   p_owners text[], p_fold boolean)
RETURNS SETOF bigint LANGUAGE sql AS $$
    WITH given AS (
        SELECT sha256(convert_to(CASE WHEN p_fold THEN lower(u.v) ELSE u.v END, 'UTF8')) AS hash,
               nullif(u.owner, '') AS owner, u.n
          FROM unnest(p_values, p_owners) WITH ORDINALITY u (v, owner, n)),
    firsts AS (
        SELECT DISTINCT ON (g.hash) g.hash, g.owner, g.n FROM given g ORDER BY g.hash, g.n),
    seen AS (
        SELECT s.hash, s.owner FROM crm.import_seen s JOIN firsts f ON f.hash = s.hash
         WHERE s.organization_id = core.org() AND s.import_id = p_import AND s.field = p_field),
    noted AS (
        INSERT INTO crm.import_seen (import_id, field, hash, owner)
        SELECT p_import, p_field, f.hash, f.owner FROM firsts f ON CONFLICT DO NOTHING)
    SELECT g.n
      FROM given g JOIN firsts f ON f.hash = g.hash LEFT JOIN seen s ON s.hash = g.hash
     WHERE CASE WHEN s.hash IS NOT NULL THEN (s.owner = g.owner) IS NOT TRUE
                ELSE g.n > f.n AND (f.owner = g.owner) IS NOT TRUE END
     ORDER BY g.n
$$;
REVOKE EXECUTE ON FUNCTION crm.import_repeats(bigint, text, text[], text[], boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION crm.import_repeats(bigint, text, text[], text[], boolean) TO bureau_crm;
