"""`spo try`: a user's own manifests, and a real cluster's dump, with every answer that a user waits for."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any

import pytest
import yaml

from spo.cli.main import main
from spo.input.options import duration

PROFILE = """\
apiVersion: security-profiles-operator.x-k8s.io/v1beta1
kind: SeccompProfile
metadata: {namespace: shop, name: %s}
spec: {defaultAction: SCMP_ACT_LOG}
"""
SPOD = """\
apiVersion: security-profiles-operator.x-k8s.io/v1alpha1
kind: SecurityProfilesOperatorDaemon
metadata: {namespace: security-profiles-operator, name: spod}
spec: {allowedSyscalls: [read]}
"""
POD = """\
apiVersion: v1
kind: Pod
metadata: {namespace: shop, name: web}
spec:
  securityContext: {seccompProfile: {type: Localhost, localhostProfile: operator/shop/%s.json}}
  containers: [{name: main, image: x, command: [sleep, infinity]}]
"""
FULL_NODE = """\
apiVersion: v1
kind: Node
metadata:
  {name: full, uid: "1", creationTimestamp: "2026-01-01T00:00:00Z", labels: {kubernetes.io/os: linux}}
spec: {}
status: {allocatable: {pods: "0"}, conditions: [{type: Ready, status: "True"}]}
"""


class Tried:
    """One run of `spo try`, and what it said."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def history(self) -> str:
        match = re.search(r"^history ([0-9a-f]{64})$", self.out.rstrip().split("\n")[-1])
        assert match is not None
        return match[1]


@pytest.fixture
def tried(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*manifests: str, options: tuple[str, ...] = ()) -> Tried:
        arguments = ["try", *options]
        for number, text in enumerate(manifests):
            file = tmp_path / f"{number}.yaml"
            file.write_text(text, encoding="utf-8")
            arguments += ["-f", str(file)]
        code = main(arguments)
        said = capsys.readouterr()
        return Tried(code, said.out, said.err)

    return run


def test_a_profile_and_a_pod_under_it(tried: Any) -> None:
    run = tried(PROFILE % "web", POD % "web")
    assert run.code == 0
    assert "daemon on 3 nodes     wrote file operator/shop/web.json" in run.out
    assert re.search(r"started pod shop/web", run.out)
    assert "✓ shop/web  Installed   on all 3 nodes" in run.out
    assert "✓ everything applied is satisfied" in run.out
    assert run.history


def test_a_pod_whose_profile_is_missing_is_named_with_its_reason_and_remedy(tried: Any) -> None:
    run = tried(POD % "web")
    assert run.code == 1
    assert "shop/web on node-" in run.out
    assert "no such file or directory" in run.out
    assert "→ apply a SeccompProfile `web` in namespace `shop`" in run.out


def test_what_is_rejected_by_the_server_is_named_with_file_line_field_and_remedy(tried: Any) -> None:
    run = tried(PROFILE % "web", (PROFILE % "typo").replace("SCMP_ACT_LOG", "SCMP_ACT_LOK"))
    assert run.code == 1
    assert re.search(r"✗ SeccompProfile shop/typo  \(.*1\.yaml:4\)", run.out)
    assert "spec.defaultAction: Unsupported value" in run.out
    assert "→ did you mean SCMP_ACT_LOG?" in run.out
    assert "✓ shop/web  Installed" in run.out


def test_a_profile_that_the_operator_takes_away_is_named(tried: Any) -> None:
    run = tried(PROFILE % "web", "apiVersion: v1\nkind: Namespace\nmetadata: {name: pause}\n", SPOD)
    assert run.code == 1
    assert re.search(r"✗ SeccompProfile shop/web  \(.*0\.yaml:1\)", run.out)
    assert "it was removed again" in run.out
    assert "ProfileRemoved" in run.out


def test_a_profile_that_is_not_allowed_from_the_start_stays_and_says_why(tried: Any) -> None:
    run = tried(SPOD, PROFILE % "web")
    assert run.code == 1
    assert "✗ shop/web  Error" in run.out
    assert "ProfileNotAllowed" in run.out


