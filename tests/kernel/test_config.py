import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field

from seatrial.kernel.config import ConfigInvalid, ConfigMissing, ConfigModel, load, schema
from seatrial.kernel.errors import SeatrialError

# Characters that JSON and YAML escape alike.
CHARACTERS = st.characters(codec="utf-8", max_codepoint=0xFFFF)
TEXT = st.text(CHARACTERS)


class Gate(ConfigModel):
    metric: str
    limit: float = 0.1


class Server(ConfigModel):
    host: str = "127.0.0.1"
    port: int = 8080
    api_token: int | None = None


class Settings(ConfigModel):
    name: str = "demo"
    store: str | int = "sqlite:///seatrial.db"
    retries: int = 3
    server: Server = Server()
    gates: tuple[Gate, ...] = ()
    sources: tuple[Gate, ...] = Field(default=(Gate(metric="p95"),), min_length=1)
    endpoints: dict[str, Gate] = Field(default_factory=dict)


@pytest.fixture
def write(tmp_path: Path):
    def written(text: str | bytes) -> Path:
        path = tmp_path / "seatrial.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return written


def problems(path: Path | None, env: dict[str, str] | None = None) -> list[dict[str, object]]:
    with pytest.raises(ConfigInvalid) as caught:
        load(path, Settings, env or {})
    found = caught.value.facts["problems"]
    assert isinstance(found, list)
    return found


def test_an_empty_file_and_no_file_give_the_defaults(write):
    assert load(write(""), Settings, {}) == load(None, Settings, {}) == Settings()


def test_values_of_the_file_are_typed(write):
    loaded = load(
        write("server: {port: 9000}\ngates:\n- {metric: p95, limit: 0.05}\n"), Settings, {}
    )
    assert loaded.server.port == 9000
    assert loaded.gates == (Gate(metric="p95", limit=0.05),)


def test_what_was_loaded_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        load(None, Settings, {}).name = "other"


def test_the_environment_lies_over_the_file(write):
    env = {"SEATRIAL_SERVER__PORT": "9000", "SEATRIAL_NAME": "prod", "OTHER_NAME": "no"}
    loaded = load(write("name: file\nserver: {host: h, port: 1}\n"), Settings, env)
    assert (loaded.name, loaded.server) == ("prod", Server(host="h", port=9000))


def test_the_environment_fills_an_empty_section(write):
    assert load(write("server:\n"), Settings, {"SEATRIAL_SERVER__PORT": "1"}).server.port == 1


def test_lists_and_mappings_of_the_environment_are_json():
    env = {"SEATRIAL_GATES": '[{"metric": "p95"}]', "SEATRIAL_ENDPOINTS__CHURN": '{"metric": "e"}'}
    loaded = load(None, Settings, env)
    assert loaded.gates == (Gate(metric="p95"),)
    assert loaded.endpoints == {"churn": Gate(metric="e")}


def test_text_that_only_looks_like_json_stays_text():
    assert load(None, Settings, {"SEATRIAL_NAME": "[blue"}).name == "[blue"


def test_a_variable_that_is_no_configuration_is_left_alone():
    assert load(None, Settings, {"SEATRIAL_HOME": "/srv", "SEATRIAL_": "x"}) == Settings()


def test_a_misspelt_section_in_the_environment_is_a_problem():
    (problem,) = problems(None, {"SEATRIAL_SERVR__PORT": "1"})
    assert (problem["where"], problem["nearest"]) == ("servr", "server")


def test_a_variable_below_a_plain_value_is_a_problem(write):
    found = problems(write("server: 5\n"), {"SEATRIAL_SERVER__PORT": "1"})
    assert [p["where"] for p in found] == ["SEATRIAL_SERVER__PORT", "server"]


def test_every_problem_is_reported_at_once(write):
    path = write("server: {prot: 1, port: many}\ngates: [{limit: .nan}]\nnmae: x\n")
    found = {str(p["where"]): p for p in problems(path)}
    assert set(found) == {"server.prot", "server.port", "gates.0.metric", "gates.0.limit", "nmae"}
    assert found["server.prot"]["nearest"] == "port"
    assert found["server.port"]["value"] == "'many'"
    assert found["nmae"]["nearest"] == "name"
    assert "needed" in str(found["gates.0.metric"]["message"])
    assert "finite" in str(found["gates.0.limit"]["message"])


