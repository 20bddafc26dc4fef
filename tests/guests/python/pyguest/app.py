"""A guest in Python: parses Python source text with its own standard library."""

import ast
import io
import os
import sys
import tokenize

from componentize_py_types import Err
from wit_world import Summary, WitWorld as Base
from wit_world.imports import funcs

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class WitWorld(Base):
    def summarize(self, source: str) -> Summary:
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError) as error:
            raise Err(str(error)) from error
        nodes = list(ast.walk(tree))
        functions = sorted((n for n in nodes if isinstance(n, FUNCTIONS)), key=lambda node: node.lineno)
        longest = max(functions, key=length, default=None)
        return Summary(
            lines=len(source.splitlines()),
            comments=sum(t.type == tokenize.COMMENT for t in tokenize.generate_tokens(io.StringIO(source).readline)),
            functions=[node.name for node in functions],
            classes=[node.name for node in nodes if isinstance(node, ast.ClassDef)],
            imports=sorted(imported(nodes)),
            longest_function=longest and (longest.name, length(longest)),
        )

    def run_env(self) -> list[tuple[str, str]]:
        return sorted(os.environ.items())

    def version(self) -> str:
        return ".".join(map(str, sys.version_info[:3]))

    def say(self, text: str) -> None:
        print(text, flush=True)

    def read_text(self, path: str) -> str:
        try:
            with open(path, encoding="utf-8") as file:
                return file.read()
        except (OSError, UnicodeDecodeError) as error:
            raise Err(type(error).__name__) from error

    def ask(self, target: str, input: str) -> str:
        return funcs.call_string(target, input)

    def crash(self, message: str) -> None:
        raise RuntimeError(message)


def length(node: ast.stmt) -> int:
    return node.end_lineno - node.lineno + 1


def imported(nodes: list[ast.AST]) -> set[str]:
    """Names of the modules that are imported, as they are written."""
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return names | {"." * n.level + (n.module or "") for n in nodes if isinstance(n, ast.ImportFrom)}
