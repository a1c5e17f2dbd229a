#!/usr/bin/env python3
"""Zenith's commands; `manage.py help` lists them, `manage.py up` starts everything."""

import os
import sys
from pathlib import Path

if __name__ == "__main__":
    if sys.argv[1:2] == ["up"]:
        # It starts what the settings name, so it runs before there are any.
        from ops.up import command

        sys.exit(command.main(sys.argv[2:]))

    from ops.up import home

    home.join(os.environ, Path(__file__).resolve().parent)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ops.settings")
    from ops import terminal

    sys.exit(terminal.run(sys.argv))
