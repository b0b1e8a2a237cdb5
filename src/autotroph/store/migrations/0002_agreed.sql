-- Who a row is from and who vouches for that, what was erased, and everything wide apart from narrow facts.
-- A row of a `*_texts` table is only there when there is something in it.

ALTER TABLE decisions ADD COLUMN verified INTEGER NOT NULL DEFAULT 0;
ALTER TABLE signals ADD COLUMN user TEXT NOT NULL DEFAULT '';
ALTER TABLE signals ADD COLUMN verified INTEGER NOT NULL DEFAULT 0;
CREATE INDEX signals_user ON signals (user) WHERE user <> '';

CREATE TABLE erasures (
  sequence INTEGER PRIMARY KEY,
  digest TEXT NOT NULL UNIQUE,  -- of an id, salted; never the id
  about TEXT NOT NULL,          -- decision, session or user
  at REAL NOT NULL
) STRICT;

CREATE TABLE completion_texts (
  sequence INTEGER PRIMARY KEY REFERENCES completions (sequence) ON DELETE CASCADE,
  output TEXT NOT NULL
) STRICT;
INSERT INTO completion_texts SELECT sequence, output FROM completions WHERE output <> '' ORDER BY sequence;
ALTER TABLE completions DROP COLUMN output;

CREATE TABLE signal_texts (
  sequence INTEGER PRIMARY KEY REFERENCES signals (sequence) ON DELETE CASCADE,
  value_text TEXT NOT NULL
) STRICT;
INSERT INTO signal_texts SELECT sequence, value_text FROM signals WHERE value_text <> '' ORDER BY sequence;
ALTER TABLE signals DROP COLUMN value_text;

DELETE FROM decision_texts WHERE inputs = '{}' AND proposals = x'';
