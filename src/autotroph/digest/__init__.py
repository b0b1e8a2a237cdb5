"""2  What it was worth: interactions become rewards, examples for the tracks, and the gate's fold.

| file | idea |
|---|---|
| rewards.py | one declared expression, its range, its horizon, its rule for silence |
| digestion.py | finished interactions: the gate's evidence, or a frozen dataset for the tracks |
"""
