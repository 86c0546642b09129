"""What a benchmark holds that must not be trained on: questions, reference calls, final states, in one form for all.

A call and a JSON state are kept as their leaves: argument by argument the texts that its value may take, without the
order, the nesting and the quoting that hide a leak. Costs a few microseconds an item.
"""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson

Field = Literal["query", "reference", "state"]
FIELDS: tuple[Field, ...] = ("query", "reference", "state")
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One value of a call or a state.

    Attributes:
        key: the name it goes by; empty for a positional argument.
        values: the texts that it may take; any of them will do.
    """

    key: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing of a benchmark to look for.

    Attributes:
        benchmark: its name. item: id of the task within it. field: what of the task this is.
        text: to be found as words; empty where ``leaves`` are given.
        function: name of the function that is called; empty for a state.
        leaves: of a call, all must be found near its name; of a state, their share counts.
    """

    benchmark: str
    item: str
    field: Field
    text: str = ""
    function: str = ""
    leaves: tuple[Leaf, ...] = ()


def call_leaves(arguments: Mapping[str, Any], *, has_choices: bool = False) -> tuple[Leaf, ...]:
    """The leaves of a call's arguments or of a state, in the order of their keys.

    Args:
        has_choices: values are lists of acceptable values, as in BFCL's possible answers; what may be left out (a
            choice is the empty string) is no leaf.
    """
    return tuple(leaf for key in sorted(arguments) for leaf in _leaves(key, arguments[key], has_choices=has_choices))


def _leaves(key: str, value: Any, *, has_choices: bool) -> Iterator[Leaf]:
    choices = value if has_choices and isinstance(value, list) else [value]
    if has_choices and "" in choices:
        return
    nested = next((choice for choice in choices if isinstance(choice, Mapping)), None)
    if nested is not None:
        for name in sorted(nested):
            yield from _leaves(str(name), nested[name], has_choices=has_choices)
        return
    listed = next((choice for choice in choices if _holds_objects(choice)), None)
    if listed is not None:
        for element in listed:
            yield from _leaves(key, element, has_choices=has_choices and isinstance(element, Mapping))
        return
    texts = tuple(dict.fromkeys(text for choice in choices for text in _texts(choice)))
    if texts:
        yield Leaf(key=key, values=texts)


def _holds_objects(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and any(
        isinstance(inner, Mapping) or _holds_objects(inner) for inner in value
    )


def _texts(value: Any) -> Iterator[str]:
    """How a plain value, or a list of them, nested or not, may be written."""
    if isinstance(value, list):
        forms = [list(_texts(element)) for element in value]
        for choice in range(max((len(form) for form in forms), default=0)):
            yield " ".join(form[min(choice, len(form) - 1)] for form in forms if form)
    elif value is None:
        yield from ("null", "none")
    elif isinstance(value, (bool, str)):
        yield str(value)
    elif isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        yield from (str(value), str(int(value)))
    elif isinstance(value, int):
        yield from (str(value), f"{value}.0")
    else:
        yield str(value)


def parse_call(text: str) -> tuple[str, tuple[Leaf, ...]] | None:
    """Name and leaves of a call written as in Python; None if the text is none."""
    try:
        node = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if not isinstance(node, ast.Call):
        return None
    given = [("", value) for value in node.args] + [(keyword.arg or "", keyword.value) for keyword in node.keywords]
    leaves = [leaf for key, value in given for leaf in _written_leaves(key, value, text.strip())]
    return ast.unparse(node.func), tuple(leaves)


def _written_leaves(key: str, node: ast.expr, text: str) -> list[Leaf]:
    """The leaves of an argument; a single one may also be as the call has it: ``0.10``, ``1e3``."""
    leaves = list(_leaves(key, _plain(node), has_choices=False))
    if len(leaves) != 1 or isinstance(node, ast.Dict):
        return leaves
    is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
    more = None if is_text else ast.get_source_segment(text, node)
    if more is None or _WORD.findall(more.lower()) in [_WORD.findall(value.lower()) for value in leaves[0].values]:
        return leaves
    return [Leaf(key=key, values=(*leaves[0].values, more))]


def _plain(node: ast.expr) -> Any:
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return ast.unparse(node)
    return list(value) if isinstance(value, (tuple, set)) else value


def items_of(value: Any, *, benchmark: str, item: str, field: Field) -> Iterator[Item]:
    """The items in one value of a benchmark's record, whatever its shape.

    An object ``{"name", "arguments"}`` is a call, and so is text such as ``f(a=1)``; a list is taken element by
    element, one of numbers as a whole; any other object is a state. Text that is an object or a list of objects in JSON
    is taken for it; other text is words.
    """
    about: dict[str, Any] = {"benchmark": benchmark, "item": item, "field": field}
    if isinstance(value, str):
        value = _json(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        if not value:
            return
        if not (_holds_objects(value) or any(isinstance(element, str) for element in value)):
            value = " ".join(str(element) for element in value)
        else:
            for element in value:
                yield from items_of(element, **about)
            return
    if isinstance(value, Mapping):
        yield from _object_items(value, about)
    elif isinstance(value, str) and field == "reference" and (call := parse_call(value)):
        yield Item(function=call[0], leaves=call[1], **about)
    elif value is not None and value != "":
        yield Item(text=str(value), **about)


def _object_items(value: Mapping[str, Any], about: dict[str, Any]) -> Iterator[Item]:
    arguments = value.get("arguments", value.get("parameters"))
    if isinstance(arguments, str):
        arguments = _json(arguments)
    if isinstance(value.get("name"), str) and isinstance(arguments, Mapping):
        yield Item(function=value["name"], leaves=call_leaves(arguments), **about)
    elif isinstance(value.get("content"), str) and "role" in value:
        yield Item(text=value["content"], **about)
    else:
        yield Item(leaves=call_leaves(value), **about)


def _json(text: str) -> Any:
    """The object, or list of objects, that ``text`` is in JSON; else the text."""
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    return value if isinstance(value, dict) or _holds_objects(value) else text
