"""2  What it was worth: interactions become rewards, examples for the tracks, and the gate's fold.

| file | idea |
|---|---|
| measures.py | a reward, guardrail or outcome: one expression, its horizon, its rule for silence |
| digestion.py | finished interactions: the gate's evidence, or a frozen dataset for the tracks |
| datasets/ | frozen lists of examples: split, without duplicates |
| engines/ | all of a history at once |
"""
