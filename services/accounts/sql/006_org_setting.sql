-- As before, as PL/pgSQL: its plan is kept by the connection, an SQL body is planned by each statement.
CREATE OR REPLACE FUNCTION accounts.org_setting(p_name text) RETURNS text LANGUAGE plpgsql STABLE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (SELECT CASE p_name
               WHEN 'timezone' THEN s.timezone WHEN 'language' THEN s.language
               WHEN 'currency' THEN s.currency WHEN 'vat_rate' THEN trim_scale(s.vat_rate)::text
               WHEN 'degressive_rate' THEN s.degressive_rate WHEN 'overbooking' THEN s.overbooking
               WHEN 'overlap' THEN s.overlap
               WHEN 'billing_email' THEN s.billing_email WHEN 'week_starts_on' THEN s.week_starts_on
           END
      FROM accounts.organization_settings s WHERE s.organization_id = core.org());
END $$;
