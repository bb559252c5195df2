"""The words of the segments section, in the languages of the console."""

from __future__ import annotations

from collections.abc import Mapping

EN: Mapping[str, str] = {
    "segments": "Segments",
    "segments.of": "by {columns}",
    "segments.other": "all other values",
    "segments.missing": "no value",
    "segments.new": "values the reference does not know",
    "segments.window": "Newest window of logged predictions:",
    "segments.filling": "{n} logged rows in the window under way",
    "segments.none_yet": "No window of logged predictions is complete yet.",
    "segments.calm": "Nothing is shown in {n} other segments.",
    "segments.more": "And {n} more: nothing is shown in them, or their rows are too few.",
    "segments.few_rows": "{n} segments have too few rows to be compared.",
    "segments.no_reference": "{n} rows; the reference has none, so nothing is compared.",
    "segments.performance": "Performance by segment",
    "segments.segment": "Segment",
    "segments.estimated": "Estimated",
    "segments.measured": "By labels",
    "segments.reference": "Reference",
    "segments.drop": "Drop",
    "segments.of_whole": "of the whole",
    "segments.rows": "Rows",
    "segments.rest": "{n} other segments, none of which got worse for sure",
    "segments.adjusted": (
        "A segment is called worse on evidence that comes by chance at most once in the budget of "
        "windows, over all segments together."
    ),
    "segments.unjudged": "No segment has rows enough to be judged yet.",
    "segments.worse": "Worse in {n} of {all} segments: {named}.",
    "segments.and_more": " and {n} more",
    "segments.contradicted": (
        "Labels contradict the scores, so nothing is estimated of segments: see those by labels."
    ),
}

ZH: Mapping[str, str] = {
    "segments": "分组",
    "segments.of": "按 {columns}",
    "segments.other": "其他取值合计",
    "segments.missing": "缺失值",
    "segments.new": "参考数据中没有的取值",
    "segments.window": "最新的预测日志窗口：",
    "segments.filling": "当前窗口已有 {n} 行日志",
    "segments.none_yet": "还没有完整的预测日志窗口。",
    "segments.calm": "其余 {n} 个分组没有发现问题。",
    "segments.more": "另有 {n} 个分组未列出：没有发现问题，或行数太少。",
    "segments.few_rows": "{n} 个分组行数太少，无法比较。",
    "segments.no_reference": "{n} 行；参考数据中没有该分组，因此不作比较。",
    "segments.performance": "各分组的模型性能",
    "segments.segment": "分组",
    "segments.estimated": "估计值",
    "segments.measured": "按标签",
    "segments.reference": "参考值",
    "segments.drop": "下降",
    "segments.of_whole": "全体",
    "segments.rows": "行数",
    "segments.rest": "其余 {n} 个分组，均未确定变差",
    "segments.adjusted": (
        "只有当证据强到就所有分组合计、偶然出现的频率不超过误报预算时，才认定某个分组变差。"
    ),
    "segments.unjudged": "还没有行数足以判断的分组。",
    "segments.worse": "{all} 个分组中有 {n} 个变差：{named}。",
    "segments.and_more": "，另有 {n} 个",
    "segments.contradicted": "标签与分数矛盾，因此不估计各分组的性能：请看按标签的一栏。",
}
