"""Two worlds of the office: a calendar and a list of tasks."""

from collections.abc import Mapping
from typing import Any

from forge_trajectories.execution.worlds import (
    Arguments,
    Refused,
    State,
    World,
    WorldTool,
    found,
    many,
    new_id,
    text,
    whole,
)
from forge_trajectories.picking import Picks

_PEOPLE = ("Amara", "Bo", "Chen", "Dalia", "Elif", "Farid", "Greta", "Hiro")
_MEETINGS = ("Budget review", "Sprint planning", "Interview", "Design critique", "Supplier call", "One-to-one")
_JOBS = ("Renew the certificate", "Write the release notes", "Order cables", "Call the landlord", "Check the backups")
_EVENT = {
    "id": text("Id of the event."),
    "title": text("Its title."),
    "date": text("Day, as YYYY-MM-DD.", format="date"),
    "time": text("Beginning, as HH:MM."),
    "minutes": whole("Its length in minutes."),
}
_TASK = {
    "id": text("Id of the task."),
    "title": text("What is to be done."),
    "priority": text("low, normal or high."),
    "assignee": text("Who does it."),
    "done": {"type": "boolean", "description": "Whether it is done."},
}


def _calendar(picks: Picks) -> State:
    state: State = {"events": {}}
    for _ in range(3):
        key = new_id(state, "evt")
        day = f"2026-0{1 + picks.below(9)}-{10 + picks.below(18)}"
        time = f"{9 + picks.below(8):02d}:{picks.one(('00', '30'))}"
        event = {"id": key, "title": picks.one(_MEETINGS), "date": day, "time": time, "minutes": 30}
        state["events"][key] = event
    return state


