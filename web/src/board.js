// The board: a puzzle to type or to draw, then the answer of a segment over it.

import { DIGITS } from "./rules.js";

const NAMES = { 1: "wall", 2: "open", 3: "start", 4: "goal", 5: "path" };

/** Amber where unsure, white where sure. */
const ground = (confidence) => {
  const share = 0.85 * (1 - confidence);
  const mixed = [230, 159, 0].map((part) => Math.round(255 + (part - 255) * share));
  return `rgb(${mixed.join(" ")})`;
};

export class Board {
  /** @param {HTMLElement} place where it stands; @param onChange called when a person changed it. */
  constructor(place, rules, onChange) {
    this.place = place;
    this.rules = rules;
    this.onChange = onChange;
    this.tool = 1;
    this.tokens = rules.empty();
    this.editable = true;
    place.className = rules.family;
    place.style.setProperty("--side", rules.side);
    this.cells = this.tokens.map((_, index) =>
      rules.family === "sudoku" ? this.digitCell(index) : this.mazeCell(index),
    );
    place.replaceChildren(...this.cells);
    this.edit();
  }

  digitCell(index) {
    const { side, box } = this.rules;
    const [row, column] = [Math.floor(index / side), index % side];
    // Marks are drawn on the cell, since an input has no ::before.
    const cell = document.createElement("div");
    const input = document.createElement("input");
    input.inputMode = "numeric";
    input.autocomplete = "off";
    input.setAttribute("aria-label", `row ${row + 1}, column ${column + 1}`);
    cell.append(input);
    cell.dataset.edges = [
      column % box[1] === box[1] - 1 && column + 1 < side ? "box-right" : "",
      row % box[0] === box[0] - 1 && row + 1 < side ? "box-bottom" : "",
    ].join(" ");
    // The keyboard of a phone tells what it writes here, and its keys by no name.
    input.addEventListener("beforeinput", (event) => {
      event.preventDefault();
      if (event.inputType.startsWith("delete")) this.erase(index, -1);
      // Where it could not be prevented, as in a composition, the text is in the cell afterwards.
      else if (event.cancelable) this.write(event.data ?? "", index);
    });
    input.addEventListener("input", () => this.write(input.value.slice(-1), index));
    input.addEventListener("keydown", (event) => this.key(event, index));
    return cell;
  }

  focus(index) {
    this.cells[index]?.firstChild.focus();
  }

  /** Arrows move, deleting goes back or stays. */
  key(event, index) {
    const { side } = this.rules;
    const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -side, ArrowDown: side };
    const deletes = { Backspace: -1, Delete: 0 };
    if (event.key in moves) this.focus(index + moves[event.key]);
    else if (event.key in deletes) this.erase(index, deletes[event.key]);
    else return;
    event.preventDefault();
  }

  /** Digits write, space, dot and 0 leave blank; each goes on to the next cell. */
  write(text, index) {
    if (!this.editable) return;
    let at = index;
    for (const mark of text) {
      const digit = DIGITS.slice(0, this.rules.side).indexOf(mark.toUpperCase());
      if (at >= this.cells.length || !(digit >= 0 || " .0".includes(mark))) continue;
      this.tokens[at++] = digit >= 0 ? digit + 2 : 1;
    }
    this.edit();
    if (at === index) return;
    this.onChange();
    this.focus(Math.min(at, this.cells.length - 1));
  }

  erase(index, move) {
    if (!this.editable) return;
    this.tokens[index] = 1;
    this.edit();
    this.onChange();
    this.focus(index + move);
  }

  mazeCell(index) {
    const cell = document.createElement("div");
    const draw = (event) => {
      if (!this.editable || event.buttons !== 1) return;
      event.preventDefault();
      if (cell.hasPointerCapture?.(event.pointerId)) cell.releasePointerCapture(event.pointerId);
      this.drawCell(index);
    };
    cell.addEventListener("pointerdown", draw);
    cell.addEventListener("pointerenter", draw);
    return cell;
  }

  /** S and G stand once each: they are moved, changing places if need be, never painted over. */
  drawCell(index) {
    const here = this.tokens[index];
    const fixed = here === 3 || here === 4;
    if (here === this.tool || (fixed && this.tool <= 2)) return;
    if (this.tool > 2) this.tokens[this.tokens.indexOf(this.tool)] = fixed ? here : 2;
    this.tokens[index] = this.tool;
    this.edit();
    this.onChange();
  }

  set(tokens) {
    this.tokens = [...tokens];
    this.edit();
  }

  /** Show the question, to be changed. */
  edit() {
    this.editable = true;
    this.shown = null;
    this.cells.forEach((cell, index) => this.dress(cell, this.tokens[index], this.tokens[index] > 1));
  }

  /** Show what a segment answered. */
  show({ answer, confidence }, mistakes, flash = true) {
    const before = this.shown ?? this.tokens;
    this.editable = false;
    this.cells.forEach((cell, index) => {
      const given = this.rules.family === "sudoku" && this.tokens[index] > 1;
      this.dress(cell, answer[index], given);
      if (mistakes[index]) cell.classList.add(mistakes[index]);
      else if (answer[index] === 5) cell.classList.add("right");
      const wall = this.rules.family === "maze" && this.tokens[index] === 1;
      if (!given && !wall) cell.style.background = ground(confidence[index]);
      if (flash && before[index] !== answer[index]) {
        // Off and on again, so that the animation starts again.
        void cell.offsetWidth;
        cell.classList.add("changed");
      }
    });
    this.shown = answer;
  }

  dress(cell, token, given) {
    cell.style.background = "";
    if (this.rules.family === "sudoku") {
      cell.className = `cell ${cell.dataset.edges}${given ? " given" : ""}`;
      cell.firstChild.value = token > 1 ? DIGITS[token - 2] : "";
      cell.firstChild.readOnly = !this.editable;
    } else {
      cell.className = `cell ${NAMES[token] ?? ""}`;
    }
  }
}
