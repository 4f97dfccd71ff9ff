"""What the real door adds to the conformance suite: its own pace, and threads that nothing ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from freezegun import freeze_time

from spo.events import Deaf
from spo.interest import Interest
from spo.real import cluster
from spo.real.cluster import Pace, RealCluster
from spo.real.transport import Patience
from tests.conformance.cluster.listener import CONFIGMAPS, Kept
from tests.conformance.cluster.served import Canned, Face

QUICK = Patience(watch_s=1, pause_s=0.02, pause_s_max=0.1)


@pytest.fixture
def face(tmp_path: Path) -> Iterator[Face]:
    made = Face(tmp_path)
    yield made
    made.close()


def test_a_burst_is_free_and_then_each_waits_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(cluster.time, "sleep", slept.append)
    with freeze_time("2030-01-01") as clock:
        pace = Pace(per_second=10, burst=3)
        for _ in range(3):
            pace.wait()
        assert slept == []

        pace.wait()
        assert slept == [pytest.approx(0.1)]
        pace.wait()  # nobody really slept: the debt grows
        assert slept[-1] == pytest.approx(0.2)

        clock.tick(3600)
        slept.clear()
        for _ in range(3):  # an hour saves up no more than a burst
            pace.wait()
        assert slept == []
        pace.wait()
        assert len(slept) == 1


def test_news_wakes_whoever_waits(face: Face) -> None:
    woken = threading.Event()
    door = RealCluster(face.transport({"token": "admin-token"}), "spo-test", woken.set, lambda text: None)
    door.want(Interest(CONFIGMAPS, Kept, namespace=face.namespace))

    assert woken.wait(10)
    assert list(door.take())
    door.close()


def test_a_closed_door_ends_its_threads(face: Face) -> None:
    before = set(threading.enumerate())
    door = face.door_of({"token": "admin-token"}, QUICK)
    door.want(Interest(CONFIGMAPS, Kept, namespace=face.namespace))
    (mine,) = [
        thread for thread in threading.enumerate() if thread not in before and thread.name == "watch-configmaps-Kept"
    ]
    door.close()
    mine.join(10)

    assert not mine.is_alive()


def test_trouble_is_told_each_time_and_the_pauses_grow(face: Face) -> None:
    face.mood = lambda request: Canned(403, b'{"kind":"Status","message":"configmaps is forbidden"}')
    door = face.door_of({"token": "admin-token"}, Patience(watch_s=1, pause_s=0.05, pause_s_max=0.2))
    door.want(Interest(CONFIGMAPS, Kept, namespace=face.namespace))
    time.sleep(1.2)

    assert 4 <= len(face.troubles) <= 9
    assert face.troubles[0] == "/api/v1/namespaces/here/configmaps: configmaps is forbidden"
    assert list(door.take()) == [Deaf(Kept)]  # once
