"""``gramex-twisted check | migrate | schema | show | init | hash | run``: what is done with a configuration."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from getpass import getpass
from importlib.resources import files as package_files
from importlib.resources.abc import Traversable
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from gramex_twisted.config.check import EXIT_CONFIG, EXIT_OK, Report
from gramex_twisted.config.imports import display
from gramex_twisted.daemon.source import DEFAULT, Source, config_errors
from gramex_twisted.errors import ConfigError

if TYPE_CHECKING:
    from gramex_twisted.config.document import Config

EXIT_FAILURE = 1

Findings = Callable[["Config"], Iterable[ConfigError]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns its exit status: 0, 64 for a configuration with errors, 1 for other failures."""
    options, others = parser().parse_known_args(arguments)
    if options.command == "run":
        return run(list(sys.argv[1:] if arguments is None else arguments))
    if others:
        parser().error(f"unrecognized arguments: {' '.join(others)}")
    return COMMANDS[options.command](options)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    result = argparse.ArgumentParser(prog="gramex-twisted", description=__doc__)
    commands = result.add_subparsers(dest="command", required=True, metavar="command")
    checked = commands.add_parser("check", help="check everything that a start would check, without opening a port")
    checked.add_argument("--json", action="store_true", help="print the findings as JSON")
    shown = commands.add_parser("show", help="print the effective configuration, with secrets masked")
    shown.add_argument("--routes", action="store_true", help="print the routes instead, in the order they match")
    migrated = commands.add_parser("migrate", help="tell what an app of Gramex 1.x does differently here")
    migrated.add_argument("--json", action="store_true", help="print the findings as JSON")
    for command in (checked, shown, migrated):
        command.add_argument("file", nargs="?", help=f"a gramex.yaml or a folder [default: ./{DEFAULT}]")
        command.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a key")
    commands.add_parser("schema", help="print the JSON Schema of gramex.yaml, for completion in editors")
    made = commands.add_parser("init", help="write a small app to begin with")
    made.add_argument("folder", nargs="?", default=".", help="where to [default: here]")
    commands.add_parser("hash", help="print the argon2 hash of a password, as it is written in a gramex.yaml")
    ran = commands.add_parser("run", help="serve an app: --listen.port=8001 sets app.listen.port, as in Gramex 1.x")
    ran.add_argument("arguments", nargs="*", metavar="[file] [--key=value]", help="what to serve, and what to set")
    return result


def run(arguments: list[str]) -> int:
    """Serve an app."""
    from gramex_twisted import runner

    try:
        runner.run(arguments[1:])
    except ValueError as error:
        parser().error(str(error))
    return EXIT_OK


def check(options: argparse.Namespace) -> int:
    """Print what is wrong with a configuration."""
    report = inspect(options.file, options.set)
    print(report.json() if options.json else report.text())
    return report.exit_code


def inspect(file: str | None, overrides: Sequence[str] = (), more: Findings | None = None) -> Report:
    """Load the configuration and build its app, without starting it; what that found, and what ``more`` finds."""
    name = file or DEFAULT
    path = list(sys.path)
    try:
        source = Source.find(file, tuple(overrides))
        source.enter()
        config = source.load()
        errors = (*listen_errors(config), *app_errors(config))
        found = tuple(more(config)) if more is not None else ()
    except (ConfigError, ExceptionGroup) as error:
        return Report(name, known_errors(error))
    finally:
        sys.path[:] = path
    return Report(display(source.path), errors, (*config.warnings, *found))


def migrate(options: argparse.Namespace) -> int:
    """Print what is different for an app of Gramex 1.x. Its status is 0 where nothing is, as far as the files tell."""
    from gramex_twisted.migrate import as_in_gramex, findings

    report = inspect(options.file, options.set, findings)
    report = replace(report, warnings=tuple(each for each in report.warnings if not as_in_gramex(each)))
    print(report.json() if options.json else report.text())
    return report.exit_code or (EXIT_FAILURE if report.warnings else EXIT_OK)


def known_errors(error: BaseException) -> tuple[ConfigError, ...]:
    """The ConfigErrors in ``error``; it is raised again when it is something else."""
    errors = tuple(config_errors(error))
    if not errors:
        raise error
    return errors


def app_errors(config: Config) -> tuple[ConfigError, ...]:
    """What building the app finds: functions that cannot be imported, files that are not there."""
    from twisted.internet import reactor

    from gramex_twisted.app import Gramex

    return tuple(Gramex(config, reactor).errors)


