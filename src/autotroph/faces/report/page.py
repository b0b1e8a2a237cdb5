"""One page that stands alone: markup, style, pictures and what draws them; nothing is loaded from outside."""

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import msgspec

from autotroph.errors import AutotrophError, InputError
from autotroph.faces.report.charts import Chart
from autotroph.faces.report.html import EMPTY, Html, join, tag


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the page: a heading, and what stands under it."""

    id: str
    title: str
    body: Html
    charts: tuple[Chart, ...] = ()


def write(path: Path, title: str, sections: Sequence[Section]) -> None:
    """Write a page, whole or not at all.

    Raises:
        AutotrophError: the script that draws the pictures is not installed.
        InputError: the file cannot be written.
    """
    text = encoded(title, sections)
    beside = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(text)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None


def encoded(title: str, sections: Sequence[Section]) -> bytes:
    """The page as it is sent and stored, whatever characters people have written.

    Raises:
        AutotrophError: the script that draws the pictures is not installed.
    """
    return page(title, sections).encode("utf-8", "replace")


def page(title: str, sections: Sequence[Section]) -> Html:
    """The page as a text.

    Raises:
        AutotrophError: the script that draws the pictures is not installed.
    """
    vega, script = _bundle(), static("report.js")
    head = [
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", http_equiv="Content-Security-Policy", content=_policy(vega, script)),
        tag("link", rel="icon", href="data:,"),  # nobody is asked for one
        tag("title", title),
        tag("style", Html(static("report.css"))),
    ]
    body = [
        tag("main", *(_section(one) for one in sections)),
        tag("script", Html(_data(sections)), type="application/json", id="charts"),
        tag("script", Html(vega)),
        tag("script", Html(script)),
    ]
    return join(Html("<!doctype html>\n"), tag("html", tag("head", *head), tag("body", *body), lang="en"))


def static(name: str) -> str:
    """A file that is shipped beside the pages."""
    return files("autotroph.faces").joinpath("static", name).read_text("utf-8")


def _section(one: Section) -> Html:
    title = tag("h2", one.title) if one.title else EMPTY
    return tag("section", title, one.body, id=one.id)


def _data(sections: Sequence[Section]) -> str:
    specs = {chart.id: chart.spec for one in sections for chart in one.charts}
    text = msgspec.json.encode(specs).decode()
    for sign in "<>&\u2028\u2029":  # nothing in a name can close the element
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _bundle() -> str:
    try:
        text = static("vega.js")
    except FileNotFoundError:
        raise AutotrophError(
            "the script that draws the pictures (autotroph/faces/static/vega.js) is not installed; "
            "install autotroph again with pip, which makes it: pip install --force-reinstall autotroph, "
            "or pip install -e . in a clone"
        ) from None
    return text.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _policy(*scripts: str) -> str:
    """Only these scripts run, whatever else gets into the page, and nothing is loaded from anywhere."""
    hashes = " ".join(f"'sha256-{_hash(script)}'" for script in scripts)
    return (
        f"default-src 'none'; script-src {hashes} 'unsafe-eval'; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
