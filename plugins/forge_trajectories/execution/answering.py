"""One call answered: what it does to the session's store, and what the answer shows of it."""

from collections.abc import Mapping
from typing import Any

from forge.records import to_json
from forge_trajectories.api_view import as_mapping
from forge_trajectories.execution.answers import (
    LISTED,
    Answering,
    acknowledged,
    normal_name,
    put_in,
    settle,
)
from forge_trajectories.execution.roles import singular
from forge_trajectories.execution.store import Store
from forge_trajectories.execution.values import made_value
from forge_trajectories.picking import Picks
from forge_trajectories.plain_text import words

_LIMITS = frozenset({"limit", "perpage", "pagesize", "maxresults", "top", "count", "first", "take", "size", "max"})
_BARE = frozenset({"id", "name", "key", "slug", "code", "uuid", "guid", "sid"})
_STARTS = frozenset({"offset", "skip", "startindex", "start", "from"})

Outcome = tuple[int, Any]
"""Status, and the answer; above 400 the message of the refusal."""


class Reply:
    """Answers one call; made for it and thrown away."""

    __slots__ = ("arguments", "how", "key", "key_schema", "name", "operation", "role", "seed", "store")

    def __init__(
        self,
        how: Answering,
        store: Store,
        *,
        arguments: Mapping[str, Any],
        seed: int,
        key: str,
        schema: Mapping[str, Any],
    ) -> None:
        """``key``, ``schema``: of the argument by which others name what this call creates; empty if none does."""
        self.how = how
        self.role = how.role
        self.operation = how.operation
        self.store = store
        self.arguments = arguments
        self.seed = seed
        self.key = key or how.role.key
        self.key_schema = schema
        self.name = f"{how.operation.provider}/{how.operation.service}:{how.role.path(arguments)}"

    def made(self) -> Outcome:
        """Do what the operation does."""
        action = self.role.action
        if self.store.is_gone(self.name.rpartition("/")[0]):
            return 404, "the resource that this belongs to was not found"
        if self.store.is_gone(self.name) and action not in ("query", "create", "replace"):
            said = f" {self.arguments.get(self.role.key, '')}" if self.role.key else ""
            return 404, f"{self.role.noun or 'resource'}{said} was not found"
        if action == "create":
            return self._create()
        if action in ("update", "replace"):
            return self._write(whole=action == "replace")
        if action == "delete":
            return self._delete()
        if action == "act":
            self.store.actions[f"{self.operation.tool} {to_json(self.arguments)}"] += 1
        return 200, self._seen()

    def _seen(self) -> Any:
        """The answer of what changes no resource."""
        if self.role.action == "act" and self.role.key and not self.how.shape.many and self.how.shape.key:
            return self._shown(self.name, self.arguments.get(self.role.key))
        if self.role.action in ("act", "query"):
            return self._whole(f"{self.seed}\n{self.operation.tool}\n{to_json(self.arguments)}")
        if self.how.shape.many:
            return self._list()
        return self._shown(self.name if self.role.key else self._asked(), self.arguments.get(self.role.key))

    def _create(self) -> Outcome:
        call = f"{self.operation.tool} {to_json(self.arguments)}"
        scope = f"{self.seed}\n{call}\n{self.store.calls[call]}"
        given = self.arguments.get(self.key) if self.key else None
        if given is None and normal_name(self.how.shape.key) == "name":
            given = self._given().get("name")
        if given is not None and self.store.exists(self.name, str(given)):
            return 409, f"{self.role.noun or 'resource'} {given} exists already"
        self.store.calls[call] += 1
        key = given if given is not None else self._new_id(scope)
        written = self._written()
        field = self.how.shape.key
        fields = {**written, field or "id": key} if given is None else written
        name = self.store.create(self.name, _tail(key, self.name), fields)
        return 201 if self.operation.method == "POST" else 200, self._shown(name, key)

    def _new_id(self, scope: str) -> Any:
        field = self.how.shape.key
        schema = as_mapping(as_mapping(self.how.shape.schema.get("properties")).get(field))
        name = field or self.key or f"{self.role.noun}_id"
        made = made_value(name, schema or self.key_schema, Picks(f"{scope}\nid"), answer=True)
        if "parent" in self.arguments and normal_name(field) == "name":
            return f"{self.arguments['parent']}/{self.name.rpartition('/')[2]}/{made}".replace("//", "/")
        return made if made not in (None, "") else Picks(f"{scope}\nid").below(900_000) + 100_000

    def _write(self, *, whole: bool) -> Outcome:
        self.store.write(self.name, self._written(), whole=whole)
        self.store.show(self.name, {normal_name(name): value for name, value in self._written().items()})
        return 200, self._shown(self.name, self.arguments.get(self.role.key))

    def _delete(self) -> Outcome:
        body = self._whole(self._scope(self.name))
        self.store.delete(self.name)
        return 200, body

    def _written(self) -> dict[str, Any]:
        """The arguments that say what the resource is to be like: all but those of its path."""
        places = self._placed()
        return {name: value for name, value in self.arguments.items() if name not in places}

    def _shown(self, name: str, key: Any) -> Any:
        """The answer that shows one resource."""
        scope = self._scope(name)
        body = self.how.answer(scope)
        known = self._known(name, key)
        if body == {} and not self.how.schema:
            return {**acknowledged(self.operation.provider), **self._undocumented(name, key)}
        thing = self._thing(body)
        if isinstance(thing, dict):
            put_in(thing, known, as_mapping(self.how.shape.schema.get("properties")))
            self.store.show(name, {normal_name(field): value for field, value in thing.items()})
            if thing is not body:
                put_in(body, known, as_mapping(self.how.schema.get("properties")))
        settle(body)
        return body

    def _undocumented(self, name: str, key: Any) -> dict[str, Any]:
        """What an answer shows of a resource whose fields nobody documented."""
        fields = {**self.arguments, **self.store.changed.get(name, {})}
        last = (words(self.key) or ["id"])[-1].lower()
        return fields if key is None else {last if last in _BARE or last == "number" else "id": key, **fields}

    def _list(self) -> Any:
        """The answer that lists a collection."""
        scope = self._scope(self._asked())
        shape = self.how.shape
        body = self.how.answer(scope)
        there = enumerate(self._listed(body, scope))
        items = [self._item(item, f"{scope}\n{index}") for index, item in there]
        items = [item for item in items if item is not None]
        items += [self._created(key) for key in self.store.created.get(self.name, ())]
        items = self._page([item for item in items if self._asked_for(item)])
        if not shape.at:
            return items
        holder = body
        for field in shape.at[:-1]:
            holder = holder[field]
        holder[shape.at[-1]] = items
        put_in(body, self._given(), as_mapping(self.how.schema.get("properties")))
        holder[shape.at[-1]] = items
        settle(body, count=len(items))
        if holder is not body:
            settle(holder, count=len(items))
        return body

    def _listed(self, body: Any, scope: str) -> list[Any]:
        """What the collection holds before anything is created in it: a documented list, or a few that are made."""
        if self.how.result is not None:
            there = self._thing(body)
            return list(there)[:LISTED] if isinstance(there, list) else []
        count = 2 + Picks(f"{scope}\nhow many").below(LISTED - 1)
        return [None] * count

    def _item(self, item: Any, scope: str) -> Any:
        """One resource of a list that was there before; None if it is gone."""
        shape = self.how.shape
        properties = as_mapping(shape.schema.get("properties"))
        if item is None and not (shape.key and properties):
            return made_value(self.role.noun or "item", shape.schema, Picks(scope), answer=True)
        if not isinstance(item, dict) and item is not None:
            return item
        key = item.get(shape.key) if item is not None else self._listed_id(scope, properties)
        if key is None:
            return item
        name = f"{self.name}/{_tail(key, self.name)}"
        if self.store.is_gone(name):
            return None
        if item is None:
            item = self.how.fields(shape.schema, self._scope(name))
        return self._filled(item, name, key)

    def _listed_id(self, scope: str, properties: Mapping[str, Any]) -> Any:
        key = self.how.shape.key
        return made_value(key, as_mapping(properties[key]), Picks(f"{scope}\nid"), answer=True)

    def _created(self, key: str) -> Any:
        name = f"{self.name}/{key}"
        schema = self.how.shape.schema
        if not as_mapping(schema.get("properties")):
            return {"id": key, **self.store.changed.get(name, {})} if schema.get("type") != "string" else key
        return self._filled(self.how.fields(schema, self._scope(name)), name, None)

    def _filled(self, item: dict[str, Any], name: str, key: Any) -> dict[str, Any]:
        properties = as_mapping(self.how.shape.schema.get("properties"))
        if key is not None:
            item[self.how.shape.key] = key
        put_in(item, {**self._given(), **self._memory(name)}, properties)
        settle(item)
        self.store.show(name, {normal_name(field): value for field, value in item.items()})
        return item

    def _asked_for(self, item: Any) -> bool:
        """Whether an item is what the call's arguments ask for: fields of the same name have the same value."""
        if not isinstance(item, dict):
            return True
        given = self._given()
        return not any(
            normal_name(name) in given and isinstance(value, (str, bool)) and given[normal_name(name)] != value
            for name, value in item.items()
        )

    def _page(self, items: list[Any]) -> list[Any]:
        for name, value in self.arguments.items():
            if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
                plain = normal_name(name)
                if plain in _STARTS:
                    items = items[value:]
                elif plain in _LIMITS and value:
                    items = items[:value]
        return items

    def _whole(self, scope: str) -> Any:
        """An answer that is about the call, not about a resource."""
        body = self.how.answer(scope)
        if body == {} and not self.how.schema:
            return {**acknowledged(self.operation.provider), **self.arguments}
        given = self._given()
        thing = self._thing(body)
        if isinstance(thing, dict):
            put_in(thing, given, as_mapping(self.how.shape.schema.get("properties")))
        if isinstance(body, dict) and thing is not body:
            put_in(body, given, as_mapping(self.how.schema.get("properties")))
        settle(body)
        return body

    def _thing(self, body: Any) -> Any:
        for name in self.how.shape.at:
            body = body.get(name) if isinstance(body, dict) else None
        return body

    def _known(self, name: str, key: Any) -> dict[str, Any]:
        """Fields of a resource that are settled: the call's arguments, what was shown and written before, its id."""
        known = {**self._given(), **self._memory(name)}
        if key is not None and self.how.shape.key:
            known[normal_name(self.how.shape.key)] = key
        return known

    def _memory(self, name: str) -> dict[str, Any]:
        written = self.store.changed.get(name) or self.store.changed.get(name.partition("?")[0])
        shown = self.store.shown.get(name, {})
        if not written:
            return shown
        return {**shown, **{normal_name(field): value for field, value in written.items()}}

    def _given(self) -> dict[str, Any]:
        """The arguments by the names of fields that repeat them: not the ``id`` of what the resource lies under."""
        within = self.how.shape.many or self.role.action == "create" or self._is_of_many()
        above = self._placed() - {self.role.key} if within else set()
        above = {name for name in above if normal_name(name) in _BARE}
        return {normal_name(name): value for name, value in self.arguments.items() if name not in above}

    def _is_of_many(self) -> bool:
        """Whether what is read lies in a collection under something else: /projects/{id}/runners."""
        last = self.role.place[-1] if self.role.place else ""
        return self.role.action in ("read", "list", "query") and singular(last) != last

    def _placed(self) -> set[str]:
        """Names of the arguments that are part of the path."""
        return set("".join(part for part in self.role.place if "{" in part).replace("}", "{").split("{"))

    def _asked(self) -> str:
        """What is asked for where no id says it: the path and all other arguments but those that cut a list."""
        other = {
            name: value
            for name, value in self._written().items()
            if normal_name(name) not in _LIMITS and normal_name(name) not in _STARTS
        }
        return f"{self.name}?{to_json(other)}" if other else self.name

    def _scope(self, name: str) -> str:
        return f"{self.seed}\n{name}"


def _tail(key: Any, collection: str) -> str:
    """An id as the last part of a path; one that is a whole path already keeps only what the collection lacks."""
    text = str(key)
    at = text.rfind("/")
    parent = text[:at] if at > 0 else ""
    return text[at + 1 :] if parent and collection.endswith(parent) else text
