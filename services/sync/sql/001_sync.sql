-- The schema of the sync service. Other services look whether its functions exist and call them.
GRANT USAGE ON SCHEMA sync TO bureau_accounts, bureau_crm, bureau_rentals, bureau_billing;
