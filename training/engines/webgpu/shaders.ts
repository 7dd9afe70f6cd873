/**
 * The WGSL of the `webgpu` engine. Activations are [slot, step, feature, 16 lanes]; a slot is one member's run over one group of lanes.
 * A workgroup of the two recurrent kernels takes one slot through all steps, so no barrier is wider than a workgroup; all
 * other kernels are parallel over steps. No kernel visits a block that its member dropped, no sum depends on scheduling. None reads or
 * writes outside its buffers, whatever the numbers in them are but indices and labels: devices are opened without checks of that.
 */
import type { AdamOptions } from '../../net/adam.ts'

/** Bits of `flags`. */
export const FLAGS = {
  /** x is indexed by the slot's group of the batch, not by the slot. */
  byGroup: 1,
  /** The sum starts from the bias. */
  bias: 2,
  /** The sum starts from what is there. */
  add: 4,
  /** The sum starts from the frame's gate terms. */
  gates: 8,
  tanh: 16,
  relu: 32,
  /** Gradient through tanh or ReLU, whose values are in `a`. */
  throughTanh: 64,
  throughRelu: 128,
  /** x is 1 everywhere: the gradient of a bias. */
  ones: 256,
  /** The segment is a row vector: one row, consecutive columns. */
  vector: 512,
  /** Every block's gradient, kept or not. */
  dense: 1024,
  /** Of the reduction: sums of squares; the root of the sum. */
  squares: 2048,
  root: 4096,
} as const

/** Fields of the uniform, in order; all u32 but `scale`. `m` are three matrices: weight offset, 1 = masked, index list, words a member. */
export const UNIFORM = [
  'm',
  ...['flags', 'rows', 'cols', 'bias', 'steps', 'slots', 'table', 'scale'],
  ...['xOff', 'xStep', 'xSlot', 'yOff', 'yStep', 'ySlot', 'aOff', 'aStep'],
  ...['aSlot', 'each', 'size', 'first'],
] as const

/** `w` and `v`: elements of the parameters' and of the other buffers, `f32` or `vec4f`, of four rows or of four lanes. */
const header = (w: string, v: string) => /* wgsl */ `
struct Uniform {
  m: array<vec4<u32>, 3>,
  flags: u32, rows: u32, cols: u32, bias: u32, steps: u32, slots: u32, table: u32, scale: f32,
  xOff: u32, xStep: u32, xSlot: u32, yOff: u32, yStep: u32, ySlot: u32, aOff: u32, aStep: u32,
  aSlot: u32, each: u32, size: u32, first: u32,
}
@group(0) @binding(0) var<uniform> u: Uniform;
@group(0) @binding(1) var<storage, read> w: array<${w}>;
@group(0) @binding(2) var<storage, read> index: array<u32>;
@group(0) @binding(3) var<storage, read> x: array<${v}>;
@group(0) @binding(4) var<storage, read> a: array<${v}>;
@group(0) @binding(5) var<storage, read> b: array<${v}>;
@group(0) @binding(6) var<storage, read_write> y: array<${v}>;
@group(0) @binding(7) var<storage, read_write> z: array<${v}>;

fn flag(bit: u32) -> bool { return (u.flags & bit) != 0u; }
fn groupOf(slot: u32) -> u32 { return index[u.table + 2u * slot]; }
fn memberOf(slot: u32) -> u32 { return index[u.table + 2u * slot + 1u]; }
fn sigmoid(v: vec4f) -> vec4f { return 1.0 / (1.0 + exp(-max(v, vec4f(-80.0)))); }
fn hyperbolic(v: vec4f) -> vec4f { return 1.0 - 2.0 / (exp(2.0 * min(v, vec4f(40.0))) + 1.0); }

// A member's words: how many columns a strip keeps; them, strip by strip; the same by columns: starts [cols + 1], where each block
// stands among those of the strips.
fn keptOf(m: vec4<u32>, member: u32) -> u32 { return index[m.z + member * m.w]; }
fn keptOfStrip(m: vec4<u32>, member: u32, strip: u32) -> u32 { return m.z + member * m.w + 1u + strip * keptOf(m, member); }
fn byColumn(m: vec4<u32>, member: u32, rows: u32) -> u32 { return keptOfStrip(m, member, rows / 16u); }
`

/**
 * Four rows of W x, of four lanes: a thread loads weights and x once for 16 products. `from`: the buffer of x. Four columns at a time, so
 * that their loads are under way together; the next ones' numbers are loaded before they are needed.
 */
