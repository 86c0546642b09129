"""The report: one HTML page that holds all it shows and asks the network for nothing.

Strings come from APIs and packages that strangers wrote: every one is escaped, and a content security policy inside the
page forbids scripts and requests should one slip through. The page is a pure function of its data. It costs some tens
of milliseconds, most of it jinja2's import and the template's compilation.
"""

from typing import TYPE_CHECKING

from forge import figures
from forge.records import UNKNOWN_LICENSE
from forge.report import chart as charts
from forge.report import view
from forge.report.data import ReportData

if TYPE_CHECKING:
    import jinja2

TEMPLATE = "report.html.j2"


def render_report(data: ReportData) -> str:
    """The page as HTML text; equal data give equal text."""
    return (
        _environment()
        .get_template(TEMPLATE)
        .render(
            data=data,
            manifest=data.manifest,
            domains=view.domain_rows(data),
            funnel=view.funnel(data),
            charts=[charts.chart(curve) for curve in data.training],
            frame=charts,
            unknown=UNKNOWN_LICENSE,
            unknown_share=view.unknown_share(data.manifest),
        )
    )


def _environment() -> "jinja2.Environment":
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("forge.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "number": figures.number,
        "compact": figures.compact,
        "percent": figures.percent,
        "points": figures.points,
        "size": figures.size,
        "duration": figures.duration,
        "by_tokens": view.by_tokens,
        "ranked": view.ranked,
    }
    return environment
