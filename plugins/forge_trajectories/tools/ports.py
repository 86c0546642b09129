"""What an operation takes in and gives out, by names that can be compared: the ``id`` that POST /pets answers and the
``petId`` that GET /pets/{petId} asks for are both ``pet id``.

The names are worked out from paths, property names and the operation's own name, as a reader would. Some 30
microseconds an operation.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from forge_trajectories.api_view import as_list, as_mapping
from forge_trajectories.plain_text import as_text, words
from forge_trajectories.tools.operation import Operation

Effect = Literal["list", "read", "create", "update", "delete", "act"]

READING: tuple[Effect, ...] = ("list", "read")
MAX_OUTPUTS = 40
WRAPPERS = frozenset(
    [
        "data",
        "result",
        "results",
        "items",
        "item",
        "value",
        "values",
        "records",
        "record",
        "objects",
        "object",
        "entries",
        "content",
        "response",
        "list",
        "payload",
        "resources",
        "body",
        "attributes",
        "output",
        "rows",
        "page",
        "response",
        "embedded",
    ]
)
_GENERIC = frozenset("id name key number code slug arn href uri url token hash sha".split())  # noqa: SIM905
_NAMING = _GENERIC | {"guid", "uuid", "sid"}
_ALIASES = {"identifier": "id", "uuid": "id", "guid": "id", "sid": "id", "ids": "id", "names": "name", "txs": "tx"}
# Words around the thing's name in names of objects that hold it.
_AROUND = frozenset("detail summary info information metadata dto view model spec property".split())  # noqa: SIM905
# Words that say nothing of which thing is meant.
_UNTELLING = frozenset("status state type message description count total created updated date time".split())  # noqa: SIM905
_EFFECTS: tuple[tuple[Effect, frozenset[str]], ...] = (
    ("list", frozenset("list search query find all index browse".split())),  # noqa: SIM905
    ("read", frozenset("get describe read show retrieve fetch lookup view check count download export".split())),  # noqa: SIM905
    ("create", frozenset("create add insert register new upload import post generate start".split())),  # noqa: SIM905
    ("update", frozenset("update set modify put patch edit change replace rename upsert".split())),  # noqa: SIM905
    ("delete", frozenset("delete remove deregister destroy purge".split())),  # noqa: SIM905
)
_BY_METHOD: Mapping[str, Effect] = {
    "GET": "read",
    "HEAD": "read",
    "POST": "create",
    "PUT": "update",
    "PATCH": "update",
    "DELETE": "delete",
}
_PLAIN = ("string", "integer", "number")
_VERSION = re.compile(r"v?\d+([._]\d+)*(alpha|beta)?\d*|api|rest|latest", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """A value that goes in or comes out.

    Attributes:
        name: of the parameter; empty for an output. pointer: JSON Pointer to an output; empty for a parameter.
        type: string, integer, number. keys: names it can be known by, the fullest first.
        about: words of its description.
    """

    name: str = ""
    pointer: str = ""
    type: str
    keys: tuple[str, ...]
    about: frozenset[str] = frozenset()


def effect_of(operation: Operation) -> Effect:
    """What a call does, by the operation's verb and name; a POST that is named after reading reads."""
    method = operation.method.upper()
    named = next((effect for word in _name_words(operation.tool)[:3] for effect in _named(word)), None)
    by_method = _BY_METHOD.get(method)
    if by_method == "read" and not ("#" in operation.path and named in ("create", "update", "delete")):
        return "list" if named == "list" or _answers_list(operation) else "read"
    if by_method == "create" and named not in ("list", "read", "update", "delete"):
        return "create" if named or not _acts(operation) else "act"
    return named if by_method in ("create", "read") and named else by_method or named or "act"


def changes_data(operation: Operation) -> bool:
    """Whether a call leaves something changed."""
    return effect_of(operation) not in READING


def nouns_of(operation: Operation) -> tuple[str, ...]:
    """The things that an operation is about, in the singular, the nearest first: ``photo``, ``pet``."""
    found = list(_things_in_path(operation.path)[:2])
    if not found:
        named = [part for part in _name_words(operation.tool) if not _named(part)]
        found = ["".join(named)] if named else []
        found += named[-1:]
    return tuple(dict.fromkeys(noun for noun in found if noun))


def things_of(operation: Operation) -> frozenset[str]:
    """All the things that an operation's path speaks of, in the singular; its nouns where it has no such path."""
    return frozenset(_things_in_path(operation.path)) or frozenset(nouns_of(operation))


@lru_cache(maxsize=4096)
def _things_in_path(path: str) -> tuple[str, ...]:
    """The things in a path, the last first: of /fonts/list and /search/fonts alike the font.

    A verb counts as one where a fixed part stands beside it: /list/{id} and /folders/{id}/list are about a list.
    """
    parts = [part for part in path.partition("#")[0].split("?")[0].split("/") if part]
    parts = [part for part in parts if not _VERSION.fullmatch(part)]
    told = [
        part for place, part in enumerate(parts) if "{" not in part and not (is_verb(part) and _stands_by(parts, place))
    ]
    return tuple(_noun(part) for part in reversed(told or static_parts(path)))


def _stands_by(parts: list[str], place: int) -> bool:
    """Whether a part of a path follows a fixed one, or is the first and followed by one."""
    beside = parts[place - 1] if place else parts[1] if len(parts) > 1 else "{"
    return "{" not in beside


def is_verb(part: str) -> bool:
    """Whether a part of a path says what is done, and not to what: ``list``, ``search``; ``lists`` is a thing."""
    return bool(_named(part.lower()))


def resource_of(operation: Operation) -> str:
    """The path of the thing, parameters left out: ``pets/photos``; the noun where there is no such path."""
    static = static_parts(operation.path)
    return "/".join(static[:3]).lower() if static else next(iter(nouns_of(operation)), "")


