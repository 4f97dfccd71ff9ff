"""The simulated cluster over HTTPS, and beside it a real API server: the same requests of the same client in one run.

With KUBEBUILDER_ASSETS (a directory with etcd and kube-apiserver, as for any operator's tests) each question is put to
both, one after the other, and the ratio is told; without it the simulator is measured alone. CPU seconds are of all
processes of a server; on a busy machine only they can be compared.
"""

from __future__ import annotations

import selectors
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import repeat
from statistics import median
from typing import Any

import msgspec
from measure import MIB, Figure, Found, main
from pods import creatable, realistic_pods
from servers import Server, Stopwatch, ask_all, real, simulator, whole

PODS = 15_500  # of the cluster in the documentation's memory figures
CONNECTIONS = 16
WRITERS = 8
GETS = 10_000
TRIES = 3
WATCHERS = 1000
CHANGES = 100
ALONE = 15
UNHEARD = 5  # changes that are made before the watchers must have heard of them
ALL_PODS = "/api/v1/pods"
MAPS = "/api/v1/namespaces/default/configmaps"
MERGE = "application/merge-patch+json"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"

Object = dict[str, Any]


def unscheduled(pod: Object) -> Object:
    """As it can be created where there are no nodes, and waits for ever."""
    made = creatable(pod)
    spec = {name: value for name, value in made["spec"].items() if name != "nodeName"}
    return {**made, "spec": {**spec, "schedulerName": "nobody"}}


def place(pod: Object) -> str:
    return f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods"


def prepare(server: Server) -> None:
    """Namespaces, with the account that their pods run under: nobody else makes it on a server without controllers."""
    with closing(server.connect()) as sock:
        for name in sorted({pod["metadata"]["namespace"] for pod in realistic_pods(PODS)}):
            body = msgspec.json.encode({"metadata": {"name": name}})
            sock.sendall(server.request("POST /api/v1/namespaces", body))
            whole(sock)
            account = b'{"apiVersion":"v1","kind":"ServiceAccount","metadata":{"name":"default"}}'
            path = f"/api/v1/namespaces/{name}/serviceaccounts/default?fieldManager=bench&force=true"
            sock.sendall(server.request(f"PATCH {path}", account, "application/apply-patch+yaml"))
            whole(sock)


def creating(server: Server) -> Found:
    requests = (
        server.request(f"POST {place(pod)}", msgspec.json.encode(unscheduled(pod))) for pod in realistic_pods(PODS)
    )
    return ask_all(server, requests, WRITERS)


def patching(server: Server) -> Found:
    """Each pod's status, as its kubelet would write it."""
    requests = (
        server.request(
            f"PATCH {place(pod)}/{pod['metadata']['name']}/status",
            msgspec.json.encode({"status": pod["status"]}),
            MERGE,
        )
        for pod in realistic_pods(PODS)
    )
    return ask_all(server, requests, WRITERS)


def getting(server: Server) -> Found:
    pod = next(realistic_pods(1))
    return ask_all(server, repeat(server.request(f"GET {place(pod)}/{pod['metadata']['name']}"), GETS), CONNECTIONS)


def paging(server: Server) -> Found:
    """First pages of a list, as every client of a large cluster asks for."""
    return ask_all(server, repeat(server.request(f"GET {ALL_PODS}?limit=500"), 60), 4)


def listing(server: Server, accept: str) -> Found:
    """All pods in one answer: the quickest of three, after a first one."""
    request = server.request(f"GET {ALL_PODS}", accept=accept)
    tries = [ask_all(server, [request], 1) for _ in range(1 + TRIES)]
    return min(tries[1:], key=lambda found: found["cpu_s"])


