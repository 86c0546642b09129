"""The operations that the mock serves over HTTP: those of the catalogue, with every parameter that is documented.

A tool leaves optional parameters out for brevity, and the end of a long enumeration; what takes a file or has very many
required parameters makes none. A model is to keep to what it was shown, but a client that was written against the
documentation may call and send all of it. Some 100 microseconds a record.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from forge.records import ApiRecord
from forge_trajectories.api_view import as_list, as_mapping
from forge_trajectories.execution.mock_wire import is_credential
from forge_trajectories.tools.operation import Operation
from forge_trajectories.tools.operations import operation_of

_NOT_SAID = "Nobody described it."


def served_operations(records: Iterable[ApiRecord]) -> list[Operation]:
    """The operations of one service, each with a name of its own; a record without name and path makes none."""
    taken: set[str] = set()
    made = ((_operation(record, taken), as_mapping(record.parameters)) for record in records)
    return [_with_all(operation, documented) for operation, documented in made if operation is not None]


def _operation(record: ApiRecord, taken: set[str]) -> Operation | None:
    """The tool of a record; of one that makes none, a tool that asks for all the same."""
    made = operation_of(record, taken=taken)
    if made is not None:
        return made
    documented = as_mapping(record.parameters)
    properties = as_mapping(documented.get("properties"))
    free = replace(record, parameters={**documented, "required": []}, description=record.description or _NOT_SAID)
    made = operation_of(free, taken=taken)
    required = [name for name in as_list(documented.get("required")) if _is_asked(name, properties)]
    return made and replace(made, parameters={**made.parameters, "required": required})


def _is_asked(name: object, properties: Mapping[str, Any]) -> bool:
    """Whether a call without this required parameter is refused: not for a header, which its program may add."""
    part = as_mapping(properties.get(name)) if isinstance(name, str) else {}
    place = part.get("x-in")
    return bool(part) and place not in ("header", "cookie") and not (place == "query" and is_credential(str(name)))


def _with_all(operation: Operation, documented: Mapping[str, Any]) -> Operation:
    """The operation with all parameters as they are documented: its tool has few of them, with a part of each."""
    whole = {**operation.parameters["properties"], **as_mapping(documented.get("properties"))}
    more = {name: documented[name] for name in ("additionalProperties", "x-omitted") if name in documented}
    return replace(operation, parameters={**operation.parameters, **more, "properties": whole})
