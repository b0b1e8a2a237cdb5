"""What commands show in a terminal: values in, rich renderables out.

| file | idea |
|---|---|
| screen.py | 80 columns, one thought a line: `status`, `releases`, tables |
| currently.py | what goes on just now |
| carried.py | what came through the gateway |
| planning.py | a plan, with the values before and after side by side |
| forecasts.py | what the next candidate has before it |
| evaluating.py | a rehearsal |
| examining.py | frozen sets, slice by slice |
| drafts.py | what `init --from-traffic` proposes |
"""
