"""ScriptFile: a training script as it is, with its arguments."""

from __future__ import annotations

import multiprocessing
import os
import runpy
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.process.errors import ExplainedError
from bench.process.module_names import enter_folder
from bench.workloads.script.process_end import ProcessExit, ProcessRestartError, answer_process_ends
from bench.workloads.script.script_end import ScriptEnd
from bench.workloads.target.target import check_file

# In a script's environment this is 1, so that it can leave out what only a training needs.
TRIAL_VARIABLE = "LOADERBENCH_TRIAL"
# Name of the step of a script, as the column `step` holds it.
SCRIPT_STEP = "script"


class ScriptError(ExplainedError):
    """A script that ended in another way than a training does, in one line.

    Attributes:
        exit_code: the code with which it left; None for another end.
    """

    exit_code: int | None = None


@dataclass(frozen=True)
class ScriptFile:
    """A training script and its arguments.

    Attributes:
        text: the file as it was given.
        path: its absolute path.
        arguments: arguments of the script.
    """

    text: str
    path: Path
    arguments: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str, arguments: tuple[str, ...] = (), start: Path | None = None) -> ScriptFile:
        """Return the script that a text names. Nothing is run.

        Args:
            text: the file, as a user gives it.
            arguments: arguments of the script.
            start: folder in which a relative path begins; default None, the current one.

        Raises:
            TargetError: there is no such file.
        """
        path = (Path.cwd() if start is None else start) / Path(text).expanduser()
        check_file(text, path)
        # Not resolved: a link lies in the folder that it was put into.
        return cls(text, Path(os.path.abspath(path)), arguments)  # noqa: PTH100

    @property
    def folder(self) -> Path:
        """The folder that the script runs in and imports from."""
        return self.path.parent

    def run(self) -> None:
        """Run the script as `python FILE ARGUMENTS` does in its folder, until its end or a ScriptEnd.

        Raises:
            ScriptError: it left with another exit code than 0, or asked for input.
        """
        enter_folder(self.folder)
        os.chdir(self.folder)
        os.environ[TRIAL_VARIABLE] = "1"
        # A script may choose the start method of its processes once.
        multiprocessing.set_start_method(None, force=True)
        sys.argv[:] = [str(self.path), *self.arguments]
        answer_process_ends()
        try:
            runpy.run_path(str(self.path), run_name="__main__")
        except ScriptEnd:
            return
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


def is_script(target: str) -> bool:
    """Return whether a target is a script: a file without the name of something in it."""
    return target.endswith(".py")
