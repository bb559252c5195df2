"""The words of a model card, in the languages of its readers."""

from __future__ import annotations

from collections.abc import Mapping

from seatrial.training.evaluation.decision import Finding, Kind

_EN = {
    "title": "Model card: {new} against {baseline}",
    "colon": ": ",
    "list": ", ",
    "none": "–",
    "better": "Better",
    "not_worse": "Not worse",
    "worse": "Worse",
    "cannot_tell": "Cannot tell",
    "new": "new version",
    "baseline": "baseline",
    "versions": "The two versions",
    "named": "named",
    "digest": "bundle",
    "framework": "made with",
    "engine": "runs by",
    "size": "size",
    "one": "one row, p50 / p95",
    "many": "{n} rows, p50 / p95",
    "ms": "{p50} / {p95} ms",
    "data": "Data",
    "source": "source",
    "sha256": "SHA-256",
    "label": "label",
    "rows": "rows",
    "compared": "rows compared",
    "unlabelled": "without a label",
    "repeated": "left out, known from training",
    "not_known": "not checked: no training data was given",
    "unanswered": "not answered",
    "unanswered_by": "{new} by the new version, {baseline} by the baseline",
    "unseen": "labels that no version has",
    "classes": "classes",
    "made_at": "made at",
    "metrics": "Metrics",
    "metric": "metric",
    "difference": "new − baseline",
    "interval": "{level} % interval",
    "n": "rows",
    "decides": "{metric} decides; a loss of up to {margin} counts as not worse.",
    "constant": "What answers every row alike reaches {value}.",
    "rightness": "Right on one side only: {new} rows of the new version, {baseline} of the "
    "baseline (McNemar, mid-p: {p}, exact: {exact}).",
    "less": "{metric} (less is better)",
    "segments": "Segments",
    "segments_told": "{metric} in each segment. A segment counts against the version only where a "
    "loss beyond the margin is shown after correction for the number of segments.",
    "segment": "segment",
    "not_judged": "too few rows to judge",
    "calibration": "Calibration",
    "calibration_told": "Stated probability against the share in which it occurred. The expected "
    "calibration error is never 0 by sampling alone; beside it stands what it would be here for "
    "a version whose every probability is right.",
    "ece": "calibration error",
    "ece_if": "if calibrated",
    "rms": "RMS, bias removed",
    "stated": "stated",
    "occurred": "occurred",
    "signature": "Signature",
    "inputs": "inputs",
    "outputs": "outputs",
    "same_signature": "Clients of the baseline notice no difference.",
    "other_signature": "Clients of the baseline would notice",
    "rules": "Rules",
    "rules_told": "Intervals: bootstrap of {n} paired resamples, seed {seed}, risk {alpha}.",
    "guardrails": "Must not be shown to be worse: {named}.",
    "by_column": "{metric} by {column}",
    "allowed": "{metric} (a loss of up to {margin} is allowed)",
    "limits": "Limits: {named}.",
    "latency_limit": "p95 of one row up to {ms} ms",
    "latency_growth": "p95 of one row up to {growth} times the baseline's, or {slack} ms more",
    "size_limit": "up to {size}",
    "size_growth": "up to {growth} times the baseline's size, or {slack} more",
    "unanswered_limit": "up to {share} of the rows unanswered by the new version alone",
    "needed": " About {n} rows would be needed to show that it is not worse.",
    "why": " It says: {why}",
}

