"""Trajectories: their synthesizer, simulated tools, renderers of APIs and of trajectories, the filter ``verified``."""

from collections.abc import Sequence

from forge.hookspecs import hookimpl
from forge.steps import Filter, Renderer, Source


@hookimpl
def forge_renderers() -> Sequence[type[Renderer]]:
    """The renderers of this distribution: of APIs and of trajectories, for pre-training and for instruction tuning."""
    from forge_trajectories.api_dialogue import ApiDialogue
    from forge_trajectories.api_text import ApiText
    from forge_trajectories.rendering.chat import TrajectoryChat
    from forge_trajectories.rendering.text import TrajectoryText

    return [ApiText, ApiDialogue, TrajectoryText, TrajectoryChat]


@hookimpl
def forge_sources() -> Sequence[type[Source]]:
    """The synthesizer of trajectories, which reads the catalogue, and the tools of the simulators, which go into it."""
    from forge_trajectories.execution.simulators import SimulatedTools
    from forge_trajectories.synthesis.source import Synthesizer

    return [SimulatedTools, Synthesizer]


@hookimpl
def forge_filters() -> Sequence[type[Filter]]:
    """The filter of trajectories that failed a check."""
    from forge_trajectories.verified import Verified

    return [Verified]
