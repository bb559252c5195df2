"""The error for a model whose library is not installed here, with what to install."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from seatrial.kernel.errors import Invalid


class MissingLibrary(Invalid):
    """The model needs a package that is not installed here."""

    code = "model.missing_library"


def missing_library(package: str, *, path: Path) -> MissingLibrary:
    """The error for a model that needs ``package``, as imported, and does not find it."""
    install = _INSTALL_NAMES.get(package)
    beside = path.parent / package
    if install is not None:
        problem = f"{path.name} needs the package {package!r}, which is not installed."
        remedy = f"Run: pip install {install}"
    elif beside.is_dir() or beside.with_suffix(".py").is_file():
        problem = f"{path.name} needs your own module {package!r}, which lies beside it."
        remedy = (
            "Make a package of it and install that here: loose files are not taken along to where "
            "the model is served. Or save the model without code of its own."
        )
    else:
        problem = f"{path.name} names the module {package!r}, which is not installed."
        remedy = (
            "Ask whoever made the file which package that is. One of the same name on a package "
            "index may be somebody else's."
        )
    return MissingLibrary(problem, remedy=remedy, package=package)


_INSTALL_NAMES: Final = {
    "catboost": "'seatrial[catboost]'",
    "lightgbm": "lightgbm",
    "mlflow": "'seatrial[mlflow]'",
    "numpy": "numpy",
    "onnxruntime": "onnxruntime",
    "pandas": "pandas",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "skops": "skops",
    "keras": "'seatrial[tensorflow]'",
    "tensorflow": "'seatrial[tensorflow]'",
    "tokenizers": "tokenizers",
    "torch": "'seatrial[torch]'",
    "transformers": "'seatrial[huggingface]'",
    "xgboost": "xgboost-cpu",
}
