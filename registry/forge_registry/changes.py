"""What changed between two versions of an API's documentation, change by change.

Pure functions of two contents: mappings with the keys of `CONTENT`, values as in an `ApiRecord`. Some 20 microseconds
a pair.
"""

from collections.abc import Mapping, Sequence
from typing import Any

Content = Mapping[str, Any]
Change = Mapping[str, Any]

CONTENT = ("kind", "description", "parameters", "returns", "examples", "errors", "auth", "deprecated")
"""What a version is made of: the fields that an `ApiRecord`'s content hash covers."""
JSON_CONTENT = frozenset({"parameters", "returns", "examples", "errors", "auth"})


def changes(old: Content, new: Content) -> list[Change]:
    """The changes from ``old`` to ``new``, parameters first; each has ``change``, and what it is about."""
    found = _parameter_changes(old["parameters"] or {}, new["parameters"] or {})
    if old["deprecated"] is not None and bool(old["deprecated"]) != bool(new["deprecated"]):
        found.append({"change": "deprecated" if new["deprecated"] else "no longer deprecated"})
    for field in ("kind", "description", "auth"):
        if old[field] != new[field]:
            found.append({"change": f"{field} changed", "from": old[field], "to": new[field]})
    if (old["errors"] or []) != (new["errors"] or []):
        found.append(_errors_changed(old["errors"] or [], new["errors"] or []))
    found += [{"change": f"{field} changed"} for field in ("returns", "examples") if old[field] != new[field]]
    return found


def type_of(schema: Any) -> str:
    """A parameter's type as a person reads it: ``integer``, ``array of string``, ``string or null``, ``any``."""
    if not isinstance(schema, Mapping):
        return "any"
    kind = schema.get("type")
    if isinstance(kind, list):
        return " or ".join(map(str, kind)) or "any"
    if kind == "array" and isinstance(schema.get("items"), Mapping):
        return f"array of {type_of(schema['items'])}"
    return str(kind) if kind else "any"


def in_words(change: Change) -> str:
    """One change in one line."""
    said = str(change["change"])
    if "parameter" in change:
        said = said.replace("parameter", f"parameter {change['parameter']}", 1)
    if said.endswith(" added") and "parameter" in change:
        return f"{said} ({change['type']}, {'required' if change['required'] else 'optional'})"
    if change["change"] == "errors changed":
        parts = [f"{sign}{code}" for sign, key in (("+", "added"), ("-", "removed")) for code in change[key]]
        return f"{said} ({' '.join(parts)})" if parts else said
    if "from" in change and "description" not in said:
        return f"{said} from {_shown(change['from'])} to {_shown(change['to'])}"
    return said


def _parameter_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    before, after = _properties(old), _properties(new)
    needed_before, needed_after = _required(old), _required(new)
    found: list[Change] = []
    for name in sorted(before.keys() | after.keys()):
        if name not in before:
            found.append(_named("added", name, required=name in needed_after, type=type_of(after[name])))
        elif name not in after:
            found.append(_named("removed", name))
        else:
            found += _one_parameter(name, before[name], after[name])
            if (name in needed_before) != (name in needed_after):
                found.append(_named("made required" if name in needed_after else "made optional", name))
    known = {"properties", "required"}
    if {k: v for k, v in old.items() if k not in known} != {k: v for k, v in new.items() if k not in known}:
        found.append({"change": "schema of the parameters changed"})
    return found


def _one_parameter(name: str, old: Any, new: Any) -> list[Change]:
    if old == new:
        return []
    was, now = type_of(old), type_of(new)
    if was != now:
        return [{"change": "type of parameter changed", "parameter": name, "from": was, "to": now}]
    texts = [schema.get("description") if isinstance(schema, Mapping) else None for schema in (old, new)]
    if texts[0] != texts[1] and _without_description(old) == _without_description(new):
        return [{"change": "description of parameter changed", "parameter": name}]
    return [{"change": "schema of parameter changed", "parameter": name}]


def _errors_changed(old: Sequence[Any], new: Sequence[Any]) -> Change:
    before, after = ({str(error.get("code", "")) for error in errors} for errors in (old, new))
    return {"change": "errors changed", "added": sorted(after - before), "removed": sorted(before - after)}


def _named(what: str, name: str, **more: Any) -> Change:
    return {"change": f"parameter {what}", "parameter": name, **more}


def _properties(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    found = schema.get("properties")
    return found if isinstance(found, Mapping) else {}


def _required(schema: Mapping[str, Any]) -> set[str]:
    found = schema.get("required")
    return {str(name) for name in found} if isinstance(found, list) else set()


def _without_description(schema: Any) -> Any:
    return (
        {key: value for key, value in schema.items() if key != "description"} if isinstance(schema, Mapping) else None
    )


def _shown(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "none"
    return str(value) or "none"
