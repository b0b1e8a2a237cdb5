"""1  What comes in: checked, stamped, deduplicated, and joined to the decision that it is about.

| file | idea |
|---|---|
| stamping.py | what a caller sends, checked against the declaration before anything is stored |
| reading.py | untrusted bytes to plain values, strictly |
| streams.py | bytes unpacked and cut into lines, never held |
| arrivals.py | the wire shapes, and the rows they become |
| intake.py | what arrives is made into rows and stored, each thing once |
| columns.py | which column of a table is which field |
| files.py | JSONL and CSV, row by row |
| parquet.py | Parquet, a batch of rows at a time |
| importing.py | a file taken in, and where to go on |
| implicit.py | signals that nobody sends, found in what people did |
| finders.py | what finds them: SQL, or what the calls of a conversation say |
| happened.py | what happened in some sessions, in order, as SQL |
| sites.py | the call site that a request comes from, by what does not change from call to call |
| grouping.py | call sites that are one, put together |
| conversations.py | which conversation a request belongs to, by what it brings along |
| joining.py | decisions and what came back about them, in whatever order they came |
| counting.py | which of what was said about a subject counts for a decision, and what it comes to |
| traffic/ | signals that calls give by themselves |
"""