const PRODUCT = (from: string) => /* wgsl */ `
struct Quad { a: vec4f, b: vec4f, c: vec4f, d: vec4f }
fn columnsOf(listed: bool, list: u32, k: u32, count: u32) -> vec4<u32> {
  let at = min(vec4<u32>(k, k + 1u, k + 2u, k + 3u), vec4<u32>(max(count, 1u) - 1u));
  if (!listed) { return at; }
  return vec4<u32>(index[list + at.x], index[list + at.y], index[list + at.z], index[list + at.w]);
}
// start + rows 4 * quad to 4 * quad + 3 of a strip of m, whose column c meets the values at xi + 4 c.
fn product(m: vec4<u32>, member: u32, strip: u32, quad: u32, cols: u32, xi: u32, start: Quad) -> Quad {
  let listed = m.y != 0u;
  var count = cols;
  var list = 0u;
  if (listed) {
    count = keptOf(m, member);
    list = keptOfStrip(m, member, strip);
  }
  let wi = m.x / 4u + strip * cols * 4u + quad;
  var sum = start;
  var next = columnsOf(listed, list, 0u, count);
  for (var k = 0u; k < count; k += 4u) {
    let c = next * 4u;
    next = columnsOf(listed, list, k + 4u, count);
    let w0 = w[wi + c.x];
    // Past the end the last column again, times 0.
    let w1 = select(vec4f(), w[wi + c.y], k + 1u < count);
    let w2 = select(vec4f(), w[wi + c.z], k + 2u < count);
    let w3 = select(vec4f(), w[wi + c.w], k + 3u < count);
    let x0 = ${from}[xi + c.x];
    let x1 = ${from}[xi + c.y];
    let x2 = ${from}[xi + c.z];
    let x3 = ${from}[xi + c.w];
    sum.a += w0.x * x0 + w1.x * x1 + w2.x * x2 + w3.x * x3;
    sum.b += w0.y * x0 + w1.y * x1 + w2.y * x2 + w3.y * x3;
    sum.c += w0.z * x0 + w1.z * x1 + w2.z * x2 + w3.z * x3;
    sum.d += w0.w * x0 + w1.w * x1 + w2.w * x2 + w3.w * x3;
  }
  return sum;
}
`

/** Positions that a workgroup of `forward` takes. */
export const FORWARD_POSITIONS = 4

const FORWARD = /* wgsl */ `
${PRODUCT('x')}
fn act(v: vec4f) -> vec4f {
  if (flag(${FLAGS.tanh}u)) { return hyperbolic(v); }
  if (flag(${FLAGS.relu}u)) { return max(v, vec4f()); }
  return v;
}
// y = act(W x + start); a thread takes four rows of four lanes.
@compute @workgroup_size(4, 4, ${FORWARD_POSITIONS})
fn main(@builtin(workgroup_id) at: vec3<u32>, @builtin(local_invocation_id) id: vec3<u32>) {
  let slot = at.z;
  let t = at.x * ${FORWARD_POSITIONS}u + id.z;
  if (t >= u.steps) { return; }
  let strip = at.y;
  let row = strip * 16u + id.y * 4u;
  let xs = select(slot, groupOf(slot), flag(${FLAGS.byGroup}u));
  let xi = (u.xOff + xs * u.xSlot + t * u.xStep) / 4u + id.x;
  let yi = (u.yOff + slot * u.ySlot + t * u.yStep) / 4u + row * 4u + id.x;
  var start = Quad(vec4f(), vec4f(), vec4f(), vec4f());
  if (flag(${FLAGS.bias}u)) {
    let bias = w[(u.bias + row) / 4u];
    start = Quad(vec4f(bias.x), vec4f(bias.y), vec4f(bias.z), vec4f(bias.w));
  }
  if (flag(${FLAGS.add}u)) { start = Quad(y[yi], y[yi + 4u], y[yi + 8u], y[yi + 12u]); }
  if (flag(${FLAGS.gates}u)) {
    let ai = (u.aOff + slot * u.aSlot + t / 30u * u.aStep) / 4u + row * 4u + id.x;
    start = Quad(a[ai], a[ai + 4u], a[ai + 8u], a[ai + 12u]);
  }
  let sum = product(u.m[0], memberOf(slot), strip, id.y, u.cols, xi, start);
  y[yi] = act(sum.a);
  y[yi + 4u] = act(sum.b);
  y[yi + 8u] = act(sum.c);
  y[yi + 12u] = act(sum.d);
}
`

