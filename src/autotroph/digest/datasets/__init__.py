"""Datasets for training: frozen, content-addressed lists of examples that never hold their texts.

| file | idea |
|---|---|
| recipe.py | what is asked for: filters, split, duplicates, caps, seed |
| gathering.py | what the ledger has of it, and may be learned from: narrow, without texts |
| contents.py | the texts of examples, read when they are needed, and their salted digests |
| near.py | near duplicates, by sketches of overlapping pieces |
| choosing.py | of what was found: no duplicates, no more than the caps, nobody in two splits |
| manifest.py | the frozen list, its digest, and who is in it |
| building.py | from a recipe and a ledger to a manifest |
| comparing.py | what one manifest has and another has not |
| shapes.py | an example as TRL or OpenAI want it |
| exporting.py | examples to files |
"""
