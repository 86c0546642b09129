"""What the forge itself offers as a plugin: the default tokenizer and executor."""

from collections.abc import Sequence

from forge.bpe import ByteLevelBpe
from forge.executors.local import LocalExecutor
from forge.hookspecs import hookimpl
from forge.steps import Executor, Tokenizer


@hookimpl
def forge_tokenizers() -> Sequence[type[Tokenizer]]:
    """The byte-level BPE."""
    return [ByteLevelBpe]


@hookimpl
def forge_executors() -> Sequence[type[Executor]]:
    """The local process pool."""
    return [LocalExecutor]
