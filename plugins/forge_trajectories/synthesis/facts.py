"""What the user of a blueprint knows: values for the parameters of a call, documented ones first, made ones else.

Values are short enough to be said in a sentence or two. Some 20 microseconds a parameter.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from forge_trajectories.api_view import as_list, as_mapping
from forge_trajectories.execution import replay
from forge_trajectories.execution.answers import answering
from forge_trajectories.execution.roles import role_of
from forge_trajectories.execution.schemas import fits
from forge_trajectories.execution.values import made_value
from forge_trajectories.picking import Picks
from forge_trajectories.placeholders import is_marked
from forge_trajectories.plain_text import compact_json, fit_for_arrow
from forge_trajectories.tools.operation import Operation
from forge_trajectories.tools.ports import effect_of, key_words

MAX_VALUE = 240
MAX_VALUES = 700
MAX_OPTIONAL = 2
# What tells most of a thing that is made or changed.
_TELLING = frozenset("name title description label subject message text content comment note".split())  # noqa: SIM905
# Pairs of values of which the first is not above the second.
_ORDERED = (("start", "end"), ("from", "to"), ("since", "until"), ("after", "before"), ("begin", "end"), ("min", "max"))
# What tells how a text is written.
_TELLING_FORM = frozenset({"pattern", "format", "enum", "example", "examples", "default"})
# Optional parameters that a person seldom speaks of.
_TECHNICAL = frozenset(
    [
        "token",
        "cursor",
        "filter",
        "select",
        "expand",
        "top",
        "skip",
        "search",
        "count",
        "orderby",
        "fields",
        "embed",
        "mask",
        "etag",
        "trace",
        "request",
        "correlation",
        "client",
        "dry",
        "pretty",
        "accept",
        "version",
        "callback",
        "page",
        "offset",
        "force",
    ]
)

_SECRET = frozenset(
    """
    secret password passwd passphrase passcode pwd token auth authorization authentication credential apikey authtoken
    jwt wskey
    """.split()  # noqa: SIM905
)
_SECRET_ENDS = frozenset(
    """
    apikey accesskey privatekey secretkey userkey applicationkey apiticket subscriptionkey sharedkey
    """.split()  # noqa: SIM905
)


def known_values(
    operation: Operation, picks: Picks, *, without: Collection[str] = (), optional: int = MAX_OPTIONAL
) -> dict[str, Any] | None:
    """Values that the user states for a call, by parameter; None if a required one cannot be said.

    Args:
        operation: what is called.
        picks: where choices are drawn from.
        without: parameters whose values come from elsewhere.
        optional: most optional parameters that are given.
    """
    properties = as_mapping(operation.parameters.get("properties"))
    required = [name for name in as_list(operation.parameters.get("required")) if name not in without]
    if any(is_credential(name, as_mapping(properties.get(name))) for name in required):
        return None
    if not without and optional and (recorded := _recorded(operation, picks)) is not None:
        return recorded
    documented = _documented(operation, picks)
    found = _needed(required, {**properties, **_id_as_answered(operation, required)}, documented, picks)
    if found is None:
        return None
    skip = {*required, *without}
    wanted = _optional(properties, documented, picks, skip=skip, most=optional)
    for name in wanted or _content(operation, found, picks, skip=skip):
        value = documented[name] if name in documented else _made(name, properties[name], picks)
        if value is not None and is_sayable(value):
            found[name] = value
    _put_in_order(found, properties)
    if len(compact_json(found)) > MAX_VALUES:
        found = {name: value for name, value in found.items() if name in required}
    return found if len(compact_json(found)) <= MAX_VALUES else None


def _id_as_answered(operation: Operation, required: Sequence[str]) -> dict[str, Any]:
    """For the id of what is asked for, of which its own schema says but that it is a text: the schema in the answer.

    A text of another kind could not be shown as the id of what comes back.
    """
    properties = as_mapping(operation.parameters.get("properties"))
    bare = [name for name in required if properties[name].get("type") == "string"]
    role = role_of(operation) if operation.returns and bare else None
    if role is None or role.key not in bare or not _TELLING_FORM.isdisjoint(schema := properties[role.key]):
        return {}
    shape = answering(operation, role).shape
    shown = as_mapping(as_mapping(shape.schema.get("properties")).get(shape.key)) if shape.key else {}
    if "integer" in (shown.get("type"), *as_list(shown.get("type"))):
        return {role.key: {**schema, "pattern": "^[1-9][0-9]{4,6}$"}}
    told = {word: shown[word] for word in ("pattern", "format", "minLength", "maxLength") if word in shown}
    return {role.key: {**told, **schema}} if told else {}


def _needed(
    required: Sequence[str], properties: Mapping[str, Any], documented: Mapping[str, Any], picks: Picks
) -> dict[str, Any] | None:
    """Values for what is required, but for some of what has a default; None if one cannot be said."""
    found: dict[str, Any] = {}
    for name in required:
        by_default = default_of(properties[name]) is not None and name not in documented
        if by_default and (_is_fixed(properties[name]) or picks.below(2)):
            continue
        value = documented.get(name)
        if value is None or not is_sayable(value):
            value = _made(name, properties[name], picks)
        if value is None:
            return None
        found[name] = value
    return found


def default_of(schema: Mapping[str, Any]) -> Any:
    """The value that a parameter has where nobody says one: its default, or the only one allowed; None if none."""
    if "default" in schema:
        return schema["default"]
    allowed = as_list(schema.get("enum"))
    return allowed[0] if len(allowed) == 1 else None


def _is_fixed(schema: Mapping[str, Any]) -> bool:
    """Whether there is but one value, which nobody has to say."""
    return len(as_list(schema.get("enum"))) == 1


def other_value(name: str, schema: Mapping[str, Any], picks: Picks, *, than: Sequence[Any]) -> Any:
    """A value that is none of ``than``; None if none turns up."""
    for _ in range(4):
        value = _made(name, schema, picks)
        if value is not None and value not in than:
            return value
    return None


def is_sayable(value: Any) -> bool:
    """Whether a person could say the value: not empty, on one line, of some length at most."""
    if isinstance(value, str):
        plain = value == " ".join(value.split()) == fit_for_arrow(value) and '"' not in value
        return 0 < len(value) <= MAX_VALUE and plain and not is_marked(value)
    if isinstance(value, (Mapping, list, tuple)):
        inside = value.values() if isinstance(value, Mapping) else value
        return bool(value) and len(compact_json(value)) <= MAX_VALUE and all(is_sayable(item) for item in inside)
    return value is not None


@lru_cache(maxsize=65_536)
def is_secret(name: str) -> bool:
    """Whether a parameter is a credential, which nobody is to say in a conversation."""
    parts = key_words(name)
    return (parts[-1:] != () and parts[-1] in _SECRET) or "".join(parts[-2:]) in _SECRET_ENDS


def is_credential(name: str, schema: Mapping[str, Any]) -> bool:
    """Whether a parameter is a credential by its name, by the name it travels under, or as its schema says."""
    wire = schema.get("x-name")
    return is_secret(name) or (isinstance(wire, str) and is_secret(wire)) or schema.get("format") == "password"


def holds_secret(value: Any) -> bool:
    """Whether a credential is somewhere in a value, by the name that it has there."""
    if isinstance(value, Mapping):
        return any(is_secret(str(name)) or holds_secret(item) for name, item in value.items())
    return isinstance(value, (list, tuple)) and any(map(holds_secret, value))


def _put_in_order(values: dict[str, Any], properties: Mapping[str, Any]) -> None:
    """A start before its end: two values that were made apart are exchanged where they are the wrong way round."""
    for one, other in _pairs(values):
        first, last = values[one], values[other]
        both = type(first) is type(last) and isinstance(first, (str, int, float)) and not isinstance(first, bool)
        dated = not isinstance(first, str) or (first[:4].isdigit() and last[:4].isdigit())
        if both and dated and first > last and fits(last, properties[one]) and fits(first, properties[other]):
            values[one], values[other] = last, first


def _pairs(names: Collection[str]) -> Iterator[tuple[str, str]]:
    by_words = {key_words(name): name for name in names}
    for words, name in by_words.items():
        for low, high in _ORDERED:
            if low in words:
                partner = by_words.get(tuple(high if word == low else word for word in words))
                if partner is not None:
                    yield name, partner


def _made(name: str, schema: Mapping[str, Any], picks: Picks) -> Any:
    value = made_value(name, schema, picks)
    return value if is_sayable(value) and not holds_secret(value) else None


def _recorded(operation: Operation, picks: Picks) -> dict[str, Any] | None:
    """All arguments of a call whose answer was recorded; None if there is none that could be said."""
    if operation.simulator != replay.NAME:
        return None
    calls = [call for call in replay.recorded_calls(operation) if not holds_secret(call)]
    given = dict(picks.one(calls)) if calls else {}
    sayable = all(is_sayable(value) for value in given.values()) and len(compact_json(given)) <= MAX_VALUES
    required = as_list(operation.parameters.get("required"))
    return given if calls and sayable and all(name in given for name in required) else None


def _documented(operation: Operation, picks: Picks) -> Mapping[str, Any]:
    """The arguments of one documented call."""
    calls = [example["arguments"] for example in operation.examples if example.get("arguments")]
    if not calls:
        return {}
    properties = as_mapping(operation.parameters.get("properties"))
    given = picks.one(calls).items()
    parts = {name: as_mapping(properties.get(name)) for name, _ in given}
    return {
        name: value
        for name, value in given
        if not is_credential(name, parts[name])
        and fits(value, parts[name])
        and not _is_fixed(parts[name])
        and not holds_secret(value)
    }


def _optional(
    properties: Mapping[str, Any], documented: Mapping[str, Any], picks: Picks, *, skip: Collection[str], most: int
) -> list[str]:
    shown = [name for name in documented if name not in skip]
    if shown:
        return shown[: max(most, 3) if most else 0]
    plain = [
        name
        for name, part in properties.items()
        if name not in skip and part.get("type") in ("string", "integer", "number", "boolean") and _is_usual(name, part)
    ]
    count = picks.below(most + 1) if plain else 0
    return [plain.pop(picks.below(len(plain))) for _ in range(min(count, len(plain)))]


def _content(operation: Operation, given: Collection[str], picks: Picks, *, skip: Collection[str]) -> list[str]:
    """What is to be written, for a call that writes something and has been given no more than where to."""
    if effect_of(operation) not in ("create", "update"):
        return []
    properties = as_mapping(operation.parameters.get("properties"))
    if any(_is_written(operation, name, properties[name]) for name in {*given, *skip}):
        return []
    open_ = [name for name in properties if name not in skip and _is_written(operation, name, properties[name])]
    told = [name for name in open_ if key_words(name)[-1:] and key_words(name)[-1] in _TELLING]
    plain = [name for name in open_ if properties[name].get("type") in ("string", "integer", "number", "boolean")]
    chosen = told or plain or open_
    return [picks.one(chosen)] if chosen else []


def _is_written(operation: Operation, name: str, part: Mapping[str, Any]) -> bool:
    place = part.get("x-in", "body")
    in_body = f"{{{name}}}" not in operation.path and (place in ("body", "formData") or operation.method == "")
    return in_body and not is_credential(name, part) and _TECHNICAL.isdisjoint(key_words(name))


def _is_usual(name: str, part: Mapping[str, Any]) -> bool:
    """Whether a person would give it: described, and no header or technicality."""
    described = bool(part.get("description")) or "enum" in part
    plain = _TECHNICAL.isdisjoint(key_words(name)) and not is_credential(name, part)
    return described and part.get("x-in") != "header" and plain
