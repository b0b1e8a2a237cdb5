"""Made-up conversations of which it is known what people meant: what a signal finds is held against that.

Everything here was written before the signals were tuned. Two halves have no text in common: the signals
were tuned on the even ones of all questions, refusals and so on; what is shown and asserted is of the odd.
"""

# ruff: noqa: E501 - texts, as people write them

import json
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any, NamedTuple

from ingest.topics import (
    ANSWERING,
    ASKING_BACK,
    ASKS,
    CUES,
    FRAMES,
    NO_REFUSALS,
    REFUSALS,
    THANKS,
    TOOL_ERRORS,
    TOOL_RESULTS,
    TOPICS,
    WELCOME,
    WRITINGS,
    Topic,
)  # fmt: skip

DAY = 86_400.0
SYSTEMS = (
    "You are a support bot.",
    "Be brief.",
    "You are the assistant of a shop for bicycles.\nAnswer kindly.",
    "",
)
GREETINGS = ("Hi", "hello", "Hello!", "Good morning", "Hallo", "hey there", "Hi!")
TOOLS = [
    {"type": "function", "function": {"name": "find_order", "parameters": {
        "type": "object", "required": ["id"], "additionalProperties": False,
        "properties": {"id": {"type": "string"}, "year": {"type": "integer"}}}}},
    {"type": "function", "function": {"name": "weather", "parameters": {
        "type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}}}},
]  # fmt: skip
BILL = {
    "type": "object", "required": ["sum", "due"], "additionalProperties": False,
    "properties": {"sum": {"type": "number"}, "due": {"type": "string"}, "paid": {"type": "boolean"}},
}  # fmt: skip
FORM = {"type": "json_schema", "json_schema": {"name": "bill", "schema": BILL}}

Label = tuple[int, str]
"""The place of an answer, and the signal that is true of it."""


class Said(NamedTuple):
    """A call, and what came of it."""

    messages: list[dict[str, Any]]
    request: dict[str, Any]
    output: str
    finish: str
    at: float
    answered: float
    error: str = ""


class Talk(NamedTuple):
    """A conversation with what is true of it."""

    kind: str
    calls: list[Said]
    labels: set[Label]


class Talking:
    """One conversation as it is made."""

    def __init__(self, luck: Random, half: int) -> None:
        self.luck, self.half = luck, half
        self.calls: list[Said] = []
        self.labels: set[Label] = set()
        self.clock = 1_700_000_000.0 + luck.random() * 1e6
        self.topics = luck.sample(TOPICS[half::2], len(TOPICS[half::2]))
        system = self.one_of(SYSTEMS)
        self.system = [{"role": "system", "content": system}] if system else []
        self.messages: list[dict[str, Any]] = list(self.system)

    def one_of(self, pool: Sequence[Any]) -> Any:
        """One of those that are this half's."""
        return self.luck.choice(pool[self.half :: 2])

    @property
    def last(self) -> int:
        return len(self.calls) - 1

    def wait(self, low: float, high: float) -> None:
        self.clock += low + (high - low) * self.luck.random()

    def read(self) -> None:
        self.wait(4.0, 120.0)

    def ask(self, text: str, output: str, *, finish: str = "stop", **request: Any) -> None:
        content: Any = [{"type": "text", "text": text}] if self.luck.random() < 0.15 else text
        self.messages = [*self.messages, {"role": "user", "content": content}]
        self.call(output, finish=finish, **request)

    def call(self, output: str, *, finish: str = "stop", error: str = "", **request: Any) -> None:
        took = 0.5 + 4 * self.luck.random()
        request = {"path": "/chat/completions", **request}
        self.calls.append(Said(self.messages, request, output, finish, self.clock, self.clock + took, error))
        self.clock += took

    def told(self) -> None:
        """The answer becomes part of what is sent next."""
        self.messages = [*self.messages, {"role": "assistant", "content": self.calls[-1].output}]

    def label(self, name: str, place: int | None = None) -> None:
        self.labels.add((self.last if place is None else place, name))

    # parts of a conversation ---------------------------------------------------------------------

    def before(self) -> None:
        """What was said before it comes to the point: a greeting, or another question."""
        if self.luck.random() < 0.3:
            self.ask(self.one_of(GREETINGS), "Hello! How can I help you today?")
            self.told()
            self.read()
        if self.luck.random() < 0.3:
            self.on(self.topics.pop())

    def on(self, topic: Topic) -> None:
        self.ask(self.luck.choice(topic.asked), topic.answer)
        self.told()
        self.read()

    def after(self, *, corrected: bool = False) -> None:
        """How it ends: with thanks, with another question, or with nothing."""
        luck = self.luck.random()
        if luck < 0.4:
            self.told()
            self.read()
            self.ask(self.one_of(THANKS), self.one_of(WELCOME))
        elif luck < 0.6:
            self.told()
            self.read()
            self.on(self.topics.pop())
            self.ask(self.one_of(THANKS), self.one_of(WELCOME))
        elif corrected:
            self.label("abandonment")


# what happens in them --------------------------------------------------------------------------------


def content(talk: Talking) -> None:
    """Questions that follow from the answer, and share words with the question."""
    topic = talk.topics.pop()
    talk.on(topic)
    for onward in talk.luck.sample(topic.onward, talk.luck.randint(1, 3)):
        talk.ask(onward, f"Yes. {talk.one_of(TOPICS).answer}")
        talk.told()
        talk.read()
    talk.ask(talk.one_of(THANKS), talk.one_of(WELCOME))


def regenerated(talk: Talking) -> None:
    topic = talk.topics.pop()
    talk.ask(talk.luck.choice(topic.asked), "I am not sure. " + topic.answer[: len(topic.answer) // 2])
    talk.label("regenerate")
    talk.wait(2.0, 90.0)
    talk.call(topic.answer)
    talk.after(corrected=True)


def greeted_again(talk: Talking) -> None:
    """A session that is opened several times, each time with the same greeting."""
    greeting = talk.one_of(GREETINGS)
    for _ in range(talk.luck.randint(2, 3)):
        talk.messages = list(talk.system)
        talk.ask(greeting, "Hello! How can I help you today?")
        talk.told()
        talk.wait(20.0, 400.0)
    talk.on(talk.topics.pop())
    talk.ask(talk.one_of(THANKS), talk.one_of(WELCOME))


def asked_daily(talk: Talking) -> None:
    """The same question on another day is no complaint."""
    topic = talk.topics.pop()
    question = talk.luck.choice(topic.asked)
    for _ in range(2):
        talk.messages = list(talk.system)
        talk.ask(question, topic.answer)
        talk.wait(0.7 * DAY, 2 * DAY)


def sampled(talk: Talking) -> None:
    """A program that asks three times at once, and one that tries again after a fault."""
    topic = talk.topics.pop()
    begun = talk.clock
    talk.ask(talk.luck.choice(topic.asked), topic.answer)
    for number in range(2):
        talk.clock = begun + 0.01 * number
        talk.call(topic.answer + " " * number)
    talk.wait(30.0, 60.0)
    talk.messages = list(talk.system)
    other = talk.topics.pop()
    talk.messages = [*talk.messages, {"role": "user", "content": talk.luck.choice(other.asked)}]
    talk.call("", finish="", error="timeout")
    talk.wait(1.0, 9.0)
    talk.call(other.answer)


def rephrased(talk: Talking) -> None:
    topic = talk.topics.pop()
    one, other = talk.luck.sample(topic.asked, 2)
    talk.ask(one, talk.one_of(TOPICS).answer)
    talk.label("rephrase")
    if talk.luck.random() < 0.7:
        talk.told()
        other = talk.one_of(CUES) + other
    else:  # the question was changed where it stood
        talk.messages = talk.messages[:-1]
    talk.read()
    talk.ask(other, topic.answer)
    talk.after(corrected=True)


def several_alike(talk: Talking) -> None:
    """A list of questions of one kind, none of which was answered badly."""
    frame, things = talk.one_of((
        ("What is the capital of {}?", ("France", "Spain", "Norway", "Peru")),
        ("Translate {} into French.", ("the invoice", "the second paragraph", "good luck", "the title")),
        ("How much does {} cost?", ("a new tyre", "the yearly service", "a spare key", "delivery")),
        ("Wie wird das Wetter in {}?", ("Bern", "Hamburg", "Wien", "Prag")),
    ))  # fmt: skip
    for thing in talk.luck.sample(things, 3):
        talk.ask(frame.format(thing), f"Gladly. That is {thing} and {talk.luck.randint(2, 99)}.")
        talk.told()
        talk.read()
    talk.ask(talk.one_of(THANKS), talk.one_of(WELCOME))


def changed(luck: Random, text: str) -> str:
    """As somebody would change it who is nearly content."""
    words = text.split(" ")
    for _ in range(luck.randint(1, max(1, len(words) // 8))):
        place = luck.randrange(1, len(words) - 1)
        match luck.randint(0, 2):
            case 0:
                words[place] = luck.choice(("really", "quickly", "maybe", "two", "our", "kindly"))
            case 1:
                del words[place]
            case _:
                words.insert(place, luck.choice(("very", "please", "now", "also", "then")))
    return " ".join(words) if words != text.split(" ") else "Well: " + " ".join(words)


def edited(talk: Talking) -> None:
    text = talk.one_of(WRITINGS)
    talk.ask(talk.one_of(ASKS), text)
    talk.label("edit")
    talk.told()
    talk.read()
    talk.ask(talk.one_of(FRAMES).format(changed(talk.luck, text)), "That reads well.")
    talk.after()


def quoted(talk: Talking) -> None:
    """The answer comes back as it was: a part of it, or all of it, with a question."""
    text = talk.one_of(WRITINGS)
    talk.ask(talk.one_of(ASKS), text)
    talk.told()
    talk.read()
    sentence = talk.luck.choice(text.replace("\n", ". ").split(". "))
    words = text.split()
    match talk.luck.randint(0, 4):
        case 0:
            said = f'You wrote "{sentence}". What does that mean?'
        case 1:
            said = f"{text}\n\nTranslate that into German."
        case 2:
            said = f"> {sentence}\n\nWhy?"
        case 3:
            said = (
                f"“{' '.join(words[:5])} … {' '.join(words[-4:])}” sounds odd to me, why did you put it so?"
            )
        case _:
            said = ("Now one for my neighbour, who has ordered a saddle and two tyres, and wants to know when they "
                    "come, and whether he can pay in our shop by card.")  # fmt: skip
    talk.ask(said, "Gladly.")
    talk.after()


def formed(talk: Talking) -> None:
    """An answer that had to be a bill, and one that was free to look like one."""
    good = json.dumps({"sum": round(talk.luck.random() * 100, 2), "due": "2026-12-01"})
    bad = (f"Here is the bill:\n{good}", f"```json\n{good}\n```", '{"sum": "12.50", "due": "2026-12-01"}', '{"sum": 12.5}',
           '{"sum": 12.5, "due": "2026-12-01", "vat": 3}', "[12.5]", '{"sum": 12.5, "due": ', "12.5")  # fmt: skip
    question = "Read this bill: 12.50 EUR, due on the first of December"
    match talk.luck.randint(0, 4):
        case 0 | 1:
            talk.ask(question, talk.one_of(bad), response_format=FORM)
            talk.label("schema error")
        case 2:
            form = talk.luck.choice((FORM, {"type": "json_object"}))
            talk.ask(question, f" {good}\n", response_format=form)
        case 3:
            talk.ask(question, talk.one_of(bad), response_format={"type": "text"})
        case _:
            output = talk.luck.choice(("Sure! " + good, "not json", good[:-1]))
            talk.ask(question, output, response_format={"type": "json_object"})
            talk.label("schema error")
    talk.after()


def tooled(talk: Talking) -> None:
    """A tool is asked for, rightly or not, and what it says goes back."""
    good = {"find_order": '{"id": "4471-03"}', "weather": '{"city": "Bern"}'}
    name = talk.luck.choice(list(good))
    arguments, called, wrong = good[name], name, talk.luck.random() < 0.3
    if wrong:
        called, arguments = talk.one_of((
            ("find_order", "{}"), ("find_order", '{"id": 4471}'), ("find_order", '{"id": "4'),
            ("wether", '{"city": "Bern"}'), ("weather", '{"town": "Bern"}'), ("find_order", '{"id": "1", "x": 2}'),
        ))  # fmt: skip
    call = {"id": "call_1", "type": "function", "function": {"name": called, "arguments": arguments}}
    talk.ask("Please look that up.", json.dumps([call]), finish="tool_calls", tools=TOOLS)
    failed = talk.luck.random() < 0.4
    if wrong or failed:
        talk.label("tool error")
    talk.wait(0.1, 2.0)
    result = talk.one_of(TOOL_ERRORS if failed else TOOL_RESULTS)
    talk.messages = [*talk.messages, {"role": "assistant", "content": None, "tool_calls": [call]},
                     {"role": "tool", "tool_call_id": "call_1", "content": result}]  # fmt: skip
    talk.call("I have looked it up: it is on its way.", tools=TOOLS)
    talk.after()


def refused(talk: Talking) -> None:
    topic = talk.topics.pop()
    more = talk.luck.choice(
        ("", "", " If you like, I can tell you about something else.", "\n\nPlease consult an expert.")
    )
    if talk.luck.random() < 0.25:
        talk.ask(talk.luck.choice(topic.asked), "", finish="refusal")
    else:
        talk.ask(talk.luck.choice(topic.asked), talk.one_of(REFUSALS) + more)
    talk.label("refusal")
    talk.after()


def sorry(talk: Talking) -> None:
    talk.ask("My parcel has not come, and I am sad.", talk.one_of(NO_REFUSALS))
    talk.after()


def cut(talk: Talking) -> None:
    topic = talk.topics.pop()
    half = topic.answer[: len(topic.answer) // 2]
    if talk.luck.random() < 0.6:
        talk.ask(talk.luck.choice(topic.asked), half, finish="length")
        talk.label("truncation")
    else:
        talk.ask(talk.luck.choice(topic.asked), half)
    talk.after()


def left(talk: Talking) -> None:
    """The answer asks something back; somebody answers it at once, later, or never."""
    topic = talk.topics.pop()
    talk.ask(talk.luck.choice(topic.asked), talk.one_of(ASKING_BACK))
    match talk.luck.randint(0, 2):
        case 0:
            talk.label("abandonment")
        case 1:
            talk.told()
            talk.wait(60.0, 1500.0)
            talk.ask(talk.one_of(ANSWERING), topic.answer)
            talk.after()
        case _:
            talk.label("abandonment")
            talk.told()
            talk.wait(0.5 * DAY, 2 * DAY)
            talk.ask(talk.one_of(ANSWERING), topic.answer)
            talk.after()


KINDS: dict[str, Callable[[Talking], None]] = {
    one.__name__: one
    for one in (content, content, regenerated, greeted_again, asked_daily, sampled, rephrased, several_alike,
                edited, quoted, formed, tooled, refused, sorry, cut, left)
}  # fmt: skip


def talks(half: int, count: int) -> Iterator[Talk]:
    """So many conversations of a half, of each kind in turn."""
    for number in range(count):
        luck = Random(f"{half}/{number}")
        kind = list(KINDS)[number % len(KINDS)]
        talk = Talking(luck, half)
        if kind not in ("greeted_again", "asked_daily", "sampled"):
            talk.before()
        KINDS[kind](talk)
        yield Talk(kind, talk.calls, talk.labels)
