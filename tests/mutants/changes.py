"""The small faults that can be planted in a file: one changed expression, or one dropped statement.

Left alone is what no test should hold: annotations, decorators, messages, defaults and limits that
are a matter of choice, and in drawing code the numbers and options that are a matter of looks.
"""

import ast
import copy
import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div, ast.Mod: ast.Mult, ast.Pow: ast.Mult,
}  # fmt: skip
MOVES_AXES = ("transpose", "permute", "swapaxes", "mT", "T")
TYPES = ("dict", "tuple", "list", "set", "type", "frozenset")
LOOKS = ("explorer/figures/", "explorer/components/", "figure.py", "figures.py", "pictures.py")
"""Parts of the paths of drawing code."""
Change = tuple[str, ast.AST, str]
"""The kind, the node that is replaced, and the text in its place."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One planted fault."""

    file: str  # relative to the root
    line: int
    kind: str
    start: int  # in bytes, as the next one
    end: int
    text: str

    def planted_in(self, source: bytes) -> bytes:
        return source[: self.start] + self.text.encode() + source[self.end :]

    def before(self, source: bytes) -> str:
        return source[self.start : self.end].decode()

    def diff(self, source: bytes) -> str:
        old, new = (text.decode().splitlines() for text in (source, self.planted_in(source)))
        lines = list(difflib.unified_diff(old, new, lineterm="", n=0))
        return "\n".join(line for line in lines[2:] if not line.startswith("@@"))


def mutants(root: Path, file: str) -> list[Mutant]:
    """Every fault that can be planted in a file."""
    source = (root / file).read_bytes()
    lines = source.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    found = []
    for kind, node, text in _changes(ast.parse(source), is_drawing=any(p in file for p in LOOKS)):
        start = starts[node.lineno - 1] + node.col_offset
        end = starts[node.end_lineno - 1] + node.end_col_offset
        if source[start:end].decode() != text:
            found.append(Mutant(file, node.lineno, kind, start, end, text))
    return found


def _changes(tree: ast.Module, *, is_drawing: bool) -> Iterator[Change]:
    for node in _walk(tree):
        for change in _of(node):
            if not (is_drawing and change[0] in ("number", "option")):
                yield change


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    """What runs and matters. The parts of f-strings are out: Python 3.11 tells wrong places for them."""
    match node:
        case ast.JoinedStr() | ast.alias():
            return
        case ast.Raise():
            yield node
            return
        case ast.If(test=test) if ast.unparse(test) in ("TYPE_CHECKING", "__name__ == '__main__'"):
            return
        case ast.ClassDef(body=body) | ast.Module(body=body):
            parts = [part for part in body if not _is_choice(part)]
        case ast.FunctionDef(body=body):
            parts = body
        case ast.AnnAssign(target=target, value=value):
            parts = [target, value] if value else []
        case ast.Subscript(value=ast.Name(id=name)) if name in TYPES or name[:1].isupper():
            return
        case ast.Call(args=args, keywords=keywords) if _is_streamlits(node):
            looks = (ast.Constant, ast.IfExp)
            parts = [*args, *(each.value for each in keywords if not isinstance(each.value, looks))]
        case _:
            parts = list(ast.iter_child_nodes(node))
    yield node
    for part in parts:
        yield from _walk(part)


def _is_choice(statement: ast.stmt) -> bool:
    """A default or a limit, `MOST = 40`, or sizes of what is drawn, `WIDTHS_PX = {..}`."""
    return isinstance(statement, ast.Assign | ast.AnnAssign) and (
        statement.value is None
        or isinstance(statement.value, ast.Constant)
        or ast.unparse(statement).partition(" ")[0].endswith("_PX")
    )


def _of(node: ast.AST) -> Iterator[Change]:
    match node:
        case ast.Compare(ops=[op]):
            yield "comparison", node, _with(node, ops=[COMPARISONS[type(op)]()])
        case ast.BinOp(op=op) if type(op) in ARITHMETIC:
            yield "arithmetic", node, _with(node, op=ARITHMETIC[type(op)]())
        case ast.BoolOp(op=op):
            other = ast.Or() if isinstance(op, ast.And) else ast.And()
            yield "condition", node, _with(node, op=other)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield "condition", node, f"({ast.unparse(operand)})"
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test):
            yield "condition", test, f"(not ({ast.unparse(test)}))"
        case ast.comprehension(ifs=[test, *_]):
            yield "condition", test, f"(not ({ast.unparse(test)}))"
        case ast.Constant(value=bool(value)):
            yield "condition", node, str(not value)
        case ast.Constant(value=int(value) | float(value)):
            yield "number", node, str(value + 1)
        case ast.Call():
            yield from _of_call(node)
        case ast.Subscript(slice=ast.Tuple(elts=[first, second, *rest]) as place):
            yield "axes", place, ", ".join(map(ast.unparse, (second, first, *rest)))
        case ast.Attribute(attr=name, value=value) if name in ("T", "mT"):
            yield "axes", node, ast.unparse(value)
        case ast.Raise() | ast.AugAssign() | ast.Expr(value=ast.Call()):
            yield "statement", node, "pass"


def _of_call(call: ast.Call) -> Iterator[Change]:
    match call:
        case ast.Call(func=ast.Attribute(attr=name, value=value)) if name in MOVES_AXES:
            yield "axes", call, ast.unparse(value)
        case ast.Call(func=ast.Name(id="min" | "max")):
            return
        case ast.Call(args=[first, second, *rest]) if not isinstance(first, ast.Starred):
            yield "arguments", call, _with(call, args=[second, first, *rest])
    if not _is_streamlits(call):  # most options of Streamlit are looks
        for option in call.keywords:
            if option.arg == "strict":  # which only finds mistakes
                continue
            others = [each for each in call.keywords if each is not option]
            yield "option", call, _with(call, keywords=others)


def _is_streamlits(call: ast.Call) -> bool:
    return ast.unparse(call.func).startswith("st.")


def _with(node: ast.expr, **fields: object) -> str:
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    text = ast.unparse(changed)
    return text if isinstance(node, ast.Call) else f"({text})"
