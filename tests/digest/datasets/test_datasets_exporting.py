"""Files as TRL and OpenAI document them, whole or not there, and of the texts that were frozen."""

import json
from pathlib import Path
from typing import Annotated, Literal

import apsw
import duckdb
import msgspec
import pytest

from autotroph.digest.datasets.building import build
from autotroph.digest.datasets.exporting import Exported, Into, export
from autotroph.digest.datasets.manifest import Manifest
from autotroph.digest.datasets.recipe import Recipe
from autotroph.digest.datasets.shapes import FORMS, SHAPES, Shaping, written
from autotroph.errors import InputError, LedgerError
from autotroph.faces.library import Product
from support_product import OPTIONS, ask, opened, pass_time


class Strict(msgspec.Struct, forbid_unknown_fields=True):
    """A row as it is documented: nothing less and nothing more."""


Text = Annotated[str, msgspec.Meta(min_length=1)]


class Message(Strict):
    role: Literal["system", "user", "assistant"]
    content: Text


class Reply(Strict):
    role: Literal["assistant"]
    content: Text


Chat = Annotated[list[Message], msgspec.Meta(min_length=1)]
Said = Annotated[list[Reply], msgspec.Meta(min_length=1, max_length=1)]


class Input(Strict):
    messages: Chat


def row(**fields: object) -> type[Strict]:
    return msgspec.defstruct("Row", list(fields.items()), bases=(Strict,))


# https://huggingface.co/docs/trl/dataset_formats, and OpenAI's guides to fine-tuning
DOCUMENTED: dict[tuple[str, str], type[Strict]] = {
    ("language-modeling", "standard"): row(text=Text),
    ("language-modeling", "conversational"): row(messages=Chat),
    ("prompt-only", "standard"): row(prompt=Text),
    ("prompt-only", "conversational"): row(prompt=Chat),
    ("prompt-completion", "standard"): row(prompt=Text, completion=Text),
    ("prompt-completion", "conversational"): row(prompt=Chat, completion=Said),
    ("unpaired-preference", "standard"): row(prompt=Text, completion=Text, label=bool),
    ("unpaired-preference", "conversational"): row(prompt=Chat, completion=Said, label=bool),
    ("openai", "standard"): row(messages=Chat),
}
PREFERENCES: dict[tuple[str, str], type[Strict]] = {
    ("preference", "standard"): row(prompt=Text, chosen=Text, rejected=Text),
    ("preference", "conversational"): row(prompt=Chat, chosen=Said, rejected=Said),
    ("openai", "standard"): row(input=Input, preferred_output=Said, non_preferred_output=Said),
}


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Product:
    made = opened(tmp_path_factory.mktemp("product"))
    for n in range(60):
        id_ = ask(made, f"u{n}", f"question {n}: naïve ✓ 𝕏\n\"'\\")
        made.signal(id_, "accepted", n % 3 > 0)
        made.signal(id_, "edited", f"u{n} wrote\nthis ✓")
    pass_time(made)
    return made


def of(product: Product, **asked: object) -> Manifest:
    recipe = Recipe(task="reply", near=0.0, validation=0.2, test=0.2)
    return build(product.store, product.spec, msgspec.structs.replace(recipe, **asked)).manifest


def put(product: Product, manifest: Manifest, folder: Path, shape: str, form: str = "standard") -> Exported:
    shaping = Shaping(shape=shape, form=form)  # type: ignore[arg-type]
    return export(product.store, manifest, shaping, Into(folder))


def lines(file: Path) -> list[bytes]:
    return file.read_bytes().splitlines()


# shapes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("shape", "form"), DOCUMENTED)
def test_examples_are_as_documented(shape: str, form: str, product: Product, tmp_path: Path) -> None:
    manifest = of(product, target="edited")
    done = put(product, manifest, tmp_path, shape, form)
    assert list(done.files) == ["train.jsonl", "validation.jsonl", "test.jsonl"]
    assert tuple(done.files.values()) == manifest.sizes
    for name, count in done.files.items():
        found = [msgspec.json.decode(line, type=DOCUMENTED[shape, form]) for line in lines(tmp_path / name)]
        assert len(found) == count > 0
        for one in found:
            if messages := getattr(one, "messages", None):
                assert [each.role for each in messages] == ["user", "assistant"]


@pytest.mark.parametrize(("shape", "form"), PREFERENCES)
def test_preferences_are_as_documented(shape: str, form: str, product: Product, tmp_path: Path) -> None:
    put(product, of(product, target="edited", pairs=True), tmp_path, shape, form)
    for line in lines(tmp_path / "train.jsonl"):
        one = msgspec.json.decode(line, type=PREFERENCES[shape, form])
        if shape == "preference" and form == "standard":
            assert one.chosen.endswith("wrote\nthis ✓")  # type: ignore[attr-defined]
            assert one.rejected in {option.output for option in OPTIONS}  # type: ignore[attr-defined]


def test_what_is_learned_is_what_was_written_and_the_label_is_the_reward(
    product: Product, tmp_path: Path
) -> None:
    put(product, of(product, target="edited"), tmp_path, "unpaired-preference")
    found = [json.loads(line) for line in lines(tmp_path / "train.jsonl")]
    for one in found:
        number = int(one["prompt"].split()[1][:-1])
        assert one["prompt"] == f"question {number}: naïve ✓ 𝕏\n\"'\\"
        assert one["completion"] == f"u{number} wrote\nthis ✓"
        assert one["label"] == (number % 3 > 0)
    assert len({one["label"] for one in found}) == 2


