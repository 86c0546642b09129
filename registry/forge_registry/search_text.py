"""How text becomes search terms: words, their parts, without the commonest, on their stems.

DuckDB cuts the words of what is indexed (`WORDS`), Python those of what is asked (`words_of`, the same words) and finds
the stem of each distinct word. ``listAll_S3Buckets`` gives list, all, s3, buckets, and s3buckets: whoever types
``dynamodb`` finds ``DynamoDB``, and whoever types ``dynamo`` too.

The stemmer takes off plurals, ``-ing``, ``-ed`` and a last ``e``, after Harman, "How effective is suffixing?", JASIS
42(1), 1991, which found that more than this helps no retrieval. About a microsecond a word.
"""

import itertools
import re
import unicodedata

LONGEST_WORD = 64
"""Characters after which a word is cut: keys and hashes are no words."""

_PART = r"[\p{Ll}\p{N}]\p{Lu}|\p{Lu}\p{Lu}\p{Ll}"

WORDS = rf"""
CREATE OR REPLACE TEMP MACRO forge_words(given) AS list_transform(list_concat(
    regexp_extract_all(lower(strip_accents(regexp_replace(
        regexp_replace(given, '([\p{{Ll}}\p{{N}}])(\p{{Lu}})', '\1 \2', 'g'),
        '(\p{{Lu}})(\p{{Lu}}\p{{Ll}})', '\1 \2', 'g'
    ))), '[\p{{L}}\p{{N}}]+'),
    regexp_extract_all(lower(strip_accents(array_to_string(
        regexp_extract_all(given, '[\p{{L}}\p{{N}}]*(?:{_PART})[\p{{L}}\p{{N}}]*'), ' '
    ))), '[\p{{L}}\p{{N}}]+')
), lambda word: left(word, {LONGEST_WORD}))
"""
"""A macro of a connection's own: the words of a text, then those words whole that were cut at a change of case."""

# Over a text in which A stands for an upper-case letter, a for a lower-case one, n for a digit, o for other letters.
_CHANGE = re.compile("(?<=[an])(?=A)|(?<=A)(?=Aa)")
_RUN = re.compile("[Aano]+")

STOP_WORDS = frozenset(
    """
    a an and are as at be been but by can for from has have if in into is it its of on or so such than that the their
    them then there these this those to was were what when where which while who will with would you your
    """.split()  # noqa: SIM905 - fifty words read better than fifty strings
)

_VOWEL = re.compile(r"[aeiouy]")
_PLAIN = re.compile(r"[a-z]+")


def stem(word: str) -> str:
    """The stem of a lower-case word; what is short, or not written in the letters a to z, is its own."""
    if len(word) < 4 or not _PLAIN.fullmatch(word):
        return word
    return _without_e(_without_ending(_singular(word)))


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "zes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _without_ending(word: str) -> str:
    for ending in ("ing", "ed"):
        rest = word[: -len(ending)]
        if word.endswith(ending) and len(rest) > 2 and _VOWEL.search(rest) and not word.endswith("eed"):
            doubled = rest[-1] == rest[-2] and rest[-1] not in "lsz"
            return rest[:-1] if doubled else rest
    return word


def _without_e(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("e") and word[-2] != "e" else word


def words_of(text: str) -> list[str]:
    """What the macro of `WORDS` gives for a text, without DuckDB, which takes 20 ms to compile its patterns."""
    classes = "".join(map(_letter_class, text))
    cuts = [0, *(found.start() for found in _CHANGE.finditer(classes)), len(text)]
    parts = " ".join(text[start:end] for start, end in itertools.pairwise(cuts))
    whole = " ".join(text[run.start() : run.end()] for run in _RUN.finditer(classes) if _CHANGE.search(run[0]))
    return [word[:LONGEST_WORD] for given in (parts, whole) for word in _plain_words(given)]


def _plain_words(text: str) -> list[str]:
    bare = "".join(sign for sign in unicodedata.normalize("NFD", text) if unicodedata.category(sign) != "Mn")
    plain = unicodedata.normalize("NFC", bare).lower()
    return [plain[run.start() : run.end()] for run in _RUN.finditer("".join(map(_letter_class, plain)))]


def _letter_class(sign: str) -> str:
    category = unicodedata.category(sign)
    if category[0] == "N":
        return "n"
    if category[0] == "L":
        return {"Lu": "A", "Ll": "a"}.get(category, "o")
    return " "
