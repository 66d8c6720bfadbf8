-- What the crm service needs to remind people of their tasks.

-- Puts a mail to a member of the organization of the call into the queue, in the caller's
-- transaction. false: she is no member (any more).
CREATE FUNCTION accounts.queue_mail(p_user bigint, p_subject text, p_body text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    INSERT INTO accounts.mail (address, subject, body)
    SELECT u.email::text, left(p_subject, 300), p_body
      FROM accounts.users u JOIN accounts.members m ON m.user_id = u.id
     WHERE u.id = p_user AND m.organization_id = core.org()
       AND u.deleted_at IS NULL AND m.deleted_at IS NULL;
    RETURN FOUND;
END $$;

-- How a member wants to be reminded; what she never chose has its default. No row: no member.
CREATE FUNCTION accounts.reminder_settings(p_user bigint)
    RETURNS TABLE (zone text, language text, enabled boolean, day_before boolean, same_day boolean,
                   at time)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    RETURN QUERY
    SELECT u.zone, u.language,
           coalesce((u.preferences ->> 'task_reminders_enabled')::boolean, true),
           coalesce((u.preferences ->> 'remind_day_before')::boolean, true),
           coalesce((u.preferences ->> 'remind_same_day')::boolean, false),
           coalesce((u.preferences ->> 'reminder_time')::time, '09:00')
      FROM accounts.users u JOIN accounts.members m ON m.user_id = u.id
     WHERE u.id = p_user AND m.organization_id = core.org()
       AND u.deleted_at IS NULL AND m.deleted_at IS NULL;
END $$;

REVOKE EXECUTE ON FUNCTION accounts.queue_mail(bigint, text, text),
    accounts.reminder_settings(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION accounts.queue_mail(bigint, text, text),
    accounts.reminder_settings(bigint) TO bureau_crm;
