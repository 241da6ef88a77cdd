// What the puzzles are: tokens, relations, and the rules of an answer. No model is asked here.

/** Digits from 10 on are letters. */
export const DIGITS = "123456789ABCDEFG";
/** Number of guesses after which a Sudoku counts as one with a single solution. */
const GUESSES = 3000;
/** Share of the cells of a generated Sudoku from which no more digits are removed. */
const CLUES = 0.36;
/** Milliseconds after which no more digits are removed. */
const PATIENCE = 400;

const shuffled = (values, random) => {
  const order = [...values];
  for (let k = order.length - 1; k > 0; k--) {
    const other = Math.floor(random() * (k + 1));
    [order[k], order[other]] = [order[other], order[k]];
  }
  return order;
};

const upTo = (count) => Array.from({ length: count }, (_, k) => k);

export class Sudoku {
  constructor(side) {
    this.family = "sudoku";
    this.side = side;
    // A box is as square as it can be, and never taller than wide.
    let rows = Math.floor(Math.sqrt(side));
    while (side % rows) rows--;
    this.box = [rows, side / rows];
    this.vocab = side + 2;
    this.answerTokens = upTo(side).map((digit) => digit + 2);
    this.relations = { row: [], column: [], box: [] };
    this.units = upTo(3 * side).map(() => []);
    for (let cell = 0; cell < side * side; cell++) {
      const row = Math.floor(cell / side);
      const column = cell % side;
      const box = Math.floor(row / rows) * rows + Math.floor(column / this.box[1]);
      this.relations.row.push(row);
      this.relations.column.push(column);
      this.relations.box.push(box);
      this.units[3 * row].push(cell);
      this.units[3 * column + 1].push(cell);
      this.units[3 * box + 2].push(cell);
    }
    this.unitsOf = upTo(side * side).map((cell) => this.units.filter((unit) => unit.includes(cell)));
    this.peers = this.unitsOf.map((units, cell) => [...new Set(units.flat().filter((p) => p !== cell))]);
  }

  empty() {
    return Array(this.side * this.side).fill(1);
  }

  /** What is wrong with a question, in one sentence; empty where nothing is. */
  complaint(tokens) {
    if (tokens.every((token) => token === 1)) return "Type a puzzle, or take another one.";
    const clash = tokens.some((t, cell) => t > 1 && this.peers[cell].some((p) => tokens[p] === t));
    if (clash) return "A digit stands twice in a row, a column or a box.";
    const found = this.count([...tokens], 2);
    if (found === 0) return "This Sudoku has no solution.";
    return found > 1 ? "This Sudoku has several solutions: it needs more digits." : "";
  }

  /** Count solutions up to a limit; after many guesses, return the number found so far, or 1. */
  count(tokens, limit) {
    const left = { guesses: GUESSES };
    const open = new Int32Array(tokens.length).fill((1 << this.side) - 1);
    for (let cell = 0; cell < tokens.length; cell++) {
      if (tokens[cell] > 1 && !this.place(open, cell, 1 << (tokens[cell] - 2))) return 0;
    }
    const found = this.search(open, limit, left);
    return left.guesses > 0 ? found : Math.max(found, 1);
  }

  /** Count solutions among the digits that are open, one bit each, by guessing. */
  search(open, limit, left) {
    let cell = -1;
    let fewest = this.side + 1;
    for (let k = 0; k < open.length; k++) {
      const choices = bits(open[k]);
      if (choices > 1 && choices < fewest) [cell, fewest] = [k, choices];
    }
    if (cell < 0) return 1;
    let found = 0;
    for (let rest = open[cell]; rest && found < limit && left.guesses > 0; rest &= rest - 1) {
      left.guesses--;
      const copy = open.slice();
      if (this.place(copy, cell, rest & -rest)) found += this.search(copy, limit - found, left);
    }
    return found;
  }

  /** Put a digit into a cell, with what follows; false where that is impossible. */
  place(open, cell, digit) {
    for (let rest = open[cell] & ~digit; rest; rest &= rest - 1) {
      if (!this.remove(open, cell, rest & -rest)) return false;
    }
    return (open[cell] & digit) !== 0;
  }

