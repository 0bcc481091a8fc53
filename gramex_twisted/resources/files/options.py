"""The options of FileHandler."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from gramex_twisted.resources.base import Options

Patterns = bool | str | list[str]


class FileOptions(Options):
    """FileHandler serves files."""

    path: str | list[str] | dict[str, str] = Field(
        description="What is served. A file, for every URL that the pattern matches; a folder, in which the pattern's "
        "first group is the path; a path with `*`, which that group replaces; a list of files, sent one after the "
        "other; or a dict of regular expression -> path, the first that matches the URL's path counting, in whose path "
        "`{0}` or `{name}` are its groups. Relative paths begin at the folder of gramex.yaml."
    )
    default_filename: str | list[str] = Field(
        default=[], description="File that stands for its folder, such as index.html; several are tried in order."
    )
    default: dict[str, Any] = Field(
        default={}, description="Values of groups that match nothing, where `path` is a dict."
    )
    index: bool = Field(default=False, description="Show an index of folders that have no default file; else 404.")
    index_template: str | None = Field(
        default=None,
        description="Page of the index: HTML in which `$path` is the folder, `$body` an unordered list of links to its "
        "files, and `$table` a table of them with sizes and dates.",
    )
    ignore: str | list[str] = Field(
        default=[".*", "gramex*.yaml", "gramex*.yml", "*.py*", ".secrets*"],
        description="Patterns of files and folders that are not served, nor what is in them. One without a slash is "
        "for names, one with a slash for paths.",
    )
    allow: str | list[str] = Field(default=[], description="Patterns of files that are served although ignored.")
    headers: dict[str, Any] = Field(
        default={}, description="HTTP headers; a dict under a file pattern is for the files that match it."
    )
    transform: dict[str, Any] = Field(
        default={},
        description="Pattern, or several between spaces or commas -> `{function, encoding, headers}`: the file is sent "
        "as what `function` makes of `content`: bytes, or text where there is an `encoding`. `handler` is the request; "
        "the result of a function that does not ask for it is kept until the file changes. The first match counts.",
    )
    template: Patterns = Field(
        default=False, description="Patterns of files that are Tornado templates; true: all that are text."
    )
    sass: Patterns = Field(default=False, description="Patterns of SASS files, which are sent as CSS.")
    scss: Patterns = Field(default=False, description="Patterns of SCSS files, which are sent as CSS.")
    ts: Patterns = Field(default=False, description="Patterns of TypeScript files, which are sent as JavaScript.")
    follow_symlinks: bool = Field(default=False, description="Serve what symbolic links outside the folder lead to.")
