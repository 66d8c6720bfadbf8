-- Where blocks stand at each kind of integration, for lists: a view, which a list joins with its page,
-- says of a thousand blocks in one go what sync.block_status() says of one.
CREATE VIEW sync.block_sides WITH (security_barrier) AS
    SELECT record_id, provider_type, status, CASE status WHEN 'failed' THEN error END AS error,
           CASE WHEN is_there THEN external_id END AS external_id, status = 'none' AS is_idle, updated_at
      FROM sync.links WHERE organization_id = core.org();
GRANT SELECT ON sync.block_sides TO bureau_billing;
