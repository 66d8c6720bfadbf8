-- A webhook that was switched off is in the log of changes, and owners and admins are told by mail.

GRANT EXECUTE ON FUNCTION accounts.queue_mail(bigint, text, text), accounts.reminder_settings(bigint) TO bureau_sync;

CREATE FUNCTION sync.tell_off(w sync.webhooks, p_reason text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    u record;
    facts jsonb := jsonb_build_object('id', w.id, 'url', w.url, 'is_active', true, 'disabled_reason', null);
BEGIN
    PERFORM sync.note('webhook', facts,
                      facts || jsonb_build_object('is_active', false, 'disabled_reason', p_reason));
    FOR u IN SELECT c.id, s.language FROM accounts.user_card c CROSS JOIN accounts.reminder_settings(c.id) s
              WHERE c.deleted_at IS NULL AND c.role IN ('owner', 'admin') LOOP
        PERFORM accounts.queue_mail(u.id,
            CASE u.language WHEN 'FR' THEN 'Un webhook a été désactivé'
                            WHEN 'NL' THEN 'Een webhook is uitgeschakeld' ELSE 'A webhook was switched off' END,
            format(CASE u.language
                WHEN 'FR' THEN E'Plus rien n''est envoyé à %s.\n\nRaison : %s\n\nLes modifications sont conservées. Réactivez le webhook (n° %s) quand le destinataire est prêt : elles suivront dans l''ordre.\n'
                WHEN 'NL' THEN E'Er wordt niets meer gestuurd naar %s.\n\nReden: %s\n\nDe wijzigingen blijven bewaard. Zet de webhook (nr. %s) weer aan als de ontvanger klaar is: dan volgen ze op volgorde.\n'
                ELSE E'Nothing more is sent to %s.\n\nReason: %s\n\nThe changes are kept. Switch the webhook (no. %s) on again when its receiver is ready: they follow in order.\n'
            END, w.url, p_reason, w.id));
    END LOOP;
END $$;

-- As before, but for that.
CREATE OR REPLACE FUNCTION sync.settle_delivery(p_webhook bigint, p_claim bigint, p_delivery bigint, p_outcome text,
                                     p_status integer, p_ms integer, p_error text, p_wait_ms bigint,
                                     p_off text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE w sync.webhooks;
BEGIN
    SELECT * INTO w FROM sync.webhooks WHERE organization_id = core.org() AND id = p_webhook
       AND claim = p_claim FOR UPDATE;
    IF w.id IS NULL THEN RETURN false; END IF;
    UPDATE sync.webhooks SET last_error = p_error,
           last_success_at = CASE p_outcome WHEN 'delivered' THEN clock_timestamp() ELSE last_success_at END,
           is_active = is_active AND p_off IS NULL, disabled_reason = coalesce(p_off, disabled_reason),
           updated_at = CASE WHEN p_off IS NULL THEN updated_at ELSE now() END
     WHERE organization_id = core.org() AND id = p_webhook;
    UPDATE sync.webhook_deliveries SET attempts = attempts + 1, response_status = p_status,
           duration_ms = p_ms, error = p_error,
           status = CASE p_outcome WHEN 'retry' THEN 'pending' ELSE p_outcome END,
           next_at = clock_timestamp() + p_wait_ms * interval '1 millisecond',
           delivered_at = CASE p_outcome WHEN 'delivered' THEN clock_timestamp() END,
           tries = tries || jsonb_build_object('at', core.iso(clock_timestamp()), 'status', p_status,
                                               'duration_ms', p_ms, 'error', p_error)
     WHERE organization_id = core.org() AND id = p_delivery;
    IF p_off IS NOT NULL AND w.is_active THEN PERFORM sync.tell_off(w, p_off); END IF;
    RETURN true;
END $$;

REVOKE EXECUTE ON FUNCTION sync.tell_off(sync.webhooks, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sync.tell_off(sync.webhooks, text) TO bureau_sync;
