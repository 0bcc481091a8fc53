"""File extensions and their MIME types."""

from __future__ import annotations

from collections.abc import Mapping
from mimetypes import MimeTypes

WEB_TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".md": "text/markdown",
    ".yaml": "text/yaml",
    ".yml": "text/yaml",
    ".wasm": "application/wasm",
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".woff2": "font/woff2",
    ".woff": "font/woff",
    ".parquet": "application/vnd.apache.parquet",
    ".geojson": "application/geo+json",
    ".webmanifest": "application/manifest+json",
    ".map": "application/json",
    ".template": "text/html",
}


def mime_types(extra: Mapping[str, str]) -> MimeTypes:
    """File types: Python's, those of the web that it lacks, and the app's own ``mime:``."""
    types = MimeTypes()
    for extension, kind in {**WEB_TYPES, **extra}.items():
        types.add_type(kind, extension if extension.startswith(".") else f".{extension}")
    return types
