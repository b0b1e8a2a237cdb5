"""Markup from values: whatever is not markup already is escaped, wherever it came from."""

import re
from html import escape
from typing import Final


class Html(str):
    """Text that is markup already. Everything else that reaches a page is escaped."""

    __slots__ = ()


EMPTY: Final = Html("")
_ALONE = frozenset({"meta", "link", "br", "hr"})
_TAG = re.compile(r"<[^>]*>")
NOTHING: Final = "–"
"""What stands in a cell of which there is nothing to say; a card leaves it out."""


def markup(value: object) -> Html:
    """A value as markup.

    >>> markup("</script>"), markup(Html("<b>bold</b>"))
    ('&lt;/script&gt;', '<b>bold</b>')
    """
    return value if isinstance(value, Html) else Html(escape(str(value)))


def join(*parts: object, between: str = "") -> Html:
    """Several values, one after the other."""
    return Html(escape(between).join(markup(part) for part in parts))


def tag(name: str, /, *inside: object, **attributes: object) -> Html:
    """An element. `class_` and `data_row` are written as `class` and `data-row`; None leaves one out.

    >>> tag("td", "a < b", class_="name", data_row=3)
    '<td class="name" data-row="3">a &lt; b</td>'
    """
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{name}{said}>" if name in _ALONE else f"<{name}{said}>{join(*inside)}</{name}>")


def table(heads: tuple[str, ...], rows: list[list[object]], class_: str | None = None) -> Html:
    """A table; every cell knows the head of its column, so that a narrow screen can show it as a card."""
    head = tag("tr", *(tag("th", name, scope="col") for name in heads))
    body = [tag("tr", *(_cell(cell, name) for name, cell in zip(heads, row, strict=True))) for row in rows]
    return tag("div", tag("table", tag("thead", head), tag("tbody", *body), class_=class_), class_="wide")


def _cell(cell: object, name: str) -> Html:
    empty = _TAG.sub("", markup(cell)) == NOTHING
    return tag("td", cell, data_label=name, class_="nothing" if empty else None)
