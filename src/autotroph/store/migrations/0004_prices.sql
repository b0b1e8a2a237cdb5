-- What an answer cost may be unknown, which is not 0; which of its tokens are priced apart; its first word.

ALTER TABLE completions ADD COLUMN tokens_cached INTEGER NOT NULL DEFAULT 0;     -- of tokens_in
ALTER TABLE completions ADD COLUMN tokens_reasoning INTEGER NOT NULL DEFAULT 0;  -- of tokens_out
ALTER TABLE completions ADD COLUMN first_token_ms REAL;                          -- NULL where none was streamed

ALTER TABLE completions ADD COLUMN cost REAL;
UPDATE completions SET cost = cost_usd;
ALTER TABLE completions DROP COLUMN cost_usd;
ALTER TABLE completions RENAME COLUMN cost TO cost_usd;
