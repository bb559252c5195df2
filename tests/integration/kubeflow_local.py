"""Run by an interpreter that has kfp: a pipeline of a file, on this machine, step by step."""

import importlib.util
import sys
from pathlib import Path

from kfp import local

if __name__ == "__main__":
    place = Path(sys.argv[1])
    spec = importlib.util.spec_from_file_location(place.stem, place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    local.init(local.SubprocessRunner(use_venv=False), pipeline_root=sys.argv[2])
    print("outcome:", module.retraining(reason="a test").output)
