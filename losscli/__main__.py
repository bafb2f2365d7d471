"""The entry point: exit codes, broken pipes, interrupts, and nothing else."""

from __future__ import annotations

import contextlib
import gc
import io
import os
import signal
import sys
import time

# Imports before `main` are as few as can be: an interrupt during them is told by Python, as a traceback.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType
    from typing import NoReturn, TextIO

# A second BLAS thread only spins: no kernel here calls BLAS on large arrays.  It must be set before NumPy loads.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# A process with a second thread cannot fork its workers safely, and Arrow's spare allocator would start one.
os.environ.setdefault("JE_ARROW_MALLOC_CONF", "background_thread:false")

SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
# A second Ctrl-C in the same moment must not stop the first from cleaning up.
HEED_AGAIN_SECONDS = 0.5
# How often it is looked whether an import, which is not interrupted, has ended, and after what time an interrupt that
# had no effect comes again: Python drops those that fall into a destructor.
LOOK_AGAIN_SECONDS, COME_AGAIN_SECONDS = 0.01, 0.3

# Numbers of two parameters of glibc's mallopt, and what both are set to.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_KEPT_BYTES = 1 << 25


def main() -> NoReturn:
    """Run the command line and leave at once, without the interpreter's slow shutdown."""
    _heed_signals()
    _open_closed_streams()
    sys.stderr = _Messages(sys.stderr)
    try:
        # The cyclic collector finds nothing in a run of seconds, and its passes cost 7 % of the start-up.
        gc.disable()
        _keep_freed_memory()
        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        # While what `run` needs is loaded, or while it tells of an error.
        _say("losscli: interrupted")
        code = 130
    _alarm_after(0.0)
    os._exit(_flush(code))


def run(arguments: Sequence[str]) -> int:
    """The exit code of one command line; every error is printed here and only here."""
    from losscli.errors import Exit, LosscliError

    try:
        from losscli.cli import dispatch

        return dispatch(arguments)
    except KeyboardInterrupt:
        _say("losscli: interrupted")
        return Exit.INTERRUPTED
    except LosscliError as error:
        _say(str(error))
        return error.exit_code
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


def _open_closed_streams() -> None:
    """Give a stream that the shell has closed, ``2>&-``, a place where nobody looks."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115, PTH123  # open until the end; pathlib is slow to load


class _Messages(io.TextIOWrapper):
    """Standard error: what nobody reads, or what a full disk does not take, ends no run and changes no verdict."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream.detach(), stream.encoding, stream.errors, line_buffering=True)  # type: ignore[attr-defined]

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError:
            return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            super().flush()


def _keep_freed_memory() -> None:
    """Have the allocator keep what NumPy's temporaries free.

    By default it returns them to the system after nearly every operation, and
    a seventh of the time goes into getting them back, page by page.
    """
    import ctypes

    try:
        for parameter in (_TRIM_THRESHOLD, _MMAP_THRESHOLD):
            ctypes.CDLL(None).mallopt(parameter, _KEPT_BYTES)
    except (AttributeError, OSError, TypeError):
        # Another C library has no such parameters, and another system no such call.
        return


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
            if code == 0:
                _say(f"losscli: standard output cannot be written: {error}")
                code = 3
    return code


def _heed_signals() -> None:
    """Make every signal that asks for an end a KeyboardInterrupt, so that temporary files are removed."""
    last = -HEED_AGAIN_SECONDS

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal last
        # An extension that is being loaded may drop the interrupt or make an ImportError of it.
        if _imports(frame) and _alarm_after(LOOK_AGAIN_SECONDS):
            return
        now = time.monotonic()
        if now - last >= HEED_AGAIN_SECONDS or number == getattr(signal, "SIGALRM", None):
            last = now
            _alarm_after(COME_AGAIN_SECONDS)
            raise KeyboardInterrupt

    for name in (*SIGNALS, "SIGALRM"):
        number = getattr(signal, name, None)
        # What is ignored on purpose, as by nohup, stays so.
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, interrupt)


def _alarm_after(seconds: float) -> bool:
    """Have SIGALRM come once after `seconds`, 0 for never; False where there is no such clock."""
    if not hasattr(signal, "setitimer"):
        return False
    signal.setitimer(signal.ITIMER_REAL, seconds)
    return True


def _imports(frame: FrameType | None) -> bool:
    """Whether a module is being imported in this frame or one that called it."""
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False


if __name__ == "__main__":
    main()