/** W' y over one block of four lanes: `w4` its 16 weights' place, `at` its first row's place in `from`. */
const BLOCK = (from: string) => /* wgsl */ `
fn block(w4: u32, at: u32) -> vec4f {
  var sum = vec4f();
  for (var q = 0u; q < 4u; q++) {
    let v = w[w4 + q];
    let i = at + q * 16u;
    sum += v.x * ${from}[i] + v.y * ${from}[i + 4u] + v.z * ${from}[i + 8u] + v.w * ${from}[i + 12u];
  }
  return sum;
}
`

const BACKWARD = /* wgsl */ `
${BLOCK('x')}
// y = W' x, through the activation whose values are in a; a thread takes a column of four lanes.
@compute @workgroup_size(4, 16)
fn main(@builtin(workgroup_id) at: vec3<u32>, @builtin(local_invocation_id) id: vec3<u32>) {
  let slot = at.z;
  let t = at.x;
  let lanes = id.x;
  let column = at.y * 16u + id.y;
  if (column >= u.cols) { return; }
  let m = u.m[0];
  let xi = (u.xOff + slot * u.xSlot + t * u.xStep) / 4u + lanes;
  var first = 0u;
  var to = u.rows / 16u;
  var strips = 0u;
  var kept = 1u;
  if (m.y != 0u) {
    kept = keptOf(m, memberOf(slot));
    let starts = byColumn(m, memberOf(slot), u.rows);
    first = index[starts + column];
    to = index[starts + column + 1u];
    strips = starts + u.cols + 1u;
  }
  var sum = vec4f();
  for (var k = first; k < to; k++) {
    var strip = k;
    if (m.y != 0u) { strip = index[strips + k] / kept; }
    sum += block(m.x / 4u + (strip * u.cols + column) * 4u, xi + strip * 64u);
  }
  let ai = (u.aOff + slot * u.aSlot + t * u.aStep) / 4u + column * 4u + lanes;
  if (flag(${FLAGS.throughTanh}u)) { sum *= 1.0 - a[ai] * a[ai]; }
  if (flag(${FLAGS.throughRelu}u)) { sum = select(vec4f(), sum, a[ai] > vec4f()); }
  y[(u.yOff + slot * u.ySlot + t * u.yStep) / 4u + column * 4u + lanes] = sum;
}
`

/** Columns that a workgroup of `accumulate` takes: four a thread, which meet four rows, so that each load serves four products. */
export const ACCUMULATE_COLUMNS = 32

