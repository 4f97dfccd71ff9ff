"""Time under HTTP: at each speed it moves when it should, and not a second further."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from spo.sim.cluster import SimulatedCluster
from spo.sim.http.time_control import LEASH_NS, Speed, TimeControl
from spo.sim.timeline import SECOND_NS, START_NS

HOUR_S = 3600


def with_pace(speed: Speed, play: Callable[[SimulatedCluster, TimeControl], Coroutine[Any, Any, None]]) -> float:
    """Play, give everything its turn, and say how many simulated seconds have passed."""
    cluster = SimulatedCluster(nodes=0)

    async def played() -> None:
        pace = TimeControl(cluster, speed, asyncio.get_running_loop())
        await play(cluster, pace)
        await asyncio.sleep(0.05)
        pace.close()

    asyncio.run(played())
    return (cluster.timeline.now_ns - START_NS) / SECOND_NS


def test_at_max_what_is_under_way_is_done_at_once_and_then_time_stands() -> None:
    async def play(cluster: SimulatedCluster, pace: TimeControl) -> None:
        cluster.timeline.after(120, lambda: None)
        cluster.timeline.after(HOUR_S, lambda: None, idle=True)
        pace.asked()
        pace.answered()

    assert with_pace("max", play) == 120


def test_at_max_what_goes_on_for_ever_goes_on_until_nothing_was_written_for_a_while() -> None:
    async def play(cluster: SimulatedCluster, pace: TimeControl) -> None:
        def beat() -> None:
            cluster.timeline.after(4, beat, idle=True)

        beat()
        pace.asked()
        pace.answered()

    assert with_pace("max", play) == 12


def test_at_max_a_cluster_that_never_rests_gets_ten_minutes_a_request() -> None:
    async def play(cluster: SimulatedCluster, pace: TimeControl) -> None:
        def work() -> None:
            cluster.timeline.after(1, work)

        work()
        for minutes in (10, 20):
            pace.asked()
            pace.answered()
            await asyncio.sleep(0.05)
            assert cluster.timeline.now_ns == START_NS + minutes * 60 * SECOND_NS

    assert LEASH_NS == 600 * SECOND_NS
    with_pace("max", play)


def test_by_hand_nothing_moves_until_told_and_then_everything_does() -> None:
    rung: list[float] = []

    async def play(cluster: SimulatedCluster, pace: TimeControl) -> None:
        cluster.timeline.after(1, lambda: rung.append(cluster.timeline.now))
        cluster.timeline.after(HOUR_S, lambda: rung.append(cluster.timeline.now), idle=True)
        pace.asked()
        pace.answered()
        await asyncio.sleep(0.02)
        assert rung == []

        await pace.advance(HOUR_S + 5)

    assert with_pace("manual", play) == HOUR_S + 5
    assert len(rung) == 2


def test_by_the_clock_it_keeps_up_and_can_be_told_to_leap() -> None:
    async def play(cluster: SimulatedCluster, pace: TimeControl) -> None:
        done = asyncio.Event()
        cluster.timeline.after(0.03, done.set)
        cluster.timeline.after(HOUR_S, lambda: None)
        await asyncio.wait_for(done.wait(), 5)
        await pace.advance(2 * HOUR_S)
        done.clear()
        cluster.timeline.after(0.03, done.set)
        pace.answered()
        await asyncio.wait_for(done.wait(), 5)  # and goes on from there

    passed = with_pace("real", play)
    assert 2 * HOUR_S <= passed < 2 * HOUR_S + 60


def test_two_who_advance_at_once_both_arrive() -> None:
    async def play(cluster: SimulatedCluster, pace: TimeControl) -> None:
        await asyncio.gather(pace.advance(10), pace.advance(60))

    assert with_pace("manual", play) == 60


def test_sockets_get_their_turn_in_the_middle_of_a_long_advance() -> None:
    turns: list[float] = []

    async def play(cluster: SimulatedCluster, pace: TimeControl) -> None:
        def work() -> None:
            sum(range(20_000))
            cluster.timeline.after(1, work)

        work()
        done = pace.advance(200)
        while not done.done():
            turns.append(cluster.timeline.now)
            await asyncio.sleep(0)

    with_pace("manual", play)
    assert len({*turns}) > 5


def test_the_speed_can_be_changed() -> None:
    async def play(cluster: SimulatedCluster, pace: TimeControl) -> None:
        cluster.timeline.after(30, lambda: None)
        await asyncio.sleep(0.02)
        assert cluster.timeline.now_ns == START_NS
        pace.set_speed("max")

    assert with_pace("manual", play) == 30
