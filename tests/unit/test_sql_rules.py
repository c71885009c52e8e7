"""SQL stays where it belongs, and is never put together from texts.

Read from the source: these are rules about code that no call can show to be kept.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
HUB = TOP / "hub" / "moromi_hub"

STATEMENTS = {
    "select",
    "insert",
    "update",
    "delete",
    "text",
    "literal_column",
    "union",
    "union_all",
    "exists",
}
"""What makes a statement. Expressions (`func`, `literal`, `ColumnElement`) may pass between modules."""

QUERY_MODULES = {
    "builds/searches.py": "the lists of builds",
    "history/changes.py": "queryHistory",
    "worker/leadership.py": "advisory locks, on a connection of their own",
}
"""Modules of SQL that are not called `queries.py`, `<part>_queries.py`, or in `db/`."""

RAW = {"text", "literal_column", "exec_driver_sql"}
"""Calls that take SQL as a text."""


def sources(*places: str) -> Iterator[tuple[str, ast.Module]]:
    """Every module below some directories, parsed."""
    for place in places:
        for path in sorted((TOP / place).rglob("*.py")):
            yield str(path.relative_to(TOP)), ast.parse(path.read_text(encoding="utf-8"), str(path))


def is_query_module(path: str) -> bool:
    """Whether a module of the hub may make statements."""
    inner = Path(path).relative_to("hub/moromi_hub")
    named = inner.name == "queries.py" or inner.name.endswith("_queries.py")
    return named or inner.parts[0] == "db" or str(inner) in QUERY_MODULES


def imported(tree: ast.Module, package: str) -> set[str]:
    """The names that a module takes from a package or its parts; `*whole*` for the package itself."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == package:
            found.update(alias.name for alias in node.names)
        if isinstance(node, ast.Import):
            found.update("*whole*" for alias in node.names if alias.name.split(".")[0] == package)
    return found


def test_only_query_modules_make_statements() -> None:
    wrong = {
        path: found
        for path, tree in sources("hub/moromi_hub")
        if (found := imported(tree, "sqlalchemy") & (STATEMENTS | {"*whole*"})) and not is_query_module(path)
    }
    assert wrong == {}


def test_the_list_of_query_modules_is_current() -> None:
    for name in QUERY_MODULES:
        tree = ast.parse((HUB / name).read_text(encoding="utf-8"))
        assert imported(tree, "sqlalchemy") & STATEMENTS, f"{name} makes no statement any more"


def test_no_domain_uses_the_queries_of_another() -> None:
    """Domains talk to each other's services."""
    wrong = []
    for path, tree in sources("hub/moromi_hub"):
        own = Path(path).relative_to("hub/moromi_hub").parts[0]
        for node in ast.walk(tree):
            if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("moromi_hub."):
                continue
            parts = [*(node.module or "").split(".")[1:]]
            targets = [[*parts, alias.name] for alias in node.names]
            for target in targets:
                foreign = target[0] != own and any(
                    part == "queries" or part.endswith("_queries") for part in target[1:]
                )
                if foreign:
                    wrong.append(f"{path}: {'.'.join(target)}")
    assert wrong == []


def test_no_statement_is_put_together_from_texts() -> None:
    """SQL as a text is a constant, or names constants of the module."""
    wrong = []
    for path, tree in sources("hub/moromi_hub", "plugins"):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and node.args and _takes_sql(node) and not _is_fixed(node.args[0]):
                wrong.append(f"{path}:{node.lineno}: {ast.unparse(node)}")
    assert wrong == []


def test_the_hub_needs_no_sql_as_text() -> None:
    """Not even constants: expressions say it all."""
    for path, tree in sources("hub/moromi_hub", "plugins"):
        assert not imported(tree, "sqlalchemy") & RAW, path


def _takes_sql(call: ast.Call) -> bool:
    """SQL's `text(…)` and its kin (forms have a `text` too); `execute(…)` of what is a text to the eye."""
    function = call.func
    if isinstance(function, ast.Name):
        return function.id in RAW
    if not isinstance(function, ast.Attribute):
        return False
    if function.attr == "execute":
        return isinstance(call.args[0], ast.JoinedStr | ast.BinOp | ast.Constant)
    if function.attr == "text":
        return isinstance(function.value, ast.Name) and function.value.id in ("sqlalchemy", "sa")
    return function.attr in RAW


def _is_fixed(value: ast.expr) -> bool:
    if isinstance(value, ast.JoinedStr):
        return all(_is_fixed(part) for part in value.values)
    if isinstance(value, ast.FormattedValue):
        return _is_fixed(value.value)
    if isinstance(value, ast.BinOp):
        return isinstance(value.op, ast.Add) and _is_fixed(value.left) and _is_fixed(value.right)
    return isinstance(value, ast.Constant) or (isinstance(value, ast.Name) and value.id.isupper())
