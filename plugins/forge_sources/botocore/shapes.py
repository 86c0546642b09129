"""The shapes of an AWS service model as schemas that refer to one another by ``#/shapes/NAME``.

Source: botocore's data model documents.
"""

from collections.abc import Mapping
from typing import Any

from forge_sources.openapi.document import mapping, text_of
from forge_sources.schema_keywords import Node

_SCALARS: Mapping[str, Node] = {
    "string": {"type": "string"},
    "character": {"type": "string"},
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer"},
    "long": {"type": "integer", "format": "int64"},
    "float": {"type": "number", "format": "float"},
    "double": {"type": "number", "format": "double"},
    "blob": {"type": "string", "format": "byte"},
    "timestamp": {"type": "string", "format": "date-time"},
}
_BOUNDS: Mapping[str, tuple[str, str]] = {
    "string": ("minLength", "maxLength"),
    "array": ("minItems", "maxItems"),
    "integer": ("minimum", "maximum"),
    "number": ("minimum", "maximum"),
}


def schema_of(shape: Node) -> Node:
    """A shape as a schema that refers to other shapes by ``#/shapes/NAME``."""
    kind = text_of(shape.get("type"))
    out: Node
    if kind == "structure":
        out = {"type": "object", "properties": {k: reference_to(v) for k, v in mapping(shape.get("members")).items()}}
        out["required"] = shape.get("required")
    elif kind == "list":
        out = {"type": "array", "items": reference_to(shape.get("member"))}
    elif kind == "map":
        out = {"type": "object", "additionalProperties": reference_to(shape.get("value"))}
    else:
        out = dict(_SCALARS.get(kind, {}))
        for key in ("enum", "pattern"):
            if key in shape:
                out[key] = shape[key]
    for key, bound in zip(("min", "max"), _BOUNDS.get(str(out.get("type")), ()), strict=False):
        if key in shape:
            out[bound] = shape[key]
    out["description"] = shape.get("documentation", "")
    return out


def reference_to(member: Any) -> Node:
    """A member, list item or map value as a reference to its shape, with its own description."""
    node = mapping(member)
    reference: Node = {"$ref": f"#/shapes/{text_of(node.get('shape'))}"}
    if node.get("documentation"):
        reference["description"] = node["documentation"]
    return reference
