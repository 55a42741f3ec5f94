"""What would the tests not notice?

Use: make mutants, or make mutants ARGS="--rooms steps tracing --count 40 --seed 1". A room may be a
single module: --package explorable --rooms limits layout --tests tests/explorable.

A copy of the source is changed in one place, a sign or a bound or a call that goes, and the tests
that reach that function run on it until one fails. A change that none of them notices is printed:
it wants a test, or changes nothing.

Slow tests are left out unless --budget lets them in, and tests that call a function in another
process only are not known to reach it: run what seems to have survived against them before a test
is written for it.
"""

import argparse
import ast
import contextlib
import difflib
import gc
import hashlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from functools import partial
from itertools import chain
from multiprocessing.connection import wait
from pathlib import Path

import pytest

SWAPS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
PAIRS = [
    ("min", "max"),
    ("minimum", "maximum"),
    ("any", "all"),
    ("zeros", "ones"),
    ("zeros_like", "ones_like"),
    ("floor", "ceil"),
    ("sum", "prod"),
    ("argmin", "argmax"),
]
OTHER = dict(PAIRS) | {b: a for a, b in PAIRS}
SILENT = (ast.Raise, ast.JoinedStr, ast.Import, ast.ImportFrom)  # wording, and what fails at once
PRINTED = {"__str__", "__repr__"}
# f(a) cannot be a
NEEDED = {"callable", "id", "int", "isinstance", "iter", "len", "next", "range", "set", "type"}


@dataclass(frozen=True)
class Mutant:
    path: str
    line: int
    function: str  # where it is, by its first line, or the path for what lies outside of any
    source: str

    def diff(self, original):
        lines = difflib.unified_diff(
            original.splitlines(), self.source.splitlines(), n=0, lineterm=""
        )
        return "\n".join(
            [f"src/{self.path}:{self.line}", *(f"    {line}" for line in list(lines)[3:])]
        )


