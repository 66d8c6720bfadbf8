-- What a channel must be called by to be closed; of no use to anybody but the account itself.
ALTER TABLE sync.calendars
    ADD COLUMN channel_id text,
    ADD COLUMN channel_resource text;