def telling(server: Server) -> Found:
    """Changes of one object told to all watchers, as fast as they hear of them; then some that are alone."""
    with closing(server.connect()) as writer, closing(selectors.DefaultSelector()) as poll:

        def write(what: str, body: bytes, kind: str = MERGE) -> None:
            writer.sendall(server.request(what, body, kind))
            whole(writer)

        def change(number: int) -> None:
            write(f"PATCH {MAPS}/one", b'{"metadata":{"labels":{"round":"%d"}}}' % number)

        one = {"metadata": {"name": "one"}, "data": {"text": "x" * 700}}
        write(f"POST {MAPS}", msgspec.json.encode(one), "application/json")
        before_mib = server.memory_mib()
        for _ in range(WATCHERS):
            sock = server.connect()
            sock.sendall(server.request(f"GET {MAPS}?watch=1&fieldSelector=metadata.name%3Done"))
            poll.register(sock, selectors.EVENT_READ)
        hear(poll, WATCHERS)  # the object as it is
        held_mib = server.memory_mib() - before_mib
        with Stopwatch(server) as watch:
            for number in range(CHANGES):
                change(number)
                if number % UNHEARD == UNHEARD - 1:
                    hear(poll, WATCHERS * UNHEARD)
        lasts_s = []
        for number in range(ALONE):
            began = time.perf_counter()
            change(CHANGES + number)
            hear(poll, WATCHERS)
            lasts_s.append(time.perf_counter() - began)
        for key in list(poll.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
    return {
        **watch.found(WATCHERS * CHANGES),
        "last_ms": median(lasts_s) * 1000,
        "watcher_kib": held_mib * 1024 / WATCHERS,
    }


def hear(poll: selectors.BaseSelector, lines: int) -> None:
    """Read until so many lines have come, over all watches."""
    while lines > 0:
        for key, _ in poll.select(10.0):
            lines -= key.fileobj.recv(1 << 16).count(b"}\n")  # type: ignore[union-attr]


CASES: dict[str, Callable[[Server], Found]] = {
    "telling": telling,  # first: what a watcher holds would hide in what lists have let go
    "creating": creating,
    "patching": patching,
    "getting": getting,
    "paging": paging,
    "listing": lambda server: listing(server, "application/json"),
    "tables": lambda server: listing(server, TABLE),
}
# What is told of them: case, value, name, unit, and how many times the real server's it may be (or must, from below).
TOLD: tuple[tuple[str, str, str, str, float | None, bool], ...] = (
    ("creating", "per_s", f"POST of a pod, {WRITERS} connections", "1/s", None, True),
    ("creating", "per_cpu_s", "the same, in a CPU second of the server", "1/CPU s", None, True),
    ("patching", "per_s", f"PATCH of a pod's status, {WRITERS} connections", "1/s", None, True),
    ("patching", "per_cpu_s", "the same, in a CPU second of the server", "1/CPU s", None, True),
    ("getting", "per_s", f"GET of a pod, {CONNECTIONS} connections", "1/s", None, True),
    ("getting", "per_cpu_s", "the same, in a CPU second of the server", "1/CPU s", None, True),
    ("paging", "per_s", "pages of 500 pods, 4 connections", "1/s", None, True),
    ("paging", "per_cpu_s", "the same, in a CPU second of the server", "1/CPU s", None, True),
    ("listing", "wall_s", f"list of {PODS:,} pods", "s", 2, False),
    ("listing", "cpu_s", "the same, CPU of the server", "s", 2, False),
    ("listing", "mib", "the same, its length", "MiB", None, False),
    ("tables", "wall_s", f"the same {PODS:,} pods as a table", "s", 2, False),
    ("tables", "cpu_s", "the same, CPU of the server", "s", 2, False),
    ("tables", "mib", "the same, its length", "MiB", None, False),
    ("telling", "per_s", f"watch lines to {WATCHERS:,} watchers", "1/s", 0.5, True),
    ("telling", "per_cpu_s", "the same, in a CPU second of the server", "1/CPU s", 0.5, True),
    ("telling", "last_ms", f"until the last of {WATCHERS:,} has heard of a change", "ms", None, False),
    ("telling", "watcher_kib", "memory of a watcher", "KiB", None, False),
    ("memory", "resident_mib", f"memory with {PODS:,} pods", "MiB", None, False),
    ("memory", "peak_mib", "the most it was in all of this", "MiB", None, False),
)


def measured(server: Server, others: list[Server]) -> Iterator[tuple[str, Server, Found]]:
    """Each case on one server after the other, so that both meet the same machine."""
    for each in (server, *others):
        prepare(each)
    for name, case in CASES.items():
        for each in (server, *others):
            found = case(each)
            if "bytes" in found:
                found["mib"] = found["bytes"] / MIB
            yield name, each, found
            if name == "patching":
                yield "memory", each, {"resident_mib": each.memory_mib()}
    for each in (server, *others):
        yield "memory", each, {"peak_mib": each.memory_mib("VmHWM")}


def report() -> tuple[list[Figure], Found]:
    found: dict[str, dict[str, Found]] = {}
    with simulator() as ours, real() as theirs:
        for case, server, values in measured(ours, [theirs] if theirs else []):
            found.setdefault(server.name, {}).setdefault(case, {}).update(values)
        names = [ours.name, *([theirs.name] if theirs else [])]
    figures = []
    for case, value, about, unit, bound, at_least in TOLD:
        values = [found[name][case][value] for name in names]
        figures.append(Figure(about, values[0], unit))
        if len(values) > 1:
            figures.append(Figure(f"· {names[1]}", values[1], unit))
            figures.append(Figure("· times that", values[0] / values[1], "×", bound, at_least))
    return figures, found


if __name__ == "__main__":
    main("http", report)
