"""The page on checking answers does what it says, with the figures that are shipped."""

import docs_blocks as docs

from seatrial.rag.groundedness.profile import profile

PAGE = docs.ROOT / "docs/how-to/check-answers.md"


def test_the_example_prints_what_the_page_says(capsys):
    example, printed = (b for b in docs.blocks(PAGE) if b.language in {"python", "text"})
    exec(compile(example.text, str(PAGE), "exec"), {})
    assert capsys.readouterr().out.strip() == printed.text.strip()


def test_the_figures_are_those_of_the_profiles():
    page = PAGE.read_text(encoding="utf-8")
    for name in ("answers", "web_claims", "general"):
        (line,) = (line for line in page.splitlines() if line.startswith(f"| `{name}`"))
        figures = profile(name).figures
        for estimate, low, high in (figures.auc, figures.balanced_accuracy):
            told = f"{estimate:.3f} [{low:.3f}, {high:.3f}]".replace("0.", ".")
            assert told in line
