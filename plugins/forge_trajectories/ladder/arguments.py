"""The rungs ``tool-offered``, ``arguments-valid`` and ``grounded``: what can be said of calls before any is executed.

Schemas are checked by the same code as the mock server checks a request, compiled once a schema; some 5 microseconds a
call. Grounding is by the rule of `forge_trajectories.ladder.heard`.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson

from forge.records import to_json
from forge_trajectories.blueprint import Blueprint
from forge_trajectories.ladder.check import Check
from forge_trajectories.ladder.dialogue import Dialogue, Made
from forge_trajectories.ladder.heard import Heard, heard_before, ungrounded
from forge_trajectories.plain_text import clip, compact_json, listed

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator

_CODES: Mapping[str, str] = {
    "required": "missing-required",
    "unknown": "unknown-argument",
    "type": "wrong-type",
    "enum": "wrong-enum",
    "const": "wrong-enum",
}
"""Reason codes by the keyword of JSON Schema that is broken; any other is ``out-of-bounds``."""
SHOWN = 12


def check_offered(dialogue: Dialogue) -> Check:
    """Every tool that is called is among those offered."""
    offered = offered_names(dialogue)
    for made in dialogue.calls:
        if made.tool not in offered:
            evidence = f"{made.tool!r} is not among the tools: {listed(sorted(offered)[:SHOWN]) or 'there are none'}"
            return Check.failure("tool-offered:unknown-tool", evidence)
    if dialogue.blueprint is not None and not _as_offered(dialogue, dialogue.blueprint):
        evidence = "the tools are not those that the blueprint offers, in its words"
        return Check.failure("tool-offered:tools-differ", evidence)
    return Check(check="tool-offered", passed=True)


def _as_offered(dialogue: Dialogue, blueprint: Blueprint) -> bool:
    """Whether the stored tools are the blueprint's, name, description and parameters."""
    wanted = [] if blueprint.ending == "text" else [operation.offered() for operation in blueprint.offered()]
    return _sorted_json(list(dialogue.tools)) == _sorted_json(wanted)


def _sorted_json(value: Any) -> bytes:
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return to_json(value).encode()


def offered_names(dialogue: Dialogue) -> set[str]:
    """Names of the tools that may be called."""
    stated = {str(tool.get("name", "")) for tool in dialogue.tools}
    if dialogue.blueprint is None:
        return stated
    return stated & {operation.tool for operation in dialogue.blueprint.offered()}


def check_arguments(dialogue: Dialogue) -> Check:
    """Arguments keep the schema of their tool; an argument that the schema does not know is refused."""
    for made in dialogue.calls:
        if (failed := schema_failure(made.tool, made.arguments, parameters_of(dialogue, made.tool))) is not None:
            return failed
    return Check(check="arguments-valid", passed=True)


def schema_failure(tool: str, arguments: Any, parameters: Mapping[str, Any]) -> Check | None:
    """The failed check of one call; None if its arguments are valid."""
    from forge_trajectories.execution.schemas import problems

    found = problems(_validator(_key(parameters)), arguments, most=1)
    if not found:
        return None
    code = f"arguments-valid:{_CODES.get(found[0].rule, 'out-of-bounds')}"
    evidence = f"{tool}: {found[0].field}: {found[0].message}" if found[0].field else f"{tool}: {found[0].message}"
    return Check.failure(code, evidence)


def parameters_of(dialogue: Dialogue, tool: str) -> Mapping[str, Any]:
    """The JSON Schema of a tool's arguments: the blueprint's, or the one that was offered."""
    if dialogue.blueprint is not None:
        operation = dialogue.blueprint.operation(tool)
        return operation.parameters if operation is not None else {}
    stated = next((each.get("parameters") for each in dialogue.tools if each.get("name") == tool), None)
    return stated if isinstance(stated, Mapping) else {}


def _key(parameters: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(parameters)
    except TypeError:
        return to_json(parameters).encode()


@lru_cache(maxsize=4096)
def _validator(key: bytes) -> "Draft202012Validator":
    from forge_trajectories.execution.schemas import validator_of

    return validator_of(orjson.loads(key))


def check_grounded(dialogue: Dialogue) -> Check:
    """Every value of every argument was heard before the call, or is given by the schema.

    Nothing is demanded of imported dialogues, whose authors may have gone by other rules: what is not grounded there
    is told as evidence.
    """
    code, evidence = next(_ungrounded_calls(dialogue), ("", ""))
    if dialogue.blueprint is None:
        return Check(check="grounded", passed=None, evidence=f"not demanded of imported ones; {evidence}".rstrip("; "))
    return Check(check="grounded", passed=not code, code=code, evidence=evidence)


def _ungrounded_calls(dialogue: Dialogue) -> Iterator[tuple[str, str]]:
    heard: Heard | None = None
    at = -1
    for made in dialogue.calls:
        if heard is None or made.message != at:
            heard, at = heard_before(dialogue, made.message), made.message
        again = any(made.repeats(each) for each in dialogue.calls if each.message < made.message)
        for code, evidence in ungrounded_in(made, parameters_of(dialogue, made.tool), heard):
            # The same call again, with what it has deleted itself, is the matter of the rung ``recovery``.
            if not (again and code == "grounded:stale-id"):
                yield code, evidence


def ungrounded_in(made: Made, parameters: Mapping[str, Any], heard: Heard) -> Iterator[tuple[str, str]]:
    """Code and evidence for every value of a call that has not been heard."""
    arguments = made.arguments if isinstance(made.arguments, Mapping) else {}
    schemas = parameters.get("properties")
    for name, value in arguments.items():
        schema = schemas.get(name) if isinstance(schemas, Mapping) else None
        for path, leaf in ungrounded(value, name, heard, schema if isinstance(schema, Mapping) else {}):
            stale = str(leaf) in heard.stale
            code = "grounded:stale-id" if stale else "grounded:not-heard"
            why = "has been replaced or deleted" if stale else "was said by nobody: not by the user, not by a tool"
            yield code, f"{made.tool}: {path} = {clip(compact_json(leaf), 120)} {why}"
