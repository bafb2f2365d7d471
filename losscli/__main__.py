"""The entry point: exit codes, broken pipes, interrupts, and nothing else."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

# A second BLAS thread only spins: no kernel here calls BLAS on large arrays.  It must be set before NumPy loads.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from losscli.errors import Exit, LosscliError


def main() -> NoReturn:
    """Run the command line and leave at once, without the interpreter's slow shutdown."""
    # The cyclic collector finds nothing in a run of seconds, and its passes cost 7 % of the start-up.
    gc.disable()
    if hasattr(signal, "SIGTERM"):
        signal.signal(signal.SIGTERM, _terminate)
    code = run(sys.argv[1:])
    os._exit(_flush(code))


def run(arguments: Sequence[str]) -> int:
    """The exit code of one command line; every error is printed here and only here."""
    try:
        from losscli.cli import dispatch

        return dispatch(arguments)
    except LosscliError as error:
        _say(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        _say("losscli: interrupted")
        return Exit.INTERRUPTED
    except BrokenPipeError:
        return Exit.DONE
    except MemoryError:
        _say("losscli: out of memory\ntry: fewer groups, or a smaller --chunk-rows")
        return Exit.INPUT
    except Exception as error:
        if "--debug" in arguments:
            import traceback

            traceback.print_exc()
        _say(f"losscli: internal error: {type(error).__name__}: {error}")
        _say("try: --debug shows where; this is a bug, report it")
        return Exit.INTERNAL


def _say(message: str) -> None:
    """Print to stderr, which may be closed."""
    try:
        sys.stderr.write(message + "\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        pass


def _flush(code: int) -> int:
    """Flush what is left; a reader that went away does not change the verdict."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            continue
        except (OSError, ValueError) as error:
            if code == Exit.DONE:
                _say(f"losscli: standard output cannot be written: {error}")
                code = Exit.INPUT
    return int(code)


def _terminate(number: int, frame: FrameType | None) -> None:
    # Unwinds like Ctrl-C, so that temporary files are removed.
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
