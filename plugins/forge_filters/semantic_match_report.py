"""What ``semantic-match`` says about its own retrieval: ``report.json`` in its state, and lines in the log.

Two questions. Is retrieved text nearer to the seeds than text taken at random (the check that the paper draws)? And
what does the prefilter lose: of a random sample, embedded whatever the prefilter said, which share of what belongs to
the exact answer passed it? Costs one comparison of the sample with the seeds.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forge.files import write_text
from forge.records import to_json
from forge.steps import Context, Section, Table

if TYPE_CHECKING:
    from forge_filters.semantic_match import SemanticMatch

REPORT = "report.json"
LEAST_RECALL = 0.9
"""A prefilter that lets less of what belongs pass is warned of."""
LEVELS = (0.0, 0.5, 0.75, 0.9, 0.95, 0.99)
"""Shares of the random sample below the similarities that the report gives recall for."""


def write_report(step: "SemanticMatch", found: Any, *, context: Context, search: Any, judged: int) -> None:
    """Write ``report.json`` and say the main of it.

    Args:
        found: all embedded documents. search: the seeds, their best, and the sample's vectors, as `retrieve` left them.
        judged: documents in all.
    """
    import numpy as np

    passed, sampled = found.passed.astype(bool), found.sampled.astype(bool)
    retrieved = np.isin(found.ids, search.best.ids()) & passed
    belongs = _belongs(search)
    facts: dict[str, Any] = {
        "seeds": len(search.seed_ids),
        "judged": judged,
        "passed_prefilter": int(passed.sum()),
        "embedded_now": search.cache.embedded,
        "retrieved": int(retrieved.sum()),
        "similarity": {
            "retrieved": _mean(found.similarity[retrieved]),
            "random": _mean(found.similarity[sampled]),
            "random_documents": int(sampled.sum()),
        },
        "prefilter": {
            "cut": step.prefilter,
            "share_embedded": _share(passed[sampled]),
            "recall_of_top_k": _share(passed[sampled][belongs]),
            "top_k_documents": int(belongs.sum()),
            "levels": _levels(found.similarity[sampled], passed[sampled]),
        },
    }
    embedded_now = facts.pop("embedded_now")
    write_text(context.scratch / REPORT, to_json(facts) + "\n")
    _say(facts, context=context, embedded_now=embedded_now)
    for line in _warnings(facts):
        context.log(f"semantic-match: warning: {line}")


def read_report(state: Path) -> dict[str, Any]:
    """What `write_report` left."""
    import json

    found: dict[str, Any] = json.loads((state / REPORT).read_bytes())
    return found


def section(facts: Mapping[str, Any]) -> Section:
    """The report for a page."""
    means, guess = facts["similarity"], facts["prefilter"]
    lines = [
        f"Of {facts['judged']:,} judged documents {facts['passed_prefilter']:,} passed the prefilter and "
        f"{facts['retrieved']:,} are among the nearest to one of {facts['seeds']:,} seeds.",
        f"Mean similarity to the nearest seed: {_text(means['retrieved'])} of what is retrieved, "
        f"{_text(means['random'])} of {means['random_documents']:,} random documents.",
    ]
    tables = []
    if guess["cut"]:
        lines.append(
            f"The prefilter at {guess['cut']:g} passes {_text(guess['share_embedded'])} of random documents, and "
            f"{_text(guess['recall_of_top_k'])} of those {guess['top_k_documents']:,} among them that are near enough "
            "to be retrieved."
        )
        tables.append(
            Table(
                title="Recall of the prefilter among random documents at least so similar",
                columns=("Similarity from", "Documents", "Passed"),
                rows=[(level["similarity"], level["documents"], level["recall"]) for level in guess["levels"]],
            )
        )
    return Section(title="Retrieval by similarity", lines=lines, warnings=_warnings(facts), tables=tables)


def _warnings(facts: Mapping[str, Any]) -> list[str]:
    """What a person should know."""
    means, guess, said = facts["similarity"], facts["prefilter"], []
    if means["retrieved"] is not None and means["random"] is not None and means["retrieved"] <= means["random"]:
        said.append("What is retrieved is no nearer to the seeds than random text: look at the seeds and the model.")
    if guess["cut"] and guess["recall_of_top_k"] is not None and guess["recall_of_top_k"] < LEAST_RECALL:
        lost = 1 - guess["recall_of_top_k"]
        said.append(f"The prefilter loses {lost:.0%} of what top_k keeps: lower prefilter, or turn it off with 0.")
    return said


def _belongs(search: Any) -> Any:
    """Which documents of the sample are near enough to some seed to be among its nearest, prefilter or not."""
    import numpy as np

    floors = search.best.floors()
    return np.concatenate(
        [np.zeros(0, bool), *(((vectors @ search.seeds.T) >= floors).any(axis=1) for vectors in search.sample_vectors)]
    )


def _levels(similarity: Any, passed: Any) -> list[dict[str, Any]]:
    """Recall of the prefilter among the sample's documents at least as similar as each of some levels."""
    import numpy as np

    if not len(similarity):
        return []
    bounds = np.unique(np.quantile(similarity, LEVELS, method="higher"))
    return [
        {
            "similarity": round(float(bound), 4),
            "documents": int((similarity >= bound).sum()),
            "recall": _share(passed[similarity >= bound]),
        }
        for bound in bounds
    ]


def _mean(values: Any) -> float | None:
    """Mean of values in an order of their own, so that its last bits are the same in any other."""
    import numpy as np

    return round(float(np.sort(values).mean()), 6) if len(values) else None


def _share(flags: Any) -> float | None:
    return round(float(flags.mean()), 4) if len(flags) else None


def _say(facts: dict[str, Any], *, context: Context, embedded_now: int) -> None:
    means, guess = facts["similarity"], facts["prefilter"]
    context.log(
        f"semantic-match: {facts['retrieved']} of {facts['judged']} documents are among the nearest to a seed; "
        f"{facts['passed_prefilter']} passed the prefilter, {embedded_now} texts were embedded now"
    )
    context.log(
        f"semantic-match: mean similarity to the nearest seed {_text(means['retrieved'])} retrieved, "
        f"{_text(means['random'])} random ({means['random_documents']} documents)"
    )
    if not guess["cut"]:
        return
    at = ", ".join(f"{_text(level['recall'])} at similarity >= {level['similarity']}" for level in guess["levels"][1:])
    context.log(
        f"semantic-match: prefilter at {guess['cut']} passes {_text(guess['share_embedded'])} of random documents; its "
        f"recall: {_text(guess['recall_of_top_k'])} of what top_k keeps" + (f"; {at}" if at else "")
    )


def _text(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"
