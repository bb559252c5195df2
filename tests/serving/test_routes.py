import pytest

from seatrial.serving.routes import PATTERNS, Kind, Route, match, reserved


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/v2", Route(Kind.SERVER_METADATA)),
        ("/v2/models/churn", Route(Kind.MODEL_METADATA, "churn")),
        ("/v2/models/churn/infer", Route(Kind.INFER, "churn")),
        ("/v2/models/churn/versions/3/infer", Route(Kind.INFER, "churn", 3)),
        ("/v2/models/infer/infer", Route(Kind.INFER, "infer")),
        ("/v2/models/a%20b%2Fc/ready", Route(Kind.MODEL_READY, "a b/c")),
        ("/v2/models/%E6%A8%A1/ready", Route(Kind.MODEL_READY, "模")),
        ("/v1/models/churn:predict", Route(Kind.PREDICT, "churn")),
        ("/v1/models/a:b:predict", Route(Kind.PREDICT, "a:b")),
        ("/v1/models/churn/versions/2:predict", Route(Kind.PREDICT, "churn", 2)),
        ("/v1/models/churn/versions/2", Route(Kind.MODEL_STATUS, "churn", 2)),
        ("/v1/models/churn:classify", Route(Kind.CLASSIFY, "churn")),
        ("/v1/models/churn/versions/2:regress", Route(Kind.REGRESS, "churn", 2)),
        ("/v1/models/churn/metadata", Route(Kind.SIGNATURES, "churn")),
        ("/v1/models/churn/versions/2/metadata", Route(Kind.SIGNATURES, "churn", 2)),
        ("/invocations", Route(Kind.INVOCATIONS)),
    ],
)
def test_a_path_leads_to_its_route(path: str, route: Route) -> None:
    assert match(path) == route


@pytest.mark.parametrize(
    "path",
    ["", "/", "/v2/", "/v2/models", "/v2/models//infer", "/v1/models", "/api/endpoints", "/v2x"],
)
def test_other_paths_are_not_the_data_planes(path: str) -> None:
    assert match(path) is None


@pytest.mark.parametrize("version", ["x", "-1", "1.0", "1" * 40, "%31x"])
def test_a_version_that_is_no_number_is_one_nobody_has(version: str) -> None:
    found = match(f"/v2/models/churn/versions/{version}/infer")
    assert found == Route(Kind.INFER, "churn", -1)


def test_below_v2_only_the_data_plane_answers() -> None:
    assert reserved("/v2/models")
    assert not reserved("/v1/chat/completions")


def test_every_kind_has_a_path() -> None:
    assert {pattern.kind for pattern in PATTERNS} == set(Kind)
