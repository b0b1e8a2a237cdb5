"""How near two texts are in what they say: by the words in them that mean something, whatever their form."""

import re
import unicodedata
from functools import lru_cache

from rapidfuzz.distance import JaroWinkler

ALIKE = 0.9
"""From here on two words are one that is spelled or bent otherwise (Jaro and Winkler 1990)."""

WORDS = 60
"""Words of a text that are compared."""

_WORD = re.compile(r"[^\W_]+")
_EMPTY_WORDS = """
a about again all am an and any are as at be been but by can could did do does for from get give has
have hello help hey hi how i if in into is it its just know ll let like may me mean meant might my
need no not now of ok on or our please re s should show so some sorry t take tell thank thanks that
the them there these they this to together too use ve want was way we were what when where which who
why will with would yes you your morning good
aber als am auch auf aus bei bin bitte da danke dann das dass dem den der die dies ein eine einen er
es fur geht haben hallo hat ich ihr im in ist ja kann kannst mein meine meinen mich mir mit mochte
nein nicht noch oder sie sind so und uns von was wenn wer wie wird wo wohin zu zum zur
au aux avec bonjour ce ces cette comment dans de des du elle en est et faire il je l la le les ma
mais merci mes moi mon ne nous ou par pas peux plait pour pouvez puis qu que quel quelle qui sa se
si son sur te tu un une vous voudrais y
al como con cual cuando cuanto cuanta del donde el esta este esto favor gracias ha hay hola lo los
las mas mi muy o para pero por porque puede puedo quiero sin su sus una y ciao che chi come di dove
e grazie gli ho il io mio non per piu posso quando sono un voglio ao com do em eu meu minha nao
obrigado os ou quero sao um uma voce aan dat de een en hallo het hoe ik is kan mij mijn naar niet of
om op te van voor wat wie zijn
"""
_EMPTY = frozenset(_EMPTY_WORDS.split())
"""Words that say nothing by themselves, without accents: of English, German, French, Spanish, Italian,
Portuguese and Dutch."""


def sense(text: str) -> tuple[str, ...]:
    """The words of a text that mean something: in small letters, without accents, each once.

    >>> sense("How can I reset my password?")
    ('reset', 'password')
    """
    words = _WORD.findall(plain(text))
    return tuple(dict.fromkeys(word for word in words if word not in _EMPTY))[:WORDS]


def plain(text: str) -> str:
    """In small letters and without accents."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in apart if not unicodedata.combining(char))


def in_common(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    """How many words of one stand in the other, too, each used once.

    >>> in_common(("reset", "pasword"), ("passwords", "resetting", "again"))
    2
    """
    left, found = list(other), 0
    for word in one:
        mine = next((place for place, its in enumerate(left) if _alike(word, its)), None)
        if mine is not None:
            del left[mine]
            found += 1
    return found


@lru_cache(4096)
def _alike(one: str, other: str) -> bool:
    if one == other:
        return True
    short, long = sorted((one, other), key=len)
    if len(short) < 4 or any(char.isdigit() for char in one + other):
        return False
    return long.startswith(short) or JaroWinkler.similarity(one, other) >= ALIKE
