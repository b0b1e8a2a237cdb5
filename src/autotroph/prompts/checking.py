"""Whether the prompts and schemas of a declaration are right, before anything is served by them."""

from pathlib import Path
from typing import TYPE_CHECKING

from autotroph.errors import SpecError, suggest
from autotroph.spec import Spec, TaskSpec

if TYPE_CHECKING:
    from autotroph.prompts.schema import Schema


def check_prompts(spec: Spec) -> None:
    """Read every prompt and every schema; what is none, or does not fit the other, is refused.

    Raises:
        SpecError: with file and line.
    """
    for name, task in spec.tasks.items():
        schema = schema_of(spec, name)
        for variant in task.variants.values():
            if variant.prompt:
                _check(spec, task, variant.prompt, schema)


def schema_of(spec: Spec, task: str) -> "Schema | None":
    """What a task's inputs must be; None where nothing is declared of them.

    Raises:
        SpecError: it is no JSON Schema, or not of inputs.
    """
    declared = spec.task(task).schema
    if not declared:
        return None
    from autotroph.prompts.schema import Schema, read_schema

    if isinstance(declared, str):
        return read_schema(spec.file(declared), str(_place(spec, declared)))
    return Schema(declared, f"{spec.source}: tasks.{task}.inputs")


def _check(spec: Spec, task: TaskSpec, name: str, schema: "Schema | None") -> None:
    from autotroph.prompts.prompt import Prompt

    prompt = Prompt(spec.file(name), str(_place(spec, name)))
    for named, line in prompt.names.items():
        if schema is not None and named not in schema.names:
            where = f"in {task.schema}" if isinstance(task.schema, str) else "declared for its task"
            told = f"no input {named!r} is {where}; {suggest(named, schema.names)}"
            raise SpecError(f"{prompt.source}:{line}: {told}")


def _place(spec: Spec, name: str) -> Path:
    return Path(spec.source).parent / name
