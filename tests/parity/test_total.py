"""That a full run compares as much as it should: a loop that runs over nothing passes too."""

from __future__ import annotations

from pathlib import Path

import pytest
from libraries import MODULES, available

# 630 when this was written; losses and expressions come and go, but not by the hundred.
_FLOOR = 600


def test_enough_was_compared(request: pytest.FixtureRequest, triples: set[str]) -> None:
    if not all(available(library) for library in MODULES):
        pytest.skip("not every library is installed")
    files = {item.path for item in request.session.items}
    if request.config.option.keyword or not set(Path(__file__).parent.glob("test_*.py")) <= files:
        pytest.skip("only a part of the comparisons was chosen")
    assert len(triples) >= _FLOOR