const ACCUMULATE = /* wgsl */ `
// By quad of lanes, [4][columns][16 rows].
var<workgroup> partial: array<f32, ${4 * ACCUMULATE_COLUMNS * 16}>;
// Blocks of one strip of one part of the gradient: the sum over a part's slots, which are of one member, their steps and lanes of dy (a)
// times x. z [parts, size]; what the member dropped is not visited. first: where the parts stand in the indices. The one barrier stands
// behind the sums: inside them it would cost software devices far more than it saves.
@compute @workgroup_size(4, 4, ${ACCUMULATE_COLUMNS / 4})
fn main(@builtin(workgroup_id) at: vec3<u32>, @builtin(local_invocation_id) id: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let begin = index[u.first + 2u * at.z];
  let end = index[u.first + 2u * at.z + 1u];
  let strip = at.y;
  let m = u.m[0];
  let listed = m.y != 0u && !flag(${FLAGS.dense}u);
  let vector = flag(${FLAGS.vector}u);
  var count = u.cols;
  var list = 0u;
  if (listed) {
    count = keptOf(m, memberOf(begin));
    list = keptOfStrip(m, memberOf(begin), strip);
  }
  let column = at.x * ${ACCUMULATE_COLUMNS}u;
  if (column >= count) { return; }
  // Rows id.y, id.y + 4, ...: those of a load lie together. A vector has the first one alone.
  let row = select(id.y * 4u, 0u, vector);
  let below = select(16u, 0u, vector);
  let own = column + id.z * 4u;
  var sum = mat4x4f();
  if (flag(${FLAGS.ones}u)) {
    // One column of ones: its steps are shared instead.
    for (var slot = begin; slot < end; slot++) {
      let ai = (u.aOff + slot * u.aSlot) / 4u + strip * 64u + row + id.x;
      for (var t = id.z; t < u.steps; t += ${ACCUMULATE_COLUMNS / 4}u) {
        let i = ai + t * u.aStep / 4u;
        let one = vec4f(1.0);
        sum[0] += vec4f(dot(a[i], one), dot(a[i + below], one), dot(a[i + 2u * below], one), dot(a[i + 3u * below], one));
      }
    }
  } else if (own < count) {
    var columns = min(vec4<u32>(own, own + 1u, own + 2u, own + 3u), vec4<u32>(count - 1u));
    if (listed) {
      columns = vec4<u32>(index[list + columns.x], index[list + columns.y], index[list + columns.z], index[list + columns.w]);
    }
    columns *= 4u;
    for (var slot = begin; slot < end; slot++) {
      let ai = (u.aOff + slot * u.aSlot) / 4u + strip * 64u + row + id.x;
      let xs = select(slot, groupOf(slot), flag(${FLAGS.byGroup}u));
      let xi = (u.xOff + xs * u.xSlot) / 4u + id.x;
      for (var t = 0u; t < u.steps; t++) {
        let i = ai + t * u.aStep / 4u;
        let k = xi + t * u.xStep / 4u;
        let rows = mat4x4f(a[i], a[i + below], a[i + 2u * below], a[i + 3u * below]);
        sum[0] += x[k + columns.x] * rows;
        sum[1] += x[k + columns.y] * rows;
        sum[2] += x[k + columns.z] * rows;
        sum[3] += x[k + columns.w] * rows;
      }
    }
  }
  for (var j = 0u; j < 4u; j++) {
    let i = (id.x * ${ACCUMULATE_COLUMNS}u + id.z * 4u + j) * 16u + id.y;
    partial[i] = sum[j].x;
    partial[i + 4u] = sum[j].y;
    partial[i + 8u] = sum[j].z;
    partial[i + 12u] = sum[j].w;
  }
  workgroupBarrier();
  let quad = ${ACCUMULATE_COLUMNS * 16}u;
  for (var i = thread; i < quad; i += ${4 * ACCUMULATE_COLUMNS}u) {
    if (column + i / 16u >= count || (vector && i % 16u > 0u)) { continue; }
    var all = partial[i] + partial[quad + i] + partial[2u * quad + i] + partial[3u * quad + i];
    if (flag(${FLAGS.ones}u)) {
      for (var k = 64u; k < quad; k += 64u) {
        all += partial[k + i] + partial[quad + k + i] + partial[2u * quad + k + i] + partial[3u * quad + k + i];
      }
    }
    var c = column + i / 16u;
    if (listed) { c = index[list + c]; }
    z[at.z * u.size + m.x + select((strip * u.cols + c) * 16u + i % 16u, c, vector)] = all;
  }
}
`

const ADD_PARTS = /* wgsl */ `
// y [size] += a[0] * the sum of x [parts, size]; steps: parts.
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) at: vec3<u32>) {
  if (at.x >= u.size) { return; }
  var sum = 0.0;
  for (var part = 0u; part < u.steps; part++) { sum += x[part * u.size + at.x]; }
  y[at.x] += a[0] * sum;
}
`

/** Rows, or quads of rows, of a recurrent kernel's workgroup: as many as the device takes, since slots are few and every step waits for the last. */
const RECURRENT = /* wgsl */ `
override ROWS: u32 = 64u;
`
/** Rows of a thread of the recurrent kernels. */
export const RECURRENT_ROWS: Readonly<Record<string, number>> = { gruForward: 4, gruBackward: 4 }

