"""Files in the layout of every tool are evaluated without any flag but the loss, to the number that they hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from layouts import LAYOUTS, Layout

import losscli


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_layout_is_read_without_flags(layout: Layout, tmp_path: Path) -> None:
    result = losscli.evaluate(str(layout.write(tmp_path)), layout.spec, strict=True, chunk_rows=2)
    assert result.loss is not None
    np.testing.assert_allclose(result.loss, layout.loss, rtol=1e-12)
    columns = result.to_dict()["columns"]
    assert columns["label"] == layout.label
    assert columns["pred"] == (layout.pred or None)
    assert columns["pos_label"] == layout.pos_label
    assert columns["classes"] == (list(layout.classes) if layout.classes else None)
    assert {role: columns[role] for role in layout.others or {}} == dict(layout.others or {})
    assert result.to_dict()["warnings"] == []
