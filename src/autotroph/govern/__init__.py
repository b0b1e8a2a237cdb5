"""Consent, erasure, the journal, keys and redaction: empty until what is in the ledger has to leave it."""
