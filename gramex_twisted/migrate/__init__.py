"""`gramex-twisted migrate`: what an app of Gramex 1.x does differently here, as far as its files tell.

A finding is a ConfigError: a place, and what to do about it. `routes` and `sections` look at the configuration,
`modules` at the syntax trees of the app's Python files, which are not run for that, and `templates` at its templates
and pages. `names` knows what Gramex has and this server has not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gramex_twisted.config.document import Config
from gramex_twisted.errors import ConfigError
from gramex_twisted.migrate.modules import module_findings
from gramex_twisted.migrate.routes import route_findings
from gramex_twisted.migrate.sections import section_findings
from gramex_twisted.migrate.templates import page_findings

ALIKE = re.compile(r"variable \w+ is not set, so |unknown key '.*' (has no effect here|is taken as the app's own)")
"""What `check` warns of and Gramex does, too: it is empty there, and in `handler.kwargs` here."""


def as_in_gramex(warning: ConfigError) -> bool:
    """Whether what `check` warns of is no difference."""
    return ALIKE.search(warning.message) is not None


def findings(config: Config) -> Iterator[ConfigError]:
    """What is different for the app of ``config``, in the order of its files."""
    for route in config.routes:
        yield from route_findings(route)
    yield from section_findings(config)
    folders = {file.parent for file in config.files}
    yield from module_findings(folders, config)
    yield from page_findings(folders, config)
