"""Where a key stands."""

from autotroph.spec.lines import line_of, lines_of


def test_dotted_quoted_and_inline_keys_are_found() -> None:
    lines = lines_of('a = 1\n[b."c d"]\ne.f = 2\ng = { h = 3 }\n')
    assert line_of(("b", "c d"), lines) == 2
    assert line_of(("b", "c d", "e", "f"), lines) == 3
    assert line_of(("b", "c d", "e"), lines) == 3
    assert line_of(("b", "c d", "g", "h"), lines) == 4
    assert line_of(("nowhere",), lines) == 1


def test_text_over_several_lines_is_no_key() -> None:
    lines = lines_of("a = \"\"\"\n[b]\nc = 1\n\"\"\"\nd = '''x'''\n[b]\n")
    assert line_of(("b",), lines) == 6
    assert line_of(("d",), lines) == 5