_ZH = {
    "title": "模型卡：{new} 对比 {baseline}",
    "colon": "：",
    "list": "、",
    "none": "–",
    "better": "更好",
    "not_worse": "不差",
    "worse": "更差",
    "cannot_tell": "无法判断",
    "new": "新版本",
    "baseline": "基线",
    "versions": "两个版本",
    "named": "名称",
    "digest": "模型包",
    "framework": "制作工具",
    "engine": "运行方式",
    "size": "大小",
    "one": "单行，p50 / p95",
    "many": "{n} 行，p50 / p95",
    "ms": "{p50} / {p95} 毫秒",
    "data": "数据",
    "source": "来源",
    "sha256": "SHA-256",
    "label": "标签",
    "rows": "行数",
    "compared": "参与比较的行",
    "unlabelled": "没有标签",
    "repeated": "训练中出现过，已排除",
    "not_known": "未检查：没有给出训练数据",
    "unanswered": "没有回答",
    "unanswered_by": "新版本 {new} 行，基线 {baseline} 行",
    "unseen": "两个版本都没有的标签",
    "classes": "类别",
    "made_at": "生成时间",
    "metrics": "指标",
    "metric": "指标",
    "difference": "新版本 − 基线",
    "interval": "{level} % 区间",
    "n": "行数",
    "decides": "由{metric}决定；损失不超过 {margin} 视为不差。",
    "constant": "对每一行都给出同一回答可以达到 {value}。",
    "rightness": "只有一方答对：新版本 {new} 行，基线 {baseline} 行"
    "（McNemar 检验，mid-p：{p}，精确：{exact}）。",
    "less": "{metric}（越小越好）",
    "segments": "分段",
    "segments_told": "每个分段的{metric}。只有在按分段数校正之后仍显示损失超过允许的差值，"
    "该分段才算作不利于新版本。",
    "segment": "分段",
    "not_judged": "行数太少，不作判断",
    "calibration": "校准",
    "calibration_told": "给出的概率与实际发生的比例。期望校准误差仅因抽样就不会是 0；"
    "旁边是每个概率都正确的版本在这些行上的期望值。",
    "ece": "校准误差",
    "ece_if": "若完全校准",
    "rms": "均方根，已去偏",
    "stated": "给出的概率",
    "occurred": "实际发生",
    "signature": "签名",
    "inputs": "输入",
    "outputs": "输出",
    "same_signature": "基线的客户端不会察觉差别。",
    "other_signature": "基线的客户端会察觉",
    "rules": "规则",
    "rules_told": "区间：自助法，{n} 次配对重抽样，种子 {seed}，风险 {alpha}。",
    "guardrails": "不得显示变差：{named}。",
    "by_column": "按 {column} 的{metric}",
    "allowed": "{metric}（允许损失 {margin}）",
    "limits": "限制：{named}。",
    "latency_limit": "单行 p95 不超过 {ms} 毫秒",
    "latency_growth": "单行 p95 不超过基线的 {growth} 倍，或多 {slack} 毫秒",
    "size_limit": "不超过 {size}",
    "size_growth": "不超过基线大小的 {growth} 倍，或多 {slack}",
    "unanswered_limit": "仅新版本没有回答的行不超过 {share}",
    "needed": "大约需要 {n} 行才能表明它不差。",
    "why": "它的说明：{why}",
}

