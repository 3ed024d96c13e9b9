"use strict";
// Sites of JASPAR's motifs, as `motif_sites` of the library finds them. `weights` are [4][width], in steps of bits.
const CHANCE = 1e-4;

function surprise(weights) {
  let share = [1];
  for (let column = 0; column < weights[0].length; column++) {
    const steps = weights.map(row => row[column]), lowest = Math.min(...steps);
    const wider = new Float64Array(share.length + Math.max(...steps) - lowest);
    for (const step of steps) for (let i = 0; i < share.length; i++) wider[i + step - lowest] += share[i]/4;
    share = wider;
  }
  for (let i = share.length - 2; i >= 0; i--) share[i] += share[i + 1];
  return share;
}

function readMotifs(motifs) {
  return motifs.map(({name, id, weights}) => {
    const chances = surprise(weights), first = chances.findIndex(chance => chance <= CHANCE);
    const lowest = weights[0].reduce((sum, _, column) => sum + Math.min(...weights.map(row => row[column])), 0);
    const turned = [3, 2, 1, 0].map(base => weights[base].slice().reverse());
    return {name, id, width: weights[0].length, strands: {"+": weights, "-": turned}, chances, lowest, first};
  }).filter(({first}) => first >= 0);
}

function hitsOf(codes, {name, id, width, strands, chances, lowest, first}) {
  const hits = [];
  for (const [strand, weights] of Object.entries(strands))
    for (let start = 0; start + width <= codes.length; start++) {
      let sum = -lowest, known = true;
      for (let i = 0; i < width && known; i++) {
        known = codes[start + i] < UNKNOWN;
        if (known) sum += weights[codes[start + i]][i];
      }
      if (known && sum >= first) hits.push({name, id, start: start + 1, end: start + width, strand, sum, p: chances[sum]});
    }
  const kept = [];
  for (const hit of hits.sort((a, b) => b.sum - a.sum))
    if (kept.every(other => Math.abs(hit.start - other.start) >= width)) kept.push(hit);
  return kept;
}

// The eight sites that are worth most; of relatives that know the same site, the likeliest.
function bestSites(codes, motifs, contributions) {
  const hits = motifs.flatMap(motif => hitsOf(codes, motif));
  for (const hit of hits) hit.contribution = contributions.slice(hit.start - 1, hit.end).reduce((sum, value) => sum + value, 0);
  const order = (a, b) => a.p - b.p || a.start - b.start || (a.name < b.name ? -1 : 1), likeliest = new Map();
  for (const hit of hits.sort(order)) if (!likeliest.has(`${hit.start} ${hit.end}`)) likeliest.set(`${hit.start} ${hit.end}`, hit);
  return [...likeliest.values()].sort((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution)).slice(0, 8);
}
