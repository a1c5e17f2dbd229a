"""`python -m tests [ARGUMENTS OF PYTEST]`: all tests, as `make test` runs them.

The browser tests need a process of their own, whose loop is Playwright's, and mostly wait: they run
beside the others, and what they say follows in the end. Where the environment gives a server that
both would use, one comes after the other.
"""

import os
import subprocess
import sys
import tempfile

PYTEST = (sys.executable, "-m", "pytest")
BROWSER = (*PYTEST, "tests/e2e")
REST = (*PYTEST, "--ignore=tests/e2e", "-n", "auto", "--dist", "loadfile")
REST += ("--no-loadscope-reorder",)


def main(arguments: list[str]) -> int:
    """Run all tests; return 0 when all passed."""
    # Hundreds of processes import the same modules: compiling them each time doubles what some do.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if os.environ.get("DATABASE_URL") or os.environ.get("REDIS_URL"):
        codes = [subprocess.call([*command, *arguments]) for command in (BROWSER, REST)]
        return int(any(codes))
    with tempfile.TemporaryFile() as said:
        browser = subprocess.Popen([*BROWSER, *arguments], stdout=said, stderr=subprocess.STDOUT)
        try:
            rest = subprocess.call([*REST, *arguments])
            codes = [browser.wait(), rest]
        finally:
            browser.kill()
            said.seek(0)
            sys.stdout.flush()
            sys.stdout.buffer.write(said.read())
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
