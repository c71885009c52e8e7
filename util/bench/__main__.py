"""Runs a benchmark by its name: `python util/bench NAME [ARGUMENTS]`; without a name, lists them."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> int:
    """The command line; the exit status."""
    names = sorted(path.stem for path in HERE.glob("*.py") if not path.stem.startswith("_"))
    if len(sys.argv) < 2 or sys.argv[1] not in names:
        print(f"usage: python util/bench {{{','.join(names)}}} [ARGUMENTS]", file=sys.stderr)
        return 2
    path = HERE / f"{sys.argv[1]}.py"
    sys.path[0] = str(HERE.parent)
    sys.argv = [str(path), *sys.argv[2:]]
    runpy.run_path(str(path), run_name="__main__")
    return 0


if __name__ == "__main__":
    sys.exit(main())
