"""From a recipe and a ledger to a manifest."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from hashlib import blake2b

import msgspec

from autotroph.digest.datasets.choosing import Choice, Considered, Likeness, choose
from autotroph.digest.datasets.contents import Content, contents, owner_mark
from autotroph.digest.datasets.gathering import Found, Gathering, last
from autotroph.digest.datasets.manifest import Basis, Manifest, Origin, Reference, manifest_of
from autotroph.digest.datasets.near import Sketches, normalised
from autotroph.digest.datasets.recipe import Recipe, checked
from autotroph.digest.datasets.shapes import written
from autotroph.spec import Spec
from autotroph.store import Reader

BATCH = 1000

Progress = Callable[[int, int], None]


class Built(msgspec.Struct, frozen=True):
    """A manifest, and why it holds no more.

    Attributes:
        answers: how many answers of the task were looked at.
        left: how many were left out, by why.
    """

    manifest: Manifest
    answers: int
    left: dict[str, int]


def build(
    reader: Reader,
    spec: Spec,
    recipe: Recipe,
    *,
    through: int | None = None,
    progress: Progress = lambda _done, _of: None,
) -> Built:
    """Makes the dataset of a recipe; the same state of the ledger gives the same digest.

    It only reads: `freeze` makes the row that keeps a manifest.

    Args:
        reader: of the ledger.
        spec: the declaration.
        recipe: what is asked for.
        through: rows up to this ledger sequence count; all if None.
        progress: is told how many examples were read, of how many.

    Raises:
        UnknownName, InputError, SpecError: the recipe asks for what cannot be; see `recipe.checked`.
    """
    recipe = checked(recipe, spec)
    end = last(reader) if through is None else min(through, last(reader))
    gathering = Gathering(reader, spec, recipe, end)
    found = gathering.found()
    reading = Reading(reader.meta("seed") or "", recipe)
    for place, (one, content) in enumerate(zip(found, contents(reader, found), strict=True)):
        reading.take(one, content)
        if place % BATCH == 0:
            progress(place, len(found))
    choice = reading.chosen()
    basis = Basis(
        declaration=spec.digest,
        reward=gathering.measure.name,
        version=gathering.measure.version,
        through=end,
    )
    manifest = manifest_of(reading.references(choice), recipe, basis)
    left = gathering.left + reading.left + choice.left
    return Built(manifest, gathering.answers, dict(sorted(left.items())))


class Reading:
    """Examples as they are read: what is kept of their texts are digests and sketches.

    Args:
        salt: the product's.
        recipe: checked.
    """

    def __init__(self, salt: str, recipe: Recipe) -> None:
        self._salt, self._recipe = salt, recipe
        self._like = Likeness(Sketches(), Sketches()) if recipe.near else None
        self._owner = lru_cache(maxsize=100_000)(partial(owner_mark, salt))
        self._waiting: list[tuple[str, str]] = []
        self._read: list[tuple[Found, str, Origin]] = []
        self._considered: list[Considered] = []
        self.left: Counter[str] = Counter()

    def take(self, found: Found, content: Content | None) -> None:
        """The next one, with its texts."""
        if content is None:  # went while it was read
            self.left["gone"] += 1
            return
        if why := _unfit(found, content):
            self.left[why] += 1
            return
        asked = normalised(written(content.inputs))
        said = "\n".join((asked, normalised(content.text), normalised(content.rejected)))
        owner = self._owner(found.user, found.cluster)
        self._read.append((found, content.digest(self._salt), _origin(found, content)))
        self._considered.append(
            Considered(
                decision=found.decision,
                owner=owner,
                source="import" if found.imported else "product",
                at=found.at,
                said=_short(said),
                asked=_short(asked),
            )
        )
        self._sketch(asked, said)

    def chosen(self) -> Choice:
        """What of it the dataset holds."""
        self._flush()
        return choose(self._considered, self._recipe, self._like)

    def references(self, choice: Choice) -> Sequence[Reference]:
        """What was chosen, as a manifest lists it."""
        return [self._reference(place, choice) for place in choice.splits]

    def _reference(self, place: int, choice: Choice) -> Reference:
        found, content, origin = self._read[place]
        return Reference(
            split=choice.splits[place],
            decision=found.decision,
            target=found.target,
            other=found.other,
            content=content,
            reward=found.reward,
            against=found.against,
            owner=self._considered[place].owner,
            origin=origin,
        )

    def _sketch(self, asked: str, said: str) -> None:
        if self._like:
            self._waiting.append((asked, said))
            if len(self._waiting) >= BATCH:
                self._flush()

    def _flush(self) -> None:
        if self._like:
            self._like.asked.add(asked for asked, _ in self._waiting)
            self._like.said.add(said for _, said in self._waiting)
            self._waiting.clear()


def _unfit(found: Found, content: Content) -> str:
    """Why a text is not learned; empty if it is."""
    if not content.text.strip() or (found.other and not content.rejected.strip()):
        return "nothing was put out"
    return "no preference" if found.other and content.text == content.rejected else ""


def _short(text: str) -> str:
    """By which equal texts are found; it is kept nowhere."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _origin(found: Found, content: Content) -> Origin:
    """Who made what is learned. What a person left as it was put out is not a person's."""
    if found.person and normalised(content.text) != normalised(content.served):
        return "human"
    return "import" if found.imported else "own"
