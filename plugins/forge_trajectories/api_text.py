"""Renderer ``api-text``: an API record as one page of documentation for pre-training, in one of five surface forms.

The form follows from the record's id, and so do headings, order and wordings within it: a model should learn what is
documented, not one template. Everything said is in the record; what finds no room is cut, and the cut is said. Some
0.1 milliseconds a record.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from forge.records import ApiRecord, Document, stable_id
from forge.steps import option
from forge_trajectories import form_manual, form_markdown, form_python, form_schema, form_terminal
from forge_trajectories.api_view import ApiView, view
from forge_trajectories.picking import Picks
from forge_trajectories.plain_text import clip, fit_for_arrow

Form = Callable[[ApiView, Picks, int], str]

FORMS: Mapping[str, Form] = {
    "manual": form_manual.write,
    "python": form_python.write,
    "markdown": form_markdown.write,
    "schema": form_schema.write,
    "terminal": form_terminal.write,
}
MIN_CHARS = 1_000
_TEMPLATE = re.compile(r"\{[^{}]*\}")


@dataclass(frozen=True, kw_only=True)
class ApiText:
    """One ``api_doc`` document a record."""

    name: ClassVar[str] = "api-text"
    renders: ClassVar[type] = ApiRecord

    max_chars: int = option(6_000, help="longest document; what does not fit is cut and said to be", unit="characters")

    def __post_init__(self) -> None:
        if self.max_chars < MIN_CHARS:
            raise ValueError(f"max_chars = {self.max_chars} leaves no room for a page; give {MIN_CHARS} or more")

    def render(self, record: ApiRecord) -> Iterable[Document]:
        """The record's one document."""
        picks = Picks(record.id)
        form = picks.one(tuple(FORMS))
        text = FORMS[form](view(record), picks, self.max_chars)
        return [
            Document(
                id=stable_id(self.name, record.id, "0"),
                domain="agent",
                kind="api_doc",
                text=clip(fit_for_arrow(text).strip(), self.max_chars),
                source=self.name,
                url=record.url,
                license=record.license,
                meta={
                    "api": record.id,
                    "provider": record.provider,
                    "structure": structure_of(record),
                    "form": form,
                },
            )
        ]


def structure_of(record: ApiRecord) -> str:
    """Hash of how the API is called: verb, path template, and names, places and types of its parameters.

    Two pages with one structure document one call, however their words differ; with two, different calls, however much
    boilerplate they share. Deduplication rests on it.
    """
    properties = record.parameters.get("properties")
    known = properties if isinstance(properties, Mapping) else {}
    shape = [
        f"{name}\n{part.get('x-in', '')}\n{part.get('type', '')}" if isinstance(part, Mapping) else str(name)
        for name, part in sorted(known.items())
    ]
    template = _TEMPLATE.sub("{}", record.path) or record.name
    return stable_id(record.kind, record.method, template, *shape)
