"""Whether everybody can read and use what a page shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.e2e.shown import Shown

Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")

# Returns the contrast of each text with its background, the bars of the rows included.
CONTRASTS = """
() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true })
  const over = (colors) => {
    canvas.fillStyle = "white"
    canvas.fillRect(0, 0, 1, 1)
    for (const color of colors) { canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1) }
    return canvas.getImageData(0, 0, 1, 1).data
  }
  const luminance = ([...rgb]) => {
    const [r, g, b] = rgb.slice(0, 3).map((value) => value / 255)
      .map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  // What is drawn behind a text that is not an ancestor's background.
  const barOf = (element) => element.matches(".levels li")
    ? [getComputedStyle(element, "::before").backgroundColor] : []
  const found = []
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement
    if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue
    const behind = []
    let opacity = 1
    for (let each = element; each; each = each.parentElement) {
      const style = getComputedStyle(each)
      behind.unshift(style.backgroundColor, ...barOf(each))
      opacity *= style.opacity
      if (style.filter !== "none") opacity = 0
    }
    const color = getComputedStyle(element).color
    const both = [luminance(over(behind)), luminance(over([...behind, color]))]
    const [light, dark] = both.sort((a, b) => b - a)
    const contrast = opacity < 1 ? 0 : (light + 0.05) / (dark + 0.05)
    const name = element.className || element.localName
    found.push([contrast, `${name}: ${walker.currentNode.data.trim()}`])
  }
  return found
}
"""


def assert_readable(shown: Shown, use: Callable[[Theme], object] | None = None) -> None:
    """Assert that a page is readable in both themes, and that axe finds no violation.

    Each text must have a contrast of at least 4.5:1.

    Args:
        shown: The page.
        use: Changes the theme; None to change that of the system.
    """
    change = use or (lambda theme: shown.page.emulate_media(color_scheme=theme))
    for theme in THEMES:
        change(theme)
        contrasts: list[tuple[float, str]] = shown.page.evaluate(CONTRASTS)
        assert len(contrasts) > 20
        assert [(round(ratio, 2), text) for ratio, text in contrasts if ratio < 4.5] == []
        # Of what axe checks, only the colours depend on the theme.
        assert_accessible(shown.page, *(["color-contrast"] if theme != THEMES[-1] else []))


def assert_accessible(page: Page, *rules: str) -> None:
    """Assert that axe finds no violation of some of its rules, or of any."""
    chosen = {"runOnly": list(rules)} if rules else {}
    results = Axe().run(page, options={"resultTypes": ["violations"], **chosen})
    assert results.violations_count == 0, results.generate_report()
