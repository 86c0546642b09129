"""What the calls of one session left behind: resources by path, what was created where, what is gone, what was done."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from forge.records import JsonObject

MAX_SHOWN = 10_000
"""Resources whose shown fields are remembered; the oldest are forgotten first."""


class Store:
    """The state of one session.

    A resource's name is its path: ``api.example.com/shop:orders/42``.
    """

    __slots__ = ("actions", "calls", "changed", "created", "gone", "shown")

    def __init__(self) -> None:
        self.changed: dict[str, dict[str, Any]] = {}
        """What callers wrote, by resource."""
        self.created: dict[str, list[str]] = {}
        """Ids by collection, in the order of creation."""
        self.gone: set[str] = set()
        self.actions: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        """Creating calls so far: the same call twice creates two."""
        self.shown: dict[str, dict[str, Any]] = {}
        """Fields that answers showed, by resource: no later answer contradicts them. Not part of the state."""

    def create(self, collection: str, key: str, fields: Mapping[str, Any]) -> str:
        """Remember a new resource; its name."""
        name = f"{collection}/{key}"
        self._revive(collection)
        self._revive(name)
        self.created.setdefault(collection, []).append(key)
        self.changed[name] = dict(fields)
        return name

    def exists(self, collection: str, key: str) -> bool:
        """Whether this session created it."""
        return key in self.created.get(collection, ())

    def write(self, name: str, fields: Mapping[str, Any], *, whole: bool) -> None:
        """Remember what was written; ``whole`` forgets what was written before."""
        kept = {} if whole else self.changed.get(name, {})
        self._revive(name)
        self.changed[name] = {**kept, **fields}

    def delete(self, name: str) -> None:
        """Remember that it is gone, and with it all that lies under it."""
        collection, _, key = name.rpartition("/")
        if key in self.created.get(collection, ()):
            self.created[collection].remove(key)
        self.changed.pop(name, None)
        self.shown.pop(name, None)
        self.gone.add(name)

    def _revive(self, name: str) -> None:
        """Let what was deleted be there again; what lay under it stays lost."""
        if name not in self.gone:
            return
        self.gone.discard(name)
        under = f"{name}/"
        for held in (self.changed, self.shown, self.created):
            for lost in [other for other in held if other.startswith(under)]:
                del held[lost]

    def is_gone(self, name: str) -> bool:
        """Whether it, or what it lies under, was deleted."""
        if not self.gone:
            return False
        at = len(name)
        while at > 0:
            if name[:at] in self.gone:
                return True
            at = name.rfind("/", 0, at)
        return False

    def show(self, name: str, fields: Mapping[str, Any]) -> None:
        """Remember what an answer showed of a resource, by normal names."""
        kept = self.shown.get(name)
        if kept is None:
            if len(self.shown) >= MAX_SHOWN:
                del self.shown[next(iter(self.shown))]
            self.shown[name] = dict(fields)
        else:
            kept.update(fields)

    def state(self) -> JsonObject:
        """What callers changed, canonical; reads leave no trace in it."""
        return {
            "resources": {name: self.changed[name] for name in sorted(self.changed) if not self.is_gone(name)},
            "deleted": sorted(self.gone),
            "actions": {action: self.actions[action] for action in sorted(self.actions)},
        }
