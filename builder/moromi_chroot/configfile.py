"""Reading a mock configuration file without running it.

mock executes its configuration as Python with `config_opts` in scope. A builder writes such a file from
facts that come from the hub (macro values, group names, URLs), so this engine does not execute it: it walks
the syntax tree and understands assignments, which is all that a generated configuration consists of:

    config_opts['a'] = literal              config_opts['a']['b'] = literal, with + between literals
    config_opts['a'] += literal             config_opts['a'].append(x), .extend, .insert, .update, .setdefault
    include('other.cfg')                    (relative to the configuration directory)

A container that is not there yet is made: a dict for a subscript, a list for `append`.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

from moromi_chroot.errors import ConfigError

Options = dict[str, Any]

_LIST_METHODS = {"append", "extend", "insert"}
_DICT_METHODS = {"update", "setdefault"}


def read_config(path: Path, defaults: Options, directory: Path) -> Options:
    """Return the defaults with the file's assignments made over them.

    `directory` is what `include` is relative to. Raises ConfigError with file and line.
    """
    return _File(path, directory, defaults).run()


class _File:
    """One configuration file being evaluated over `opts`."""

    def __init__(self, path: Path, directory: Path, opts: Options, depth: int = 0) -> None:
        self.path = path
        self.directory = directory
        self.opts = opts
        self.depth = depth

    def run(self) -> Options:
        try:
            tree = ast.parse(self.path.read_text(encoding="utf-8"), str(self.path))
        except OSError as exc:
            raise ConfigError(f"Could not find required config file: {self.path}: {exc.strerror}") from exc
        except (SyntaxError, ValueError) as exc:
            raise ConfigError(f"{self.path}: {exc}") from exc
        for node in tree.body:
            try:
                self.statement(node)
            except (TypeError, ValueError, LookupError, AttributeError) as exc:
                raise ConfigError(f"{self.path}, line {node.lineno}: {exc}") from exc
        return self.opts

    def statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Assign(targets=[ast.Subscript() as target], value=value):
                container, key = self.place(target)
                container[key] = self.value(value)
            case ast.AugAssign(target=ast.Subscript() as target, op=ast.Add(), value=value):
                container, key = self.place(target)
                added = self.value(value)
                container[key] = container.get(key, type(added)()) + added
            case ast.Expr(value=ast.Call(func=ast.Name(id="include"), args=[name], keywords=[])):
                self.include(str(self.value(name)))
            case ast.Expr(value=ast.Call(func=ast.Attribute() as method, args=args, keywords=[])):
                self.method(method, [self.value(arg) for arg in args])
            case ast.Expr(value=ast.Constant()) | ast.Pass():
                return
            case _:
                raise ValueError("only assignments to config_opts are understood")

    def place(self, node: ast.Subscript) -> tuple[Any, Any]:
        """Return the container and the key that a subscript of config_opts names."""
        return self.container(node.value, {}), self.value(node.slice)

    def container(self, node: ast.expr, missing: Any) -> Any:
        match node:
            case ast.Name(id="config_opts"):
                return self.opts
            case ast.Subscript():
                outer, key = self.place(node)
                if isinstance(outer, dict):
                    return outer.setdefault(key, missing)
                return outer[key]
        raise ValueError("only config_opts can be changed")

    def method(self, node: ast.Attribute, args: list[Any]) -> None:
        if node.attr not in _LIST_METHODS | _DICT_METHODS:
            raise ValueError(f"method {node.attr} is not understood")
        missing: Any = [] if node.attr in _LIST_METHODS else {}
        getattr(self.container(node.value, missing), node.attr)(*args)

    def value(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=value):
                return value
            case ast.List(elts=elts):
                return [self.value(elt) for elt in elts]
            case ast.Tuple(elts=elts):
                return tuple(self.value(elt) for elt in elts)
            case ast.Dict(keys=keys, values=values):
                return {self.value(k): self.value(v) for k, v in zip(keys, values, strict=True) if k}
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self.value(operand)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self.value(left) + self.value(right)
            case ast.Subscript():
                container, key = self.container(node.value, {}), self.value(node.slice)
                return container[key]
        raise ValueError("only literal values are understood")

    def include(self, name: str) -> None:
        if self.depth >= 10:
            raise ValueError("includes nest too deeply")
        path = self.directory / name
        _File(path, self.directory, self.opts, self.depth + 1).run()