def static_parts(path: str) -> list[str]:
    """A path's fixed parts, without versions and without what follows a fragment."""
    parts = [part for part in path.partition("#")[0].split("?")[0].split("/") if part and "{" not in part]
    return [part for part in parts if not _VERSION.fullmatch(part)]


def inputs_of(operation: Operation) -> list[Port]:
    """Required parameters, and optional ones that name a thing, that an earlier answer could give."""
    required = set(as_list(operation.parameters.get("required")))
    found = []
    for name, schema in as_mapping(operation.parameters.get("properties")).items():
        kind = schema.get("type")
        if kind not in _PLAIN or "enum" in schema or "default" in schema:
            continue
        parts = key_words(name)
        in_path = f"{{{name}}}" in operation.path or schema.get("x-in") == "path"
        if not parts or (name not in required and parts[-1] != "id") or not (in_path or parts[-1] in _NAMING):
            continue
        keys = _owned(parts, _owner_in_path(operation, name)) if len(parts) == 1 else ["".join(parts)]
        found.append(Port(name=name, type=kind, keys=tuple(keys), about=about_words(schema.get("description"))))
    return found


def outputs_of(operation: Operation) -> list[Port]:
    """Values in the documented answer that name a thing."""
    nouns = nouns_of(operation)
    # Of a path, the nearest alone: what /employers/holidays lists has an id of a holiday, not of an employer.
    nearest = nouns[:1] if static_parts(operation.path) else nouns
    return list(_outputs(operation.returns or {}, "", nearest, 0))[:MAX_OUTPUTS]


@lru_cache(maxsize=65536)
def key_words(name: str) -> tuple[str, ...]:
    """The words of a name, small, in the singular, with one word for what is the same: ``petIDs`` gives pet, id."""
    found = [word.lower() for word in words(name.replace("IDs", "Ids"))]
    while len(found) > 1 and found[-1].isdigit():
        found.pop()
    return tuple(_ALIASES.get(word, singular(word)) for word in found)


def singular(word: str) -> str:
    """``categories`` as ``category``, ``pets`` as ``pet``; what does not look like a plural stays."""
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    if word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3 else word


def about_words(text: object) -> frozenset[str]:
    """The long words of a description."""
    return frozenset(singular(word) for word in re.findall(r"[a-z]{4,}", as_text(text).lower()))


def owners_of(parts: tuple[str, ...]) -> tuple[str, ...]:
    """Whose values are held under a name of these words: ``createCollectionDetail`` holds a collection's."""
    told = [part for part in parts if part not in WRAPPERS and part not in _AROUND and not _named(part)]
    return tuple(dict.fromkeys(("".join(told[-3:]), told[-1]))) if told else ()


def _outputs(schema: Mapping[str, Any], pointer: str, owners: tuple[str, ...], depth: int) -> Iterator[Port]:
    if depth > 4:
        return
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "array":
        yield from _outputs(as_mapping(schema.get("items")), f"{pointer}/0", owners, depth + 1)
        return
    if "title" in schema and isinstance(schema["title"], str):
        owners = (_noun(schema["title"].rpartition(".")[2]), *owners)
    for name, part in as_mapping(schema.get("properties")).items():
        inside = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
        inner = part.get("type")
        inner = inner[0] if isinstance(inner, list) else inner
        parts = key_words(name)
        if inner in ("object", "array"):
            own = owners_of(parts) or owners
            yield from _outputs(part, inside, own, depth + 1)
        elif inner in _PLAIN and parts and "enum" not in part and parts[-1] not in _UNTELLING:
            about = about_words(part.get("description"))
            yield Port(pointer=inside, type=inner, keys=_keys(parts, owners), about=about)


def _keys(parts: tuple[str, ...], owners: tuple[str, ...]) -> tuple[str, ...]:
    if len(parts) > 1:
        return ("".join(parts),)
    return tuple(dict.fromkeys(key for owner in owners for key in _owned(parts, owner)))


def _owned(parts: tuple[str, ...], owner: str) -> list[str]:
    """Names for a value that its own name tells too little of: ``id`` of a pet as ``petid``."""
    if parts[0] in _GENERIC:
        return [f"{owner}{parts[0]}"] if owner else []
    return [parts[0]] if parts[0] not in WRAPPERS else []


def _owner_in_path(operation: Operation, name: str) -> str:
    """The noun before ``{name}`` in the path; the operation's own where the path does not say."""
    before = operation.path.partition(f"{{{name}}}")[0]
    static = static_parts(before) if before != operation.path else []
    if static:
        return _things_in_path(before)[0]
    dotted = [part for part in re.split(r"[._]", operation.tool) if part]
    if len(dotted) > 1 and not static_parts(operation.path):
        return _noun(dotted[-2])
    return next(iter(nouns_of(operation)), "")


def _noun(part: str) -> str:
    return "".join(key_words(part)[-3:])


def _name_words(tool: str) -> list[str]:
    found = key_words(tool)
    return [word for word in found if not word.isdigit()]


def _named(word: str) -> list[Effect]:
    return [effect for effect, verbs in _EFFECTS if word in verbs]


def _answers_list(operation: Operation) -> bool:
    returns = as_mapping(operation.returns)
    if returns.get("type") == "array":
        return True
    parts = as_mapping(returns.get("properties")).values()
    ends_open = not operation.path.endswith("}")
    return ends_open and any(as_mapping(part).get("type") == "array" for part in parts)


def _acts(operation: Operation) -> bool:
    """Whether a POST goes to something that is already there: /pets/{petId}/publish."""
    return "}/" in operation.path or ":" in operation.path.rpartition("/")[2]