DUMPED = """\
apiVersion: security-profiles-operator.x-k8s.io/%(version)s
kind: %(kind)s
metadata: {namespace: %(namespace)s, name: %(name)s, uid: "%(name)s-1", creationTimestamp: "2026-01-01T00:00:00Z"}
spec: %(spec)s
"""
DUMPED_SPOD = DUMPED % {
    "version": "v1alpha1",
    "kind": "SecurityProfilesOperatorDaemon",
    "namespace": "security-profiles-operator",
    "name": "spod",
    "spec": "{allowedSyscalls: [read]}",
}
DUMPED_PROFILE = {
    "version": "v1beta1",
    "kind": "SeccompProfile",
    "namespace": "shop",
    "name": "cart",
    "spec": "{defaultAction: SCMP_ACT_ERRNO, syscalls: [{action: SCMP_ACT_ALLOW, names: [read]}]}",
}
WIDGETS = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com, uid: "w", creationTimestamp: "2026-01-01T00:00:00Z"}
spec:
  group: example.com
  names: {plural: widgets, kind: Widget, listKind: WidgetList, singular: widget}
  scope: Namespaced
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}
---
apiVersion: example.com/v%d
kind: Widget
metadata: {namespace: shop, name: gear, uid: "g", creationTimestamp: "2026-01-01T00:00:00Z"}
"""


def test_profiles_of_a_dump_are_there_and_are_told(tried: Any) -> None:
    run = tried(DUMPED % DUMPED_PROFILE)
    assert run.code == 0
    assert "✓ shop/cart  Installed   on all 3 nodes" in run.out


def test_the_list_of_a_dumped_spod_is_in_force(tried: Any) -> None:
    run = tried(DUMPED_SPOD, PROFILE % "web")
    assert run.code == 1
    assert "✗ shop/web  Error" in run.out
    assert "ProfileNotAllowed" in run.out
    assert "created the default spod" not in run.out


def test_custom_resources_come_with_their_definition_or_are_named(tried: Any) -> None:
    assert "left out" not in tried(WIDGETS % 1, PROFILE % "web").out
    run = tried(WIDGETS % 7, PROFILE % "web")
    assert "Widget shop/gear is left out: no example.com/v7 of Widget is served here" in run.out


def test_a_remark_is_no_hindrance_unless_one_is_strict(tried: Any) -> None:
    odd = (PROFILE % "odd").replace(
        "{defaultAction: SCMP_ACT_LOG}",
        "{defaultAction: SCMP_ACT_ERRNO, syscalls: [{action: SCMP_ACT_ALLOW, names: [wirte]}]}",
    )
    assert tried(odd).code == 0
    strict = tried(odd, options=("--strict",))
    assert strict.code == 1
    assert "✗ 1 profile with remarks (--strict)" in strict.out
    assert tried(PROFILE % "fine", options=("--strict",)).code == 0


CRASHES = """
apiVersion: security-profiles-operator.x-k8s.io/v1beta1
kind: SeccompProfile
metadata: {name: strict, namespace: default}
spec: {defaultAction: %s, baseProfileName: runc-v1.0.0, syscalls: [{action: SCMP_ACT_ALLOW, names: [exit_group]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: maker, namespace: default}
spec:
  restartPolicy: %s
  securityContext: {seccompProfile: {type: Localhost, localhostProfile: operator/default/strict.json}}
  containers: [{name: main, image: busybox, command: [mkdir, /tmp/a]}]
"""


@pytest.mark.parametrize("restarts", ["Always", "Never"])
@pytest.mark.parametrize(
    ("action", "syscall"),
    [("SCMP_ACT_ERRNO", "mkdir"), ("SCMP_ACT_KILL_PROCESS", "brk")],  # killed, it does not come so far
)
def test_a_program_that_ends_over_a_refused_syscall_is_told_with_its_name(
    tried: Any, action: str, syscall: str, restarts: str
) -> None:
    run = tried(CRASHES % (action, restarts))
    assert run.code == 1
    assert f"→ its seccomp profile refused {syscall}, and the program ended" in run.out


def test_a_setting_that_no_pod_can_have_is_no_success(tried: Any) -> None:
    wrong = "spec: {daemonResourceRequirements: {requests: {cpu: 2}, limits: {cpu: 1}}}"
    run = tried(SPOD[: SPOD.index("spec:")] + wrong)
    assert run.code == 1
    assert "spod security-profiles-operator/spod: InvalidSetting" in run.out
    assert "spec.daemonResourceRequirements.requests.cpu" in run.out


def test_bad_input_applies_nothing(tried: Any) -> None:
    run = tried(PROFILE % "web", "kind: [")
    assert (run.code, run.out) == (2, "")
    assert "1.yaml:1" in run.err
    assert "nothing was applied" in run.err


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_machines_get_the_same_facts(tried: Any, form: str) -> None:
    run = tried(PROFILE % "web", POD % "late", options=("-o", form))
    facts = json.loads(run.out) if form == "json" else yaml.safe_load(run.out)
    assert run.code == 1
    assert facts["satisfied"] is False
    assert {p["name"]: p["state"] for p in facts["profiles"]}["web"] == "Installed"
    assert [pod["reason"] for pod in facts["pods"]] == ["CreateContainerError"]
    assert facts["timeline"][0]["who"] == "you"
    assert re.fullmatch("[0-9a-f]{64}", facts["history"])


def test_nodes_and_pods_are_as_asked_for(tried: Any) -> None:
    run = tried(PROFILE % "web", options=("--nodes", "5", "--pods", "40"))
    assert run.out.startswith("5 simulated nodes, 47 pods, seed 0")
    assert "on all 5 nodes" in run.out


def test_a_rest_that_does_not_come_in_time_is_told(tried: Any) -> None:
    run = tried(PROFILE % "web", options=("--until", "1s"))
    assert "the time was over before the cluster came to rest: try a longer --until" in run.out


def test_the_same_seed_gives_the_same_history_and_another_seed_another(tried: Any) -> None:
    first = tried(PROFILE % "web").history
    assert tried(PROFILE % "web").history == first
    assert tried(PROFILE % "web", options=("--seed", "1")).history != first
    assert tried(PROFILE % "other").history != first


def test_the_history_does_not_depend_on_the_hash_seed(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("---\n".join([PROFILE % "web", PROFILE % "db", POD % "web", SPOD]))

    def history(hash_seed: str) -> str:
        command = [sys.executable, "-m", "spo.cli.main", "try", "-f", str(file)]
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        return done.stdout.rstrip().split("\n")[-1]

    first = history("0")
    assert re.fullmatch("history [0-9a-f]{64}", first)
    assert history("1") == first
    assert history("random") == first


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("10m", 600), ("1h30m", 5400), ("2h5s", 7205)])
def test_times_are_written_as_people_do(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "10 m", "-5", "1d", "5m1h"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="not a time like"):
        duration(text)


@pytest.mark.parametrize("option", [("--nodes", "0"), ("--nodes", "-3"), ("--pods", "many"), ("--until", "soon")])
def test_options_that_make_no_sense_are_bad_input(option: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["try", "-f", "x.yaml", *option])
    assert caught.value.code == 2
    assert option[0] in capsys.readouterr().err


def test_more_pods_than_the_nodes_hold_are_refused_with_how_many_nodes_it_takes(tried: Any) -> None:
    run = tried(PROFILE % "web", POD % "web", options=("--pods", "325"))
    assert (run.code, run.out) == (2, "")
    assert "3 nodes hold 330 pods; there would be 331 (325 of --pods, 1 of the input, 5 of the operator)" in run.err
    assert "→ --nodes 4" in run.err
    assert tried(PROFILE % "web", options=("--pods", "325")).code == 0


def test_a_node_that_is_full_is_told_in_a_line_and_not_in_a_traceback(tried: Any) -> None:
    run = tried(FULL_NODE, options=("--nodes", "2"))
    assert (run.code, run.out) == (3, "")
    assert re.fullmatch(r"spo: the operator did not come up within 300 simulated seconds: pod .*\n", run.err)


def test_a_profile_named_without_its_suffix_is_told_how_it_was_meant(tried: Any) -> None:
    run = tried(PROFILE % "web", POD.replace("%s.json", "%s") % "web")
    assert run.code == 1
    assert "→ did you mean operator/shop/web.json?" in run.out


@pytest.mark.parametrize(
    ("named", "meant"),
    [
        ("shop/web.json", "→ did you mean operator/shop/web.json?"),
        (
            "operator/shpo/web.json",
            "→ apply a SeccompProfile `web` in namespace `shpo`; or did you mean operator/shop/web.json?",
        ),
    ],
)
def test_a_profile_named_almost_right_is_told_how_it_was_meant(tried: Any, named: str, meant: str) -> None:
    run = tried(PROFILE % "web", (POD % "web").replace("operator/shop/web.json", named))
    assert run.code == 1
    assert meant in " ".join(run.out.split())
