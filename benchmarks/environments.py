"""A virtual environment of its own for every library that is measured: they want different pandas."""

import shutil
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parent / "peers"
_INSTALL_TIMEOUT_S = 900


class NotInstalled(Exception):
    """A peer that cannot be measured on this machine; the others can."""


def interpreter(name: str, folder: Path) -> Path:
    """The Python of `folder`/<name>, made and filled from requirements-<name>.txt unless that was done before.

    Raises NotInstalled.
    """
    wanted = (REQUIREMENTS / f"requirements-{name}.txt").read_text()
    environment = folder / name
    python = environment / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    installed = environment / "installed.txt"
    if installed.exists() and installed.read_text() == wanted and python.exists():
        return python
    shutil.rmtree(environment, ignore_errors=True)
    print(f"Installing {', '.join(wanted.split())} (first time only) ...", flush=True)
    _call(sys.executable, "-m", "venv", str(environment))
    pip = (str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    _call(*pip, "--requirement", str(REQUIREMENTS / f"requirements-{name}.txt"))
    installed.write_text(wanted)
    return python


def _call(*command: str) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_INSTALL_TIMEOUT_S)
    except subprocess.CalledProcessError as error:
        lines = (error.stderr or error.stdout or str(error)).strip().splitlines()
        raise NotInstalled(lines[-1] if lines else str(error)) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotInstalled(str(error)) from error
