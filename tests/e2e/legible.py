"""Text that is read: its contrast and its size, charts included."""

from playwright.sync_api import Page

SMALL_OR_FAINT = """() => {
  const roots = [document];
  for (const host of document.querySelectorAll("*")) if (host.shadowRoot) roots.push(host.shadowRoot);
  const numbers = (colour) => (colour.match(/[\\d.]+/g) ?? []).map(Number);
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((n) => n / 255).map((n) => (n <= 0.04045 ? n / 12.92 : ((n + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const over = (top, below) => {
    const alpha = top[3] ?? 1;
    return [0, 1, 2].map((i) => top[i] * alpha + below[i] * (1 - alpha));
  };
  const behind = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement ?? at.getRootNode().host) {
      const colour = getComputedStyle(at).backgroundColor;
      if (colour.startsWith("rgb")) layers.push(numbers(colour));
      if (layers.length && (layers.at(-1)[3] ?? 1) === 1) break;
    }
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255]);
  };
  const found = [];
  for (const root of roots) {
    for (const text of root.querySelectorAll(".js-plotly-plot text, .stMain p, .stMain span, .stMain button, .stMain li, span, button, figcaption, td, th, text")) {
      // a mark without a letter or a digit is told apart by its shape
      const own = [...text.childNodes].some((node) => node.nodeType === 3 && /[\\p{L}\\p{N}]/u.test(node.data));
      const box = text.getBoundingClientRect();
      if (!own || !box.width || !box.height || text.closest("[aria-hidden='true'], [disabled], [aria-disabled='true'], [data-testid='stHeader'], .material-icons, [data-testid='stIconMaterial']")) continue;
      const style = getComputedStyle(text);
      if (style.visibility !== "visible" || Number(style.opacity) === 0) continue;
      const svg = text instanceof SVGElement;
      const what = `${text.textContent.trim().slice(0, 40)} (${text.className?.baseVal ?? text.className})`;
      if (parseFloat(style.fontSize) < 10) found.push(`${style.fontSize}: ${what}`);
      if (svg && text.closest(".heatmaplayer, .scatterlayer, .textpoint, .shapelayer, .infolayer .annotation")) continue; // on colours of their own
      if (svg && !text.closest(".js-plotly-plot")) continue; // boxes drawn in the same SVG
      const colour = numbers(svg ? style.fill : style.color);
      if (!colour.length) continue;
      const below = behind(svg ? text.closest(".js-plotly-plot") : text);
      const [light, dark] = [luminance(over(colour, below)), luminance(below)].sort((a, b) => b - a);
      const ratio = (light + 0.05) / (dark + 0.05);
      const isLarge = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && Number(style.fontWeight) >= 700);
      if (ratio < (isLarge ? 3 : 4.5) - 0.01) found.push(`${ratio.toFixed(2)}:1: ${what}`);
    }
  }
  return [...new Set(found)];
}"""


def hard_to_read(page: Page) -> set[str]:
    """Text below 4.5:1 (WCAG 2.1, AA) or 10 px."""
    return set(page.evaluate(SMALL_OR_FAINT))
