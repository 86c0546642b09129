"""The tool graph: which answer feeds which parameter, how it is stored, how operations are drawn and chained."""

import random
from collections import Counter
from pathlib import Path
from typing import Any

from forge.records import ApiRecord
from forge.testing import MemoryCatalog
from forge_trajectories.picking import Picks
from forge_trajectories.tools.completing import completed
from forge_trajectories.tools.graph import ToolGraph, could_do, distractors, siblings, walk
from forge_trajectories.tools.links import links_of
from forge_trajectories.tools.operation import Operation
from forge_trajectories.tools.ports import effect_of, inputs_of, key_words, nouns_of
from forge_trajectories.tools.store import ASKS, FED, MAX_GROUP, RICH, Group, build_store, groups_of, write_tools

PET = {"type": "object", "properties": {"id": {"type": "string"}, "name": {"type": "string"}}}


def operation(tool: str, method: str, path: str, **more: Any) -> Operation:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    parameters = {
        "type": "object",
        "properties": {name: {"type": "string", "x-in": "path"} for name in names},
        "required": names,
    }
    base: dict[str, Any] = {"parameters": parameters, "returns": PET, "description": tool}
    return Operation(tool=tool, api=tool, provider="pets.example", method=method, path=path, **{**base, **more})


LIST = operation("listPets", "GET", "/pets", returns={"type": "array", "items": PET})
MAKE = operation("createPet", "POST", "/pets")
READ = operation("getPet", "GET", "/pets/{petId}")
DROP = operation("deletePet", "DELETE", "/pets/{petId}")
TOYS = operation("listToys", "GET", "/pets/{pet_id}/toys", returns={"type": "array", "items": PET})
SHOP = (LIST, MAKE, READ, DROP, TOYS)


def edges(operations: tuple[Operation, ...]) -> set[tuple[str, str, str, str]]:
    return {
        (operations[link.producer].tool, link.pointer, operations[link.consumer].tool, link.parameter)
        for link in links_of(operations)
    }


def test_an_id_feeds_the_parameter_that_is_prefixed_with_its_resource() -> None:
    assert edges(SHOP) >= {
        ("createPet", "/id", "getPet", "petId"),
        ("listPets", "/0/id", "getPet", "petId"),
        ("createPet", "/id", "listToys", "pet_id"),
        ("listPets", "/0/id", "deletePet", "petId"),
    }


def test_what_needs_the_id_is_no_way_to_find_it_and_what_deletes_gives_nothing() -> None:
    assert not any(giver in ("getPet", "deletePet") for giver, *_ in edges(SHOP))
    assert not any(giver == "listToys" for giver, *_ in edges(SHOP))


def test_types_have_to_agree() -> None:
    numbered = operation(
        "createPet", "POST", "/pets", returns={"type": "object", "properties": {"id": {"type": "number"}}}
    )
    assert not edges((numbered, READ))


def test_effects_and_things_are_read_from_verb_path_and_name() -> None:
    assert [effect_of(each) for each in SHOP] == ["list", "create", "read", "delete", "list"]
    assert effect_of(operation("searchPets", "POST", "/pets/search")) == "list"
    assert effect_of(operation("DeleteBucket", "POST", "/#X-Amz-Target=S3.DeleteBucket")) == "delete"
    assert nouns_of(TOYS) == ("toy", "pet")
    assert nouns_of(operation("ListGroupMemberships", "POST", "/"))[0] == "groupmembership"
    assert key_words("petIDs") == ("pet", "id")
    assert inputs_of(TOYS)[0].keys == ("petid",)


def test_what_a_list_leaves_open_is_completed_from_the_thing_itself() -> None:
    bare = {"type": "array", "items": {"type": "object", "title": "Pet"}}
    listing, reading = completed([operation("listPets", "GET", "/pets", returns=bare), READ])
    assert listing.returns is not None
    assert listing.returns["items"]["properties"] == PET["properties"]
    assert reading is READ


def group() -> Group:
    records = [
        ApiRecord(
            provider="pets.example",
            service="",
            name=each.tool,
            kind="rest",
            method=each.method,
            path=each.path,
            description=f"{each.tool} of the shop",
            parameters=each.parameters,
            returns=each.returns,
            source="tests",
        )
        for each in SHOP
    ]
    return next(groups_of(records))


