"""PyTorch modules: eager, TorchScript, or an exported program."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from seatrial.adapters.native.threads import allowed_threads
from seatrial.kernel.errors import SeatrialError
from seatrial.packaging.model_facts import InputFact, Kind, ModelFacts
from seatrial.registry.signature import Batch, Dtype, Prediction, Signature, Task, n_rows
from seatrial.serving.failures import EngineFailed, UnsupportedModel

_DTYPES = {
    "torch.float32": Dtype.FLOAT32,
    "torch.float64": Dtype.FLOAT64,
    "torch.int64": Dtype.INT64,
    "torch.uint8": Dtype.UINT8,
    "torch.bool": Dtype.BOOL,
}

_ACCELERATOR = re.compile(
    r"not compiled with CUDA|Cannot initialize CUDA|No (?:CUDA|HIP|XPU) GPUs|NVIDIA driver|"
    r"with arguments from the '(?:CUDA|HIP|MPS|XPU)' backend|not linked with support for"
)
"""What PyTorch says on a machine without the device that a model wants."""


class TorchModel:
    """A module in evaluation mode, on the CPU.

    Its outputs keep their names where it returns a dict; one tensor is ``prediction``, a tuple is
    ``output_0``, ``output_1``, ...

    Args:
        module: takes tensors with the rows in front.
        scripted: whether it is TorchScript.
        inputs: what an exported program says of them; else the arguments of ``forward``.
    """

    def __init__(
        self,
        module: Any,
        *,
        scripted: bool = False,
        inputs: tuple[InputFact, ...] | None = None,
    ) -> None:
        import torch

        torch.set_num_threads(allowed_threads())
        self.module = module
        self.scripted = scripted
        self._inputs = inputs
        if inputs is None:
            module.eval()
        self.arguments = [i.name for i in inputs] if inputs else _arguments(module, scripted)
        self._task = Task.OTHER
        self._classes: tuple[int, ...] | None = None

    @classmethod
    def of_program(cls, program: Any) -> TorchModel:
        """The model of a ``torch.export.ExportedProgram``.   Raises: UnsupportedModel."""
        wanted = program.graph_signature.user_inputs
        tensors = {n.name: n.meta["val"] for n in program.graph.nodes if n.op == "placeholder"}
        facts = tuple(_fact(name, tensors.get(name)) for name in wanted)
        return cls(program.module(check_guards=False), inputs=facts)

    @property
    def raw(self) -> object:
        """This, for the exporter: it has to call the module as it is called here."""
        return self

    def classes(self) -> tuple[int, ...] | None:
        """See LoadedModel; known after a first prediction."""
        return self._classes

    def facts(self) -> ModelFacts:
        """See LoadedModel."""
        import torch

        several = len(self.arguments) > 1
        inputs = self._inputs
        if inputs is None and several:
            inputs = tuple(InputFact(name=name) for name in self.arguments)
        elif inputs is not None and len(inputs) == 1 and len(inputs[0].shape) == 1:
            inputs = _numbers(inputs[0])
        return ModelFacts(
            framework="pytorch",
            version=torch.__version__.partition("+")[0],
            estimator=self._estimator(),
            task=self._task,
            inputs=inputs,
            named=several or bool(inputs and inputs[0].shape),
            number=Dtype.FLOAT32,
            packages=(
                ("numpy", np.__version__),
                ("torch", torch.__version__.partition("+")[0]),
            ),
        )

    def _estimator(self) -> str:
        if self._inputs is not None:
            return "torch.export.ExportedProgram"
        kind = type(self.module)
        return (
            "torch.jit.ScriptModule" if self.scripted else f"{kind.__module__}.{kind.__qualname__}"
        )

    def predict(self, batch: Batch, signature: Signature) -> Prediction:
        """See LoadedModel."""
        import torch

        tensors = [
            torch.from_numpy(np.ascontiguousarray(a)) for a in self._arrays(batch, signature)
        ]
        try:
            with torch.inference_mode():
                found = named_outputs(self.module(*tensors))
        except (AssertionError, NotImplementedError, RuntimeError) as error:
            raise _failure(error) from error
        answers = {name: _array(name, values, n_rows(batch)) for name, values in found.items()}
        self._learn(answers)
        return answers

    def _arrays(self, batch: Batch, signature: Signature) -> list[Any]:
        if not isinstance(batch, dict):
            return [batch]
        columns = [batch[name] for name in signature.names]
        if any(column.dtype == object for column in columns):
            raise UnsupportedModel(
                "PyTorch takes no texts.",
                remedy="Give token numbers, or a model that takes numbers.",
            )
        if len(self.arguments) == 1 and not signature.has_tensors:
            return [np.column_stack(columns)]
        return columns

    def _learn(self, answers: Prediction) -> None:
        """What the first answers show: the task, and how many classes there are."""
        if "label" in answers:
            self._task = Task.CLASSIFICATION
        elif answers.keys() == {"prediction"} and answers["prediction"].ndim == 1:
            self._task = Task.REGRESSION
        likely = answers.get("probabilities")
        if likely is not None and likely.ndim == 2:
            self._classes = tuple(range(likely.shape[1]))


def _failure(error: Exception) -> SeatrialError:
    """What a module raised: a want of this machine, or its own fault, in one line.

    TorchScript tells of its stack first and of what is wrong last.
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = next((line for line in lines if _ACCELERATOR.search(line)), None)
    if said is not None:
        return UnsupportedModel(
            f"The model asks for an accelerator, and models run on the CPU here: {said[:200]}",
            remedy="Take .cuda() and device='cuda' out of its code, in favour of the device of its "
            "input, and save it again after model.cpu(); or have a server run it, with --engine.",
        )
    scripted = bool(lines) and "TorchScript interpreter" in lines[0]
    last = lines[-1 if scripted else 0] if lines else "it says nothing"
    return EngineFailed(
        f"The model raised {type(error).__name__}: {last[:400]}",
        remedy="Test the model with the same rows.",
        raised=type(error).__name__,
    )


