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
