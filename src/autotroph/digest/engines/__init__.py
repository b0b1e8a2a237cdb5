"""Whole histories, digested by an engine for tables."""
