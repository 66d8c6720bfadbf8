-- What was invoiced in Moneybird is billed here.

-- The entry stands on an invoice, or no longer does (p_reference NULL). Nothing happens to entries
-- that are not ours, nor to what somebody else marked as billed.
CREATE FUNCTION sync.take_invoiced(p_integration bigint, p_external text, p_reference text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    l sync.links;
    b billing.time_blocks;
    a billing.time_blocks;
BEGIN
    SELECT * INTO l FROM sync.links WHERE organization_id = core.org() AND integration_id = p_integration
       AND external_id = p_external AND is_there;
    IF l.record_id IS NULL OR (p_reference IS NULL AND NOT l.is_frozen) THEN RETURN; END IF;
    SELECT * INTO b FROM billing.time_blocks WHERE organization_id = core.org() AND id = l.record_id FOR UPDATE;
    UPDATE sync.links SET is_frozen = p_reference IS NOT NULL, updated_at = clock_timestamp()
     WHERE organization_id = core.org() AND integration_id = p_integration AND record_id = l.record_id;
    UPDATE billing.time_blocks SET updated_at = now(),
           billed_at = CASE WHEN p_reference IS NOT NULL THEN now() END,
           billed_reference = 'Moneybird ' || left(p_reference, 200)
     WHERE organization_id = core.org() AND id = b.id
       AND CASE WHEN p_reference IS NULL THEN b.billed_reference LIKE 'Moneybird %' ELSE b.billed_at IS NULL END
    RETURNING * INTO a;
    IF a.id IS NOT NULL THEN PERFORM sync.note('time_block', to_jsonb(b), to_jsonb(a)); END IF;
END $$;
REVOKE EXECUTE ON FUNCTION sync.take_invoiced(bigint, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sync.take_invoiced(bigint, text, text) TO bureau_sync;
