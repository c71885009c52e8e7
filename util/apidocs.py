"""Write docs/api.md, the reference of the calls, from what they say of themselves.

python util/apidocs.py            write the file
python util/apidocs.py --check    say whether it is current (exit status 1: it is not)
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterable
from pathlib import Path

from moromi import plugins
from moromi_hub.plugins import loading
from moromi_hub.rpc import describe
from moromi_hub.rpc.registry import Export, Registry
from moromi_hub.settings import Settings

PATH = Path(__file__).resolve().parent.parent / "docs" / "api.md"

HEAD = """\
# The calls of the hub

Made by `util/apidocs.py` from the hub's own registry; do not edit. A running hub tells the same of
itself: `_listapi` and `system.methodHelp` for people, `rpc.discover` as an OpenRPC document.

All calls go to one URL, `/kojihub`, as XML-RPC, or as JSON-RPC 2.0 with the content type
`application/json`. Optional arguments may be given by name: in XML-RPC as members of a last argument that
is a struct with a true member `__starstar`. Answers may be `nil`. Names of shapes (`Tag`, `Build`) and
the spelling of arguments are Koji's.

Calls of plugins are there when the hub's option `Plugins` names the plugin.

`Access` says who may make a call. The permission `admin` implies every other one. Others are
refused with fault 1004 (`ActionNotAllowed`), or 1002 (`AuthError`) where a builder is expected.
"""


def reference(exports: Iterable[Export]) -> str:
    """The text of docs/api.md."""
    ordered = sorted(exports, key=lambda export: (describe.domain(export), export.name))
    areas = [(area, list(group)) for area, group in itertools.groupby(ordered, describe.domain)]
    parts = [HEAD, "## Areas\n", *(_contents(area, group) for area, group in areas)]
    for area, group in areas:
        parts.append(f"\n## {_title(area)}\n")
        parts.extend(_entry(export) for export in group)
    return "\n".join(parts)


def all_calls() -> list[Export]:
    """The calls of the hub and of the plugins that come with it."""
    shipped = plugins.shipped("hub")
    names = sorted(path.stem for path in shipped.glob("*.py")) if shipped else []
    return [*Registry.load(), *loading.load(Settings(Plugins=" ".join(names))).exports]


def _title(area: str) -> str:
    if area.startswith("plugin "):
        return area.capitalize()
    return area.replace("_", " ").capitalize()


def _contents(area: str, exports: list[Export]) -> str:
    names = ", ".join(f"`{export.name}`" for export in exports)
    return f"* [{_title(area)}](#{_title(area).lower().replace(' ', '-')}): {names}"


def _entry(export: Export) -> str:
    head = (
        f"### {export.name}\n\n`{export.name}{describe.arguments(export)}`\\\nAccess: {export.access.words}\n"
    )
    documentation = describe.documentation(export)
    return f"{head}\n{documentation}\n" if documentation else head


def main() -> int:
    """Write the reference, or compare it."""
    parser = argparse.ArgumentParser(description="Write docs/api.md from the registry.")
    parser.add_argument("--check", action="store_true", help="only say whether the file is current")
    check = parser.parse_args().check
    text = reference(all_calls())
    if not check:
        PATH.write_text(text, encoding="utf-8")
        return 0
    if PATH.exists() and PATH.read_text(encoding="utf-8") == text:
        return 0
    print("docs/api.md is out of date: run util/apidocs.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
