"""Sections: what a filter or source has to say of itself, for the report of an export.

Plain data: a few lines, warnings, bars and tables. The report draws them, so that a step knows nothing of pages. Costs
the standard library.
"""

from collections.abc import Sequence
from dataclasses import dataclass

Cell = str | int | float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under a title.

    Attributes:
        columns: their heads. rows: as many cells each; numbers stand to the right, None is a dash.
        folded: shown when asked for: for what is long or seldom looked at.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    folded: bool = False

    def __post_init__(self) -> None:
        widths = {len(row) for row in self.rows} - {len(self.columns)}
        if widths:
            raise ValueError(f"table {self.title!r}: {len(self.columns)} columns, but a row of {min(widths)} cells")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar. ``note`` stands beside its value."""

    label: str
    value: int | float
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """Bars under a title, the longest as long as there is room. ``unit``: of their values."""

    title: str
    unit: str
    bars: Sequence[Bar]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """What a filter or source reports.

    Attributes:
        title: of a few words. lines: sentences. warnings: sentences that a reader must not miss.
        bars: drawn before the tables.
    """

    title: str
    lines: Sequence[str] = ()
    warnings: Sequence[str] = ()
    bars: Sequence[Bars] = ()
    tables: Sequence[Table] = ()
