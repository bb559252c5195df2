"""What opening a model may import: images of models hold what the model needs, and no more."""

from __future__ import annotations

import subprocess
import sys

NOT_IN_IMAGES = {"h5py", "mlflow", "onnx", "packaging", "pandas", "yaml"}


def test_a_models_process_imports_nothing_that_its_image_may_lack() -> None:
    program = (
        "import sys, seatrial.adapters.serving.model_child, seatrial.adapters.native.opening;"
        f"print({NOT_IN_IMAGES} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
