"""Whole histories on Spark: the plan of `digest.engines`, as plain Spark SQL over the segments' Parquet.

    whole(session, spec, "reply", segments, now)            # on a session of Spark that is there
    whole_on(cluster, spec, "reply", segments, now)         # on a master, in a process of its own

Counts and manifests are those of DuckDB, floats within 1e-12. There are no functions in Python, so the
executors need Parquet and nothing else; what comes back is small: a row a group, and the columns of the
manifest a stretch at a time. Ids are joined as they are, not by a hash, so that no two decisions can be
taken for one.

| file | idea |
|---|---|
| narrow.py | three relations of narrow columns, out of the segments |
| takes.py, joining.py | signals to decisions: which of several counts, and for whom |
| valuing.py | silence, the expression, the range, what is final |
| measuring.py | means, intervals, counts |
| frozen.py | the manifest, a stretch at a time |
| keeping.py, run.py, whole.py | the steps, on a session |
| cluster.py, `__main__` | the same in a process of its own, which can be given up |
"""
