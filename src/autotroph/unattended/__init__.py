"""The loop while nobody watches: when a cycle is due, what nothing may advance for, and who turns it.

| file | idea |
|---|---|
| schedule.py | when the next cycle is due, and how long to leave one alone that failed |
| waiting.py | what a cycle would have to do, looked at cheaply |
| freezing.py | a freeze: rows in the journal, and why nothing may advance now |
| waiving.py | a person lets a reward be chased that has not earned trust |
| asking.py | what was asked for by processes that cannot write, in files beside the ledger |
| telling.py | what happened in a cycle |
| runner.py | cycles when they are due, retention and segments; what fails is journalled and tried again |
| background.py | the same in a thread, for servers and for products that live in another program |
"""
