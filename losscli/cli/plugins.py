"""Plugins on the command line: ``--plugin`` files, and word of installed ones that failed."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from losscli.registry import catalogue, has_installed_plugins, load_plugin


def load_plugins(paths: Sequence[str] | None) -> None:
    """Add the losses of plugin files; warn of installed plugins that could not be loaded.

    A file that was asked for and fails is a UsageError.
    """
    failures = catalogue().failures if has_installed_plugins() else {}
    for origin, reason in failures.items():
        sys.stderr.write(f"losscli: warning: the plugin {origin} failed and is left out: {reason}\n")
    for path in paths or ():
        load_plugin(path)
