"""What an operation does to which resource, told from its method and path, or from the verb in its name.

``POST /users`` creates, ``GET /users/{id}`` reads one, ``users.delete`` and ``Action=DeleteUser`` delete: that is
what makes a mock server agree with itself. Some 10 microseconds an operation.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from forge_trajectories.plain_text import words
from forge_trajectories.tools.operation import Operation

Action = Literal["create", "read", "list", "update", "replace", "delete", "act", "query"]

_BY_METHOD: Mapping[str, Action] = {
    "GET": "read",
    "HEAD": "read",
    "OPTIONS": "query",
    "TRACE": "query",
    "POST": "create",
    "PUT": "replace",
    "PATCH": "update",
    "DELETE": "delete",
}
_BY_VERB: Mapping[str, Action] = {
    **dict.fromkeys(("create", "add", "insert", "new", "register", "make", "open", "upload"), "create"),
    **dict.fromkeys(("get", "read", "fetch", "describe", "retrieve", "show", "view", "lookup", "load"), "read"),
    **dict.fromkeys(("list", "search", "find"), "list"),
    **dict.fromkeys(("update", "modify", "edit", "patch", "set", "change", "rename"), "update"),
    **dict.fromkeys(("put", "replace", "overwrite"), "replace"),
    **dict.fromkeys(("delete", "remove", "destroy", "drop", "unregister", "deregister"), "delete"),
    **dict.fromkeys(
        ("send", "run", "execute", "start", "stop", "cancel", "approve", "reject", "move", "copy", "publish", "merge"),
        "act",
    ),
    **dict.fromkeys(("attach", "detach", "tag", "untag", "enable", "disable", "restart", "reboot", "assign"), "act"),
}
_READS = frozenset(
    """
    search query find filter lookup count validate check verify calculate compute estimate preview suggest batchget
    get list read describe compare evaluate export report analyze parse predict translate convert simulate test
    """.split()  # noqa: SIM905  (a list of quoted words reads worse)
)
_SLOT = re.compile(r"\{\+?([^{}]*)\}")
_VERSION = re.compile(r"v?\d+[\w.]*", re.IGNORECASE)
_FORMAT = re.compile(r"(?<=[\w}])\.(?:json|xml|yaml)$")
_TARGET = re.compile(r"#(?:.*[&=.])?([A-Za-z]\w*)$")


@dataclass(frozen=True, slots=True)
class Role:
    """What an operation does.

    Attributes:
        action: ``act`` changes something without being any of the others; ``query`` changes nothing.
        place: the path of the resource: text between braces is the name of an argument; ends with the resource's own
            id where there is one.
        key: the argument that is that id; empty for a collection, or the only one of its kind.
        noun: what the resource is called, in the singular: ``user``.
    """

    action: Action
    place: tuple[str, ...]
    key: str
    noun: str

    @property
    def template(self) -> tuple[str, ...]:
        """The place with its arguments' names left out, to find what belongs together."""
        return tuple(_SLOT.sub("{}", part) for part in self.place)

    def path(self, arguments: Mapping[str, Any]) -> str:
        """The place, filled in."""
        return "/".join(_SLOT.sub(lambda slot: str(arguments.get(slot[1], "")), part) for part in self.place)


def role_of(operation: Operation) -> Role:
    """The role of an operation; by its name where its path is not one of a resource."""
    target = _TARGET.search(operation.path)
    if operation.kind != "rest" or not operation.method or (target and operation.path.startswith("/#")):
        return _by_name(operation, target[1] if target else operation.tool)
    return _by_path(operation)


@lru_cache(maxsize=65_536)
def normal(name: str) -> str:
    """A name without case, dashes, dots and underscores: ``user_id`` and ``userId`` are one."""
    return "".join(character for character in name if character.isalnum()).lower()


def singular(noun: str) -> str:
    """``policies`` as ``policy``, ``users`` as ``user``; good enough to compare names."""
    if noun.endswith("ies") and len(noun) > 4:
        return f"{noun[:-3]}y"
    if noun.endswith(("sses", "xes", "ches", "shes")):
        return noun[:-2]
    return noun[:-1] if noun.endswith("s") and not noun.endswith("ss") and len(noun) > 3 else noun