_FINDINGS_EN: Mapping[Kind, str] = {
    Kind.PRIMARY_BETTER: "{metric} is {new} instead of {baseline}: better by {gain} "
    "({low} … {high}).",
    Kind.PRIMARY_NOT_WORSE: "{metric} is {new} instead of {baseline}: a gain of {gain} "
    "({low} … {high}), a loss of {margin} would be allowed.",
    Kind.PRIMARY_WORSE: "{metric} is {new} instead of {baseline}: a gain of {gain} "
    "({low} … {high}), below 0 and not within {margin} of it.",
    Kind.PRIMARY_UNCERTAIN: "{metric} is {new} instead of {baseline}: a gain of {gain} "
    "({low} … {high}), which may be a loss of more than {margin}.",
    Kind.PRIMARY_UNDEFINED: "{metric} is not defined for these {n} rows, or for many of their "
    "resamples.",
    Kind.TOO_FEW_ROWS: "{n} rows can be compared; the rules ask for {least}.",
    Kind.ONE_CLASS: "All {n} labels are {value}: nothing shows whether classes are told apart.",
    Kind.BELOW_CONSTANT: "{metric} is {new}; what answers every row alike reaches {constant}.",
    Kind.PERHAPS_BELOW_CONSTANT: "{metric} is {new}; what answers every row alike reaches "
    "{constant}, which may be by chance.",
    Kind.GUARDRAIL_WORSE: "{metric} is {new} instead of {baseline}: a loss of more than {margin} "
    "is shown (p: {p_value}).",
    Kind.GUARDRAIL_UNDEFINED: "{metric}, which must not be worse, is not defined for these {n} "
    "rows.",
    Kind.SEGMENT_WORSE: "Where {segment} ({n} rows), {metric} is {new} instead of {baseline}: a "
    "loss of more than {margin} is shown (p: {p_value}).",
    Kind.UNANSWERED: "{n_new} of {n} rows got no answer from the new version, {n_baseline} from "
    "the baseline.",
    Kind.LATENCY_LIMIT: "The p95 of one row is {new_ms} ms; {limit_ms} ms are allowed.",
    Kind.LATENCY_GROWTH: "The p95 of one row is {new_ms} ms instead of {baseline_ms} ms; "
    "{growth} times as long is allowed.",
    Kind.SIZE_LIMIT: "The bundle holds {new} bytes; {limit} are allowed.",
    Kind.SIZE_GROWTH: "The bundle holds {new} bytes instead of {baseline}; {growth} times as many "
    "are allowed.",
}

_FINDINGS_ZH: Mapping[Kind, str] = {
    Kind.PRIMARY_BETTER: "{metric}为 {new}，基线为 {baseline}：好 {gain}（{low} … {high}）。",
    Kind.PRIMARY_NOT_WORSE: "{metric}为 {new}，基线为 {baseline}：增益 {gain}"
    "（{low} … {high}），允许损失 {margin}。",
    Kind.PRIMARY_WORSE: "{metric}为 {new}，基线为 {baseline}：增益 {gain}"
    "（{low} … {high}），低于 0，且不在 {margin} 以内。",
    Kind.PRIMARY_UNCERTAIN: "{metric}为 {new}，基线为 {baseline}：增益 {gain}"
    "（{low} … {high}），损失可能超过 {margin}。",
    Kind.PRIMARY_UNDEFINED: "{metric}在这 {n} 行或其许多重抽样上没有定义。",
    Kind.TOO_FEW_ROWS: "只有 {n} 行可以比较；规则要求 {least} 行。",
    Kind.ONE_CLASS: "全部 {n} 个标签都是 {value}：看不出能否区分类别。",
    Kind.BELOW_CONSTANT: "{metric}为 {new}；对每一行都给出同一回答可以达到 {constant}。",
    Kind.PERHAPS_BELOW_CONSTANT: "{metric}为 {new}；对每一行都给出同一回答可以达到 {constant}，"
    "这可能是偶然。",
    Kind.GUARDRAIL_WORSE: "{metric}为 {new}，基线为 {baseline}：损失超过 {margin} 已得到证实"
    "（p：{p_value}）。",
    Kind.GUARDRAIL_UNDEFINED: "不得变差的{metric}在这 {n} 行上没有定义。",
    Kind.SEGMENT_WORSE: "在 {segment}（{n} 行），{metric}为 {new}，基线为 {baseline}："
    "损失超过 {margin} 已得到证实（p：{p_value}）。",
    Kind.UNANSWERED: "{n} 行中，新版本有 {n_new} 行没有回答，基线有 {n_baseline} 行。",
    Kind.LATENCY_LIMIT: "单行的 p95 为 {new_ms} 毫秒；允许 {limit_ms} 毫秒。",
    Kind.LATENCY_GROWTH: "单行的 p95 为 {new_ms} 毫秒，基线为 {baseline_ms} 毫秒；"
    "允许 {growth} 倍。",
    Kind.SIZE_LIMIT: "模型包有 {new} 字节；允许 {limit} 字节。",
    Kind.SIZE_GROWTH: "模型包有 {new} 字节，基线有 {baseline} 字节；允许 {growth} 倍。",
}