def test_the_message_names_file_place_value_and_the_nearest_key(write):
    path = write("server: {prot: 1}\nretries: lots\n")
    with pytest.raises(ConfigInvalid) as caught:
        load(path, Settings, {})
    for part in (str(path), "2 problems", "server.prot", "did you mean 'port'?", "'lots'"):
        assert part in caught.value.problem
    assert "again" in caught.value.remedy
    json.dumps(caught.value.as_dict())


def test_unknown_keys_under_lists_and_named_sections_name_their_own_keys(write):
    found = problems(write("gates: [{metric: a, limt: 1}]\nendpoints: {churn: {metrc: b}}\n"))
    nearest = {p["where"]: p["nearest"] for p in found if p["nearest"]}
    assert nearest == {"gates.0.limt": "limit", "endpoints.churn.metrc": "metric"}


def test_a_list_that_needs_something_says_so_unless_what_is_wrong_is_in_it(write):
    (found,) = problems(write("sources: []\n"))
    assert (found["where"], found["message"]) == ("sources", "at least 1 must be there")
    (found,) = problems(write("sources: [{metric: p95, limits: 1}]\n"))
    assert (found["where"], found["nearest"]) == ("sources.0.limits", "limit")


def test_a_key_like_no_other_gets_no_hint(write):
    assert problems(write("zzz: 1\n"))[0]["nearest"] is None


def test_many_problems_are_counted_and_the_first_shown(write):
    path = write("".join(f"unknown{i}: 1\n" for i in range(50)))
    with pytest.raises(ConfigInvalid, match=r"50 problems.*and 30 more"):
        load(path, Settings, {})
    assert len(problems(path)) == 50


def test_secrets_are_not_shown(write):
    path = write("server: {api_token: hunter2}\nstore: [postgresql://me:hunter2@db/x]\n")
    with pytest.raises(ConfigInvalid) as caught:
        load(path, Settings, {})
    assert "hunter2" not in f"{caught.value} {caught.value.facts}"


def test_long_values_are_shortened(write):
    found = problems(write(f"retries: {'x' * 10_000}\n"))
    assert len(str(found[0]["value"])) <= 80


@pytest.mark.parametrize("name", ["absent.yaml", ".", "nul\0byte"])
def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path, name: str):
    with pytest.raises(ConfigMissing, match="cannot be opened") as caught:
        load(tmp_path / name, Settings, {})
    assert "readable YAML file" in caught.value.remedy


def test_an_endless_file_is_not_read_to_its_end():
    with pytest.raises(SeatrialError, match="larger than"):
        load(Path("/dev/zero"), Settings, {})


def test_the_schema_describes_every_key():
    described = schema(Settings)
    assert described["$schema"].endswith("2020-12/schema")
    assert set(described["properties"]) == set(Settings.model_fields)
    assert described["additionalProperties"] is False


@settings(max_examples=50)
@given(env=st.dictionaries(TEXT.map(lambda t: f"SEATRIAL_{t}"), TEXT, max_size=5))
def test_no_environment_brings_another_error(env):
    with suppress(ConfigInvalid):
        assert isinstance(load(None, Settings, env), Settings)


@given(
    values=st.fixed_dictionaries(
        {},
        optional={
            "name": TEXT,
            "retries": st.integers(),
            "server": st.fixed_dictionaries({"port": st.integers(), "host": TEXT}),
            "endpoints": st.dictionaries(
                st.text(CHARACTERS, max_size=100),  # YAML: 1,024 at most, escaped
                st.fixed_dictionaries(
                    {"metric": TEXT, "limit": st.floats(allow_nan=False, allow_infinity=False)}
                ),
            ),
        },
    )
)
def test_what_json_says_is_read_as_json_says_it(values, tmp_path_factory):
    path = tmp_path_factory.mktemp("config") / "seatrial.yaml"
    path.write_text(json.dumps(values))
    assert load(path, Settings, {}) == Settings.model_validate(values)


def test_a_section_is_not_printed_into_the_message_about_it(write):
    """Symptom: 80 characters of the section stood between its name and what was wrong with it."""
    (found,) = problems(write("retries: {attempts: 3, and: more}\n"))
    assert found["value"] == "{…}"
