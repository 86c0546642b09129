"""What a user says to ask for a documented call: the operation's own summary, turned to a request, and every value.

The values are stated as they are passed, so that the call can be worked out from the request alone.
"""

import re
from collections.abc import Mapping
from typing import Any

from forge_trajectories.api_view import ApiView
from forge_trajectories.picking import Picks
from forge_trajectories.plain_text import compact_json, listed, one_line, words

_VERBS = frozenset(
    """
    accept acknowledge activate add adjust allow analyze append apply approve archive assess assign associate
    attach authenticate authorize block bulk calculate call cancel capture change check clear clone close
    collect compare compile complete compute configure confirm connect contain control convert copy count create
    deactivate decline decrease decrypt define delete deliver deny deploy deposit deregister describe destroy detach
    detect determine disable disassociate disconnect discover dismiss dispatch display download drop duplicate
    edit empty enable encrypt end enqueue enroll enter estimate evaluate evict exchange execute exit expand
    expire export expose extract fail fetch fill filter find finish follow force fork forward generate geocode
    get give grant handle hide host identify import include increase increment index initiate insert inspect
    install invite invoke issue join keep kill launch leave lift limit link list load locate lock log login look
    lookup make manage map mark match measure merge migrate modify monitor move name note notify obtain offer
    onboard open order overwrite parse patch pause pay perform permit pin ping place post predict prepare
    prevent preview print process produce promote propose provide provision publish purchase purge push put
    query quote raise rank rate re-enable reactivate read reassign rebalance reboot rebuild receive recognize
    recommend reconcile record recover redeem redeploy reduce refine refresh refund regenerate register reindex
    reject release reload remove rename render renew reopen reorder repair replace replay reply report reprocess
    request resend reserve reset resize resolve restart restore restrict resume retire retrieve retry return
    reveal revert review revoke rewind roll rotate run save scan schedule search select send set share show shut
    sign simulate skip snapshot sort specify split stage star start stop store stream submit subscribe
    substitute suggest summarize supply suspend swap switch sync synchronize tag tell terminate test toggle
    tokenize trace track train transfer transform translate trash trigger try turn unarchive unassign unblock
    undelete undeploy undo unfollow unfreeze uninstall unlink unlock unpin unpublish unregister unset unshare
    unstar unsubscribe unsuspend untag update upgrade upload upsert use validate verify view void watch wipe
    withdraw write
    """.split()  # noqa: SIM905  (a list of quoted words reads worse)
)
# "This operation will ...", "The method used to ...", "Operation to ...": what comes before the verb.
_PREAMBLE = re.compile(
    r"^(?:\(deprecated\)"
    r"|(?:this|the|an?) (?:\w+ )?(?:method|operation|api|endpoint|call|function|request|action|service)\b"
    r"|(?:operation|api|endpoint|it|used(?= to)|use this (?:method|operation|api|endpoint|call)|to(?= \w+ ))\b)?[:,]? ?"
    r"(?:(?:is |can be )?used to |will |allows? (?:you|users|the user|one) to |lets you |enables you to |to )?",
    re.IGNORECASE,
)
# "To create a snapshot, send a `POST` request to ...": how it is done, which the user does not speak of.
_HOW = re.compile(r"(to .*?), (?:send|invoke|issue) ", re.IGNORECASE)
_CALLED = ("Call {}.", "Please call {}.", "Run {} for me.", "Can you call {}?", "I need a call of {}.")
_ASKED = (
    "Please {}.",
    "Can you {}?",
    "Could you {}?",
    "I need to {}.",
    "I'd like to {}.",
    "I want to {}.",
    "{}.",
    "Would you {}?",
    "Help me {}.",
)
_NAMED = (
    "I need the following: {}.",
    "{}: can you do that?",
    "What I am after: {}.",
    "Here is what I need. {}.",
    "Task: {}.",
)
# How the values are introduced, and how each is tied to its name.
_GIVEN = (
    ("Use {}.", "{} {}"),
    ("Use {}.", "{} = {}"),
    ("The values: {}.", "{} = {}"),
    ("Set {}.", "{} to {}"),
    ("It should have {}.", "{} {}"),
    ("Here, {}.", "{} is {}"),
    ("For this, {}.", "{} is {}"),
    ("{}.", "{} is {}"),
    ("{}.", "{}: {}"),
    ("Parameters: {}.", "{}={}"),
    ("What I have: {}.", "{} {}"),
)


