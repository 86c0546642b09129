"""The plugin host: finds plugins by entry point, loads each in isolation, and knows who offers what.

A plugin that fails to import, implements a hook that does not exist, or offers a name that is taken is recorded as a
`PluginFailure` and left out; the others are not harmed. The failure becomes fatal when a recipe needs a name that only
the failed plugin could have offered, or that two plugins offer. Our own distribution's entry points are walked first,
then all others sorted by name, so that what a machine offers never depends on the order of installation.

Cost: reading the entry points of every installed distribution, some tens of milliseconds, and importing the plugins.
"""

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, is_dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

import pluggy

from forge import hookspecs
from forge.errors import PluginError

OWN_DISTRIBUTION = "hephaestus-forge"
Kind = Literal["source", "filter", "renderer", "tokenizer", "executor"]
KINDS: tuple[Kind, ...] = ("source", "filter", "renderer", "tokenizer", "executor")


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a plugin comes from: entry-point name, distribution, version of the distribution."""

    plugin: str
    distribution: str
    version: str


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A step class that a plugin offers under a name."""

    kind: Kind
    name: str
    step: type[Any]
    origin: Origin


@dataclass(frozen=True, kw_only=True)
class PluginFailure:
    """A plugin that was left out, and why in one line. ``names`` are what it would have offered, where known."""

    origin: Origin
    reason: str
    names: frozenset[tuple[str, str]] = frozenset()


class PluginHost:
    """The plugins of this environment.

    Args:
        points: entry points to walk instead of the installed ones, for tests and embedding.
    """

    def __init__(self, points: Iterable[EntryPoint] | None = None) -> None:
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self.failures: list[PluginFailure] = []
        self._offers: dict[tuple[str, str], Offer] = {}
        found = entry_points(group=hookspecs.PROJECT) if points is None else points
        for point in sorted(found, key=_walk_order):
            self._load(point)

    @property
    def hook(self) -> Any:
        """The registered hooks, for the two that are called rather than collected."""
        return self._manager.hook

    def offers(self, kind: Kind | None = None) -> Iterator[Offer]:
        """What is offered, by kind and name."""
        for key in sorted(self._offers):
            if kind in (None, key[0]):
                yield self._offers[key]

    def require(self, kind: Kind, name: str) -> Offer:
        """The offer of this kind and name.

        Raises:
            PluginError: nobody offers it (with the nearest name and the plugins that failed), or two plugins do.
        """
        offer = self._offers.get((kind, name))
        rivals = [failure for failure in self.failures if (kind, name) in failure.names]
        if offer is None:
            raise PluginError(self._missing(kind, name))
        if rivals:
            other = rivals[0].origin
            raise PluginError(
                f"two plugins offer the {kind} {name!r}: {_say(offer.origin)} and {_say(other)}; uninstall one of them"
            )
        return offer

    def _missing(self, kind: Kind, name: str) -> str:
        names = [offer.name for offer in self.offers(kind)]
        near = difflib.get_close_matches(name, names, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names) or 'none'}"
        failed = "; ".join(f"{_say(failure.origin)} failed to load: {failure.reason}" for failure in self.failures)
        return f"no {kind} named {name!r}: {hint}" + (f" ({failed})" if failed else "") + "; see `forge plugins`"

    def _load(self, point: EntryPoint) -> None:
        origin = _origin(point)
        offers: Sequence[Offer] = ()
        plugin: object = None
        try:
            plugin = point.load()
            self._manager.register(plugin, name=f"{origin.distribution}:{origin.plugin}")
            self._manager.check_pending()
            offers = list(self._collect(plugin, origin))
            taken = [offer for offer in offers if (offer.kind, offer.name) in self._offers]
            if taken:
                owner = self._offers[taken[0].kind, taken[0].name].origin
                raise PluginError(f"the {taken[0].kind} {taken[0].name!r} is already offered by {_say(owner)}")
        except (Exception, SystemExit) as error:  # noqa: BLE001  the boundary: whatever a plugin does, the others live
            names = frozenset((offer.kind, offer.name) for offer in offers)
            reason = self._reason(error)
            self.failures.append(PluginFailure(origin=origin, reason=reason, names=names))
            if plugin is not None and self._manager.is_registered(plugin):
                self._manager.unregister(plugin)
            return
        self._offers.update({(offer.kind, offer.name): offer for offer in offers})

    def _reason(self, error: BaseException) -> str:
        """One line; of a hook that does not exist, the nearest that does."""
        text = _one_line(error)
        unknown = re.search(r"unknown hook '(\w+)'", text)
        if unknown is None:
            return text
        near = difflib.get_close_matches(unknown[1], [name for name in dir(hookspecs) if name.startswith("forge_")], 1)
        return f"unknown hook {unknown[1]!r}" + (f": did you mean {near[0]!r}?" if near else "; see docs/hooks.md")

    def _collect(self, plugin: object, origin: Origin) -> Iterator[Offer]:
        seen: set[tuple[str, str]] = set()
        others = [other for other in self._manager.get_plugins() if other is not plugin]
        for kind in KINDS:
            caller = self._manager.subset_hook_caller(f"forge_{kind}s", others)
            for classes in caller():
                for step in classes:
                    name = _check_class(step, kind)
                    if (kind, name) in seen:
                        raise PluginError(f"the {kind} {name!r} is offered twice by the same plugin")
                    seen.add((kind, name))
                    yield Offer(kind=kind, name=name, step=step, origin=origin)


def plugin_rows(host: PluginHost) -> list[dict[str, str]]:
    """One row an offered step and one a failed plugin: name, kind, plugin, distribution, version, state, failure."""
    rows = [
        {"name": offer.name, "kind": offer.kind, **_origin_row(offer.origin), "state": "ok", "failure": ""}
        for offer in host.offers()
    ]
    rows.extend(
        {
            "name": failure.origin.plugin,
            "kind": "plugin",
            **_origin_row(failure.origin),
            "state": "failed",
            "failure": failure.reason,
        }
        for failure in host.failures
    )
    return rows


def _origin_row(origin: Origin) -> dict[str, str]:
    return {"plugin": origin.plugin, "distribution": origin.distribution, "version": origin.version}


def _walk_order(point: EntryPoint) -> tuple[bool, str, str]:
    origin = _origin(point)
    return (origin.distribution != OWN_DISTRIBUTION, origin.plugin, origin.distribution)


def _origin(point: EntryPoint) -> Origin:
    distribution = point.dist
    if distribution is None:
        return Origin(plugin=point.name, distribution=point.value, version="")
    return Origin(plugin=point.name, distribution=distribution.name, version=distribution.version)


def _say(origin: Origin) -> str:
    return f"plugin {origin.plugin!r} of {origin.distribution} {origin.version}".rstrip()


def _check_class(step: object, kind: Kind) -> str:
    if not isinstance(step, type):
        raise PluginError(f"forge_{kind}s returned {step!r}: expected a class")
    name = getattr(step, "name", None)
    if not isinstance(name, str) or not name:
        raise PluginError(f"{step.__module__}.{step.__qualname__} has no class attribute `name`")
    if kind != "executor" and not is_dataclass(step):
        raise PluginError(f"{step.__module__}.{step.__qualname__} is not a dataclass; its fields are its options")
    return name


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
