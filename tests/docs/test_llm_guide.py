"""The programs of the guide to language models print what they say, against a scripted server."""

import re
import socket

import docs_blocks as docs
import pytest

GUIDE = docs.ROOT / "references" / "llm_integration_guide.md"
EXAMPLE = docs.ROOT / "examples" / "gateway.yaml"
PROGRAMS = [block for block in docs.blocks(GUIDE) if block.language == "python"]


def headings() -> list[str]:
    """Under which heading each program stands."""
    text = GUIDE.read_text(encoding="utf-8")
    places = [found.start() for found in re.finditer("^```python", text, re.MULTILINE)]
    return [re.findall(r"^##+ (.*)$", text[:place], re.MULTILINE)[-1] for place in places]


@pytest.mark.parametrize("block", PROGRAMS, ids=headings())
def test_a_program_prints_what_it_says(block, tmp_path, monkeypatch, capsys):
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = str(found.getsockname()[1])
    (tmp_path / "examples").mkdir()
    text = EXAMPLE.read_text(encoding="utf-8").replace("9000", port)
    (tmp_path / "examples" / "gateway.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SEATRIAL_HOME", raising=False)
    program = compile(block.text.replace("9000", port), GUIDE.name, "exec", dont_inherit=True)
    exec(program, {"__name__": "example"})
    said = re.search(r"((?:^# .*\n)+)\Z", block.text, re.MULTILINE)
    assert said is not None, "a program ends with what it prints"
    assert capsys.readouterr().out == re.sub("^# ", "", said[1], flags=re.MULTILINE)


def test_there_is_a_program_for_each_subject():
    assert len(PROGRAMS) >= 10
    text = GUIDE.read_text(encoding="utf-8")
    for word in ("zero-shot", "few-shot", "chain-of-thought", "role"):
        assert f"kind: {word}" in text or word == "zero-shot"
