// Says what the page's rules think of puzzles and answers, so that they can be compared.
//
//   node tests/rules.mjs < [{"task": ..., "inputs": [...], "answers": [[...], ...]}, ...]

import { readFileSync } from "node:fs";
import { rulesOf } from "../src/rules.js";

const said = JSON.parse(readFileSync(0, "utf8")).map(({ task, inputs, answers }) => {
  const rules = rulesOf(task);
  return {
    complaint: rules.complaint(inputs),
    accepts: answers.map((answer) => rules.accepts(inputs, answer)),
    marks: answers.map((answer) => rules.mistakes(inputs, answer)),
    clean: answers.map((answer) => !rules.mistakes(inputs, answer).some(Boolean)),
  };
});
console.log(JSON.stringify(said));
