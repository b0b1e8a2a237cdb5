r"""`python -m autotroph.testing.recorded`: a recorded upstream in a process of its own.

    python -m autotroph.testing.recorded answers.csv --port 9000 \
        --latency large:first=0.6,token=0.02,spread=0.4 --price large:input=10,output=30
    python -m autotroph.testing.recorded --stub

The first line on stdout is a JSON object with the `url` that clients take as `base_url`.
"""

import argparse
import sys
from pathlib import Path
from typing import TypeVar

import msgspec

from autotroph.errors import AutotrophError, InputError
from autotroph.testing.recorded.answers import Stub, read
from autotroph.testing.recorded.manner import Latency, Manner, Price
from autotroph.testing.recorded.server import Recorded

Numbers = TypeVar("Numbers", Latency, Price)


def main(arguments: list[str] | None = None) -> int:
    """Serve until a signal; 2 where it cannot."""
    given = _parser().parse_args(arguments)
    try:
        answers = Stub() if given.file is None else read(given.file)
        upstream = Recorded(answers, _manner(given), port=given.port)
    except (AutotrophError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(msgspec.json.encode({"url": upstream.url}).decode() + "\n")
    sys.stdout.flush()
    try:
        upstream.run()
    except KeyboardInterrupt:  # which uvicorn raises again after it has ended well
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m autotroph.testing.recorded",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,  # it shows how it is called
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("file", nargs="?", type=Path, help="CSV: prompt, and MODEL and MODEL_response of each")
    what.add_argument("--stub", action="store_true", help="the same text for whoever asks, at once")
    parser.add_argument("--port", type=int, default=0, help="0 for one that is free")
    parser.add_argument("--seed", default=Manner().seed, help="of how long each answer takes")
    parser.add_argument("--chunk", type=int, default=Manner().chunk, help="tokens in each chunk of a stream")
    wanted = "[MODEL:]{}; without a model, of all others"
    parser.add_argument(
        "--latency",
        action="append",
        default=[],
        help=wanted.format("first=SECONDS,token=SECONDS,spread=SIGMA"),
    )
    parser.add_argument(
        "--price",
        action="append",
        default=[],
        help=wanted.format("input=DOLLARS,output=DOLLARS") + "; a million tokens",
    )
    return parser


def _manner(given: argparse.Namespace) -> Manner:
    if given.chunk < 1:
        raise InputError(f"--chunk is {given.chunk}; a chunk has at least 1 token")
    latency = dict(_numbers("--latency", said, Latency) for said in given.latency)
    prices = dict(_numbers("--price", said, Price) for said in given.price)
    return Manner(latency, prices, given.seed, given.chunk)


def _numbers(option: str, said: str, kind: type[Numbers]) -> tuple[str, Numbers]:
    """A model's name, "" for all others, and what is declared of it."""
    model, _, numbers = said.rpartition(":")
    pairs = dict(each.partition("=")[::2] for each in numbers.split(","))
    try:
        return model, msgspec.convert(pairs, kind, strict=False)
    except msgspec.ValidationError as error:
        known = ", ".join(f"{name}=NUMBER" for name in kind.__struct_fields__)
        raise InputError(f"{option} {said}: {error}; written as [MODEL:]{known}, any of them") from None


if __name__ == "__main__":
    sys.exit(main())
