-- What the history tells of a contact and a client besides their columns.

CREATE FUNCTION crm.contact_lists(p_contact bigint) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT jsonb_build_object('tags',
                       coalesce(jsonb_agg(g.name ORDER BY core.fold(g.name), g.id), '[]'))
              FROM crm.contact_tags l
              JOIN crm.tags g ON g.organization_id = l.organization_id AND g.id = l.tag_id
             WHERE l.organization_id = core.org() AND l.contact_id = p_contact);
END $$;

CREATE FUNCTION crm.client_lists(p_client bigint) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT jsonb_build_object('tags',
                       coalesce(jsonb_agg(g.name ORDER BY core.fold(g.name), g.id), '[]'))
              FROM crm.client_tags l
              JOIN crm.tags g ON g.organization_id = l.organization_id AND g.id = l.tag_id
             WHERE l.organization_id = core.org() AND l.client_id = p_client);
END $$;
GRANT EXECUTE ON FUNCTION crm.contact_lists(bigint), crm.client_lists(bigint) TO bureau_crm;
