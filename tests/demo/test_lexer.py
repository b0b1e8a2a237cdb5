import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotroph.demo.lexer import boundaries, lex

CODE = st.text(alphabet=st.sampled_from(list("ab_ 01\n\t\r\"'(){}.=+-*/<>:;#é漢\u2028\x00\\")), max_size=200)


@given(st.one_of(st.text(), CODE))
def test_nothing_is_lost(text: str) -> None:
    assert "".join(lex(text)) == text
    assert all(lex(text))


@given(CODE, CODE)
def test_a_cut_before_a_newline_does_not_change_the_tokens(before: str, after: str) -> None:
    assert lex(f"{before}\n{after}") == lex(before) + lex(f"\n{after}")


@given(CODE)
def test_a_cut_at_a_boundary_does_not_change_the_tokens_before_it(text: str) -> None:
    line = text.replace("\n", " ").replace("\r", " ")
    tokens = lex(line)
    for offset in boundaries(line):
        blank = len(line) - len(line.lstrip())
        assert line[blank:].startswith("".join(lex(line[blank:offset])))
        assert offset >= blank
    assert not tokens or boundaries(line) or not line.strip()


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("x == y", ["x", " ==", " y"]),
        ("func (c *Command) Run()", ["func", " (", "c", " *", "Command", ")", " Run", "(", ")"]),
        ("let größe = 3.14;", ["let", " größe", " =", " 3.14", ";"]),
        ("a\r\n\tb", ["a", "\r", "\n\t", "b"]),
        ("if (a&&b) {", ["if", " (", "a", "&&", "b", ")", " {"]),
    ],
)
def test_tokens_of_several_languages(text: str, tokens: list[str]) -> None:
    assert lex(text) == tokens


def test_a_huge_token_is_cut_into_bounded_ones() -> None:
    assert max(map(len, lex("a" * 10_000 + " " * 10_000 + "\n" + " " * 10_000))) <= 81


def test_a_line_of_blanks_has_no_boundary() -> None:
    assert boundaries("    ") == []
    assert boundaries("") == []
