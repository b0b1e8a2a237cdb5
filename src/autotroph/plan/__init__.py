"""Spec against ledger: a list of steps, which are explained (`autotroph plan`) or run (`autotroph apply`).

What a decision was worth is known by the measures as they were declared then. When a declaration of one
changes, the history is not silently valued again: cycles are refused until somebody has seen what it would do
and has said yes.

| file | idea |
|---|---|
| applied.py | what the history was valued by, on record in the journal; what is declared otherwise by now |
| steps.py | the steps, and the plan that lists them |
| standards.py | what a candidate has to show, and what is explored: on record, and changed only by a plan |
| proposing.py | what a task is declared to serve: what differs becomes a candidate |
| foreseeing.py | whom a candidate concerns, and what the log says that it would earn |
| effects.py | what a step would do to the history: values before and after, side by side |
| ranks.py | which of several would stand where: means with intervals, before and after |
| verdicts.py | which verdicts of the past would be others |
| explaining.py | all of it for a whole plan |
| running.py | the same steps, run: values appended, to be gone on with after a crash |
| traffic.py | what the ledger says of a task: how much comes in, and what each unit came to |
| dealing.py | the same units dealt out to two arms, hundreds of times |
| rehearsing.py | the ladder's judgement of these: what it would do wrongly, and how soon it finds harm |
| forecasting.py | how many days each stage of a ladder will take, played through |
| ahead.py | the same for the next candidate of a task, by what its ledger shows |
| surveying.py | call sites that could be tasks, and how good their answers were, by their calls |
| drafting.py | a declaration out of that, with what each task has before it |
| frozen.py | frozen sets that have changed, and how what serves does on them |
"""
