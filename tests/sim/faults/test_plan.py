from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spo.sim.faults import WRITES, BadPlan, Fault, FaultPlan, Operation, Site
from spo.sim.faults.fates import (
    ApiServerRestarts,
    ArriveTwice,
    ClockSkew,
    Conflict,
    CrashAfter,
    CrashBefore,
    Delay,
    DiskFault,
    Fate,
    LoseReply,
    NodeOff,
    OfCluster,
    Refuse,
    WatchBreaks,
)
from spo.sim.faults.sites import VERBS

PATCH = Operation(
    Site.API, ("shop-7d4-x", "system:serviceaccount:shop:shop", "shop/1.2 (linux)"), "patch", "ConfigMap default/web"
)

# -- any fault that there can be -------------------------------------------------------------------------------------

SECONDS = st.floats(0, 1e6) | st.integers(0, 10**6)
NUMBERS = st.integers(0, 10**6)
FATES: dict[type[Any], st.SearchStrategy[Any]] = {
    Delay: st.builds(Delay, SECONDS.filter(bool)),
    DiskFault: st.builds(DiskFault, st.sampled_from(["EIO", "ENOSPC", "E2BIG"]), st.integers(-1, 99)),
    WatchBreaks: st.builds(WatchBreaks, st.booleans()),
    NodeOff: st.builds(NodeOff, SECONDS),
    ClockSkew: st.builds(ClockSkew, st.floats(-1e6, 1e6), SECONDS),
}


@st.composite
def faults(draw: st.DrawFn) -> Fault:
    fate = draw(st.sampled_from(get_args(Fate)).flatmap(lambda kind: FATES[kind] if kind in FATES else st.builds(kind)))
    site = draw(st.sampled_from(fate.sites))
    if isinstance(fate, OfCluster):
        who = "" if site is Site.API_SERVER else draw(st.text())
        return Fault(site, fate, who=who, at_s=draw(SECONDS))
    torn = isinstance(fate, DiskFault) and fate.keep_bytes >= 0
    if torn and site is not Site.DISK:
        fate = DiskFault()
    what = "write" if torn else draw(st.sampled_from(["", *(fate.verbs or VERBS[site])]))
    counted: dict[str, Any] = draw(st.sampled_from([{}, {"nth": 3}, {"every": 2}, {"one_in": 7}]))
    from_s, lasts_s = draw(SECONDS), draw(st.sampled_from([0, 1, 2.5]))
    until_s = from_s + lasts_s if lasts_s else 0
    times, on = draw(NUMBERS), draw(st.text())
    who = draw(st.text().filter(lambda name: not name.startswith("system:")))
    return Fault(site, fate, who=who, what=what, on=on, times=times, from_s=from_s, until_s=until_s, **counted)


@given(st.lists(faults(), max_size=4))
def test_a_plan_that_was_written_down_is_read_again(drawn: list[Fault]) -> None:
    plan = FaultPlan(tuple(drawn))

    assert FaultPlan.parse(plan.dump()) == plan
    assert str(FaultPlan.parse(plan.dump().decode())) == str(plan)


def test_what_is_not_said_is_not_written_down() -> None:
    plan = FaultPlan((Fault(Site.API, LoseReply(), who="kopf", every=3),))

    assert json.loads(plan.dump()) == {
        "faults": [{"site": "api", "fate": {"type": "loseReply"}, "who": "kopf", "every": 3}]
    }


