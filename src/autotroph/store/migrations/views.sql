-- What `autotroph sql` is for: the ledger as people ask about it. Views hold no data of their own.
-- Times are seconds since the epoch: datetime(at, 'unixepoch') reads well.

-- One row a decision, served and shadow, with what came of it and what it was worth. `about` is the
-- served decision that signals are about, so that served and shadow answers pair up by it;
-- `probability` is that of the option taken, NULL where nobody knows it (an import); `reward` is the newest
-- final one by what the history is valued by, as the journal has it, NULL while there is none: so that no two
-- versions are ever averaged. Where the journal does not say, any version counts.
CREATE VIEW answers AS
WITH declared AS MATERIALIZED (
  SELECT t.key AS task, m.value AS version
  FROM journal AS j, json_each(j.details, '$.tasks') AS t, json_each(t.value) AS m
  WHERE j.sequence = (SELECT max(sequence) FROM journal WHERE event = 'measures')
    AND json_extract(j.details, '$.measures."' || m.value || '".kind') = 'reward'
)
SELECT d.sequence, d.id AS decision, d.task, d.at, d.arm, d.p_arm, d.release, d.epoch,
       coalesce(r.name, c.name, d.release) AS release_name,
       d.served, d.shadows, iif(d.shadows = '', d.id, d.shadows) AS about,
       d.user, d.verified, d.session, d.unit, d.cluster, d.fold, d.provenance, d.policy, d.variant, d.option,
       (SELECT o.value ->> 'probability' FROM json_each(d.options) AS o
         WHERE o.value ->> 'id' = d.option) AS probability,
       iif(f.sequence, coalesce(t.output, ''), NULL) AS output,
       iif(f.sequence, coalesce(length(t.output), 0), NULL) AS chars,
       f.tokens_in, f.tokens_cached, f.tokens_out, f.tokens_reasoning, f.latency_ms, f.first_token_ms,
       f.cost_usd, f.error, f.finish,
       w.name AS reward_name, w.version AS reward_version, w.value AS reward, w.clipped
FROM decisions AS d
LEFT JOIN releases AS r ON r.id = d.release
LEFT JOIN candidates AS c ON c.id = d.release
LEFT JOIN completions AS f ON f.decision = d.id
LEFT JOIN completion_texts AS t ON t.sequence = f.sequence
LEFT JOIN declared AS v ON v.task = d.task
LEFT JOIN rewards AS w ON w.sequence = (
  SELECT max(sequence) FROM rewards
  WHERE decision = d.id AND final = 1 AND kind = 'reward' AND version = coalesce(v.version, version));

-- One row a decision, declared measure and version of it: the newest final value. `kind` is reward, guardrail
-- or outcome; `value` is NULL where it is unknown; `clipped` says that it lay outside the declared range.
CREATE VIEW measures_by_decision AS
SELECT m.sequence, m.decision, d.task, m.kind, m.name, m.version, m.value, m.clipped, m.at
FROM rewards AS m
LEFT JOIN decisions AS d ON d.id = m.decision
WHERE m.final AND m.sequence = (
  SELECT max(n.sequence) FROM rewards AS n
  WHERE n.decision = m.decision AND n.final = 1 AND n.name = m.name AND n.version = m.version);

-- One row a signal about a decision, in ledger order; `task` is NULL for an orphan, whose decision is
-- not there (yet). `value` is a number, with booleans 0 and 1, or a text.
CREATE VIEW signals_by_decision AS
SELECT s.sequence, s.subject AS decision, d.task, s.name,
       iif(s.value_type = 'text', coalesce(t.value_text, ''), s.value_number) AS value,
       s.value_type, s.source, s.user, s.verified, s.fold, s.at, s.at - d.at AS delay_s
FROM signals AS s
LEFT JOIN signal_texts AS t ON t.sequence = s.sequence
LEFT JOIN decisions AS d ON d.id = s.subject
WHERE s.about = 'decision';

-- One row a decision: what may be done with it. `user` is whose it is, `verified` says that a server-side key
-- vouches for that; `purposes` is JSON; `may_learn` is whether a track may see it: learning was not objected
-- to, and improving was agreed to.
CREATE VIEW agreed AS
SELECT d.sequence, d.id AS decision, d.task, d.at, d.user, d.verified, d.purposes, d.learn,
       d.learn AND EXISTS (SELECT 1 FROM json_each(d.purposes) AS p WHERE p.value = 'improve') AS may_learn,
       d.region, d.retention
FROM decisions AS d;

