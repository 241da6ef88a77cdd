// The board: a puzzle to type or to draw, then the answer of a segment over it.

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
    const cell = document.createElement("input");
    cell.inputMode = "numeric";
    cell.autocomplete = "off";
    cell.setAttribute("aria-label", `row ${row + 1}, column ${column + 1}`);
    cell.dataset.edges = [
      column % box[1] === box[1] - 1 && column + 1 < side ? "box-right" : "",
      row % box[0] === box[0] - 1 && row + 1 < side ? "box-bottom" : "",
    ].join(" ");
    cell.addEventListener("beforeinput", (event) => event.preventDefault());
    cell.addEventListener("keydown", (event) => this.key(event, index));
    return cell;
  }

  /** Digits write and go on to the next cell, arrows move. */
  key(event, index) {
    const { side } = this.rules;
    const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -side, ArrowDown: side };
    const focus = (k) => this.cells[Math.min(Math.max(k, 0), this.cells.length - 1)].focus();
    if (event.key in moves) {
      event.preventDefault();
      focus(index + moves[event.key]);
      return;
    }
    const blank = [" ", ".", "0", "Backspace", "Delete"].includes(event.key);
    const digit = /^[1-9]$/.test(event.key) && Number(event.key) <= side;
    if (!this.editable || !(blank || digit)) return;
    event.preventDefault();
    this.tokens[index] = digit ? Number(event.key) + 1 : 1;
    this.edit();
    this.onChange();
    if (event.key === "Backspace") focus(index - 1);
    else if (event.key !== "Delete") focus(index + 1);
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
      if (mistakes[index]) cell.classList.add("wrong");
      else if (answer[index] === 5) cell.classList.add("right");
      const wall = this.rules.family === "maze" && this.tokens[index] === 1;
      if (!given && !wall) cell.style.background = ground(confidence[index]);
      if (flash && before[index] !== answer[index]) {
        // Off and on again, so that the animation starts anew.
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
      cell.value = token > 1 ? String(token - 1) : "";
      cell.readOnly = !this.editable;
    } else {
      cell.className = `cell ${NAMES[token] ?? ""}`;
    }
  }
}
