"""Signals that calls give by themselves: what people do next, and what an answer is.

| file | idea |
|---|---|
| turns.py | a call and its answer as a turn of a conversation, and the turn after it |
| calls.py | the calls of some sessions, out of the ledger |
| wording.py | how near two texts are in what they say |
| again.py | the same was asked again, as it was or in other words |
| quoting.py | the answer comes back, changed |
| forms.py | an answer that is not of the form that was asked for; tools that fail |
| refusing.py | an answer that is none: refused, or cut off |
| leaving.py | nobody came back, though something was open |
| finding.py | which of these is which signal |
"""
