"""All that an operation takes, wherever it travels, as one JSON Schema object.

Path, query, header and cookie parameters and the top-level properties of the request body become properties side by
side, each with ``x-in``. A name that is taken gets the place it travels in as a suffix, and ``x-name`` keeps the name
on the wire. A body that is no plain object travels under the single property ``body``.

Sources: OpenAPI 3.1, Parameter Object and Request Body Object; OpenAPI 2.0, Parameter Object.
"""

from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from forge_sources.openapi.document import OpenApi, best_media, mapping, text_of
from forge_sources.openapi.examples import media_examples, stated
from forge_sources.openapi.schema import MOST_REQUIRED, Node
from forge_sources.schema_keywords import MOST_KEYS

PLACES = ("path", "query", "header", "cookie", "body")
MOST_PARAMETERS = 160
ROOM = 100
"""Nodes that all parameters of one operation together may have below their roots."""

# The specification says of the first three that a description of them is ignored. The rest are computed: the parts of
# AWS's signature, and the target that the path already names. No caller sets them.
_SIGNATURE = ("content-sha256", "date", "algorithm", "credential", "security-token", "signature", "signedheaders")
IGNORED_HEADERS = frozenset(
    {"accept", "content-type", "authorization", "x-amz-target", *(f"x-amz-{part}" for part in _SIGNATURE)}
)


@dataclass(slots=True, kw_only=True)
class Arguments:
    """What an operation takes, while it is gathered.

    Attributes:
        properties, required: of the schema.
        stated: the example that the document gives for a property, by the property's name.
        bodies: whole example bodies by the example's key.
        renamed: property names of body properties whose own name was taken.
        body_name: the property that holds the whole body; "" where the body's properties stand side by side.
    """

    properties: Node = field(default_factory=dict)
    required: list[str] = field(default_factory=list)
    stated: dict[str, Any] = field(default_factory=dict)
    bodies: dict[str, Any] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    body_name: str = ""
    room: int = ROOM
    omitted: int = 0

    def add(self, name: str, tree: Node, *, where: str, size: int, required: bool) -> str:
        """Add a property; returns the name it got."""
        taken, wanted = self.properties, name
        if name in taken:
            name = f"{name}_{where}"
            while name in taken:
                name += "_"
        entry = {**tree, "x-in": where}
        if name != wanted:
            entry["x-name"] = wanted
        taken[name] = entry
        self.room -= size - 1
        if required:
            self.required.append(name)
        return name

    def schema(self) -> Node:
        """The JSON Schema of type object."""
        schema: Node = {"type": "object", "properties": self.properties}
        if self.required:
            schema["required"] = self.required
        if self.omitted:
            schema["x-omitted"] = self.omitted
        return schema


def arguments_of(api: OpenApi, item: Node, operation: Node) -> Arguments:
    """What ``operation`` of the path item ``item`` takes."""
    arguments = Arguments()
    declared = _declared(api, item, operation)
    forms = []
    for parameter in declared:
        where = parameter["in"]
        if where == "formData":
            forms.append(parameter)
        elif where == "body":
            _add_body(api, arguments, parameter, media=parameter)
        else:
            _add_parameter(api, arguments, parameter, where=where)
    for parameter in forms:
        _add_parameter(api, arguments, parameter, where="body")
    if "requestBody" in operation:
        body = api.followed(operation["requestBody"])
        _add_body(api, arguments, body, media=best_media(body.get("content"))[1])
    return arguments


def _declared(api: OpenApi, item: Node, operation: Node) -> list[Node]:
    """Parameters of path item and operation, the operation's overriding; ordered by place, then as declared."""
    found: dict[tuple[str, str], Node] = {}
    for node in (item.get("parameters"), operation.get("parameters")):
        for parameter in api.listed(node) if node else ():
            name, where = parameter.get("name"), parameter.get("in")
            if not isinstance(name, str) or not isinstance(where, str):
                continue
            if (where in PLACES or where == "formData") and name:
                found[where, name] = parameter
    kept = [p for (where, name), p in found.items() if where != "header" or name.lower() not in IGNORED_HEADERS]
    return sorted(kept, key=lambda parameter: PLACES.index(_place(parameter)))


def _place(parameter: Node) -> str:
    return "body" if parameter["in"] == "formData" else str(parameter["in"])


def _add_parameter(api: OpenApi, arguments: Arguments, parameter: Node, *, where: str) -> None:
    if len(arguments.properties) >= MOST_PARAMETERS:
        arguments.omitted += 1
        return
    schema = _schema_of(parameter)
    tree, size = api.parameters.fitting(schema, room=arguments.room)
    description = api.parameters.text(parameter.get("description"))
    if description:
        tree = {**tree, "description": description}
    required = parameter.get("required") is True or where == "path"
    name = arguments.add(parameter["name"], tree, where=where, size=size, required=required)
    found, value = stated(api, parameter, schema)
    if found:
        arguments.stated[name] = value


def _schema_of(parameter: Node) -> Any:
    """The schema of a parameter in any version: under ``schema``, under ``content``, or the parameter itself (2.0)."""
    if "schema" in parameter:
        return parameter["schema"]
    if "content" in parameter:
        return best_media(parameter["content"])[1].get("schema")
    return {
        key: value
        for key, value in islice(parameter.items(), MOST_KEYS)
        if key not in ("description", "required", "in", "name")
    }


def _add_body(api: OpenApi, arguments: Arguments, body: Node, *, media: Node) -> None:
    """Spread the body's properties, or add it whole as ``body``."""
    schema = media.get("schema")
    flat = api.parameters.flatten(schema)[0] or {}
    properties = mapping(flat.get("properties"))
    arguments.bodies = media_examples(api, media, flat)
    if properties and not isinstance(flat.get("items"), dict):
        _spread(api, arguments, flat, properties)
    elif schema is not None and not _is_empty(flat):
        tree, size = api.parameters.fitting(schema, room=arguments.room)
        description = api.parameters.text(body.get("description"))
        if description:
            tree = {**tree, "description": description}
        required = body.get("required") is True
        arguments.body_name = arguments.add("body", tree, where="body", size=size, required=required)


def _spread(api: OpenApi, arguments: Arguments, flat: Node, properties: Node) -> None:
    # A body that may be left out still needs these once it is sent; specifications seldom say that it is required.
    names = flat.get("required")
    listed = names[:MOST_REQUIRED] if isinstance(names, list) else ()
    required = {name for name in listed if isinstance(name, str)}
    for index, (name, schema) in enumerate(properties.items()):
        if len(arguments.properties) >= MOST_PARAMETERS:
            arguments.omitted += len(properties) - index
            break
        if isinstance(schema, dict) and schema.get("readOnly") is True:
            continue
        tree, size = api.parameters.fitting(schema, room=arguments.room)
        given = arguments.add(str(name), tree, where="body", size=size, required=name in required)
        if given != name:
            arguments.renamed[name] = given
        found, value = stated(api, {}, schema)
        if found:
            arguments.stated[given] = value


def _is_empty(flat: Node) -> bool:
    """Whether a schema says that there is a body without saying anything of it: ``{"type": "object"}``."""
    return text_of(flat.get("type")) == "object" and not any(
        flat.get(key) for key in ("additionalProperties", "oneOf", "anyOf", "description")
    )
