"""Each hook does what its documentation says, seen from a plugin that implements it."""

import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, ClassVar

import pytest
import typer

from forge.hookspecs import PROJECT, hookimpl
from forge.host import Kind, PluginHost
from forge.records import ApiRecord

Load = Callable[..., PluginHost]


@pytest.fixture
def load() -> Iterator[Load]:
    """Makes a host of one plugin, a module with these hook implementations."""
    made = types.ModuleType("a_plugin_with_hooks")

    def make(*hooks: Callable[..., Any]) -> PluginHost:
        for hook in hooks:
            setattr(made, hook.__name__, hookimpl(hook))
        sys.modules[made.__name__] = made
        return PluginHost([EntryPoint("hooked", made.__name__, PROJECT)])

    yield make
    sys.modules.pop(made.__name__, None)


@dataclass(frozen=True, kw_only=True)
class Anything:
    name: ClassVar[str] = "anything"
    renders: ClassVar[type] = ApiRecord
    columns: ClassVar[tuple[str, ...]] = ("text",)
    size: int = 1


class Elsewhere:
    name: ClassVar[str] = "elsewhere"

    def __init__(self, *, workers: int) -> None:
        self.workers = workers


def forge_sources() -> list[type[Any]]:
    return [Anything]


def forge_filters() -> list[type[Any]]:
    return [Anything]


def forge_renderers() -> list[type[Any]]:
    return [Anything]


def forge_tokenizers() -> list[type[Any]]:
    return [Anything]


def forge_executors() -> list[type[Any]]:
    return [Elsewhere]


@pytest.mark.parametrize(
    ("hook", "kind"),
    [
        (forge_sources, "source"),
        (forge_filters, "filter"),
        (forge_renderers, "renderer"),
        (forge_tokenizers, "tokenizer"),
    ],
)
def test_what_a_hook_returns_is_offered_under_its_kind(load: Load, hook: Callable[..., Any], kind: Kind) -> None:
    host = load(hook)
    assert host.failures == []
    assert [(offer.kind, offer.name) for offer in host.offers()] == [(kind, "anything")]
    assert host.require(kind, "anything").step(size=3).size == 3


def test_forge_executors_are_made_with_workers(load: Load) -> None:
    host = load(forge_executors)
    assert host.require("executor", "elsewhere").step(workers=4).workers == 4


def test_forge_commands_are_handed_the_program(load: Load) -> None:
    def forge_commands(app: typer.Typer) -> None:
        app.command("hello")(lambda: None)

    app = typer.Typer()
    load(forge_commands).hook.forge_commands(app=app)
    assert [command.name for command in app.registered_commands] == ["hello"]


def test_forge_export_finished_is_handed_the_folder(load: Load, tmp_path: Path) -> None:
    told: list[Path] = []

    def forge_export_finished(folder: Path) -> None:
        told.append(folder)

    load(forge_export_finished).hook.forge_export_finished(folder=tmp_path)
    assert told == [tmp_path]


def test_a_hook_with_an_unknown_argument_fails_by_name(load: Load) -> None:
    def forge_export_finished(folder: Path, mood: str) -> None:
        """Asks for more than there is."""

    (failure,) = load(forge_export_finished).failures
    assert "mood" in failure.reason
