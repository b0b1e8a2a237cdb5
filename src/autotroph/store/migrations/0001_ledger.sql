-- The ledger. `sequence` is one order over all tables, given out by the one writer; it is the rowid, so
-- every index ends with it. Wide columns come last in their table: SQLite reads a row from the front.
-- JSON columns are text, with keys in the order they were given. Booleans are 0 and 1. Times are seconds since the epoch.

PRAGMA application_id = 0x6175746F;

CREATE TABLE steps (            -- the migrations that this file took
  number INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  at REAL NOT NULL
) STRICT;

CREATE TABLE meta (             -- facts about the whole ledger: schema, seed, created
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE head (             -- where the ledger stands: written in the transaction of the rows it counts
  one INTEGER PRIMARY KEY CHECK (one = 1),
  sequence INTEGER NOT NULL,    -- the last one given out; none is given out twice
  links INTEGER NOT NULL,       -- rows in the hash chain
  hash TEXT NOT NULL            -- of the newest of them
) STRICT;
INSERT INTO head VALUES (1, 0, 0, '0000000000000000000000000000000000000000000000000000000000000000');

CREATE TABLE decisions (
  sequence INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  task TEXT NOT NULL,
  release TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  arm TEXT NOT NULL,
  p_arm REAL NOT NULL,
  option TEXT NOT NULL,
  unit TEXT NOT NULL,
  unit_kind TEXT NOT NULL,
  cluster TEXT NOT NULL,
  fold TEXT NOT NULL,
  policy TEXT NOT NULL,
  variant TEXT NOT NULL,
  declaration TEXT NOT NULL,
  at REAL NOT NULL,
  user TEXT NOT NULL,
  session TEXT NOT NULL,
  served INTEGER NOT NULL,
  shadows TEXT NOT NULL,
  given INTEGER NOT NULL,
  key TEXT NOT NULL,
  provenance TEXT NOT NULL,
  purposes TEXT NOT NULL,
  learn INTEGER NOT NULL,
  region TEXT NOT NULL,
  retention TEXT NOT NULL,
  body_digest TEXT NOT NULL,    -- of what the caller said: with `key`, it tells a retry from a conflict
  options TEXT NOT NULL         -- JSON [{id, probability}]: the whole vector
) STRICT;
CREATE UNIQUE INDEX decisions_key ON decisions (key) WHERE key <> '';
CREATE INDEX decisions_task ON decisions (task, served);
CREATE INDEX decisions_shadows ON decisions (shadows) WHERE shadows <> '';
CREATE INDEX decisions_session ON decisions (session) WHERE session <> '';
CREATE INDEX decisions_user ON decisions (user) WHERE user <> '';

CREATE TABLE decision_texts (   -- what is wide of a decision
  sequence INTEGER PRIMARY KEY REFERENCES decisions (sequence) ON DELETE CASCADE,
  inputs TEXT,                  -- JSON
  proposals BLOB                -- zlib over msgpack; empty when there were none
) STRICT;

CREATE TABLE completions (
  sequence INTEGER PRIMARY KEY,
  decision TEXT NOT NULL UNIQUE,
  at REAL NOT NULL,
  tokens_in INTEGER NOT NULL,
  tokens_out INTEGER NOT NULL,
  cost_usd REAL NOT NULL,
  latency_ms REAL NOT NULL,
  error TEXT NOT NULL,
  output TEXT NOT NULL
) STRICT;

CREATE TABLE signals (
  sequence INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  about TEXT NOT NULL,
  subject TEXT NOT NULL,
  at REAL NOT NULL,
  source TEXT NOT NULL,
  fold TEXT NOT NULL,
  key TEXT NOT NULL,
  purposes TEXT NOT NULL,
  learn INTEGER NOT NULL,
  region TEXT NOT NULL,
  retention TEXT NOT NULL,
  body_digest TEXT NOT NULL,
  value_type TEXT NOT NULL,     -- boolean, number or text
  value_number REAL,            -- booleans are 0 and 1
  value_text TEXT
) STRICT;
CREATE UNIQUE INDEX signals_key ON signals (key) WHERE key <> '';
CREATE INDEX signals_subject ON signals (subject, name);

CREATE TABLE rewards (
  sequence INTEGER PRIMARY KEY,
  decision TEXT NOT NULL,
  name TEXT NOT NULL,
  version TEXT NOT NULL,
  value REAL,                   -- NULL: unknown
  final INTEGER NOT NULL,
  at REAL NOT NULL,
  clipped INTEGER NOT NULL
) STRICT;
CREATE INDEX rewards_decision ON rewards (decision, final);

CREATE TABLE artefacts (
  sequence INTEGER PRIMARY KEY,
  digest TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  body BLOB NOT NULL
) STRICT;

CREATE TABLE measurements (
  sequence INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  task TEXT NOT NULL,
  value REAL NOT NULL,
  low REAL NOT NULL,
  high REAL NOT NULL,
  n INTEGER NOT NULL,
  alpha REAL NOT NULL,
  since INTEGER NOT NULL,
  until INTEGER NOT NULL,
  at REAL NOT NULL
) STRICT;
CREATE INDEX measurements_name ON measurements (name, task);

CREATE TABLE cycles (
  sequence INTEGER PRIMARY KEY,
  number INTEGER NOT NULL UNIQUE,
  through INTEGER NOT NULL,
  at REAL NOT NULL,
  counts TEXT NOT NULL,         -- JSON {name: count}
  marks TEXT NOT NULL           -- JSON {track or release: examples}
) STRICT;

-- From here on: append-only, and one hash chain over all of them (see chain.py).

CREATE TABLE candidates (
  sequence INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  task TEXT NOT NULL,
  name TEXT NOT NULL,
  track TEXT NOT NULL,
  parent TEXT NOT NULL,
  snapshot TEXT NOT NULL,
  at REAL NOT NULL,
  lineage TEXT NOT NULL,        -- JSON [id]
  body TEXT NOT NULL,           -- JSON
  previous TEXT NOT NULL,
  body_digest TEXT NOT NULL,
  hash TEXT NOT NULL UNIQUE
) STRICT;
CREATE INDEX candidates_task ON candidates (task);

CREATE TABLE releases (
  sequence INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  task TEXT NOT NULL,
  name TEXT NOT NULL,
  parent TEXT NOT NULL,
  candidate TEXT NOT NULL,
  verdict TEXT NOT NULL,
  at REAL NOT NULL,
  body TEXT NOT NULL,           -- JSON
  previous TEXT NOT NULL,
  body_digest TEXT NOT NULL,
  hash TEXT NOT NULL UNIQUE
) STRICT;
CREATE INDEX releases_task ON releases (task);

CREATE TABLE stages (
  sequence INTEGER PRIMARY KEY,
  task TEXT NOT NULL,
  release TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  name TEXT NOT NULL,
  share REAL NOT NULL,
  policy TEXT NOT NULL,
  knowledge INTEGER NOT NULL,
  verdict TEXT NOT NULL,
  at REAL NOT NULL,
  previous TEXT NOT NULL,
  body_digest TEXT NOT NULL,
  hash TEXT NOT NULL UNIQUE
) STRICT;
CREATE INDEX stages_release ON stages (release);
CREATE INDEX stages_task ON stages (task, name);

CREATE TABLE verdicts (
  sequence INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  task TEXT NOT NULL,
  candidate TEXT NOT NULL,
  judge TEXT NOT NULL,
  finding TEXT NOT NULL,
  reason TEXT NOT NULL,
  alpha REAL NOT NULL,
  at REAL NOT NULL,
  evidence TEXT NOT NULL,       -- JSON
  previous TEXT NOT NULL,
  body_digest TEXT NOT NULL,
  hash TEXT NOT NULL UNIQUE
) STRICT;
CREATE INDEX verdicts_candidate ON verdicts (candidate);

CREATE TABLE journal (
  sequence INTEGER PRIMARY KEY,
  actor TEXT NOT NULL,
  event TEXT NOT NULL,
  subject TEXT NOT NULL,
  at REAL NOT NULL,
  details TEXT NOT NULL,        -- JSON
  previous TEXT NOT NULL,
  body_digest TEXT NOT NULL,
  hash TEXT NOT NULL UNIQUE
) STRICT;
CREATE INDEX journal_event ON journal (event);

CREATE TRIGGER candidates_keep BEFORE UPDATE ON candidates BEGIN SELECT RAISE(ABORT, 'candidates are append-only'); END;
CREATE TRIGGER candidates_stay BEFORE DELETE ON candidates BEGIN SELECT RAISE(ABORT, 'candidates are append-only'); END;
CREATE TRIGGER releases_keep BEFORE UPDATE ON releases BEGIN SELECT RAISE(ABORT, 'releases are append-only'); END;
CREATE TRIGGER releases_stay BEFORE DELETE ON releases BEGIN SELECT RAISE(ABORT, 'releases are append-only'); END;
CREATE TRIGGER stages_keep BEFORE UPDATE ON stages BEGIN SELECT RAISE(ABORT, 'stages are append-only'); END;
CREATE TRIGGER stages_stay BEFORE DELETE ON stages BEGIN SELECT RAISE(ABORT, 'stages are append-only'); END;
CREATE TRIGGER verdicts_keep BEFORE UPDATE ON verdicts BEGIN SELECT RAISE(ABORT, 'verdicts are append-only'); END;
CREATE TRIGGER verdicts_stay BEFORE DELETE ON verdicts BEGIN SELECT RAISE(ABORT, 'verdicts are append-only'); END;
CREATE TRIGGER journal_keep BEFORE UPDATE ON journal BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_stay BEFORE DELETE ON journal BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
