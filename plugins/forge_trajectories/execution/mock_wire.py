"""A request's parts as the arguments of an operation, and what it sent that the operation does not know.

Outside the body everything is text on the wire: it is read as the number, truth value, list or object that the schema
asks for, and left as it is where it is none, for the schema to refuse. Headers and cookies that nobody documented are
passed over, and so are credentials in the query: records do not tell what they are called. Some 10 microseconds a
request.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from forge_trajectories.api_view import as_list, as_mapping
from forge_trajectories.execution.mock_forms import Form, form_of, gathered
from forge_trajectories.execution.mock_routing import route_method, target
from forge_trajectories.execution.schemas import Problem, fits
from forge_trajectories.tools.operation import Operation

_INTEGER = re.compile(r"-?\d{1,18}")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_CREDENTIAL = re.compile(
    r"((x-)?(api|access|app|auth|client|subscription)[-_.]?)?(key|token|secret|id_token)|oauth_token|appid|apikey|jwt"
    r"|x-(amz|goog)-.*|signature(version|method)?|awsaccesskeyid|\$\.xgafv|alt|prettyprint|quotauser",
    re.IGNORECASE,
)
_WITHOUT_BODY = ("GET", "HEAD", "DELETE")
_MOST = 5
"""Unknown names that a refusal tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request.

    Attributes:
        path: percent-encoded, without query. query: its fields in order. headers: by name in small letters.
    """

    method: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def cookies(self) -> dict[str, str]:
        """The cookies by name."""
        pairs = (part.partition("=") for part in self.headers.get("cookie", "").split(";"))
        return {name.strip(): value.strip() for name, _, value in pairs if name.strip()}

    def content(self) -> Any:
        """What the body says: JSON, a `Form`, or text where its type is another; None for an empty one.

        Raises:
            ValueError: it is not what its type says; without a type it has to be JSON.
        """
        if not self.body.strip():
            return None
        kind = self.headers.get("content-type", "")
        form = form_of(kind, self.body)
        if form is not None:
            return form
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            if not kind or "json" in kind.lower():
                raise
            return self.body.decode("utf-8", errors="replace")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks of an operation.

    Attributes:
        arguments: by the operation's names.
        unknown: what was sent besides and is to be refused.
        whole: the argument that is the whole body; empty if none is.
    """

    arguments: dict[str, Any]
    unknown: list[Problem]
    whole: str = ""

    def as_sent(self, operation: Operation, found: Iterable[Problem]) -> list[Problem]:
        """Problems of the arguments, by the names that these have on the wire."""
        properties = as_mapping(operation.parameters.get("properties"))
        return [_renamed(problem, properties, self.whole) for problem in found]


def asked_of(operation: Operation, request: Request, values: Mapping[str, str], content: Any) -> Asked:
    """What a request asks of an operation.

    Args:
        operation: what is called.
        request: what came.
        values: of the path, by name on the wire.
        content: what the body says.
    """
    properties = as_mapping(operation.parameters.get("properties"))
    places = _places(operation, properties)
    found: dict[str, Any] = {}
    cookies = request.cookies() if places["cookie"] else {}
    for place, sent in (("path", values), ("cookie", cookies)):
        for wire, name in places[place].items():
            if wire in sent:
                found[name] = read(sent[wire], as_mapping(properties[name]))
    for wire, name in places["header"].items():
        if wire.lower() in request.headers:
            found[name] = read(request.headers[wire.lower()], as_mapping(properties[name]))
    without = {wire: name for wire, name in places["path"].items() if name not in found}
    unknown = _from_query(operation, request, {**without, **places["query"]}, found)
    whole = _whole(places["body"], properties, content)
    if whole:
        found[whole] = _typed(gathered(content.pairs, ()), {}) if isinstance(content, Form) else content
    elif content is not None:
        names = {**places["query"], **places["body"]} if target(operation) else places["body"]
        unknown += _from_body(operation, content, names, found)
    return Asked(found, unknown[:_MOST], whole)


def is_credential(name: str) -> bool:
    """Whether a query field of this name is a credential, or goes with any call of some providers."""
    return _CREDENTIAL.fullmatch(name) is not None


def additional(operation: Operation) -> Mapping[str, Any] | None:
    """The schema of what the body may hold besides what is documented; None if nothing."""
    if "x-omitted" in operation.parameters:
        return {}
    said = operation.parameters.get("additionalProperties")
    return {} if said is True else said if isinstance(said, Mapping) else None