def listen_errors(config: Config) -> tuple[ConfigError, ...]:
    """What is wrong with endpoints and certificates. No port is opened."""
    from gramex_twisted.daemon.listeners import listeners_of
    from gramex_twisted.daemon.sockets import ListenError

    try:
        for listener in listeners_of(config.app.listen):
            if listener.certificate:
                listener.certificate.options()
    except ListenError as error:
        return (ConfigError(str(config.mark("app", "listen")), str(error)),)
    return admin_errors(config)


def admin_errors(config: Config) -> tuple[ConfigError, ...]:
    """What is wrong with the admin's endpoint, and whether its packages are there."""
    from gramex_twisted.daemon.admin.service import MISSING, listener_of
    from gramex_twisted.daemon.sockets import ListenError

    options = config.app.admin
    if options is None:
        return ()
    if find_spec("prometheus_client") is None:
        return (ConfigError(str(config.mark("app", "admin")), MISSING.format("prometheus_client")),)
    try:
        listener_of(options)
    except ListenError as error:
        return (ConfigError(str(config.mark("app", "admin", "listen")), f"app.admin.listen: {error}"),)
    return ()


def schema(options: argparse.Namespace) -> int:
    """Print the JSON Schema."""
    from gramex_twisted.config.editor import json_schema
    from gramex_twisted.registry import Registry

    print(json.dumps(json_schema(Registry()), indent=2, ensure_ascii=False))
    return EXIT_OK


def show(options: argparse.Namespace) -> int:
    """Print the effective configuration or the routes."""
    path = list(sys.path)
    try:
        source = Source.find(options.file, tuple(options.set))
        source.enter()
        config = source.load()
    except (ConfigError, ExceptionGroup) as error:
        print("\n".join(str(fault) for fault in known_errors(error)), file=sys.stderr)
        return EXIT_CONFIG
    finally:
        sys.path[:] = path
    from gramex_twisted.config.showing import as_yaml, effective

    print(route_table(config) if options.routes else as_yaml(effective(config)), end="")
    return EXIT_OK


def route_table(config: Config) -> str:
    """The routes in the order in which they are tried."""
    from gramex_twisted.routing import Route

    ranked = [
        (Route(route.pattern, route.priority, order, cast(Any, None)).rank, route)
        for order, route in enumerate(config.routes)
    ]
    rows = [("PRIORITY", "PATTERN", "HANDLER", "NAME", "WHERE")]
    for _, route in sorted(ranked, key=lambda pair: pair[0]):
        handler = f"{route.handler or '-'}{' (has errors)' if route.errors else ''}"
        rows.append((f"{route.priority:g}", route.pattern or "-", handler, route.name, route.where))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() + "\n" for row in rows
    )


def init(options: argparse.Namespace) -> int:
    """Write a small app into a folder, where none of its files may be yet."""
    folder = Path(options.folder)
    template = list(walk(package_files("gramex_twisted") / "init"))
    taken = [str(folder / path) for path, _ in template if (folder / path).exists()]
    if taken:
        print(f"{', '.join(taken)}: there already, nothing was written", file=sys.stderr)
        return EXIT_FAILURE
    try:
        for path, content in template:
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return EXIT_FAILURE
    step = "" if folder.resolve() == Path.cwd().resolve() else f"cd {options.folder} && "
    print(f"{folder / DEFAULT} is written. Serve it with:  {step}twist gramex")
    return EXIT_OK


def hash_password(options: argparse.Namespace) -> int:
    """Ask for a password, or read a line from a pipe, and print its hash."""
    from gramex_twisted.resources.auth.hashes import hashed

    if sys.stdin.isatty():
        password, again = getpass("Password: "), getpass("Once more: ")
    else:
        password = again = sys.stdin.readline().rstrip("\r\n")
    if not password or password != again:
        print("the two passwords differ" if password else "an empty password is none", file=sys.stderr)
        return EXIT_FAILURE
    try:
        made = hashed(password)
    except ImportError as error:
        print(f"hash needs {error.name}: pip install 'gramex-twisted[auth]'", file=sys.stderr)
        return EXIT_FAILURE
    print(made)  # fit for a table of users, and for a gramex.yaml, which knows that its dollars are no variables
    return EXIT_OK


def walk(folder: Traversable, prefix: str = "") -> list[tuple[str, bytes]]:
    """The files of the template by their path in it, with their content."""
    found = []
    for item in sorted(folder.iterdir(), key=lambda item: item.name):
        if item.is_dir() and item.name != "__pycache__":
            found += walk(item, f"{prefix}{item.name}/")
        elif item.is_file():
            found.append((prefix + item.name, item.read_bytes()))
    return found


COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = MappingProxyType(
    {"check": check, "migrate": migrate, "schema": schema, "show": show, "init": init, "hash": hash_password}
)


if __name__ == "__main__":
    sys.exit(main())