-- One row a served decision of the product in which other options might be tried: not in the holdback, nor in
-- an experiment. `own` is the probability of the option that the policy would have taken by itself: 1 where
-- nothing else was tried, or where it is the policy that draws evenly; NULL where the policy draws unevenly by
-- itself, so that nobody can tell. `floor` is the smallest probability where others were tried; `moved` is
-- whether another one was taken for that reason.
CREATE VIEW exploration AS
WITH vectors AS (
  SELECT d.sequence, d.id AS decision, d.task, d.at, d.arm, d.release, d.cluster, count(*) AS options,
         max(o.value ->> 'probability') AS top, min(o.value ->> 'probability') AS least,
         max(iif(o.value ->> 'id' = d.option, o.value ->> 'probability', NULL)) AS taken
  FROM decisions AS d, json_each(d.options) AS o
  WHERE d.served = 1 AND d.provenance = 'product' AND d.arm NOT IN ('holdback', 'experiment')
  GROUP BY d.sequence
), owned AS (
  SELECT *, CASE WHEN top = least OR least = 0.0 AND top = 1.0 THEN 1.0
                 WHEN abs(top + (options - 1) * least - 1.0) < 1e-9 THEN top END AS own
  FROM vectors
)
SELECT sequence, decision, task, at, arm, release, cluster, options, own,
       iif(own < 1.0, least, NULL) AS floor, iif(own IS NULL, NULL, own < 1.0 AND taken < top) AS moved
FROM owned;

-- One row a decision of the audit sample, which somebody should judge: served decisions that stand below the
-- share, as the journal has it, in a hash of their id and the ledger's seed. `drawn` is that place: in its order
-- any few are a random sample, too. `judged` counts signals by annotators and judges; `wanted` is whether it
-- waits for one: it was answered, and improving was agreed to.
CREATE VIEW audit_sample AS
SELECT d.sequence, d.id AS decision, d.task, d.at, d.release, d.arm, d.drawn, d.judged,
       d.judged = 0 AND a.may_learn
         AND EXISTS (SELECT 1 FROM completions AS c WHERE c.decision = d.id AND c.error = '') AS wanted
FROM (
  SELECT sequence, id, task, at, release, arm,
         drawn((SELECT value FROM meta WHERE name = 'seed'), 'audit', id) AS drawn,
         (SELECT count(*) FROM signals AS s WHERE s.subject = decisions.id AND s.about = 'decision'
             AND s.source IN ('annotator', 'judge')) AS judged
  FROM decisions WHERE served = 1 AND provenance = 'product'
) AS d
JOIN agreed AS a ON a.sequence = d.sequence
WHERE d.drawn < (SELECT details ->> 'share' FROM journal
                 WHERE event = 'audit sample' ORDER BY sequence DESC LIMIT 1);

-- One row a cycle: it digested the sequences since < sequence <= through. `counts` is JSON:
-- counts ->> 'rewards' reads one of them.
CREATE VIEW loop AS
SELECT number, at, lag(through, 1, 0) OVER (ORDER BY number) AS since, through, counts
FROM cycles;

-- One row a verdict, with the name of the candidate that it is about.
CREATE VIEW verdict_log AS
SELECT v.sequence, v.id AS verdict, v.task, v.candidate, c.name AS candidate_name, c.track,
       v.judge, v.finding, v.reason, v.alpha, v.at
FROM verdicts AS v
LEFT JOIN candidates AS c ON c.id = v.candidate;

-- One row a release, with where it stands now; `since` is when its newest stage row was written.
CREATE VIEW release_log AS
SELECT r.sequence, r.id AS release, r.task, r.name, r.parent, r.candidate, r.verdict, r.at AS made,
       s.name AS stage, s.epoch, s.share, s.at AS since
FROM releases AS r
LEFT JOIN stages AS s ON s.sequence = (SELECT max(sequence) FROM stages WHERE release = r.id);

-- One row an answer and text signal about its decision: what of the answer stands at the beginning of what
-- the person finally wrote. `asked` is the sequence of the served decision, so that one WHERE clause takes
-- the same decisions of every release; `kept` and `remaining` are characters.
CREATE VIEW kept AS
SELECT a.decision, a.about, d.sequence AS asked, a.task, a.at, a.arm, a.release, a.release_name, a.served,
       a.user, a.verified, a.session, a.cluster, a.option, a.output, s.name AS signal,
       coalesce(t.value_text, '') AS written,
       a.output <> '' AS shown,
       a.output <> '' AND substr(t.value_text, 1, length(a.output)) IS a.output AS accepted,
       iif(a.output <> '' AND substr(t.value_text, 1, length(a.output)) IS a.output, length(a.output), 0) AS kept,
       coalesce(length(t.value_text), 0) AS remaining
FROM answers AS a
JOIN decisions AS d ON d.id = a.about
JOIN signals AS s ON s.subject = a.about AND s.about = 'decision' AND s.value_type = 'text'
LEFT JOIN signal_texts AS t ON t.sequence = s.sequence;
