-- An import goes on where it had to stop: the provider's budget is less than a long list has pages.

ALTER TABLE sync.jobs ADD COLUMN place integer NOT NULL DEFAULT 0; -- of the job's own counting; 0: at the start
