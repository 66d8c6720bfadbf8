-- /api/audit of some days: found and ordered by the time, instead of by looking through all that came
-- after.
CREATE INDEX audit_at_idx ON core.audit (organization_id, at, id);
