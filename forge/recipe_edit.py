"""Edits of ``forge.toml`` that keep its comments and layout, through `tomlkit`.

An edit is checked as a recipe before it takes the file's place, so that a refused edit changes nothing.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from forge.errors import RecipeError
from forge.files import write_text
from forge.options import nearest
from forge.recipe import load_recipe


def add_source(path: Path, *, name: str, label: str | None, options: Mapping[str, Any]) -> None:
    """Append a ``[[source]]`` table after the last one.

    Raises:
        RecipeError: the label is taken, or the file is no recipe.
    """
    import tomlkit

    document = _parse(path)
    table = tomlkit.table()
    table["name"] = name
    if label is not None and label != name:
        table["label"] = label
    for key, value in options.items():
        table[key] = value
    array = document.get("source")
    if array is None:
        array = tomlkit.aot()
        document["source"] = array
    array.append(table)
    lines = tomlkit.dumps(document).rstrip("\n").split("\n")
    start = max(index for index, line in enumerate(lines) if line.strip() == "[[source]]")
    blank = [""] if start and lines[start - 1].strip() else []
    _write(path, "\n".join([*lines[:start], *blank, *lines[start:]]) + "\n")


def remove_source(path: Path, label: str) -> dict[str, Any]:
    """Take out the ``[[source]]`` table with this label; returns what stood in it.

    Raises:
        RecipeError: there is no such source, or an export still draws on it.
    """
    import tomlkit

    document = _parse(path)
    tables = document.get("source", [])
    labels = [str(table.get("label", table.get("name"))) for table in tables]
    if label not in labels:
        raise RecipeError(f"no source is labelled {label!r}: {nearest(label, labels)}", file=path, key="source")
    index = labels.index(label)
    removed = dict(tables[index].unwrap())
    del tables[index]
    if not tables:
        del document["source"]
    _write(path, tomlkit.dumps(document))
    return removed


def _parse(path: Path) -> Any:
    import tomlkit
    from tomlkit.exceptions import ParseError

    if not path.is_file():
        raise RecipeError("there is no recipe here; `forge init` makes one", file=path)
    try:
        return tomlkit.parse(path.read_text(encoding="utf-8"))
    except ParseError as error:
        raise RecipeError(f"not TOML: {error}", file=path) from error


def _write(path: Path, text: str) -> None:
    """Check the new text as a recipe, then put it in place."""
    trial = path.with_name(f".{path.name}.tmp")
    try:
        trial.write_text(text, encoding="utf-8")
        try:
            load_recipe(trial)
        except RecipeError as error:
            raise RecipeError(str(error).removeprefix(f"{trial}: "), file=path) from error
    finally:
        trial.unlink(missing_ok=True)
    write_text(path, text)
