"""The classes in a file, from the command line and from a gate configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from losscli.class_lists import listed_classes
from losscli.cli.options import class_names
from losscli.errors import Exit, InputError, UsageError
from losscli.gates.configuration import read_configuration


@pytest.mark.parametrize("text", [b"cat\ndog\n", b"\xef\xbb\xbfcat\r\ndog", b"\n cat \n\ndog\n\n"])
def test_a_file_lists_a_class_on_each_line(text: bytes, tmp_path: Path) -> None:
    path = tmp_path / "classes.txt"
    path.write_bytes(text)
    assert listed_classes(str(path)) == ("cat", "dog")
    assert class_names(f"@{path}") == ("cat", "dog")


def test_a_file_of_other_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "classes.txt"
    path.write_bytes("café\n".encode("latin-1"))
    with pytest.raises(InputError, match=r"classes\.txt: not UTF-8: byte 0xe9") as refused:
        class_names(f"@{path}")
    assert refused.value.exit_code == Exit.INPUT
    assert refused.value.expected == "a UTF-8 file with one class on each line"
    rules = tmp_path / "losscli.toml"
    rules.write_text('[input]\nclasses = "@classes.txt"\n[loss]\nname = "mse"\n[[rule]]\nname = "a"\nmax = 1\n')
    with pytest.raises(UsageError, match=r"classes\.txt: not UTF-8: byte 0xe9"):
        read_configuration(str(rules))
