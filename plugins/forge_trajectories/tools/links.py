"""Which answers can feed which parameters, within a group of operations of one service.

An edge needs a name in common (the pet's ``id`` and ``petId``) and types that agree; shared path, tag and words of the
descriptions decide between several. Edges to a parameter are few, so that a group of n operations has at most
`MAX_FEEDERS` times n times its parameters. Some 100 microseconds an operation.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from forge_trajectories.api_view import as_list
from forge_trajectories.tools.operation import Operation
from forge_trajectories.tools.ports import Port, effect_of, inputs_of, nouns_of, outputs_of, resource_of

MAX_FEEDERS = 3
_COMPATIBLE = {("integer", "number")}


class Link(NamedTuple):
    """The value at ``pointer`` of ``producer``'s answer can be ``consumer``'s ``parameter``.

    Attributes:
        producer, consumer: places in the group.
        score: how sure: 2 for the name, 1 more each for path, tag, wording, and a producer that lists or creates.
    """

    producer: int
    consumer: int
    parameter: str
    pointer: str
    score: int


def links_of(operations: Sequence[Operation]) -> list[Link]:
    """All edges of a group, by consumer and parameter, the surest first."""
    inputs = [inputs_of(operation) for operation in operations]
    givers: dict[str, list[tuple[int, Port]]] = defaultdict(list)
    effects = [effect_of(operation) for operation in operations]
    for place, operation in enumerate(operations):
        if effects[place] != "delete":
            for port in outputs_of(operation):
                for key in port.keys:
                    givers[key].append((place, port))
    needed = [_needed(operation, ports) for operation, ports in zip(operations, inputs, strict=True)]

    def edges(consumer: int, port: Port) -> list[Link]:
        best: dict[int, Link] = {}
        ranks: dict[int, tuple[int, int]] = {}
        for producer, output in _givers(port, givers):
            if producer == consumer or not needed[producer].isdisjoint(port.keys) or not _fits(output, port):
                continue
            score = 2 + (effects[producer] in ("list", "create")) + bool(output.about & port.about)
            score += _nearness(operations[producer], operations[consumer])
            # Of equals the one that lies less deep: the thing's own id, not that of something embedded in it.
            rank = (score, -output.pointer.count("/"))
            if producer not in best or rank > ranks[producer]:
                ranks[producer] = rank
                best[producer] = Link(
                    producer=producer, consumer=consumer, parameter=port.name, pointer=output.pointer, score=score
                )
        return sorted(best.values(), key=lambda link: (-link.score, link.producer))[:MAX_FEEDERS]

    return [
        link
        for consumer, ports in enumerate(inputs)
        for port in ports
        if not _names_what_is_made(operations[consumer], effects[consumer], port)
        for link in edges(consumer, port)
    ]


def _nearness(one: Operation, other: Operation) -> int:
    same_path = resource_of(one).partition("/")[0] == resource_of(other).partition("/")[0]
    return same_path + (one.category == other.category)


def _names_what_is_made(operation: Operation, effect: str, port: Port) -> bool:
    """The name of a pool that is to be created is the caller's choice, not another pool's."""
    nouns = nouns_of(operation)
    return effect == "create" and any(key.startswith(noun) for key in port.keys for noun in nouns[:1])


def _needed(operation: Operation, ports: Sequence[Port]) -> frozenset[str]:
    """Keys of what a call must be given: an operation that needs the pet's id is no way to find it."""
    required = set(as_list(operation.parameters.get("required")))
    return frozenset(key for port in ports if port.name in required for key in port.keys)


def _givers(port: Port, givers: dict[str, list[tuple[int, Port]]]) -> list[tuple[int, Port]]:
    """Outputs known by one of the input's names; S3's ``Bucket`` is a bucket's name."""
    keys = [*port.keys, *(f"{key}{ending}" for key in port.keys[:1] for ending in ("id", "name"))]
    return [giver for key in keys for giver in givers.get(key, ())[:24]]


def _fits(output: Port, port: Port) -> bool:
    return output.type == port.type or (output.type, port.type) in _COMPATIBLE
