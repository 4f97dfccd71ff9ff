"""The real door on a bad line: nothing is lost, nothing is doubled. Against a fake server, and a real one if given."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from proxy import Proxy

from spo.doors.ports import Unavailable
from spo.events import Seen
from spo.interest import Interest
from spo.real.transport import Patience
from tests.conformance.cluster.listener import CONFIGMAPS, Kept, Listener
from tests.conformance.cluster.served import Face
from tests.conformance.cluster.test_reading import configmap
from tests.conformance.cluster.test_writing import create
from tests.conformance.cluster.worlds import Real, need_a_real_cluster

IMPATIENT = Patience(
    connect_s=1, answer_s=1.5, silence_s=0.5, watch_s=2, pause_s=0.05, pause_s_max=0.3, good_after_s=0.3
)
NAMES = [f"c-{number}" for number in range(12)]


class Line:
    """A server, a proxy in front of it, and who listens: one through the proxy, one beside it."""

    def __init__(self, world: Any, proxy: Proxy) -> None:
        self.world = world
        self.proxy = proxy
        self.rng = random.Random(5)
        self.there: set[str] = set()
        self.done: list[tuple[str, str, str]] = []

    def listener(self) -> Listener:
        wanted = Interest(CONFIGMAPS, Kept, namespace=self.world.namespace)
        return Listener(self.world.door(patience=IMPATIENT), wanted, self.world.pass_time)

    def write(self, count: int, listener: Listener, meanwhile: Callable[[int], None] = lambda number: None) -> None:
        """Random changes, with all that UTF-8 has to offer."""
        for number in range(count):
            meanwhile(number)
            self.write_one(self.rng.choice(NAMES), number)
            listener.look()
            time.sleep(0.02)

    def write_one(self, name: str, number: int) -> None:
        """Make, change or remove it; `done` remembers how that is to be heard."""
        word, version = "seen", ""
        if name not in self.there:
            made = self.world.made(CONFIGMAPS, configmap(name, text="ü€😀" * self.rng.randrange(1, 60)))
            self.there.add(name)
            version = made["metadata"]["resourceVersion"]
        elif self.rng.random() < 0.2:
            self.world.removed(CONFIGMAPS, name)
            self.there.discard(name)
            word = "vanished"
        else:
            version = self.world.patched(CONFIGMAPS, name, {"data": {"n": str(number)}})["metadata"]["resourceVersion"]
        self.done.append((word, name, version))

    def truth(self) -> dict[tuple[str, str], str]:
        items = self.world.listed(CONFIGMAPS)["items"]
        metas = [item["metadata"] for item in items]
        return {(meta["namespace"], meta["name"]): meta["resourceVersion"] for meta in metas}


@pytest.fixture(params=["fake", "real"])
def line(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Line]:
    world: Any
    if request.param == "fake":
        world = Face(tmp_path)
        proxy = Proxy(("127.0.0.1", world.port))
        world.through = proxy.port
    else:
        proxy = Proxy(real_server())
        world = Real(tmp_path, f"https://127.0.0.1:{proxy.port}")
    yield Line(world, proxy)
    world.close()
    proxy.close()


def real_server() -> tuple[str, int]:
    need_a_real_cluster()
    config = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text())
    url = urlsplit(config["clusters"][0]["cluster"]["server"])
    if url.hostname != "127.0.0.1":
        pytest.skip("the server's certificate will not do for a proxy at 127.0.0.1")
    return url.hostname, url.port or 443


def cuts_each(line: Line, number: int) -> None:
    if number == 0:
        line.proxy.cut_each_after(line.rng, 150, 9000)
        line.proxy.cut()


def cuts_now_and_then(line: Line, number: int) -> None:
    if number % 7 == 3:
        line.proxy.cut()


def stalls(line: Line, number: int) -> None:
    if number == 10:
        line.proxy.stall()
    if number == 40:  # a watch lasts 2 s, and half a second is the silence after which we give up
        time.sleep(3.5)
        line.proxy.heal()


def slows(line: Line, number: int) -> None:
    if number == 0:
        line.proxy.slow(4000)
        line.proxy.cut()


def refuses(line: Line, number: int) -> None:
    if number == 10:
        line.proxy.refuse()
        line.proxy.cut()
    if number == 50:
        line.proxy.heal()


@pytest.mark.parametrize("luck", [cuts_each, cuts_now_and_then, stalls, slows, refuses])
def test_a_watch_on_a_bad_line_hears_everything_once_and_in_order(line: Line, luck: Any) -> None:
    line.write(20, heard := line.listener())
    heard.until(lambda: heard.versions() == line.truth())
    heard.events.clear()
    line.done.clear()

    line.write(80, heard, lambda number: luck(line, number))
    line.proxy.heal()
    line.write_one("last", 0)
    heard.until(lambda: ("seen", "last") in heard.story())

    assert what_was_heard(heard) == line.done  # and so there was no second list
    assert heard.versions() == line.truth()


def test_who_cannot_hear_says_so_once_and_says_when_it_can_again(line: Line) -> None:
    line.write(3, heard := line.listener())
    heard.until(lambda: heard.versions() == line.truth())
    assert heard.hearing == []

    line.proxy.refuse()
    line.proxy.cut()
    heard.until(lambda: heard.hearing)
    assert not heard.cache.hears(Kept)
    line.write_one("missed", 0)
    line.proxy.heal()
    heard.until(lambda: heard.versions() == line.truth())

    assert heard.hearing == [False, True]
    assert heard.cache.hears(Kept)


def what_was_heard(heard: Listener) -> list[tuple[str, str, str]]:
    told: list[tuple[str, str, str]] = []
    for event, (word, name) in zip(heard.events, heard.story(), strict=True):
        told.append((word, name, event.value.metadata.resource_version if isinstance(event, Seen) else ""))
    return told


@pytest.mark.parametrize("luck", ["cuts", "slows"])
def test_a_list_on_a_bad_line_comes_whole_and_once(line: Line, luck: str) -> None:
    names = [f"c-{number:03}" for number in range(520)]
    for name in names:
        line.world.made(CONFIGMAPS, configmap(name, text="ü€😀" * 20))
    if luck == "cuts":
        line.proxy.cut_each_after(line.rng, 1000, 500_000)
    else:
        line.proxy.slow(60_000)
    heard = line.listener()
    heard.until_listed()

    truth = line.truth()
    assert heard.versions() == truth
    assert len(heard.events) == len(truth) + 1


def test_half_a_line_is_no_event_and_comes_again_whole(tmp_path: Path) -> None:
    world = Face(tmp_path)
    proxy = Proxy(("127.0.0.1", world.port))
    world.through = proxy.port
    line = Line(world, proxy)
    heard = line.listener()
    heard.until_listed()
    proxy.cut_at(b'"name":"half"')
    for name in ("before", "half", "after"):
        line.write_one(name, 0)
    heard.until_known("after", "before", "half")

    assert what_was_heard(heard)[1:] == line.done
    assert any("broken" in text or "ended" in text or "IncompleteRead" in text for text in world.troubles)
    world.close()
    proxy.close()


def test_a_write_whose_answer_is_lost_is_unavailable_and_may_have_happened(line: Line) -> None:
    door = line.world.door(patience=IMPATIENT)
    door.carry_out(create(line.world.namespace, "a"))
    line.proxy.stall()
    with pytest.raises(Unavailable):
        door.carry_out(create(line.world.namespace, "b"))
    line.proxy.heal()

    assert line.world.got(CONFIGMAPS, "b") is not None


def test_a_write_that_nobody_takes_is_unavailable(line: Line) -> None:
    door = line.world.door(patience=IMPATIENT)
    line.proxy.refuse()
    with pytest.raises(Unavailable):
        door.carry_out(create(line.world.namespace, "a"))
    line.proxy.heal()

    door.carry_out(create(line.world.namespace, "a"))
