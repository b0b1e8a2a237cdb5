"""A prompt is part of what a release is: it is kept, and what changes in its file becomes a candidate."""

import json
from pathlib import Path

import pytest

import autotroph
from autotroph.clock import ReplayClock
from autotroph.deploy.provenance import fault
from autotroph.deploy.sources import NOTHING
from autotroph.errors import LedgerError, SpecError
from autotroph.faces.library import Product
from autotroph.plan.steps import Note, Propose, planned
from autotroph.prompts.documents import freeze, thaw
from autotroph.records import Artefact, Candidate, Release
from autotroph.spec import load

TOML = """\
[product]
name = "asked"
[models.m]
kind = "local"
[tasks.answer]
kind = "chat"
reward = "good"
inputs = "schemas/answer.json"
[tasks.answer.variants.plain]
model = "m"
prompt = "prompts/answer.md"
[signals]
thumb = { type = "boolean" }
[rewards.good]
value = "thumb"
"""
SCHEMA = {"type": "object", "properties": {"question": {"type": "string"}, "plan": {}}}
FIRST = "--- system ---\nBe brief.\n--- user ---\n{{ question }}\n"
SECOND = FIRST.replace("brief", "kind")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, "autotroph.toml", TOML)
    write(tmp_path, "schemas/answer.json", json.dumps(SCHEMA))
    write(tmp_path, "prompts/answer.md", FIRST)
    return tmp_path


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(text, "utf-8")


def opened(folder: Path, *, strict: bool = True) -> Product:
    clock = ReplayClock("seven", at=1_700_000_000.0)
    return autotroph.open(folder / "autotroph.toml", clock=clock, strict=strict)


def begun(product: Product) -> Release:
    product.rooms.begin("answer")
    release = product.store.get(Release, task="answer")
    assert release is not None
    return release


def texts(product: Product, release: Release) -> list[str]:
    (variant,) = release.body.variants.values()
    return [str(one["content"]) for one in thaw(product.store, variant.prompt).messages({"question": "?"})]


def test_a_release_names_its_prompt_which_is_in_the_ledger(folder: Path) -> None:
    with opened(folder) as product:
        release = begun(product)
        assert release.body.variants["plain"].prompt == freeze(FIRST).digest
        assert texts(product, release) == ["Be brief.", "?"]
        with pytest.raises(LedgerError, match="is not in the ledger"):
            thaw(product.store, release.body.policy)


def test_a_changed_file_becomes_a_candidate_and_the_old_release_keeps_its_text(folder: Path) -> None:
    with opened(folder) as product:
        zero = begun(product)
        write(folder, "prompts/answer.md", SECOND)
        steps = planned(product.store, load(folder / "autotroph.toml")).steps
        assert [one.differs for one in steps if isinstance(one, Propose)] == [("variants.plain",)]
        assert [one.part for one in steps if isinstance(one, Note)] == ["files.prompts/answer.md"]
    with opened(folder) as product:
        product.apply()
        candidate = product.store.get(Candidate, task="answer")
        assert candidate is not None
        assert candidate.body.variants["plain"].prompt == freeze(SECOND).digest
        assert texts(product, zero) == ["Be brief.", "?"]
        stored = {one.digest: one for one in product.store.scan(Artefact)}
        main = product.rooms.desks["answer"].standing.main
        assert fault(candidate, main, NOTHING._replace(artefact=stored.get)) == ""
        assert not [one for one in product.plan().steps if isinstance(one, Propose)]


def test_what_serves_goes_on_though_the_file_is_gone(folder: Path) -> None:
    with opened(folder) as product:
        zero = begun(product)
    (folder / "prompts/answer.md").unlink()
    with pytest.raises(
        SpecError, match=r"answer\.md:1: no such file, and tasks\.answer\.variants\.plain\.prompt"
    ):
        opened(folder)
    with opened(folder, strict=False) as product:
        assert "no such file" in product.refused
        assert texts(product, zero) == ["Be brief.", "?"]
        assert product.spec.file("prompts/answer.md") == FIRST
        assert not [one for one in product.plan().steps if isinstance(one, Propose)]


CASCADE = 'cascade = ["m", "m"]\naccept = "confidence > 0.5"'


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("prompts/answer.md", "--- user ---\n\n{{ qestion }}", "answer.md:3: no input 'qestion' is in"),
        ("prompts/answer.md", "--- user ---\n{{ qestion }}", "Did you mean 'question'?"),
        ("prompts/answer.md", "--- user ---\n{% if %}", "answer.md:2: Expected an expression"),
        ("prompts/answer.md", "", "answer.md:1: no section"),
        ("prompts/answer.md", "--- user ---\n" + "x" * 2**18, "bytes; at most 262,144"),
        ("schemas/answer.json", "{", "answer.json:1: not JSON"),
        ("schemas/answer.json", '{"type": "object", "properties": {"a": {"type": 1}}}', "not a JSON Schema"),
        ("autotroph.toml", TOML.replace('"schemas/answer.json"', "{ type = 'object' }"), "answer.inputs: in"),
        ("autotroph.toml", TOML.replace('"schemas/answer.json"', "7"), "expected a text in quotes or a"),
        ("autotroph.toml", TOML.replace("prompts/", "prompts\\u0000"), "cannot be read"),
        ("autotroph.toml", TOML.replace('model = "m"', CASCADE), "a cascade asks its variants"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_and_what_was_declared_before_serves(
    folder: Path, name: str, text: str, says: str
) -> None:
    opened(folder).close()
    write(folder, name, text)
    with pytest.raises(SpecError) as told:
        opened(folder)
    assert says in str(told.value)
    with opened(folder, strict=False) as product:
        assert says in product.refused
        assert begun(product).body.variants["plain"].prompt == freeze(FIRST).digest


def test_a_file_of_latin_letters_is_refused_with_its_line(folder: Path) -> None:
    (folder / "prompts/answer.md").write_bytes(b"--- user ---\nna\xefve")
    with pytest.raises(SpecError, match=r"answer\.md:2: not UTF-8"):
        opened(folder)


def test_line_ends_of_another_system_are_no_other_prompt(folder: Path) -> None:
    (folder / "prompts/answer.md").write_bytes(b"\xef\xbb\xbf" + FIRST.replace("\n", "\r\n").encode())
    with opened(folder) as product:
        assert begun(product).body.variants["plain"].prompt == freeze(FIRST).digest


def test_the_declaration_has_another_digest_when_a_prompt_has(folder: Path) -> None:
    before = load(folder / "autotroph.toml").digest
    write(folder, "prompts/answer.md", SECOND)
    assert load(folder / "autotroph.toml").digest != before


def test_a_candidate_with_a_prompt_that_is_not_there_is_refused(folder: Path) -> None:
    with opened(folder) as product:
        begun(product)
        main = product.rooms.desks["answer"].standing.main
        body, stored = main.release.body, {one.digest: one for one in product.store.scan(Artefact)}
        made = {"id": "c", "task": "answer", "name": "c", "track": "person", "parent": main.release.id}
        candidate = Candidate(**made, body=body, snapshot="", at=0.0)
        prompt = body.variants["plain"].prompt

        def found(documents: dict[str, Artefact]) -> str:
            return fault(candidate, main, NOTHING._replace(artefact=documents.get))

        assert found(stored) == ""
        assert "its prompt" in found({name: one for name, one in stored.items() if name != prompt})
        assert "not the document of that digest" in found(stored | {prompt: freeze(SECOND)})
        assert "not the document of that digest" in found(stored | {prompt: stored[body.policy]})