const GRU_FORWARD = /* wgsl */ `
${RECURRENT}
${PRODUCT('z')}
// One row: y[yi] has its reset sum and, size apart, the others; its state before is z[hi].
fn unit(yi: u32, hi: u32, size: u32, reset: vec4f, gate: vec4f, recurrent: vec4f) {
  let r = sigmoid(reset);
  let update = sigmoid(gate);
  let n = hyperbolic(y[yi + 2u * size] + r * recurrent);
  y[yi] = r;
  y[yi + size] = update;
  y[yi + 2u * size] = n;
  y[yi + 3u * size] = recurrent;
  z[hi + size] = update * z[hi] + (1.0 - update) * n;
}
// y [slot, step, 4H]: gate sums of inputs and frame in, r, z, n and R_n h out; z [slot, steps + 1, H]: states. A thread takes four rows.
@compute @workgroup_size(4, ROWS)
fn main(@builtin(workgroup_id) at: vec3<u32>, @builtin(local_invocation_id) id: vec3<u32>) {
  let slot = at.x;
  let size = u.rows * 4u;
  let member = memberOf(slot);
  let none = Quad(vec4f(), vec4f(), vec4f(), vec4f());
  for (var t = 0u; t < u.steps; t++) {
    let hi = (slot * (u.steps + 1u) + t) * size + id.x;
    for (var quad = id.y; quad < u.rows / 4u; quad += ROWS) {
      let strip = quad / 4u;
      let yi = (slot * u.steps + t) * 4u * size + quad * 16u + id.x;
      let to = Quad(y[yi], y[yi + 4u], y[yi + 8u], y[yi + 12u]);
      let reset = product(u.m[0], member, strip, quad % 4u, u.rows, hi, to);
      let ui = yi + size;
      let ut = Quad(y[ui], y[ui + 4u], y[ui + 8u], y[ui + 12u]);
      let gate = product(u.m[1], member, strip, quad % 4u, u.rows, hi, ut);
      let sum = product(u.m[2], member, strip, quad % 4u, u.rows, hi, none);
      let own = hi + quad * 16u;
      unit(yi, own, size, reset.a, gate.a, sum.a);
      unit(yi + 4u, own + 4u, size, reset.b, gate.b, sum.b);
      unit(yi + 8u, own + 8u, size, reset.c, gate.c, sum.c);
      unit(yi + 12u, own + 12u, size, reset.d, gate.d, sum.d);
    }
    storageBarrier();
  }
}
`

const ROW = Array.from({ length: 16 }, (_, row) => row)

const GRU_BACKWARD = /* wgsl */ `
${RECURRENT}
// x: states, a: gradient of each state by the heads, b: r, z, n, R_n h. y [slot, step, 4H]: gradients of the sums of reset, update
// and candidate and of R_n h; z [slot, H + each]: gradient of the state, carried back through time, and behind it what each kept block of
// the three matrices adds to it: a strip's gradients are loaded once for all its blocks, and a column then adds up those in it.
@compute @workgroup_size(4, ROWS)
fn main(@builtin(workgroup_id) at: vec3<u32>, @builtin(local_invocation_id) id: vec3<u32>) {
  let slot = at.x;
  let lanes = id.x;
  let size = u.rows * 4u;
  let member = memberOf(slot);
  let carry = slot * (size + u.each * 4u) + lanes;
  let strips = u.rows / 16u;
  // Threads that share a strip, and strips at a time.
  let sharers = max(1u, ROWS / strips);
  let width = ROWS / sharers;
  for (var row = id.y; row < u.rows; row += ROWS) { z[carry + row * 4u] = vec4f(); }
  for (var back = 1u; back <= u.steps; back++) {
    let t = u.steps - back;
    let yt = (slot * u.steps + t) * 4u * size + lanes;
    for (var row = id.y; row < u.rows; row += ROWS) {
      let i = yt + row * 4u;
      let zi = carry + row * 4u;
      let d = z[zi] + a[(slot * u.steps + t) * size + row * 4u + lanes];
      let before = x[(slot * (u.steps + 1u) + t) * size + row * 4u + lanes];
      let r = b[i];
      let update = b[i + size];
      let n = b[i + 2u * size];
      let dn = d * (1.0 - update) * (1.0 - n * n);
      y[i] = dn * b[i + 3u * size] * r * (1.0 - r);
      y[i + size] = d * (before - n) * update * (1.0 - update);
      y[i + 2u * size] = dn;
      y[i + 3u * size] = dn * r;
      z[zi] = d * update;
    }
    storageBarrier();
    var blocks = carry + size;
    for (var gate = 0u; gate < 3u; gate++) {
      let m = u.m[gate];
      let kept = keptOf(m, member);
      for (var strip = id.y / sharers; strip < strips && id.y < width * sharers; strip += width) {
        let yi = yt + select(gate, 3u, gate == 2u) * size + strip * 64u;
        ${ROW.map((row) => `let d${row} = y[yi + ${row * 4}u];`).join('\n        ')}
        let list = keptOfStrip(m, member, strip);
        for (var k = id.y % sharers; k < kept; k += sharers) {
          let wi = m.x / 4u + (strip * u.rows + index[list + k]) * 4u;
          let w0 = w[wi];
          let w1 = w[wi + 1u];
          let w2 = w[wi + 2u];
          let w3 = w[wi + 3u];
          z[blocks + (strip * kept + k) * 4u] = ${ROW.map((row) => `w${row >> 2}.${'xyzw'[row & 3]} * d${row}`).join(' + ')};
        }
      }
      blocks += strips * kept * 4u;
    }
    storageBarrier();
    for (var column = id.y; column < u.rows; column += ROWS) {
      let zi = carry + column * 4u;
      var sum = z[zi];
      var block = carry + size;
      for (var gate = 0u; gate < 3u; gate++) {
        let m = u.m[gate];
        let starts = byColumn(m, member, u.rows);
        let to = index[starts + column + 1u];
        for (var k = index[starts + column]; k < to; k++) {
          sum += z[block + index[starts + u.rows + 1u + k] * 4u];
        }
        block += strips * keptOf(m, member) * 4u;
      }
      // Read next by the thread that wrote it; blocks are written next behind another barrier.
      z[zi] = sum;
    }
  }
}
`

