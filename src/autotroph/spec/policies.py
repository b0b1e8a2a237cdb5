"""Policies that can be written down by hand: what release 0 does, and the baselines it is compared with.

A document says; `autotroph.policy` evaluates it.
"""

import msgspec


class Document(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", forbid_unknown_fields=True):
    """A policy as data."""


class First(Document, frozen=True, kw_only=True, tag="first"):
    """Always the first option, in the order of the declaration."""


class Uniform(Document, frozen=True, kw_only=True, tag="uniform"):
    """Every option with the same probability."""


class Longest(Document, frozen=True, kw_only=True, tag="longest"):
    """The most that one variant has to offer: the option of that name (of a text task, its longest cut)."""

    variant: str


class Threshold(Document, frozen=True, kw_only=True, tag="threshold"):
    """One variant where a feature of its proposal reaches a value, otherwise silence."""

    feature: str
    at: float
    variant: str


PolicyDocument = First | Uniform | Longest | Threshold
