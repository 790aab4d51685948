"""The README: its troubleshooting quotes what ipyveo really says, and its links lead somewhere."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
ANY = "\N{HORIZONTAL ELLIPSIS}"
# Of Jupyter, Colab and VS Code, and a widget's own name.
OF_OTHERS = (
    "Error displaying widget",
    "Support for third party widgets",
    "Widgets require us",
    "<FramesToVideo",
)


def messages() -> list[str]:
    section = README.partition("## Troubleshooting")[2].partition("\n## ")[0]
    items = re.findall(r"^- (?:[^`]*)(``?)(.+?)\1(?!`)", section, re.MULTILINE | re.DOTALL)
    quoted = [" ".join(text.split()) for _, text in items]
    return [text for text in quoted if " " in text and not text.startswith(OF_OTHERS)]


@pytest.fixture(scope="module")
def sentences() -> str:
    """All texts of the sources; a value within a text is an ellipsis."""
    said = []
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr):
                said.append(
                    "".join(
                        getattr(part, "value", ANY) if isinstance(part, ast.Constant) else ANY
                        for part in node.values
                    )
                )
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                said.append(node.value)
    pages = [path.read_text("utf-8") for path in (ROOT / "js" / "src").glob("*.ts")]
    return "\n".join([*said, *(re.sub(r'"\s*\+\s*"', "", page) for page in pages)])


@pytest.mark.parametrize("message", messages())
def test_a_message_of_the_troubleshooting_is_what_the_code_says(message, sentences):
    assert [
        piece for piece in message.split(ANY) if piece.strip(" .") and piece.strip() not in sentences
    ] == []


def test_the_troubleshooting_says_of_each_message_what_to_do():
    section = README.partition("## Troubleshooting")[2].partition("\n## ")[0]
    items = re.split(r"^- ", section, flags=re.MULTILINE)[1:]
    assert len(items) > 20
    assert [item for item in items if "**" not in item] == []


def test_every_link_to_a_file_leads_to_one():
    links = re.findall(r"\]\(((?!https?:)[^)#]+)\)", README)
    assert len(links) > 4
    assert [link for link in links if not (ROOT / link).exists()] == []
