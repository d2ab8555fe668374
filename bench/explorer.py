"""How quickly the Explorer answers, in a real browser: a new sentence, another head, the overview.

    python -m bench.explorer [--repeats 10] [--json FILE]

The overview's peer, 48 Plotly subplots, gets the same weights in the same run; BertViz's model view
is in `python -m bench`.
"""

import json
import re
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page
from plotly.offline import get_plotlyjs
from plotly.subplots import make_subplots

from bench.browser import await_drawn, measuring, options, translate
from bench.heads import N_HEADS, N_LAYERS, N_TOKENS, weights
from core.analysis.head_place import HeadPlace
from explorer.components.overview import component as overview
from explorer.figures.colours import weight_scale
from tests.e2e.conftest import idle, start_server

PLACES = ("harbour", "library", "station", "market", "bridge", "church", "school", "theatre",
          "river", "castle", "garden", "museum")  # fmt: skip
SENTENCE = "A young man in a blue shirt is riding his old bicycle along a busy street near the {}"

DRAW_OVERVIEW = """async ([script, bytes]) => {
  const address = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  const { default: draw } = await import(address);
  const place = document.body.appendChild(document.createElement("div"));
  const parentElement = place.attachShadow({ mode: "open" });
  const data = new Uint8Array(bytes), ignore = () => {};
  const start = performance.now();
  draw({ data, parentElement, key: "", setStateValue: ignore, setTriggerValue: ignore });
  await painted();
  const spent = performance.now() - start;
  place.remove();
  return spent;
}"""
DRAW_PLOTLY = """async (figure) => {
  const place = document.body.appendChild(document.createElement("div"));
  const start = performance.now();
  await Plotly.newPlot(place, figure.data, figure.layout);
  await painted();
  const spent = performance.now() - start;
  Plotly.purge(place);
  place.remove();
  return spent;
}"""
PAINTED = """window.painted = () =>
  new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));"""


def main() -> None:
    chosen = options(__doc__, repeats=10)
    with measuring() as (browser, described):
        figures_ms = {**answers(browser, chosen.repeats), **pictures(browser, chosen.repeats)}
    for name, times in figures_ms.items():
        print(f"{name:44} {statistics.median(times):7.0f} ms  [{min(times):.0f}, {max(times):.0f}]")
    ratio = statistics.median(
        theirs / ours
        for ours, theirs in zip(figures_ms[OVERVIEW], figures_ms[SUBPLOTS], strict=True)
    )
    print(f"{'subplots / overview':44} {ratio:7.1f} times")
    if chosen.json:
        result = {"machine": described, "milliseconds": figures_ms}
        chosen.json.write_text(json.dumps(result, indent=2) + "\n")


OVERVIEW = f"overview of {N_LAYERS} x {N_HEADS} heads, {N_TOKENS} tokens, drawn"
SUBPLOTS = f"{N_LAYERS * N_HEADS} Plotly subplots of the same, drawn"


def answers(browser: Browser, n: int) -> dict[str, list[float]]:
    """What a reader waits for, model loaded: milliseconds of each repeat."""
    with tempfile.TemporaryDirectory() as folder:
        process, server = start_server(Path(folder) / "log")
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        try:
            page.goto(server.url)
            translate(page, SENTENCE.format("house"))
            idle(page)
            times = {
                f"new sentence of {len(SENTENCE.split())} words, Translate page": _timed(
                    page, n, lambda i: translate(page, SENTENCE.format(PLACES[i % len(PLACES)]))
                ),
                "another step, in the browser": _timed(page, n, lambda i: _step(page, i)),
            }
            page.goto(f"{server.url}/heads")
            idle(page)
            times["another head, Heads page"] = _timed(page, n, lambda i: _open_head(page, i))
            return times
        finally:
            page.close()
            process.terminate()
            process.wait(10)


def _timed(page: Page, n: int, act: Callable[[int], None]) -> list[float]:
    times = []
    for number in range(n):
        start_s = time.perf_counter()
        act(number)
        times.append(1000 * (time.perf_counter() - start_s))
        idle(page)
    return times


def _step(page: Page, number: int) -> None:
    step = 2 + number % 5
    page.get_by_role("button", name=re.compile(f"^Step {step}: ")).click()
    await_drawn(page.get_by_role("status").filter(has_text=f"Step {step} of"))


def _open_head(page: Page, number: int) -> None:
    head = 1 + number % 5
    page.get_by_role("button", name=f"Layer 2, head {head}", exact=True).click()
    await_drawn(page.get_by_role("heading", name=f"layer 2, head {head}"))


def pictures(browser: Browser, n: int) -> dict[str, list[float]]:
    """The overview and Plotly's subplots, in turn in one page; the first of each only warms up."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_content("<!doctype html><body></body>")
    page.add_script_tag(content=get_plotlyjs())
    page.add_script_tag(content=PAINTED)
    ours = [overview.SCRIPT, list(overview.payload(weights(), HeadPlace("cross", 0, 0)))]
    theirs = json.loads(_subplots())
    times: dict[str, list[float]] = {OVERVIEW: [], SUBPLOTS: []}
    for _ in range(n + 1):
        times[OVERVIEW].append(page.evaluate(DRAW_OVERVIEW, ours))
        times[SUBPLOTS].append(page.evaluate(DRAW_PLOTLY, theirs))
    page.close()
    return {name: of_name[1:] for name, of_name in times.items()}


def _subplots() -> str:
    figure = make_subplots(N_LAYERS, N_HEADS)
    for layer, heads in enumerate(weights(), start=1):
        for head, of_head in enumerate(heads, start=1):
            figure.add_heatmap(
                z=of_head, zmin=0, zmax=1, colorscale=weight_scale(), showscale=False,
                row=layer, col=head,
            )  # fmt: skip
    return str(figure.update_layout(width=900, height=700).to_json())


if __name__ == "__main__":
    main()
