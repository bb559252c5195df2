import pytest
from pydantic import ValidationError

from seatrial.packaging.kubernetes import KubernetesConfig


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ({"form": "gateway"}, "needs a gateway"),
        ({"form": "argo", "gateway": "public"}, "namespace"),
        ({"min_replicas": 5, "max_replicas": 4}, "is over max_replicas"),
        ({"image": "Registry.Example/UPPER"}, "image"),
        ({"namespace": "Not_A_Label"}, "namespace"),
        ({"judge": "http://judge/{{args.token}}"}, "judge"),
        ({"judge": "file:///etc/passwd"}, "judge"),
        ({"hostname": "no spaces.example"}, "hostname"),
        ({"form": "docker"}, "plain"),
        ({"pod_monitor": {"release": "two words"}}, "pod_monitor"),
        ({"pod_monitor": {"": "prometheus"}}, "pod_monitor"),
    ],
)
def test_what_no_cluster_takes_is_refused(said: dict[str, object], answer: str) -> None:
    with pytest.raises(ValidationError, match=answer):
        KubernetesConfig.model_validate(said)


def test_an_image_is_named_for_the_version_wherever_it_is() -> None:
    assert KubernetesConfig().image_of("churn", 3) == "churn:3"
    there = KubernetesConfig(image="registry.example:5000/models")
    assert there.image_of("churn", 3) == "registry.example:5000/models/churn:3"
