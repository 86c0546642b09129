"""What filters and sources say of themselves, for the reports of a build's exports.

Asked for anew in every run, since a section may depend on thresholds, which no state does; that costs a filter the
reading of a small file.
"""

from collections.abc import Sequence

from forge.engine.judging import Judge
from forge.engine.session import Session, Step
from forge.errors import StepError, step_context
from forge.sections import Section


def sections_of(judges: Sequence[Judge]) -> dict[str, Section]:
    """By label, in the recipe's order, what the filters say that have something to say.

    Raises:
        StepError: a filter's ``report`` failed, or gave something else.
    """
    return {judge.label: section for judge in judges if (section := _section(judge)) is not None}


def source_sections_of(session: Session, steps: Sequence[Step]) -> dict[str, Section]:
    """By label what sources say that have something to say; they find what they left in their scratch directory.

    Raises:
        StepError: a source's ``report`` failed, or gave something else.
    """
    found = {}
    for step in steps:
        method = getattr(step.instance, "report", None)
        if method is not None:
            with step_context(step.table.name, step="report"):
                section = _checked(method(session.workspace.scratch(step.label)))
            if section is not None:
                found[step.label] = section
    return found


def _section(judge: Judge) -> Section | None:
    method = getattr(judge.filter, "report", None)
    if method is None:
        return None
    with step_context(judge.filter.name, step="report"):
        return _checked(method(judge.state))


def _checked(section: object) -> Section | None:
    if section is not None and not isinstance(section, Section):
        raise StepError(f"report returns a Section or None; it returned {type(section).__name__}")
    return section
