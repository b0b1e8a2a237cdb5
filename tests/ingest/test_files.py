import gzip
import io
import json
import tracemalloc
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotroph.errors import InputError, SourceError
from autotroph.ingest.files import Refused, open_history
from autotroph.ingest.reading import LIMITS


def rows(source, form="", after=0):
    history = open_history(io.BytesIO(source) if isinstance(source, bytes) else source, form)
    try:
        return [(number, row) for number, row in history.rows(after)]
    finally:
        history.close()


def shown(found):
    """Documents as they are, and of refusals the reason."""
    return [(number, row.reason if isinstance(row, Refused) else row) for number, row in found]


# jsonl ---------------------------------------------------------------------------------------------------


def test_jsonl_by_its_lines():
    found = rows(b'\xef\xbb\xbf{"a":1}\r\n\n{"a":2}\n{"a":3}', "jsonl")
    assert found == [(1, {"a": 1}), (3, {"a": 2}), (4, {"a": 3})]


def test_a_line_that_cannot_be_read_is_refused_with_what_stood_there():
    body = b'{"a":1,"a":2}\n[1]\nx\xff\n{"a":NaN}\n' + b'"' + b"y" * LIMITS.size + b'"\n{"a":7}\n'
    found = rows(body, "jsonl")
    assert [row.said for _, row in found[:5]] == ['{"a":1,"a":2}', [1], "x\ufffd", '{"a":NaN}', None]
    assert [reason for _, reason in shown(found)] == [
        "byte 7: 'a' is named twice in one object; say it once",
        "an object was expected: {…}",
        "byte 1: not UTF-8",
        "byte 5: NaN is no JSON number; leave out what is not known",
        "a line of more than 1,048,576 bytes",
        {"a": 7},
    ]


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_rows_go_on_after_a_number(form):
    body = {"jsonl": b'{"a":"1"}\n{"a":"2"}\n{"a":"3"}\n', "csv": b"a\n1\n2\n3\n"}[form]
    assert [row for _, row in rows(body, form)] == [{"a": "1"}, {"a": "2"}, {"a": "3"}]
    assert rows(body, form, after=2) == [(3, {"a": "3"})]
    assert rows(body, form, after=3) == []


@pytest.mark.parametrize(
    "pack", [gzip.compress, lambda body: gzip.compress(body[:9]) + gzip.compress(body[9:])]
)
def test_a_packed_file_is_unpacked(tmp_path, pack):
    path = tmp_path / "old.jsonl.gz"
    path.write_bytes(pack(b'{"a":1}\n{"a":2}\n'))
    assert rows(path) == [(1, {"a": 1}), (2, {"a": 2})]
    assert rows(path.read_bytes(), "jsonl") == rows(path)


def test_a_packed_file_that_is_cut_off_is_no_end(tmp_path):
    path = tmp_path / "old.csv.gz"
    body = gzip.compress(b"a\n" + b"".join(b"%d\n" % n for n in range(100_000)))
    path.write_bytes(body[: len(body) // 2])
    with pytest.raises(InputError, match="ends in the middle"):
        rows(path)


def test_how_far_it_is_can_be_asked(tmp_path):
    path = tmp_path / "old.jsonl"
    path.write_bytes(b'{"a":1}\n' * 100_000)
    history = open_history(path)
    assert (history.done, history.total) == (0, 800_000)
    found = history.rows()
    next(found)
    assert 0 < history.done < 200_000
    assert sum(1 for _ in found) == 99_999
    assert history.done == 800_000
    history.close()


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_a_long_file_is_never_held(form):
    line = {"jsonl": b'{"a":"%s"}\n' % (b"x" * 1_000), "csv": b"%s\n" % (b"x" * 1_000)}[form]
    stream = io.BytesIO(line * 10_000)
    tracemalloc.start()
    assert sum(1 for _ in open_history(stream, form).rows()) >= 9_999
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 << 20


# csv -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_csv_with_any_delimiter(mark):
    body = (
        f'id{mark}"a text"{mark}thumb\r\n1{mark}"say ""hi"",\r\nor; not\t|"{mark}up\r\n\r\n2{mark}{mark}\r\n'
    )
    assert rows(body.encode("utf-8-sig"), "csv") == [
        (1, {"id": "1", "a text": 'say "hi",\nor; not\t|', "thumb": "up"}),
        (2, {"id": "2", "a text": "", "thumb": ""}),
    ]


def test_a_header_alone_has_no_rows():
    history = open_history(io.BytesIO(b"id,thumb"), "csv")
    assert history.columns == ("id", "thumb")
    assert list(history.rows()) == []


def test_a_row_that_does_not_fit_is_refused_and_the_next_is_read():
    body = b'a,b\n1\n1,2,3\n"x"y,2\n3,\xff\n4,\x00\n5,6\n'
    found = rows(body, "csv")
    assert [number for number, _ in found] == [1, 2, 3, 4, 5, 6]
    said = [row.said if isinstance(row, Refused) else row for _, row in found]
    assert said[:3] == [["1"], ["1", "2", "3"], '"x"y,2\n']
    assert said[3:] == ["3,\ufffd\n", {"a": "4", "b": "\x00"}, {"a": "5", "b": "6"}]
    reasons = " / ".join(row.reason for _, row in found if isinstance(row, Refused))
    for part in (
        "1 fields under 2 columns",
        "3 fields",
        "expected after",
        "line 5, byte 2: not UTF-8",
        "NUL",
    ):
        assert part in reasons


def test_a_quote_that_is_never_closed_costs_no_more_than_a_row():
    body = b'a\n"open\n' + (b"x" * 1_000 + b"\n") * 5_000
    tracemalloc.start()
    history = open_history(io.BytesIO(body), "csv")
    number, row = next(history.rows())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (number, "is a quote not closed" in row.reason) == (1, True)
    assert peak < 16 << 20
    assert shown(rows(b'a\n"open', "csv")) == [(1, "unexpected end of data")]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "file is empty"),
        (b"\n1,2\n", "file is empty"),
        (b"a,,c\n", "column 2 of the header has no proper name: ''"),
        (b"a,b\x1b\n", "no proper name"),
        (b"a, a\n", "two columns are named 'a'"),
        (b'"a\n', "header cannot be read: unexpected end"),
        ("ü\n".encode("latin-1"), "header cannot be read: line 1, byte 0: not UTF-8"),
        ("a,b\n".encode("utf-16"), "not UTF-8"),
    ],
)
def test_a_header_that_names_nothing_is_refused(body, says):
    with pytest.raises(InputError, match=says):
        open_history(io.BytesIO(body), "csv")


