"""``gramex-twisted run``: serve an app, with the overrides on the command line that Gramex 1.x takes.

    gramex-twisted run --listen.port=8001 --settings.debug --log.level=debug

is ``twist gramex --set app.listen.port=8001 --set app.settings.debug=true ...``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

PASSED = {"config": "--config", "c": "--config", "port": "--port", "p": "--port", "log-format": "--log-format"}
"""Options of ``twist gramex`` that have a value."""
FLAGS = {"strict": "--strict"}
LEVELS = ("log.loggers.gramex.level", "log.root.level")


def twist_arguments(arguments: Sequence[str]) -> list[str]:
    """The arguments of ``twist`` for those of ``gramex-twisted run``: a file or folder, and ``--key=value``.

    ``--key value`` and a mere ``--key``, which is true, work too.

    :raises ValueError: that says what is wrong with them.
    """
    made: list[str] = []
    named = False
    for key, value in _pairs(arguments):
        if key == "set" and value is not None:
            made += ["--set", value]
        elif not key:
            if named:
                raise ValueError(f"{value}: there is a file or folder to serve already")
            named = True
            made += ["--config", str(value)]
        elif key in FLAGS:
            made.append(FLAGS[key])
        elif key in PASSED:
            if value is None:
                raise ValueError(f"--{key} needs a value")
            made += [PASSED[key], value]
        else:
            made += [word for name in _keys(key) for word in ("--set", f"{name}={_text(key, value)}")]
    return ["gramex", *made]


def _pairs(arguments: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """Key and value of each option; no key for what is none."""
    waiting: str | None = None
    for argument in arguments:
        if argument.startswith("-") and argument.lstrip("-"):
            if waiting is not None:
                yield waiting, None
            key, equals, value = argument.lstrip("-").partition("=")
            waiting = None if equals or key in FLAGS else key
            if waiting is None:
                yield key, value if equals else None
        else:
            yield waiting or "", argument
            waiting = None
    if waiting is not None:
        yield waiting, None


def _keys(key: str) -> tuple[str, ...]:
    """Where in a gramex.yaml an option of Gramex is."""
    if key == "log.level":
        return LEVELS
    if key.startswith("log."):
        return (f"log.loggers.gramex.{key.removeprefix('log.')}",)
    return (key if key.startswith("app.") else f"app.{key}",)


def _text(key: str, value: str | None) -> str:
    text = "true" if value is None else value
    return text.upper() if key == "log.level" else text


def run(arguments: Sequence[str]) -> None:
    """Serve, until the server is stopped. Raises SystemExit, and ValueError as ``twist_arguments`` does."""
    from twisted.application.twist._twist import Twist

    Twist.main(["twist", *twist_arguments(arguments)])
