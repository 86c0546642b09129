"""Blueprints whose work is a text: a plan from documentation alone, and documentation from code."""

import re

from forge.records import ApiRecord
from forge_trajectories.api_text import FORMS
from forge_trajectories.api_view import view
from forge_trajectories.picking import Picks
from forge_trajectories.plain_text import clip, fit_for_arrow
from forge_trajectories.synthesis.facts import known_values
from forge_trajectories.synthesis.kinds_calls import chained, offer_around
from forge_trajectories.synthesis.plans import Draft
from forge_trajectories.synthesis.plans_code import client_code
from forge_trajectories.synthesis.plans_goals import goal
from forge_trajectories.tools.graph import web
from forge_trajectories.tools.operation import Operation
from forge_trajectories.tools.store import Group

ROOM = 1_800
"""Characters of documentation a tool."""
_DOTTED = re.compile(r"[.\s]")


def planning(group: Group, at: int, picks: Picks) -> Draft | None:
    """Two to four calls to be planned from pages of documentation."""
    draft = Draft(kind="planning", picks=picks, ending="text")
    found = web(group, at, picks, length=2 + picks.below(3))
    if found is None or any(_DOTTED.search(link.pointer) for link in found.links):
        return None  # a dot would part the place in "$1.data.id" where it should not
    if not chained(draft, found):
        return None
    offer_around(draft, group, list(found.places), count=picks.below(2), least=0)
    draft.withheld = [operation.tool for operation in draft.operations]
    draft.material = "\n\n".join(documentation(operation) for operation in draft.operations)
    return draft


def code_to_documentation(group: Group, at: int, picks: Picks) -> Draft | None:
    """Client code of one call, to be documented."""
    draft = Draft(kind="code-to-documentation", picks=picks, ending="text")
    operation = draft.add(group.operations[at], withheld=True)
    values = known_values(operation, picks, optional=3)
    if values is None or not values.keys() >= set(operation.parameters.get("required", ())):
        return None
    draft.material = client_code(operation, values, picks)
    draft.goals.append(f"Document the API that this code calls: {goal(operation)}")
    return draft if draft.material and draft.step(operation, values=values) is not None else None


def documentation(operation: Operation) -> str:
    """A page on a tool, in the surface form that its API's id leads to, under the name that calls go by."""
    record = ApiRecord(
        provider=operation.provider,
        service=operation.service,
        name=operation.tool,
        kind=operation.kind,  # type: ignore[arg-type]
        method=operation.method,
        path=operation.path,
        description=operation.description,
        parameters=operation.parameters,
        returns=operation.returns,
        examples=operation.examples,
        errors=operation.errors,
        license=operation.license,
        source="",
        id=operation.api,
        content_hash=operation.api,
    )
    picks = Picks(record.id)
    page = FORMS[picks.one(tuple(FORMS))](view(record), picks, ROOM)
    return f"Tool: {operation.tool}\n{clip(fit_for_arrow(page).strip(), ROOM)}"
