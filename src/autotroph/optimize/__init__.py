"""3  What to try: tracks turn frozen datasets into candidates, outside the hot path.

| file | idea |
|---|---|
| track.py | what a track is: a dataset and a release in, a proposed body out |
| adapt.py | let models that learn from texts go on learning |
| policy.py | learn from outcomes which option to take, and when to say nothing |
| bench.py | the declared tracks at work: who may propose now, and what is refitted |
"""