# -- what cannot be --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: Fault(Site.CLOCK, Refuse()), "fault at clock: fate: Refuse means nothing there: .* one of ClockSkew"),
        (lambda: Fault(Site.API, NodeOff()), "fate: NodeOff means nothing there: choose one of Refuse, LoseReply, "),
        (lambda: Fault(Site.WATCH, LoseReply()), "choose one of Delay, WatchBreaks"),
        (lambda: Fault(Site.API, Refuse(), what="Patch"), "what: .*'Patch': choose one of get, list, watch, create"),
        (lambda: Fault(Site.API, Conflict(), what="list"), "what: Conflict cannot become of 'list': .* create, update"),
        (lambda: Fault(Site.API, ArriveTwice(), what="watch"), "what: ArriveTwice cannot become of 'watch'"),
        (lambda: Fault(Site.DISK, DiskFault(), what="create"), "choose one of read, write, remove"),
        (lambda: Fault(Site.DISK, DiskFault(keep_bytes=3)), "fate: only a write at disk can be torn: say so"),
        (lambda: Fault(Site.DIRECTORY, DiskFault(keep_bytes=3), what="write"), "only a write at disk can be torn"),
        (lambda: Fault(Site.API, Refuse(), nth=1, one_in=2), "nth, one_in: .*: keep one of them"),
        (lambda: Fault(Site.API, Refuse(), times=-1), "nth, every, one_in, times: .* not below 0"),
        (lambda: Fault(Site.API, Refuse(), from_s=5, until_s=5), "until_s: 5 is not after from_s, 5: make it larger"),
        (lambda: Fault(Site.API, Refuse(), from_s=-1), "from_s, until_s, at_s: .*: 0 or more"),
        (lambda: Fault(Site.API, Refuse(), from_s=float("inf")), "from_s, until_s, at_s"),
        (lambda: Fault(Site.API, Refuse(), at_s=5), "at_s: .*: say from_s and until_s"),
        (lambda: Fault(Site.NODE, NodeOff(), until_s=5, nth=2), "nth, until_s: .*: say when with at_s"),
        (lambda: Fault(Site.API_SERVER, ApiServerRestarts(), who="x"), "who: there is one API server: leave it out"),
        (
            lambda: Fault(Site.API, CrashBefore(), who="system:node:n"),
            "who: .* cannot be killed: name a pod, or choose",
        ),
        (lambda: Fault(Site.API, CrashAfter(), who="system:kube-scheduler"), "who: .* cannot be killed"),
        (lambda: Delay(0), "delay: seconds: 0 is not a time after now"),
        (lambda: Delay(float("nan")), "delay: seconds: nan"),
        (lambda: DiskFault("full"), "diskFault: reason: 'full' is not an errno's name, such as ENOSPC"),
        (lambda: DiskFault(keep_bytes=-2), "diskFault: keep_bytes: -2"),
        (lambda: NodeOff(-1), "nodeOff: for_s: -1"),
        (lambda: ClockSkew(float("inf")), "clockSkew: ahead_s: inf"),
    ],
)
def test_what_cannot_be_is_refused_with_its_field_and_the_remedy(made: Any, said: str) -> None:
    with pytest.raises(BadPlan, match=said):
        made()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nonsense", "plan of faults: JSON is malformed"),
        (b"\xff", "plan of faults: "),
        ('{"fault": []}', "unknown field `fault`"),
        ('{"faults": [{"site": "moon", "fate": {"type": "refuse"}}]}', r"'moon' - at `\$.faults\[0\].site`"),
        ('{"faults": [{"site": "api", "fate": {"type": "luck"}}]}', r"'luck' - at `\$.faults\[0\].fate.type`"),
        ('{"faults": [{"site": "api", "fate": {"type": "refuse", "seconds": 1}}]}', "unknown field `seconds`"),
        (
            '{"faults": [{"site": "api", "fate": {"type": "delay", "seconds": 0}}]}',
            r"delay: seconds: .*faults\[0\].fate",
        ),
        ('{"faults": [{"site": "api", "fate": {"type": "nodeOff"}}]}', r"NodeOff means nothing there: .*faults\[0\]"),
    ],
)
def test_a_text_that_is_no_plan_is_refused_with_the_place(text: str | bytes, said: str) -> None:
    with pytest.raises(BadPlan, match=said):
        FaultPlan.parse(text)


