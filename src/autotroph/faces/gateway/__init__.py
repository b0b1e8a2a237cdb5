"""A chat model is asked for, and a task answers: by the way the rest of the product learns.

The product asks through it in its own process (`product.chat`), and `faces/http` puts HTTP around it.

| file | idea |
|---|---|
| asked.py | what a caller asks, and what it says of itself |
| questions.py | typed questions, and what a task that chooses has to say to them |
| gateway.py | who is asked; the decision on disk; the answer; what came of it |
| choosing.py | which variant answers |
| merely.py | what answers for a task that is only recorded |
| accounts.py | budgets and limits: set aside before, counted after |
| repeats.py | the same call again, by its key |
| continued.py | responses that go on from others |
| chat.py | the answer, whole or piece by piece |
"""
