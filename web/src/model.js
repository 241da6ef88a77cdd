// An exported agent in the browser: ONNX Runtime Web, one session a model, the halting loop.

import * as ort from "onnxruntime-web/wasm";
import { repeatsAnswer, wantsToHalt } from "./halting.js";

// More threads would need a server that isolates the page; these models do not need them.
ort.env.wasm.numThreads = 1;

const decode = (text) => {
  const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  return new Float32Array(bytes.buffer);
};

/** Every position starts from the same vector. */
const repeat = (vector, times) => {
  const all = new Float32Array(vector.length * times);
  for (let k = 0; k < times; k++) all.set(vector, k * vector.length);
  return all;
};

const sigmoid = (x) => 1 / (1 + Math.exp(-x));

export class Model {
  constructor(about, session) {
    this.about = about;
    this.session = session;
  }

  /** Load a model that `models.json` describes; `folder` is where both lie. */
  static async load(about, folder) {
    const answer = await fetch(new URL(about.file, folder));
    if (!answer.ok) throw new Error(`${about.file}: the server says ${answer.status}`);
    const session = await ort.InferenceSession.create(new Uint8Array(await answer.arrayBuffer()), {
      executionProviders: ["wasm"],
    });
    return new Model(about, session);
  }

  /**
   * Think about one puzzle; yields what every segment says, up to halting.
   * @param {number[]} tokens the question, one token a cell.
   * @param rules of the puzzle: its number of tokens, those of answers, and its relations.
   */
  async *think(tokens, rules) {
    const { hidden_size: width, symbols, fixed_tokens: fixed } = this.about.model;
    const vocab = rules.vocab;
    // With equivariant symbols there is a state for each pair of a position and a symbol.
    const places = symbols === "equivariant" ? [tokens.length, vocab - fixed] : [tokens.length];
    const pairs = places.reduce((product, size) => product * size);
    const start = decode(this.about.carry);
    const state = (data) => new ort.Tensor("float32", data, [1, ...places, width]);
    const whole = (values, shape) => new ort.Tensor("int64", BigInt64Array.from(values, BigInt), shape);
    const feed = {
      tokens: whole(tokens, [1, tokens.length]),
      z_H: state(repeat(start.subarray(0, width), pairs)),
      z_L: state(repeat(start.subarray(width), pairs)),
    };
    for (const [name, index] of Object.entries(rules.relations)) {
      feed[`relation_${name}`] = whole(index, [tokens.length]);
    }
    if (this.about.model.num_puzzles) feed.puzzle_ids = whole([0], [1]);
    let before = null;
    for (let segment = 1; segment <= this.about.max_segments; segment++) {
      const said = await this.session.run(feed);
      feed.z_H = said.z_H_next;
      feed.z_L = said.z_L_next;
      const [qHalt, qContinue] = said.q_values.data;
      const pair = this.about.model.q_continue;
      const { answer, confidence } = read(said.logits.data, vocab, rules.answerTokens);
      const repeats = !this.about.steady || repeatsAnswer(answer, before);
      const halt = wantsToHalt(qHalt, pair ? qContinue : null, repeats);
      before = answer;
      yield {
        segment,
        answer,
        confidence,
        qHalt: sigmoid(qHalt),
        qContinue: pair ? sigmoid(qContinue) : null,
        halt,
      };
      if (halt) return;
    }
  }
}

/** The likeliest token of every cell among those that an answer may contain, and how likely it is. */
function read(logits, vocab, tokens) {
  const answer = [];
  const confidence = [];
  for (let at = 0; at < logits.length; at += vocab) {
    let best = tokens[0];
    for (const k of tokens) if (logits[at + k] > logits[at + best]) best = k;
    let sum = 0;
    for (const k of tokens) sum += Math.exp(logits[at + k] - logits[at + best]);
    answer.push(best);
    confidence.push(1 / sum);
  }
  return { answer, confidence };
}
