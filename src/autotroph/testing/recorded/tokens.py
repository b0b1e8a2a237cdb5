"""How tokens are counted: a token is four characters, the last one what is left.

No model counts so. But anybody can count it again, in SQL too: `ceil(length(text) / 4.0)`.
"""

SIZE = 4


def count(text: str) -> int:
    """How many tokens a text has.

    >>> count(""), count("four"), count("fours")
    (0, 1, 2)
    """
    return -(-len(text) // SIZE)


def pieces(text: str, tokens: int) -> list[str]:
    """A text in pieces of so many tokens each; the last one is what is left.

    >>> pieces("one two three", tokens=2)
    ['one two ', 'three']
    """
    step = SIZE * tokens
    return [text[start : start + step] for start in range(0, len(text), step)]


def cut(text: str, limit: int | None) -> str:
    """A text's first tokens, as far as a limit goes."""
    return text if limit is None else text[: SIZE * limit]
