"""The commands and their options. Each hands over to a module of its own, imported when it runs."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Run WebAssembly functions of a YAML registry",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
# Arguments that look like options, such as -5, are the guest's.
_PASS_ON = {"ignore_unknown_options": True}


def _seconds(value: float | None) -> float | None:
    if value is not None and not value > 0:
        raise typer.BadParameter("expected seconds greater than 0")
    return value


Json = Annotated[bool, typer.Option("--json", help="Print JSON")]
Timeout = Annotated[
    float | None,
    typer.Option("--timeout", metavar="SECONDS", callback=_seconds, help="Stop the guest after this time"),
]


class State:
    """What the options before the command say."""

    directory = Path()


def _version(wanted: bool) -> None:
    if wanted:
        from .. import __version__

        typer.echo(f"wippy-native {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    directory: Annotated[
        Path, typer.Option("-C", metavar="DIR", help="The project: a directory of definition files")
    ] = Path(),
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit")
    ] = False,
) -> None:
    State.directory = directory


class OnError(StrEnum):
    """What a line of `batch` that is wrong, or whose call fails, does."""

    STOP = "stop"
    SKIP = "skip"
    REPORT = "report"


class Form(StrEnum):
    """How `list` prints."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


@app.command("list")
def list_command(
    kind: Annotated[str, typer.Option("-k", "--kind", metavar="GLOB", help="Only kinds that match")] = "",
    namespace: Annotated[str, typer.Option("-n", "--ns", metavar="GLOB", help="Only namespaces that match")] = "",
    name: Annotated[str, typer.Option("--name", metavar="GLOB", help="Only names that match")] = "",
    meta: Annotated[
        list[str] | None,
        typer.Option("--meta", metavar="TEST", help="f=v exact, f~re, f*sub, f^pre, f$suf; repeatable"),
    ] = None,
    json: Json = False,
    yaml: Annotated[bool, typer.Option("--yaml", help="Print YAML")] = False,
) -> None:
    """List the entries of the project."""
    from .listing import Filter, list_entries

    if json and yaml:
        raise typer.BadParameter("--json and --yaml exclude each other")
    form = Form.JSON if json else Form.YAML if yaml else Form.TABLE
    list_entries(State.directory, Filter.parse(kind, namespace, name, meta or []), form)


@app.command()
def check(json: Json = False) -> None:
    """Report every problem of the project; exit 1 if there are errors."""
    from .checking import check_directory

    raise typer.Exit(check_directory(State.directory, as_json=json))


@app.command()
def inspect(
    target: Annotated[str, typer.Argument(metavar="ID|FILE.wasm", help="An entry, or a module file")],
    json: Json = False,
) -> None:
    """Show a module's exports, imports and types, and its entry."""
    from .inspecting import inspect_target

    inspect_target(State.directory, target, as_json=json)


@app.command("hash")
def hash_command(file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to hash")]) -> None:
    """Print the hash of a file as an entry's hash field has it."""
    from ..hashing import hash_text

    typer.echo(hash_text(file.read_bytes()))


@app.command(context_settings=_PASS_ON)
def call(
    id: Annotated[str, typer.Argument(metavar="ID", help="The function: namespace:name")],
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="ARG", help="Words for strings, @FILE for bytes, JSON for the rest"),
    ] = None,
    json: Json = False,
    timeout: Timeout = None,
) -> None:
    """Call a function of the project and print its result."""
    from .calling import call_function

    call_function(State.directory, id, arguments or [], as_json=json, timeout=timeout)


@app.command()
def batch(
    id: Annotated[str, typer.Argument(metavar="ID", help="The function: namespace:name")],
    input: Annotated[  # noqa: A002 - the option is called --input
        Path | None, typer.Option("--input", metavar="FILE", help="Where JSON lines are read; stdin by default")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Where results go; stdout by default")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output file if it exists")] = False,
    on_error: Annotated[OnError, typer.Option("--on-error", help="What a bad line or failed call does")] = OnError.STOP,
    workers: Annotated[int | None, typer.Option("--workers", metavar="N", min=1, help="Calls at once")] = None,
    chunk_size: Annotated[
        int | None, typer.Option("--chunk-size", metavar="N", min=1, help="Lines a worker takes at a time")
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option("--timeout", metavar="SECONDS", callback=_seconds, help="Stop each call after this time"),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Neither progress nor summary")] = False,
) -> None:
    """Call a function once for each JSON line; results are JSON lines."""
    from .batching import Batch, run_batch

    options = Batch(
        input=_unless_dash(input),
        output=_unless_dash(output),
        overwrite=overwrite,
        on_error=on_error,
        workers=workers,
        chunk_size=chunk_size,
        timeout=timeout,
        quiet=quiet,
    )
    raise typer.Exit(run_batch(State.directory, id, options))


def _unless_dash(path: Path | None) -> Path | None:
    """`-` is stdin or stdout, as no path is."""
    return None if path == Path("-") else path


def _picture(path: Path | None) -> Path | None:
    if path is not None and path.suffix != ".svg":
        raise typer.BadParameter(f"{path}: expected a name that ends in .svg")
    if path is not None and not path.parent.is_dir():
        raise typer.BadParameter(f"{path}: no such directory: {path.parent}")
    return path


@app.command(context_settings=_PASS_ON)
def bench(
    id: Annotated[str, typer.Argument(metavar="ID", help="The function: namespace:name")],
    arguments: Annotated[list[str] | None, typer.Argument(metavar="ARG", help="As those of call")] = None,
    seconds: Annotated[
        float, typer.Option("--seconds", metavar="SECONDS", callback=_seconds, help="How long a row is measured")
    ] = 2.0,
    workers: Annotated[
        list[int] | None,
        typer.Option("--workers", metavar="N", min=1, help="A row of a batch with N; repeatable"),
    ] = None,
    json: Json = False,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE.svg", callback=_picture, help="Draw a picture too")
    ] = None,
) -> None:
    """Measure calls of a function: fresh, warm, and in batches."""
    from .benching import Bench, run_bench

    run_bench(
        State.directory, id, arguments or [], Bench(seconds=seconds, workers=workers or [], as_json=json, picture=plot)
    )


@app.command("exec", context_settings=_PASS_ON)
def exec_command(
    file: Annotated[Path, typer.Argument(metavar="FILE.wasm", help="A wasi:cli/run component or preview 1 command")],
    arguments: Annotated[list[str] | None, typer.Argument(metavar="ARG", help="The guest's; after -- all are")] = None,
    env: Annotated[list[str] | None, typer.Option("--env", metavar="K=V", help="A variable; repeatable")] = None,
    dir: Annotated[  # noqa: A002 - the option is called --dir
        list[str] | None, typer.Option("--dir", metavar="HOST::GUEST[::ro]", help="A directory; repeatable")
    ] = None,
    stdin: Annotated[
        str, typer.Option("--stdin", metavar="FILE|-", help="What the guest reads; - is our own stdin")
    ] = "-",
    timeout: Timeout = None,
) -> None:
    """Run a command module without a registry; exit with its code."""
    from .executing import run_file

    raise typer.Exit(run_file(file, arguments or [], env or [], dir or [], stdin, timeout))


@app.command()
def doctor(json: Json = False) -> None:
    """Print versions, pool limits and the state of the compile cache."""
    from .doctoring import print_report

    print_report(as_json=json)
