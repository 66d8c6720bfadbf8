-- Of several administrations that were allowed one is used; another can be chosen.

ALTER TABLE sync.integrations ADD COLUMN choices jsonb; -- [{"id", "name"}]; NULL: there is no choice

-- The connection goes to another administration, as if the one before were disconnected and that one
-- connected: what was delivered stays where it is, what waited follows. p_sealed: the tokens, for it.
CREATE FUNCTION sync.choose_administration(p_integration bigint, p_account text, p_name text, p_sealed text,
                                           p_key text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    chosen bigint;
    waiting bigint[];
    block bigint;
BEGIN
    INSERT INTO sync.integrations AS i (provider, provider_type, account, name, account_email, user_id, scopes,
                                        sealed, key_id, expires_at, choices)
    SELECT provider, provider_type, p_account, p_name, account_email, user_id, scopes, p_sealed, p_key,
           expires_at, choices
      FROM sync.integrations WHERE organization_id = core.org() AND id = p_integration
    ON CONFLICT (organization_id, provider, account) DO UPDATE SET name = excluded.name,
        user_id = excluded.user_id, scopes = excluded.scopes, sealed = excluded.sealed,
        key_id = excluded.key_id, expires_at = excluded.expires_at, choices = excluded.choices,
        facts = '{}', facts_at = NULL, is_active = true, needs_reconnect = false, last_error = NULL,
        deleted_at = NULL, updated_at = now()
    RETURNING i.id INTO chosen;
    SELECT array_agg(j.record_id) INTO waiting
      FROM sync.jobs j JOIN sync.links l ON l.organization_id = j.organization_id
           AND l.integration_id = j.integration_id AND l.record_id = j.record_id
     WHERE j.organization_id = core.org() AND j.integration_id = p_integration AND j.kind = 'push'
       AND l.external_id IS NULL AND l.attempt_at IS NULL;
    PERFORM sync.disconnect(p_integration);
    PERFORM sync.resume(chosen);
    FOREACH block IN ARRAY coalesce(waiting, '{}') LOOP
        PERFORM sync.enqueue('time_block', block, 'upsert');
    END LOOP;
    RETURN chosen;
END $$;
REVOKE EXECUTE ON FUNCTION sync.choose_administration(bigint, text, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sync.choose_administration(bigint, text, text, text, text) TO bureau_sync;
