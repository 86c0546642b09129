"""A model of the hub and its card as records.

The pipeline tag, library and licence are taken from the hub's list, else from the card's front matter. Cost: some 0.2
milliseconds a model.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from forge.records import UNKNOWN_LICENSE, ApiRecord, Document, stable_id
from forge_sources.hub.card import Card, description_of, texts, usage_of
from forge_sources.hub.license import hub_license
from forge_sources.hub.models import Model
from forge_sources.hub.tasks import TASKS
from forge_sources.markdown_text import markdown

PROVIDER = "huggingface.co"
SERVICE = "models"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the list and the card say of a model, in one place."""

    task: str
    library: str
    license: str
    evidence: str
    languages: Sequence[str]
    base_models: Sequence[str]


def facts_of(model: Model, card: Card) -> Facts:
    """The facts on a model; of list and card, the list decides where it says something."""
    stated: Mapping[str, Any] = {**card.facts, **(model.card_data or {})}
    expression, words = hub_license(stated.get("license"))
    own_name = stated.get("license_name")
    if expression == UNKNOWN_LICENSE and isinstance(own_name, str) and own_name:
        expression, words = hub_license(own_name)[0], f"{words} ({own_name})"
    return Facts(
        task=model.pipeline_tag or _text(stated.get("pipeline_tag")),
        library=model.library_name or _text(stated.get("library_name")),
        license=expression,
        evidence=f"model card: license: {words}" if words else "",
        languages=texts(stated.get("language")),
        base_models=texts(stated.get("base_model")),
    )


def api_of(model: Model, card: Card, facts: Facts, *, source: str, on: str | None) -> ApiRecord:
    """The model as something that a program calls."""
    parameters, returns = TASKS.get(facts.task, ({}, None))
    snippet = usage_of(card.text)
    known = {
        "library": facts.library,
        "popularity": {"downloads": model.downloads, "likes": model.likes} if model.downloads or model.likes else None,
        "gated": bool(model.gated),
        "languages": list(facts.languages),
        "base_models": list(facts.base_models),
        "tags": sorted(model.tags),
        "last_modified": model.last_modified,
    }
    return ApiRecord(
        provider=PROVIDER,
        service=SERVICE,
        name=model.id,
        kind="model",
        description=description_of(card.text),
        parameters=parameters,
        returns=returns,
        examples=({"code": snippet, "language": "python"},) if snippet else (),
        auth=("http:bearer",) if model.gated else (),
        license=facts.license,
        license_evidence=facts.evidence,
        category=facts.task,
        meta={key: value for key, value in known.items() if value not in (None, "", [])},
        source=source,
        url=f"https://{PROVIDER}/{model.id}",
        version=model.sha or None,
        retrieved_at=on,
    )


def document_of(model: Model, card: Card, facts: Facts, *, source: str) -> Document:
    """The card as a document, without badges and layout, under the model's name where it has no heading of its own."""
    text = markdown(card.text).strip()
    text = text if text.startswith("#") else f"# {model.id}\n\n{text}"
    known = {"model": model.id, "task": facts.task, "library": facts.library, "license_evidence": facts.evidence}
    return Document(
        id=stable_id(source, "card", model.id),
        domain="agent",
        kind="api_doc",
        text=text,
        source=source,
        url=f"https://{PROVIDER}/{model.id}" + (f"/blob/{model.sha}/README.md" if model.sha else ""),
        license=facts.license,
        meta={key: value for key, value in {**known, "revision": model.sha}.items() if value},
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