def places(node, function):
    """All nodes that can be changed, with the function they are in."""
    if (
        isinstance(node, SILENT)
        or getattr(node, "name", None) in PRINTED
        or getattr(node, "arg", None) == "strict"
    ):
        return
    if isinstance(node, ast.FunctionDef):
        function = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    yield node, function
    for name, value in ast.iter_fields(node):
        if name in ("decorator_list", "annotation", "returns"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from places(child, function)


def with_field(node, **fields):
    return type(node)(**{**dict(ast.iter_fields(node)), **fields})


def changes(node):
    """Pairs of a node, the given one or a part of it, and one that may stand in its place."""
    return [new if isinstance(new, tuple) else (node, new) for new in replacements(node)]


def replacements(node):
    match node:
        case ast.Constant(value=bool(value)):
            return [ast.Constant(not value)]
        case ast.Constant(value=int(value)):
            return [ast.Constant(value + 1), ast.Constant(value - 1)]
        case ast.Constant(value=float(value)):
            return [ast.Constant(2 * value if value else 1.0)]
        case ast.UnaryOp():
            return [node.operand]
        case ast.BinOp():
            swapped = (
                [with_field(node, op=SWAPS[type(node.op)]())] if type(node.op) in SWAPS else []
            )
            return [*swapped, *swapped, node.left, node.right]
        case ast.AugAssign():
            plain = ast.Assign([node.target], node.value, lineno=0)
            return [with_field(node, op=SWAPS[type(node.op)]()), plain, ast.Pass()]
        case ast.BoolOp():
            return [with_field(node, op=SWAPS[type(node.op)]()), *node.values]
        case ast.Compare():
            return [
                with_field(node, ops=[*node.ops[:i], SWAPS[type(op)](), *node.ops[i + 1 :]])
                for i, op in enumerate(node.ops)
            ]
        case ast.If() | ast.IfExp():
            tests = [ast.UnaryOp(ast.Not(), node.test), ast.Constant(True), ast.Constant(False)]
            return [(node.test, test) for test in tests]
        case ast.comprehension(ifs=[test]):
            return [(test, ast.Constant(True))]
        case ast.Slice():
            bounds = [name for name in ("lower", "upper", "step") if getattr(node, name)]
            return [with_field(node, **{name: None}) for name in bounds]
        case ast.Expr(value=ast.Call()) | ast.Assign(targets=[ast.Subscript() | ast.Attribute()]):
            return [ast.Pass()]
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in {
            part.id for part in ast.walk(value) if isinstance(part, ast.Name)
        }:
            return [ast.Pass()]
        case ast.Call():
            fewer = [
                [other for other in node.keywords if other is not k]
                for k in node.keywords
                if k.arg != "strict"
            ]
            return [
                *other_calls(node),
                *(with_field(node, keywords=keywords) for keywords in fewer),
            ]
    return []


def other_calls(call):
    """``max`` for ``min``, ``where(c, b, a)``, and ``a`` for ``f(a)`` and ``a.copy()``."""
    name = (
        call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", None)
    )
    if name in OTHER:
        field = "attr" if isinstance(call.func, ast.Attribute) else "id"
        yield with_field(call, func=with_field(call.func, **{field: OTHER[name]}))
    if (
        len(call.args) == 1
        and name not in NEEDED
        and not isinstance(call.args[0], ast.Starred | ast.GeneratorExp)
    ):
        yield call.args[0]
    if name in ("copy", "astype", "clip") and ast.unparse(call.func).partition(".")[0] not in (
        "np",
        name,
    ):
        yield call.func.value
    if name == "where" and len(call.args) == 3:
        yield with_field(call, args=[call.args[0], call.args[2], call.args[1]])


def mutated(source, node, new):
    """The source with ``new`` in the place of ``node``, or ``None`` if that is no other program."""
    text = ast.unparse(new)
    if isinstance(new, ast.UnaryOp | ast.BinOp | ast.BoolOp | ast.Compare | ast.IfExp):
        text = f"({text})"
    lines = source.encode().splitlines(keepends=True)  # columns count bytes
    begin = sum(map(len, lines[: node.lineno - 1])) + node.col_offset
    end = sum(map(len, lines[: node.end_lineno - 1])) + node.end_col_offset
    changed = (source.encode()[:begin] + text.encode() + source.encode()[end:]).decode()
    with contextlib.suppress(SyntaxError):
        if ast.dump(ast.parse(changed)) != ast.dump(ast.parse(source)):
            return changed
    return None


def sample(src, room, count, seed):
    """``count`` mutants of a room, a folder or a module; the same for the same seed.

    A kind of node is drawn, then one of its changes.
    """
    rng = random.Random(f"{room} {seed}")
    kinds = {}
    mutants = []
    module = (src / room).with_suffix(".py")
    for path in [module] if module.exists() else sorted((src / room).rglob("*.py")):
        name = str(path.relative_to(src))
        source = path.read_text()
        for node, function in places(ast.parse(source), None):
            place = f"{name}:{function}" if function else name
            for old, new in changes(node):
                kinds.setdefault(type(node).__name__, []).append((name, source, place, old, new))
    for kind in kinds.values():
        rng.shuffle(kind)
    while kinds and len(mutants) < count:
        kind = rng.choice(sorted(kinds))
        name, source, place, old, new = kinds[kind].pop()
        if not kinds[kind]:
            del kinds[kind]
        mutant = Mutant(name, old.lineno, place, mutated(source, old, new))
        if mutant.source and mutant not in mutants:
            mutants.append(mutant)
    return mutants


class Tests:
    """A plugin of pytest that runs tests in a given order.

    Without an order it notes what each test calls.
    """

    def __init__(self, src, order=None):
        self.src, self.order, self.notes = f"{src}{os.sep}", order, {}

    def pytest_collection_modifyitems(self, items):
        if self.order is not None:
            place = {name: i for i, name in enumerate(self.order)}
            chosen = [item for item in items if item.nodeid in place]
            items[:] = sorted(chosen, key=lambda item: place[item.nodeid])

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        codes = set()
        begun = time.perf_counter()
        if self.order is None:
            # a trace of calls, not of lines
            sys.settrace(lambda frame, event, arg: codes.add(frame.f_code))
        try:
            return (yield)
        finally:
            sys.settrace(None)
            note = self.notes.setdefault(item.nodeid, {})
            note["seconds"] = time.perf_counter() - begun
            ours = {code for code in codes if code.co_filename.startswith(self.src)}
            calls = {
                f"{code.co_filename.removeprefix(self.src)}:{code.co_firstlineno}" for code in ours
            }
            note["calls"] = sorted(calls)

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.notes.setdefault(report.nodeid, {})["failed"] = True


def run(root, src, order, files, out):
    """The tests, in a process of its own, on the package in ``src``.

    What they note goes to ``out``.
    """
    os.setsid()
    os.chdir(root)
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(src))
    path = [str(src), str(root / "tests"), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ |= {
        "PYTHONPATH": os.pathsep.join(path),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HYPOTHESIS_STORAGE_DIRECTORY": str(out.with_name("hypothesis")),
    }
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    # without what is slow, or what nobody sees
    options = ["-p", "no:cacheprovider", "-p", "no:nbval", "--assert=plain", "--tb=no"]
    if "hypothesis" in sys.modules:
        options.append("--hypothesis-seed=0")
    notes = {}
    for path in files:  # one at a time, as to collect them all takes seconds
        tests = Tests(src, order)
        code = pytest.main([*options, *["-x"] * (order is not None), path], plugins=[tests])
        notes |= tests.notes
        if code:
            break
    out.write_text(json.dumps({"failed": bool(files and code), "notes": notes}))


def in_parallel(jobs, tasks):
    """For every task ``(key, seconds, prepare)`` the key and what :func:`run` found.

    This is ``None`` if time was up.
    """
    fork = multiprocessing.get_context("fork")
    tasks = iter(tasks)
    running = {}
    while True:
        while len(running) < jobs and (task := next(tasks, None)):
            key, seconds, prepare = task
            folder = Path(tempfile.mkdtemp(prefix="mutant-"))
            process = fork.Process(target=run, args=(*prepare(folder), folder / "found.json"))
            process.start()
            running[process.sentinel] = process, key, time.monotonic() + seconds, folder
        if not running:
            return
        wait(list(running), timeout=0.5)
        for sentinel, (process, key, deadline, folder) in list(running.items()):
            if process.is_alive() and time.monotonic() < deadline:
                continue
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # and whatever the tests have started
            process.join()
            found = folder / "found.json"
            found = json.loads(found.read_text()) if found.exists() else None
            shutil.rmtree(folder)
            del running[sentinel]
            yield key, found


def copied(src, folder):
    return shutil.copytree(
        src, folder / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
    )


def measure(root, jobs, where):
    """For every test in these folders and files its seconds and the functions it calls.

    They are kept in the temporary directory until the tests or the package change.
    """
    src, kept = root / "src", Path(tempfile.gettempdir()) / "gradtrace-mutants"
    found = [[place] if place.is_file() else place.glob("test_*.py") for place in where]
    files = sorted(set(chain(*found)) - {root / "tests" / "test_mutants.py"})
    beside = [folder.glob("*.py") for folder in {root / "tests", *(path.parent for path in files)}]
    shared = {*src.rglob("*.py"), *chain(*beside)} - {*files, Path(__file__)}
    common = [path.read_bytes() for path in sorted(shared)]
    kept.mkdir(exist_ok=True)
    places = {
        path: kept / f"{hashlib.sha256(b'|'.join([*common, path.read_bytes()])).hexdigest()}.json"
        for path in files
    }

    def watched(path):
        def prepare(folder):
            return root, copied(src, folder), None, [str(path)]

        return path, 3600, prepare

    todo = [path for path in files if not places[path].exists()]
    for i, (path, found) in enumerate(in_parallel(jobs, map(watched, todo))):
        if found is None:
            sys.exit(f"{path}: expected an end of its tests")
        places[path].write_text(json.dumps(found["notes"]))
        print(f"seen what is called by {path.name}, {i + 1} of {len(todo)}", flush=True)
    tests = {}
    for path in files:
        tests |= json.loads(places[path].read_text())
    for name in [name for name, note in tests.items() if "failed" in note]:
        print(f"left out, as it fails without any change: {name}")
        del tests[name]
    return tests


def chosen(mutant, tests, budget):
    """Tests that call what is changed, by file; and their seconds.

    They are the quickest that fit into ``budget`` seconds.

    First comes the file of whose tests most call it: there a change is most likely to be noticed.
    """

    def calls(note):
        return mutant.function in note["calls"] or (
            mutant.function == mutant.path
            and any(call.startswith(f"{mutant.path}:") for call in note["calls"])
        )

    of_file = {}
    size = Counter(map(file_of, tests))
    seconds = 0.0
    for name in sorted(
        (name for name, note in tests.items() if calls(note)), key=lambda n: tests[n]["seconds"]
    ):
        if seconds + tests[name]["seconds"] <= budget:
            of_file.setdefault(file_of(name), []).append(name)
            seconds += tests[name]["seconds"]
    files = sorted(of_file, key=lambda path: -len(of_file[path]) / size[path])
    return {path: of_file[path] for path in files}, seconds


def file_of(test):
    return test.partition("::")[0]


def main(args):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--rooms", nargs="+", default=["steps", "tracing", "training", "theory", "torch"]
    )
    parser.add_argument(
        "--tests", nargs="+", default=["tests"], help="folders and files of tests (tests)"
    )
    parser.add_argument("--count", type=int, default=20, help="changes to each room (20)")
    parser.add_argument("--seed", default="0")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument(
        "--budget", type=float, default=60, help="seconds of tests on one change (60)"
    )
    parser.add_argument(
        "--timeout", type=float, default=30, help="seconds more than that, before it is killed (30)"
    )
    parser.add_argument(
        "--verbose", action="store_true", help="show also what is killed, and by which test"
    )
    parser.add_argument("--root", type=Path, default=Path(__file__).parents[1])
    parser.add_argument("--package", default="gradtrace")
    args = parser.parse_args(args)
    for name in ("hypothesis", "matplotlib.pyplot", "torch"):  # once, not in every process
        with contextlib.suppress(ImportError):
            __import__(name)
    gc.freeze()  # nor is it searched for garbage in every process
    root = args.root.resolve()
    src = args.root.resolve() / "src"
    tests = measure(root, args.jobs, [root / place for place in args.tests])
    score = {room: [0, 0] for room in args.rooms}

    def tasks():
        for room in args.rooms:
            for mutant in sample(src, f"{args.package}/{room}", args.count, args.seed):
                names, seconds = chosen(mutant, tests, args.budget)
                key = room, mutant, sum(map(len, names.values()))
                yield key, args.timeout + 5 * seconds, partial(prepared, mutant, names)

    def prepared(mutant, names, folder):
        copy = copied(src, folder)
        (copy / mutant.path).write_text(mutant.source)
        return root, copy, list(chain(*names.values())), list(names)

    for (room, mutant, count), found in in_parallel(args.jobs, tasks()):
        failed = (
            [name for name, note in found["notes"].items() if "failed" in note]
            if found
            else ["time"]
        )
        killed = found is None or found["failed"]
        score[room][0] += killed
        score[room][1] += 1
        if not killed or args.verbose:
            how = (
                f"killed by {failed[0] if failed else 'import'}"
                if killed
                else f"survived {count} tests"
            )
            print(f"\n{how}: {mutant.diff((src / mutant.path).read_text())}", flush=True)
    print(
        "\n"
        + "\n".join(
            f"{room:10} {killed:4} of {count} killed" for room, (killed, count) in score.items()
        )
    )


if __name__ == "__main__":
    main(sys.argv[1:])