def test_a_walk_s_edges_lead_from_place_to_place_and_a_deletion_comes_last() -> None:
    shop = group()
    for at, number in ((at, number) for at in range(5) for number in range(30)):
        found = walk(shop, at, Picks(f"{at}/{number}"), length=4)
        if found is None:
            continue
        assert at in found.places
        assert len(set(found.places)) == len(found.places) == len(found.links) + 1
        for link, before, after in zip(found.links, found.places, found.places[1:], strict=False):
            assert (link.producer, link.consumer) == (before, after)
        assert all(shop.abouts[place].effect != "delete" for place in found.places[:-1])


def test_neighbours_are_near_and_never_the_needed_one() -> None:
    shop = group()
    at = next(place for place, each in enumerate(shop.operations) if each.tool == "getPet")
    near = siblings(shop, at)
    assert {shop.operations[place].tool for place in near} >= {"deletePet", "listPets", "createPet"}
    assert at not in distractors(shop, [at], Picks("x"), count=4)
    by_tool = {shop.operations[place].tool: shop.abouts[place] for place in range(5)}
    assert could_do(by_tool["listPets"], by_tool["getPet"])
    assert not could_do(by_tool["deletePet"], by_tool["getPet"])


def test_large_services_make_several_groups() -> None:
    records = [
        ApiRecord(
            provider="big.example",
            service="",
            name=f"get thing {number}",
            kind="rest",
            method="GET",
            path=f"/things{number // 10}/{number}",
            description=f"Get the thing with number {number}",
            source="tests",
        )
        for number in range(400)
    ]
    found = list(groups_of(records))
    assert sum(len(each.operations) for each in found) == 400
    assert max(len(each.operations) for each in found) <= MAX_GROUP
    assert len(found) <= 400 // (MAX_GROUP // 2)


def test_what_is_read_is_what_was_stored(shop_records: list[ApiRecord], shop_graph: ToolGraph) -> None:
    stored = {
        item.api: item for number in range(len(shop_graph.entries)) for item in shop_graph.group(number).operations
    }
    made = {item.api: item for each in groups_of(shop_records) for item in each.operations}
    assert len(shop_graph) == len(made) == len(stored)
    for api, item in made.items():
        assert stored[api].parameters == item.parameters
        assert stored[api].tool == item.tool


def test_a_bucket_that_did_not_change_is_not_made_again(shop_records: list[ApiRecord], tmp_path: Path) -> None:
    stem = write_tools(shop_records, tmp_path, fingerprint="one")
    before = (tmp_path / f"{stem}.bin").stat().st_mtime_ns
    assert write_tools([], tmp_path, fingerprint="one") == stem
    assert (tmp_path / f"{stem}.bin").stat().st_mtime_ns == before
    assert write_tools([], tmp_path, fingerprint="two") != stem


def test_the_store_is_the_same_bytes_in_any_order(shop_records: list[ApiRecord], tmp_path: Path) -> None:
    mixed = list(shop_records)
    random.Random(1).shuffle(mixed)
    folders = [build_store(MemoryCatalog(part), tmp_path / str(n)) for n, part in enumerate((shop_records, mixed))]
    kept = [sorted(path.read_bytes() for path in folder.glob("*.bin")) for folder in folders]
    assert kept[0] == kept[1]


def test_drawn_operations_have_the_traits(shop_graph: ToolGraph) -> None:
    for number in range(200):
        place = shop_graph.draw(number * 0x9E3779B97F4A7C15, traits=FED | ASKS | RICH)
        assert place is not None
        drawn = shop_graph.group(place.group)
        assert any(link.consumer == place.at for link in drawn.links)
        assert drawn.operations[place.at].parameters.get("required")


def test_rare_providers_are_drawn_above_their_number(tmp_path: Path) -> None:
    records = [
        ApiRecord(
            provider=provider,
            service="",
            name=f"getThing{number}",
            kind="rest",
            method="GET",
            path=f"/things/{number}",
            description=f"Get the thing with number {number}",
            source="tests",
        )
        for provider, count in (("many.example", 400), ("few.example", 4))
        for number in range(count)
    ]
    graph = ToolGraph(build_store(MemoryCatalog(records), tmp_path))
    places = [graph.draw(number * 0x9E3779B97F4A7C15) for number in range(2_200)]
    drawn = Counter(graph.entries[place.group].provider for place in places if place is not None)
    assert 0.07 < drawn["few.example"] / 2_200 < 0.12  # a hundredth of the operations, one in eleven draws


def test_no_operation_no_place(tmp_path: Path) -> None:
    graph = ToolGraph(build_store(MemoryCatalog([]), tmp_path))
    assert len(graph) == 0
    assert graph.draw(1) is None
