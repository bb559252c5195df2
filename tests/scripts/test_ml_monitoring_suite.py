import importlib.util
from pathlib import Path

import pytest

_PATH = Path(__file__).parents[2] / "scripts" / "ml_monitoring_suite.py"
_spec = importlib.util.spec_from_file_location("ml_monitoring_suite", _PATH)
subject = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(subject)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (["--config", "m.yaml"], ["monitor", "check", "--config", "m.yaml"]),
        (["--config", "m.yaml", "--deploy"], ["monitor", "start", "--config", "m.yaml"]),
        (
            ["--deploy", "--config=m.yaml", "--port", "0"],
            ["monitor", "start", "--config=m.yaml", "--port", "0"],
        ),
        ([], ["monitor", "check"]),
    ],
)
def test_deploy_starts_and_its_absence_checks(given, meant):
    assert subject.arguments(given) == meant
