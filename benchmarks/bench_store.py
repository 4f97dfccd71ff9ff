"""The store's representation: what 150,000 pods cost in memory and time, beside other ways to keep them."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from typing import Any

import msgspec
from measure import Figure, Found, Meter, alone, main, table
from pods import realistic_pods

from spo.sim.store import Store, StoreKey

PODS = 150_000
SAMPLE = 10_000  # for the ways not taken: a cost per pod needs no more
DICTIONARY_BYTES = 32_768  # as far back as zlib looks

Pack = Callable[[dict[str, Any]], Any]
Unpack = Callable[[Any], Any]


def store(count: int) -> Found:
    """All pods into the store, all of them read, each written once more."""
    held = Store()
    making_s, size = 0.0, 0
    with Meter() as filled:
        for pod in realistic_pods(count):
            began = time.process_time()
            record = held.put(key_of(pod), pod)
            making_s += time.process_time() - began
            size += len(record.body)
    with Meter() as read:
        seen = sum(len(record.body) for record in held.scan("pods"))
    assert seen == size
    with Meter() as rewritten:
        for record in list(held.scan("pods")):
            pod = record.object()
            pod["status"]["phase"] = "Succeeded"
            held.put(record.key, pod)
    return {
        "json_bytes": size / count,
        "bytes": filled.held_bytes / count,
        "bytes_after_rewriting": (filled.held_bytes + read.held_bytes + rewritten.held_bytes) / count,
        "create_per_s": count / making_s,
        "read_per_s": count / read.cpu_s,
        "rewrite_per_s": count / rewritten.cpu_s,
        **rewritten.found(),
    }


def key_of(pod: dict[str, Any]) -> StoreKey:
    return StoreKey("pods", pod["metadata"]["namespace"], pod["metadata"]["name"])


def way(name: str, count: int) -> Found:
    """Keep `count` pods that way in a plain list; gives what one costs."""
    pack, unpack = WAYS[name]()
    made = [msgspec.json.encode(pod) for pod in realistic_pods(count)]
    kept: list[Any] = [None] * count
    packing_s = 0.0
    with Meter() as meter:
        for index, text in enumerate(made):
            pod = msgspec.json.decode(text)
            began = time.process_time()
            packed = pack(pod)
            packing_s += time.process_time() - began
            kept[index] = packed
            del pod, packed
    with Meter() as reading:
        for each in kept:
            unpack(each)
    return {"bytes": meter.held_bytes / count, "put_us": packing_s / count * 1e6, "get_us": reading.cpu_s / count * 1e6}


def as_dicts() -> tuple[Pack, Unpack]:
    return (lambda pod: pod), (lambda pod: pod)


def as_json() -> tuple[Pack, Unpack]:
    return msgspec.json.encode, (lambda kept: kept)


def compressed(level: int) -> tuple[Pack, Unpack]:
    return (lambda pod: zlib.compress(msgspec.json.encode(pod), level)), zlib.decompress


def against(objects: int, level: int) -> tuple[Pack, Unpack]:
    """Compressed against the first few objects."""
    text = b"".join(msgspec.json.encode(pod) for pod in realistic_pods(objects))[:DICTIONARY_BYTES]

    def pack(pod: dict[str, Any]) -> bytes:
        packer = zlib.compressobj(level, zdict=text)
        return packer.compress(msgspec.json.encode(pod)) + packer.flush()

    def unpack(kept: bytes) -> bytes:
        opened = zlib.decompressobj(zdict=text)
        return opened.decompress(kept) + opened.flush()

    return pack, unpack


WAYS: dict[str, Callable[[], tuple[Pack, Unpack]]] = {
    "dicts": as_dicts,
    "JSON bytes": as_json,
    "zlib 1": lambda: compressed(1),
    "zlib 6": lambda: compressed(6),
    "zlib 1 against the first object": lambda: against(1, 1),
    "zlib 1 against the first four": lambda: against(4, 1),
    "zlib 6 against the first four": lambda: against(4, 6),
}


def report() -> tuple[list[Figure], dict[str, Any]]:
    found = alone(store, count=PODS)
    ways = {name: alone(way, name=name, count=SAMPLE) for name in WAYS}
    rows = [
        (name, f"{each['bytes']:,.0f}", f"{each['put_us']:.1f}", f"{each['get_us']:.1f}", "")
        for name, each in ways.items()
    ]
    print(table(("one pod of 10,000, kept as", "bytes", "µs to put", "µs to get its JSON", ""), rows), end="\n\n")
    figures = [
        Figure("mean JSON of a pod", found["json_bytes"], "bytes"),
        Figure("a pod in the store, all in, of 150,000", found["bytes"], "bytes", 14_000),
        Figure("the same, each written once more, log full", found["bytes_after_rewriting"], "bytes", 14_000),
        Figure("peak of the process with 150,000 pods", found["peak_mib"], "MiB", 2048),
        Figure("pods created in the store", found["create_per_s"], "1/s"),
        Figure("pods read from the store", found["read_per_s"], "1/s"),
    ]
    return figures, {"store": found, "ways": ways}


if __name__ == "__main__":
    main("store", report, store, way)