  /** Take a digit from a cell; a last digit of a cell or a last cell of a digit is then placed. */
  remove(open, cell, digit) {
    if (!(open[cell] & digit)) return true;
    open[cell] &= ~digit;
    if (open[cell] === 0) return false;
    if (bits(open[cell]) === 1) {
      for (const peer of this.peers[cell]) if (!this.remove(open, peer, open[cell])) return false;
    }
    for (const unit of this.unitsOf[cell]) {
      let found = 0;
      let last = -1;
      for (let k = 0; k < unit.length && found < 2; k++) {
        if (!(open[unit[k]] & digit)) continue;
        found++;
        last = unit[k];
      }
      if (found === 0 || (found === 1 && !this.place(open, last, digit))) return false;
    }
    return true;
  }

  /** A puzzle with one solution: a shuffled grid, from which digits are removed. */
  generate(random = Math.random) {
    const { side, box } = this;
    const order = (bands, lines) =>
      shuffled(upTo(bands), random).flatMap((band) => shuffled(upTo(lines), random).map((line) => band * lines + line));
    const [rows, columns] = [order(box[1], box[0]), order(box[0], box[1])];
    const digits = shuffled(upTo(side), random);
    const tokens = rows.flatMap((row) =>
      columns.map((column) => digits[(box[1] * (row % box[0]) + Math.floor(row / box[0]) + column) % side] + 2),
    );
    // Many digits are removed at a time, and fewer where that leaves several solutions.
    const begun = performance.now();
    const cells = shuffled(upTo(tokens.length), random);
    const least = Math.ceil(CLUES * tokens.length);
    let left = tokens.length;
    let step = Math.ceil(tokens.length / 4);
    while (cells.length && left > least && performance.now() - begun < PATIENCE) {
      const batch = cells.slice(0, Math.min(step, left - least));
      const digitsThere = batch.map((cell) => tokens[cell]);
      for (const cell of batch) tokens[cell] = 1;
      const single = this.count(tokens, 2) === 1;
      if (single) left -= batch.length;
      else batch.forEach((cell, k) => (tokens[cell] = digitsThere[k]));
      if (single || batch.length === 1) cells.splice(0, batch.length);
      else step = Math.ceil(batch.length / 2);
    }
    return tokens;
  }

  accepts(tokens, answer) {
    return (
      tokens.every((t, cell) => t === 1 || answer[cell] === t) &&
      this.units.every(
        (unit) => new Set(unit.map((c) => answer[c])).size === this.side && unit.every((c) => answer[c] > 1),
      )
    );
  }

  /** How each cell of an answer is to be marked: "wrong" where it breaks a rule, else "". */
  mistakes(tokens, answer) {
    const wrong = (t, cell) =>
      t < 2 || (tokens[cell] > 1 && t !== tokens[cell]) || this.peers[cell].some((p) => answer[p] === t);
    return answer.map((t, cell) => (wrong(t, cell) ? "wrong" : ""));
  }
}

const bits = (mask) => {
  let count = 0;
  for (let rest = mask; rest; rest &= rest - 1) count++;
  return count;
};

const [WALL, OPEN, START, GOAL, PATH] = [1, 2, 3, 4, 5];
/** Number of random mazes of which the one with the longest way is taken. */
const DRAWS = 12;

export class Maze {
  constructor(side) {
    this.family = "maze";
    this.side = side;
    this.vocab = 6;
    this.answerTokens = [WALL, OPEN, START, GOAL, PATH];
    const seen = (inside, step) => upTo(side * side).map((cell) => (inside(cell) ? cell + step : -1));
    this.relations = {
      left: seen((cell) => cell % side > 0, -1),
      right: seen((cell) => cell % side < side - 1, 1),
      up: seen((cell) => cell >= side, -side),
      down: seen((cell) => cell + side < side * side, side),
    };
  }

  empty() {
    const tokens = Array(this.side * this.side).fill(OPEN);
    tokens[0] = START;
    tokens[tokens.length - 1] = GOAL;
    return tokens;
  }

  neighbours(cell) {
    const { up, right, down, left } = this.relations;
    return [up[cell], right[cell], down[cell], left[cell]].filter((next) => next >= 0);
  }

  /** Moves from a cell to every other one, -1 where no way leads. */
  distances(open, from) {
    const far = Array(open.length).fill(-1);
    far[from] = 0;
    const queue = [from];
    for (const cell of queue) {
      for (const next of this.neighbours(cell)) {
        if (open[next] && far[next] < 0) {
          far[next] = far[cell] + 1;
          queue.push(next);
        }
      }
    }
    return far;
  }

  complaint(tokens) {
    for (const [token, name] of [[START, "S"], [GOAL, "G"]]) {
      if (tokens.filter((t) => t === token).length !== 1) return `A maze needs one ${name}.`;
    }
    const far = this.distances(tokens.map((t) => t !== WALL), tokens.indexOf(START));
    return far[tokens.indexOf(GOAL)] < 0 ? "No way leads from S to G." : "";
  }