def _overlaps(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    first, second = sorted(((_minutes(event["time"]), event) for event in (one, other)), key=lambda pair: pair[0])
    return bool(one["date"] == other["date"]) and second[0] < first[0] + int(first[1]["minutes"])


def _minutes(time: str) -> int:
    hours, _, minutes = time.partition(":")
    return int(hours) * 60 + int(minutes)


def _placed(state: State, event: dict[str, Any]) -> dict[str, Any]:
    for other in state["events"].values():
        if other["id"] != event["id"] and _overlaps(event, other):
            raise Refused(409, f"{other['title']} ({other['id']}) is at that time")
    state["events"][event["id"]] = event
    return event


def _create_event(state: State, given: Arguments) -> Any:
    event = {"title": given["title"], "date": given["date"], "time": given["time"]}
    return _placed(state, {"id": new_id(state, "evt"), **event, "minutes": given.get("minutes", 30)})


def _move_event(state: State, given: Arguments) -> Any:
    event = found(state, "events", given["event_id"], "event")
    return _placed(state, {**event, **{key: given[key] for key in ("date", "time") if key in given}})


def _cancel_event(state: State, given: Arguments) -> Any:
    event = found(state, "events", given["event_id"], "event")
    del state["events"][event["id"]]
    return {"id": event["id"], "cancelled": True}


def _list_events(state: State, given: Arguments) -> Any:
    events = sorted(state["events"].values(), key=lambda event: (event["date"], event["time"], event["id"]))
    return {"events": [event for event in events if given.get("date") in (None, event["date"])]}


CALENDAR = World(
    name="calendar",
    about="A calendar of one's own",
    start=_calendar,
    tools=(
        WorldTool(
            name="create_event",
            about="Add an event to the calendar. Two events cannot be at the same time.",
            parameters={
                "title": text("Title of the event."),
                "date": text("Day, as YYYY-MM-DD.", format="date"),
                "time": text("Beginning, as HH:MM.", pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$"),
                "minutes": whole("Its length in minutes.", minimum=5, maximum=480, default=30),
            },
            required=("title", "date", "time"),
            returns=_EVENT,
            run=_create_event,
            examples=(
                {"title": "Dentist", "date": "2027-03-02", "time": "08:15", "minutes": 45},
                {"title": "Board meeting", "date": "2027-05-19", "time": "14:00"},
            ),
        ),
        WorldTool(
            name="list_events",
            about="List the events of the calendar. With a date, only those of that day.",
            parameters={"date": text("Only this day, as YYYY-MM-DD.", format="date")},
            required=(),
            returns={"events": many({"type": "object", "properties": _EVENT}, "Events in their order.")},
            run=_list_events,
            reads=True,
        ),
        WorldTool(
            name="get_event",
            about="Show one event of the calendar.",
            parameters={"event_id": text("Id of the event.")},
            required=("event_id",),
            returns=_EVENT,
            run=lambda state, given: found(state, "events", given["event_id"], "event"),
            examples=({"event_id": "evt-101"}, {"event_id": "evt-103"}),
            reads=True,
        ),
        WorldTool(
            name="move_event",
            about="Move an event of the calendar to another day or time.",
            parameters={
                "event_id": text("Id of the event."),
                "date": text("New day, as YYYY-MM-DD.", format="date"),
                "time": text("New beginning, as HH:MM.", pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$"),
            },
            required=("event_id", "date"),
            returns=_EVENT,
            run=_move_event,
            examples=({"event_id": "evt-102", "date": "2027-04-07"}, {"event_id": "evt-101", "date": "2027-06-14"}),
        ),
        WorldTool(
            name="cancel_event",
            about="Cancel an event of the calendar.",
            parameters={"event_id": text("Id of the event.")},
            required=("event_id",),
            returns={"id": text("Id of the event."), "cancelled": {"type": "boolean"}},
            run=_cancel_event,
            examples=({"event_id": "evt-102"}, {"event_id": "evt-103"}),
        ),
    ),
)


def _tasks(picks: Picks) -> State:
    state: State = {"tasks": {}}
    for _ in range(3):
        key = new_id(state, "task")
        priority = picks.one(("low", "normal", "high"))
        task = {"id": key, "title": picks.one(_JOBS), "priority": priority, "assignee": picks.one(_PEOPLE)}
        state["tasks"][key] = {**task, "done": False}
    return state


def _create_task(state: State, given: Arguments) -> Any:
    key = new_id(state, "task")
    task = {"title": given["title"], "priority": given.get("priority", "normal"), "assignee": given.get("assignee", "")}
    state["tasks"][key] = {"id": key, **task, "done": False}
    return state["tasks"][key]


def _change_task(state: State, given: Arguments) -> Any:
    task = found(state, "tasks", given["task_id"], "task")
    task.update({key: given[key] for key in ("assignee", "priority") if key in given})
    return task


def _complete_task(state: State, given: Arguments) -> Any:
    task = found(state, "tasks", given["task_id"], "task")
    if task["done"]:
        raise Refused(409, f"{task['id']} is done already")
    task["done"] = True
    return task


def _list_tasks(state: State, given: Arguments) -> Any:
    tasks = [task for task in state["tasks"].values() if given.get("assignee") in (None, task["assignee"])]
    return {"count": len(tasks), "tasks": tasks}


TASKS = World(
    name="tasks",
    about="A list of tasks",
    start=_tasks,
    tools=(
        WorldTool(
            name="create_task",
            about="Add a task to the list.",
            parameters={
                "title": text("What is to be done."),
                "priority": text("How urgent it is.", enum=["low", "normal", "high"], default="normal"),
                "assignee": text("Who does it."),
            },
            required=("title",),
            returns=_TASK,
            run=_create_task,
            examples=(
                {"title": "Replace the projector lamp", "priority": "high", "assignee": "Greta"},
                {"title": "Archive the old tickets"},
            ),
        ),
        WorldTool(
            name="list_tasks",
            about="List the tasks. With an assignee, only those of that person.",
            parameters={"assignee": text("Only this person's.")},
            required=(),
            returns={
                "count": whole("How many there are."),
                "tasks": many({"type": "object", "properties": _TASK}, "The tasks."),
            },
            run=_list_tasks,
            examples=({"assignee": "Greta"}, {"assignee": "Chen"}, {"assignee": "Amara"}),
            reads=True,
        ),
        WorldTool(
            name="get_task",
            about="Show one task of the list.",
            parameters={"task_id": text("Id of the task.")},
            required=("task_id",),
            returns=_TASK,
            run=lambda state, given: found(state, "tasks", given["task_id"], "task"),
            examples=({"task_id": "task-101"}, {"task_id": "task-102"}),
            reads=True,
        ),
        WorldTool(
            name="update_task",
            about="Reassign a task to another person. Its priority can be changed with it.",
            parameters={
                "task_id": text("Id of the task."),
                "assignee": text("Who does it from now on."),
                "priority": text("How urgent it is.", enum=["low", "normal", "high"]),
            },
            required=("task_id", "assignee"),
            returns=_TASK,
            run=_change_task,
            examples=({"task_id": "task-103", "assignee": "Bo"}, {"task_id": "task-101", "assignee": "Elif"}),
        ),
        WorldTool(
            name="complete_task",
            about="Mark a task as done.",
            parameters={"task_id": text("Id of the task.")},
            required=("task_id",),
            returns=_TASK,
            run=_complete_task,
            examples=({"task_id": "task-101"}, {"task_id": "task-103"}),
        ),
    ),
)
