"""The page of the comparison, and the small tables of both READMEs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from benchmarks.engines.goals import evaluate
from benchmarks.engines.kept import Measured
from benchmarks.engines.loads import PARTS, load
from benchmarks.engines.quantised import Quantised
from benchmarks.serving import chinese
from benchmarks.serving.medians import Cell, Medians, summarise
from benchmarks.serving.report import BUSY_SHARE_LIMIT
from benchmarks.serving.scenario import Model

LANGUAGES = ("en", "zh")
_MODEL = {"small": Model.GBDT, "net": Model.NET, "int8": Model.NET_INT8}
_HEAD = {
    "en": (
        "",
        "small model<br>requests/s (p99 ms)",
        "net<br>requests/s (p99 ms)",
        "start s",
        "memory MB",
    ),
    "zh": (
        "",
        "小模型<br>请求/秒（p99，ms）",
        "神经网络<br>请求/秒（p99，ms）",
        "启动（秒）",
        "内存（MB）",
    ),
}
_CHINESE = {
    "by hand": "手写",
    ", gRPC": "（gRPC）",
    " in front of Triton": " 前置于 Triton",
    " (our archive)": "（用本项目的归档）",
    " (Python backend, ONNX)": "（Python 后端）",
    " (ONNX, custom runtime)": "（自定义运行时）",
}


def tables(parts: Mapping[str, Measured]) -> str:
    """Everything, of the parts there are."""
    found = {name: summarise(m.outcomes, _MODEL[name]) for name, m in parts.items()}
    text = [_headings(parts)]
    for name, measured in parts.items():
        text += _load_tables(name, measured, found[name])
    text.append(_weights(parts, found))
    if "int8" in parts:
        text.append(_quantised(parts["int8"].quantised))
    # of the full net, which stands beside the int8 one too, the part with all engines counts
    ordered = sorted(found, key=lambda name: name != "int8")
    text.append(_goals({key: cell for name in ordered for key, cell in found[name].cells.items()}))
    lost = [
        f"- {m.titles.get(f.peer, f.peer)} ({f.what}): {f.reason}"
        for name, m in parts.items()
        for f in found[name].failures
    ]
    if lost:
        text.append("**Without figures**\n\n" + "\n".join(dict.fromkeys(lost)))
    n_checked = sum(cell.n_checked for one in found.values() for cell in one.cells.values())
    text.append(f"{n_checked:,} answers were compared with the model's own.")
    text.append(_versions(parts))
    return "\n\n".join(text) + "\n"


def summary(parts: Mapping[str, Measured], language: str = "en") -> str:
    """One small table for a front page: one row a request from 16 clients."""
    lines = []
    found = {name: summarise(parts[name].outcomes, _MODEL[name]) for name in ("small", "net")}
    net = found["net"]
    for name, title in _titles(parts).items():
        cells = [
            found[part].cells.get((name, load(_MODEL[part], 1, 16).name))
            for part in ("small", "net")
        ]
        if any(cells):
            figures = [_number(net.cold_start_s.get(name), 1), _number(net.loaded_mb.get(name), 0)]
            lines.append([_said(title, language), *map(_rate_and_p99, cells), *figures])
    return _table(_HEAD[language], lines) + "\n\n" + _short_heading(parts["net"], language)


def _said(title: str, language: str) -> str:
    if language == "zh":
        for english, ours in _CHINESE.items():
            title = title.replace(english, ours)
    return title


def _short_heading(measured: Measured, language: str) -> str:
    quiet = measured.machine.busy_share <= BUSY_SHARE_LIMIT
    if language == "zh":
        lines = [
            f"测试机器：{chinese.machine(measured.machine.description)}；16 个客户端，"
            "每个请求 1 行。启动与内存是运行神经网络时的数字。"
        ]
        warning = "**机器当时不空闲，这些数字只说明能跑通。**"
    else:
        lines = [
            f"On {measured.machine.description}; 16 clients, 1 row a request. Start and memory "
            "are those with the net."
        ]
        warning = "**The machine was not quiet: a smoke test, not a measurement.**"
    return " ".join([*lines, *([] if quiet else [warning])])


def _headings(parts: Mapping[str, Measured]) -> str:
    told: dict[str, list[str]] = {}
    for name, measured in parts.items():
        told.setdefault(_heading(measured), []).append(name)
    if len(told) == 1:
        return next(iter(told))
    return "\n\n".join(f"{text} ({', '.join(names)})" for text, names in told.items())


def _heading(measured: Measured) -> str:
    s, machine = measured.settings, measured.machine
    rounds = f"medians of {s.rounds} rounds in turns" if s.rounds > 1 else "one round"
    text = (
        f"Measured on {machine.description}, {measured.day}; {rounds}, {s.duration_s:g} s a load."
    )
    if machine.busy_share > BUSY_SHARE_LIMIT:
        text += (
            f" **The machine was not quiet: {machine.busy_share:.0%} of it was busy before the "
            "run. These figures are a smoke test, not a measurement.**"
        )
    return text


def _load_tables(name: str, measured: Measured, medians: Medians) -> list[str]:
    """One table for each model and number of rows, both numbers of clients side by side."""
    by_rows = {(s.model, s.rows): s.title for s in PARTS[name].scenarios}
    text = []
    for (model, rows), title in by_rows.items():
        lines = []
        for peer, called in measured.titles.items():
            one, many = (medians.cells.get((peer, load(model, rows, c).name)) for c in (1, 16))
            if one is not None or many is not None:
                errors = sum(cell.n_errors for cell in (one, many) if cell is not None)
                n = sum(cell.n_requests for cell in (one, many) if cell is not None)
                cpu = _number(many.cpu_ms if many else None, 2)
                figures = [*_columns(one), *_columns(many), cpu, f"{errors:,} of {n:,}"]
                lines.append((many.rate if many else 0.0, [called, *figures]))
        lines.sort(key=lambda line: line[0], reverse=True)
        what = f"{PARTS[name].title}, {title}"
        if name == "int8":
            what += ", full" if model is Model.NET else ", int8"
        head = ["", "1 client: requests/s", "p50 ms", "p99 ms"]
        head += ["16 clients: requests/s", "p50 ms", "p99 ms", "CPU ms a request", "errors"]
        text.append(f"**{what}**\n\n" + _table(head, [line for _, line in lines]))
    return text


def _columns(cell: Cell | None) -> list[str]:
    if cell is None:
        return ["-", "-", "-"]
    if not cell.rate:
        return ["0", "-", "-"]
    return [f"{cell.rate:,.0f}", f"{cell.p50_ms:.2f}", f"{cell.p99_ms:.2f}"]


def _rate_and_p99(cell: Cell | None) -> str:
    return "-" if cell is None else f"{cell.rate:,.0f} ({cell.p99_ms:.2f})"


def _weights(parts: Mapping[str, Measured], found: Mapping[str, Medians]) -> str:
    names = [name for name in ("small", "net") if name in parts]
    head = [""]
    for name in names:
        head += [f"{name}: start to first answer, s", "memory then, MB", "after its loads, MB"]
    lines = []
    for peer, title in _titles(parts).items():
        figures: list[str] = []
        for name in names:
            m = found[name]
            figures += [
                _number(m.cold_start_s.get(peer), 2),
                _number(m.memory_mb.get(peer), 0),
                _number(m.loaded_mb.get(peer), 0),
            ]
        if set(figures) - {"-"}:
            lines.append([title, *figures])
    return "**Start and memory of all processes**\n\n" + _table(head, lines)


def _quantised(graphs: Sequence[Quantised]) -> str:
    head = [
        "",
        "MB",
        "1 row, ms",
        "64 rows, ms",
        "numbers move by",
        "labels that differ",
        "accuracy",
    ]
    lines, refused = [], []
    for graph in graphs:
        if graph.record is None:
            refused.append(f"- {graph.title}: {graph.refusal}")
            continue
        r = graph.record
        accuracy = " to ".join(f"{x:.4f}" for x in r["accuracy"]) if r["accuracy"] else "-"
        lines.append(
            [
                graph.title,
                " to ".join(f"{n / 1e6:,.3g}" for n in r["n_bytes"]),
                _both(r["seconds"], 1),
                _both(r["seconds"], 64),
                f"at most {r['largest']:.2g}",
                f"{r['n_labels']} of {r['n_rows']}",
                accuracy,
            ]
        )
    title = "**`seatrial export --int8`: full, then int8**"
    text = [title, _table(head, lines)]
    return "\n\n".join([*text, *(["\n".join(refused)] if refused else [])])


def _both(seconds: Mapping[str, Sequence[float]], rows: int) -> str:
    before, after = seconds.get(str(rows), (None, None))
    if before is None or after is None:
        return "-"
    return f"{before * 1e3:.3g} to {after * 1e3:.3g} ({before / after:.2f}x)"


def _goals(cells: Mapping[tuple[str, str], Cell]) -> str:
    lines = [[goal.title, goal.measured, goal.result] for goal in evaluate(cells)]
    return "**Goals**\n\n" + _table(["goal", "measured", ""], lines)


def _versions(parts: Mapping[str, Measured]) -> str:
    titles, found = _titles(parts), {}
    for measured in parts.values():
        found |= measured.versions
    lines = [
        f"- {title}: {', '.join(f'{p} {v}' for p, v in found[name].items())}"
        for name, title in titles.items()
        if name in found
    ]
    return "Versions:\n\n" + "\n".join(lines)


def _titles(parts: Mapping[str, Measured]) -> dict[str, str]:
    titles: dict[str, str] = {}
    for measured in parts.values():
        titles |= measured.titles
    return titles


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
