"""What of an API is needed to offer it as a tool and to execute a call of it, small enough to go with a trajectory.

A trajectory carries its operations, so that it can be executed and verified again from its stored form alone, whatever
has become of the catalogue. Schemas are cut in depth and breadth when an operation is made; everything else (mock
server, checks, prompts) works on the cut form, so that they cannot disagree. Some 50 microseconds an operation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from forge.records import UNKNOWN_LICENSE, JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One tool.

    Attributes:
        tool: its name as it is offered: letters, digits, - and _, at most 64, unique within a blueprint.
        api: id of the `ApiRecord`.
        description: of the tool, plain text, a few hundred characters at most.
        parameters: JSON Schema of type object; ``x-in`` of a property says where it travels.
        returns: JSON Schema of an answer; None if none is documented.
        examples: documented calls, each ``{"arguments", "result"}``, either key optional.
        errors: documented failures, each ``{"code", "description"}``.
        simulator: name of the in-process simulator that executes it; empty for the mock server.
    """

    tool: str
    api: str
    provider: str
    service: str = ""
    kind: str = "rest"
    method: str = ""
    path: str = ""
    description: str = ""
    category: str = ""
    parameters: JsonObject = field(default_factory=dict)
    returns: JsonObject | None = None
    examples: Sequence[JsonObject] = ()
    errors: Sequence[JsonObject] = ()
    license: str = UNKNOWN_LICENSE
    simulator: str = ""

    def offered(self) -> dict[str, object]:
        """The tool as function-calling models take it: name, description and parameters, without ``x-`` keywords."""
        return {
            "name": self.tool,
            "description": self.description,
            "parameters": _without_extensions(self.parameters),
        }


def _without_extensions(schema: object) -> object:
    if isinstance(schema, str):  # most are, and an abstract class is slow to ask for
        return schema
    if isinstance(schema, Mapping):
        return {
            key: _without_extensions(value)
            for key, value in schema.items()
            if not (isinstance(key, str) and key.startswith("x-"))
        }
    if isinstance(schema, (list, tuple)):
        return [_without_extensions(item) for item in schema]
    return schema
