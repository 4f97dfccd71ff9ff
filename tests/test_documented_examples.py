"""The examples in docs/testing-your-operator.md run as they stand there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from spo.sim.faults import Site
from spo.sim.faults.fates import Fate

pytest_plugins = ["pytester"]

DOCUMENT = Path(__file__).parent.parent / "docs" / "testing-your-operator.md"
EXAMPLE = re.compile(r"^`([\w.]+)`[^\n]*\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NEEDS = {
    "test_copier.py": ("kopf", "kubernetes"),
    "test_janitor.py": ("pykube",),
    "test_web.py": (),
    "test_labeller.py": ("pykube",),
    "test_outage.py": (),
}


def examples() -> dict[str, str]:
    """By the name of the file that the text gives them."""
    return {match[1]: match[2] for match in EXAMPLE.finditer(DOCUMENT.read_text())}


def test_each_example_is_one_that_runs() -> None:
    assert {name for name in examples() if name.startswith("test_")} == set(NEEDS)
    assert len(examples()) == DOCUMENT.read_text().count("```") / 2


def test_each_fault_there_can_be_is_documented() -> None:
    rows = [line.split("|")[1:4] for line in DOCUMENT.read_text().splitlines() if line.startswith("| `")]
    told = {site.strip(" `"): set(re.findall(r"`([A-Z]\w+)", fates)) for site, _, fates in rows}

    for site in Site:
        assert told[site.name] == {fate.__name__ for fate in get_args(Fate) if site in fate.sites}


@pytest.mark.parametrize("name", NEEDS)
def test_an_example_passes(name: str, pytester: pytest.Pytester) -> None:
    for module in NEEDS[name]:
        pytest.importorskip(module)
    for file, text in examples().items():
        (pytester.path / file).write_text(text)

    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "--strict-markers", name)

    assert result.parseoutcomes() == {"passed": 1}
