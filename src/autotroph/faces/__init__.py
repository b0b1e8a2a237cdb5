"""How people and programs meet the loop: thin, over the same functions.

| file | idea |
|---|---|
| library.py | `autotroph.open`: a product in this process |
| opening.py, located.py, lastgood.py, beginning.py | its declaration and its ledger; what serves without |
| answering.py, answers.py | a question in, an answer out, and what is still known of it |
| gateway/ | a chat model is asked for, and a task answers |
| attending.py, watch.py | what it does while its owner is away |
| wayback.py, orders.py, keeping.py | rollbacks, in effect before they are written down |
| byhand.py, experimenting.py, tried.py, underway.py | what people propose, try and have to end |
| sites.py, money.py | what call sites are called, and dollars, as people read them |
| http/ | the product over HTTP |
| cli/ | the command, one file a command |
| terminal/ | what commands show |
| report/ | report.html: one page that stands alone |
"""
