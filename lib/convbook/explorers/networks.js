// Networks in the page, and pictures of what goes through them: what the explorers of images share.

const isText = (text) => typeof text === "string" && /^[\w+/]*=*$/.test(text); // base64, or empty
const decoded = new Map(); // of base64, as the same texts are read at every stroke
function bytes(text) {
  if (decoded.size > 100) decoded.clear();
  if (!decoded.has(text)) decoded.set(text, Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)));
  return decoded.get(text);
}
const floats = (text) => new Float32Array(bytes(text).buffer); // as PyTorch has them in memory

/** Every place of a square: run(row, column). */
function everyPlace(side, run) {
  for (let row = 0; row < side; row++) for (let column = 0; column < side; column++) run(row, column);
}

/** A map is `channels` squares of `side`, their values row by row. Each layer makes one of another,
 *  under PyTorch's name; `take(n)` hands out the next n weights. */
const LAYERS = {
  Conv2d({ side, values }, take, inputs, outputs, kernel, stride, padding) {
    const [weights, biases] = [take(outputs * inputs * kernel ** 2), take(outputs)];
    const after = Math.floor((side + 2 * padding - kernel) / stride) + 1;
    const out = new Float64Array(outputs * after ** 2);
    for (let o = 0, at = 0; o < outputs; o++) {
      everyPlace(after, (row, column) => {
        let sum = biases[o];
        for (let i = 0; i < inputs; i++) {
          for (let y = 0, r = row * stride - padding; y < kernel; y++, r++) {
            if (r < 0 || r >= side) continue;
            for (let x = 0, c = column * stride - padding; x < kernel; x++, c++)
              if (c >= 0 && c < side)
                sum += weights[((o * inputs + i) * kernel + y) * kernel + x] * values[(i * side + r) * side + c];
          }
        }
        out[at++] = sum;
      });
    }
    return { channels: outputs, side: after, values: out };
  },
  ConvTranspose2d({ side, values }, take, inputs, outputs, kernel, stride, padding) {
    const [weights, biases] = [take(inputs * outputs * kernel ** 2), take(outputs)];
    const after = (side - 1) * stride - 2 * padding + kernel;
    const out = new Float64Array(outputs * after ** 2);
    biases.forEach((bias, o) => out.fill(bias, o * after ** 2, (o + 1) * after ** 2));
    for (let i = 0; i < inputs; i++) {
      everyPlace(side, (row, column) => {
        const value = values[(i * side + row) * side + column];
        if (!value) return; // it stamps nothing
        for (let o = 0; o < outputs; o++) {
          for (let y = 0, r = row * stride - padding; y < kernel; y++, r++) {
            if (r < 0 || r >= after) continue;
            for (let x = 0, c = column * stride - padding; x < kernel; x++, c++)
              if (c >= 0 && c < after)
                out[(o * after + r) * after + c] += value * weights[((i * outputs + o) * kernel + y) * kernel + x];
          }
        }
      });
    }
    return { channels: outputs, side: after, values: out };
  },
  /** Each window's largest value, the first of equals, and its place (the switch). */
  MaxPool2d({ channels, side, values }, take, kernel) {
    const after = Math.floor(side / kernel);
    const switches = [];
    for (let i = 0; i < channels; i++) {
      everyPlace(after, (row, column) => {
        let best = -1;
        everyPlace(kernel, (y, x) => {
          const at = (i * side + row * kernel + y) * side + column * kernel + x;
          if (best < 0 || values[at] > values[best]) best = at;
        });
        switches.push(best);
      });
    }
    return { channels, side: after, values: Float64Array.from(switches, (at) => values[at]), switches };
  },
  MaxUnpool2d({ channels, side, values, switches }, take, kernel) {
    const out = new Float64Array(channels * (side * kernel) ** 2);
    switches.forEach((at, i) => (out[at] = values[i]));
    return { channels, side: side * kernel, values: out };
  },
  ReLU: (map) => ({ ...map, values: map.values.map((value) => Math.max(value, 0)) }),
  Tanh: (map) => ({ ...map, values: map.values.map(Math.tanh) }),
  /** One channel, each new pixel the mean of the area that it covers. */
  area({ side, values }, take, after) {
    const share = (to, from) => Math.max(0, Math.min((to + 1) * side, (from + 1) * after) -
      Math.max(to * side, from * after)) / side; // of what lies under pixel `to`, what `from` covers
    return { channels: 1, side: after, values: bothWays(values, side, after, share) };
  },
  /** One channel, as F.interpolate(…, mode="bicubic") has it. */
  bicubic({ side, values }, take, after) {
    const share = (to, from) => {
      const place = ((to + 0.5) * side) / after - 0.5;
      const first = Math.floor(place) - 1;
      return [0, 1, 2, 3].reduce((sum, i) => sum + (Math.min(Math.max(first + i, 0), side - 1) === from
        ? cubic(Math.abs(place - first - i)) : 0), 0);
    };
    return { channels: 1, side: after, values: bothWays(values, side, after, share) };
  },
};

