"""Random expressions, valid and not, and random rows to evaluate them on."""

from random import Random

from autotroph.spec.tree import ColumnType

COLUMNS: dict[str, ColumnType] = {
    "a": "number",
    "b": "number",
    "c": "number",
    "yes": "boolean",
    "s": "text",
    "t": "text",
    "inputs.plan": "text",
    "inputs.size": "number",
    "output": "text",
}
REWARDS = {
    "worth": "a / (b + 1)",
    "twice": "worth + yes * worth",
    "wrong": "a + 'x'",
    "ring": "1 - round_",
    "round_": "2 * ring",
}
NUMBERS = (0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 3.0, 1e-9, 5e-324, 1e-310, 1e308, -1e308, 1.7976931348623157e308)
TEXTS = (
    *(
        "",
        "x",
        "X",
        "xy",
        " x",
        "x ",
        "it's",
        '"',
        "\\",
        "\\'",
        "a\\nb",
        "a\nb",
        "\0",
        "a\0b",
        "a\0c",
        "\r\n\t",
    ),
    *(
        "${x}",
        "{}",
        "%s",
        "--",
        "/*",
        "';--",
        "é",
        "e\u0301",
        "ß",
        "SS",
        "日本語",
        "日本",
        "👩‍👧",
        "\U0010ffff",
        "\ufeff",
    ),
    *("1", "1.0", "NULL", "true", "x" * 300, "日" * 90),
)
LITERALS = (
    "0",
    "1",
    "2",
    "0.5",
    "3.75",
    "1e308",
    "1.7976931348623157e308",
    "5e-324",
    "1e-3",
    ".1",
    "7.",
    "TRUE",
    "FALSE",
)
NUMERIC = ("a", "b", "c", "yes", '"a"', "inputs.size", "worth", "twice")
TEXTUAL = ("s", "t", "output", "inputs.plan", '"s"')
TRANSCENDENTAL = ("ln({0})", "exp({0})")
SHAPES = (
    *(
        "({0} + {1})",
        "({0} - {1})",
        "({0} * {1})",
        "({0} / {1})",
        "{0} + {1}",
        "{0} - {1} * {2}",
        "{0} / {1} / {2}",
    ),
    *("(- {0})", "(NOT {0})", "abs({0})", "sqrt({0})", "({0} IS NULL)", "({0} IS NOT NULL)"),
    *("({0} = {1})", "({0} <> {1})", "({0} < {1})", "({0} <= {1})", "({0} > {1})", "({0} >= {1})"),
    *("({0} AND {1})", "({0} OR {1})", "({0} BETWEEN {1} AND {2})", "({0} NOT BETWEEN {1} AND {2})"),
    *("({0} IN ({1}, {2}))", "({0} NOT IN ({1}, {2}, NULL))", "least({0}, {1})", "greatest({0}, {1}, {2})"),
    *("least({0})", "coalesce({0})", "coalesce({0}, {1})", "coalesce(NULL, {0}, {1})"),
    *("CASE WHEN {0} THEN {1} END", "CASE WHEN {0} THEN {1} WHEN {2} THEN {0} ELSE {1} END"),
    *("CASE {0} WHEN {1} THEN {2} ELSE NULL END", "CASE WHEN NULL THEN NULL ELSE {0} END"),
)
OF_TEXTS = (
    "length({0})",
    "({0} = {1})",
    "({0} <> {1})",
    "({0} IN ({1}, ''))",
    "({0} IS NULL)",
    "CASE {0} WHEN {1} THEN 1 ELSE 0 END",
)
OF_SIGNALS = ("kept({0})", "distance({0})")
TEXT_SHAPES = (
    "coalesce({0}, {1})",
    "coalesce(NULL, {0})",
    "CASE WHEN {2} THEN {0} ELSE {1} END",
    "CASE WHEN {2} THEN {0} END",
)
ODD = (
    *(
        "(",
        ")",
        ",",
        "'",
        '"',
        ";",
        "--",
        "/*",
        "*/",
        "SELECT",
        "FROM",
        "NULL",
        "s",
        "'x'",
        "acepted",
        "inputs.",
        "inputs.plam",
    ),
    *(
        "wrong",
        "ring",
        "%",
        "||",
        "::int",
        "[",
        "{",
        "${x}",
        "\\",
        "@a",
        "?",
        "\0",
        "IN",
        "CASE",
        "END",
        "1e999",
        "0x1",
        "U&'\\0041'",
    ),
)


class Drawn:
    """What comes of one seed.

    Args:
        seed: the same one gives the same expressions and rows.
        transcendental: whether ln and exp are among them; engines' libraries differ in their last digit.
    """

    def __init__(self, seed: int, *, transcendental: bool = True) -> None:
        self.luck = Random(seed)
        self.shapes = SHAPES + (TRANSCENDENTAL if transcendental else ())

    def expression(self) -> str:
        """Of every five, one is spoilt, and then it is valid only by chance."""
        text = self.number(self.luck.randrange(7))
        if self.luck.random() < 0.8:
            return text
        words = text.split(" ")
        at = self.luck.randrange(len(words) + 1)
        return " ".join([*words[:at], self.luck.choice(ODD), *words[at + self.luck.randrange(2) :]])

    def number(self, depth: int) -> str:
        if depth == 0 or self.luck.random() < 0.1:
            return self.luck.choice(self.luck.choice((NUMERIC, NUMERIC, LITERALS, ("NULL",))))
        if self.luck.random() < 0.2:
            return self.luck.choice(OF_TEXTS).format(self.text(depth - 1), self.text(depth - 1))
        if self.luck.random() < 0.1:
            return self.luck.choice(OF_SIGNALS).format(self.luck.choice(TEXTUAL))
        return self.luck.choice(self.shapes).format(*(self.number(depth - 1) for _ in range(3)))

    def text(self, depth: int) -> str:
        if depth <= 0 or self.luck.random() < 0.6:
            return self.luck.choice(TEXTUAL) if self.luck.random() < 0.6 else self.literal()
        return self.luck.choice(TEXT_SHAPES).format(
            self.text(depth - 1), self.text(depth - 1), self.number(depth - 1)
        )

    def literal(self) -> str:
        return "'" + self.luck.choice(TEXTS).replace("'", "''") + "'"

    def row(self) -> dict[str, float | str | None]:
        return {name: self.value(type_) for name, type_ in COLUMNS.items()}

    def value(self, type_: ColumnType) -> float | str | None:
        if self.luck.random() < 0.15:
            return None
        if type_ == "boolean":
            return float(self.luck.randrange(2))
        if type_ == "text":
            return self.luck.choice(TEXTS)
        return self.luck.choice(NUMBERS) if self.luck.random() < 0.6 else self.luck.gauss(0.0, 10.0)