def test_a_chat_keeps_its_messages(tmp_path: Path) -> None:
    chat = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
    with opened(tmp_path) as product:
        for n in range(9):
            told = [*chat, {"role": "user", "content": f"number {n}"}]
            answer = product.decide("reply", {"messages": told}, user=f"u{n}", options=OPTIONS)
            product.signal(answer.id, "accepted", True)
        pass_time(product)
        manifest = of(product)
        put(product, manifest, tmp_path / "out", "openai")
        first = json.loads(lines(tmp_path / "out" / "train.jsonl")[0])["messages"]
        assert [one["role"] for one in first] == ["system", "user", "user", "assistant"]
        assert first[:2] == chat
        with pytest.raises(InputError, match="form conversational"):
            put(product, manifest, tmp_path / "other", "prompt-completion")
        assert list((tmp_path / "other").iterdir()) == []


def test_several_inputs_are_a_line_each() -> None:
    assert written({"n": 3, "deep": {"b": [1, None]}, "text": "t"}) == 'deep: {"b":[1,null]}\nn: 3\ntext: t'


@pytest.mark.parametrize(
    ("shape", "form"),
    [
        (shape, form)
        for shape in SHAPES
        for form in FORMS
        if shape != "openai" and (shape, form) != ("table", "conversational")
    ],
)
def test_parquet_has_what_json_has(shape: str, form: str, product: Product, tmp_path: Path) -> None:
    manifest = of(product, target="edited", pairs=shape == "preference")
    put(product, manifest, tmp_path / "json", shape, form)
    shaping = Shaping(shape=shape, form=form)  # type: ignore[arg-type]
    export(product.store, manifest, shaping, Into(tmp_path / "parquet", "parquet"))
    with duckdb.connect() as duck:
        file = str(tmp_path / "parquet" / "train.parquet")
        found = duck.execute("SELECT to_json(t) FROM read_parquet(?) AS t", [file]).fetchall()
    expected = [json.loads(line) for line in lines(tmp_path / "json" / "train.jsonl")]
    assert [json.loads(one) for (one,) in found] == expected


# files ---------------------------------------------------------------------------------------------------


def test_files_that_are_there_stay(product: Product, tmp_path: Path) -> None:
    manifest = of(product)
    put(product, manifest, tmp_path, "prompt-only")
    before = (tmp_path / "train.jsonl").read_bytes()
    with pytest.raises(InputError, match=r"has train\.jsonl, .* already; force"):
        put(product, manifest, tmp_path, "prompt-completion")
    assert (tmp_path / "train.jsonl").read_bytes() == before
    whole = of(product, validation=0.0, test=0.0)
    export(product.store, whole, Shaping(shape="prompt-completion"), Into(tmp_path, force=True))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dataset.json", "train.jsonl"]
    assert len(lines(tmp_path / "train.jsonl")) == len(whole)
    assert (tmp_path / "train.jsonl").stat().st_mode & 0o777 == 0o600
    assert json.loads((tmp_path / "dataset.json").read_text())["dataset"] == whole.digest


def test_a_folder_that_cannot_be(product: Product, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot be written"):
        put(product, of(product), tmp_path / "file" / "in", "prompt-only")


@pytest.mark.parametrize(
    ("asked", "shape", "form", "suffix", "said"),
    [
        ({}, "preference", "standard", "jsonl", "made of preferences"),
        ({"target": "edited", "pairs": True}, "prompt-completion", "standard", "jsonl", "are no pairs"),
        ({}, "openai", "standard", "parquet", "as jsonl"),
        ({}, "table", "conversational", "jsonl", "one form"),
    ],
)
def test_shapes_that_do_not_fit(
    asked: dict[str, object], shape: str, form: str, suffix: str, said: str, product: Product, tmp_path: Path
) -> None:
    shaping = Shaping(shape=shape, form=form)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=said):
        export(product.store, of(product, **asked), shaping, Into(tmp_path, suffix))  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_who_was_erased_is_left_out_and_counted(tmp_path: Path) -> None:
    with opened(tmp_path) as product:
        for n in range(30):
            product.signal(ask(product, f"u{n}", f"question {n}"), "accepted", True)
        pass_time(product)
        manifest = of(product)
        put(product, manifest, tmp_path / "before", "prompt-completion")
        named = json.loads(lines(tmp_path / "before" / "train.jsonl")[0])["prompt"]
        product.erase(f"u{named.split()[1]}")
        done = put(product, manifest, tmp_path / "after", "prompt-completion")
    assert (done.gone, sum(done.files.values())) == (1, len(manifest) - 1)
    assert named.encode() not in (tmp_path / "after" / "train.jsonl").read_bytes()


def test_a_text_that_was_changed_is_not_exported(tmp_path: Path) -> None:
    with opened(tmp_path) as product:
        for n in range(30):
            product.signal(ask(product, f"u{n}", f"question {n}"), "accepted", True)
        pass_time(product)
        manifest = of(product)
    path = tmp_path / ".autotroph" / "ledger.db"
    with apsw.Connection(str(path)) as tampered:
        change = "UPDATE decision_texts SET inputs = replace(inputs, 'question', 'answer') WHERE sequence = ?"
        tampered.execute(change, (manifest.decisions[-1],))
    tampered.close()
    with opened(tmp_path) as product:
        with pytest.raises(LedgerError, match="has other texts than when the dataset was frozen"):
            put(product, manifest, tmp_path / "out", "prompt-completion")
        assert list((tmp_path / "out").iterdir()) == []
