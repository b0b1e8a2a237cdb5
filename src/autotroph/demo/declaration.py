"""The declaration of the completion product: what the demonstration would have in its `autotroph.toml`."""

CLIP = 12
"""Kept characters beyond so many earn nothing more."""

COST = 3
"""What a rejected suggestion costs, in kept characters: below one kept in four or so, silence is better."""

_TOML = """\
# The completion product of `autotroph demo`. Release 0 is what a good static product would ship: the model
# with the project as it was, cut where its confidence is best, as tuned on the first part of the history.

[product]
name = "completion"

[models.completer]
kind = "local"                       # nested n-gram counts, in this process

[tasks.complete]
kind = "text"                        # one string out, or silence
unit = "decision"
reward = "kept"
policy = {{ kind = "threshold", variant = "ngram", feature = "log_confidence", at = {at!r} }}

[tasks.complete.variants.ngram]      # the most probable continuation of the line
model = "completer"
[tasks.complete.variants.suffix]     # a copy from the longest match in project and file
model = "completer"

[tasks.complete.baselines]           # shadowed for comparison, never served
naive = {{ kind = "longest", variant = "ngram" }}

[signals]
written   = {{ type = "text", scores = "any" }}     # how the person really went on, whatever was shown
accepted  = {{ type = "boolean" }}                  # what an editor reports; here it follows from `written`
committed = {{ type = "text", about = "session", scores = "any" }}

[rewards.kept]                       # kept characters, clipped, minus a cost for each rejected suggestion
value   = "(least(kept(written), {clip}) - {cost} * (shown = 1 AND kept(written) = 0)) / {clip}"
range   = [{low!r}, 1.0]
horizon = "10m"
scores  = "any"

[tracks.policy]                      # learns which suggestion, how much of it, and when to say nothing
kind = "policy"
task = "complete"
every = 200
parameters = {{ examples = 300, refit = 200, caution = 1.25, signals = ["committed"] }}
[tracks.adapt]                       # takes accepted and written text into the project model
kind = "adapt"
task = "complete"
every = 200
parameters = {{ signals = ["committed"] }}

[gate]
alpha = 0.05
fold = 0.1
minimum = 20
margin = 0.01
waiver = "3650d"                     # by the owner: a replay has no outcome apart from what was written

[ladder]
steps = [0.2, 0.5, 1.0]
floor = "1h"                         # of the replayed history's own time
minimum = 30
holdback = 0.02
explore = 0.0                        # full feedback: there is nothing to explore
margin = 0.02                        # of reward: a quarter of a kept character

[season]
thesis = "suggestions people keep"
"""


def declaration(at: float) -> str:
    """The text of the declaration, with the tuned threshold of release 0 (a log confidence)."""
    return _TOML.format(at=at, clip=CLIP, cost=COST, low=-COST / CLIP)
