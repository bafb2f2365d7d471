"""Counting what was compared, for the end of the run."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

_TRIPLES = pytest.StashKey[set[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_TRIPLES] = set()


@pytest.fixture
def triples(request: pytest.FixtureRequest) -> set[str]:
    """The triples of loss, expression and parameter values compared so far."""
    return request.config.stash[_TRIPLES]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # The total is known when everything else has run; sorting is stable.
    items.sort(key=lambda item: item.path == Path(__file__).with_name("test_total.py"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    found = config.stash[_TRIPLES]
    if found:
        libraries = Counter(triple.partition(":")[0] for triple in found)
        shares = ", ".join(f"{library} {count}" for library, count in sorted(libraries.items()))
        terminalreporter.write_line(f"parity: {len(found)} (loss, expression, parameters) compared: {shares}")
