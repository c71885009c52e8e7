"""The command, for `python -m copr.client` and `python client/`.

Of a directory that is given to Python nothing is known but where it is, so the command is then
found beside this file, under the name of the directory.
"""

from __future__ import annotations

import importlib
import os.path
import sys

if __package__:
    name = __package__
else:
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[0], name = os.path.split(here)
sys.exit(importlib.import_module(f"{name}.cli").main())