_METRICS_EN = {
    "accuracy": "accuracy",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "precision_macro": "precision, mean over classes",
    "recall_macro": "recall, mean over classes",
    "f1_macro": "F1, mean over classes",
    "auc": "AUC",
    "average_precision": "average precision",
    "log_loss": "log loss",
    "brier": "Brier score",
    "mae": "mean absolute error",
    "rmse": "RMSE",
    "r2": "R²",
}

_METRICS_ZH = {
    "accuracy": "准确率",
    "precision": "精确率",
    "recall": "召回率",
    "f1": "F1",
    "precision_macro": "精确率（各类平均）",
    "recall_macro": "召回率（各类平均）",
    "f1_macro": "F1（各类平均）",
    "auc": "AUC",
    "average_precision": "平均精确率",
    "log_loss": "对数损失",
    "brier": "Brier 分数",
    "mae": "平均绝对误差",
    "rmse": "均方根误差",
    "r2": "R²",
}

_WORDS: Mapping[str, Mapping[str, str]] = {"en": _EN, "zh": _ZH}
_FINDINGS = {"en": _FINDINGS_EN, "zh": _FINDINGS_ZH}
_METRICS = {"en": _METRICS_EN, "zh": _METRICS_ZH}

_WHOLE = frozenset({"n", "least", "n_new", "n_baseline", "limit"})


def words(language: str) -> Mapping[str, str]:
    """The words of a language, ``en`` or ``zh``."""
    return _WORDS[language]


def metric_name(metric: str, language: str) -> str:
    """A metric as people call it; one of the user's by its own name."""
    return _METRICS[language].get(metric, metric)


def metric_names(language: str) -> Mapping[str, str]:
    """What people call the metrics that seatrial knows."""
    return _METRICS[language]


def finding_forms(language: str) -> Mapping[Kind, str]:
    """The sentences of findings, with places for their facts."""
    return _FINDINGS[language]


def finding_said(finding: Finding, language: str) -> str:
    """A finding in a sentence or two, as plain text."""
    w = words(language)
    facts = {name: _shown(name, value) for name, value in finding.facts.items()}
    if "metric" in facts:
        facts["metric"] = metric_name(str(finding.facts["metric"]), language)
    if "column" in facts:
        facts["segment"] = segment_said(facts["column"], facts["value"])
    said = _FINDINGS[language][finding.kind].format(**facts)
    if finding.facts.get("n_needed") is not None:
        said += w["needed"].format(n=f"{finding.facts['n_needed']:,}")
    if finding.facts.get("why"):
        said += w["why"].format(why=finding.facts["why"])
    return said


def segment_said(column: str, value: str) -> str:
    """A segment as people call it."""
    return f"{column} {value}" if value.startswith(("<= ", "> ")) else f"{column} = {value}"


def number(value: float) -> str:
    """A number in four digits."""
    return f"{value:.4g}" if value == value else "–"  # noqa: PLR0124 - NaN


def signed(value: float) -> str:
    """A difference in three digits, with its sign."""
    return f"{value + 0.0:+.3g}" if value == value else "–"  # noqa: PLR0124 - NaN


def chance(p_value: float) -> str:
    """A p-value in two digits; very small ones are not told apart."""
    return f"{p_value:.2g}" if p_value >= _LEAST_CHANCE else f"< {_LEAST_CHANCE:g}"


_LEAST_CHANCE = 0.0001
_SIGNED = frozenset({"gain", "low", "high"})


def _shown(name: str, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if name in _WHOLE or isinstance(value, int):
        return f"{value:,}"
    if name in _SIGNED:
        return signed(float(value))
    return chance(float(value)) if name == "p_value" else number(float(value))
