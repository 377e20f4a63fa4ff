"""Classifiers that look words up: greetings, farewells, insults and swearing, in Russian and English.

The lists are the local server's own, and short. As at the service, a classifier sends a message only if it
has found something. It sends the phrases without labels, since a list has no probabilities.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from ...wire import v3
from ..engines.base import Word
from ..status import Code, StatusError, invalid_argument

MOST_CLASSIFIERS = 100
SWEAR_WORDS = (
    r"(mother)?fuck\w*", r"(bull|horse)?shit(s|ty|ted|ting|head\w*|hole\w*)?", r"bitch\w*", r"cunts?",
    r"(ass|arse)holes?", r"bastards?", r"(dick|cock)(head|suck)\w*", r"twats?", r"wank(er|ers|ing)?",
    r"whores?", r"sluts?",
    r"(на|по|ни|о|до|от|а)?ху[йеёияю]\w*", r"\w*пизд\w*",
    r"(вы|за|на|по|до|о|об|отъ|объ|разъ|у|съ|въ|долбо)?[её]б[аеёиылнуо]\w*",
    r"бля|бля[дт]\w*", r"сук[аиуе]|сукой|суч(ка|ки|ара)", r"муда[кч]\w*", r"мудил\w*", r"г[ао]ндон\w*",
    r"говн\w*", r"пид[оа]р\w*", r"залуп\w*",
)  # fmt: skip
"""The service does not publish its list. This one is short, for English and Russian."""
SWEARING = re.compile("|".join(f"(?:{word})" for word in SWEAR_WORDS), re.IGNORECASE)
_PHRASES = {
    "formal_greeting": (
        r"доброе утро", r"добрый (день|вечер)", r"здравствуйте", r"приветствую вас",
        r"good (morning|afternoon|evening)",
    ),
    "informal_greeting": (
        r"привет(ик)?", r"здарова", r"хай", r"салют", r"hello", r"hi( there)?", r"hey there",
    ),
    "formal_farewell": (
        r"до свидания", r"всего (доброго|хорошего)", r"хорошего (дня|вечера)", r"good ?bye",
        r"have a (nice|good|great) (day|evening|weekend)",
    ),
    "informal_farewell": (
        r"пока( пока)?$", r"пока пока", r"чао", r"бывай", r"увидимся",
        r"bye( bye)?", r"see (you|ya)( later| soon)?", r"adios", r"ciao",
    ),
    "insult": (
        r"идиот(к?[аиуые]|ок|кой|о[вм]|ами?|ах)?", r"дурак(а|и|у|ом|е|ов|ами?|ах)?", r"дур[аыуе]",
        r"придур\w+", r"дебил\w*", r"кретин\w*", r"болван\w*", r"тупиц\w+", r"мерзав\w+", r"сволоч\w*",
        r"ублюд\w+",
        r"idiots?", r"morons?", r"imbeciles?", r"jerks?", r"scumbags?", r"dumbass(es)?",
    ),
}  # fmt: skip
CLASSIFIERS = {
    **{name: re.compile(rf"(?<!\S)(?:{'|'.join(known)})(?!\S)") for name, known in _PHRASES.items()},
    "profanity": re.compile(rf"(?<!\S)(?:{SWEARING.pattern})(?!\S)"),
}
IN_THE_CLOUD = ("gender", "negative", "answerphone")
"""Classifiers of the service that need a trained model; the pitch of a voice does not tell a gender."""
_Trigger = v3.RecognitionClassifier
WINDOWS = {
    _Trigger.ON_PARTIAL: v3.RecognitionClassifierUpdate.LAST_PARTIAL,
    _Trigger.ON_FINAL: v3.RecognitionClassifierUpdate.LAST_FINAL,
    _Trigger.ON_UTTERANCE: v3.RecognitionClassifierUpdate.LAST_UTTERANCE,
}
"""What is classified after which event."""


def check_classifiers(classifiers: Sequence[Any]) -> None:
    """
    Raises:
        StatusError: UNIMPLEMENTED for a classifier that only the cloud has, INVALID_ARGUMENT for one that
            nobody has, or without a trigger.
    """
    known = ", ".join(CLASSIFIERS)
    if len(classifiers) > MOST_CLASSIFIERS:
        raise invalid_argument(
            f"there are {len(classifiers)} classifiers; at most {MOST_CLASSIFIERS} are taken"
        )
    for each in classifiers:
        if each.classifier in IN_THE_CLOUD:
            raise StatusError(
                Code.UNIMPLEMENTED,
                f"the local server has no classifier {each.classifier!r}, which needs a trained model; it "
                f"has {known}; leave it out, or use the cloud",
            )
        if each.classifier not in CLASSIFIERS:
            raise invalid_argument(f"no classifier {each.classifier!r}; there are {known}")
        if not each.triggers or not set(each.triggers) <= WINDOWS.keys():
            raise invalid_argument(
                f"the classifier {each.classifier!r} needs triggers: ON_UTTERANCE, ON_FINAL or ON_PARTIAL"
            )


def classify(
    classifiers: Sequence[Any], trigger: int, words: Sequence[Word], start_ms: int, end_ms: int
) -> Iterator[Any]:
    """The `RecognitionClassifierUpdate`s that follow an event.

    Args:
        classifiers: those of the request.
        trigger: the kind of the event.
        words: what was said.
        start_ms, end_ms: the stretch of sound that the event is about.
    """
    for name in dict.fromkeys(each.classifier for each in classifiers if trigger in each.triggers):
        if phrases := find_phrases(name, words):
            yield v3.RecognitionClassifierUpdate(
                window_type=WINDOWS[trigger],
                start_time_ms=start_ms,
                end_time_ms=end_ms,
                classifier_result=v3.RecognitionClassifierResult(
                    classifier=name,
                    highlights=[
                        v3.PhraseHighlight(text=text, start_time_ms=start, end_time_ms=end)
                        for text, start, end in phrases
                    ],
                ),
            )


def find_phrases(name: str, words: Sequence[Word]) -> list[tuple[str, int, int]]:
    """Text, start and end of each phrase of a classifier.

    >>> find_phrases("formal_greeting", [Word("Good", 0, 90), Word("morning,", 90, 300)])
    [('Good morning,', 0, 300)]
    """
    plain = [word.text.lower().replace("ё", "е").strip(".,!?…") for word in words]
    text = " ".join(plain)
    found = []
    for match in CLASSIFIERS[name].finditer(text):
        first = text.count(" ", 0, match.start())
        run = words[first : first + match[0].count(" ") + 1]
        found.append((" ".join(word.text for word in run), run[0].start_ms, run[-1].end_ms))
    return found
