"""The recipe: ``forge.toml``, read and checked before anything runs.

    seed = 7                       # every random choice derives from it
    [llm]                          # model, concurrency, timeout, prices; see `forge.recipe_llm`
    [tokenizer]                    # name = "bpe" and its options
    [[source]]                     # name, label, max_reject_rate; all other keys are the source's options
    [[render]]                     # name, label; what turns API records into documents
    [[filter]]                     # name, label, min_drop_rate, max_drop_rate; in the order in which they judge
    [export.NAME]                  # mix, max_tokens, shard_tokens, sources, allow_licences, max_share_per_provider

Unknown keys are errors that suggest the nearest known one. Reading costs a few milliseconds.
"""

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from forge.errors import RecipeError
from forge.licences import AllowList
from forge.llm import LlmSettings
from forge.options import nearest
from forge.recipe_llm import read_llm
from forge.records import DOMAINS

FILE_NAME = "forge.toml"
TOP_KEYS = ("seed", "llm", "tokenizer", "source", "render", "filter", "export")
DEFAULT_REJECT_RATE = 0.05
RATES: Mapping[str, Sequence[str]] = {"source": ("max_reject_rate",), "filter": ("min_drop_rate", "max_drop_rate")}
"""Shares that the engine holds a step to, by the kind of table; no options of the step."""
WORD = 1 << 63
"""Whole numbers stay below it: manifests and tables hold them in 64 bits."""
LABEL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
LABEL_RULE = "use letters, digits, - _ and . only, and no . at the beginning"
"""Labels and names of exports become names of folders."""


@dataclass(frozen=True, kw_only=True)
class StepTable:
    """One step of the recipe, not yet checked against its plugin.

    Attributes:
        name: the plugin's name for it. label: its name in this recipe, unique; the plugin's name unless given.
        options: all other keys. key: where it stands in the file, for messages.
        max_reject_rate: share of unreadable records, 0 to 1, above which a source's run fails.
        min_drop_rate, max_drop_rate: share of the documents that reach a filter, 0 to 1, less or more than which it
            may not drop; None: no lower limit, and the filter's own upper one.
    """

    name: str
    label: str
    key: str
    options: Mapping[str, Any] = field(default_factory=dict)
    max_reject_rate: float = DEFAULT_REJECT_RATE
    min_drop_rate: float | None = None
    max_drop_rate: float | None = None


class ExportTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An export.

    Attributes:
        mix: parts of agent, code and text tokens, as ``a:c:t``.
        max_tokens: size at most, in tokens; None takes all that the scarcest domain allows.
        shard_tokens: a shard ends at the first document that reaches this many tokens.
        sources: labels of sources and renderers to draw on; None draws on all.
        allow_licences: SPDX identifiers, ``permissive`` or ``unknown``; None allows everything.
        max_share_per_provider: of a domain's tokens, 0 to 1; None caps nobody.
    """

    mix: str = "1:1:1"
    max_tokens: int | None = None
    shard_tokens: int = 1 << 27
    sources: tuple[str, ...] | None = None
    allow_licences: tuple[str, ...] | None = None
    max_share_per_provider: float | None = None


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A whole recipe. ``exports`` keeps the file's order; the first is the default export."""

    path: Path
    seed: int
    tokenizer: StepTable
    sources: Sequence[StepTable]
    renderers: Sequence[StepTable]
    filters: Sequence[StepTable]
    exports: Mapping[str, ExportTable]
    llm: LlmSettings = field(default_factory=LlmSettings)

    def export(self, name: str | None) -> tuple[str, ExportTable]:
        """The export of that name, or the first.

        Raises:
            RecipeError: the recipe has no such export, or none at all.
        """
        if not self.exports:
            raise RecipeError("there is no [export.NAME] table; add one", file=self.path)
        chosen = name if name is not None else next(iter(self.exports))
        if chosen not in self.exports:
            raise RecipeError(f"no such export: {nearest(chosen, list(self.exports))}", file=self.path, key="export")
        return chosen, self.exports[chosen]


def parse_mix(mix: str, *, file: object = None, key: str = "mix") -> dict[str, float]:
    """Shares by domain, summing to 1, from ``agent:code:text`` parts such as ``1:1:1`` or ``36:34:30``.

    Raises:
        RecipeError: not three numbers, one is negative, or all are zero.
    """
    try:
        parts = [float(part) for part in mix.split(":")]
    except ValueError:
        parts = []
    total = sum(parts)
    if len(parts) != len(DOMAINS) or not all(part >= 0 for part in parts) or not 0 < total < math.inf:
        raise RecipeError(f"{mix!r} is no mix: expected agent:code:text, for example 1:1:1", file=file, key=key)
    return {domain: part / total for domain, part in zip(DOMAINS, parts, strict=True)}


def load_recipe(path: Path) -> Recipe:
    """Read and check a recipe.

    Raises:
        RecipeError: naming file and key.
    """
    return parse_recipe(read_text(path), path=path)


def read_text(path: Path) -> str:
    """A recipe's text, with its line ends as they are.

    Raises:
        RecipeError: there is no file, or it cannot be read.
    """
    try:
        return path.read_bytes().decode()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        message = "there is no recipe here; go to a workspace, name one with -C DIR, or make one with `forge init`"
        raise RecipeError(message, file=path) from error
    except OSError as error:
        raise RecipeError(f"cannot be read ({error.strerror}); check its path and permissions", file=path) from error
    except UnicodeDecodeError as error:
        raise RecipeError(f"not TOML: {error}; save it as UTF-8", file=path) from error


