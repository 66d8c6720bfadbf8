-- Reminders of tasks: one mail the day before, one on the day itself, as each person chose, in her
-- time zone. The mail and the mark that it was sent are one transaction.

-- The job looks for people of any organization: outside of one, the owner (as whom the function
-- below runs) sees the open tasks, and nothing else.
CREATE POLICY due ON crm.communications FOR SELECT TO CURRENT_ROLE USING (
    core.org() IS NULL AND type = 'task' AND completed_at IS NULL AND deleted_at IS NULL);

-- Who may have something to be reminded of now. A day has up to 26 hours around a zone's midnight.
CREATE FUNCTION crm.reminders_due() RETURNS TABLE (organization_id bigint, user_id bigint)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    RETURN QUERY
    SELECT DISTINCT c.organization_id, c.assigned_to FROM crm.communications c
     WHERE c.type = 'task' AND c.completed_at IS NULL AND c.deleted_at IS NULL
       AND c.due_at BETWEEN now() - interval '26 hours' AND now() + interval '52 hours'
       AND c.status IN ('pending', 'in_progress') AND c.assigned_to IS NOT NULL
       AND (c.reminded_at IS NULL OR c.reminded_today_at IS NULL);
END $$;

CREATE FUNCTION crm.reminder_body(t crm.communications, p_zone text, p_french boolean) RETURNS text
    LANGUAGE plpgsql STABLE AS $$
DECLARE
    client text := (SELECT coalesce(nullif(c.trading_name, ''), c.name) FROM crm.clients c
                     WHERE c.organization_id = t.organization_id AND c.id = t.client_id
                       AND c.deleted_at IS NULL);
    contact text := (SELECT btrim(c.first_name || ' ' || c.last_name) FROM crm.contacts c
                      WHERE c.organization_id = t.organization_id AND c.id = t.contact_id
                        AND c.deleted_at IS NULL);
BEGIN
    RETURN concat_ws(E'\n', t.subject, '',
        CASE WHEN p_french THEN 'Échéance : ' ELSE 'Due: ' END
            || to_char(t.due_at AT TIME ZONE p_zone, 'YYYY-MM-DD HH24:MI'),
        CASE WHEN p_french THEN 'Priorité : ' ELSE 'Priority: ' END || t.priority,
        'Client' || CASE WHEN p_french THEN ' : ' ELSE ': ' END || client,
        'Contact' || CASE WHEN p_french THEN ' : ' ELSE ': ' END || contact,
        CASE WHEN t.content IS NOT NULL THEN E'\n' || left(t.content, 200) END) || E'\n';
END $$;

-- Mails what core.usr() is to be reminded of now; how many. Other sessions that do the same pass by
-- the rows that are taken, and find them marked afterwards.
CREATE FUNCTION crm.remind() RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    s record;
    t crm.communications;
    today date;
    tomorrow boolean;
    french boolean;
    sent integer := 0;
BEGIN
    SELECT * INTO s FROM accounts.reminder_settings(core.usr());
    IF NOT FOUND OR NOT s.enabled OR (now() AT TIME ZONE s.zone)::time < s.at THEN RETURN 0; END IF;
    today := (now() AT TIME ZONE s.zone)::date;
    french := s.language = 'FR';
    FOR t IN SELECT * FROM crm.communications c
              WHERE c.organization_id = core.org() AND c.assigned_to = core.usr()
                AND c.type = 'task' AND c.status IN ('pending', 'in_progress')
                AND c.completed_at IS NULL AND c.deleted_at IS NULL
                AND c.due_at BETWEEN now() - interval '26 hours' AND now() + interval '52 hours'
                AND (s.day_before AND c.reminded_at IS NULL
                     AND (c.due_at AT TIME ZONE s.zone)::date = today + 1
                  OR s.same_day AND c.reminded_today_at IS NULL
                     AND (c.due_at AT TIME ZONE s.zone)::date = today)
              ORDER BY c.due_at, c.id LIMIT 200 FOR UPDATE SKIP LOCKED LOOP
        tomorrow := (t.due_at AT TIME ZONE s.zone)::date = today + 1;
        EXIT WHEN NOT accounts.queue_mail(core.usr(), CASE
                WHEN french THEN format('Rappel : %s est à faire %s', t.subject,
                                        CASE WHEN tomorrow THEN 'demain' ELSE 'aujourd''hui' END)
                ELSE format('Reminder: %s is due %s', t.subject,
                            CASE WHEN tomorrow THEN 'tomorrow' ELSE 'today' END) END,
            crm.reminder_body(t, s.zone, french));
        UPDATE crm.communications c
           SET reminded_at = CASE WHEN tomorrow THEN now() ELSE c.reminded_at END,
               reminded_today_at = CASE WHEN tomorrow THEN c.reminded_today_at ELSE now() END
         WHERE c.organization_id = core.org() AND c.id = t.id;
        sent := sent + 1;
    END LOOP;
    RETURN sent;
END $$;

REVOKE EXECUTE ON FUNCTION crm.reminders_due(), crm.remind(),
    crm.reminder_body(crm.communications, text, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION crm.reminders_due(), crm.remind(),
    crm.reminder_body(crm.communications, text, boolean) TO bureau_crm;
