"""The completion product of `autotroph demo`: an ordinary user of the public API, fed with real history.

| file | idea |
|---|---|
| history.py | what people wrote, from a repository, a folder, or the installed packages |
| cursors.py | where they stood, and what they wrote next |
| lexer.py, ngram.py, completer.py | the model: nested n-gram counts |
| baseline.py | release 0: what a good static product would ship |
| declaration.py | the product's `autotroph.toml` |
| saboteurs.py | two candidates that mean harm |
| replay.py | the history, lived through the public API |
| run.py, show.py | the command's work, and what is seen of it |
| scoreboard.py | every number, by a statement that anybody can rerun |
"""
