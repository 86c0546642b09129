"""Rules that hold for every step, whatever its kind: how it is made, and that it survives the trip to a worker."""

import dataclasses
import pickle
from typing import Any

from forge.errors import PluginError


def broken(step: object, rule: str) -> PluginError:
    """The error for a rule that ``step`` breaks."""
    name = getattr(step, "name", None) or type(step).__name__
    return PluginError(f"{name}: {rule}")


def check_step(step: Any) -> None:
    """A step is an instance of a frozen dataclass, has a name, and is equal to itself after pickling.

    Raises:
        PluginError: it is not.
    """
    if isinstance(step, type):
        raise broken(step, "this is a class; check an instance of it, with the options that the test needs")
    parameters = getattr(type(step), "__dataclass_params__", None)
    if parameters is None or not parameters.frozen:
        raise broken(
            step, "a step is a frozen dataclass: decorate the class with @dataclass(frozen=True, kw_only=True)"
        )
    if not isinstance(getattr(type(step), "name", None), str) or not step.name:
        raise broken(step, 'a step has a name: write name: ClassVar[str] = "..." in the class')
    if any(spec.name == "name" for spec in dataclasses.fields(step)):
        raise broken(step, "name is an option here; annotate it with ClassVar[str]")
    if copied(step) != step:
        raise broken(step, "a copy sent to another process differs; keep nothing in a step but its options")


def copied(step: Any) -> Any:
    """The step as a worker process gets it.

    Raises:
        PluginError: it cannot be pickled.
    """
    try:
        return pickle.loads(pickle.dumps(step))
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise broken(step, f"it cannot be sent to another process: {error}; keep options plain data") from error
