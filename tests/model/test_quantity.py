from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spo.model.quantity import canonical
from spo.model.scheduling import QUANTITY_PATTERN


@pytest.mark.parametrize(
    ("written", "stands"),
    [
        (1, "1"),
        (0, "0"),
        (1000, "1k"),
        ("0.5", "500m"),
        (".5", "500m"),
        ("+1.", "1"),
        ("1000m", "1"),
        ("1500m", "1500m"),
        ("250m", "250m"),
        ("64Mi", "64Mi"),
        ("1024Mi", "1Gi"),
        ("1.5Gi", "1536Mi"),
        ("0.5Ki", "512"),
        ("1e3", "1e3"),
        ("12e2", "1200"),
        ("1E2", "100"),
        ("1000000k", "1G"),
        ("0.1n", "1n"),
        ("0Mi", "0"),
        ("lots", "lots"),
        ("", ""),
        (".", "."),
    ],
)
def test_an_amount_is_written_as_the_server_writes_it(written: int | str, stands: str) -> None:
    assert canonical(written) == stands


@given(st.from_regex(QUANTITY_PATTERN, fullmatch=True))
def test_what_is_canonical_stays_so(written: str) -> None:
    once = canonical(written)
    assert canonical(once) == once
    assert re.fullmatch(QUANTITY_PATTERN, once)
