"""The audit of the ladder in words and rows, for the report of an export and for `forge funnel`."""

from forge.steps import Table
from forge_trajectories.ladder.mutations import table
from forge_trajectories.synthesis.audit import Audit

LEAST = 0.98
"""Share of planted corruption that has to be caught, kind by kind."""


def planted_rows(audit: Audit) -> list[tuple[str, int, int, str, str]]:
    """Kind, planted, caught, share and the most frequent reason; a kind that had no place there has no share."""
    rows = []
    for row in sorted(table(audit.planted), key=lambda row: str(row["kind"])):
        planted, caught = int(str(row["planted"])), int(str(row["caught"]))
        share = f"{caught / planted:.1%}" if planted else ""
        rows.append((str(row["kind"]), planted, caught, share, str(row["reason"])))
    return rows


def planted_table(audit: Audit) -> Table:
    """The table by kind of corruption."""
    columns = ("corruption", "planted", "caught", "share", "most often by")
    return Table(title="Planted corruption", columns=columns, rows=planted_rows(audit))


def audit_lines(audit: Audit) -> list[str]:
    """What was planted and caught, and how far the judge is to be trusted."""
    planted, lines = audit.planted, []
    if planted.untouched:
        lines.append(
            f"Corruption was planted in {planted.untouched:,} accepted trajectories, in {planted.planted:,} places: "
            f"the deterministic checks caught {planted.share:.1%}, and accepted {planted.accepted:,} of the untouched."
        )
    judge = audit.judge
    if judge is not None:
        rest = f"; {judge.silent:,} got none." if judge.silent else "."
        lines.append(
            f"The judge gave {judge.count:,} verdicts on trajectories whose label is known: accuracy "
            f"{judge.accuracy:.1%}, Cohen's kappa {judge.kappa:.2f}; it rejected {judge.wrong_rejected:,} good ones "
            f"and accepted {judge.wrong_accepted:,} corrupted ones{rest}"
        )
    return lines


def audit_warnings(audit: Audit) -> list[str]:
    """Kinds of corruption of which too little is caught, and accepted trajectories that do not pass again."""
    planted = audit.planted
    found = [
        f"Of {row.planted:,} planted corruptions of the kind {kind} {row.caught:,} were caught, under {LEAST:.0%}."
        for kind, row in sorted(planted.rows.items())
        if row.share < LEAST
    ]
    if refused := planted.untouched - planted.accepted:
        found.append(f"{refused:,} of {planted.untouched:,} accepted trajectories do not pass when verified again.")
    return found
