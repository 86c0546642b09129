"""What a document says of the trajectory that it shows: kind, APIs, provider, who wrote it, and what failed.

Some microseconds; where a trajectory is to be verified first, a millisecond.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from forge.records import JsonObject, Trajectory

VERIFY_HELP = "climb the verification ladder with trajectories that have not (imported ones), for the filter verified"


def facts_of(trajectory: Trajectory, *, verify: bool = False) -> JsonObject:
    """Facts for `Document.meta`.

    ``apis``: ids of the APIs that are called, or, where none is, of all. ``offered``: of the others that the text holds
    the documentation of; the document's licence covers both.
    ``verified``: whether it passed every check that was made; absent where none was. ``failed``: the reason code of
    the check that it did not pass.

    Args:
        trajectory: as it is stored.
        verify: climb the verification ladder where it has not.
    """
    blueprint = trajectory.blueprint or {}
    operations = blueprint.get("operations") or ()
    needed = set(blueprint.get("needed") or ())
    # Providers count by the tools that are called; where none is, by those that are offered.
    used = [operation for operation in operations if operation["tool"] in needed] or list(operations)
    facts: dict[str, object] = {"trajectory": trajectory.id}
    if used:
        facts["provider"] = used[0]["provider"]
        facts["apis"] = [operation["api"] for operation in used]
        facts["offered"] = [operation["api"] for operation in operations if operation not in used]
    if blueprint.get("kind"):
        facts["kind"] = blueprint["kind"]
        facts["written"] = dict(blueprint.get("written") or {})
    if trajectory.model:
        facts["model"] = trajectory.model
    origins = sorted({message.origin for message in trajectory.messages if message.origin})
    if origins:
        facts["origins"] = origins
    checks = checks_of(trajectory, verify=verify)
    failed = next((check for check in checks if check.get("passed") is False), None)
    if failed is not None:
        facts["failed"] = str(failed.get("code") or failed.get("check"))
    if any(check.get("passed") is not None for check in checks):
        facts["verified"] = failed is None
    return facts


def checks_of(trajectory: Trajectory, *, verify: bool) -> Sequence[Mapping[str, Any]]:
    """The trajectory's checks; with ``verify`` those of the ladder after them, where it carries none of these.

    What a data set says of its own trajectories is kept as the check ``outcome``.
    """
    from forge_trajectories.ladder.check import CHECKS

    if not verify or any(check.get("check") in CHECKS for check in trajectory.checks):
        return trajectory.checks
    from forge_trajectories.ladder.verify import verify as climb

    return [*trajectory.checks, *(check.as_object() for check in climb(trajectory))]
