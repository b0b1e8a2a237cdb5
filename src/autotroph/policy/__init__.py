"""Policy documents and π(a | x): the same code trains, serves and judges. Nothing here learns by itself.

| file | idea |
|---|---|
| documents.py | documents that owners write and tracks learn, frozen by their hash |
| evaluate.py | a document and the options in, the probability of each option out |
| trees.py | gradient-boosted trees as plain numbers |
"""
