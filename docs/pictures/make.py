"""Makes the pictures of the board that stand in the README and the docs, from the demo's day of mail: make pictures."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

HERE = Path(__file__).parent
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def taken(browser: Browser, address: str, password: str, name: str, path: str, *, language: str = "en-GB", phone: bool = False, dark: bool = False, height: int = 900) -> None:  # fmt: skip
    """One picture: a page as somebody sees it."""
    context = browser.new_context(
        locale=language,
        viewport={"width": 390 if phone else 1180, "height": 800 if phone else height},
        device_scale_factor=1.5 if phone else 1,
        color_scheme="dark" if dark else "light",
    )
    page = context.new_page()
    page.goto(address)
    page.fill("[name=name]", "demo")
    page.fill("[name=password]", password)
    page.click("button.main")
    page.wait_for_selector("#cases")
    page.goto(address.rstrip("/") + path)
    page.screenshot(path=HERE / f"{name}.png")
    context.close()


def main() -> None:
    """Run the demo with its board, and look at it."""
    with tempfile.TemporaryDirectory() as home:
        env = {**os.environ, "HOME": home, "XDG_DATA_HOME": f"{home}/data", "PYTHONUNBUFFERED": "1"}
        demo = subprocess.Popen(
            [sys.executable, "-m", "triage", "demo", "--stay"], env=env, stdout=subprocess.PIPE, text=True
        )
        assert demo.stdout is not None
        address = password = ""
        for line in demo.stdout:
            address = address or (re.search(r"http://127\.0\.0\.1:\d+/", line) or [""])[0]
            found = re.search(r"name demo, password (\S+)", line)
            if found:
                password = found[1]
                break
        try:
            with sync_playwright() as play:
                browser = play.chromium.launch(
                    executable_path=CHROMIUM, args=["--no-sandbox"] if os.geteuid() == 0 else []
                )
                taken(browser, address, password, "board", "/", height=760)
                taken(browser, address, password, "case", "/cases/13")
                taken(browser, address, password, "letter", "/cases/13/draft")
                taken(browser, address, password, "calendar", "/calendar", height=700)
                taken(browser, address, password, "phone", "/cases/13", language="zh-CN", phone=True)
                taken(browser, address, password, "board-zh", "/", language="zh-CN", height=760)
                taken(browser, address, password, "phone-dark", "/", language="zh-CN", phone=True, dark=True)
                browser.close()
        finally:
            demo.terminate()
            demo.wait()


if __name__ == "__main__":
    main()