def request(api: ApiView, arguments: Mapping[str, Any], picks: Picks) -> str:
    """The user's turn: what is wanted, and with which values."""
    asked = _asked(api, picks)
    if not arguments:
        return asked
    given, equals = picks.one(_GIVEN)
    spoken = picks.below(2) == 0
    stated = [equals.format(_said(name) if spoken else name, stated_value(value)) for name, value in arguments.items()]
    values = listed(stated)
    values = given.format(values[0].upper() + values[1:] if spoken and given == "{}." else values)
    return f"{asked}\n{values}" if len(values) > 160 else f"{asked} {values}"


def imperative(sentence: str) -> str:
    """``Returns the list`` as ``return the list``; empty where the sentence does not come to a verb known here.

    For a sentence of an API's documentation; `commanded` for one that was put together from such.
    """
    how = _HOW.match(sentence)
    return commanded(_PREAMBLE.sub("", how[1] if how else sentence))


def commanded(sentence: str) -> str:
    """A sentence that begins with its verb, in the imperative, with everything that follows; else empty."""
    first, blank, rest = sentence.partition(" ")
    if first.endswith("ly") and (later := commanded(rest)):
        return f"{first.lower()} {later}"
    verb = _bare(first.lower().rstrip(","))
    if not verb or not blank:
        return ""
    second, _, tail = rest.partition(" ")
    # "Creates or updates a thing", "Gets and sorts things"
    if second.lower() in ("or", "and"):
        third, blank, end = tail.partition(" ")
        if (other := _bare(third.lower())) and blank:
            return f"{verb} {second.lower()} {other} {end}"
    return f"{verb} {rest}"


def stated_value(value: object) -> str:
    """A value as a user writes it: a plain word bare, other text quoted, the rest as JSON."""
    if isinstance(value, str):
        plain = value and value == one_line(value) and not set(value) & set(' "') and value[-1] not in ".,:;?!"
        looks_typed = value.lower() in ("true", "false", "null", "none") or _is_number(value)
        return value if plain and not looks_typed else compact_json(value)
    return compact_json(value)


def _is_number(text: str) -> bool:
    return text.lstrip("-").replace(".", "", 1).isdigit()


def _bare(verb: str) -> str:
    """The infinitive of a third person known here: ``applies`` gives ``apply``, ``get`` itself."""
    if verb in _VERBS:
        return verb
    for ending, instead in (("ies", "y"), ("es", ""), ("s", "")):
        if verb.endswith(ending) and verb[: -len(ending)] + instead in _VERBS:
            return verb[: -len(ending)] + instead
    return ""


def _asked(api: ApiView, picks: Picks) -> str:
    summary = api.summary.rstrip(".!:… ")
    wanted = imperative(summary) or _wanted_by_name(api.name)
    if wanted:
        text = picks.one(_ASKED).format(wanted)
    elif " " in summary:
        text = picks.one(_NAMED).format(summary)
    else:
        text = picks.one(_CALLED).format(api.name or api.path)
    return text[0].upper() + text[1:]


def _wanted_by_name(name: str) -> str:
    """``CreateMultipartUpload`` as ``create multipart upload``; empty where the name does not begin with a verb."""
    found = words(name)
    if len(found) < 2 or not _bare(found[0].lower()):
        return ""
    return " ".join(word if word.isupper() else word.lower() for word in found)


def _said(name: str) -> str:
    """A parameter's name as spoken: ``resourceGroupName`` as ``resource group name``."""
    found = " ".join(word if word.isupper() else word.lower() for word in words(name))
    return found or name
