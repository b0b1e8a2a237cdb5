"""How people and programs meet the loop: thin, over the same functions.

| file | idea |
|---|---|
| library.py | `autotroph.open`: a product in this process |
| cli/ | the command, one file a command |
"""