/** Rows of `q`, what the mixture kernel writes: 4 x 16 gradients of o_b, 4 of the skip's shift, 4 losses. */
export const MIXTURE_ROWS = 72

const MIXTURE = /* wgsl */ `
fn logSumExp(v: vec4<f32>) -> f32 {
  let top = max(max(v.x, v.y), max(v.z, v.w));
  let e = exp(v - top);
  return top + log(e.x + e.y + e.z + e.w);
}
// x [group, step, D + 4]: inputs, targets; a [group, frame]: weights; z [slot, step, 4, 16]: o_b, its means get their skip here.
// y [slot, step, ${MIXTURE_ROWS}]. m[0]: offsets of the four skips, rows: inputs.
@compute @workgroup_size(16, 4)
fn main(@builtin(workgroup_id) at: vec3<u32>, @builtin(local_invocation_id) id: vec3<u32>) {
  let slot = at.z;
  let t = at.x;
  let lane = id.x;
  let band = id.y;
  let xi = groupOf(slot) * u.xSlot + t * u.xStep + lane;
  var shift = 0.0;
  for (var i = 0u; i < u.rows + band; i++) { shift += w[u.m[0][band] + i] * x[xi + i * 16u]; }
  let oi = (slot * u.steps + t) * 1024u + band * 256u + lane;
  var logit: vec4<f32>;
  var mean: vec4<f32>;
  var raw: vec4<f32>;
  for (var k = 0u; k < 4u; k++) {
    logit[k] = z[oi + k * 16u];
    mean[k] = z[oi + (4u + k) * 16u] + shift;
    raw[k] = z[oi + (8u + k) * 16u];
    z[oi + (4u + k) * 16u] = mean[k];
  }
  let e = x[xi + (u.rows + band) * 16u];
  let logScale = clamp(raw, vec4<f32>(-7.0), vec4<f32>(4.0));
  let inverse = exp(-logScale);
  let v = (e - mean) * inverse;
  let away = abs(v);
  let tail = exp(-away);
  let share = logit - logSumExp(logit);
  let joint = share - away - 2.0 * log(1.0 + tail) - logScale;
  let density = logSumExp(joint);
  let responsibility = exp(joint - density);
  let slope = -sign(v) * (1.0 - tail) / (1.0 + tail);
  let weight = a[groupOf(slot) * u.aSlot + t / 30u * 16u + lane];
  let dlogit = weight * (exp(share) - responsibility);
  let dmean = weight * responsibility * slope * inverse;
  let free = vec4<f32>(raw >= vec4<f32>(-7.0)) * vec4<f32>(raw <= vec4<f32>(4.0));
  let dscale = weight * responsibility * (1.0 + v * slope) * free;
  let yi = (slot * u.steps + t) * ${MIXTURE_ROWS * 16}u + lane;
  for (var k = 0u; k < 4u; k++) {
    y[yi + (band * 16u + k) * 16u] = dlogit[k];
    y[yi + (band * 16u + 4u + k) * 16u] = dmean[k];
    y[yi + (band * 16u + 8u + k) * 16u] = dscale[k];
    y[yi + (band * 16u + 12u + k) * 16u] = 0.0;
  }
  y[yi + (64u + band) * 16u] = dmean.x + dmean.y + dmean.z + dmean.w;
  // A lane without weight does not count, whatever its numbers are.
  y[yi + (68u + band) * 16u] = select(0.0, -weight * density, weight != 0.0);
}
`