def _places(operation: Operation, properties: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Names of arguments by place and name on the wire; where no place is said, it is one that the method has."""
    usual = "query" if route_method(operation) in _WITHOUT_BODY else "body"
    found: dict[str, dict[str, str]] = {"path": {}, "query": {}, "header": {}, "cookie": {}, "body": {}}
    for name, part in properties.items():
        schema = as_mapping(part)
        found.get(str(schema.get("x-in") or usual), {})[str(schema.get("x-name") or name)] = name
    return found


def _said_by_path(operation: Operation) -> dict[str, str]:
    """Fields that are part of the path as documented, and their slots: ``?op=list&city={city}``, ``#Action=List``."""
    path = operation.path
    if "?" not in path and "#" not in path:
        return {}
    pairs = (part.partition("=") for part in re.split("[?#&]", path)[1:])
    found = {name: value.strip("{}") if value.startswith("{") else "" for name, _, value in pairs}
    return {**found, "Version": ""} if "Action" in found else found


def _whole(body: Mapping[str, str], properties: Mapping[str, Any], content: Any) -> str:
    """The argument that is the whole body, if one is: the only one, called ``body``, and not a field of that name."""
    name = body.get("body", "")
    if content is None or not name or len(body) > 1:
        return ""
    if not isinstance(content, dict):
        return name
    kinds = as_mapping(properties[name]).get("type")
    is_object = kinds is None or "object" in ([kinds] if isinstance(kinds, str) else as_list(kinds))
    return name if is_object and list(content) != ["body"] else ""


def _from_query(
    operation: Operation, request: Request, names: Mapping[str, str], found: dict[str, Any]
) -> list[Problem]:
    """Put the query's fields into ``found``; what of them is unknown. A path may ask for fields of the query too."""
    if not request.query:
        return []
    properties = as_mapping(operation.parameters.get("properties"))
    said = _said_by_path(operation)
    known = {**names, **{wire: names[slot] for wire, slot in said.items() if slot in names}}
    unknown: list[Problem] = []
    for wire, value in gathered(request.query, known).items():
        if wire in known:
            found[known[wire]] = _typed(value, as_mapping(properties[known[wire]]))
        elif wire not in said and not is_credential(wire) and "x-omitted" not in operation.parameters:
            unknown.append(_unknown(wire))
    return unknown


def _from_body(operation: Operation, content: Any, names: Mapping[str, str], found: dict[str, Any]) -> list[Problem]:
    """Put a body's fields into ``found``; what of them is unknown."""
    if not isinstance(content, dict):
        if names:
            return [Problem("body", "type", "body is no object")]
        return [Problem("body", "unknown", "body is not documented; none is taken here")]
    properties = as_mapping(operation.parameters.get("properties"))
    said_by_path = _said_by_path(operation) if target(operation) else {}
    more = additional(operation)
    unknown: list[Problem] = []
    fields = gathered(content.pairs, names) if isinstance(content, Form) else content
    for wire, value in fields.items():
        name = names.get(wire)
        if name is not None:
            schema = as_mapping(properties[name])
            found[name] = _typed(value, schema) if isinstance(content, Form) else value
        elif wire in said_by_path:
            continue
        elif more is None:
            unknown.append(_unknown(wire))
        else:
            made = _typed(value, more) if isinstance(content, Form) else value
            found[f"{wire}_body" if wire in properties else wire] = made
            if more and not fits(made, more):
                unknown.append(Problem(wire, "type", f"{wire} is not what additional properties are to be"))
    return unknown


def _unknown(wire: str) -> Problem:
    return Problem(wire, "unknown", f"{wire[:200]} is not a known parameter")


def _renamed(problem: Problem, properties: Mapping[str, Any], whole: str) -> Problem:
    """A problem by the name on the wire; of a body that is one argument its fields are named without it."""
    inside = [name for name in properties if problem.field == name or problem.field.startswith(f"{name}.")]
    name = max(inside, key=len, default="")
    rest = problem.field[len(name) :]
    wire = as_mapping(properties.get(name)).get("x-name") or name
    sent = rest.removeprefix(".") if name == whole and rest else f"{wire}{rest}"
    if not name or sent == problem.field:
        return problem
    said = problem.message
    if said.startswith(f"{problem.field} "):
        said = f"{sent}{said[len(problem.field) :]}"
    return replace(problem, field=sent, message=said)


def _typed(value: Any, schema: Mapping[str, Any]) -> Any:
    """A field's texts as a value of the schema: a list where it asks for one, of several else the last."""
    if isinstance(value, str):
        return read(value, schema)
    if isinstance(value, dict):
        inside = as_mapping(schema.get("properties"))
        return {name: _typed(item, as_mapping(inside.get(name))) for name, item in value.items()}
    if len(value) == 1 and isinstance(value[0], str):
        return read(value[0], schema)
    kinds = schema.get("type")
    if "array" in ([kinds] if isinstance(kinds, str) else as_list(kinds)) or not isinstance(value[-1], str):
        items = as_mapping(schema.get("items"))
        return [_typed(item, items) for item in value]
    return _typed(value[-1], schema)


def read(text: str, schema: Mapping[str, Any], depth: int = 0) -> Any:
    """Text as a value of the schema; as it is where it is none."""
    kinds = schema.get("type")
    for kind in [kinds] if isinstance(kinds, str) else as_list(kinds):
        value = _as_kind(text, kind, schema)
        if value is not None:
            return value
    for key in ("anyOf", "oneOf"):
        for choice in as_list(schema.get(key)):
            value = read(text, as_mapping(choice), depth + 1) if depth < 4 else text
            if value != text:
                return value
    return text


def _as_kind(text: str, kind: object, schema: Mapping[str, Any]) -> Any:
    """Text as a value of a type; None if it is none of that type."""
    found: Any = None
    if kind == "string":
        found = text
    elif kind in ("integer", "number") and _INTEGER.fullmatch(text):
        found = int(text)
    elif kind == "number" and _NUMBER.fullmatch(text):
        found = float(text)
    elif kind == "boolean" and text.lower() in ("true", "false"):
        found = text.lower() == "true"
    elif kind == "array":
        items = as_mapping(schema.get("items"))
        found = _stated(text) if text.startswith("[") else None
        if found is None:
            found = [read(part, items) for part in text.split(",")] if text else []
    elif kind == "object" and text.startswith("{"):
        found = _stated(text)
    return found


def _stated(text: str) -> Any:
    """Text as JSON; None if it is none."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
