"use strict";
// From what was pasted to what the network reads, and what is known of it: as `prepare`, `trim` and `flag` of the library.
const UNKNOWN = 4;

function codesOf(letters, {known, ambiguous}) {
  return Array.from(letters, (letter, place) => {
    if (letter in known) return known[letter];
    if (ambiguous.includes(letter)) return UNKNOWN;
    const number = letter.codePointAt(0), name = number > 126 ? ` (U+${number.toString(16).toUpperCase().padStart(4, "0")})` : "";
    const advice = /\d/.test(letter) ? "remove the spaces and numbers among its bases" : `known are ${Object.keys(known).join("")}${ambiguous}`;
    throw new RangeError(`'${letter}'${name} at base ${place + 1} is no IUPAC letter; ${advice}`);
  });
}

// Where the core begins or ends: beside an intact flank, beside a damaged one, or at the sequence's own end.
function findCut(codes, start, end, {motif, anchor, mismatches, shifts}, upstream) {
  const differing = (place, bases) => {
    if (codes.length < bases.length) return bases.length;
    const from = Math.min(Math.max(place, 0), codes.length - bases.length);
    return bases.filter((base, offset) => base != codes[from + offset]).length;
  };
  if (!motif.length) return {cut: upstream ? start : end, state: "missing"};
  const length = motif.length, cut = upstream ? start + length : end - length;
  if (end - start >= length && !differing(upstream ? cut - length : cut, motif)) return {cut, state: "intact"};
  const bases = upstream ? motif.slice(-anchor) : motif.slice(0, anchor);
  const tried = shifts.map(shift => {
    const first = cut + shift - (upstream ? anchor : 0);
    return {cut: cut + shift, score: first < start || first + anchor > end ? anchor : differing(first, bases)};
  });
  const best = tried.reduce((best, other) => other.score < best.score ? other : best);
  return best.score <= mismatches ? {cut: best.cut, state: "damaged"} : {cut: upstream ? start : end, state: "missing"};
}

function trim(codes, {upstream, downstream, ...rule}) {
  let start = 0;
  while (start < codes.length && codes[start] == UNKNOWN) start++;
  const left = findCut(codes, start, codes.length, {motif: upstream, ...rule}, true);
  const right = findCut(codes, start, codes.length, {motif: downstream, ...rule}, false);
  const states = [left.state, right.state];
  if (states.includes("damaged") && states.includes("missing")) return [start, codes.length];
  return [left.cut, Math.max(left.cut, right.cut)];
}

function readCore(text, model) {
  const lines = text.trim().split(/\r\n|[\n\r]/), bases = lines.filter(line => !line.startsWith(">"));
  if (lines.length - bases.length > 1) throw new RangeError("holds several headers; this page takes one sequence at a time");
  const letters = bases.join("").replace(/\s+/g, "").toUpperCase().replaceAll("U", "T");
  if (!letters) throw new RangeError("is empty; give its bases");
  const [start, end] = trim(codesOf(letters, model.letters), model.flanks);
  if (start == end) throw new RangeError("has no bases besides flanks and N in front; give its bases");
  return letters.slice(start, end);
}

// The last bases of a core as codes, aligned at the right.
function readCodes(core, model) {
  const codes = codesOf(core.slice(-model.plan.width), model.letters);
  return [...Array(model.plan.width - codes.length).fill(UNKNOWN), ...codes];
}

function unusual(core, codes, prediction, model) {
  const known = codes.filter(code => code < UNKNOWN), width = codes.length, {length, gc} = model.range;
  const share = known.filter(code => code == 1 || code == 2).length/known.length, measured = model.percentiles;
  const usual = gc[0] <= share && share <= gc[1];
  const threes = codes.map((_, place) => codes.slice(place, place + 3)).filter(three => three.length == 3 && !three.includes(UNKNOWN));
  return Object.entries({
    "length": core.length < length[0] || core.length > length[1],
    "cut": core.length > width,
    "GC": !usual,
    "low complexity": usual && new Set(threes.map(String)).size < model.fewest*Math.min(threes.length, 64),
    "unknown bases": Math.min(core.length, width) > known.length,
    "beyond measured values": prediction < measured[0] || prediction > measured.at(-1),
  }).filter(([, applies]) => applies).map(([reason]) => reason);
}

function interval(prediction, {edges, low, high}) {
  const group = edges.filter(edge => edge <= prediction).length;
  return [prediction + low[group], prediction + high[group]];
}

// `second - first` with its interval, the errors of both taken as independent.
function difference(first, second) {
  const delta = second.prediction - first.prediction;
  const below = Math.hypot(second.prediction - second.interval[0], first.interval[1] - first.prediction);
  const above = Math.hypot(second.interval[1] - second.prediction, first.prediction - first.interval[0]);
  return {delta, low: delta - below, high: delta + above};
}

// A base is worth the prediction with it, less the mean of those without.
function contributionsOf(effects) {
  return Array.from(effects[0], (_, place) => -effects.reduce((sum, row) => sum + row[place], 0)/3);
}
