// Paired differences by the formulae of the report: Student's t over seeds. Nothing is decided here.

/** Return mean and 95% interval of the values that are there. */
function summarised(values, quantiles) {
  const there = values.filter((value) => value !== null);
  const n = there.length;
  if (n === 0) return { n, mean: null, low: null, high: null };
  const mean = there.reduce((sum, value) => sum + value, 0) / n;
  if (n === 1) return { n, mean, low: null, high: null };
  const squares = there.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const half = quantiles[n] * Math.sqrt(squares / (n - 1) / n);
  return { n, mean, low: mean - half, high: mean + half };
}

/** Return the values of an arm by seed on a task, null where there is none. */
function valuesOf(data, setting, task, arm) {
  const cell = setting.cells[task][arm];
  return cell === null ? data.seeds.map(() => null) : cell.values;
}

/** Return the tasks that a column stands for: one, or all of them where it is their mean. */
function tasksOf(setting, column) {
  return column < setting.tasks.length ? [column] : setting.tasks.map((_, task) => task);
}

/** Return how a column is read. */
function measureOf(setting, column) {
  return column < setting.tasks.length ? setting.tasks[column] : setting.mean;
}

/** Return the number of columns: the tasks, and their mean where that has a meaning. */
function numColumns(setting) {
  return setting.tasks.length + (setting.mean === null ? 0 : 1);
}

/** Return the mean of several tasks by seed; a seed without one of them counts on none. */
function meanBySeed(columns) {
  return columns[0].map((_, seed) => {
    const values = columns.map((column) => column[seed]);
    return values.includes(null) ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
  });
}

/** Return the score of an arm in a column. */
function score(data, setting, column, arm) {
  const values = meanBySeed(tasksOf(setting, column).map((task) => valuesOf(data, setting, task, arm)));
  return { values, ...summarised(values, data.quantiles), ...lostRuns(setting, column, [arm]) };
}

/** Return the paired difference of two arms in a column, as measured: treatment minus baseline. */
function paired(data, setting, column, treatment, baseline) {
  const differences = tasksOf(setting, column).map((task) => {
    const theirs = valuesOf(data, setting, task, baseline);
    return valuesOf(data, setting, task, treatment).map((value, seed) =>
      value === null || theirs[seed] === null ? null : value - theirs[seed]);
  });
  const values = meanBySeed(differences);
  return { values, ...summarised(values, data.quantiles), ...lostRuns(setting, column, [treatment, baseline]) };
}

function lostRuns(setting, column, arms) {
  const cells = tasksOf(setting, column).flatMap((task) => arms.map((arm) => setting.cells[task][arm]));
  const total = (name) => cells.reduce((sum, cell) => sum + ((cell && cell[name]) || 0), 0);
  return { failed: total("failed"), collapsed: total("collapsed") };
}
