"""Errors in Chinese: what a code means, and beside it what was said in English with its values."""

from __future__ import annotations

from collections.abc import Mapping

from seatrial.kernel.errors import (
    Conflict,
    DeadlineExceeded,
    Denied,
    Invalid,
    LimitExceeded,
    MissingExtra,
    NotFound,
    SeatrialError,
    Unavailable,
)

CODES_ZH: Mapping[str, str] = {
    "bundle.archive_unreadable": "文件不是模型包，或不完整。",
    "bundle.archive_unsafe": "模型包里有不该有的内容，已拒绝。",
    "bundle.disk_full": "磁盘空间不足，无法保存模型包。",
    "bundle.tampered": "模型包的内容与打包时不一致。",
    "control.foreign_request": "没有设置令牌时，控制台只能在本机使用。",
    "control.token_needed": "需要控制令牌。",
    "deploy.name_differs": "模型包里的模型名称与指定的名称不同。",
    "deploy.signature_changed": "新版本的输入或输出与线上版本不同。",
    "deploy.vouched_elsewhere": "模型包含别处担保的代码，这里没有人为它担保。",
    "evaluation.label_mismatch": "标签列与版本预测的内容不符。",
    "evaluation.not_comparable": "两个版本无法比较。",
    "evaluation.version_fails": "有版本在评估数据上崩溃、卡住或用尽内存。",
    "events.broker_address_invalid": "消息服务器的地址或客户端选项无法使用。",
    "events.broker_denied": "消息服务器拒绝了这个用户，或不允许访问这个主题。",
    "events.broker_unavailable": "消息服务器没有应答，会自动重试。",
    "events.data_invalid": "事件的数据与它的类型不符。",
    "events.event_failed": "处理这个事件时出错。",
    "events.event_invalid": "消息不是 CloudEvents 格式的事件。",
    "events.event_too_large": "消息超过了大小限制。",
    "events.message_too_large": "消息服务器不接受这么大的消息。",
    "events.topic_missing": "消息服务器上没有这个主题。",
    "events.type_unknown": "不处理这种类型的事件。",
    "experiment.conflict": "实验已处于其他阶段，请刷新页面。",
    "experiment.slots_taken": "同一互斥组的另一个实验占用了这些用户。",
    "experiment.unknown": "没有这个实验。",
    "gateway.budget_exceeded": "预算余额不足以支付这次调用。",
    "gateway.budget_held": "预算余额已被正在进行的调用预留，请稍后再试。",
    "gateway.circuit_open": "模型服务失败次数过多，暂时停用，请稍后再试。",
    "gateway.model_unknown": "没有配置这个模型。",
    "gateway.provider_key_missing": "没有设置保存模型服务密钥的环境变量。",
    "gateway.provider_rate_limited": "模型服务要求减少请求，请稍后再试。",
    "gateway.provider_timed_out": "模型服务没有及时应答。",
    "gateway.provider_unauthorized": "模型服务拒绝了网关的密钥。",
    "gateway.provider_unreachable": "连接不到模型服务。",
    "gateway.span_unknown": "不提供这段时间的费用。",
    "model.class_unusable": "无法打包指定的 Python 类或它的文件夹。",
    "model.code_failed": "模型自带的代码在导入或加载时出错。",
    "model.corrupt": "模型文件为空或已损坏。",
    "model.folder_too_large": "模型文件夹里的文件过多或过大。",
    "model.lost_definition": "模型需要的类或函数只存在于保存它的脚本里。",
    "model.missing_library": "没有安装模型需要的软件包。",
    "model.no_such_class": "没有这个 Python 文件，或其中没有这个类。",
    "model.not_a_model": "文件里的对象不能预测。",
    "model.too_large": "模型文件超过了大小限制。",
    "model.unknown_format": "不认识这种模型文件。",
    "model.unsafe": "模型文件引用了已知模型库以外的代码，已拒绝加载。",
    "model.unsupported": "无法以这种方式提供模型服务。",
    "model.version_mismatch": "模型由另一个版本的库保存。",
    "monitoring.alert_conflict": "告警已处于其他状态，请刷新页面。",
    "monitoring.no_such_column": "数据没有这一列。",
    "monitoring.source_denied": "没有读取数据的权限。",
    "monitoring.source_missing": "没有这个数据文件、文件夹或数据表。",
    "monitoring.source_unavailable": "数据库没有应答，无法读取数据。",
    "monitoring.source_unreadable": "无法读取数据：为空、已损坏，或格式、编码不符。",
    "monitoring.unknown_alert": "没有这个告警。",
    "monitoring.unknown_silence": "没有这条静默规则。",
    "packaging.model_fails": "模型无法回答任何样本行。",
    "rag.evaluations_unreadable": "无法读取评估结果的文件夹。",
    "rag.index_being_built": "另一个进程正在构建这个索引，请等它结束后再试。",
    "rag.index_damaged": "索引的文件已损坏。请重新构建，或回到之前的版本。",
    "rag.index_denied": "没有读写索引文件夹的权限。",
    "rag.index_is_released": "它的版本按发布流程上线，请在端点的页面上操作。",
    "rag.index_not_found": "没有这个索引，或没有这个版本。",
    "rag.index_unavailable": "索引所在的磁盘已满，或没有应答。",
    "rag.knowledge_unknown": "没有配置这个索引。",
    "rag.no_earlier_version": "没有更早的版本可以回退。",
    "rag.question_invalid": "问题为空，或过长。请写一个简短的问题。",
    "rag.service_key_missing": "没有设置保存服务密钥的环境变量。",
    "rag.service_unavailable": "判断文本的服务没有正常应答，请稍后再试。",
    "rag.vectors_unavailable": "向量服务没有应答，或拒绝了请求。",
    "rag.weights_missing": "没有安装模型权重的软件包。",
    "registry.artefact_unusable": "登记的文件里没有可以打包的模型。",
    "registry.unavailable": "注册表没有应答。",
    "registry.version_unknown": "注册表里没有这个版本，或没有它的文件。",
    "release.blocked": "这次发布已停住，等待处理。",
    "release.conflict": "发布已处于其他阶段，请刷新页面。",
    "release.nothing_to_roll_back": "没有更早的版本可以回退。",
    "release.trial_conflict": "端点现在不能为这个实验分流：正在发布、控制组不是线上版本、"
    "版本未经测试，或另一个实验正在进行。",
    "release.unknown_endpoint": "没有这个端点。",
    "retraining.class_missing": "线上模型认识的某个类别在训练数据中行数太少。",
    "retraining.label_wrong": "标签的类型或取值与线上模型不符。",
    "retraining.nothing_logged": "没有可用的预测日志。",
    "retraining.nothing_to_decide": "最近一次运行不在可以这样操作的状态，请刷新页面。",
    "retraining.out_of_range": "有列的取值超出规定范围。",
    "retraining.output_invalid": "给出的输出不是 JSON 对象。",
    "retraining.schema_changed": "数据的列与线上模型的签名不符。",
    "retraining.too_few_rows": "带标签的数据太少。",
    "retraining.too_much_missing": "有列的缺失值太多。",
    "retraining.under_way": "已有一次运行正在进行。",
    "retraining.unknown": "没有配置这个重新训练流程。",
    "sample.bad": "样本数据无法读取，或为空。",
    "sample.mismatch": "样本数据与模型不匹配。",
    "serving.bad_input": "输入有误，请更正。",
    "steps.bad_record": "输入或输出的字段、类型不符。",
    "steps.conflict": "运行已处于其他步骤，请刷新页面。",
    "steps.timed_out": "此步骤用时过长。",
    "store.full": "磁盘或数据库已满。",
    "store.unavailable": "数据库没有应答，请稍后再试。",
    "training.bad_function": "训练函数有误。",
    "training.bad_parameter": "训练参数有误。",
    "training.crashed": "训练失败。",
    "training.interrupted": "训练被中断。",
    "training.model_unusable": "训练得到的模型无法使用。",
    "training.no_model": "训练没有给出模型。",
    "training.not_finite": "训练得到的模型给出了非有限数值。",
    "training.out_of_memory": "训练使用的内存超过了限制。",
    "training.timed_out": "训练用时超过了限制。",
    "training.unknown_recipe": "没有这个训练配置。",
    "training.worse_than_constant": "训练得到的模型不如对每一行给出同一回答。",
}

KINDS_ZH: Mapping[type[SeatrialError], str] = {
    Invalid: "输入或配置有误，请更正。",
    NotFound: "没有找到。",
    Conflict: "状态已经改变，请刷新页面后再试。",
    Denied: "不允许这样做。",
    LimitExceeded: "超过了限制。",
    DeadlineExceeded: "用时过长，请稍后再试。",
    Unavailable: "暂时不可用，请稍后再试。",
    MissingExtra: "没有安装所需的可选依赖。",
    SeatrialError: "出错了。",
}
"""By kind, for codes that have no line of their own."""


def coded(code: str | None, text: str, *, language: str) -> str:
    """An error of the past as a page tells it, of which its code and its English text are kept."""
    known = CODES_ZH.get(code or "")
    return f"{known}（原文：{text}）" if language == "zh" and known else text


def trouble(problem: SeatrialError, language: str) -> str:
    """An error as a page tells it.

    Args: language: ``en``, or ``zh``: what the code means, and the English text, which has values.
    """
    if language != "zh":
        return str(problem)
    kind = next(kind for kind in KINDS_ZH if isinstance(problem, kind))
    return f"{CODES_ZH.get(problem.code, KINDS_ZH[kind])}（原文：{problem}）"
