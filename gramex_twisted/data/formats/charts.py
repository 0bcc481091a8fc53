"""Charts that seaborn draws, in another process: see `seaborn`."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gramex_twisted.data.formats.answers import Answers, frame, table
from gramex_twisted.data.formats.columnar import plain
from gramex_twisted.data.formats.known import IMAGES, Options
from gramex_twisted.data.formats.seaborn import WRONG

if TYPE_CHECKING:
    from gramex_twisted.data.formats.page import Page

PROGRAM = Path(__file__).with_name("seaborn.py")
CHARTS = frozenset(
    (
        *("barplot", "boxenplot", "boxplot", "catplot", "countplot", "displot", "ecdfplot", "heatmap"),
        *("histplot", "jointplot", "kdeplot", "lineplot", "lmplot", "pairplot", "pointplot", "regplot"),
        *("relplot", "residplot", "rugplot", "scatterplot", "stripplot", "swarmplot", "violinplot"),
    )
)
"""The functions of seaborn that draw `data`."""
OWN = frozenset({"chart", "ext", "data", "dpi", "width", "height", "timeout", "handler"})
MOST_PIXELS = 5000
TIMEOUT = 30.0
"""Seconds that a chart may take, unless `timeout` says otherwise. Half of a second or more of them is the start."""


def write(name: str, answers: Answers, *, single: bool, options: Options, page: Page | None) -> bytes:
    """A picture. Raises ValueError with what seaborn says, and where it takes too long.

    Options: chart (barplot), ext (png, svg, pdf, jpg), dpi (96), width and height in pixels (640, 480), data (which
    of several datasets), timeout in seconds; all others are arguments of seaborn's function, such as x, y, hue.
    """
    for module in ("seaborn", "matplotlib", "pandas"):
        if find_spec(module) is None:
            raise ModuleNotFoundError(f"No module named {module!r}", name=module)
    out = BytesIO()
    plain(frame(table(_chosen(answers, options)))).write_ipc(out)
    asked = json.dumps(_asked(options)).encode() + b"\n"
    timeout = _number(options, "timeout", TIMEOUT, 600)
    command = [sys.executable, "-P", "-X", "utf8", str(PROGRAM)]
    try:
        done = subprocess.run(command, input=asked + out.getvalue(), capture_output=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        raise ValueError(f"the chart took more than {timeout:g} s: ask for fewer rows") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        what = "the chart cannot be drawn" if done.returncode == WRONG else f"seaborn ended with {done.returncode}"
        raise ValueError(f"{what}: {said}")
    return done.stdout


def _chosen(answers: Answers, options: Options) -> Any:
    name = str(options.get("data") or next(iter(answers), ""))
    if name == "data" and name not in answers and len(answers) == 1:
        return next(iter(answers.values()))
    if name not in answers:
        raise ValueError(f"data {name!r} is not one of {', '.join(answers)}")
    return answers[name]


def _asked(options: Options) -> dict[str, Any]:
    """What the other process is told."""
    chart, ext = str(options.get("chart", "barplot")), str(options.get("ext", "png"))
    if chart not in CHARTS:
        raise ValueError(f"chart {chart!r} is not one of {', '.join(sorted(CHARTS))}")
    if ext not in IMAGES:
        raise ValueError(f"ext {ext!r} is not one of {', '.join(IMAGES)}")
    kwargs = {key: value for key, value in options.items() if key not in OWN}
    return {
        "chart": chart,
        "ext": ext,
        "dpi": _number(options, "dpi", 96, 600),
        "width": _number(options, "width", 640, MOST_PIXELS),
        "height": _number(options, "height", 480, MOST_PIXELS),
        "kwargs": json.loads(json.dumps(kwargs, default=str)),
    }


def _number(options: Options, name: str, default: float, most: float) -> float:
    try:
        value = float(options.get(name, default))
    except (TypeError, ValueError):
        value = 0.0
    if not 0 < value <= most:
        raise ValueError(f"{name} {options.get(name)!r} is not a number above 0, up to {most:g}")
    return value
