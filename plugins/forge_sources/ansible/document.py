"""One Ansible module's documentation as an API record: pure and bounded.

Options, those of documentation fragments merged in, become parameters; return values become the schema of what a call
answers; the arguments that the examples' tasks give the module become examples. A module is called from a command line
(``ansible HOST -m NAME -a ARGUMENTS``) or from a playbook, never from Python: hence the kind ``cli``.

Cost: some 2 ms a module, nearly all of it reading YAML.

Source: Ansible's module format and documentation.
"""

from collections.abc import Iterator
from typing import Any

from forge.records import ApiRecord, Reject
from forge_sources.ansible.code import PARTS, Undocumented, texts_of_module, values_of_sidecar, yaml_part
from forge_sources.ansible.library import Library, Module
from forge_sources.ansible.options import Room, is_true, option_schema, return_schema
from forge_sources.ansible.text import text_of
from forge_sources.markup import clip, lead_with
from forge_sources.openapi.document import PARAMETERS, mapping
from forge_sources.openapi.examples import MOST_BYTES, MOST_EXAMPLES
from forge_sources.openapi.parameters import MOST_PARAMETERS, Arguments
from forge_sources.openapi.refs import References
from forge_sources.openapi.schema import Budget, Node, SchemaBook
from forge_sources.schema_keywords import is_small

DESCRIPTION_CHARACTERS = 2_000
MOST_TASKS = 60
RETURNS = Budget(depth=3, room=60, text=240, nested_text=100)
PAGES = "https://docs.ansible.com/ansible/latest/collections"

_FROM_FRAGMENTS = ("requirements", "deprecated")
_TASK_LISTS = ("tasks", "pre_tasks", "post_tasks", "handlers", "block", "rescue", "always")


def records(library: Library, item: str, *, source: str, locator: str) -> Iterator[ApiRecord | Reject]:
    """The record of one module, then a `Reject` for each part of it that cannot be read.

    Args:
        item: the module, as `Module.item` writes it.
        source: name of the source plugin.
        locator: the module's file, for rejects.

    Raises:
        UnreadableSpec: the file is too large, damaged or gone.
    """
    module, data = library.module(item)
    try:
        parts, problems = _parts(module, data)
    except Undocumented as error:
        yield Reject(locator=locator, reason=str(error))
        return
    yield _record(library, module, parts, source=source)
    for part, reason in problems.items():
        yield Reject(locator=f"{locator}#{part}", reason=reason)


def _parts(module: Module, data: bytes) -> tuple[dict[str, Any], dict[str, str]]:
    """The values of the parts, and why others have none."""
    if not module.leaf.name.endswith(".py"):
        values = values_of_sidecar(data)
        examples = values.get("EXAMPLES")
        texts = {"EXAMPLES": examples} if isinstance(examples, str) else {}
    else:
        values, texts = {}, texts_of_module(data.decode("utf-8", "replace"))
    problems = {}
    for part in PARTS:
        if part in texts:
            try:
                values[part] = yaml_part(texts[part])
            except Undocumented as error:
                if part == "DOCUMENTATION":
                    raise
                values[part], problems[part] = None, str(error)
    if not isinstance(values.get("DOCUMENTATION"), dict):
        raise Undocumented("DOCUMENTATION is no mapping")
    return values, problems


def _record(library: Library, module: Module, parts: dict[str, Any], *, source: str) -> ApiRecord:
    documented = _with_fragments(library, parts["DOCUMENTATION"], module.collection)
    collection = library.collection(module)
    arguments, aliases = _arguments(documented)
    short = module.name.removeprefix(f"{module.collection}.")
    removal = mapping(documented.get("deprecated")) or mapping(collection.deprecations.get(short))
    returned = mapping(parts.get("RETURN"))
    return ApiRecord(
        provider=module.collection,
        service="",
        name=module.name,
        kind="cli",
        description=_description(documented),
        parameters=arguments.schema(),
        returns=_returns(returned) if returned else None,
        examples=_examples(
            parts.get("EXAMPLES"), names={module.name, short}, known=arguments.properties, aliases=aliases
        ),
        license=collection.license,
        license_evidence=collection.license_evidence,
        category=collection.category,
        deprecated=bool(removal) or is_true(documented.get("deprecated")),
        meta=_meta(documented, removal),
        source=source,
        url=f"{PAGES}/{module.collection.replace('.', '/')}/{short.replace('.', '/')}_module.html",
        version=collection.version or None,
    )