def named_outputs(found: Any) -> dict[str, Any]:
    """What a module returned, by name.   Raises: UnsupportedModel."""
    import torch

    if isinstance(found, torch.Tensor):
        return {"prediction": found}
    if isinstance(found, Mapping):
        named = {str(name): values for name, values in found.items()}
    elif isinstance(found, tuple | list):
        named = {f"output_{k}": values for k, values in enumerate(found)}
    else:
        named = {}
    if not named or not all(isinstance(values, torch.Tensor) for values in named.values()):
        raise UnsupportedModel(
            f"The model returns a {type(found).__name__} that is no tensor of answers.",
            remedy="Return a tensor, a tuple of tensors, or a dict of tensors by name, such as "
            "{'label': ..., 'probabilities': ...}.",
        )
    return named


def _array(name: str, values: Any, n: int) -> Any:
    if values.ndim == 0 or len(values) != n:
        raise UnsupportedModel(
            f"The model's output {name!r} has the shape {list(values.shape)} for {n} rows.",
            remedy="Return one answer for each row, the rows in the first dimension.",
        )
    if values.is_floating_point() and str(values.dtype) not in _DTYPES:
        values = values.float()  # halves, which numpy knows in part
    array = values.detach().cpu().numpy()
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array


def _arguments(module: Any, scripted: bool) -> list[str]:  # noqa: FBT001
    if scripted:
        _, *found = module.forward.schema.arguments
        return [a.name for a in found if not a.has_default_value()]
    plain = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(module.forward).parameters.values()
    return [p.name for p in parameters if p.kind in plain and p.default is p.empty]


def _numbers(one: InputFact) -> tuple[InputFact, ...]:
    """The features of a model of one matrix of floats; whole numbers are tokens, and stay one."""
    if one.dtype is not None and one.dtype.whole:
        return (one,)
    return tuple(InputFact(name=f"x{k}", kind=Kind.NUMBER) for k in range(one.shape[0]))


def _fact(name: str, tensor: Any) -> InputFact:
    """An input of an exported program.   Raises: UnsupportedModel."""
    sizes = list(getattr(tensor, "shape", ()))
    dtype = _DTYPES.get(str(getattr(tensor, "dtype", None)))
    if dtype is None:
        raise UnsupportedModel(
            f"The exported program's input {name!r} is {getattr(tensor, 'dtype', 'no tensor')}.",
            remedy="Export it with tensors as arguments, of float32, float64, int64, uint8 or "
            "bool, and let forward convert them.",
        )
    free = bool(sizes) and not isinstance(sizes[0], int)
    if not free or any(not isinstance(size, int) or size == 0 for size in sizes[1:]):
        raise UnsupportedModel(
            f"The exported program's input {name!r} is {tensor.dtype} of "
            f"shape {[size if isinstance(size, int) else str(size) for size in sizes]}.",
            remedy="Export it with a free first dimension, for the rows, and every other size "
            f"fixed: dynamic_shapes={{{name!r}: {{0: torch.export.Dim('batch')}}}}.",
        )
    kind = Kind.BOOLEAN if dtype is Dtype.BOOL else Kind.NUMBER
    low = 0.0 if dtype.whole else None
    return InputFact(name=name, kind=kind, shape=tuple(sizes[1:]), dtype=dtype, low=low)
