"""What the README shows is run, and prints what it says but for numbers, names and times."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def shown(name):
    """Commands of a README with the lines that follow them, in order."""
    commands = []
    for block in re.findall(r"```console\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                commands.append((line[2:], []))
            elif line.strip() and line.strip() != "...":
                commands[-1][1].append(line)
    return commands


def normal(line):
    line = re.sub(r"\d+ (?:d|h|min|天|小时|分钟)(?=\W|$)", "", line)
    return re.sub(r"\d+", "0", re.sub(r"\s+|…", "", line))


@pytest.mark.timeout(600)  # it trains, twice
@pytest.mark.parametrize("name", ["README.md", "README.zh.md", "docs/tour.md", "docs/alerts.md"])
def test_the_commands_of_the_readme_print_what_it_says(tmp_path, name):
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "bin").mkdir()
    wrapper = tmp_path / "bin" / "triage"
    wrapper.write_text(f'#!/bin/sh\nexec {sys.executable} -m triage "$@"\n')
    wrapper.chmod(0o755)
    env = {
        **os.environ,
        "HOME": str(home),
        "PATH": f"{tmp_path}/bin:{os.environ['PATH']}",
        "COLUMNS": "104",
        "LOGNAME": "you",
        "TRIAGE_CONFIG": str(home / ".local/share/triage/demo/config.toml"),
    }
    for command, expected in shown(name):
        done = subprocess.run(
            command, shell=True, cwd=home, env=env, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        printed = normal(done.stdout)
        for line in expected:
            assert normal(line) in printed, f"{command} did not print: {line}\n{done.stdout}"


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "README.zh.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md")),
    ],
)
def test_no_link_leads_nowhere(page):
    place = ROOT / page
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", place.read_text(encoding="utf-8")):
        assert target.startswith("http") or (place.parent / target).exists(), target


def test_every_command_of_the_docs_exists():
    from triage.cli import app

    known = {command.name or command.callback.__name__ for command in app.registered_commands}
    known |= {group.name for group in app.registered_groups}
    for page in [ROOT / "README.md", ROOT / "README.zh.md", *(ROOT / "docs").glob("*.md")]:
        for name in re.findall(r"(?:^|`)triage ([a-z]+(?:-[a-z]+)*)\b", page.read_text(encoding="utf-8"), re.MULTILINE):
            assert name in known, f"{page.name}: triage {name}"