const LOSSES = /* wgsl */ `
var<workgroup> partial: array<f32, 256>;
// y [slot, 4]: sums of the losses in x, the mixture's rows.
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) at: vec3<u32>, @builtin(local_invocation_id) id: vec3<u32>) {
  let slot = at.x / 4u;
  var sum = 0.0;
  for (var i = id.x; i < u.steps * 16u; i += 256u) {
    sum += x[(slot * u.steps + i / 16u) * ${MIXTURE_ROWS * 16}u + (68u + at.x % 4u) * 16u + i % 16u];
  }
  partial[id.x] = sum;
  workgroupBarrier();
  for (var half = 128u; half > 0u; half /= 2u) {
    if (id.x < half) { partial[id.x] += partial[id.x + half]; }
    workgroupBarrier();
  }
  if (id.x == 0u) { y[at.x] = partial[0]; }
}
`

const FRAME_SUMS = /* wgsl */ `
// y [slot, frame, 3H]: sums over a frame's 30 steps of x [slot, step, 4H]; rows: H, steps: frames.
@compute @workgroup_size(16, 16)
fn main(@builtin(workgroup_id) at: vec3<u32>, @builtin(local_invocation_id) id: vec3<u32>) {
  let i = (at.y * 16u + id.y) * 16u + id.x;
  var sum = 0.0;
  let frame = at.z * u.steps + at.x;
  for (var t = 0u; t < 30u; t++) { sum += x[(frame * 30u + t) * u.rows * 64u + i]; }
  y[frame * u.rows * 48u + i] = sum;
}
`

const WINDOWS = /* wgsl */ `
// y [slot, frames + 2, C]: sums of the windows [slot, frames, 3C] in x that a frame is part of, through the tanh in a.
@compute @workgroup_size(16, 16)
fn main(@builtin(workgroup_id) at: vec3<u32>, @builtin(local_invocation_id) id: vec3<u32>) {
  let slot = at.z;
  let frame = at.x;
  let i = (at.y * 16u + id.y) * 16u + id.x;
  var sum = 0.0;
  for (var place = 0u; place < 3u; place++) {
    if (frame < place || frame - place >= u.steps) { continue; }
    sum += x[((slot * u.steps + frame - place) * 3u + place) * u.rows * 16u + i];
  }
  let yi = (slot * (u.steps + 2u) + frame) * u.rows * 16u + i;
  y[yi] = sum * (1.0 - a[yi] * a[yi]);
}
`

const SPREAD = /* wgsl */ `
// z [slot, steps + 1, rows]: first states from x [group, rows], 0 in lanes where a [group] is 0.
@compute @workgroup_size(4, 16)
fn main(@builtin(workgroup_id) at: vec3<u32>, @builtin(local_invocation_id) id: vec3<u32>) {
  let i = (at.x * 16u + id.y) * 4u + id.x;
  let group = groupOf(at.y);
  let carried = x[group * u.rows * 4u + i];
  z[at.y * (u.steps + 1u) * u.rows * 4u + i] = select(vec4f(), carried, a[group * 4u + id.x] != vec4f());
}
`

const GATHER = /* wgsl */ `
// y [group, rows] += scale * the sum of the last states in x over the slots of a group: of all, group / each * each + group and further
// ones, each apart, \`size\` of them; here are \`slots\` slots from \`first\` on.
@compute @workgroup_size(4, 16)
fn main(@builtin(workgroup_id) at: vec3<u32>, @builtin(local_invocation_id) id: vec3<u32>) {
  let i = (at.x * 16u + id.y) * 4u + id.x;
  let group = at.y;
  var sum = vec4f();
  for (var k = 0u; k < u.size; k++) {
    let slot = group / u.each * u.each + group + k * u.each;
    if (slot < u.first || slot >= u.first + u.slots) { continue; }
    sum += x[((slot - u.first) * (u.steps + 1u) + u.steps) * u.rows * 4u + i];
  }
  y[group * u.rows * 4u + i] += u.scale * sum;
}
`

const REDUCE = /* wgsl */ `
var<workgroup> partial: array<f32, 256>;
// y [workgroups]: sums of \`each\` elements of x [size], of their squares or the root of the sum by \`flags\`, in a fixed order.
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) at: vec3<u32>, @builtin(local_invocation_id) id: vec3<u32>) {
  let end = min(u.size, (at.x + 1u) * u.each);
  var sum = 0.0;
  for (var i = at.x * u.each + id.x; i < end; i += 256u) { sum += select(x[i], x[i] * x[i], flag(${FLAGS.squares}u)); }
  partial[id.x] = sum;
  workgroupBarrier();
  for (var half = 128u; half > 0u; half /= 2u) {
    if (id.x < half) { partial[id.x] += partial[id.x + half]; }
    workgroupBarrier();
  }
  if (id.x == 0u) { y[at.x] = select(partial[0], sqrt(partial[0]), flag(${FLAGS.root}u)); }
}
`