def argument_names(operation: Operation) -> dict[str, str]:
    """For each name on the wire, and each place it travels in, the argument that it is: ``path:id`` to ``id_path``."""
    properties = operation.parameters.get("properties")
    found: dict[str, str] = {}
    for name, schema in properties.items() if isinstance(properties, Mapping) else ():
        place = schema.get("x-in", "") if isinstance(schema, Mapping) else ""
        wire = schema.get("x-name") or name if isinstance(schema, Mapping) else name
        found[f"{place}:{wire}"] = name
    return found


def _by_path(operation: Operation) -> Role:
    properties = operation.parameters.get("properties")
    renamed = tuple(
        (schema["x-name"], name)
        for name, schema in (properties.items() if isinstance(properties, Mapping) else ())
        if isinstance(schema, Mapping) and schema.get("x-in") == "path" and schema.get("x-name") not in (None, "", name)
    )
    return _at_path(operation.path, operation.method, renamed)


@lru_cache(maxsize=4096)
def _at_path(path: str, method: str, renamed: tuple[tuple[str, str], ...]) -> Role:
    """The role at a path; ``renamed``: by name on the wire the argument's name, where they differ."""
    known = dict(renamed)
    text = path.partition("#")[0].partition("?")[0]
    parts = tuple(_renamed(part, known) for part in _FORMAT.sub("", text).split("/") if part)
    last = parts[-1] if parts else ""
    head, colon, verb = last.rpartition(":") if last.startswith("{") or ":" in last else (last, "", "")
    if colon and head.endswith("}"):
        action: Action = "query" if method == "GET" or _reads(verb) else "act"
        return Role(action, (*parts[:-1], head), _slot(head), _noun(parts[:-1]))
    action = _BY_METHOD.get(method.upper(), "act")
    key = _slot(last)
    if action == "create":
        action = "update" if key else "query" if _reads(last) else "act" if _acts(last) else "create"
    if action == "act" and not key and len(parts) > 1 and (owner := _slot(parts[-2])):
        return Role(action, parts[:-1], owner, _noun(parts[:-2]))  # POST /webhooks/{id}/enable is done to a webhook
    return Role(action, parts, key, _noun(parts[:-1] if key else parts))


def _by_name(operation: Operation, name: str) -> Role:
    said = [word.lower() for word in words(name)]
    at = next((index for index, word in enumerate(said) if word in _BY_VERB), None)
    action: Action = _BY_VERB[said[at]] if at is not None else _unnamed(operation, name)
    named = [] if at is None else said[at + 1 :] or said[:at]
    plural = bool(named) and singular(named[-1]) != named[-1]
    noun = "_".join([*named[:-1], singular(named[-1])]) if named else ""
    if action == "read" and plural:
        action = "list"
    key = _key_argument(operation, noun) if action in ("read", "update", "replace", "delete", "act") else ""
    place = (noun, f"{{{key}}}") if key else (noun,)
    return Role(action, place, key, noun)


def _unnamed(operation: Operation, name: str) -> Action:
    """A verb that is not known: a function of a library computes something, a service does something."""
    return "query" if operation.kind in ("python", "model", "graphql") or _reads(name) else "act"


def _key_argument(operation: Operation, noun: str) -> str:
    """The argument that says which one is meant: ``user_id``, ``UserName``, ``id``, ``name``; empty if none does."""
    required = operation.parameters.get("required")
    names = [name for name in required if isinstance(name, str)] if isinstance(required, Sequence) else []
    plain = normal(noun)
    for wanted in (f"{plain}id", f"{plain}name", f"{plain}arn", f"{plain}key", plain, "id", "name"):
        for name in names:
            if normal(name) == wanted:
                return name
    return next((name for name in names if normal(name).endswith(("id", "name", "arn", "key"))), "")


def _renamed(part: str, known: Mapping[str, str]) -> str:
    """A segment with the arguments' own names in its braces."""
    return _SLOT.sub(lambda slot: f"{{{known.get(slot[1], slot[1])}}}", part)


def _slot(part: str) -> str:
    found = _SLOT.fullmatch(part)
    return found[1] if found else ""


def _noun(parts: Iterable[str]) -> str:
    static = [part for part in parts if "{" not in part and not _VERSION.fullmatch(part)]
    said = words(static[-1]) if static else []
    return singular(said[-1].lower()) if said else ""


def _reads(segment: str) -> bool:
    said = words(segment)
    return bool(said) and said[0].lower() in _READS


def _acts(segment: str) -> bool:
    said = words(segment)
    verb = said[0].lower() if said else ""
    return ":" in segment or "." in segment or (_BY_VERB.get(verb) == "act" and len(said) == 1)
