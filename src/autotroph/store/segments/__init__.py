"""The ledger as Parquet, in segments beside it: what digestion and every larger engine read.

`<ledger's folder>/segments/<table>/<first>-<last>.parquet` holds the rows of a table whose sequences lie
between the two numbers, in ledger order. A manifest lists the files that count.

    found = sync(Path(".autotroph/ledger.db"))        # writes what is new, in a process of its own
    found.paths("decisions")                          # what to hand to read_parquet([...])
    forget(Path(".autotroph/ledger.db"))              # after rows went: no file keeps a byte of them

| in the ledger | in a segment |
|---|---|
| INTEGER, REAL, TEXT, BLOB | BIGINT, DOUBLE, VARCHAR, BLOB; times stay DOUBLE, seconds since the epoch |
| 0 and 1 | BOOLEAN |
| options | LIST<STRUCT<id, probability>> |
| purposes, lineage | LIST<VARCHAR> |
| inputs, details and all that is nested otherwise | VARCHAR, JSON text |
| proposals | VARCHAR, JSON text: a list of {option, output, features} |
| ids to join by | `…_mark` beside them too, BIGINT: the last 8 bytes of the MD5; NULL where empty |
| learn and purposes | `learns` beside them, BOOLEAN: both allow learning from the row |
| `*_texts` | tables of their own, as in the ledger, joined by sequence; no row where there is no text |

Left out: documents (`artefacts`), and what links rows into the chain, which the ledger alone can prove.
`user` and `at` are words of DuckDB's own SQL: write "user" and "at".

A segment that is full (98,304 rows, one row group; fewer where texts are long) is never written again but
to take erased rows out. The last one of a table is replaced by a fuller one; the file it replaces stays
until the next `sync`, for whoever reads it; after an erasure it goes at once. A crash leaves the set that
the manifest lists.

| file | idea |
|---|---|
| columns.py | the types, out of the records |
| manifest.py | `Segments`: which files count |
| syncing.py | `sync` and `forget`: start the process, and tell how it goes |
| copying.py | what that process does |
| source.py | the ledger as Arrow, through a second SQLite: only in that process |
"""

from autotroph.store.segments.columns import tables
from autotroph.store.segments.manifest import Segment, Segments, Written
from autotroph.store.segments.syncing import Progress, forget, sync

__all__ = ["Progress", "Segment", "Segments", "Written", "forget", "sync", "tables"]
