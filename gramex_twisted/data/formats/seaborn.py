"""Draws one chart in a process of its own, since matplotlib draws one at a time and user data may take it any time.

`python seaborn.py` reads one line of JSON, {chart, ext, dpi, width, height, kwargs}, and an Arrow file from
standard input, and writes the picture to standard output. It imports nothing of this package. Errors of the chart are
one line on standard error, with exit status 3.
"""

from __future__ import annotations

import io
import json
import sys
from importlib import import_module
from typing import Any

WRONG = 3
"""The exit status for a chart that seaborn cannot draw of this data."""


def main() -> int:
    """Draw; the exit status."""
    asked = json.loads(sys.stdin.buffer.readline())
    data = frame(sys.stdin.buffer.read())
    import_module("matplotlib").use("Agg")
    try:
        sys.stdout.buffer.write(draw(data, **asked))
    except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        said = " ".join(str(error).split()) or type(error).__name__
        sys.stderr.write(f"{said[:300]}\n")
        return WRONG
    return 0


def frame(arrow: bytes) -> Any:
    """A pandas DataFrame. Needs no pyarrow; dates are times, as matplotlib wants them."""
    pl, pd = import_module("polars"), import_module("pandas")
    found = pl.read_ipc(io.BytesIO(arrow))
    columns = {
        column.name: (column.cast(pl.Datetime("us")) if column.dtype == pl.Date else column).to_list()
        for column in found.get_columns()
    }
    return pd.DataFrame(columns)


def draw(data: Any, chart: str, ext: str, dpi: float, width: float, height: float, kwargs: dict[str, Any]) -> bytes:
    """The picture of `chart`, a function of seaborn; `width` and `height` are in pixels."""
    plot = getattr(import_module("seaborn"), chart)(data=data, **kwargs)
    figure = plot.figure if hasattr(plot, "figure") else plot.fig
    figure.set_size_inches(width / dpi, height / dpi)
    out = io.BytesIO()
    figure.savefig(out, format=ext, dpi=dpi)
    return out.getvalue()


if __name__ == "__main__":
    sys.exit(main())
