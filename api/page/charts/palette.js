// Colours of the charts: those of the style sheet, and the scale of the heatmap.
//
// The scale is even for the eye: the lightness in OKLab rises in equal steps from the panel, so that
// it can be read without colours too. The hues run from blue to yellow, which colour-blind people
// tell apart.

const NAMES = ["text", "muted", "line", "panel", "bid", "ask", "bid-bar", "ask-bar"];
const STEPS = 256;
const LEAST = 0.12;
const MOST_CHROMA = 0.12;
// Lightness at the end, and the hues in degrees from the least to the greatest quantity. The mid is
// drawn in the colour of texts, which is beyond that end.
const DARK = { end: 0.87, hues: [275, 100] };
const LIGHT = { end: 0.3, hues: [105, 290] };

/** Return the present colours of the theme. */
export function themeColours() {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

/** Return the scale for a panel with the colour `#rrggbb`: 256 colours as `[red, green, blue]`. */
export function scaleFor(panel) {
  const from = lightnessOf(panel);
  const { end, hues } = from < 0.6 ? DARK : LIGHT;
  return Array.from({ length: STEPS }, (_, step) => {
    const share = step / (STEPS - 1);
    // Even a small quantity differs from the panel.
    const lightness = from + (end - from) * (LEAST + (1 - LEAST) * share);
    return colourOf(lightness, ((hues[0] + (hues[1] - hues[0]) * share) * Math.PI) / 180);
  });
}

/** Return the most colourful colour of a lightness and hue, up to a limit, that sRGB has. */
function colourOf(lightness, hue) {
  for (let chroma = MOST_CHROMA; chroma > 0; chroma -= 0.005) {
    const parts = srgbOf(lightness, chroma * Math.cos(hue), chroma * Math.sin(hue));
    // A part that must be cut would change the lightness.
    if (parts.every((part) => part >= 0 && part <= 1)) return parts.map(byteOf);
  }
  return srgbOf(lightness, 0, 0).map((part) => byteOf(Math.min(1, Math.max(0, part))));
}

/** Return a scale as pixels for ImageData; the first one is transparent. */
export function pixelsOf(scale) {
  const pixels = new Uint32Array(STEPS);
  const bytes = new Uint8ClampedArray(pixels.buffer);
  scale.forEach((colour, step) => bytes.set([...colour, step === 0 ? 0 : 255], 4 * step));
  return pixels;
}

/** Return the lightness of `#rrggbb` in OKLab, from 0 to 1. */
export function lightnessOf(hex) {
  const number = Number.parseInt(hex.slice(1), 16);
  const [red, green, blue] = [16, 8, 0].map((shift) => linear(((number >> shift) & 255) / 255));
  const long = Math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue);
  const medium = Math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue);
  const short = Math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue);
  return 0.2104542553 * long + 0.793617785 * medium - 0.0040720468 * short;
}

/** Return the linear parts of sRGB of OKLab coordinates. https://bottosson.github.io/posts/oklab/ */
function srgbOf(lightness, a, b) {
  const long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const short = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
    -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
    -0.0041960863 * long - 0.7034186147 * medium + 1.707614701 * short,
  ];
}

function byteOf(part) {
  return Math.round(255 * gamma(part));
}

function linear(part) {
  return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
}

function gamma(part) {
  return part <= 0.0031308 ? 12.92 * part : 1.055 * part ** (1 / 2.4) - 0.055;
}
