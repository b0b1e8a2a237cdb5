"""1  What comes in: checked, stamped, deduplicated, and joined to the decision that it is about.

| file | idea |
|---|---|
| stamping.py | what a caller sends, checked against the declaration before anything is stored |
| joining.py | decisions and what came back about them, in whatever order they came |
"""
