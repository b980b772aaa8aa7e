"""How long the source is: `python docs/measure.py [FOLDER ...]`.

Prints, for `src/lungwise` or the folders given: lines of code (without blank lines, comments and docstrings), the
median and the 95th percentile of the lines of a function's body, the modules over 400 lines, the tests' lines of code
in proportion, and the source modules without a test module of their name.
"""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles

import click

ROOT = Path(__file__).parents[1]
SOURCE, TESTS = ROOT / "src" / "lungwise", ROOT / "tests"
LONGEST_MODULE = 400
_LAYOUT = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def code_lines(text: str) -> set[int]:
    """Number the lines that hold code."""
    docstrings = {line for node in ast.walk(ast.parse(text)) for line in _docstring(node)}
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in _LAYOUT:
            lines.update(range(token.start[0], token.end[0] + 1))
    return lines - docstrings


def _docstring(node: ast.AST) -> Iterator[int]:
    """Number the lines of strings that stand by themselves."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        yield from range(node.lineno, (node.end_lineno or node.lineno) + 1)


def function_lengths(text: str) -> list[int]:
    """Count each function's lines of code, without its head."""
    lines = code_lines(text)
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, _Function)]
    return [sum(node.body[0].lineno <= line <= (node.end_lineno or 0) for line in lines) for node in functions]


def without_test(modules: list[Path]) -> list[Path]:
    """List the modules without a test module of their name, in the same folder of `tests/unit`."""
    needed = [module for module in modules if code_lines(module.read_text()) and "versions" not in module.parts]
    names = (module.relative_to(SOURCE) for module in needed if module.stem not in ("__init__", "__main__"))
    return [name for name in names if not (TESTS / "unit" / name.parent / f"test_{name.name}").exists()]


def main(folders: list[str]) -> None:
    """Print the measures."""
    roots = [Path(folder).resolve() for folder in folders] or [SOURCE]
    modules = sorted(module for root in roots for module in root.rglob("*.py"))
    texts = {module: module.read_text() for module in modules}
    total = sum(len(code_lines(text)) for text in texts.values())
    lengths = [length for text in texts.values() for length in function_lengths(text)]
    click.echo(f"{total} lines of code in {len(modules)} modules")
    click.echo(f"functions: median {median(lengths):.0f} lines, 95th percentile {quantiles(lengths, n=20)[-1]:.0f}")
    long = [f"{module.relative_to(ROOT)}: {len(text.splitlines())}" for module, text in texts.items()]
    for one in long:
        if int(one.rsplit(" ", 1)[1]) > LONGEST_MODULE:
            click.echo(one)
    tests = sum(len(code_lines(test.read_text())) for test in TESTS.rglob("*.py"))
    if not folders:
        click.echo(f"tests: {tests} lines of code, {tests / total:.2f} of the source")
    untested = without_test([module for module in modules if module.is_relative_to(SOURCE)])
    click.echo(f"without a test module: {' '.join(map(str, untested)) or 'none'}")


if __name__ == "__main__":
    main(sys.argv[1:])
