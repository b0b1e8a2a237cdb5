"""Those who answer outside this process: what is asked of them, what they say, and what it cost.

Who asks them over HTTP is an adapter (`adapters/upstreams`), found by the kind that is declared.

| file | idea |
|---|---|
| protocols.py | what is asked of an upstream, and what it gives |
| connected.py | those that releases name, connected to once |
| asking.py | how a variant answers: prompts, cascades, fallbacks |
| written.py | an answer as it is sent on: by our id, or out of what is kept of it |
| pieces.py | a whole answer as the events of a stream |
| gathered.py | the events of a stream as the whole answer |
| bounds.py | how many tokens a call may take at most |
| counting.py | its tokens, where nobody tells them |
| prices.py | what an answer cost, in pico-dollars |
"""
