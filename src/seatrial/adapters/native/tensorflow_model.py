"""TensorFlow models: Keras's own, or one signature of a SavedModel, as one traced function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from seatrial.packaging.model_facts import InputFact, Kind, ModelFacts
from seatrial.registry.signature import MAX_RANK, Batch, Dtype, Prediction, Signature, Task, n_rows
from seatrial.serving.failures import UnsupportedModel

_DTYPES: Final = {
    "float32": Dtype.FLOAT32,
    "float64": Dtype.FLOAT64,
    "int32": Dtype.INT64,
    "int64": Dtype.INT64,
    "uint8": Dtype.UINT8,
    "bool": Dtype.BOOL,
    "string": Dtype.STRING,
}


@dataclass(frozen=True, slots=True)
class Input:
    """One input of the function.

    Args:
        name: the model's own.
        dtype: TensorFlow's name of it.
        shape: of one row.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def is_matrix(self) -> bool:
        """Whether its rows are features side by side; whole numbers are tokens, one tensor."""
        return len(self.shape) == 1 and self.dtype in ("float32", "float64")

    def fact(self) -> InputFact:
        """What it shows of itself."""
        dtype = _DTYPES[self.dtype]
        kinds = {Dtype.BOOL: Kind.BOOLEAN, Dtype.STRING: Kind.STRING}
        kind = kinds.get(dtype, Kind.NUMBER)
        shape = () if self.shape == (1,) else self.shape
        low = 0.0 if dtype.whole else None
        exact = dtype if shape else None
        return InputFact(name=self.name, kind=kind, shape=shape, dtype=exact, low=low)


class TensorflowModel:
    """A function of tensors with the rows in front, on the CPU.

    Args:
        answer: takes a tensor for each input; returns tensors by name.
        inputs: what it takes.
        holder: the object that has the variables, kept alive with the function.
        is_keras: whether ``holder`` is a model of Keras.
    """

    def __init__(
        self,
        answer: Callable[..., Mapping[str, Any]],
        inputs: Sequence[Input],
        *,
        holder: Any,
        is_keras: bool,
    ) -> None:
        import tensorflow as tf

        self.answer = answer
        self.inputs = tuple(inputs)
        self.holder = holder
        self.is_keras = is_keras
        specs = [tf.TensorSpec((None, *i.shape), i.dtype, name=i.name) for i in self.inputs]
        self.function = tf.function(answer, input_signature=specs)
        self._task = Task.OTHER
        self._classes: tuple[int, ...] | None = None

    @classmethod
    def of_keras(cls, model: Any) -> TensorflowModel:
        """The model of a .keras file.   Raises: UnsupportedModel."""
        tensors = getattr(model, "inputs", None)
        if not tensors:
            raise UnsupportedModel(
                f"The {type(model).__name__} does not say which inputs it takes.",
                remedy="Write it as a SavedModel with model.export(folder), and deploy that.",
            )
        softmax = _ends_in_softmax(model)
        names = getattr(model, "output_names", None)

        def answer(*given: Any) -> Mapping[str, Any]:
            found = model(list(given) if len(given) > 1 else given[0], training=False)
            return _by_name(found, names, softmax=softmax)

        inputs = [_input(t.name, t.shape, t.dtype) for t in tensors]
        return cls(answer, inputs, holder=model, is_keras=True)

    @classmethod
    def of_signature(cls, loaded: Any, signature: Any) -> TensorflowModel:
        """A signature of a SavedModel.   Raises: UnsupportedModel."""
        _, specs = signature.structured_input_signature
        names = list(specs)

        def answer(*given: Any) -> Mapping[str, Any]:
            found: Mapping[str, Any] = signature(**dict(zip(names, given, strict=True)))
            return found

        inputs = [_input(name, specs[name].shape, specs[name].dtype.name) for name in names]
        return cls(answer, inputs, holder=loaded, is_keras=False)

    @property
    def raw(self) -> object:
        """This, for the exporter: it has to call the model as it is called here."""
        return self

    def classes(self) -> tuple[int, ...] | None:
        """See LoadedModel; known after a first prediction."""
        return self._classes

    @property
    def matrix(self) -> Input | None:
        """The one input whose rows are features side by side, if the model has no other."""
        return self.inputs[0] if len(self.inputs) == 1 and self.inputs[0].is_matrix else None

    def facts(self) -> ModelFacts:
        """See LoadedModel."""
        import keras
        import tensorflow as tf

        one = self.matrix
        facts = tuple(i.fact() for i in self.inputs)
        if one is not None:
            facts = tuple(InputFact(name=f"x{k}", kind=Kind.NUMBER) for k in range(one.shape[0]))
        versions = (("keras", keras.__version__), ("tensorflow", tf.__version__))
        kind = type(self.holder)
        return ModelFacts(
            framework="keras" if self.is_keras else "tensorflow",
            version=versions[0 if self.is_keras else 1][1],
            estimator=f"keras.{kind.__name__}" if self.is_keras else "tensorflow.SavedModel",
            task=self._task,
            inputs=facts,
            named=one is None,
            number=Dtype.FLOAT64 if _is_double(self.inputs) else Dtype.FLOAT32,
            packages=(("numpy", np.__version__), *versions),
        )

    def predict(self, batch: Batch, signature: Signature) -> Prediction:
        """See LoadedModel."""
        import tensorflow as tf

        given = self.given(batch, signature.names)
        found = self.function(*(tf.constant(given[i.name], dtype=i.dtype) for i in self.inputs))
        answers = {name: _array(name, values, n_rows(batch)) for name, values in found.items()}
        self._learn(answers)
        return answers

    def given(self, batch: Batch, features: Sequence[str]) -> dict[str, Any]:
        """What each input is given of a batch, whose columns are the features."""
        if isinstance(batch, dict) and self.matrix is not None:
            batch = np.column_stack([batch[name] for name in features])
        return {
            i.name: _fitted(batch[i.name] if isinstance(batch, dict) else batch, i)
            for i in self.inputs
        }

    def _learn(self, answers: Prediction) -> None:
        """What the first answers show: the task, and how many classes there are."""
        if "label" in answers:
            self._task = Task.CLASSIFICATION
        elif len(answers) == 1 and all(values.ndim == 1 for values in answers.values()):
            self._task = Task.REGRESSION
        likely = answers.get("probabilities")
        if likely is not None and likely.ndim == 2:
            self._classes = tuple(range(likely.shape[1]))