# -- in words --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (
            Fault(Site.API, Refuse(), who="kopf", what="patch", on="ConfigMap default/web", every=3, times=2),
            "api: patch on ConfigMap default/web by kopf never arrives (each 3 times, at most 2 times)",
        ),
        (Fault(Site.API, Conflict(), one_in=1), "api: whoever asks is in conflict: somebody else was faster"),
        (Fault(Site.API, Delay(2.5), nth=4), "api: whoever asks is answered 2.5 s late (number 4 of them)"),
        (
            Fault(Site.WATCH, WatchBreaks(gone=True), on="Pod", one_in=8, from_s=1, until_s=60),
            "watch: on Pod does not come: the watch ends with 410 (one in 8, from 1 s, until 60 s)",
        ),
        (
            Fault(Site.DISK, DiskFault("ENOSPC", 3), who="node-1", what="write", on="/var/lib"),
            "disk: write on /var/lib by node-1 fails with ENOSPC, torn after 3 bytes",
        ),
        (Fault(Site.NODE, NodeOff(60), who="node-2", at_s=30), "node: node-2 is off for 60 s (at 30 s)"),
        (Fault(Site.NODE, NodeOff()), "node: all is off"),
        (Fault(Site.API_SERVER, ApiServerRestarts(), at_s=5), "apiServer: all restarts (at 5 s)"),
        (Fault(Site.CLOCK, ClockSkew(-30, 10), who="shop"), "clock: shop is -30 s ahead for 10 s"),
    ],
)
def test_a_fault_is_told_in_words(fault: Fault, words: str) -> None:
    assert str(fault) == words


def test_a_plan_is_told_a_line_a_fault() -> None:
    assert str(FaultPlan((Fault(Site.API, Refuse()), Fault(Site.NODE, NodeOff())))).count("\n") == 1
    assert str(FaultPlan()) == "nothing goes wrong"


# -- which operations a fault is about -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "which",
    [
        {},
        {"who": "shop"},
        {"who": "shop-7d4"},
        {"who": "system:serviceaccount:shop:shop"},
        {"who": "system:serviceaccount:shop"},
        {"who": "shop/1.2"},
        {"what": "patch"},
        {"on": "ConfigMap"},
        {"on": "ConfigMap default"},
        {"on": "ConfigMap default/"},
        {"on": "ConfigMap default/web"},
    ],
)
def test_a_fault_is_about_what_begins_as_it_says(which: dict[str, Any]) -> None:
    assert Fault(Site.API, Refuse(), **which).concerns(PATCH, 0)


@pytest.mark.parametrize(
    "which",
    [
        {"who": "sho"},
        {"who": "shop-7d4-xy"},
        {"who": "default"},
        {"what": "update"},
        {"on": "Config"},
        {"on": "ConfigMap default/we"},
        {"on": "ConfigMap default/web/status"},
        {"on": "ConfigMap shop"},
        {"from_s": 1},
    ],
)
def test_a_fault_is_not_about_what_goes_on_in_the_middle_of_a_word(which: dict[str, Any]) -> None:
    assert not Fault(Site.API, Refuse(), **which).concerns(PATCH, 0)


def test_without_a_name_it_is_about_whoever_is_not_the_clusters_own() -> None:
    scheduler = Operation(Site.API, ("system:kube-scheduler",), "patch", "Pod default/web", own=True)

    assert not Fault(Site.API, Refuse()).concerns(scheduler, 0)
    assert Fault(Site.API, Refuse(), who="system:kube-scheduler").concerns(scheduler, 0)


def test_a_path_is_meant_with_all_below_it() -> None:
    write = Operation(Site.DISK, ("node-1",), "write", "/var/lib/x")

    assert Fault(Site.DISK, DiskFault(), on="/").concerns(write, 0)
    assert Fault(Site.DISK, DiskFault(), on="/var/lib").concerns(write, 0)
    assert not Fault(Site.DISK, DiskFault(), on="/var/li").concerns(write, 0)
    assert not Fault(Site.DISK, DiskFault(), who="node-10").concerns(write, 0)


@pytest.mark.parametrize("what", ["get", "list", "watch"])
def test_nobody_is_faster_than_one_who_reads(what: str) -> None:
    read = Operation(Site.API, ("shop",), what, "ConfigMap default/web")

    assert not Fault(Site.API, Conflict()).concerns(read, 0)
    assert what not in WRITES
