"""Rows of Gorilla's APIBench (TorchHub, TensorFlow Hub, Hugging Face) as APIs of kind model.

A row says ``domain``, ``functionality``, ``api_name``, ``api_call``, ``api_arguments`` (a table, a list, a text or
nothing), ``python_environment_requirements``, ``example_code``, ``performance``, ``description``; several of them
change shape from row to row. Who runs the model is told by the call. A row without a call that can be read, or without
a description, is a `Reject`. Cost: some 50 microseconds a row.

Source: ShishirPatil/gorilla, ``data/api`` (Patil et al., arXiv 2305.15334).
"""

import ast
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from forge.records import ApiRecord, Reject
from forge_sources.rows.reader import Row
from forge_sources.torchhub.signature import literal, type_of

LICENSE = "Apache-2.0"
EVIDENCE = "the collection's repository, ShishirPatil/gorilla: Apache License 2.0"
TORCH = "pytorch.org"
_NAMED_FIRST = re.compile(r"\(\s*repo_or_dir\s*=\s*(?=['\"])")
_TYPES: Mapping[str, str] = {
    **dict.fromkeys(("str", "string"), "string"),
    **dict.fromkeys(("bool", "boolean"), "boolean"),
    **dict.fromkeys(("int", "integer"), "integer"),
    **dict.fromkeys(("float", "number"), "number"),
    **dict.fromkeys(("list", "array"), "array"),
    **dict.fromkeys(("dict", "object"), "object"),
}
_LOADING = frozenset(
    {"repo_or_dir", "repository", "version", "model", "source", "trust_repo", "force_reload", "verbose"}
)
"""Arguments of ``torch.hub.load`` (and names that rows give them), which the model does not get."""
_NOTHING = frozenset({"", "n/a", "na", "none", "null", "not specified", "not provided", "unknown"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What an ``api_call`` names: who runs the model (`provider`, `service`), its `name`, and the `arguments` given."""

    provider: str
    service: str
    name: str
    function: str
    arguments: Mapping[str, Any]


def api_of_row(row: Row, *, source: str, license: str = LICENSE, evidence: str = EVIDENCE) -> ApiRecord | Reject:
    """The row as an API, or why it is none."""
    value = row.value
    if not isinstance(value, Mapping) or "api_call" not in value:
        return Reject(locator=row.locator, reason="the row has no api_call; is this APIBench?")
    call = read_call(value.get("api_call"), example=_code(value.get("example_code")))
    if isinstance(call, str):
        return Reject(locator=row.locator, reason=call)
    description = _text(value.get("description"))
    if not description:
        return Reject(locator=row.locator, reason="the row has no description")
    code = _code(value.get("example_code"))
    example = {"code": code, "language": "python"} if code else {}
    arguments = {"arguments": dict(call.arguments)} if call.arguments else {}
    known = {
        "api_call": value["api_call"],
        "api_name": _text(value.get("api_name")),
        "framework": _text(value.get("framework")),
        "functionality": _text(value.get("functionality")),
        "requirements": _listed(value.get("python_environment_requirements")),
        "performance": value.get("performance"),
    }
    return ApiRecord(
        provider=call.provider,
        service=call.service,
        name=call.name,
        kind="model",
        description=description,
        parameters=_parameters(value.get("api_arguments"), call),
        examples=({**arguments, **example},) if arguments or example else (),
        license=license,
        license_evidence=evidence,
        category=_text(value.get("domain")),
        meta={key: found for key, found in known.items() if found not in (None, "", [], {})},
        source=source,
        url=_address(call),
    )


def read_call(text: object, *, example: str = "") -> Call | str:
    """The call of a row, or why it cannot be read. It is parsed, never evaluated.

    Args:
        example: the row's code; where the call names a repository alone, the one model of it that is loaded there.
    """
    if not isinstance(text, str) or not text.strip():
        return "api_call is empty"
    # Some rows name the repository and then give the model by position, which Python refuses: the name goes.
    try:
        calls = _calls(_NAMED_FIRST.sub("(", text.strip()))
        found = [call for call in map(_named, calls) if call is not None]
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        why = error.msg if isinstance(error, SyntaxError) else type(error).__name__
        return f"api_call is not Python: {why}"
    if found:
        return found[0]
    repository = next((part for part in map(_repository, calls) if part), "")
    if not repository:
        return "api_call names no model that torch.hub, tfhub.dev or Hugging Face has"
    loaded = _loaded(example, repository)
    if len(loaded) == 1:
        return next(iter(loaded.values()))
    return f"api_call names the repository {repository}, and no model in it"


def _calls(source: str, *, mode: Literal["eval", "exec"] = "eval") -> list[ast.Call]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [each for each in ast.walk(ast.parse(source, mode=mode)) if isinstance(each, ast.Call)]


def _loaded(example: str, repository: str) -> dict[str, Call]:
    """The models of a repository that a row's code loads, by name; none where it cannot be read."""
    try:
        found = [call for call in map(_named, _calls(example, mode="exec")) if call is not None]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    service = repository.partition(":")[0]
    return {call.name: call for call in found if (call.provider, call.service) == (TORCH, service)}


def _repository(node: ast.Call) -> str:
    """The repository that a call of ``torch.hub.load`` names."""
    given = [*node.args[:1], *(keyword.value for keyword in node.keywords if keyword.arg == "repo_or_dir")]
    is_load = ast.unparse(node.func).endswith("hub.load")
    return next((str(each.value) for each in given if is_load and isinstance(each, ast.Constant)), "")


def _named(node: ast.Call) -> Call | None:
    function = ast.unparse(node.func)
    given: dict[str, Any] = {}
    for keyword in node.keywords:
        try:
            given[keyword.arg or ""] = literal(keyword.value)
        except ValueError:
            continue
    positional = [each.value if isinstance(each, ast.Constant) else None for each in node.args]
    if function.endswith("torch.hub.load") or function in ("hub.load", "torch.hub.load"):
        return _of_torch(function, positional, given) or _of_tensorflow(function, positional, given)
    if function.endswith("KerasLayer"):
        return _of_tensorflow(function, positional, given)
    return _of_hugging_face(function, positional, given)


def _of_torch(function: str, positional: list[Any], given: dict[str, Any]) -> Call | None:
    """``torch.hub.load(repo_or_dir, model, ...)``, by position or name."""
    values = given | dict(zip(("repo_or_dir", "model"), positional, strict=False))
    repository, model = values.pop("repo_or_dir", None), values.pop("model", None)
    if len(positional) > 1 and "model" in given:  # then it is the entry point's own
        values["model"] = given["model"]
    if not isinstance(repository, str) or not isinstance(model, str) or "/" not in repository or "://" in repository:
        return None
    service = repository.partition(":")[0]
    kept = {name: value for name, value in values.items() if name}
    return Call(provider=TORCH, service=service, name=model, function=function, arguments=kept)


def _of_tensorflow(function: str, positional: list[Any], given: dict[str, Any]) -> Call | None:
    address = positional[0] if positional else given.pop("handle", None)
    if not isinstance(address, str) or "tfhub.dev/" not in address:
        return None
    name = address.partition("tfhub.dev/")[2].strip("/")
    return Call(provider="tfhub.dev", service="models", name=name, function=function, arguments=given)


def _of_hugging_face(function: str, positional: list[Any], given: dict[str, Any]) -> Call | None:
    """``Class.from_pretrained(name)``, ``pipeline(task, model=name)``, and classes that take a name."""
    names = [given.get(key) for key in ("model", "pretrained_model_name_or_path", "repo_id", "model_id", "source")]
    candidates = [*names, *(positional[1:] if function.endswith("pipeline") else positional)]
    name = next((each for each in candidates if isinstance(each, str) and each), None)
    if name is None and function.endswith("pipeline") and positional and isinstance(positional[0], str):
        name = f"pipeline:{positional[0]}"
    if name is None:
        return None
    kept = {key: value for key, value in given.items() if key and value != name}
    return Call(provider="huggingface.co", service="models", name=name, function=function, arguments=kept)


def _address(call: Call) -> str | None:
    prefixes = {
        TORCH: f"https://github.com/{call.service}",
        "tfhub.dev": f"https://tfhub.dev/{call.name}",
        "huggingface.co": f"https://huggingface.co/{call.name}",
    }
    return None if call.name.startswith("pipeline:") else prefixes[call.provider]


def _parameters(stated: Any, call: Call) -> dict[str, Any]:
    """The arguments that the row describes, then those of the call itself, with their types."""
    others = {call.name, *(_LOADING if call.provider == TORCH else ())}
    described = [(name, text) for name, text in _arguments(stated) if name.isidentifier() and name not in others]
    properties = {name: _described(name, text) for name, text in described}
    for name, value in call.arguments.items():
        if call.provider != TORCH or name not in _LOADING - {"model"}:
            properties[name] = {**properties.get(name, {}), **type_of(value)}
    return {"type": "object", "properties": properties} if properties else {}


def _arguments(stated: Any) -> list[tuple[str, Any]]:
    """Names with what is said of them: a table of them, a list of such, or of ``{name, type, description}``."""
    if isinstance(stated, Mapping):
        if isinstance(stated.get("name"), str) and stated.keys() & {"type", "description", "default"}:
            return [(stated["name"].strip(), {key: part for key, part in stated.items() if key != "name"})]
        return [(str(name), text) for name, text in stated.items()]
    if isinstance(stated, str):
        return [(name.strip(), None) for name in stated.split(",")] if stated.lower() not in _NOTHING else []
    if not isinstance(stated, list):
        return []
    return [
        pair for each in stated for pair in (_arguments(each) if isinstance(each, Mapping) else [(str(each), None)])
    ]


def _described(name: str, text: Any) -> dict[str, Any]:
    """A value such as ``True`` is an example and tells the type; a sentence is the description.

    A bare word may be a variable of the example's code as well as a value: it tells no type.
    """
    if isinstance(text, Mapping):
        described = {"type": _TYPES.get(str(text.get("type")).lower()), "description": _text(text.get("description"))}
        return {key: part for key, part in described.items() if part}
    if not isinstance(text, str):
        return {**type_of(text), "examples": [text]} if isinstance(text, bool | int | float) else {}
    text = text.strip()
    if not text or (text.isidentifier() and text not in ("True", "False", "None")):
        return {"examples": [text]} if text and _folded(text) != _folded(name) else {}
    try:
        value = literal(ast.parse(text, mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {"description": text} if " " in text else {"type": "string", "examples": [text]}
    return {**type_of(value), "examples": [value]}


def _folded(name: str) -> str:
    return name.replace("_", "").lower()


def _code(value: Any) -> str:
    """Example code, whether one text, a list of lines, or a table of parts in order."""
    if isinstance(value, Mapping):
        return "\n".join(part for part in map(_code, value.values()) if part)
    if isinstance(value, list):
        return "\n".join(part for part in map(_code, value) if part)
    return _text(value)


def _listed(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [
            f"{name} {text}".strip() if isinstance(text, str) and text != name else str(name)
            for name, text in value.items()
        ]
    if isinstance(value, list):
        return [each for part in value for each in _listed(part)]
    return [part.strip() for part in _text(value).split(",") if part.strip()]


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) and value.strip().lower() not in _NOTHING else ""
