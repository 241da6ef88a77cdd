// What the puzzles are: tokens, and the rules an answer has to keep. No model is asked here.

const BOXES = { 4: [2, 2], 6: [2, 3], 8: [2, 4], 9: [3, 3] };

export class Sudoku {
  constructor(side) {
    this.family = "sudoku";
    this.side = side;
    this.box = BOXES[side];
    const units = [];
    for (let k = 0; k < side; k++) units.push([], [], []);
    for (let cell = 0; cell < side * side; cell++) {
      const row = Math.floor(cell / side);
      const column = cell % side;
      const across = side / this.box[1];
      const box = Math.floor(row / this.box[0]) * across + Math.floor(column / this.box[1]);
      units[3 * row].push(cell);
      units[3 * column + 1].push(cell);
      units[3 * box + 2].push(cell);
    }
    this.units = units;
    this.peers = Array.from({ length: side * side }, (_, cell) => [
      ...new Set(units.filter((unit) => unit.includes(cell)).flat().filter((p) => p !== cell)),
    ]);
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

  /** Count solutions up to a limit, the cell with the fewest choices first. */
  count(tokens, limit) {
    let best = null;
    let cell = -1;
    for (let k = 0; k < tokens.length; k++) {
      if (tokens[k] > 1) continue;
      const used = new Set(this.peers[k].map((p) => tokens[p]));
      const free = [];
      for (let t = 2; t <= this.side + 1; t++) if (!used.has(t)) free.push(t);
      if (best === null || free.length < best.length) [best, cell] = [free, k];
      if (best.length === 0) return 0;
    }
    if (best === null) return 1;
    let found = 0;
    for (const token of best) {
      tokens[cell] = token;
      found += this.count(tokens, limit - found);
      if (found >= limit) break;
    }
    tokens[cell] = 1;
    return found;
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

const [WALL, OPEN, START, GOAL, PATH] = [1, 2, 3, 4, 5];

export class Maze {
  constructor(side) {
    this.family = "maze";
    this.side = side;
  }

  empty() {
    const tokens = Array(this.side * this.side).fill(OPEN);
    tokens[0] = START;
    tokens[tokens.length - 1] = GOAL;
    return tokens;
  }

  neighbours(cell) {
    const found = [];
    const column = cell % this.side;
    if (cell >= this.side) found.push(cell - this.side);
    if (column + 1 < this.side) found.push(cell + 1);
    if (cell + this.side < this.side * this.side) found.push(cell + this.side);
    if (column > 0) found.push(cell - 1);
    return found;
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

export const rulesOf = (task) => {
  const [family, size] = task.split("-");
  const side = Number(size.split("x")[0]);
  return family === "sudoku" ? new Sudoku(side) : new Maze(side);
};
