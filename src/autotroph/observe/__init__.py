"""5  What it did: what the loop was worth, which of its steps are done, and what needs a person.

| file | idea |
|---|---|
| lift.py | what people earned against release 0 |
| exploring.py | what trying other options takes, costs and buys |
| steps.py | deployed, observed, labelled, trained, redeployed |
| traffic.py | what came through the gateway |
| health.py | a product at a glance, read from its ledger |
| doctor.py | an examination of ledger and loop |
| findings.py | what it finds, and what it looks at |
| integrity.py | can the ledger be trusted |
| idling.py | does the loop turn |
| deserving.py | does the reward deserve to be chased: the row that the gate reads |
| experiments.py | what each past candidate moved in front of people |
| agreement.py | reward, outcome and traits of the newest answers |
| sampling.py | the audit sample: which decisions somebody should look at |
| audited.py | answers that somebody looked at |
| traits.py | how long an answer is, and how it is dressed |
| looking.py | the newest decisions with what came back about them, as columns |
| suggestions.py | what could be chased, ranked |
| opportunities.py | which tasks are worth a loop |
"""
