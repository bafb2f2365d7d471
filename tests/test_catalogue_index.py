"""The index of the catalogue is what the declarations say, and saves loading them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import losscli.catalogue.index as committed
from losscli.docs.index import index
from losscli.registry import builtin_losses, find_loss


def test_the_index_is_current() -> None:
    assert Path(committed.__file__).read_text(encoding="utf-8") == index()


def test_every_name_leads_to_its_loss() -> None:
    for loss in builtin_losses():
        for name in (loss.name, *loss.aliases):
            assert find_loss(name) is loss


def test_finding_a_built_in_loss_loads_its_family_only() -> None:
    script = """
import sys
from losscli.registry import find_loss
find_loss("MAE")
print(*sorted(name for name in sys.modules if name.startswith("losscli.catalogue.")))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["losscli.catalogue.index", "losscli.catalogue.regression"]
