"""What a check prints."""

import json

from twisted.trial.unittest import TestCase

from gramex_twisted.config.check import Report, finding
from gramex_twisted.errors import ConfigError

ERROR = ConfigError("g.yaml:12:5", "url.home: unknown key 'patern'; did you mean 'pattern'?")
WARNING = ConfigError("--set a.b=1", "odd")


class ReportTest(TestCase):
    def test_errors_come_first_and_repetitions_go(self) -> None:
        report = Report("g.yaml", (ERROR, ConfigError(ERROR.where, ERROR.message)), (WARNING,))
        self.assertEqual(
            report.text().splitlines(),
            [
                "g.yaml:12:5: url.home: unknown key 'patern'; did you mean 'pattern'?",
                "warning: --set a.b=1: odd",
                "g.yaml: 1 error, 1 warning",
            ],
        )
        self.assertEqual(report.exit_code, 64)

    def test_warnings_alone_are_no_failure(self) -> None:
        report = Report("g.yaml", (), (WARNING, ERROR))
        self.assertEqual((report.exit_code, report.text().splitlines()[-1]), (0, "g.yaml: 2 warnings"))

    def test_nothing_wrong(self) -> None:
        self.assertEqual((Report("g.yaml").exit_code, Report("g.yaml").text()), (0, "g.yaml: no errors"))

    def test_json(self) -> None:
        self.assertEqual(
            json.loads(Report("g.yaml", (ERROR,), (WARNING,)).json()),
            {
                "file": "g.yaml",
                "ok": False,
                "errors": [{"file": "g.yaml", "line": 12, "column": 5, "message": ERROR.message}],
                "warnings": [{"file": "--set a.b=1", "line": None, "column": None, "message": "odd"}],
            },
        )

    def test_places_with_a_line_alone(self) -> None:
        self.assertEqual(
            finding(ConfigError("a:b.py:7", "x")), {"file": "a:b.py", "line": 7, "column": None, "message": "x"}
        )
