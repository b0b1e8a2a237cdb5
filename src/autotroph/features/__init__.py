"""Inputs to vectors: the same code trains, serves and judges.

| file | idea |
|---|---|
| context.py | a choice's inputs to named numbers, by their declared types |
| asked.py | whether two decisions ask the same |
| matrix.py | proposals to the rows of a matrix |
"""
