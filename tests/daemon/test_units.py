"""The systemd units: systemd itself finds nothing wrong with them, and little that they expose."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

ETC = Path(__file__).parent.parent.parent / "etc"
ANALYZE = shutil.which("systemd-analyze")


class UnitTests(SynchronousTestCase):
    def setUp(self) -> None:
        if ANALYZE is None:
            raise SkipTest("systemd-analyze is not installed")
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()
        service = (ETC / "gramex.service").read_text()
        # verify wants the program to be there
        (self.folder / "gramex.service").write_text(re.sub(r"ExecStart=\S+", "ExecStart=/bin/true", service))
        shutil.copy(ETC / "gramex.socket", self.folder)

    def analyze(self, *args: str) -> subprocess.CompletedProcess[str]:
        assert ANALYZE is not None
        return subprocess.run(
            [ANALYZE, *args], cwd=self.folder, capture_output=True, text=True, timeout=60, check=False
        )

    def test_systemd_verifies_both_units_without_a_word(self) -> None:
        result = self.analyze("verify", f"{self.folder}/gramex.service", f"{self.folder}/gramex.socket")
        self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))

    def test_the_service_exposes_little(self) -> None:
        result = self.analyze("security", "--offline=true", f"{self.folder}/gramex.service")
        found = re.search(r"Overall exposure level for gramex.service: ([\d.]+)", result.stdout)
        assert found, result.stdout + result.stderr
        self.assertLessEqual(float(found[1]), 1.5)

    def test_it_waits_longer_for_a_stop_than_the_server_waits_for_requests(self) -> None:
        text = (ETC / "gramex.service").read_text()
        settings = dict(line.split("=", 1) for line in text.splitlines() if re.match(r"\w+=", line))
        self.assertGreater(int(settings["TimeoutStopSec"]), 30)
        self.assertEqual(settings["RestartPreventExitStatus"], "64")
        self.assertEqual(settings["Type"], "notify")
