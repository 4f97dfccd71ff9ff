"""Write seccomp profiles in another form.

What is given is recognised by what it is. Seccomp JSON of OCI or Docker becomes a SeccompProfile; SeccompProfiles and
spods of other releases of the operator, also in a dump, become those of this one; with `--to oci`, SeccompProfiles
become the files that the operator puts onto nodes, with their bases in them. Whatever the other form cannot say is
refused with file, line, field and remedy; what is left out, or said otherwise, is told on stderr.

  spo convert --namespace shop --cap SYS_ADMIN default.json | kubectl apply -f -
  kubectl get seccompprofiles -A -o yaml | spo convert --to oci --into files/ -
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from spo.report.exit_codes import BAD_INPUT, OK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spo.convert.containers import Kernel
    from spo.convert.conversion import Conversion, Wish
    from spo.convert.objections import NotConvertible
    from spo.input.load import Problem
    from spo.report.terminal import Progress


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `spo convert`."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="files or directories; `-`: stdin")
    parser.add_argument(
        "--to", choices=("manifest", "oci"), default="manifest", help="what to write (default: manifest)"
    )
    parser.add_argument(
        "--name",
        type=_name,
        default="",
        metavar="NAME",
        help="of the profile made of JSON (default: the file's); of manifests, take those of this name only",
    )
    parser.add_argument(
        "-n",
        "--namespace",
        type=_namespace,
        default="",
        metavar="NAME",
        help="of what has none; of manifests, take those of this namespace only",
    )
    parser.add_argument("-o", "--output", choices=("yaml", "json"), help="how to print manifests (default: yaml)")
    parser.add_argument("-v", "--verbose", action="store_true", help="name every rule that is left out")
    docker = parser.add_argument_group("the containers that Docker's JSON is read for")
    docker.add_argument(
        "--cap",
        type=_capability,
        action="append",
        default=[],
        metavar="CAP",
        help="a capability beside those that runtimes give by default; may be given often; ALL; NONE: without those",
    )
    docker.add_argument(
        "--arch", type=_architecture, default="amd64", help="their nodes' architecture (default: amd64)"
    )
    docker.add_argument(
        "--kernel", type=_kernel, metavar="X.Y", help="their nodes' kernel (default: new enough for every rule)"
    )
    oci = parser.add_argument_group("with --to oci")
    oci.add_argument("--into", metavar="DIR", help="write NAMESPACE/NAME.json below it (default: print the one)")
    oci.add_argument(
        "--operator-namespace", metavar="NAME", help="where bases are looked for, too (default: where spod is)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Convert it. Gives 0, or 2 if something cannot be converted or written: then nothing is."""
    from spo.convert.containers import Container, capabilities_with
    from spo.convert.conversion import Wish
    from spo.convert.objections import NotConvertible
    from spo.input.load import BadInput
    from spo.installation.files import FilesError
    from spo.report.terminal import Progress

    if misplaced := _misplaced(arguments):
        print(f"spo: {misplaced}", file=sys.stderr)
        return BAD_INPUT
    container = Container(arguments.arch, capabilities_with(arguments.cap), arguments.kernel)
    wish = Wish(arguments.name, arguments.namespace, container)
    progress = Progress()
    why: list[str] = []
    try:
        conversion = _converted(arguments.files, wish, progress)
        if arguments.to == "oci":
            text, more = _files(conversion, arguments.operator_namespace, arguments.into)
        else:
            text, more = _manifests(conversion, arguments.output)
    except BadInput as error:
        why = [str(problem) for problem in error.problems]
    except NotConvertible as error:
        why = [str(problem) for problem in _problems(error)]
    except FilesError as error:
        why = [str(error)]
    progress.done()
    if why:
        for line in (*why, "nothing was converted"):
            print(f"spo: {line}", file=sys.stderr)
        return BAD_INPUT
    for note in (*conversion.notes, *more, *(conversion.details if arguments.verbose else ())):
        print(f"spo: {note}", file=sys.stderr)
    print(text)
    return OK


