-- Why an answer ended, as its upstream says it.

ALTER TABLE completions ADD COLUMN finish TEXT NOT NULL DEFAULT '';
