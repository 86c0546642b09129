"""The report page and the dataset card of an export.

`render_report` and `render_card` turn data into text and touch no file. Importing costs the contracts; jinja2 is
imported when a page is drawn.
"""

from forge.report.card import render_card
from forge.report.data import FilterRow, ReportData, SourceRow, StageCurve, TripwireRow, read_training
from forge.report.page import render_report

__all__ = [
    "FilterRow",
    "ReportData",
    "SourceRow",
    "StageCurve",
    "TripwireRow",
    "read_training",
    "render_card",
    "render_report",
]
