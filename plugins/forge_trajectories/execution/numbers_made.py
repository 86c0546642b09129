"""Numbers made for a field: in the range that its name suggests, within the schema's bounds. A microsecond each."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from forge_trajectories.execution import texts_made
from forge_trajectories.picking import Picks
from forge_trajectories.plain_text import words

_INT32 = 2_147_483_647
_INT64 = 9_007_199_254_740_991
"""The largest whole number that every JSON reader keeps."""
_HUNDREDTH = 0.01

_RANGES: Mapping[str, tuple[int, int]] = {
    "page": (1, 4), "limit": (10, 50), "size": (10, 50), "count": (1, 40), "total": (4, 400), "offset": (0, 40),
    "skip": (0, 40), "max": (10, 90), "year": (2023, 2026), "month": (1, 12), "day": (1, 28), "hour": (0, 23),
    "age": (19, 80), "quantity": (1, 9), "id": (1_000, 99_999), "number": (100, 9_999), "port": (1_024, 9_999),
    "percent": (1, 99), "percentage": (1, 99), "rating": (1, 5), "score": (1, 99), "zoom": (3, 16),
    "latitude": (-60, 60), "lat": (-60, 60), "longitude": (-150, 150), "lon": (-150, 150), "lng": (-150, 150),
    "price": (5, 500), "amount": (5, 900), "cost": (5, 500), "weight": (1, 80), "height": (10, 300),
    "width": (10, 300), "duration": (5, 180), "timeout": (5, 60), "seconds": (5, 90), "minutes": (5, 90),
    "version": (1, 9), "priority": (1, 5), "level": (1, 5), "order": (1, 20), "position": (1, 20), "index": (0, 20),
    "code": (100, 999), "bytes": (1_000, 900_000), "ms": (100, 9_000), "millis": (100, 9_000),
    "milliseconds": (100, 9_000),    "temperature": (0, 35), "radius": (1, 50), "days": (1, 30),
}  # fmt: skip
_WHOLE = frozenset({"id", "count", "page", "limit", "year", "quantity", "total", "number"})
_MOMENTS = frozenset({"timestamp", "at", "created", "updated"})
_EPOCHS = ("unix-time", "unixtime", "timestamp")


def number(name: str, schema: Mapping[str, Any], picks: Picks, *, whole: bool) -> int | float:
    """A number for a field called ``name``; ``whole`` for an integer."""
    parts = words(name)
    last = parts[-1].lower() if parts else ""
    fractional = not whole and last not in _WHOLE
    if schema.get("format") in _EPOCHS or last in _MOMENTS or (whole and last in ("time", "date")):
        return _bounded(texts_made.epoch(picks), schema, picks, step=1)
    low, high = _RANGES.get(last) or _RANGES.get(last.removesuffix("s")) or (1, 100)
    value = low + picks.below(high - low + 1) + (picks.below(100) / 100 if fractional else 0)
    return _bounded(value, schema, picks, step=_HUNDREDTH if fractional else 1)


def _bounded(value: float, schema: Mapping[str, Any], picks: Picks, *, step: float) -> int | float:
    """``value`` if the schema's bounds take it, else one within them."""
    whole = step == 1
    most = float(_INT32 if schema.get("format") == "int32" else _INT64)
    low, high = (
        _bound(schema, ("minimum", "exclusiveMinimum"), -most, max),
        _bound(schema, ("maximum", "exclusiveMaximum"), most, min),
    )
    multiple = schema.get("multipleOf")
    if isinstance(multiple, (int, float)) and multiple > 0:
        value = _within((low, high), schema, picks, step=float(multiple))
    elif not low <= value <= high or value in (schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")):
        value = _within((low, high), schema, picks, step=step)
    if whole and float(value).is_integer():
        return int(value)
    return round(value, 6) if round(value, 6) else value


def _within(bounds: tuple[float, float], schema: Mapping[str, Any], picks: Picks, *, step: float) -> float:
    """A multiple of ``step`` between the bounds; if there is none, something between them."""
    low, high = bounds
    first, last = math.ceil(low / step), math.floor(high / step)
    first += first * step == schema.get("exclusiveMinimum")
    last -= last * step == schema.get("exclusiveMaximum")
    if last < first:
        return (low + high) / 2
    near = min(max(first, 0), last)
    chosen = near + picks.below(min(last - near, 100) + 1)
    return chosen / 100 if step == _HUNDREDTH else chosen * step


def _bound(
    schema: Mapping[str, Any], keys: Iterable[str], otherwise: float, tighter: Callable[[list[float]], float]
) -> float:
    given = [schema.get(key) for key in keys]
    known = [float(item) for item in given if isinstance(item, (int, float)) and not isinstance(item, bool)]
    return tighter([otherwise, *known])
