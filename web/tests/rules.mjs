// Says what the page's rules think of puzzles and answers, so that they can be compared.
//
//   node tests/rules.mjs < [{"family": ..., "side": ..., "inputs": [...], "answers": [[...], ...]}, ...]
//
// Without inputs it generates a puzzle.

import { readFileSync } from "node:fs";
import { rulesOf } from "../src/rules.js";

const said = JSON.parse(readFileSync(0, "utf8")).map(({ family, side, inputs: given, answers = [] }) => {
  const rules = rulesOf(family, side);
  const inputs = given ?? rules.generate();
  return {
    inputs,
    vocab: rules.vocab,
    answerTokens: rules.answerTokens,
    relations: rules.relations,
    complaint: rules.complaint(inputs),
    accepts: answers.map((answer) => rules.accepts(inputs, answer)),
    marks: answers.map((answer) => rules.mistakes(inputs, answer)),
    clean: answers.map((answer) => !rules.mistakes(inputs, answer).some(Boolean)),
  };
});
console.log(JSON.stringify(said));
