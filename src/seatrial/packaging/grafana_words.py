"""What the Grafana dashboard says to people: title and description by panel, in two languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

Words: TypeAlias = Mapping[str, tuple[str, str]]

ENGLISH: Final[Words] = {
    "dashboard": ("seatrial", "Models in production: service, drift, accuracy, alerts."),
    "datasource": ("Data source", ""),
    "endpoint": ("Endpoint", ""),
    "version": ("Version", ""),
    "alerts": ("Alerts firing", "Alerts of the watch that fire now, by severity."),
    "levels": ("Levels", "0 ok, 1 inconclusive, 2 warning, 3 critical: the worst of each signal."),
    "latency": ("Latency", "p50, p95 and p99 of all answers; the lines are the levels of p95."),
    "errors": ("Error rate", "Share of the answers that were the version's fault."),
    "kinds": ("Errors by kind", "Errors a second: what went wrong."),
    "throughput": ("Throughput", "Requests a second, and what is usual at this time."),
    "queue": ("Queue", "How full the fullest queue is, and the share of requests refused."),
    "machine": ("Machine", "Share of processors and memory that the workers use."),
    "drift": ("Drift by feature", "PSI against the reference; the ten that moved most."),
    "drifting": ("Features in alarm", "PSI of the features whose drift alarm is on."),
    "prediction_drift": ("Prediction drift", "PSI of the outputs against the reference."),
    "accuracy": (
        "Accuracy",
        "Estimated without labels and real by labels, each with its interval, and the reference.",
    ),
    "performance": (
        "Performance by metric",
        "Precision, recall, F1, AUC, or the errors of a regressor: estimated, real, reference.",
    ),
}

CHINESE: Final[Words] = {
    "dashboard": ("seatrial", "生产环境中的模型：服务、漂移、准确率、告警。"),
    "datasource": ("数据源", ""),
    "endpoint": ("端点", ""),
    "version": ("版本", ""),
    "alerts": ("触发中的告警", "监控当前触发的告警，按严重程度。"),
    "levels": ("等级", "0 正常，1 证据不足，2 警告，3 严重：每个信号取最差值。"),
    "latency": ("延迟", "所有应答的 p50、p95 与 p99；横线为 p95 的等级。"),
    "errors": ("错误率", "由该版本造成的错误应答占比。"),
    "kinds": ("按类型的错误", "每秒错误数：出了什么问题。"),
    "throughput": ("吞吐量", "每秒请求数，以及此时段的通常水平。"),
    "queue": ("队列", "最满队列的占用率，以及被拒绝请求的占比。"),
    "machine": ("机器", "工作进程占用的处理器与内存份额。"),
    "drift": ("按特征的漂移", "相对参考数据的 PSI；变化最大的十个特征。"),
    "drifting": ("告警中的特征", "漂移告警已触发的特征的 PSI。"),
    "prediction_drift": ("预测漂移", "输出相对参考数据的 PSI。"),
    "accuracy": ("准确率", "无标签估计值与有标签真实值，均带区间，以及参考值。"),
    "performance": (
        "各项性能指标",
        "精确率、召回率、F1、AUC，或回归误差：估计值、真实值与参考值。",
    ),
}
