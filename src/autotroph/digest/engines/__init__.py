"""Whole histories at once: one plan a task, run by an engine for tables, equal row by row to the loop's own.

    whole(spec, "reply", Segments.open(ledger), now)      # DuckDB in this process, over Parquet
    whole_ledger(spec, "reply", ledger, now)              # in a process of its own, over the ledger's rows

Each finds, by group of decisions and for each measure apart, how many there are, their mean with an interval,
and what is still open; the manifest of what may be learned from; and, if asked, a row a decision and measure.

| file | idea |
|---|---|
| plan.py | what a task's measures read: horizons, signals, columns |
| narrow.py, relations.py | three relations of narrow columns, out of segments or out of the ledger |
| joining.py, takes.py | signals to decisions: which of several counts, and for whom |
| valuing.py | silence, the expression, the range, what is final |
| measuring.py, results.py | means, intervals, counts; what is found |
| run.py | the steps, on a connection of DuckDB |
| options.py, opening.py, whole.py | from segments |
| ledger.py, job.py, reading.py, `__main__` | from the ledger |
"""
