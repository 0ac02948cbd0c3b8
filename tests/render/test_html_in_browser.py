"""The HTML report looked at in a real Chromium: it obeys its policy, does what it offers, and anybody can read it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from iamsync.render.driftpage import drift_html
from iamsync.render.findingspage import check_html
from iamsync.render.planpage import plan_html
from tests import npm
from tests.render import browser as chromium
from tests.render.browser import Browser
from tests.render.reports import (
    HOSTILE,
    SOURCES,
    access_graph,
    check_document,
    drift_document,
    findings_document,
    findings_html,
    plan_document,
)

AXE = "4.14.1"
AXE_HOME = npm.CACHE / "axe"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if reason := chromium.missing():
        pytest.skip(f"nobody looks at the HTML report: {reason}")
    with chromium.browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    document = plan_document("", 2)
    return written(tmp_path_factory.mktemp("page"), plan_html(document, SOURCES, access_graph(document, 40)))


def written(folder: Path, text: str) -> Path:
    file = folder / "report.html"
    file.write_text(text, encoding="utf-8")
    return file


def shown(browser: Browser, selector: str) -> list[str]:
    """The ids of what is visible."""
    visible = "return [...document.querySelectorAll(arguments[0])].filter((e) => e.checkVisibility()).map((e) => e.id)"
    found: list[str] = browser.run(visible, selector)
    return found


def choose(browser: Browser, facet: str, value: str) -> None:
    script = """
    const select = document.querySelector(`select[data-facet="${arguments[0]}"]`);
    select.value = arguments[1];
    select.dispatchEvent(new Event("change"));
    return select.value;
    """
    assert browser.run(script, facet, value) == value


def typed(browser: Browser, field: str, text: str) -> None:
    script = """
    const [id, text, done] = arguments;
    const field = document.getElementById(id);
    field.value = text;
    field.dispatchEvent(new Event("input"));
    setTimeout(done, 200);
    """
    browser.driver.execute_async_script(script, field, text)


def hostile_plan() -> str:
    documents = [plan_document(hostile) for hostile in HOSTILE]
    plans = [plan for document in documents for plan in document["plans"]]
    for plan in plans[1:]:  # the changes that are nobody's once, the hostile ones all
        plan["changes"], plan["steps"] = plan["changes"][-1:], plan["steps"][:1]
    together = {**documents[0], "plans": plans}
    return plan_html(together, SOURCES, together_drawn(documents))


def hostile_drift() -> str:
    documents = [drift_document(hostile, 2) for hostile in HOSTILE]
    together = {**documents[0], "accounts": [account for document in documents for account in document["accounts"]]}
    return drift_html(together, SOURCES, together_drawn(documents))


def hostile_findings() -> str:
    documents = [findings_document(hostile, 2) for hostile in HOSTILE]
    together = {key: [one for d in documents for one in d[key]] for key in ("accounts", "findings")}
    return findings_html({**documents[0], **together}, SOURCES, together_drawn(documents))


def hostile_check() -> str:
    documents = [check_document(hostile, 2) for hostile in HOSTILE]
    wrong = [check_document(hostile, valid=False) for hostile in HOSTILE]
    together = {key: [one for d in documents for one in d[key]] for key in ("accounts", "findings", "tests")}
    errors = [error for document in wrong for error in document["errors"]]
    return check_html({**documents[0], **together, "errors": errors}, SOURCES)


def together_drawn(documents: list[Any]) -> Any:
    """One graph of what is hostile in several documents."""
    graph = access_graph(documents[0])
    for hostile, document in zip(HOSTILE[1:], documents[1:], strict=True):
        more = access_graph(document, 0)
        known = {node["id"] for node in graph["nodes"]}
        graph["nodes"] += [node for node in more["nodes"] if node["id"] not in known]
        graph["edges"] += [edge for edge in more["edges"] if hostile in edge["source"]]
    return graph


@pytest.mark.parametrize("page", [hostile_plan, hostile_drift, hostile_findings, hostile_check])
def test_nothing_hostile_runs_loads_or_breaks_out(browser: Browser, tmp_path: Path, page: Callable[[], str]) -> None:
    browser.look(written(tmp_path, page()))
    assert browser.run("return document.documentElement.dataset.ready") == "yes"
    typed(browser, "find", "script")
    if browser.run("return document.getElementById('graph-find') !== null"):
        typed(browser, "graph-find", "a")
    everything = """
    for (const d of document.querySelectorAll("details")) d.open = true;
    for (const b of document.querySelectorAll("button:not(#theme)")) b.click();
    const click = () => new MouseEvent("click", { bubbles: true, cancelable: true });
    for (const a of document.querySelectorAll("#whole a, #near a")) a.dispatchEvent(click());
    return document.querySelectorAll("img, iframe, object, embed, base, body script:not(#data)").length;
    """
    assert browser.run(everything) == 1
    assert browser.noticed() == []


def test_the_policy_stops_what_is_put_into_the_page_and_the_listener_hears_it(
    browser: Browser, page: Path, tmp_path: Path
) -> None:
    bad = "<script>alert(1)</script><img src=https://evil.example/x onerror=alert(2)><p style='color:red'>x</p>"
    text = page.read_text(encoding="utf-8").replace("<footer", f"{bad}<footer")
    browser.look(written(tmp_path, text))
    noticed = browser.noticed()
    for directive in ("script-src", "img-src", "style-src"):
        assert any(line.startswith(directive) for line in noticed), directive
    assert "alert" not in noticed


def test_search_filters_folds_and_links_find_their_rows(browser: Browser, page: Path) -> None:
    browser.look(page)
    everything = shown(browser, "#changes .row")
    assert len(everything) > 5
    choose(browser, "action", "delete")
    (only,) = shown(browser, "#changes .row")
    assert browser.run("return document.getElementById(arguments[0]).textContent", only).strip().startswith("delete")
    assert shown(browser, "#risks .row") == []
    browser.run("document.getElementById('reset').click()")
    typed(browser, "find", "r2 CREATE")
    found = shown(browser, "#changes .row")
    assert 0 < len(found) < len(everything)
    assert "found" in browser.run("return document.getElementById('found').textContent")
    other = next(row for row in everything if row not in found)
    browser.driver.execute_async_script("location.hash = arguments[0]; setTimeout(arguments[1], 300)", other)
    assert set(shown(browser, "#changes .row")) == set(everything)
    assert browser.run("return document.activeElement.closest('.row').id") == other
    assert browser.run("return document.querySelector(`#${arguments[0]} details`)?.open", other)
    browser.run("document.querySelector('#changes [data-fold=close]').click()")
    assert not browser.run("return document.querySelectorAll('#changes details[open]').length")
    browser.run("dispatchEvent(new Event('beforeprint'))")
    assert browser.run("return document.querySelectorAll('details:not([open])').length") == 0
    assert browser.noticed() == []


def test_the_graph_is_drawn_and_shows_neighbourhoods(browser: Browser, page: Path) -> None:
    browser.look(page)
    spots = browser.run("return document.querySelectorAll('#whole a').length")
    assert spots > 40
    assert browser.run("return document.querySelector('#whole').getBoundingClientRect().height") > 900
    typed(browser, "graph-find", "user person-7")
    assert browser.run("return [...document.querySelectorAll('#graph-hits button')].map(b => b.textContent)") == [
        "user person-7"
    ]
    browser.run("document.querySelector('#graph-hits button').click()")
    assert browser.run("return [...document.querySelectorAll('#near a')].map(a => a.getAttribute('aria-label'))") == [
        "user person-7",
        "role shared",
    ]
    assert not shown(browser, "#whole")
    browser.run("document.getElementById('graph-back').click()")
    assert shown(browser, "#whole") == ["whole"]
    assert browser.noticed() == []


@pytest.mark.parametrize(
    ("name", "width", "scheme"), [("light", 1280, "light"), ("dark", 1280, "dark"), ("narrow", 390, "light")]
)
def test_a_picture_of_the_page_shows_it(
    browser: Browser, page: Path, tmp_path: Path, name: str, width: int, scheme: str
) -> None:
    browser.look(page, width=width, scheme=scheme, at="#graph")
    browser.driver.execute_async_script("setTimeout(arguments[0], 300)")
    file = tmp_path / f"{name}.png"
    assert browser.driver.save_screenshot(str(file))
    *size, bytes_used = chromium.picture(file.read_bytes())
    assert size == [width, 900]
    assert bytes_used > 100
    box = browser.run("const b = document.querySelector('.picture').getBoundingClientRect(); return [b.top, b.width]")
    assert 0 <= box[0] < 900
    assert 0 < box[1] <= width
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth")
    light = browser.run("return getComputedStyle(document.body).backgroundColor") == "rgb(245, 246, 248)"
    assert light == (scheme == "light")


def test_the_theme_can_be_chosen(browser: Browser, page: Path) -> None:
    browser.look(page)
    colour = "return getComputedStyle(document.body).backgroundColor"
    assert browser.run(colour) == "rgb(245, 246, 248)"
    words = [browser.run("document.getElementById('theme').click(); return theme.textContent") for _ in range(2)]
    assert words == ["Theme: light", "Theme: dark"]
    assert browser.run(colour) == "rgb(14, 18, 23)"
    browser.run("document.getElementById('theme').click()")


def axed() -> str:
    """The program that finds what keeps somebody from reading a page."""
    if reason := npm.missing("axe-core", AXE, AXE_HOME):
        pytest.skip(f"axe does not look at the HTML report: {reason}")
    return (AXE_HOME / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def small_pages() -> dict[str, str]:
    plan, drift, findings = plan_document(), drift_document("", 5), findings_document("", 5)
    return {
        "plan": plan_html(plan, SOURCES, access_graph(plan, 2)),
        "drift": drift_html(drift, SOURCES, access_graph(drift, 2)),
        "findings": findings_html(findings, SOURCES, access_graph(findings, 2)),
        "check": check_html(check_document("", 4), SOURCES),
    }


@pytest.mark.parametrize("name", ["plan", "drift", "findings", "check"])
def test_axe_finds_nothing_serious_in_either_theme(browser: Browser, tmp_path: Path, name: str) -> None:
    axe, small = axed(), written(tmp_path, small_pages()[name])
    script = """
    const [rules, done] = arguments;
    const told = (v) => [v.impact, v.id, v.nodes[0].html.slice(0, 200), v.nodes[0].failureSummary];
    axe.run(document, rules).then((r) => done([r.passes.length, r.violations.map(told)]), (e) => done(String(e)));
    """
    wanted = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
    looks = [("light", wanted), ("dark", ["color-contrast"])]
    for scheme, rules in looks if name in ("plan", "drift") else looks[:1]:  # the others have no colours of their own
        browser.look(small, scheme=scheme)
        browser.run("for (const d of document.querySelectorAll('.part details')) d.open = true")
        browser.run(axe)
        passes, found = browser.driver.execute_async_script(script, {"runOnly": rules})
        assert passes
        assert [row for row in found if row[0] in ("serious", "critical")] == []


@pytest.mark.slow
def test_five_thousand_changes_are_paged_and_searched_without_a_freeze(browser: Browser, tmp_path: Path) -> None:
    document = plan_document("", 5_000)
    browser.look(written(tmp_path, plan_html(document, SOURCES, access_graph(document, 5_000))))
    assert len(shown(browser, "#changes > .rows > .row")) == 200
    took = """
    const begun = performance.now();
    document.getElementById("find").value = "4999";
    document.getElementById("reset").form.querySelector("select").dispatchEvent(new Event("change"));
    return performance.now() - begun;
    """
    assert browser.run(took) < 5_000
    assert 0 < len(shown(browser, "#changes > .rows > .row")) < 200
    assert browser.noticed() == []
