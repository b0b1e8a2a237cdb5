"""The declaration that `autotroph init` writes: it works as it is, and its comments say what to change."""

import json

_SKELETON = """\
# What this product is, what comes back from its users, and what that is worth. `autotroph plan` checks it.
# Every key is described in docs/reference/autotroph-toml.md.

[product]
name = {name}
store = "sqlite:///.autotroph/ledger.db"   # one file; nothing leaves this machine

[tasks.route]                              # product.decide("route", {{"text": "lost my card"}}, user="u42")
kind = "choice"                            # one of the actions; "text" and "chat" put out words
unit = "user"                              # who is randomised and counted once: user, session or decision
actions = ["billing", "cards", "fraud"]
context = {{ text = "text", plan = "category" }}
reward = "resolved_fast"
policy = {{ kind = "uniform" }}              # release 0: what is served until something is proven better

[signals]                                  # product.signal(decision.id, "resolved", True)
resolved = {{ type = "boolean" }}            # also "number" and "text"

[rewards.resolved_fast]                    # what a decision was worth: SQL over signals and the answer
value = "resolved - 20 * cost_usd"         # also latency_ms, tokens_in, tokens_out, chars, shown
range = [0.0, 1.0]                         # outside: clipped, and counted
horizon = "24h"                            # a reward is final when so much time has passed
silent = {{ resolved = false }}              # what no signal by then means: a value, or "unknown"

[tracks.learn]                             # a way of making better candidates
kind = "policy"
task = "route"
every = 200                                # finished interactions between two proposals

[gate]                                     # what a candidate must pass before anybody meets it
alpha = 0.05                               # chance that anything is promoted that is not better
fold = 0.2                                 # share of the users whose rewards no track may see
waiver = "90d"                             # so long a new reward may be chased that has not earned trust
audit = 0.01                               # share of the answers that somebody should judge

[ladder]                                   # the stages on which people meet it
steps = [0.1, 0.25, 0.5, 1.0]
floor = "24h"                              # at least so long on each step
holdback = 0.02                            # stay on release 0, to measure what the whole loop was worth
explore = 0.05                             # share of decisions that may try other options
"""


def template(name: str = "my-product") -> str:
    """The text of a commented declaration for a product of this name."""
    return _SKELETON.format(name=json.dumps(name, ensure_ascii=False).replace("\x7f", "\\u007f"))


SKELETON = template()
