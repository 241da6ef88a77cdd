// When a model halts: hrm_gym/halt_rule.py for the browser; tests/web/test_halting.py compares both.

/**
 * Whether a model halts by itself.
 * @param {number} qHalt logit of the value of halting.
 * @param {number | null} qContinue the same for continuing; null for a model without it.
 * @param {boolean} repeats whether the answer repeats the one before; true unless it is steady.
 */
export const wantsToHalt = (qHalt, qContinue = null, repeats = true) =>
  qHalt > (qContinue ?? 0) && repeats;

/** Whether an answer equals that of the segment before, which is null at the first segment. */
export const repeatsAnswer = (answer, before) =>
  before !== null && answer.every((token, cell) => token === before[cell]);
