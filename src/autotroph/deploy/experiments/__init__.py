"""Experiments by hand: a person starts one, looks as often as they like, and ends it with a decision.

| file | idea |
|---|---|
| starting.py | it begins: its arms are made, and are what they are from then on |
| journal.py | which are under way, and the rows that end one |
| contrasts.py | what it shows so far, right at any time |
| trials.py | from cycle to cycle: what it shows is measured, and what does harm ends |
"""