const cubic = (x) => (x <= 1 ? (1.25 * x - 2.25) * x * x + 1 : ((-0.75 * x + 3.75) * x - 6) * x + 3);

/** A map of one channel resized along rows and columns, by the share of each old pixel in each new. */
function bothWays(values, side, after, share) {
  const shares = Array.from({ length: after }, (_, to) => Array.from({ length: side }, (_, from) => share(to, from)));
  const half = new Float64Array(side * after); // rows as before, columns as after
  const out = new Float64Array(after ** 2);
  for (let r = 0; r < side; r++)
    shares.forEach((row, to) => row.forEach((part, c) => (half[r * after + to] += part * values[r * side + c])));
  for (let c = 0; c < after; c++)
    shares.forEach((row, to) => row.forEach((part, r) => (out[to * after + c] += part * half[r * after + c])));
  return out;
}

/** What stands after each layer of [name, ...numbers], for the first map and the weights of all. */
function through(layers, weights, first) {
  let start = 0;
  const take = (count) => weights.subarray(start, (start += count));
  let map = first;
  return layers.map(([name, ...numbers]) => (map = LAYERS[name](map, take, ...numbers)));
}

/** How many weights the layers take. */
const counted = (layers) => layers.reduce((sum, [name, inputs, outputs, kernel]) =>
  sum + (name.startsWith("Conv") ? inputs * outputs * kernel ** 2 + outputs : 0), 0);

/** Whether these are layers that are known here, with as many weights as they take. */
const isNetwork = (one) => Array.isArray(one?.layers) && one.layers.every((layer) => LAYERS[layer?.[0]]) &&
  isText(one.weights) && bytes(one.weights).length === 4 * counted(one.layers);

const missed = (one, other) => one.reduce((sum, value, i) => sum + (value - other[i]) ** 2, 0) / one.length;
const fourth = (value) => value.toFixed(4); // an error, as the chapters write it

/** A colour of a number: from black to white, or red below zero, white at zero and blue above. */
const grey = (value) => [255 * value, 255 * value, 255 * value, 255];
const RED = [[247, 247, 247], [214, 96, 77], [103, 0, 31]];
const BLUE = [[247, 247, 247], [67, 147, 195], [5, 48, 97]];
function signed(value) {
  const size = Math.min(Math.abs(value), 1) * 2;
  const [from, to] = (value < 0 ? RED : BLUE).slice(Math.min(Math.floor(size), 1));
  const share = size - Math.min(Math.floor(size), 1);
  return [...from.map((part, i) => part + share * (to[i] - part)), 255];
}

/** A picture of a map of one channel; `show` also takes words for who does not see it. */
function canvas() {
  const node = make("canvas", { role: "img" });
  const context = node.getContext("2d");
  const show = ({ side, values }, colour, words) => {
    if (node.width !== side) node.width = node.height = side;
    const drawn = context.createImageData(side, side);
    values.forEach((value, i) => drawn.data.set(colour(value), 4 * i));
    context.putImageData(drawn, 0, 0);
    if (words) node.setAttribute("aria-label", words);
  };
  return { node, show };
}

const PICTURES = `
[hidden] { display: none !important; }
figure { margin: 0; font-size: 0.85rem; min-width: 0; }
figcaption { color: var(--quiet); }
canvas { display: block; width: 100%; aspect-ratio: 1; image-rendering: pixelated; border-radius: 0.3rem; }
.tools { display: flex; flex-wrap: wrap; gap: 0.5rem 1rem; align-items: end; margin-bottom: 0.6rem; }
`;
