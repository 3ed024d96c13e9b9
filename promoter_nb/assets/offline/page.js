"use strict";
// The page: fields, what they do, and what is shown. What was done so far is a list of cores, the last of which is shown.
const model = JSON.parse(document.getElementById("model").textContent);
const numbers = text => new Float32Array(Uint8Array.from(atob(text), letter => letter.charCodeAt(0)).buffer);
const members = model.members.map(member => ({...member, weights: numbers(member.weights)}));
const networks = members.map(member => new Network(model.plan, member));
const motifs = readMotifs(model.motifs);
const part = id => document.getElementById(id);
const mean = values => values.reduce((sum, value) => sum + value, 0)/values.length;

function predict(core) {
  const codes = readCodes(core, model), prediction = mean(networks.map(network => predictBothStrands(network, codes)));
  const rank = model.percentiles.filter(value => value < prediction).length/model.percentiles.length;
  const shown = core.slice(-codes.length);
  return {core, codes, shown, first: core.length - shown.length + 1, prediction, rank,
          interval: interval(prediction, model.intervals), unusual: unusual(core, codes, prediction, model)};
}

// Effects of all substitutions: each member in a worker of its own. A worker that is busy with an older sequence is ended.
let workers = [], waiting = 0, asked = 0;
function startWorkers() {
  workers.forEach(worker => worker.terminate());
  const source = URL.createObjectURL(new Blob([part("network").textContent, "serve()"], {type: "text/javascript"}));
  workers = members.map(member => {
    const worker = new Worker(source);
    worker.postMessage({plan: model.plan, member});
    return worker;
  });
  URL.revokeObjectURL(source);
}
function effectsOf(codes) {
  if (waiting || !workers.length) startWorkers();
  const number = ++asked;
  waiting = workers.length;
  const answers = workers.map(worker => new Promise((resolve, reject) => {
    worker.onerror = reject;
    worker.onmessage = ({data}) => { if (data.number == number) { waiting--; resolve(data.effects); } };
    worker.postMessage({number, codes});
  }));
  return Promise.all(answers).then(found => BASES.map((_, base) => Array.from(codes, (_, place) => mean(found.map(effects => effects[base][place])))));
}

let history = [], seen = null, busy = 0;
const reasons = {
  "length": `its length is unlike that of the training promoters (${model.range.length.join(" to ")} bases)`,
  "cut": `the network reads only its last ${model.plan.width} bases`,
  "GC": `its share of G and C is unlike that of the training promoters (${model.range.gc.map(share => Math.round(100*share)).join(" to ")} %)`,
  "low complexity": "it repeats the same few bases, as hardly any of the training promoters does",
  "unknown bases": "it has bases that are not known",
  "beyond measured values": "its prediction lies beyond all values that were measured in training",
};
const percent = share => `${Math.round(100*share)} %`;
const warning = found => found.length == 0 ? "" : `<p class="warning"><strong>Unlike the training data:</strong> ${found.map(reason => reasons[reason]).join("; ")}. Its interval does not hold; trust this prediction less.</p>`;
const changes = (before, after) => {
  const found = Array.from(before, (base, place) => base == after[place] ? "" : `${base}${place + 1}${after[place]}`).filter(Boolean);
  return found.length > 12 ? `${found.length} of ${before.length} bases differ` : found.join(", ");
};

function showResult() {
  const {prediction, interval: [low, high], rank} = seen, before = history.length > 1 ? predict(history[0]) : null;
  const change = before && `<p>${changes(before.core, seen.core) || "As it was"}: <strong>${signed(prediction - before.prediction)}</strong> bins, from ${fixed(before.prediction)}.</p>`;
  part("result").innerHTML = `<p class="number"><strong id="prediction">${fixed(prediction)}</strong> bins</p>`
    + `<p>${percent(model.intervals.coverage)} of measurements would lie between <strong>${fixed(low)}</strong> and <strong>${fixed(high)}</strong>.</p>`
    + `<p>That is more than <strong>${percent(rank)}</strong> of the training library.</p>${change ?? ""}${warning(seen.unusual)}`;
  part("distribution").innerHTML = drawDistribution(model.percentiles, seen, before?.prediction);
}

function showOptions() {
  const position = Number(part("position").value), place = position - seen.first, own = seen.core[position - 1];
  if (!seen.effects || !seen.shown[place]) return part("options").innerHTML = "";
  const offset = seen.codes.length - seen.shown.length + place;
  const others = BASES.map((base, row) => base == own ? "" : `<span>${own}→${base} <strong>${signed(seen.effects[row][offset])}</strong></span>`);
  part("options").innerHTML = `<span>Base ${position} is <strong>${own}</strong>.</span> ${others.join(" ")}`;
}

