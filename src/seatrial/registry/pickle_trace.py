"""Reading a pickle without running it: which objects does it import?

The standard library's own Python unpickler walks the opcodes, so memo tricks, computed names and
the extension registry resolve here exactly as they would when loading; but every import yields an
inert stand-in, and building, calling and filling stand-ins does nothing. joblib's array bytes,
which stand between the opcodes, are skipped as joblib would read them. Loading is guarded again by
the same rules (`adapters/native/pickles.py`), so a stream that reads differently there still
imports nothing that is not allowed.
"""

from __future__ import annotations

import pickle
import re
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, ClassVar, Final

import numpy as np

from seatrial.registry.allowed import BOOSTERS, UFUNC_RECONSTRUCT, Import, named

_KEPT_BYTES: Final = 1 << 16
_CHUNK_BYTES: Final = 1 << 20
_ARRAY: Final = Import("joblib.numpy_pickle", "NumpyArrayWrapper")
_DTYPE: Final = Import("numpy", "dtype")
_PLAIN_DTYPE: Final = re.compile(r"[<>=|]?([biufcSUVmM]\d+|[?OSUV])")


class Untraceable(Exception):
    """The stream is no pickle, or breaks off; `scan` makes a named error of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What a pickle would do.

    Args:
        imports: every object it would import, sorted.
        joblib_arrays: whether array bytes stand between its opcodes.
        computed: whether an import's name is the result of a call, so it cannot be known.
        opens_files: whether it calls a class that reads the file its arguments name.
    """

    imports: tuple[Import, ...]
    joblib_arrays: bool
    computed: bool
    opens_files: bool


def trace(stream: BinaryIO, *, references: bool = False) -> Trace:
    """Walk one pickle in ``stream`` and list its imports. Memory is bounded by its structure.

    Args: references: whether it may refer to objects kept beside it, as PyTorch's tensors are.

    Raises: Untraceable, and whatever reading the stream raises (ModelTooLarge for a bounded one).
    """
    tracer = _Tracer(stream, references=references)
    try:
        tracer.load()
    except _BROKEN as error:
        raise Untraceable(str(error) or type(error).__name__) from error
    return Trace(
        imports=tuple(sorted(tracer.imports)),
        joblib_arrays=tracer.joblib_arrays,
        computed=tracer.computed,
        opens_files=tracer.opens_files,
    )


_BROKEN = (
    pickle.UnpicklingError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)


class _Inert:
    """Stands for an import, or for anything made from one. Does nothing whatever is done to it."""

    __slots__ = ("arguments", "made_by", "origin", "state")

    def __init__(
        self, origin: Import | None, made_by: object = None, arguments: object = ()
    ) -> None:
        self.origin = origin
        self.made_by = made_by
        self.arguments = arguments
        self.state: object = None

    def is_a(self, wanted: Import) -> bool:
        """Whether this was made by calling, or instantiating, ``wanted``."""
        return isinstance(self.made_by, _Inert) and self.made_by.origin == wanted


