"use strict";
// Drawings as text of SVG. A base is a column of ten units behind a margin, in the logo as in the map of mutations below it.
const MARGIN = 26, COLUMN = 10, LETTERS = 90, CELL = 13, NAME_ROW = 11, PLOT = {width: 360, height: 120};
const BASES = ["A", "C", "G", "T"];

const escaped = text => String(text).replace(/[&<>"]/g, letter => `&#${letter.charCodeAt(0)};`);
const fixed = (number, digits = 2) => (Math.abs(number) < 0.5*10**-digits ? 0 : number).toFixed(digits).replace("-", "−");
const signed = (number, digits = 2) => (Number(fixed(number, digits)) > 0 ? "+" : "") + fixed(number, digits);
const line = (x1, x2, y1, y2, kind) => `<line x1="${x1}" x2="${x2}" y1="${y1}" y2="${y2}" class="${kind}"/>`;
const label = (x, y, kind, words) => `<text x="${x}" y="${y}" class="${kind}">${escaped(words)}</text>`;

function svg(width, height, words, parts, role = "img") {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="${role}" aria-label="${escaped(words)}">${parts.join("")}</svg>`;
}

// A histogram of the training library from its percentiles: a bar a bin of the assay, forty at most.
function bars(percentiles, [low, high]) {
  const first = Math.floor(Math.min(percentiles[0], low)), last = Math.ceil(Math.max(percentiles.at(-1), high));
  const count = Math.min(last - first + 1, 40), left = first - 0.5, width = (last - first + 1)/count, shares = Array(count).fill(0);
  for (const value of percentiles) shares[Math.min(Math.floor((value - left)/width), count - 1)] += 1/percentiles.length;
  return {shares, left, right: last + 0.5};
}

function drawDistribution(percentiles, {prediction, interval}, before) {
  const {shares, left, right} = bars(percentiles, interval), floor = PLOT.height - 16, tallest = Math.max(...shares);
  const x = value => ((value - left)/(right - left)*PLOT.width).toFixed(1), step = PLOT.width/shares.length;
  const columns = shares.map((share, place) => {
    const height = share/tallest*80;
    return `<rect x="${(place*step + 1).toFixed(1)}" y="${(floor - height).toFixed(1)}" width="${(step - 2).toFixed(1)}" height="${height.toFixed(1)}" class="bar"/>`;
  });
  const band = `<rect x="${x(interval[0])}" y="12" width="${(x(interval[1]) - x(interval[0])).toFixed(1)}" height="${floor - 12}" class="band"/>`;
  const marks = before == null ? [] : [line(x(before), x(before), 12, floor, "before")];
  marks.push(line(x(prediction), x(prediction), 12, floor, "now"), label(x(prediction), 9, "value", fixed(prediction)));
  const every = Math.max(1, Math.round((right - left)/5)), ticks = [];
  for (let tick = Math.ceil(left); tick < right; tick += every) ticks.push(label(x(tick), PLOT.height - 3, "tick", fixed(tick, 0)));
  const words = `Measured values of the training library as bars; the prediction ${fixed(prediction)} in its interval from ${fixed(interval[0])} to ${fixed(interval[1])}`;
  return svg(PLOT.width, PLOT.height, words, [...columns, band, ...marks, ...ticks]);
}

// Names of motifs in rows, each in the lowest row that has room for it.
function drawNames(sites, first) {
  const reached = [], parts = [];
  for (const {name, start, end} of [...sites].sort((a, b) => a.start - b.start)) {
    const from = start - first, to = Math.max(end - first, from + Math.ceil(name.length*0.55));
    let row = reached.findIndex(last => last + 1 < from);
    if (row < 0) row = reached.length;
    reached[row] = to;
    const left = MARGIN + COLUMN*from + 1, y = NAME_ROW*(row + 1);
    parts.push(line(left, MARGIN + COLUMN*(end - first) + 9, y, y, "span"), label(left, y - 2, "motif", name));
  }
  return {parts, height: reached.length*NAME_ROW};
}

// Letters that raise expression stand on the line; those that hold it down hang from it, upside down.
function drawLetters(shown, contributions, top, {outlines, colours}) {
  const high = Math.max(...contributions, 0.1), low = Math.min(...contributions, -0.1), scale = LETTERS/(high - low), zero = top + high*scale;
  const letters = Array.from(shown, (base, place) => {
    const height = contributions[place]*scale;
    if (!(base in outlines) || Math.abs(height) < 0.3) return "";
    const move = `translate(${(MARGIN + COLUMN*place + 0.4).toFixed(1)} ${(zero - height).toFixed(2)}) scale(9.2 ${height.toFixed(2)})`;
    return `<path d="${outlines[base]}" fill="${colours[base]}" transform="${move}"/>`;
  });
  const right = MARGIN + COLUMN*shown.length;
  return [...letters, line(MARGIN, right, zero.toFixed(1), zero.toFixed(1), "axis"),
          label(MARGIN - 3, top + 6, "scale", signed(high, 1)), label(MARGIN - 3, top + LETTERS, "scale", signed(low, 1))];
}

// Blue lowers expression, orange raises it, white does nothing.
function shade(effect, strongest) {
  const share = Math.min(Math.abs(effect)/strongest, 1), full = effect > 0 ? [213, 94, 0] : [0, 114, 178];
  return `rgb(${full.map(part => Math.round(255 + share*(part - 255))).join(" ")})`;
}

const strongestEffect = effects => Math.max(0.5, ...effects.flatMap(row => Array.from(row, Math.abs)));

function sayCell(shown, first, effects, base, place) {
  const own = shown[place], position = first + place;
  return own == BASES[base] ? `${own}${position} is there` : `${own}${position}${BASES[base]}: ${signed(effects[base][place])} bins`;
}

function drawCells(shown, first, effects, top) {
  const strongest = strongestEffect(effects), offset = effects[0].length - shown.length;
  const read = effects.map(row => Array.from(row).slice(offset));
  return BASES.flatMap((letter, base) => [label(MARGIN - 8, top + CELL*base + 10, "base", letter), ...Array.from(shown, (own, place) => {
    const x = MARGIN + COLUMN*place, y = top + CELL*base, same = own == letter;
    const cell = `<rect x="${x}" y="${y}" width="${COLUMN}" height="${CELL}" fill="${shade(read[base][place], strongest)}" class="cell" role="button" `
      + `tabindex="-1" data-base="${base}" data-place="${place}" aria-label="${sayCell(shown, first, read, base, place)}"/>`;
    return same ? cell + label(x + 5, y + 10, "own", letter) : cell;
  })]);
}

function drawMap({shown, first, effects, contributions, sites}, model) {
  const names = drawNames(sites, first), top = names.height + 4, ticks = top + LETTERS + 10, cells = ticks + 5, width = MARGIN + COLUMN*shown.length;
  const places = Array.from(shown, (_, place) => first + place).filter(position => position % 10 == 0);
  const strongest = contributions.reduce((best, value, place) => Math.abs(value) > Math.abs(contributions[best]) ? place : best, 0);
  const words = `Contribution of each of ${shown.length} bases as letters, and the effect of each substitution as cells; the strongest is `
    + `${shown[strongest]} at position ${first + strongest} with ${signed(contributions[strongest])} bins`;
  return svg(width, cells + 4*CELL + 1, words, [...names.parts, ...drawLetters(shown, contributions, top, model),
    ...places.map(position => label(MARGIN + COLUMN*(position - first) + 5, ticks, "tick", position)), ...drawCells(shown, first, effects, cells)], "group");
}
