"use strict";
// The networks of a model in plain arithmetic. A buffer holds a row of channels for each position, and zeros at both ends.

function newBuffer(rows, channels, pad) {
  return {rows, channels, pad, values: new Float32Array((rows + 2*pad)*channels)};
}

// Rows `first` to `last` of a convolution or a dense layer: each is the weights times the numbers that begin at its row.
// Four rows and two columns at a time, so that each number that is read is used often; the last may be computed twice.
function multiply({weights, bias, kernel, inputs, outputs}, from, to, first, last) {
  const depth = kernel*inputs, a = from.values, out = to.values;
  for (let row = first; row < last; row += 4) {
    const r1 = Math.min(row + 1, last - 1), r2 = Math.min(row + 2, last - 1), r3 = Math.min(row + 3, last - 1);
    const p0 = row*inputs, p1 = r1*inputs, p2 = r2*inputs, p3 = r3*inputs;
    const o0 = (row + to.pad)*outputs, o1 = (r1 + to.pad)*outputs, o2 = (r2 + to.pad)*outputs, o3 = (r3 + to.pad)*outputs;
    for (let c = 0; c < outputs; c += 2) {
      const d = Math.min(c + 1, outputs - 1), v = c*depth, w = d*depth;
      let s0 = bias[c], s1 = s0, s2 = s0, s3 = s0, t0 = bias[d], t1 = t0, t2 = t0, t3 = t0;
      for (let k = 0; k < depth; k++) {
        const x = weights[v + k], y = weights[w + k], a0 = a[p0 + k], a1 = a[p1 + k], a2 = a[p2 + k], a3 = a[p3 + k];
        s0 += a0*x; s1 += a1*x; s2 += a2*x; s3 += a3*x;
        t0 += a0*y; t1 += a1*y; t2 += a2*y; t3 += a3*y;
      }
      out[o0 + c] = s0; out[o1 + c] = s1; out[o2 + c] = s2; out[o3 + c] = s3;
      out[o0 + d] = t0; out[o1 + d] = t1; out[o2 + d] = t2; out[o3 + d] = t3;
    }
  }
}

// SiLU, and the connection around two convolutions.
function activate(to, first, last, around) {
  const start = (first + to.pad)*to.channels, shift = around ? (around.pad - to.pad)*to.channels : 0;
  for (let i = start; i < (last + to.pad)*to.channels; i++) {
    const value = to.values[i]/(1 + Math.exp(-to.values[i]));
    to.values[i] = around ? value + around.values[i + shift] : value;
  }
}

function pool(from, to, first, last) {
  for (let row = first; row < last; row++) {
    const a = (2*row + from.pad)*from.channels, b = a + from.channels, o = (row + to.pad)*to.channels;
    for (let c = 0; c < to.channels; c++) to.values[o + c] = Math.max(from.values[a + c], from.values[b + c]);
  }
}

class Network {
  constructor({steps, width}, {weights, location, scale}) {
    const pad = step => step?.kind == "convolution" ? step.kernel >> 1 : 0;
    const take = count => { const part = weights.subarray(0, count); weights = weights.subarray(count); return part; };
    let rows = width;
    Object.assign(this, {width, location, scale, steps: [], buffers: [newBuffer(width, steps[0].inputs, pad(steps[0]))]});
    steps.forEach((step, number) => {
      rows = step.kind == "pool" ? rows >> 1 : step.kind == "dense" ? 1 : rows;
      const depth = step.kernel*step.inputs;
      this.steps.push(step.kind == "pool" ? step : {...step, weights: take(depth*step.outputs), bias: take(step.outputs)});
      this.buffers.push(newBuffer(rows, step.outputs, pad(steps[number + 1])));
    });
  }

  // One base as the network reads it: its channel, and the mark of the reverse strand; a base that is not known has none.
  put(position, code, reverse) {
    const {values, channels, pad} = this.buffers[0], start = (position + pad)*channels;
    values.fill(0, start, start + channels);
    if (code < 4) values[start + code] = 1;
    values[start + 4] = reverse ? 1 : 0;
  }

  // What positions `first` to `last` of the input can change, layer by layer; the prediction is the mean of its distribution.
  run(first, last) {
    this.changed = [[first, last]];
    this.steps.forEach((step, number) => {
      const from = this.buffers[number], to = this.buffers[number + 1];
      if (step.kind == "dense") [first, last] = [0, 1];
      else if (step.kind == "pool") [first, last] = [first >> 1, Math.min(to.rows, (last + 1) >> 1)];
      else [first, last] = [Math.max(0, first - half(step)), Math.min(to.rows, last + half(step))];
      if (step.kind == "pool") pool(from, to, first, last);
      else multiply(step, from, to, first, last);
      if (step.activate) activate(to, first, last, step.add ? this.buffers[number - 1] : null);
      this.changed.push([first, last]);
    });
    return this.location + this.scale*expectedBin(this.buffers.at(-1).values);
  }

  predict(codes, reverse) {
    codes.forEach((code, position) => this.put(position, code, reverse));
    return this.run(0, this.width);
  }

  // The effect of each substitution, [4][width]. Only what a base can change is computed again, and put back afterwards.
  effects(codes, reverse) {
    const before = this.predict(codes, reverse), kept = this.buffers.map(buffer => buffer.values.slice());
    const effects = [0, 1, 2, 3].map(() => new Float64Array(this.width));
    codes.forEach((code, position) => {
      for (let base = 0; base < 4; base++) {
        if (base == code || code > 3) continue;
        this.put(position, base, reverse);
        effects[base][position] = this.run(position, position + 1) - before;
        this.buffers.forEach(({values, channels, pad}, number) => {
          const [start, end] = this.changed[number].map(row => (row + pad)*channels);
          values.set(kept[number].subarray(start, end), start);
        });
      }
    });
    return effects;
  }
}

function half(step) { return step.kernel >> 1; }

function expectedBin(outputs) {
  const highest = Math.max(...outputs), shares = Array.from(outputs, value => Math.exp(value - highest));
  return shares.reduce((sum, share, bin) => sum + share*bin, 0)/shares.reduce((sum, share) => sum + share, 0);
}

// The opposite strand, aligned at the right like every sequence: what is not known at its end comes to its front.
function reverseComplement(codes) {
  const turned = Array.from(codes, code => code < 4 ? 3 - code : 4).reverse(), unknown = codes.findIndex(code => code < 4);
  return unknown < 1 ? turned : [...turned.slice(-unknown), ...turned.slice(0, -unknown)];
}

// The mean of both strands. A substitution on one strand is the complement's at the mirrored position on the other.
function effectsOnBothStrands(network, codes) {
  const forward = network.effects(codes, false), reverse = network.effects(reverseComplement(codes), true);
  const end = codes.length - 1 + codes.findIndex(code => code < 4);
  return forward.map((row, base) => row.map((effect, place) => codes[place] > 3 ? 0 : (effect + reverse[3 - base][end - place])/2));
}

function predictBothStrands(network, codes) {
  return (network.predict(codes, false) + network.predict(reverseComplement(codes), true))/2;
}

// In a worker of its own: first the network, then codes to map, each answered with its number.
function serve() {
  let network;
  onmessage = ({data}) => {
    if (data.plan) network = new Network(data.plan, data.member);
    else postMessage({number: data.number, effects: effectsOnBothStrands(network, data.codes)});
  };
}