class _Tracer(pickle._Unpickler):  # the pure Python one: joblib too builds on it
    dispatch: ClassVar[dict[int, Callable[..., None]]] = dict(pickle._Unpickler.dispatch)

    stack: list[object]
    read: Callable[[int], bytes]
    readline: Callable[[], bytes]
    pop_mark: Callable[[], list[object]]

    def __init__(self, stream: BinaryIO, *, references: bool = False) -> None:
        super().__init__(stream)
        self._references = references
        self._stream = stream
        self.proto = 0
        self.imports: set[Import] = set()
        self.joblib_arrays = False
        self.computed = False
        self.opens_files = False

    def find_class(self, module_name: str, global_name: str, /) -> _Inert:
        wanted = named(module_name, global_name)
        self.imports.add(wanted)
        return _Inert(wanted)

    def persistent_load(self, pid: object) -> object:
        del pid
        if self._references:
            return _Inert(None)
        raise pickle.UnpicklingError("it refers to objects kept elsewhere (persistent ids)")

    def get_extension(self, code: int) -> None:
        raise pickle.UnpicklingError(f"it uses extension code {code}, which names no import")

    def _make(self, maker: object, arguments: object) -> None:
        origin = maker.origin if isinstance(maker, _Inert) else None
        if origin in UFUNC_RECONSTRUCT:
            self._note_ufunc(arguments)
        if origin in BOOSTERS and arguments != ():
            self.opens_files = True
        self.stack.append(_Inert(None, maker, arguments))

    def _note_ufunc(self, arguments: object) -> None:
        match arguments:
            case (str() as module, str() as name):
                self.imports.add(named(module, name))
            case _:
                self.computed = True

    def load_reduce(self) -> None:
        arguments = self.stack.pop()
        self._make(self.stack.pop(), arguments)

    def load_newobj_ex(self) -> None:
        self.stack.pop()
        self.load_reduce()

    def load_obj(self) -> None:
        arguments = self.pop_mark()
        self._make(arguments.pop(0), tuple(arguments))

    def load_inst(self) -> None:
        module = self.readline()[:-1].decode("ascii")
        name = self.readline()[:-1].decode("ascii")
        arguments = tuple(self.pop_mark())
        self._make(self.find_class(module, name), arguments)

    def load_stack_global(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if isinstance(module, str) and isinstance(name, str):
            self.stack.append(self.find_class(module, name))
        else:
            self.computed = True
            self.stack.append(_Inert(None))

    def load_build(self) -> None:
        state = self.stack.pop()
        target = self.stack[-1]
        if isinstance(target, _Inert):
            target.state = state
            if target.is_a(_ARRAY):
                self._skip_array(state)

    def load_append(self) -> None:
        value, target = self.stack.pop(), self.stack[-1]
        if isinstance(target, list):
            target.append(value)

    def load_appends(self) -> None:
        values, target = self.pop_mark(), self.stack[-1]
        if isinstance(target, list):
            target.extend(values)

    def load_setitem(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._set(key, value)

    def load_setitems(self) -> None:
        items = self.pop_mark()
        for at in range(0, len(items) - 1, 2):
            self._set(items[at], items[at + 1])

    def _set(self, key: object, value: object) -> None:
        target = self.stack[-1]
        if isinstance(target, dict) and isinstance(key, str):
            target[key] = value

    def load_additems(self) -> None:
        self.pop_mark()

    def load_frozenset(self) -> None:
        self.pop_mark()
        self.stack.append(frozenset())

    def load_dict(self) -> None:
        items = self.pop_mark()
        self.stack.append({})
        for at in range(0, len(items) - 1, 2):
            self._set(items[at], items[at + 1])

    def load_next_buffer(self) -> None:
        raise pickle.UnpicklingError("its buffers are kept elsewhere (out-of-band)")

    def load_readonly_buffer(self) -> None:
        raise pickle.UnpicklingError("its buffers are kept elsewhere (out-of-band)")

    def _sized(self, size_format: str, width: int) -> bytes:
        (size,) = struct.unpack(size_format, self.read(width))
        if size > sys.maxsize:
            raise pickle.UnpicklingError(f"an element claims {size} bytes")
        if size <= _KEPT_BYTES:
            return bytes(self.read(size))
        self._skip(self.read, size)
        return b""

    @staticmethod
    def _skip(read: Callable[[int], bytes], size: int) -> None:
        while size > 0:
            part = read(min(size, _CHUNK_BYTES))
            if not part:
                raise EOFError("it ends inside an element")
            size -= len(part)

    def load_binbytes(self) -> None:
        self.stack.append(self._sized("<I", 4))

    def load_binbytes8(self) -> None:
        self.stack.append(self._sized("<Q", 8))

    def load_binunicode(self) -> None:
        self.stack.append(str(self._sized("<I", 4), "utf-8", "surrogatepass"))

    def load_binunicode8(self) -> None:
        self.stack.append(str(self._sized("<Q", 8), "utf-8", "surrogatepass"))

    def _skip_array(self, state: object) -> None:
        if not isinstance(state, dict):
            raise pickle.UnpicklingError("an array without a description")
        self.joblib_arrays = True
        dtype = state.get("dtype")
        if _holds_objects(dtype):
            self._trace_nested()
            return
        size = _itemsize(dtype) * _count(state.get("shape"))
        if state.get("numpy_array_alignment_bytes") is not None:
            (padding,) = self._stream.read(1)
            self._skip(self._stream.read, padding)
        self._skip(self._stream.read, size)

    def _trace_nested(self) -> None:
        nested = _Tracer(self._stream)
        nested.load()
        self.imports |= nested.imports
        self.computed |= nested.computed
        self.opens_files |= nested.opens_files

    dispatch[pickle.REDUCE[0]] = load_reduce
    dispatch[pickle.NEWOBJ[0]] = load_reduce
    dispatch[pickle.NEWOBJ_EX[0]] = load_newobj_ex
    dispatch[pickle.OBJ[0]] = load_obj
    dispatch[pickle.INST[0]] = load_inst
    dispatch[pickle.STACK_GLOBAL[0]] = load_stack_global
    dispatch[pickle.BUILD[0]] = load_build
    dispatch[pickle.APPEND[0]] = load_append
    dispatch[pickle.APPENDS[0]] = load_appends
    dispatch[pickle.SETITEM[0]] = load_setitem
    dispatch[pickle.SETITEMS[0]] = load_setitems
    dispatch[pickle.ADDITEMS[0]] = load_additems
    dispatch[pickle.FROZENSET[0]] = load_frozenset
    dispatch[pickle.DICT[0]] = load_dict
    dispatch[pickle.NEXT_BUFFER[0]] = load_next_buffer
    dispatch[pickle.READONLY_BUFFER[0]] = load_readonly_buffer
    dispatch[pickle.BINBYTES[0]] = load_binbytes
    dispatch[pickle.BINBYTES8[0]] = load_binbytes8
    dispatch[pickle.BYTEARRAY8[0]] = load_binbytes8
    dispatch[pickle.BINUNICODE[0]] = load_binunicode
    dispatch[pickle.BINUNICODE8[0]] = load_binunicode8


def _dtype_code(dtype: object) -> str:
    match dtype:
        case _Inert(arguments=(str() as code, *_)) if dtype.is_a(_DTYPE):
            return code
    raise pickle.UnpicklingError("an array without a known element type")


def _holds_objects(dtype: object) -> bool:
    """Whether joblib would write the elements as a nested pickle: object, or a record with one."""
    code = _dtype_code(dtype)
    if code.lstrip("<>=|").startswith("O"):
        return True
    assert isinstance(dtype, _Inert)
    fields = dtype.state[4] if isinstance(dtype.state, tuple) and len(dtype.state) > 4 else None
    if not isinstance(fields, dict):
        return False
    return any(isinstance(f, tuple) and f and _holds_objects(f[0]) for f in fields.values())


def _itemsize(dtype: object) -> int:
    code = _dtype_code(dtype)
    if not _PLAIN_DTYPE.fullmatch(code):
        raise pickle.UnpicklingError(f"an array of elements {code!r}")
    return int(np.dtype(code).itemsize)


def _count(shape: object) -> int:
    if not isinstance(shape, tuple):
        raise pickle.UnpicklingError("an array without a shape")
    count = 1
    for length in shape:
        if not isinstance(length, int) or length < 0:
            raise pickle.UnpicklingError(f"an array of shape {shape!r}")
        count *= length
    return count
