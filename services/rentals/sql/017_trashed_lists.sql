-- What is in the trash enters no list of an event or a material: it would be kept unseen, and come back
-- with its restore without anyone having asked. It is refused as what does not exist, by the constraint
-- that refuses that. Lists are written whole, so one look at what a statement brought is enough. (An event's
-- materials are looked at where they are filled: 023.)

CREATE FUNCTION rentals.refuse_trashed(p_constraint text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'it is in the trash' USING ERRCODE = '23503', CONSTRAINT = p_constraint;
END $$;

-- The argument is the constraint's name.
CREATE FUNCTION rentals.event_persons_live() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM fresh f JOIN crm.person_card p
                   ON p.organization_id = f.organization_id AND p.id = f.person_id
                WHERE p.deleted_at IS NOT NULL) THEN
        PERFORM rentals.refuse_trashed(TG_ARGV[0]);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER event_beneficiaries_live AFTER INSERT ON rentals.event_beneficiaries
    REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION rentals.event_persons_live('events_beneficiaries_fkey');
CREATE TRIGGER event_assignees_live AFTER INSERT ON rentals.event_assignees
    REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION rentals.event_persons_live('events_assignees_fkey');

CREATE FUNCTION rentals.material_attributes_live() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM fresh f JOIN rentals.attributes a
                   ON a.organization_id = f.organization_id AND a.id = f.attribute_id
                WHERE a.deleted_at IS NOT NULL) THEN
        PERFORM rentals.refuse_trashed('materials_attributes_fkey');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER material_attributes_live AFTER INSERT ON rentals.material_attributes
    REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION rentals.material_attributes_live();
