"""What the tables of a declaration have in common."""

import msgspec


class Declared(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the declaration."""
