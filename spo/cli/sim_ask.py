"""`spo sim advance`, `state` and `save`: one request to a served cluster, by its kubeconfig."""

from __future__ import annotations

import argparse
from urllib.parse import quote

import msgspec

from spo.sim.http.remote import BadConfig, ServedCluster


def run(arguments: argparse.Namespace) -> int:
    """Ask, and print the answer. Raises BadConfig, RemoteRefused."""
    place = ServedCluster(arguments.kubeconfig)
    if arguments.what == "save":
        body = place.ask("GET", "/sim/snapshot")
        try:
            arguments.file.write_bytes(body)
        except OSError as error:
            raise BadConfig(f"{arguments.file}: {error.strerror}") from None
        count = body.count(b"\n")
        print(f"saved {count:,} lines to {arguments.file}; serve them again: spo sim load {arguments.file}")
    elif arguments.what == "advance":
        state = msgspec.json.decode(place.ask("POST", f"/sim/advance?duration={quote(arguments.duration)}"))
        print(f"it is {state['now']} there")
    else:
        print(msgspec.json.format(place.ask("GET", "/sim/state"), indent=2).decode())
    return 0
