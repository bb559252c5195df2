import pytest
from pydantic import ValidationError

from seatrial.release.judge_config import JudgeConfig


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ({"requests": "http_requests_total"}, r"holds \$variant once"),
        ({"errors": "a{$variant} or b{$variant}"}, r"holds \$variant once"),
        ({"prometheus": "prometheus:9090"}, "prometheus"),
        ({"label": "pod-hash"}, "label"),
        ({"lookback": 0}, "greater than 0"),
        ({"timeout_s": 600}, "less than or equal to 60"),
    ],
)
def test_what_prometheus_could_not_be_asked_is_refused(
    said: dict[str, object], answer: str
) -> None:
    with pytest.raises(ValidationError, match=answer):
        JudgeConfig.model_validate(said)
