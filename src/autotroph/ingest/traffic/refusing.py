"""An answer that is none: refused by the model or by its upstream, or cut off.

The words of a refusal are looked for only where an answer begins, so that a story in which somebody refuses
is none, and only with a verb of helping, so that who is sorry or cannot find something does not refuse.
"""

# ruff: noqa: E501 - a pattern reads better in one line than in three

import re
from collections.abc import Iterable, Iterator

from autotroph.ingest.traffic.turns import Noted, Turn
from autotroph.ingest.traffic.wording import plain

BEGINNING = 240
"""Characters of an answer in which a refusal begins."""

_EXCUSE = (
    r"(?:(?:i'?m|i am|we'?re|we are)?(?: so| very| really| truly)? ?sorry|(?:my )?apologies|i apologi[sz]e|"
    r"unfortunately|no|thank(?:s| you)[^.,!]{0,40}|i (?:understand|appreciate)[^.!]{0,90}|as an? [^.,]{0,50})"
    r"[,.!:;]?(?: ?(?:-|–|—))? ?(?:but |however,? )?"
)
_HELPING = (
    r"(?:to )?(?:help|assist|aid|support|comply|compl(?:ete|y with)|provid(?:e|ing)|answer(?:ing)?|discuss(?:ing)?|"
    r"writ(?:e|ing)|creat(?:e|ing)|generat(?:e|ing)|produc(?:e|ing)|continu(?:e|ing)|fulfil+|do (?:that|this)|"
    r"giv(?:e|ing)|offer|shar(?:e|ing)|engag(?:e|ing)|participat(?:e|ing)|respond|role-?play)"
)
_ENGLISH = (
    rf"(?:{_EXCUSE})?(?:that(?:'s| is) (?:something|not something) )?(?:i|we)(?: am|'m|'re| are)? "
    r"(?:(?:really |just |simply |also )?(?:can'?t|cannot|can not|could ?n'?t|won'?t(?: be able to)?|will not(?: be able to)?|"
    r"(?:not|un) ?able to|do(?:n'?t| not) feel comfortable|(?:not|un)comfortable|decline|refuse)) "
    rf"(?!{_HELPING} (?:but|enough)\b){_HELPING}\b(?! (?:enough|but)\b)"
)
_DECLINING = rf"(?:{_EXCUSE})?(?:i|we) (?:must|have to|need to|will have to) (?:respectfully |politely )?(?:decline|refuse)\b"
_GERMAN = (
    r"(?:(?:es )?tut mir (?:sehr )?leid|leider|entschuldigung|sorry)?[,.:! ]*(?:aber )?"
    r"(?:(?:dabei|damit|das|hierbei|dazu|bei [^.,]{3,40}) )?(?:(?:kann|darf|mochte) ich|ich (?:kann|darf|mochte))\b[^.!?]{0,60}?"
    r"\bnicht (?:weiter ?)?(?:helfen|weiterhelfen|beantworten|behilflich|unterstutzen|erstellen|schreiben|geben|erfullen|machen)\b"
)
_FRENCH = (
    r"(?:(?:je suis )?(?:vraiment )?desolee?|malheureusement|je regrette)?[,.:! ]*(?:mais )?"
    r"je (?:ne (?:peux|puis) (?:malheureusement )?pas|ne suis pas en mesure (?:de |d'))[^.!?]{0,20}?"
    r"\b(?:aider|repondre|fournir|ecrire|creer|donner|accomplir|faire cela|satisfaire|assister)\b"
)
_SPANISH = (
    r"(?:lo siento(?: mucho)?|lamentablemente|desafortunadamente|perdon|desculpe|sinto muito|infelizmente)?[,.:! ]*(?:pero |mas )?"
    r"(?:no (?:puedo|podemos|me es posible)|nao (?:posso|consigo))[^.!?]{0,20}?"
    r"\b(?:ayudar\w*|responder|proporcionar|cumplir|escribir|crear|dar(?:te|le)?|ajudar|fornecer|escrever)\b"
)
_ITALIAN = (
    r"(?:mi dispiace|purtroppo|spiacente)?[,.:! ]*(?:ma )?non (?:posso|sono in grado di)[^.!?]{0,15}?"
    r"\b(?:aiutar\w*|rispondere|fornir\w*|scrivere|creare|dar\w*|soddisfare)\b"
)
_DUTCH = (
    r"(?:het spijt me|sorry|helaas)?[,.:! ]*(?:maar )?(?:ik kan|(?:daar|hier|dat)\w* kan ik)[^.!?]{0,30}?"
    r"\bniet (?:mee |bij )?(?:helpen|beantwoorden|schrijven|geven|maken)\b"
)
_REFUSED = re.compile(
    "|".join(f"(?:{one})" for one in (_ENGLISH, _DECLINING, _GERMAN, _FRENCH, _SPANISH, _ITALIAN, _DUTCH))
)


def refused(turns: Iterable[Turn], wait: float) -> Iterator[Noted]:  # noqa: ARG001 - as the others
    """Its upstream says that the answer is a refusal or was filtered, or it begins like one."""
    for turn in turns:
        filtered = turn.finish in ("refusal", "content_filter")
        if filtered or (not turn.error and refuses(turn.output)):
            yield Noted(turn.decision, turn.answered)


def truncated(turns: Iterable[Turn], wait: float) -> Iterator[Noted]:  # noqa: ARG001 - as the others
    """The answer ended because it was as long as it may be."""
    return (Noted(turn.decision, turn.answered) for turn in turns if turn.finish == "length")


def refuses(answer: str) -> bool:
    """Whether an answer begins like a refusal.

    >>> refuses("I'm sorry, but I can't help with that."), refuses("I'm sorry to hear that.")
    (True, False)
    """
    return _REFUSED.match(_beginning(answer)) is not None


def _beginning(answer: str) -> str:
    return " ".join(plain(answer[:BEGINNING]).replace("’", "'").split()).lstrip("*_# ")
