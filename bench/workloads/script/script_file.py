"""ScriptFile: a training script as it is, a file or a module of a package, with its arguments."""

from __future__ import annotations

import multiprocessing
import os
import runpy
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.process.errors import ExplainedError
from bench.process.module_names import enter_folder
from bench.text import describe_error
from bench.workloads.script.process_end import ProcessExit, ProcessRestartError, answer_process_ends
from bench.workloads.script.script_end import ScriptEnd
from bench.workloads.script.script_place import find_module_file, hint_at_module, is_module
from bench.workloads.target.target import check_file

# In a script's environment this is 1, so that it can leave out what only a training needs.
TRIAL_VARIABLE = "LOADERBENCH_TRIAL"
# Name of the step of a script, as the column `step` holds it.
SCRIPT_STEP = "script"


class ScriptError(ExplainedError):
    """A script that ended in another way than a training does, in one line.

    Attributes:
        exit_code: the code with which it left; None for another end.
        advice: what to do about it; empty where that isn't known.
    """

    exit_code: int | None = None
    advice: str = ""


@dataclass(frozen=True)
class ScriptFile:
    """A training script and its arguments.

    Attributes:
        text: the script as it was given, `FILE.py` or `package.module`.
        path: the absolute path of its file.
        start: folder in which the script runs; its relative paths begin there.
        arguments: arguments of the script.
        module: name of a script that runs as a module of a package; None for a file.
    """

    text: str
    path: Path
    start: Path
    arguments: tuple[str, ...] = ()
    module: str | None = None

    @classmethod
    def parse(cls, text: str, arguments: tuple[str, ...] = (), start: Path | None = None) -> ScriptFile:
        """Return the script that a text names. Nothing is run.

        Args:
            text: the script, as a user gives it.
            arguments: arguments of the script.
            start: folder in which it runs; default None, the current one.

        Raises:
            TargetError: there is no such file or module.
        """
        start = Path.cwd() if start is None else start
        if is_module(text):
            return cls(text, find_module_file(text, start), start, arguments, text)
        path = start / Path(text).expanduser()
        check_file(text, path)
        # Not resolved: a link lies in the folder that it was put into.
        return cls(text, Path(os.path.abspath(path)), start, arguments)  # noqa: PTH100

    def run(self) -> None:
        """Run the script as `python FILE ARGUMENTS` or `python -m MODULE ARGUMENTS` does, until it ends.

        Raises:
            ScriptError: it left with another exit code than 0, asked for input, or belongs to a package that
                a file can't be run from.
        """
        enter_folder(self.path.parent if self.module is None else self.start)
        os.chdir(self.start)
        os.environ[TRIAL_VARIABLE] = "1"
        # A script may choose the start method of its processes once.
        multiprocessing.set_start_method(None, force=True)
        sys.argv[:] = [str(self.path), *self.arguments]
        try:
            with answer_process_ends():
                self._run_code()
        except ScriptEnd:
            return
        except ImportError as error:
            hint = hint_at_module(error, self.path, self.start) if self.module is None else ""
            if not hint:
                raise
            advised = ScriptError(f"{self.text}: {describe_error(error)}")
            advised.advice = hint
            raise advised from error
        except ProcessRestartError as error:
            raise ScriptError(
                f"{self.text} starts itself anew by {error.call}, which can't be followed: give it what it "
                "sets there from the start, such as a variable before the command"
            ) from None
        except SystemExit as leave:
            if leave.code not in (None, 0):
                call = "os._exit" if isinstance(leave, ProcessExit) else "sys.exit"
                left = ScriptError(f"{self.text} left by {call}({leave.code!r})")
                left.exit_code = leave.code if isinstance(leave.code, int) else None
                raise left from None
        except EOFError as error:
            if "reading a line" not in str(error):
                raise
            raise ScriptError(f"{self.text} asks for input, and there is nobody to answer") from None

    def _run_code(self) -> None:
        if self.module is None:
            runpy.run_path(str(self.path), run_name="__main__")
        else:
            runpy.run_module(self.module, run_name="__main__", alter_sys=True)


def is_script(target: str) -> bool:
    """Return True if a target is a script: a file or a module, without the name of something in it."""
    return target.endswith(".py") or is_module(target)
