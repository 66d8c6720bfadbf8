-- To the planner, a policy that calls a function lets next to nothing pass: then the index seems no better
-- than reading all that is due and putting it in order. It is.
ALTER FUNCTION sync.claim(text, bigint, text) SET enable_bitmapscan = off;