  /** A maze with a way from S to G: carved where the side is odd, else walls at random, or both. */
  generate(random = Math.random) {
    const carved = this.side % 2 === 1 && random() < 0.5;
    let best = null;
    let longest = -1;
    for (let draw = 0; draw < DRAWS; draw++) {
      const tokens = carved ? this.carve(random) : this.scatter(random);
      const open = tokens.map((token) => token !== WALL);
      const start = shuffled(upTo(tokens.length).filter((cell) => open[cell]), random)[0] ?? -1;
      if (start < 0) continue;
      const far = this.distances(open, start);
      const goal = far.indexOf(Math.max(...far));
      if (goal === start || far[goal] <= longest) continue;
      longest = far[goal];
      tokens[start] = START;
      tokens[goal] = GOAL;
      best = tokens;
    }
    return best ?? this.empty();
  }

  /** Each cell is a wall with the same probability. */
  scatter(random) {
    const share = 0.3 + 0.2 * random();
    return upTo(this.side * this.side).map(() => (random() < share ? WALL : OPEN));
  }

  /** Rooms at even rows and columns, connected without circles by a depth-first walk. */
  carve(random) {
    const tokens = Array(this.side * this.side).fill(WALL);
    tokens[0] = OPEN;
    const walk = [0];
    while (walk.length) {
      const here = walk.at(-1);
      const [row, column] = [Math.floor(here / this.side), here % this.side];
      const steps = [
        [row > 1, -this.side],
        [row + 2 < this.side, this.side],
        [column > 1, -1],
        [column + 2 < this.side, 1],
      ].filter(([inside, step]) => inside && tokens[here + 2 * step] === WALL);
      if (!steps.length) {
        walk.pop();
        continue;
      }
      const [, step] = steps[Math.floor(random() * steps.length)];
      tokens[here + step] = OPEN;
      tokens[here + 2 * step] = OPEN;
      walk.push(here + 2 * step);
    }
    return tokens;
  }

  /** Any shortest path is right. */
  accepts(tokens, answer) {
    const same = answer.every((t, cell) => t === tokens[cell] || (t === PATH && tokens[cell] === OPEN));
    if (!same) return false;
    const [start, goal] = [tokens.indexOf(START), tokens.indexOf(GOAL)];
    const moves = this.distances(tokens.map((t) => t !== WALL), start)[goal];
    const marked = answer.map((t, cell) => t === PATH || cell === start || cell === goal);
    const walked = this.distances(marked, start)[goal];
    return moves === walked && answer.filter((t) => t === PATH).length === moves - 1;
  }

  /**
   * How each cell of an answer is to be marked: "wrong" where it marks too much or changes the
   * puzzle, "missed" where a path lacks it, else "". Only what is accepted has no mark.
   */
  mistakes(tokens, answer) {
    const path = this.nearest(tokens, answer);
    return answer.map((t, cell) => {
      if (t === PATH && tokens[cell] === OPEN) return path.has(cell) ? "" : "wrong";
      if (t !== tokens[cell]) return "wrong";
      return path.has(cell) ? "missed" : "";
    });
  }

  /** The cells between S and G of the shortest path that an answer marks most of. */
  nearest(tokens, answer) {
    const [start, goal] = [tokens.indexOf(START), tokens.indexOf(GOAL)];
    const back = this.distances(tokens.map((t) => t !== WALL), goal);
    const path = new Set();
    if (back[start] < 0) return path;
    // From G outwards: how many marks a shortest way from a cell can hold, and where it leads.
    const order = back.map((_, cell) => cell).filter((cell) => back[cell] > 0 && back[cell] <= back[start]);
    order.sort((a, b) => back[a] - back[b]);
    const [marks, next] = [Array(back.length).fill(0), Array(back.length).fill(-1)];
    for (const cell of order) {
      for (const ahead of this.neighbours(cell)) {
        if (back[ahead] !== back[cell] - 1) continue;
        if (next[cell] < 0 || marks[ahead] > marks[next[cell]]) next[cell] = ahead;
      }
      marks[cell] = marks[next[cell]] + (answer[cell] === PATH);
    }
    for (let cell = next[start]; cell !== goal; cell = next[cell]) path.add(cell);
    return path;
  }
}

export const rulesOf = (family, side) => (family === "sudoku" ? new Sudoku(side) : new Maze(side));
