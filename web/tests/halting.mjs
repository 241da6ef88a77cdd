// Prints where the page would halt, so that it can be compared with the package.
//
//   node tests/halting.mjs < [{"q_halt": ..., "q_continue": ..., "steady": ..., "answer": [...], "before": [...]}, ...]

import { readFileSync } from "node:fs";
import { repeatsAnswer, wantsToHalt } from "../src/halting.js";

const halts = JSON.parse(readFileSync(0, "utf8")).map(({ q_halt, q_continue, steady, answer, before }) =>
  wantsToHalt(q_halt, q_continue, !steady || repeatsAnswer(answer, before)),
);
console.log(JSON.stringify(halts));
