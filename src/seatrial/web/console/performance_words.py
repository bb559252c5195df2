"""The words of the performance section, in the languages of the console."""

from __future__ import annotations

from collections.abc import Mapping

EN: Mapping[str, str] = {
    "performance": "Performance",
    "performance.estimated": "estimated",
    "performance.then": "estimated when the window ended",
    "performance.interval": "its interval",
    "performance.real": "by labels",
    "performance.reference": "reference",
    "performance.chart": "Estimated and real performance by window, against the reference",
    "performance.metric.accuracy": "Accuracy",
    "performance.metric.mae": "Mean absolute error",
    "performance.metric.rmse": "Root mean squared error",
    "performance.metric.precision": "Precision",
    "performance.metric.recall": "Recall",
    "performance.metric.f1": "F1",
    "performance.metric.auc": "ROC AUC",
    "performance.metric": "Metric",
    "performance.from_scores": "estimated from scores alone",
    "performance.drop": "worse by",
    "performance.worse": "{metric} got worse: {how} {value}, reference {reference}.",
    "performance.labels_only": (
        "The model gives nothing to estimate its performance from: labels alone show it."
    ),
    "performance.no_label_here": "No row has a label.",
    "performance.flatters.rows": (
        "Nobody said that the model was not trained on the reference; on what it was trained on it "
        "does better than it ever will again. Say `holdout: true` under reference if it was not."
    ),
    "performance.rests": "The estimate rests on {n} logged predictions.",
    "performance.labels": "{n} of {of} logged predictions have labels.",
    "performance.waiting": "{n} labels wait for their prediction to be logged.",
    "performance.no_estimate": "No logged prediction with a usable score yet.",
    "performance.no_labels": "No labels yet: hand them in with `seatrial labels add`.",
    "performance.flatters": (
        "The reference is the training sample, on which a model does better than it ever will "
        "again: deploy with --holdout to compare with rows it has not seen."
    ),
    "trust.unverified": "The estimate is unverified: no recent label confirms it.",
    "trust.confirmed": "The estimate can be trusted: the newest labels agree with it.",
    "trust.contradicted": (
        "Do not trust the estimate from scores alone: labels contradict it. What is shown is "
        "corrected by them."
    ),
}

ZH: Mapping[str, str] = {
    "performance": "模型性能",
    "performance.estimated": "估计值",
    "performance.then": "窗口结束时的估计值",
    "performance.interval": "估计区间",
    "performance.real": "按标签",
    "performance.reference": "参考值",
    "performance.worse": "{metric}变差：{how} {value}，参考值 {reference}。",
    "performance.chart": "各窗口的估计性能与真实性能，对照参考值",
    "performance.metric.accuracy": "准确率",
    "performance.metric.mae": "平均绝对误差",
    "performance.metric.rmse": "均方根误差",
    "performance.metric.precision": "精确率",
    "performance.metric.recall": "召回率",
    "performance.metric.f1": "F1",
    "performance.metric.auc": "ROC AUC",
    "performance.metric": "指标",
    "performance.from_scores": "仅凭分数的估计",
    "performance.drop": "变差",
    "performance.labels_only": "模型没有给出可用于估计性能的信息：只有标签能说明其表现。",
    "performance.no_label_here": "没有任何一行带有标签。",
    "performance.flatters.rows": (
        "没有说明模型是否见过参考数据；在训练过的数据上，模型的表现优于今后任何时候。"
        "若未用于训练，请在 reference 下写 `holdout: true`。"
    ),
    "performance.rests": "估计依据 {n} 条记录的预测。",
    "performance.labels": "已记录的 {of} 条预测中有 {n} 条已有标签。",
    "performance.waiting": "有 {n} 个标签在等待对应的预测写入日志。",
    "performance.no_estimate": "还没有带可用分数的预测记录。",
    "performance.no_labels": "还没有标签：可用 `seatrial labels add` 提交。",
    "performance.flatters": (
        "参考值来自训练样本，模型在其上的表现优于今后任何时候："
        "部署时用 --holdout 提供模型没有见过的数据。"
    ),
    "trust.unverified": "估计尚未验证：没有近期标签可以证实。",
    "trust.confirmed": "估计可信：最新标签与其一致。",
    "trust.contradicted": "不要相信仅凭分数的估计：标签与其矛盾。这里显示的是按标签修正后的值。",
}
