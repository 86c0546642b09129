"""The plugin contract, from `forge.hookspecs` and `forge.steps`: every hook and protocol with its exact signature."""

import inspect
from typing import Any

from forge import hookspecs, steps
from reference_markdown import class_declaration, declaration, docstring, own_methods

CONTRACT: tuple[type[Any], ...] = (
    steps.Source,
    steps.Partition,
    steps.Filter,
    steps.ScoredFilter,
    steps.Verdicts,
    steps.Corpus,
    steps.Renderer,
    steps.Tokenizer,
    steps.Encoder,
    steps.Executor,
    steps.Context,
    steps.HttpClient,
    steps.CatalogView,
)
HELPERS = (steps.option, steps.each)


def hooks() -> str:
    """One section a hook, in the order of the file."""
    marked = [item for _, item in _functions(hookspecs) if hasattr(item, f"{hookspecs.PROJECT}_spec")]
    return "\n\n".join(_section(item, declaration(item)) for item in marked)


def protocols() -> str:
    """One section a class that steps implement or are handed, then the functions that help to write them."""
    return "\n\n".join(
        [
            *(_section(item, class_declaration(item)) + _methods(item) for item in CONTRACT),
            *(_section(item, declaration(item)) for item in HELPERS),
        ]
    )


def _section(item: Any, code: str) -> str:
    return f"### {item.__name__}\n\n```python\n{code}\n```\n\n{docstring(item)}"


def _methods(item: type[Any]) -> str:
    described = [f"**{name}.** {docstring(method)}" for name, method in own_methods(item) if method.__doc__]
    return "".join(f"\n\n{text}" for text in described)


def _functions(module: Any) -> list[tuple[str, Any]]:
    found = inspect.getmembers(module, inspect.isfunction)
    return sorted(found, key=lambda pair: int(pair[1].__code__.co_firstlineno))