def _with_fragments(library: Library, documented: Node, collection: str) -> Node:
    """The documentation with what its fragments say, its own words first."""
    names = documented.get("extends_documentation_fragment")
    listed = names.split(",") if isinstance(names, str) else names if isinstance(names, list) else []
    merged = {**documented, "options": dict(mapping(documented.get("options")))}
    for name in dict.fromkeys(name.strip() for name in listed if isinstance(name, str) and name.strip()):
        fragment = library.fragment(name, collection) or {}
        for option, entry in mapping(fragment.get("options")).items():
            merged["options"][option] = {**mapping(entry), **mapping(merged["options"].get(option))}
        for key in _FROM_FRAGMENTS:
            if key in fragment:
                merged.setdefault(key, fragment[key])
    return merged


def _description(documented: Node) -> str:
    short, text = text_of(documented.get("short_description")), text_of(documented.get("description"))
    return clip(lead_with(short, text), DESCRIPTION_CHARACTERS)


def _arguments(documented: Node) -> tuple[Arguments, dict[str, str]]:
    """The parameters, as they stand, and the option that each alias is for."""
    arguments, aliases, room = Arguments(), {}, Room()
    book = SchemaBook(References({}), PARAMETERS)
    for name, raw in documented["options"].items():
        if len(arguments.properties) >= MOST_PARAMETERS or room.left <= 0:
            arguments.omitted += 1
            continue
        option = mapping(raw)
        schema = option_schema(option, room)
        tree, size = book.fitting(schema, room=arguments.room)
        others = option.get("aliases")
        names = [other for other in others if isinstance(other, str)] if isinstance(others, list) else []
        extra = {"x-aliases": names} if names else {}
        if "x-enum-descriptions" in schema and "enum" in tree:
            extra["x-enum-descriptions"] = schema["x-enum-descriptions"]
        aliases.update(dict.fromkeys(names, name))
        arguments.properties[name] = {**tree, **extra}
        arguments.room -= size - 1
        if is_true(option.get("required")):
            arguments.required.append(name)
    return arguments, aliases


def _returns(returned: Node) -> Node:
    book = SchemaBook(References({}), RETURNS)
    return book.fitting(return_schema(returned, Room()), room=RETURNS.room)[0]


def _examples(tasks: Any, *, names: set[str], known: Node, aliases: dict[str, str]) -> list[Node]:
    """The arguments that tasks give the module, where all of them are options; aliases are written out."""
    found: list[Node] = []
    for task in _tasks(tasks):
        given = next((task[name] for name in names if isinstance(task.get(name), dict)), None)
        if given is None:
            continue
        arguments = {aliases.get(key, key): value for key, value in given.items()}
        example = {"arguments": arguments}
        if arguments.keys() <= known.keys() and is_small(arguments, limit=MOST_BYTES) and example not in found:
            found.append(example)
            if len(found) == MOST_EXAMPLES:
                break
    return found


def _tasks(root: Any) -> Iterator[Node]:
    """The tasks in lists of tasks, blocks and plays, in their order."""
    left = MOST_TASKS
    stack = list(reversed(root)) if isinstance(root, list) else [root]
    while stack and left > 0:
        node = stack.pop()
        left -= 1
        if not isinstance(node, dict):
            continue
        yield node
        inner = [task for key in _TASK_LISTS if isinstance(node.get(key), list) for task in node[key]]
        stack.extend(reversed(inner))


def _meta(documented: Node, removal: Node) -> Node:
    meta: Node = {}
    needs = documented.get("requirements")
    if isinstance(needs, list):
        meta["requirements"] = [text[:200] for need in needs[:20] if (text := text_of(need))]
    since = text_of(documented.get("version_added"))
    if since:
        meta["version_added"] = since[:40]
    if removal:
        said = {
            "why": text_of(removal.get("why") or removal.get("warning_text"))[:400],
            "alternative": text_of(removal.get("alternative") or removal.get("alternatives"))[:400],
            "removed_in": text_of(removal.get("removed_in") or removal.get("removal_version")),
            "removed_at": text_of(removal.get("removed_at_date") or removal.get("removal_date")),
        }
        meta["deprecation"] = {key: text for key, text in said.items() if text}
    return meta
