"""What an operation answers: a documented example or a value made from its schema, with what is known put in its place.

The fields of a resource are drawn from (seed, resource, field), not from the call: whichever operation shows a resource
shows the same. Some 2 microseconds a field.
"""

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from forge_trajectories.api_view import as_mapping
from forge_trajectories.call_check import agrees
from forge_trajectories.execution.roles import Role, normal
from forge_trajectories.execution.shapes import Shape, schema_like, shape_of
from forge_trajectories.execution.values import MAX_FIELDS, made_value
from forge_trajectories.picking import Picks
from forge_trajectories.tools.operation import Operation

LISTED = 3
"""Resources at most that a collection holds before anything is created in it."""

Fields = Mapping[str, Any]
"""Known values by `normal` name."""

_GOOD = frozenset({"success", "ok", "done", "succeeded", "successful", "issuccess"})
_FURTHER = frozenset({"hasmore", "hasnext", "hasnextpage", "istruncated", "truncated", "incompleteresults", "more"})
_CURSORS = frozenset(
    "nexttoken nextpagetoken nextlink nextcursor nextpage next marker nextmarker previous prev odatanextlink".split()  # noqa: SIM905
)
_TOTALS = frozenset({"total", "totalcount", "count", "totalresults", "totalitems", "totalsize", "size", "resultcount"})
_ACKNOWLEDGED: tuple[tuple[str, Any], ...] = (
    ("status", "ok"),
    ("success", True),
    ("message", "OK"),
    ("result", "success"),
)


@dataclass(frozen=True, slots=True)
class Answering:
    """What is needed to answer calls of one operation.

    Attributes:
        schema: of the whole answer; empty if nothing is documented.
        shape: where the resource is in it.
        result: a documented answer; None if there is none.
    """

    operation: Operation
    role: Role
    schema: Mapping[str, Any]
    shape: Shape
    result: Any

    def answer(self, scope: str) -> Any:
        """A whole answer; ``scope`` is what it is drawn from: seed and resource, or seed, tool and arguments."""
        if self.result is not None:
            return _copied(self.result)
        if not self.schema:
            return {}
        properties = as_mapping(self.schema.get("properties"))
        if not properties:
            return made_value(self.role.noun or "value", self.schema, Picks(scope), answer=True)
        return self.fields(self.schema, scope)

    def fields(self, schema: Mapping[str, Any], scope: str) -> Any:
        """An object with each field drawn on its own, so that other answers with that field agree."""
        properties = as_mapping(schema.get("properties"))
        if not properties:
            return made_value(self.role.noun or "value", schema, Picks(scope), answer=True)
        required = schema.get("required") or ()
        made: dict[str, Any] = {}
        for name, item in properties.items():
            if name not in required and (len(made) >= MAX_FIELDS or tells_failure(name)):
                continue
            if _is_open(as_mapping(item)):
                made[name] = {}  # nobody says what is in it: nothing is made up
                continue
            made[name] = made_value(name, as_mapping(item), Picks(f"{scope}\n{normal_name(name)}"), answer=True)
        return made


def answering(operation: Operation, role: Role) -> Answering:
    """Read an operation's documented answer."""
    result = next((item["result"] for item in operation.examples if item.get("result") is not None), None)
    schema = operation.returns or {}
    if not schema.get("properties") and schema.get("type") == "object" and not schema.get("additionalProperties"):
        schema = {}
    if not schema and result is not None:
        schema = schema_like(result)
    shape = shape_of(schema, role)
    if result is not None and role.key and not shape.key and (shown := shape_of(schema_like(result), role)).key:
        shape = shown  # what the schema leaves open the example shows
    if result is not None and not _leads(result, shape):
        result = None
    return Answering(operation, role, schema, shape, result)


def put_in(thing: MutableMapping[str, Any], known: Fields, properties: Mapping[str, Any]) -> None:
    """Give the fields of ``thing`` that are known their values, where the schema or the value there allows them."""
    for name, there in thing.items():
        plain = normal_name(name)
        if plain in known:
            value = known[plain]
            schema = properties.get(name)
            fitting = _as_there(value, there) if schema is None else _as_documented(value, as_mapping(schema))
            if fitting is not None:
                thing[name] = fitting


def settle(body: Any, *, count: int | None = None) -> None:
    """Make a made answer tell of success: no errors, no further pages, counts that count what is there."""
    if not isinstance(body, dict):
        return
    for name, value in list(body.items()):
        plain = normal_name(name)
        if plain in _GOOD and isinstance(value, bool):
            body[name] = True
        elif plain in _FURTHER and isinstance(value, bool):
            body[name] = False
        elif plain in _CURSORS:
            del body[name]
        elif count is not None and plain in _TOTALS and isinstance(value, int) and not isinstance(value, bool):
            body[name] = count
        elif tells_failure(name):
            body[name] = _nothing_like(value)


def acknowledged(provider: str) -> dict[str, Any]:
    """The answer of a provider that documents none."""
    name, value = Picks(f"acknowledgement of {provider}").one(_ACKNOWLEDGED)
    return {name: value}


@lru_cache(maxsize=65_536)
def normal_name(name: str) -> str:
    """`normal`, remembered: field names come again and again."""
    return normal(name)


def tells_failure(name: str) -> bool:
    """Whether a field is there to say what went wrong."""
    plain = normal_name(name)
    return plain.startswith(("error", "fail", "warning", "fault")) or plain.endswith(("error", "errors", "warnings"))


def _is_open(schema: Mapping[str, Any]) -> bool:
    """Whether a field is an object of which nothing is documented."""
    inside = schema.get("properties") or schema.get("additionalProperties") or schema.get("required")
    return schema.get("type") == "object" and not inside and "example" not in schema and "examples" not in schema


def _as_documented(value: Any, schema: Mapping[str, Any]) -> Any:
    """``value``, or its other spelling, if the schema takes it; None if not."""
    if agrees(value, schema):
        return value
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((each for each in kind if each != "null"), None)
    if isinstance(value, str) and kind in ("integer", "number") and value.lstrip("-").isdigit() and len(value) < 19:
        return int(value)
    if kind == "string" and isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    return None


def _as_there(value: Any, there: Any) -> Any:
    return _as_documented(value, {} if there is None else schema_like(there))


def _nothing_like(value: Any) -> Any:
    if isinstance(value, bool):
        return False
    if isinstance(value, (int, float)):
        return 0
    if isinstance(value, (list, dict)):
        return type(value)()
    return "" if isinstance(value, str) else None


def _leads(result: Any, shape: Shape) -> bool:
    """Whether an example has its resource where the schema says."""
    for name in shape.at:
        if not isinstance(result, Mapping) or name not in result:
            return False
        result = result[name]
    return isinstance(result, list) if shape.many else not isinstance(result, list)


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _copied(item) for name, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, (list, tuple)) else value
