"""The keys of ``plan.toml``, from the typed tables of `forge_trainer.plan` and their docstrings."""

import inspect
import re
import typing

import msgspec

from forge_trainer.plan import ModelPlan, OptimizerPlan, Plan, StagePlan
from reference_markdown import plain_type, table

TABLES: tuple[tuple[str, type[msgspec.Struct]], ...] = (
    ("Top level", Plan),
    ("`[model]`", ModelPlan),
    ("`[optimizer]`", OptimizerPlan),
    ("`[[stage]]`", StagePlan),
)


def plan_keys() -> str:
    """A table a table of the plan: key, type, default, meaning."""
    return "\n\n".join(f"### {heading}\n\n{_about(kind)}\n\n{_keys(kind)}" for heading, kind in TABLES)


def _about(kind: type[msgspec.Struct]) -> str:
    return (inspect.getdoc(kind) or "").partition("\n\n")[0].replace("``", "`")


def _keys(kind: type[msgspec.Struct]) -> str:
    meanings = _meanings(kind)
    rows = []
    for field in msgspec.structs.fields(kind):
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            continue
        if field.name == "stages":
            continue
        shown = "required" if field.required else _default(field)
        rows.append([f"`{field.encode_name}`", f"`{_type(field.type)}`", shown, meanings[field.name]])
    return table(["key", "type", "default", "meaning"], rows)


def _type(hint: object) -> str:
    if typing.get_origin(hint) is typing.Literal:
        return " | ".join(f'"{choice}"' for choice in typing.get_args(hint))
    return plain_type(hint).removesuffix(" | None")


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.default is None:
        return "none"
    shown = f'"{field.default}"' if isinstance(field.default, str) else str(field.default).lower()
    return f"`{shown}`"


def _meanings(kind: type[msgspec.Struct]) -> dict[str, str]:
    """What the docstring's Attributes say, by key; "a, b: text" speaks of both."""
    text = (inspect.getdoc(kind) or "").partition("Attributes:\n")[2]
    entries = re.split(r"\n    (?=\w)", "\n" + text)[1:]
    meanings = {}
    for entry in entries:
        names, _, meaning = " ".join(entry.split()).partition(": ")
        for name in names.split(", "):
            meanings[name] = meaning.replace("``", "`")
    return meanings
