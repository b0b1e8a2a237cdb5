"""What may be kept, for how long, who may ask, and how it is taken back.

| file | idea |
|---|---|
| redaction.py | what gives people and secrets away, blacked out before anything is written |
| patterns.py | the owner's own patterns, in time that a hostile text cannot stretch |
| keys.py | who may ask for what: secrets of which only a digest is kept |
| meters.py | what is counted against budgets and limits, in stretches of time |
| budgets.py | set aside before a request, settled after it: the counters that all processes share |
| spending.py | how much of them is taken by now, for those who only look |
| custody.py | what every row passes before it is written |
| persons.py | a person's rows: found, handed over, taken out |
| touched.py | whom an erasure touched beside: to be valued again |
| retention.py | how long rows are kept, and how many bytes |
| backups.py | the way back to an earlier ledger, without anybody who was erased since |
| formats/ | what redaction knows by itself, one file a kind |
"""