const ADAM = /* wgsl */ `
// y [4, size]: parameters, moments, average; x [size]: gradient; b: its norm; a: the constants of \`adamConstants\`.
@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) at: vec3<u32>) {
  let i = at.x;
  // By its bits: a device need not know of infinities.
  if (i >= u.size || (bitcast<u32>(b[0]) & 0x7f800000u) == 0x7f800000u) { return; }
  let g = x[i] * select(1.0, a[8] / b[0], b[0] > a[8]);
  let first = a[1] * y[u.size + i] + a[2] * g;
  let second = a[3] * y[2u * u.size + i] + a[4] * g * g;
  y[u.size + i] = first;
  y[2u * u.size + i] = second;
  let parameter = y[i] - a[0] * first / (sqrt(second * a[5]) + a[6]);
  y[i] = parameter;
  y[3u * u.size + i] = a[7] * y[3u * u.size + i] + a[9] * parameter;
}
`

/** What the kernel \`adam\` reads of an update's options. */
export function adamConstants(o: AdamOptions): Float32Array {
  const { beta1, beta2, step } = o
  const rate = o.rate / (1 - beta1 ** step)
  const correction = 1 / (1 - beta2 ** step)
  return Float32Array.of(
    rate,
    beta1,
    1 - beta1,
    beta2,
    1 - beta2,
    correction,
    o.epsilon,
    o.average,
    o.clip,
    1 - o.average,
  )
}

const SOFTMAX = /* wgsl */ `
var<workgroup> nats: array<f32, 16>;
var<workgroup> errors: array<f32, 16>;
// z [slot, rows]: logits of the first \`cols\` rows, replaced by their gradient; x [group]: labels. y [slot, 2]: negative log-likelihood, errors.
@compute @workgroup_size(16)
fn main(@builtin(workgroup_id) at: vec3<u32>, @builtin(local_invocation_id) id: vec3<u32>) {
  let zi = at.x * u.rows * 16u + id.x;
  let label = u32(x[groupOf(at.x) * 16u + id.x]);
  var best = 0u;
  for (var c = 1u; c < u.cols; c++) { if (z[zi + c * 16u] > z[zi + best * 16u]) { best = c; } }
  let top = z[zi + best * 16u];
  var sum = 0.0;
  for (var c = 0u; c < u.cols; c++) { sum += exp(z[zi + c * 16u] - top); }
  nats[id.x] = log(sum) - (z[zi + label * 16u] - top);
  errors[id.x] = select(0.0, 1.0, best != label);
  for (var c = 0u; c < u.cols; c++) {
    z[zi + c * 16u] = exp(z[zi + c * 16u] - top) / sum - select(0.0, 1.0, c == label);
  }
  for (var c = u.cols; c < u.rows; c++) { z[zi + c * 16u] = 0.0; }
  workgroupBarrier();
  if (id.x < 2u) {
    var all = 0.0;
    for (var l = 0u; l < 16u; l++) { all += select(nats[l], errors[l], id.x == 1u); }
    y[at.x * 2u + id.x] = all;
  }
}
`

const [scalar, lanes, blocks] = [header('f32', 'f32'), header('f32', 'vec4f'), header('vec4f', 'vec4f')]

export const SHADERS = {
  forward: blocks + FORWARD,
  backward: blocks + BACKWARD,
  accumulate: lanes.replace('z: array<vec4f>', 'z: array<f32>') + ACCUMULATE,
  addParts: scalar + ADD_PARTS,
  gruForward: blocks + GRU_FORWARD,
  gruBackward: blocks + GRU_BACKWARD,
  mixture: scalar + MIXTURE,
  losses: scalar + LOSSES,
  frameSums: scalar + FRAME_SUMS,
  windows: scalar + WINDOWS,
  softmax: scalar + SOFTMAX,
  spread: lanes + SPREAD,
  gather: lanes + GATHER,
  reduce: scalar + REDUCE,
  adam: scalar + ADAM,
} as const
export type ShaderName = keyof typeof SHADERS