def _ends_in_softmax(model: Any) -> bool:
    """Whether the model's one answer is a probability for each class."""
    import keras

    if len(model.outputs) != 1 or len(model.outputs[0].shape) != 2 or model.outputs[0].shape[1] < 2:
        return False
    last = model.layers[-1]
    return isinstance(last, keras.layers.Softmax) or (
        getattr(last, "activation", None) is keras.activations.softmax
    )


def _by_name(found: Any, names: Sequence[str] | None, *, softmax: bool) -> dict[str, Any]:
    """What a model of Keras returned, by name.   Raises: UnsupportedModel."""
    import tensorflow as tf

    if isinstance(found, tf.Tensor):
        if softmax:
            return {"label": tf.argmax(found, axis=-1), "probabilities": found}
        return {"prediction": found}
    if isinstance(found, Mapping):
        return {str(name): values for name, values in found.items()}
    if isinstance(found, tuple | list):
        names = names or [f"output_{k}" for k in range(len(found))]
        return dict(zip(names, found, strict=True))
    raise UnsupportedModel(
        f"The model returns a {type(found).__name__} that is no tensor of answers.",
        remedy="Return a tensor, a list of tensors, or a dict of tensors by name.",
    )


def _input(name: str, shape: Any, dtype: str) -> Input:
    """An input of which everything but the rows is fixed.   Raises: UnsupportedModel."""
    if dtype not in _DTYPES:
        raise UnsupportedModel(
            f"The model's input {name!r} is {dtype}.",
            remedy="Save it with an input of float32, float64, int32, int64, uint8, bool or "
            "string, and tf.cast it inside the model.",
        )
    sizes = list(shape) if shape is not None and getattr(shape, "rank", 0) is not None else None
    free = bool(sizes) and sizes is not None and sizes[0] is None
    if not free or sizes is None or None in sizes[1:] or not _can_be_served(dtype, sizes):
        raise UnsupportedModel(
            f"The model's input {name!r} is {dtype} of shape "
            f"{'unknown' if sizes is None else ['n' if s is None else s for s in sizes]}.",
            remedy="Save it with a free first dimension, for the rows, and every other size fixed: "
            "pad texts to one length and images to one size. Numbers, booleans, one text a row and "
            "several bytes (uint8) a row can be served.",
        )
    return Input(name, dtype, tuple(sizes[1:]))


def _can_be_served(dtype: str, sizes: Sequence[Any]) -> bool:
    if (dtype == "string" and sizes[1:] not in ([], [1])) or (
        dtype == "uint8" and sizes[1:] in ([], [1])
    ):
        return False
    return len(sizes) <= MAX_RANK + 1 and 0 not in sizes


def _is_double(inputs: Sequence[Input]) -> bool:
    return any(i.dtype == "float64" for i in inputs)


def _fitted(array: Any, wanted: Input) -> Any:
    """Values in the shape and dtype of the input; texts stay what they are."""
    shaped = np.ascontiguousarray(array).reshape(-1, *wanted.shape)
    return shaped if wanted.dtype == "string" else shaped.astype(wanted.dtype, copy=False)


def _array(name: str, values: Any, n: int) -> Any:
    """Answers as an array.   Raises: UnsupportedModel."""
    shape: Any = getattr(values, "shape", ())
    if len(shape) == 0 or not hasattr(values, "numpy") or shape[0] != n:
        raise UnsupportedModel(
            f"The model's output {name!r} has the shape {list(shape)} for {n} rows.",
            remedy="Return one answer for each row, the rows in the first dimension.",
        )
    array = np.asarray(values.numpy())
    if array.dtype == object:  # texts come as bytes
        array = np.array([v.decode("utf-8", "replace") for v in array.ravel()], dtype=object)
        array = array.reshape(tuple(shape))
    elif array.dtype.kind == "c":
        raise UnsupportedModel(
            f"The model's output {name!r} is {array.dtype}.",
            remedy="Return its real and imaginary parts, or its size, as an output each.",
        )
    elif array.dtype.kind not in "biuf" or array.dtype.itemsize == 2:
        array = array.astype(np.float32)  # halves, which numpy knows in part
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
