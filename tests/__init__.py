"""The tests mirror the package. In CI, Hypothesis tries the same examples each time, so that a run can be repeated."""

import os

from hypothesis import settings

settings.register_profile("ci", derandomize=True)
if os.environ.get("CI") == "true":
    settings.load_profile("ci")