// On a narrow screen the strongest base is in view.
function centre(sizes) {
  const map = part("map"), place = sizes.indexOf(Math.max(...sizes)) + 0.5;
  map.scrollLeft = (MARGIN + COLUMN*place)/(MARGIN + COLUMN*sizes.length)*map.scrollWidth - map.clientWidth/2;
}

function showMap() {
  const focus = document.activeElement?.classList.contains("cell") ? document.activeElement.dataset : null, strongest = strongestEffect(seen.effects).toFixed(1);
  part("map").style.setProperty("--bases", seen.shown.length);
  part("map").innerHTML = drawMap(seen, model);
  const cell = cellAt(focus?.base ?? 0, focus?.place ?? 0) ?? cellAt(0, 0);
  cell.tabIndex = 0;
  if (focus) cell.focus();
  else if (history.length == 1) centre(seen.contributions.map(Math.abs));
  part("legend").innerHTML = `<span>−${strongest}</span><span class="scale-bar" role="img" aria-label="Blue lowers expression, orange raises it"></span><span>+${strongest} bins</span>`
    + `<span>Effect of the base of that row, in that place. Letters: the base that is there. Click a cell to mutate, or move with the arrow keys and press Enter.</span>`;
  part("motifs").innerHTML = seen.sites.length == 0 ? "<p>No site of a known yeast motif.</p>"
    : `<table><thead><tr><th>factor</th><th class="wide">JASPAR</th><th>bases</th><th>strand</th><th class="wide">p</th><th>contribution</th></tr></thead><tbody>`
      + seen.sites.map(site => `<tr><th scope="row">${escaped(site.name)}</th><td class="wide">${escaped(site.id)}</td><td>${site.start} to ${site.end}</td>`
        + `<td>${site.strand.replace("-", "−")}</td><td class="wide">${site.p.toExponential(0)}</td><td>${signed(site.contribution)}</td></tr>`).join("") + "</tbody></table>";
}

async function explain(view) {
  const effects = await effectsOf(view.codes), offset = view.codes.length - view.shown.length;
  if (view != seen) return;
  const contributions = contributionsOf(effects), move = view.first - 1 - offset;
  const sites = bestSites(view.codes, motifs, contributions).map(site => ({...site, start: site.start + move, end: site.end + move}));
  Object.assign(view, {effects, contributions: contributions.slice(offset), sites});
  showMap();
  showOptions();
  part("map").classList.remove("waiting");
  setButtons();
}

function setButtons() {
  part("undo").disabled = part("undo-all").disabled = history.length < 2;
  part("save-map").disabled = part("save-drawing").disabled = !seen?.effects;
}

// The field holds what is shown: also after a mutation, and after it was undone.
function show(cores) {
  if (cores.length > 1 || history.length > 1) part("sequence").value = cores.at(-1);
  history = cores;
  seen = predict(cores.at(-1));
  Object.assign(part("position"), {min: seen.first, max: seen.core.length});
  if (part("position").value > seen.core.length || part("position").value < seen.first) part("position").value = seen.first;
  showResult();
  showComparison();
  showOptions();
  part("map").classList.add("waiting");
  setButtons();
  explain(seen).catch(error => { part("map").innerHTML = `<p class="error">The map could not be computed: ${escaped(error.message)}</p>`; });
}

const refusal = error => {
  if (!(error instanceof RangeError)) throw error;
  return `<p class="error">${/^[a-z]/.test(error.message) ? "The sequence " : ""}${escaped(error.message)}.</p>`;
};

// A bad sequence leaves everything as it was, but faint, and says why.
function read() {
  try {
    const core = readCore(part("sequence").value, model);
    part("message").innerHTML = "";
    if (core != history.at(-1)) show([core]);
  } catch (error) { part("message").innerHTML = refusal(error); }
  document.body.classList.toggle("faint", part("message").innerHTML != "");
}

function mutate(position, base) {
  const {core} = seen;
  if (core[position - 1] != base) show([...history, core.slice(0, position - 1) + base + core.slice(position)]);
}

function showComparison() {
  part("comparison").innerHTML = part("second-message").innerHTML = "";
  if (!part("second").value.trim()) return;
  try {
    const second = predict(readCore(part("second").value, model)), {delta, low, high} = difference(seen, second);
    const where = second.core.length != seen.core.length ? "" : changes(seen.core, second.core);
    const unread = second.core != seen.core && second.codes.every((code, place) => code == seen.codes[place]);
    part("comparison").innerHTML = `<p class="number"><strong id="difference">${signed(delta)}</strong> bins</p>`
      + `<p>The second is predicted at <strong>${fixed(second.prediction)}</strong>, the first at <strong>${fixed(seen.prediction)}</strong>. `
      + `${percent(model.intervals.coverage)} of measured differences would lie between <strong>${signed(low)}</strong> and <strong>${signed(high)}</strong>.</p>`
      + (where ? `<p>From the first to the second: ${where}.</p>` : "")
      + (unread ? `<p class="warning">The two differ only where the network does not look, so the difference says nothing.</p>` : "") + warning(second.unusual);
  } catch (error) { part("second-message").innerHTML = refusal(error); }
}