def _converted(paths: Sequence[str], wish: Wish, progress: Progress) -> Conversion:
    """All that is given, as manifests that an API server takes. Raises BadInput, NotConvertible."""
    from spo.convert.conversion import convert
    from spo.input.foreign import is_seccomp
    from spo.input.load import BadInput, load
    from spo.input.server_check import refusals

    conversion = convert(load(paths, progress, is_seccomp), wish)
    if refused := refusals(conversion.manifests):
        raise BadInput(*refused)
    return conversion


def _manifests(conversion: Conversion, form: str | None) -> tuple[str, Sequence[str]]:
    """The manifests as text, and a note if that is the same as before."""
    from spo.installation.files import in_yaml
    from spo.report.machine_readable import written

    objects = [item.object for item in conversion.chosen]
    notes = [] if conversion.changed else ["nothing had to be changed: it is in the form of this release"]
    if form != "json":
        return in_yaml(objects, compact=True).rstrip(), notes
    whole = objects[0] if len(objects) == 1 else {"apiVersion": "v1", "kind": "List", "items": objects}
    return written(whole, form), notes


def _files(conversion: Conversion, operator_namespace: str | None, into: str | None) -> tuple[str, Sequence[str]]:
    """The one file, or where they were written, and notes. Raises BadInput, NotConvertible, FilesError."""
    from pathlib import Path

    from spo.convert.to_oci import files_of
    from spo.input.load import BadInput, Problem
    from spo.installation.files import write

    found = files_of(conversion, operator_namespace)
    if into is not None:
        return "\n".join(map(str, write(Path(into), found.texts))), found.notes
    if len(found.texts) != 1:
        what = f"one file can be printed, and these are {len(found.texts)}: {', '.join(found.texts)}"
        raise BadInput(Problem("--to oci", what, "have them written with --into DIR, or choose one with --name"))
    return next(iter(found.texts.values())), found.notes


def _problems(error: NotConvertible) -> list[Problem]:
    from spo.input.line_numbers import place_of
    from spo.input.load import Problem

    return [
        Problem(
            place=place_of(each.source, each.field) if each.source else "input",
            what=each.what,
            remedy=each.remedy,
            subject=each.subject,
            field=each.field,
        )
        for each in error.objections
    ]


# -- words of the command line ---------------------------------------------------------------------------------------


def _misplaced(arguments: argparse.Namespace) -> str:
    """What is wrong with the options together; empty if nothing is."""
    if arguments.to == "manifest" and (arguments.into or arguments.operator_namespace):
        return "--into and --operator-namespace are for --to oci"
    if arguments.to == "oci" and arguments.output == "yaml":
        return "--to oci always writes JSON: leave out -o yaml"
    return ""


def _name(word: str) -> str:
    from spo.convert.names import as_name

    return _as_it_can_be(word, as_name(word))


def _namespace(word: str) -> str:
    from spo.convert.names import as_label

    return _as_it_can_be(word, as_label(word))


def _as_it_can_be(word: str, name: str) -> str:
    if word != name:
        raise argparse.ArgumentTypeError(
            f"{word!r} is no name that an object can have" + (f"; {name} is" if name else "")
        )
    return word


def _capability(word: str) -> str:
    from spo.convert.containers import ALL, CAPABILITIES, NONE, capability
    from spo.convert.objections import meant

    if word.upper() not in (ALL, NONE) and capability(word) is None:
        remedy = meant("CAP_" + word.upper().removeprefix("CAP_"), CAPABILITIES, "capabilities(7) lists them")
        raise argparse.ArgumentTypeError(f"there is no capability {word}; {remedy}")
    return word


def _architecture(word: str) -> str:
    from spo.convert.containers import ARCHITECTURE_OF, ARCHITECTURE_WORDS

    if word not in ARCHITECTURE_OF:
        raise argparse.ArgumentTypeError(f"{word} is none of {', '.join(ARCHITECTURE_WORDS)}")
    return ARCHITECTURE_OF[word]


def _kernel(word: str) -> Kernel:
    from spo.convert.containers import kernel_of

    found = kernel_of(word)
    if found is None:
        raise argparse.ArgumentTypeError(f"{word!r} is no version like 6.1")
    return found
