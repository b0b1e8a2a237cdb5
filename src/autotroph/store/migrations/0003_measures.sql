-- Guardrails and outcomes are rows beside the rewards, never in them.

ALTER TABLE rewards ADD COLUMN kind TEXT NOT NULL DEFAULT 'reward';