function save(name, text, type) {
  const link = Object.assign(document.createElement("a"), {download: name, href: URL.createObjectURL(new Blob([text], {type}))});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

const csv = rows => rows.map(row => row.join(",") + "\n").join("");

function mapTable() {
  const offset = seen.codes.length - seen.shown.length;
  return csv([["position", "base", "contribution", ...BASES], ...Array.from(seen.shown, (base, place) =>
    [seen.first + place, base, seen.contributions[place].toFixed(5), ...seen.effects.map(row => row[offset + place].toFixed(5))])]);
}

function predictionTable() {
  const cores = [...new Set([...history, ...part("comparison").innerHTML ? [readCore(part("second").value, model)] : []])];
  return csv([["sequence", "prediction", "low", "high", "unusual"], ...cores.map(predict).map(({core, prediction, interval, unusual}) =>
    [core, ...[prediction, ...interval].map(value => value.toFixed(5)), unusual.join(";")])]);
}

// The drawing with its rules and the colours of light paper.
function savedDrawing() {
  const rules = [...document.styleSheets[0].cssRules], light = rules[0].style;
  const kept = rules.filter(rule => /^(\.(tick|scale|base|own|axis|span|motif|cell)|#map \.tick)$/.test(rule.selectorText)).map(rule => rule.cssText.replace("#map ", ""));
  const style = `<style>svg{${light.cssText};font-family:sans-serif}${kept.join("")}</style><rect width="100%" height="100%" fill="#fff"/>`;
  return drawMap(seen, model).replace(">", () => `>${style}`).replace(/ (role="button"|tabindex="-1"|data-\w+="\d+")/g, "");
}

const cellAt = (base, place) => part("map").querySelector(`.cell[data-base="${base}"][data-place="${place}"]`);
const pick = cell => {
  const position = seen.first + Number(cell.dataset.place);
  Object.assign(part("position"), {value: position});
  part("base").value = BASES[cell.dataset.base];
  mutate(position, part("base").value);
};

// One cell of the map can be reached by the Tab key; the arrow keys move from there.
const MOVES = {ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0]};
function onKey(event) {
  const cell = event.target.closest?.(".cell");
  if (!cell) return;
  if (event.key == "Enter" || event.key == " ") { event.preventDefault(); return pick(cell); }
  const move = MOVES[event.key], {base, place} = cell.dataset;
  const next = move ? cellAt(Number(base) + move[0], Number(place) + move[1]) : event.key == "Home" ? cellAt(base, 0)
    : event.key == "End" ? cellAt(base, seen.shown.length - 1) : null;
  if (!next) return;
  event.preventDefault();
  cell.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}

const later = (action, milliseconds = 150) => { let timer; return () => { clearTimeout(timer); timer = setTimeout(action, milliseconds); }; };
const onEach = (events, id, action) => events.split(" ").forEach(event => part(id).addEventListener(event, action));
const say = event => { part("said").textContent = event.target.closest?.(".cell")?.getAttribute("aria-label") ?? ""; };
onEach("input", "sequence", later(read));
onEach("input", "second", later(showComparison));
onEach("input", "position", showOptions);
onEach("submit", "mutation", event => { event.preventDefault(); mutate(Number(part("position").value), part("base").value); });
onEach("click", "example", () => { part("sequence").value = model.example; read(); });
onEach("click", "undo", () => show(history.slice(0, -1)));
onEach("click", "undo-all", () => show(history.slice(0, 1)));
onEach("click", "take-over", () => { part("second").value = seen.core; showComparison(); });
onEach("click", "map", event => { const cell = event.target.closest(".cell"); if (cell) pick(cell); });
onEach("keydown", "map", onKey);
onEach("mouseover focusin", "map", say);
onEach("mouseleave focusout", "map", () => { part("said").textContent = ""; });
onEach("click", "save-map", () => save("contributions.csv", mapTable(), "text/csv"));
onEach("click", "save-predictions", () => save("predictions.csv", predictionTable(), "text/csv"));
onEach("click", "save-drawing", () => save("contributions.svg", savedDrawing(), "image/svg+xml"));

part("model-name").textContent = model.name;
part("worth").textContent = model.worth;
part("sequence").value = model.example;
read();
