"""`spo try -f now/ --then -f change.yaml`: what comes of a change to what is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spo.cli.main import main
from tests.cli.test_try import DUMPED, DUMPED_PROFILE, PROFILE, SPOD, WIDGETS, Tried

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {namespace: shop, name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      securityContext: {seccompProfile: {type: Localhost, localhostProfile: operator/shop/%s.json}}
      containers: [{name: main, image: x, command: [sleep, infinity]}]
"""


@pytest.fixture
def tried_in_parts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*parts: str, options: tuple[str, ...] = ()) -> Tried:
        arguments = ["try", *options]
        for number, text in enumerate(parts):
            (tmp_path / f"{number}.yaml").write_text(text)
            arguments += ["--then"] if number else []
            arguments += ["-f", str(tmp_path / f"{number}.yaml")]
        code = main(arguments)
        said = capsys.readouterr()
        return Tried(code, said.out, said.err)

    return run


def test_first_this_then_that_shows_what_a_change_takes_away(tried_in_parts: Any) -> None:
    run = tried_in_parts(f"{PROFILE % 'web'}---\n{DEPLOYMENT % 'web'}", SPOD)
    assert run.code == 1
    first, then = run.out.split("▸ you                   then · ")
    assert "✓ manager               SeccompProfile shop/web → Installed" in first
    assert "started 2 pods shop/web-" in first
    assert "deleted SeccompProfile shop/web" in then
    assert "Cannot start again\n  ✗ shop: Deployment web, whose profile shop/web is Terminating" in then
    assert "✗ 1 profile not installed, 1 workload without profile" in then


def test_three_parts_follow_each_other_and_the_last_decides(tried_in_parts: Any) -> None:
    free = SPOD.replace("[read]", "null")
    run = tried_in_parts(SPOD, PROFILE % "web", free)
    assert run.code == 0
    assert run.out.count("then · ") == 2
    assert run.out.index("SeccompProfile shop/web → Error") < run.out.index("SeccompProfile shop/web → Installed")


def test_a_later_part_may_use_what_an_earlier_one_defines_but_is_no_dump(tried_in_parts: Any) -> None:
    definition, _, widget = (WIDGETS % 1).partition("---\n")
    wish = "\n".join(line.split(", uid")[0] + "}" if ", uid" in line else line for line in widget.split("\n"))
    assert "not simulated" not in tried_in_parts(definition, wish).out

    run = tried_in_parts(PROFILE % "web", DUMPED % DUMPED_PROFILE)
    assert (run.code, run.out) == (2, "")
    assert "SeccompProfile shop/cart is of a dump, the state to begin with" in run.err
    assert "→ give it before the first --then" in run.err
    assert "nothing was applied" in run.err


@pytest.mark.parametrize(
    "arguments", [("--then", "-f", "a.yaml"), ("-f", "a.yaml", "--then", "--then", "-f", "b.yaml")]
)
def test_then_without_anything_before_it_is_bad_input(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["try", *arguments])
    assert ended.value.code == 2
    assert "--then comes between two -f" in capsys.readouterr().err
