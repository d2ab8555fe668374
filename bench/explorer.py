"""How quickly the Explorer answers, in a real browser: sentences, heads, pages, the overview.

    python -m bench.explorer [--repeats 10] [--json FILE]

The overview's peer, 48 Plotly subplots, gets the same weights in the same run; BertViz's model view
is in `python -m bench`.
"""

import json
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from playwright.sync_api import Browser, Page
from plotly.offline import get_plotlyjs
from plotly.subplots import make_subplots

from bench.browser import await_drawn, measuring, options, translate
from bench.heads import N_HEADS, N_LAYERS, N_TOKENS, weights
from core.analysis.head_place import KIND_NAMES, HeadPlace
from explorer.components.overview import component as overview
from explorer.figures.colours import weight_scale
from tests.e2e.conftest import idle, open_from_menu, start_server

Change = tuple[str, Callable[[Page, int], None]]
"""The link of a page, and what a reader does there for the n-th time."""
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
KEEP_PRESSES = """() => {
  for (const kind of ["click", "keydown"])
    addEventListener(kind, () => window.pressedAtMs = performance.timeOrigin + performance.now(), true);
}"""
PAINTED = """window.painted = () =>
  new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));"""


def main() -> None:
    chosen = options(__doc__, repeats=10)
    with measuring() as (browser, described):
        figures_ms = {
            **answers(browser, chosen.repeats, CHANGES),
            **pictures(browser, chosen.repeats),
        }
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


def answers(
    browser: Browser,
    n: int,
    changes: Mapping[str, Change],
    server_options: tuple[str, ...] = (),
) -> dict[str, list[float]]:
    """What a reader waits for, model loaded: milliseconds of each repeat, from press to picture."""
    with tempfile.TemporaryDirectory() as folder:
        process, server = start_server(Path(folder) / "log", options=server_options)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        times = {}
        try:
            for name, (link, act) in changes.items():
                page.goto(f"{server.url}/{link}")
                idle(page)
                act(page, 0)  # the first one also loads the model, and fills caches of the browser
                idle(page)
                times[name] = _timed(page, n, lambda i, act=act: act(page, i + 1))
            return times
        finally:
            page.close()
            process.terminate()
            process.wait(10)


def _timed(page: Page, n: int, act: Callable[[int], None]) -> list[float]:
    """From the reader's last press: how long the driver looks for a button is not our time."""
    page.evaluate(KEEP_PRESSES)
    times = []
    for number in range(n):
        act(number)
        now_ms = 1000 * time.time()
        times.append(now_ms - page.evaluate("window.pressedAtMs"))
        idle(page)
    return times


def _translate(page: Page, number: int) -> None:
    translate(page, SENTENCE.format(PLACES[number % len(PLACES)]))


def _ask(page: Page, number: int) -> None:
    """Another sentence on any page: drawn once its last word stands in the sentence in words."""
    place = PLACES[number % len(PLACES)]
    page.get_by_label("English sentence").fill(SENTENCE.format(place))
    page.get_by_role("button", name="Translate", exact=True).click()
    await_drawn(page.locator(".words .source .said").last.filter(has_text=place))


def _step(page: Page, number: int) -> None:
    step = 2 + number % 5
    page.get_by_role("button", name=re.compile(f"^Step {step}: ")).click()
    await_drawn(page.get_by_role("status").filter(has_text=f"Step {step} of"))


def _open_head(page: Page, number: int) -> None:
    head = 1 + number % 5
    page.get_by_role("button", name=f"Layer 2, head {head}", exact=True).click()
    await_drawn(page.get_by_role("heading", name=f"layer 2, head {head}"))


def _open_kind(page: Page, number: int) -> None:
    kind = list(KIND_NAMES.values())[number % 3]
    page.get_by_role("radio", name=kind, exact=True).click()
    await_drawn(page.get_by_role("heading", name=f"{kind}, layer"))


def _next_row(page: Page, number: int) -> None:
    before = page.locator(".equation").inner_text()
    page.locator(".equation").press("ArrowRight" if number % 10 < 5 else "ArrowLeft")
    page.wait_for_function(
        "before => document.querySelector('.equation')?.innerText !== before"
        " || [...document.querySelectorAll('*')].some((host) =>"
        " (host.shadowRoot?.querySelector('.equation')?.innerText ?? before) !== before)",
        arg=before,
        polling=20,
    )


def _toggle(page: Page, number: int) -> None:
    off = number % 2 == 0
    name = re.compile("^Cross-attention, layer 4, head 7[,:]")
    page.get_by_role("switch", name=name).click()
    await_drawn(page.locator(f".words .line.target:nth-of-type({3 if off else 2}):last-of-type"))


def _shift(page: Page, number: int) -> None:
    field = page.get_by_label("by k", exact=True)
    field.fill(str(2 + number))
    field.press("Enter")
    await_drawn(page.get_by_text(f"With positions shifted by {2 + number}:"))


def _open_page(page: Page, number: int) -> None:
    title, heading = PAGES[number % len(PAGES)]
    open_from_menu(page, title)
    await_drawn(page.get_by_role("heading", name=heading))
    await_drawn(page.locator(".words .target .word"))


PAGES = (
    ("Heads", "Which head looks where?"),
    ("Inside attention", "What does one head compute?"),
    ("Anatomy", "What is the model made of?"),
    ("Ablate", "What if this head were not there?"),
    ("Positions", "How does it know the order of words?"),
    ("Translate", "Where did each word come from?"),
)
CHANGES: dict[str, tuple[str, Callable[[Page, int], None]]] = {
    f"new sentence of {len(SENTENCE.split())} words, Translate": ("", _translate),
    **{f"new sentence, {name.capitalize()}": (name, _ask)
       for name in ("heads", "inside", "positions", "ablate", "anatomy")},
    "another step, Translate": ("", _step),
    "another head, Heads": ("heads", _open_head),
    "another kind of attention, Heads": ("heads", _open_kind),
    "next row, Inside attention": ("inside", _next_row),
    "a head off or on, Ablate": ("ablate?worth=none", _toggle),
    "another shift, Positions": ("positions?positions=shift", _shift),
    "another page": ("", _open_page),
}  # fmt: skip
"""What is timed: its name, the page it is done on, and how; it returns once the answer is drawn."""


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
