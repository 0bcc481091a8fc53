"""Data that a function makes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gramex_twisted.data.sources.base import Frame, Values, frame_of
from gramex_twisted.data.sources.dataset import Dataset


class FunctionSource:
    """What a function returns: a frame of polars or pandas, or a list of dicts. It is called for each request."""

    def __init__(self, dataset: Dataset, function: Callable[[], Any]) -> None:
        self.dataset = dataset
        self.function = function

    def open(self, values: Values) -> Frame:
        """See Source. What the function raises is raised."""
        return frame_of(self.function())


class FrameSource:
    """A frame that is there, as `filter(frame)` has it."""

    def __init__(self, dataset: Dataset, data: Any) -> None:
        self.dataset = dataset
        self.data = data

    def open(self, values: Values) -> Frame:
        """See Source."""
        return frame_of(self.data)
