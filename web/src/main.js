// The page: choose a model and a size, give it a puzzle, watch it think.

import { Board } from "./board.js";
import { Model } from "./model.js";
import { rulesOf } from "./rules.js";

const FOLDER = new URL("models/", document.baseURI);
/** Milliseconds between segments, and at most for all of them. */
const PAUSE = 900;
const LONGEST = 8000;
const TOOLS = { 1: "Wall", 2: "Space", 3: "Move S", 4: "Move G" };
const HINTS = {
  sudoku: "Type digits (A is 10, B is 11 and so on); space or 0 leaves a cell blank, arrows move.",
  maze: "Draw with the mouse or a finger. S is the start, G the goal.",
};

const $ = (id) => document.getElementById(id);
const loaded = new Map();
let entry, rules, board;
let segments = [];
// Counts what was started; code that finds it changed was overtaken and stops.
let turn = 0;

const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

function choose(next) {
  entry = next;
  $("size").replaceChildren(...entry.sizes.map((side) => new Option(`${side} × ${side}`, side)));
  $("size").value = String(entry.side);
  for (const tab of $("models").children) {
    tab.setAttribute("aria-selected", String(tab.dataset.name === entry.name));
  }
  $("q-continue-row").hidden = !entry.model.q_continue;
  const size = `${entry.side} × ${entry.side}`;
  const accuracy = entry.solve_rate ? ` It solves ${(100 * entry.solve_rate).toFixed(1)}% of held-out puzzles of ${size};` : "";
  $("about").textContent =
    `${entry.name}: ${entry.parameters.toLocaleString("en")} parameters, the same for every size.` +
    `${accuracy} sizes that it was not trained on are harder for it.`;
  resize();
}

/** Show an empty board of the chosen size, then a puzzle on it. */
function resize() {
  rules = rulesOf(entry.family, Number($("size").value));
  board = new Board($("board"), rules, reset);
  $("tools").replaceChildren(...(rules.family === "maze" ? Object.entries(TOOLS).map(tool) : []));
  $("hint").textContent = HINTS[rules.family];
  $("missed").hidden = rules.family !== "maze";
  example();
}

function tool([token, name]) {
  const button = document.createElement("button");
  button.textContent = name;
  button.setAttribute("role", "radio");
  button.setAttribute("aria-checked", String(board.tool === Number(token)));
  button.addEventListener("click", () => {
    board.tool = Number(token);
    for (const other of $("tools").children) {
      other.setAttribute("aria-checked", String(other === button));
    }
  });
  return button;
}

function example() {
  const known = entry.examples[rules.side] ?? [];
  const prepared = known.length > 0 && Math.random() < 0.5;
  board.set(prepared ? known[Math.floor(Math.random() * known.length)] : rules.generate());
  reset();
}

/** Forget all thoughts; the puzzle stays and can be changed. */
function reset() {
  turn++;
  segments = [];
  if (!board.editable) board.edit();
  for (const id of ["message", "badge", "verdict", "q-halt-text", "q-continue-text"]) $(id).textContent = "";
  for (const id of ["q-halt", "q-continue"]) $(id).style.width = "0";
  $("badge").className = "";
  $("counter").textContent = "not yet thought about";
  $("think").disabled = false;
  $("edit").hidden = true;
  for (const name of ["answer", "segments", "done"]) delete $("thoughts").dataset[name];
  timeline(0);
}

async function model() {
  if (!loaded.has(entry.name)) {
    $("counter").textContent = "loading the model";
    loaded.set(entry.name, await Model.load(entry, FOLDER));
  }
  return loaded.get(entry.name);
}

async function think() {
  reset();
  const tokens = [...board.tokens];
  const complaint = rules.complaint(tokens);
  $("message").textContent = complaint;
  if (complaint) return;
  const mine = turn;
  $("think").disabled = true;
  try {
    const thinker = await model();
    for await (const said of thinker.think(tokens, rules)) {
      if (mine !== turn) return;
      segments.push(said);
      show(segments.length - 1);
      const last = said.halt || said.segment === entry.max_segments;
      if (!last) await wait(still() ? 0 : Math.min(PAUSE, LONGEST / entry.max_segments));
      if (mine !== turn) return;
    }
    finish(tokens);
  } catch (error) {
    if (mine !== turn) return;
    $("message").textContent = `The model failed: ${error.message}`;
    if (!segments.length) $("counter").textContent = "not yet thought about";
  } finally {
    if (mine === turn) {
      $("think").disabled = false;
      $("edit").hidden = segments.length === 0;
    }
  }
}

function finish(tokens) {
  const { answer, segment } = segments.at(-1);
  const right = rules.accepts(tokens, answer);
  const spent = `${segment} segment${segment === 1 ? "" : "s"}`;
  const ended = segments.at(-1).halt ? "" : ", the last, without deciding to stop";
  $("verdict").textContent = right
    ? `Right: the rules accept it, after ${spent}${ended}.`
    : `Wrong: the model's answer breaks the rules, after ${spent}${ended}.`;
  $("thoughts").dataset.answer = answer.join(",");
  $("thoughts").dataset.segments = String(segment);
  $("thoughts").dataset.done = right ? "right" : "wrong";
  show(segments.length - 1, false);
}

/** Show one segment: the board, the Q-values, whether it halts. */
function show(index, flash = true) {
  const said = segments[index];
  board.show(said, rules.mistakes(board.tokens, said.answer), flash);
  $("counter").textContent = `segment ${said.segment} of ${entry.max_segments}`;
  for (const [id, share] of [["q-halt", said.qHalt], ["q-continue", said.qContinue]]) {
    $(id).style.width = `${100 * (share ?? 0)}%`;
    $(`${id}-text`).textContent = share === null ? "" : share.toFixed(3);
  }
  const last = said.segment === entry.max_segments;
  $("badge").textContent = said.halt ? "HALT" : last ? "LAST" : "continue";
  const ends = said.halt || last;
  $("badge").className = !ends ? "" : rules.accepts(board.tokens, said.answer) ? "good" : "bad";
  timeline(index + 1);
}

function timeline(shown) {
  $("timeline").replaceChildren(
    ...Array.from({ length: entry.max_segments }, (_, k) => {
      const button = document.createElement("button");
      button.setAttribute("aria-label", `segment ${k + 1}`);
      button.disabled = k >= segments.length;
      button.classList.toggle("done", k < shown);
      if (k === shown - 1) button.setAttribute("aria-current", "step");
      button.addEventListener("click", () => show(k));
      return button;
    }),
  );
}

async function begin() {
  const answer = await fetch(new URL("models.json", FOLDER));
  if (!answer.ok) throw new Error(`models.json: the server says ${answer.status}`);
  const entries = await answer.json();
  for (const next of entries) {
    const tab = document.createElement("button");
    tab.textContent = next.title;
    tab.dataset.name = next.name;
    tab.setAttribute("role", "tab");
    tab.addEventListener("click", () => choose(next));
    $("models").append(tab);
  }
  $("size").addEventListener("change", resize);
  $("think").addEventListener("click", think);
  $("edit").addEventListener("click", reset);
  $("example").addEventListener("click", example);
  $("clear").addEventListener("click", () => {
    board.set(rules.empty());
    reset();
  });
  choose(entries[0]);
  document.body.dataset.ready = "yes";
}

begin().catch((error) => {
  $("message").textContent = `The page could not start: ${error.message}`;
});
