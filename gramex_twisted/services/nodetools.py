"""Where the npm packages are that FileHandler compiles with. Pure, but for looking at files: call it in a thread."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

_MACHINES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64", "i386": "ia32", "i686": "ia32"}


def module_folders(root: Path, environ: Mapping[str, str]) -> Iterator[Path]:
    """The ``node_modules`` folders that there are, first choice first: $GRAMEX_NODE_PATH, those of the app's folder
    and its parents, npm's global ones.
    """
    seen = set()
    for folder in _candidates(root, environ):
        if folder not in seen and folder.is_dir():
            seen.add(folder)
            yield folder


def _candidates(root: Path, environ: Mapping[str, str]) -> Iterator[Path]:
    for name in ("GRAMEX_NODE_PATH", "NODE_PATH"):
        for text in filter(None, environ.get(name, "").split(os.pathsep)):
            yield Path(text, "node_modules")
            yield Path(text)
    for folder in (root, *root.parents):
        yield folder / "node_modules"
    prefixes = [environ.get("NPM_CONFIG_PREFIX"), environ.get("npm_config_prefix")]
    for program in ("npm", "node"):
        found = shutil.which(program, path=environ.get("PATH"))
        prefixes += [os.path.dirname(os.path.dirname(found))] if found else []
    for prefix in filter(None, [*prefixes, "/usr/local", "/usr"]):
        yield Path(prefix, "lib", "node_modules")


def find_tool(name: str, root: Path, environ: Mapping[str, str]) -> list[str] | None:
    """The command that runs ``sass`` or ``esbuild``; None when it is not installed (or, for sass, node is not)."""
    path = environ.get("PATH")
    for folder in module_folders(root, environ):
        command = _esbuild(folder) if name == "esbuild" else _script(folder, name, path)
        if command:
            return command
    found = shutil.which(name, path=path)
    return [found] if found else None


def _esbuild(folder: Path) -> list[str] | None:
    """The native program, without the node script around it: it starts in a few milliseconds."""
    machine = _MACHINES.get(platform.machine().lower(), platform.machine().lower())
    for base in (folder, folder / "esbuild" / "node_modules"):
        program = base / "@esbuild" / f"{sys.platform}-{machine}" / "bin" / "esbuild"
        if os.access(program, os.X_OK):
            return [str(program)]
    return None


def _script(folder: Path, name: str, path: str | None) -> list[str] | None:
    script, node = folder / name / f"{name}.js", shutil.which("node", path=path)
    return [node, str(script)] if node and script.is_file() else None
