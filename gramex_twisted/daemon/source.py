"""Where a configuration comes from, so that it can be read again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gramex_twisted.daemon import tables
from gramex_twisted.daemon.tables import SUFFIXES
from gramex_twisted.errors import ConfigError
from gramex_twisted.functions import alias
from gramex_twisted.functions.importing import reach

if TYPE_CHECKING:
    from gramex_twisted.config.document import Config

DEFAULT = "gramex.yaml"


@dataclass(frozen=True)
class Source:
    """A configuration file and what the command line adds to it.

    ``overrides`` are ``key.path=value`` texts, later ones win; ``strict`` makes warnings and routes that cannot be
    served errors. With ``bare`` there need be no file at ``path``: then its folder's files are served. ``data`` is a
    file whose tables are served instead.
    """

    path: Path
    overrides: tuple[str, ...] = ()
    strict: bool = False
    bare: bool = False
    data: Path | None = None

    @classmethod
    def find(cls, name: str | None, overrides: tuple[str, ...] = (), *, strict: bool = False) -> Source:
        """The source that ``--config name`` means: a file, a folder, or (None) the gramex.yaml here.

        Raises ConfigError when there is nothing to serve.
        """
        path = Path(name or DEFAULT).absolute()
        if path.is_dir():
            return cls(path / DEFAULT, overrides, strict, bare=True)
        if path.suffix.lower() in SUFFIXES and path.is_file():
            return cls(path.with_name(DEFAULT), overrides, strict, data=path)
        if not path.is_file():
            if name is None:
                hint = "name one with --config, or make one with gramex-twisted init"
                raise ConfigError("", f"there is no {DEFAULT} in {path.parent}: {hint}")
            raise ConfigError(name, "there is no such file or folder")
        return cls(path, overrides, strict)

    def __str__(self) -> str:
        return str(self.data or (self.home if self.serves_folder else self.path))

    @property
    def serves_folder(self) -> bool:
        """Whether the folder's files are served, for want of a gramex.yaml."""
        return self.bare and not self.path.is_file()

    @property
    def home(self) -> Path:
        """The app's folder: user modules are imported from it."""
        return self.path.parent

    def enter(self) -> None:
        """Let the app's modules be imported, in this process. To be called before ``load``, which may evaluate
        functions of variables. `import gramex` is found from then on too, unless ``load`` finds `compat: false`."""
        alias.install()
        reach([self.home])

    def load(self) -> Config:
        """Read and validate. Raises an ExceptionGroup of ConfigErrors: all that there are."""
        from gramex_twisted.config import schema
        from gramex_twisted.registry import Registry

        text = self._text()
        reach([self.home])
        config = schema.load(self.path, Registry(), overrides=self.overrides, text=text, folder=text is None)
        reach([self.home, *(file.parent for file in config.files)])  # modules of imported apps lie beside their files
        if not config.compat:
            alias.remove()
        if self.strict and (config.errors or config.warnings):
            raise ExceptionGroup(f"{self.path} has errors", [*config.errors, *config.warnings])
        return config

    def _text(self) -> str | None:
        """The YAML that stands for a file that is not there; None where one is."""
        if self.data is not None:
            return tables.file_config(self.data)
        return tables.folder_config(self.home) if self.serves_folder else None


def config_errors(error: BaseException) -> Iterator[ConfigError]:
    """Every ConfigError in ``error``: itself, or those of a group of them; nothing when it is something else."""
    if isinstance(error, ConfigError):
        yield error
    elif isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from config_errors(inner)
