"""What a reader of the documentation types: one block, word for word, by a shell or as a shell would read it.

`oc` and `kubectl` are interchangeable there; $NS is the operator's namespace.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from scenarios.driver import Driver

KINDS = {"spod": "SecurityProfilesOperatorDaemon"}  # short names
OC_IS_KUBECTL = 'oc() { kubectl "$@"; }\n'


def by_shell(block: str, operator_namespace: str, given: str) -> str:
    """Run it in bash, with kubectl from the PATH and the current kubeconfig. Gives what it complains of, or nothing."""
    script = f"NS={shlex.quote(operator_namespace)}\n{OC_IS_KUBECTL}{block}"
    done = subprocess.run(["bash", "-c", script], input=given, capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stderr or f"exit code {done.returncode}"


def by_driver(block: str, driver: Driver, given: str) -> None:
    """Read it as a shell does, and do what kubectl would. Raises Refused."""
    client, *words = shlex.split(block.replace("$NS", driver.operator_namespace))
    assert client in ("oc", "kubectl")
    said = _parser().parse_args(words)
    if said.verb == "patch":
        driver.patch(KINDS[said.kind], said.namespace, said.name, said.patch)
        return
    for manifest in yaml.safe_load_all(given):
        driver.create({**manifest, "metadata": {"namespace": "default", **manifest["metadata"]}})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(exit_on_error=False)
    parser.add_argument("-n", dest="namespace")
    verbs = parser.add_subparsers(dest="verb", required=True)
    patch = verbs.add_parser("patch", exit_on_error=False)
    patch.add_argument("kind", choices=KINDS)
    patch.add_argument("name")
    patch.add_argument("--type", choices=["merge"], required=True)
    patch.add_argument("-p", dest="patch", type=json.loads, required=True)
    apply = verbs.add_parser("apply", exit_on_error=False)
    apply.add_argument("-f", dest="file", choices=["-"], required=True)
    return parser
