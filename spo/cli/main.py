"""The command `spo`: finds the sub-command, loads what it needs and no more, and gives its exit code."""

from __future__ import annotations

import argparse
import errno
import io
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module

from msgspec import Struct

from spo.report.exit_codes import BAD_INPUT, FAILED, IN_WORDS, INTERRUPTED, OK
from spo.report.failed import Failed

NOT_WRITTEN = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)


class Command(Struct, frozen=True):
    """A sub-command: its module has `configure(parser)` and `run(arguments) -> exit code`."""

    module: str
    help: str
    example: str


COMMANDS = {
    "try": Command(
        "spo.cli.try_", "my manifests in a simulated cluster: timeline, states, reasons", "spo try -f examples/"
    ),
    "demo": Command("spo.cli.demo", "watch the operator restrict the allowed syscalls, in a second", "spo demo"),
    "sim": Command(
        "spo.cli.sim", "a simulated cluster for kubectl and any other client", "spo sim serve --nodes 5 --pods 100"
    ),
    "crds": Command(
        "spo.cli.crds", "write the operator's CustomResourceDefinitions, or check them", "spo crds deploy/crds"
    ),
    "manifests": Command(
        "spo.cli.manifests",
        "print what installs the operator, for kubectl apply -f -",
        "spo manifests --namespace security-profiles | kubectl apply -f -",
    ),
    "install": Command(
        "spo.cli.install", "install the operator, and watch it come up", "spo install --image REGISTRY/spo:1"
    ),
    "uninstall": Command(
        "spo.cli.uninstall",
        "remove the operator and all that it left, on every node",
        "spo uninstall --dry-run",
    ),
    "clean-up": Command(
        "spo.cli.clean_up",
        "remove this node's profiles, as `spo uninstall` runs it",
        "KUBELET_DIR=… spo clean-up",
    ),
    "lay-profile": Command(
        "spo.cli.lay_profile",
        "put the operator's own seccomp profile on this node, as its pods do before they start",
        "KUBELET_DIR=… spo lay-profile",
    ),
    "manager": Command("spo.cli.manager", "the operator's manager, as its pods run it", "OPERATOR_IMAGE=… spo manager"),
    "daemon": Command("spo.cli.daemon", "the operator's daemon, as its pods run it", "NODE_NAME=node-1 spo daemon"),
    "explain": Command(
        "spo.cli.explain",
        "what another allow list would do to the profiles, and why",
        "spo explain allow-list -f profiles/ --list exit,exit_group,futex,nanosleep",
    ),
    "convert": Command(
        "spo.cli.convert",
        "seccomp JSON of OCI or Docker as a SeccompProfile, and back; other releases' objects as this one's",
        "spo convert --namespace shop /etc/docker/seccomp.json | kubectl apply -f -",
    ),
    "version": Command("spo.cli.version", "say which spo this is", "spo version"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `spo` with these arguments (default: the process's own). Gives an exit code of `spo.report.exit_codes`."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if sys.stdout is None:  # closed before we began: `spo … >&-`
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
        return _told("cannot write: standard output is closed", BAD_INPUT)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # an ASCII terminal: a mark it does not have is no reason to fail
    try:
        try:
            return _command(given)
        finally:
            sys.stdout.flush()  # also after --help, which ends in SystemExit
    except BrokenPipeError:  # `spo try … | head`: the reader has seen enough
        _write_no_more()
        return OK
    except OSError as error:
        if error.errno not in NOT_WRITTEN:
            return _bug()
        _write_no_more()
        return _told(f"cannot write: {error.strerror}", BAD_INPUT)
    except Failed as error:
        return _told(str(error), FAILED)
    except KeyboardInterrupt:
        return _told("interrupted", INTERRUPTED)
    except Exception:
        return _bug()


def _command(given: Sequence[str]) -> int:
    top = _top_parser()
    if not given:
        top.print_help()
        return BAD_INPUT
    name = given[0]
    if name in ("--version", "-V"):
        name, given = "version", ["version"]
    command = COMMANDS.get(name)
    if command is None:
        top.parse_args(given)  # --help, or a word nobody knows: both end here
        return BAD_INPUT
    return _run(name, command, given[1:])


def _write_no_more() -> None:
    """Else Python tries again at its end, and complains."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _bug() -> int:
    """What we did not think of: no verdict."""
    traceback.print_exc()
    return _told("this is a bug of spo, and no answer to the question: please report it", FAILED)


def _told(why: str, code: int) -> int:
    print(f"spo: {why}", file=sys.stderr)
    return code


def _run(name: str, command: Command, rest: Sequence[str]) -> int:
    module = import_module(command.module)
    parser = argparse.ArgumentParser(
        prog=f"spo {name}",
        description=(module.__doc__ or command.help).strip(),
        epilog=f"example:\n  {command.example}\n\n{IN_WORDS}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.configure(parser)
    code: int = module.run(parser.parse_args(rest))
    return code


def _top_parser() -> argparse.ArgumentParser:
    table = "\n".join(f"  {name:<11} {command.help}" for name, command in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="spo",
        usage="spo COMMAND [OPTIONS]",
        description="Security profiles for Kubernetes pods, and a simulated cluster to try them in.",
        epilog=f"commands:\n{table}\n\nexample:\n  {COMMANDS['try'].example}\n\n`spo COMMAND --help` tells more.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help="what to do, see below")
    return parser


if __name__ == "__main__":
    sys.exit(main())
