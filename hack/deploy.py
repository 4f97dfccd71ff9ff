"""Bring this checkout's operator into the cluster of the present kubeconfig, and watch it come up.

    python -m hack.deploy       KUBECONFIG says which cluster; IMAGE=… names an image that its nodes can pull

Without IMAGE the image is built, and loaded into the nodes: of a cluster of `hack.cluster`, or of kind. Options are
those of `spo install`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from hack import cluster, cluster_node, image
from hack import kind_docker as kind
from hack.archive import names_in
from hack.packages import say
from spo.real.credentials import BadConfig, config_of

KIND = "kind-"  # how kind calls the contexts that it writes


def load(archive: Path) -> str:
    """Load the image into the nodes of the present cluster. Gives the name by which to run it."""
    config = config_of(None)
    server, context = str(config.cluster["server"]), str(config.current_context)
    if server.endswith(f":{cluster.API_PORT}") and cluster_node.STATE.exists():
        cluster_node.load(archive)
    elif context.startswith(KIND):
        # Its own dockerd, if ours runs; else the one that the environment names.
        os.environ["KIND_CLUSTER_NAME"] = context.removeprefix(KIND)
        subprocess.run(["kind", "load", "image-archive", archive], check=True, env={**kind.environment(), **_chosen()})
    else:
        raise SystemExit(
            f"{server} is a cluster whose nodes cannot be given an image from here: push {archive} to a registry that"
            " they can pull from, and name it: make deploy IMAGE=registry.example.com/spo:1"
        )
    plain, unique = names_in(archive)
    say(f"loaded {plain} as {unique}")
    return unique  # so that a changed image is rolled out under a changed name


def _chosen() -> dict[str, str]:
    """What the user's environment says goes before what we would say."""
    return {name: os.environ[name] for name in ("KIND_CLUSTER_NAME", "DOCKER_HOST") if name in os.environ}


def main() -> None:
    try:
        name = os.environ.get("IMAGE") or load(image.build(image.TOP / "dist"))
    except BadConfig as error:
        raise SystemExit(str(error)) from error
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"failed ({error.returncode}): {' '.join(map(str, error.cmd))}") from error
    command = [sys.executable, "-m", "spo.cli.main", "install", "--image", name, *sys.argv[1:]]
    sys.exit(subprocess.run(command).returncode)


if __name__ == "__main__":
    main()