def parse_recipe(text: str, *, path: Path) -> Recipe:
    """Check a recipe's text; ``path`` is where it stands or will stand.

    Raises:
        RecipeError: naming file and key.
    """
    try:
        data = tomllib.loads(text)
    except ValueError as error:  # also a number of more digits than Python reads
        raise RecipeError(f"not TOML: {error}", file=path) from error
    for key in data:
        if key not in TOP_KEYS:
            raise RecipeError(f"unknown key: {nearest(key, TOP_KEYS)}", file=path, key=key)
    seed = data.get("seed", 0)
    if not _is_whole(seed) or not 0 <= seed < WORD:
        raise RecipeError(f"expected a whole number from 0 to 2^63 - 1, found {seed!r}", file=path, key="seed")
    recipe = Recipe(
        path=path,
        seed=seed,
        tokenizer=_step(data.get("tokenizer", {"name": "bpe"}), "tokenizer", path=path),
        sources=_steps(data, "source", path=path),
        renderers=_steps(data, "render", path=path),
        filters=_steps(data, "filter", path=path),
        exports=_exports(data.get("export", {}), path=path),
        llm=read_llm(data.get("llm", {}), file=path),
    )
    _check_labels(recipe)
    return recipe


def _steps(data: Mapping[str, Any], key: str, *, path: Path) -> list[StepTable]:
    tables = data.get(key, [])
    if not isinstance(tables, list):
        raise RecipeError(f"write it as [[{key}]], one table a step", file=path, key=key)
    return [_step(table, f"{key}[{position}]", path=path) for position, table in enumerate(tables)]


def _step(table: object, key: str, *, path: Path) -> StepTable:
    if not isinstance(table, dict) or not isinstance(table.get("name"), str):
        raise RecipeError('expected a table with name = "..."; see `forge plugins`', file=path, key=key)
    options = dict(table)
    name = options.pop("name")
    label = options.pop("label", name)
    rates: dict[str, float] = {}
    for option in RATES.get(key.partition("[")[0], ()):
        if option in options:
            rates[option] = _share(options.pop(option), file=path, key=f"{key}.{option}")
    if not isinstance(label, str) or not LABEL.fullmatch(label):
        raise RecipeError(f"{label!r} is no label: {LABEL_RULE}", file=path, key=f"{key}.label")
    if rates.get("min_drop_rate", 0.0) > rates.get("max_drop_rate", 1.0):
        raise RecipeError("it is above max_drop_rate: no rate would do", file=path, key=f"{key}.min_drop_rate")
    return StepTable(name=name, label=label, key=key, options=options, **rates)


def _share(value: object, *, file: Path, key: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise RecipeError(f"expected a share from 0 to 1, found {value!r}", file=file, key=key)
    return float(value)


def _exports(tables: object, *, path: Path) -> dict[str, ExportTable]:
    if not isinstance(tables, dict):
        raise RecipeError("write it as [export.NAME], one table an export", file=path, key="export")
    return {name: _export(name, table, path=path) for name, table in tables.items()}


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _export(name: str, table: object, *, path: Path) -> ExportTable:
    key = f"export.{name}"
    if not LABEL.fullmatch(name):
        raise RecipeError(f"{name!r} is no name of an export: {LABEL_RULE}", file=path, key="export")
    known = ExportTable.__struct_fields__
    if isinstance(table, dict):
        for option in table:
            if option not in known:
                raise RecipeError(f"unknown key: {nearest(option, known)}", file=path, key=f"{key}.{option}")
    try:
        export = msgspec.convert(table, ExportTable)
    except msgspec.ValidationError as error:
        raise RecipeError(str(error), file=path, key=key) from error
    parse_mix(export.mix, file=path, key=f"{key}.mix")
    for option in ("max_tokens", "shard_tokens"):
        value = getattr(export, option)
        if value is not None and not 1 <= value < WORD:
            raise RecipeError(f"expected 1 or more, below 2^63, found {value}", file=path, key=f"{key}.{option}")
    check_limits(export, file=path, key=key)
    return export


def check_limits(export: ExportTable, *, file: object = None, key: str = "export") -> None:
    """Check what an export may hold: licences and the providers' cap.

    Raises:
        RecipeError: an entry is no licence, or the share is none.
    """
    if export.allow_licences is not None:
        AllowList(export.allow_licences, file=file, key=f"{key}.allow_licences")
    cap = export.max_share_per_provider
    if cap is not None and not 0 < cap <= 1:
        message = f"expected a share above 0, up to 1, found {cap}"
        raise RecipeError(message, file=file, key=f"{key}.max_share_per_provider")


def _check_labels(recipe: Recipe) -> None:
    seen: dict[str, str] = {}
    for step in (*recipe.sources, *recipe.renderers):
        if step.label in seen:
            message = f"the label {step.label!r} is taken by {seen[step.label]}; give this one its own `label`"
            raise RecipeError(message, file=recipe.path, key=f"{step.key}.label")
        seen[step.label] = step.key
    filters: set[str] = set()
    for step in recipe.filters:
        if step.label in filters:
            message = f"the label {step.label!r} is taken; give this one its own `label`"
            raise RecipeError(message, file=recipe.path, key=f"{step.key}.label")
        filters.add(step.label)
    for name, export in recipe.exports.items():
        for label in export.sources or ():
            if label not in seen:
                message = f"no source or renderer is labelled {label!r}: {nearest(label, list(seen))}"
                raise RecipeError(message, file=recipe.path, key=f"export.{name}.sources")
