"""The plain loop that scoring is measured beside: read, call ONNX Runtime, write.

python benchmarks/batch_loop.py GRAPH DATA INTO    prints its seconds, and those of the processor

It checks nothing and keeps nothing apart; its session has all cores, as it has by default. Loading
libraries is not timed.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv
from pyarrow import json as arrow_json

BATCH_ROWS = 50_000
_BLOCK = 4 << 20


class JsonLines:
    """Rows as JSON objects, one a line."""

    def __init__(self, into: str, _schema: Any) -> None:
        self._file = Path(into).open("wb")  # noqa: SIM115

    def write_table(self, table: Any) -> None:
        """Append rows."""
        option = orjson.OPT_APPEND_NEWLINE
        self._file.writelines(orjson.dumps(row, option=option) for row in table.to_pylist())

    def close(self) -> None:
        """Write what is left."""
        self._file.close()


READERS: Mapping[str, Callable[[str], Iterable[Any]]] = {
    ".parquet": lambda data: pq.ParquetFile(data).iter_batches(BATCH_ROWS),
    ".csv": lambda data: csv.open_csv(data, read_options=csv.ReadOptions(block_size=_BLOCK)),
    ".jsonl": lambda data: arrow_json.open_json(
        data, read_options=arrow_json.ReadOptions(block_size=_BLOCK)
    ),
}
WRITERS: Mapping[str, Callable[[str, Any], Any]] = {
    ".parquet": lambda into, schema: pq.ParquetWriter(into, schema, compression="zstd"),
    ".csv": csv.CSVWriter,
    ".jsonl": JsonLines,
}


def main(graph: str, data: str, into: str) -> None:
    """Score a file."""
    session = onnxruntime.InferenceSession(graph)
    name, outputs = session.get_inputs()[0].name, [o.name for o in session.get_outputs()]
    pa.array(np.zeros(1)).to_numpy()  # loads pandas
    begun, cpu, writer = time.perf_counter(), time.process_time(), None
    for batch in READERS[Path(data).suffix](data):
        rows = np.stack([c.to_numpy() for c in batch.columns], axis=1).astype(np.float32)
        columns: dict[str, Any] = {}
        for output, values in zip(outputs, session.run(None, {name: rows}), strict=True):
            flat = values.reshape(len(values), -1)
            columns |= {f"{output}.{i}": flat[:, i] for i in range(flat.shape[1])}
        table = pa.table(columns)
        writer = writer or WRITERS[Path(into).suffix](into, table.schema)
        writer.write_table(table)
    assert writer is not None
    writer.close()
    spent = {"seconds": time.perf_counter() - begun, "cpu_seconds": time.process_time() - cpu}
    print(json.dumps(spent))


if __name__ == "__main__":
    main(*sys.argv[1:])
