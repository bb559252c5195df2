"""What the pages hold: blocks of code by language and mark, links, headings."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^```(\w*) ?(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Args:
        mark: the word after the language; says what else it takes to run it, see `MARKS`.
    """

    page: str
    language: str
    mark: str
    text: str


MARKS = {
    "raybatch": "needs Ray and the network; tests/integration/test_ray.py runs such a command",
    "batch": "test_batch_page.py runs it over a file of rows",
    "": "run by the journey, page after page, in one folder",
    "demo": "make demo: minutes; tests/journeys/test_demo.py runs it",
    "install": "needs the network",
    "ask": "needs a held release: run while one is under way",
    "server": "runs in the foreground, or on other addresses",
    "docker": "needs a container engine; tests/packaging check the files, with hadolint too",
    "buildah": "needs buildah and podman; tests/journeys/test_image.py builds in the same words",
    "signing": "tests/docs/test_signatures_page.py runs it, with a version it registers",
    "kubectl": "needs a cluster; tests/packaging check the manifests, with kubernetes-validate too",
    "release": "in a release folder; tests/journeys/test_container.py does it",
    "postgres": "needs a PostgreSQL server",
    "grpc": "needs tritonclient[grpc]; tests/integration/test_triton.py asks in the same words",
    "tfserving": "tests/integration/test_tensorflow_serving.py runs it, by Google's client",
    "tfexport": "tests/integration/tensorflow_models exports by it; the server is not to be had",
    "tfengine": "tests/integration/test_seatrial_elsewhere.py runs it, with a seatrial there",
    "tsengine": "tests/integration/test_torchserve.py runs it, against the real server",
    "ray": "tests/integration/test_ray_serve.py configures a home with it",
    "rayserve": "tests/integration/test_ray_serve.py runs it, against the real Ray",
    "rayexport": "tests/integration/test_ray_serve.py runs it and has Ray read what it wrote",
    "torchserve": "tests/integration/test_torchserve.py runs it, against the real server",
    "triton": "tests/integration/test_triton.py runs it, against the real server",
    "tritonclient": "run by the journey where the client is installed",
    "onebyone": "test_formats_page.py runs it, over a graph it makes",
    "pictures": "tests/integration/test_tritonclient.py runs it, with a picture it draws",
    "experiment": "tests/docs/test_experiments_page.py runs it, in a folder with the examples",
    "live": "tests/docs/test_experiments_page.py runs it, beside an endpoint of two versions",
    "evaluation": "tests/docs/test_evaluate_page.py runs it, with two models it trains",
    "retraining": "tests/docs/test_retraining_page.py runs it, with rows of its own",
    "orchestrators": "tests/docs/test_orchestrators_page.py runs it, with rows of its own",
    "kfp": "needs kfp; tests/integration/test_orchestrators.py does it, in an environment with it",
    "events": "tests/docs/test_events_page.py runs it",
    "kafka": "tests/integration/test_kafka.py runs it, against two brokers",
    "deciding": "needs a run that stands where it is wanted: tests/cli/test_retrain.py has them",
    "loop": "tests/journeys/test_close_the_loop.py runs it, twice: undisturbed and killed",
    "registry": "tests/docs/test_registry_page.py runs it, beside a server that follows",
    "training": "tests/docs/test_train_page.py runs it, in a folder with the examples",
    "gateway": "tests/docs/test_gateway_page.py runs it, beside a scripted server of models",
    "knowledge": "tests/docs/test_ask_page.py runs it, in a folder with the examples",
    "prompts": "tests/docs/test_prompt_page.py runs it, beside a scripted server of models",
    "feast": "needs Feast; tests/integration/test_feast.py does it, in an environment with it",
    "shop": "tests/integration/test_mlops_guide.py runs it, with Feast, MLflow and a server",
    "kubernetes": "is what is written: tests/docs/test_mlops_guide.py compares",
    "sources": "tests/integration/test_feature_sources.py runs it, with dbt and with Spark",
    "formats": "tests/docs/test_formats_page.py runs it, with a model it trains",
    "sizing": "tests/docs/test_sizing_page.py runs it, with a model it trains",
    "class": "tests/docs/test_formats_page.py runs it, with the files it reads",
    "torch": "tests/integration/test_torch.py runs it, in an environment with PyTorch",
    "tensorflow": "tests/integration/test_tensorflow.py runs it, in an environment with TensorFlow",
    "huggingface": "tests/integration/test_huggingface.py runs it, with transformers",
    "mlflow": "needs MLflow, which is no dependency of the tests",
    "pyfunc": "tests/integration/test_mlflow_models.py runs it, in an environment with MLflow",
}
"""Why a marked block is not run as it stands."""

JOURNEY = (
    "README.md",
    "docs/how-to/monitoring.md",
    "docs/how-to/clients.md",
    "docs/how-to/release.md",
    "docs/how-to/archives.md",
    "docs/how-to/rollback.md",
    "docs/tutorial/first-release.md",
)
"""The pages whose commands are run, in this order: each goes on from where the one before ended."""


def pages() -> list[Path]:
    """Every page that people read, generated ones too."""
    folders = (ROOT / name for name in ("docs", "references"))
    return sorted([*ROOT.glob("README*.md"), *(p for f in folders for p in f.rglob("*.md"))])


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    name = str(page.relative_to(ROOT))
    return [Block(name, *found) for found in _FENCE.findall(page.read_text(encoding="utf-8"))]
