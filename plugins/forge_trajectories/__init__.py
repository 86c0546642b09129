"""Renderers of API records (and, later, synthesizers of trajectories) shipped with the forge."""

from collections.abc import Sequence

from forge.hookspecs import hookimpl
from forge.steps import Renderer


@hookimpl
def forge_renderers() -> Sequence[type[Renderer]]:
    """The renderers of this distribution: documentation for pre-training, dialogues for instruction tuning."""
    from forge_trajectories.api_dialogue import ApiDialogue
    from forge_trajectories.api_text import ApiText

    return [ApiText, ApiDialogue]
