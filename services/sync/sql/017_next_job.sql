-- The next job of a lane is the first of its index: with ties put in order by a sort, all that was due in all
-- lanes was read for each job that was taken.
CREATE INDEX jobs_next_idx ON sync.jobs (integration_id, priority, run_at, id) WHERE state = 'available';
DROP INDEX sync.jobs_due_idx;
