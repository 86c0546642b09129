"""What the synthesizer says of itself in an export's report: its funnel, kinds, coverage, who wrote what."""

from forge.steps import Bar, Bars, Section, Table
from forge_trajectories.synthesis.audit import Audit
from forge_trajectories.synthesis.audit_report import audit_lines, audit_warnings, planted_table
from forge_trajectories.synthesis.funnel import Funnel


def funnel_section(funnel: Funnel, *, audit: Audit | None = None) -> Section:
    """The section; with what the ladder is worth, where it was tried."""
    tried = audit or Audit()
    tables = (planted_table(tried),) if tried.planted.planted else ()
    return Section(
        title="Synthesised trajectories",
        lines=(*_lines(funnel), *audit_lines(tried)),
        warnings=(*_warnings(funnel), *audit_warnings(tried)),
        bars=(_bars(funnel),),
        tables=(_gates(funnel), _kinds(funnel), _parts(funnel), *tables),
    )


def _lines(funnel: Funnel) -> list[str]:
    lines = [
        f"{funnel.accepted:,} accepted of {funnel.attempts:,} attempts at {funnel.blueprints:,} blueprints, over "
        f"{funnel.apis:,} different APIs, of which {funnel.called:,} are called; {funnel.by_model:,} have a part that "
        f"the model wrote, and {funnel.assisted:,} attempts took a part that had failed from the blueprint.",
    ]
    if funnel.calls:
        lines.append(
            f"{funnel.calls:,} calls, {funnel.tokens:,} tokens, ${funnel.cost:,.4f}: "
            f"{funnel.tokens_per_accepted:,.0f} tokens and ${funnel.cost_per_accepted:,.5f} an accepted trajectory."
        )
    if funnel.accepted:
        lines.append(str(funnel.spread))
    if funnel.origins:
        total = sum(funnel.origins.values())
        shares = ", ".join(f"{origin} {count / total:.1%}" for origin, count in funnel.origins.items())
        lines.append(f"Observations by origin: {shares}.")
    return lines


def _warnings(funnel: Funnel) -> list[str]:
    short = {how: count for how, count in funnel.ended.items() if how != "target"}
    return [f"{count:,} partitions ended by {how} before their target." for how, count in sorted(short.items())]


def _bars(funnel: Funnel) -> Bars:
    steps = [Bar(label="attempted", value=funnel.attempts)]
    for gate in funnel.gates:
        if gate.stopped:
            note = f"{gate.stopped:,} stopped"
            steps.append(Bar(label=f"passed {gate.check}", value=gate.reached - gate.stopped, note=note))
    if funnel.accepted != steps[-1].value or len(steps) == 1:
        steps.append(Bar(label="accepted", value=funnel.accepted))
    return Bars(title="From attempt to acceptance", unit="attempts", bars=steps)


def _gates(funnel: Funnel) -> Table:
    rows = [
        (gate.check, gate.reached, gate.stopped, ", ".join(f"{code} {count:,}" for code, count in gate.reasons))
        for gate in funnel.gates
    ]
    return Table(title="Gates", columns=("check", "reached", "stopped", "why"), rows=rows)


def _kinds(funnel: Funnel) -> Table:
    rows = [(row.kind, row.attempts, row.accepted, f"{row.target:.1%}", f"{row.achieved:.1%}") for row in funnel.kinds]
    return Table(title="Kinds", columns=("kind", "attempts", "accepted", "share aimed at", "achieved"), rows=rows)


def _parts(funnel: Funnel) -> Table:
    rows = [(row.part, row.written, row.failed, row.accepted) for row in funnel.parts]
    return Table(title="What the model wrote", columns=("part", "attempts", "failed by it", "accepted"), rows=rows)