@given(st.binary(max_size=200), st.sampled_from(["jsonl", "csv"]))
def test_no_bytes_raise_anything_but_a_refusal(body, form):
    try:
        found = rows(body, form)
    except InputError:
        return
    assert [number for number, _ in found] == sorted({number for number, _ in found})
    assert json.dumps([row.said if isinstance(row, Refused) else row for _, row in found], allow_nan=False)


CELLS = st.text(st.characters(exclude_characters="\x00\r", exclude_categories=("Cs",)))


@given(st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=5))
def test_every_cell_is_read_back(table):
    text = "".join(",".join('"' + cell.replace('"', '""') + '"' for cell in row) + "\n" for row in table)
    found = rows(f"a,b\n{text}".encode(), "csv")
    assert [list(row.values()) for _, row in found] == table


# parquet -------------------------------------------------------------------------------------------------


def parquet(folder: Path, select: str, name: str = "old.parquet") -> Path:
    (folder / "made").mkdir(exist_ok=True)
    duckdb.sql(f"COPY ({select}) TO '{folder / 'made' / 'x'}' (FORMAT parquet)")
    return (folder / "made" / "x").rename(folder / name)


def test_parquet_as_plain_values(tmp_path):
    path = parquet(
        tmp_path,
        """SELECT 42 AS n, 'ü' AS t, true AS b, 1.5::DECIMAL(9, 2) AS d, NULL::VARCHAR AS nothing,
           TIMESTAMPTZ '2023-11-14 23:13:20.5+01:00' AS zoned,
           TIMESTAMP '2023-11-14 22:13:20' AS "with ""quote",
           DATE '2023-11-14' AS day, [1, 2] AS list, {'deep': 'x'} AS struct, 'NaN'::DOUBLE AS missing""",
    )
    assert rows(path) == [
        (1, {
            "n": 42, "t": "ü", "b": True, "d": 1.5, "nothing": None, "zoned": 1_700_000_000.5,
            'with "quote': 1_700_000_000.0, "day": "2023-11-14", "list": [1, 2], "struct": {"deep": "x"},
            "missing": None,
        }),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("'x'::BLOB", "bytes is no value; cast it"),
        ("['NaN'::DOUBLE]", "NaN is no JSON number"),
        ("'inf'::DOUBLE", "Infinity is no JSON number"),
        ("18446744073709551615::UBIGINT", "beyond 64 bits"),
        ("'a' || chr(0)", "NUL"),
    ],
)
def test_a_row_with_what_is_no_value_is_refused(tmp_path, value, says):
    ((number, row),) = rows(parquet(tmp_path, f"SELECT {value} AS v"))
    assert number == 1
    assert says in row.reason


def test_parquet_goes_on_after_a_row_and_says_how_far_it_is(tmp_path):
    path = parquet(tmp_path, "SELECT range AS n FROM range(2000)", name="odd [1]*?.parquet")
    history = open_history(path)
    assert (history.columns, history.total) == (("n",), 2000)
    found = list(history.rows(after=1_490))
    assert [row["n"] for _, row in found] == list(range(1_490, 2_000))
    assert found[0][0] == 1_491
    assert history.done == 2_000
    history.close()


# opening -------------------------------------------------------------------------------------------------


def test_what_cannot_be_opened_is_refused_with_why(tmp_path):
    (tmp_path / "bad.parquet").write_bytes(b"PAR1abcdPAR1")
    (tmp_path / "folder.csv").mkdir()
    for source, form, says in (
        (tmp_path / "none.jsonl", "", "No such file"),
        (tmp_path / "none.parquet", "", "No such file"),
        (tmp_path / "folder.csv", "", "Is a directory"),
        (tmp_path / "old.txt", "", "does not say the format; name one of jsonl, csv, parquet"),
        (io.BytesIO(b""), "", "has to be named"),
        (io.BytesIO(b""), "parquet", "save the stream to a file first"),
        (tmp_path / "bad.parquet", "", "is no Parquet file"),
    ):
        with pytest.raises((SourceError, InputError), match=says):
            open_history(source, form)


@pytest.mark.parametrize("name", ["a.jsonl", "a.NDJSON", "a.csv", "a.tsv", "a.csv.gz", "a.jsonl.gz"])
def test_the_ending_says_the_format(tmp_path, name):
    (tmp_path / name).write_bytes(b'"a"\n{"a": 1}\n')
    form = "csv" if "sv" in name else "jsonl"
    assert rows(tmp_path / name) == rows(b'"a"\n{"a": 1}\n', form)
