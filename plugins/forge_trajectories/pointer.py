"""JSON Pointers (RFC 6901) into answers: how a plan says where a value comes from. About a microsecond each."""

from collections.abc import Mapping
from typing import Any

ABSENT = object()
"""What a pointer that leads nowhere gives: None is a value."""


def at_pointer(value: Any, pointer: str) -> Any:
    """What ``pointer`` leads to in a JSON value; `ABSENT` where there is nothing."""
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, Mapping) and key in value:
            value = value[key]
        elif isinstance(value, (list, tuple)) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        else:
            return ABSENT
    return value
