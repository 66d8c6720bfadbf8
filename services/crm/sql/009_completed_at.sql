-- When something that is new here was completed: what is logged, or comes back from a file, says so.
CREATE OR REPLACE FUNCTION crm.communications_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.status := coalesce(NEW.status, CASE NEW.type WHEN 'task' THEN 'pending'
                                                 ELSE 'completed' END);
    NEW.completed_at := CASE WHEN NEW.status = 'completed' THEN coalesce(NEW.completed_at, now()) END;
    NEW.priority := CASE coalesce(NEW.priority, 'medium') WHEN 'normal' THEN 'medium'
                                                          ELSE coalesce(NEW.priority, 'medium') END;
    NEW.assigned_to := coalesce(NEW.assigned_to, core.usr());
    PERFORM crm.check_assignee('communications', NEW.assigned_to);
    RETURN NEW;
END $$;
