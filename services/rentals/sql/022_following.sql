-- With a category or a park go its materials, with a material its units: the foreign keys see to it,
-- from within their own triggers.

CREATE TRIGGER sub_categories_following AFTER DELETE ON rentals.sub_categories FOR EACH ROW
    WHEN (pg_trigger_depth() > 0) EXECUTE FUNCTION core.log_following('subcategory');
CREATE TRIGGER materials_following AFTER DELETE ON rentals.materials FOR EACH ROW
    WHEN (pg_trigger_depth() > 0) EXECUTE FUNCTION core.log_following('material');
CREATE TRIGGER units_following AFTER DELETE ON rentals.units FOR EACH ROW
    WHEN (pg_trigger_depth() > 0) EXECUTE FUNCTION core.log_following('unit');
CREATE TRIGGER materials_bereft AFTER UPDATE OF sub_category_id ON rentals.materials FOR EACH ROW
    WHEN (pg_trigger_depth() > 0 AND OLD.sub_category_id IS NOT NULL AND NEW.sub_category_id IS NULL)
    EXECUTE FUNCTION core.log_following('material');
