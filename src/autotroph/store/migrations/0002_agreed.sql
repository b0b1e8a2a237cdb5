-- Who a row is from and who vouches for that, what was erased, and everything wide apart from narrow facts.
-- A row of a `*_texts` table is only there when there is something in it.

ALTER TABLE decisions ADD COLUMN verified INTEGER NOT NULL DEFAULT 0;

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

-- What was said with a signal is in its columns, so it needs no digest of that.
-- A signal is told from others by its key, and only one without a key by its id. Every index written in no
-- order costs a page of the log for each row, so none is kept for what is looked for seldom: a signal by its
-- id, or by its user, reads the table.
ALTER TABLE signals RENAME TO old_signals;
CREATE TABLE signals (
  sequence INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  about TEXT NOT NULL,
  subject TEXT NOT NULL,
  at REAL NOT NULL,
  source TEXT NOT NULL,
  user TEXT NOT NULL,           -- whose doing it was; may be empty
  verified INTEGER NOT NULL,    -- whether a server-side key vouches for that
  fold TEXT NOT NULL,
  key TEXT NOT NULL,
  purposes TEXT NOT NULL,
  learn INTEGER NOT NULL,
  region TEXT NOT NULL,
  retention TEXT NOT NULL,
  value_type TEXT NOT NULL,     -- boolean, number or text
  value_number REAL             -- booleans are 0 and 1
) STRICT;
INSERT INTO signals
SELECT sequence, id, name, about, subject, at, source, '', 0, fold, key, purposes, learn, region, retention,
       value_type, value_number
FROM old_signals ORDER BY sequence;
CREATE TABLE signal_texts (
  sequence INTEGER PRIMARY KEY REFERENCES signals (sequence) ON DELETE CASCADE,
  value_text TEXT NOT NULL
) STRICT;
INSERT INTO signal_texts SELECT sequence, value_text FROM old_signals WHERE value_text <> '' ORDER BY sequence;
DROP TABLE old_signals;
CREATE UNIQUE INDEX signals_key ON signals (key) WHERE key <> '';
CREATE UNIQUE INDEX signals_id ON signals (id) WHERE key = '';
CREATE INDEX signals_subject ON signals (subject, name);

DELETE FROM decision_texts WHERE inputs = '{}' AND proposals = x'';
