"""A report in a headless Chromium of this machine. Nothing here needs torch."""

import os
import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from page_rows import ARMS, EVIL, SEEDS, SIZES, TASKS, report_rows
from report_rows import small_study

from mae_bench.analysis.report import ReportContext, write_report
from mae_bench.specs import ArmSpec, Claim

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = next((path for name in NAMES if (path := shutil.which(name))), None)
PATIENCE_MS = 120_000  # a busy machine is slow, not wrong


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.page)


@pytest.fixture(scope="session")
def study():
    claim = Claim(sentence="mae <b>beats</b> mlm", treatment="mae", control="mlm", task="sst2")
    arms = [ArmSpec(objective="distill" if arm == EVIL else arm, label=arm) for arm in ARMS]
    return small_study(
        tasks=TASKS,
        train_sizes=SIZES,
        seeds=SEEDS,
        control="mlm",
        claims=(claim,),
        objectives=tuple(arms),
    )


@pytest.fixture(scope="session")
def rows() -> pd.DataFrame:
    return report_rows()


@pytest.fixture(scope="session")
def report(rows, study, tmp_path_factory):
    """Return the path of the page."""
    context = ReportContext(provenance={"command": "mae-bench run small.yaml"})
    return write_report(rows, study, tmp_path_factory.mktemp("page") / "report", context=context)


@pytest.fixture(scope="session")
def browser():
    """Return a browser that starts once."""
    if CHROMIUM is None:
        pytest.skip(f"no Chromium on this machine: none of {', '.join(NAMES)} is on the path")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        # as root, which containers are, Chromium has no sandbox
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=flags, timeout=PATIENCE_MS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser):
    """Return a function that opens a page and fails for any error or request it makes."""
    contexts, wrong = [], []

    def open_page(path, width=1200, *, is_dark=False, has_script=True):
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if is_dark else "light",
            java_script_enabled=has_script,
            accept_downloads=True,
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.on(
            "request",
            lambda asked: (
                None
                if asked.url.startswith(("data:", "blob:", path.as_uri()))
                else wrong.append(asked.url)
            ),
        )
        page.goto(path.as_uri())
        if has_script:
            page.wait_for_function("document.documentElement.dataset.isReady === 'yes'")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not wrong
