"""All finders, in the order in which they are asked."""

from autotroph.govern.formats.cards import cards
from autotroph.govern.formats.credentials import aws_keys, keys
from autotroph.govern.formats.emails import emails
from autotroph.govern.formats.ibans import ibans
from autotroph.govern.formats.phones import phones
from autotroph.govern.formats.signs import Finder

FINDERS = (
    Finder("key", 0, aws_keys),
    Finder("key", 1, keys),
    Finder("email", 0, emails),
    Finder("iban", 6, ibans),
    Finder("card", 13, cards),
    Finder("phone", 7, phones),
)
"""A longer form comes before one that its parts could be taken for."""
