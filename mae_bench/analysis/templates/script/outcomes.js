// Reads the outcomes that the report decided. An outcome is looked up, never made.

/** Return the word of a comparison; "not_tested" where the report tested no such pair. */
function outcome(data, setting, column, treatment, baseline, n) {
  const letter = baseline === data.control ? setting.versus[column][treatment] : "-";
  if (letter !== "-") return { w: "wins", l: "loses", u: "undecided", f: "failed", n: "not_run" }[letter];
  if (!isTested(data, setting, treatment, baseline)) return "not_tested";
  if (n === 0) return "not_run";
  if (isBeaten(setting, column, treatment, baseline)) return "wins";
  return isBeaten(setting, column, baseline, treatment) ? "loses" : "undecided";
}

/** Whether a pair is in the family of all pairs. */
function isTested(data, setting, one, other) {
  if (setting.beaten === null || one === other) return false;
  if ([one, other].some((arm) => data.arms[arm].role === "floor")) return false;
  return data.onlyWith === null || [one, other].includes(data.onlyWith);
}

/** Whether the report decided that one arm is better than another in a column. */
function isBeaten(setting, column, better, worse) {
  setting.beatenSets ??= setting.beaten.map((pairs) => {
    const keys = new Set();
    for (let at = 0; at < pairs.length; at += 2) keys.add(pairs[at] + ">" + pairs[at + 1]);
    return keys;
  });
  return setting.beatenSets[column].has(better + ">" + worse);
}

/** Return how often one arm wins, loses and is undecided against another on single tasks. */
function record(data, settings, one, other) {
  const counts = { wins: 0, loses: 0, undecided: 0 };
  for (const setting of settings) {
    setting.tasks.forEach((_, column) => {
      const theirs = valuesOf(data, setting, column, other);
      const n = valuesOf(data, setting, column, one).filter((value, seed) => value !== null && theirs[seed] !== null).length;
      const word = outcome(data, setting, column, one, other, n);
      if (word in counts) counts[word] += 1;
    });
  }
  return counts;
}

/** Return the arms that are compared with others. */
function comparedArms(data) {
  return data.arms.flatMap((arm, index) => (arm.role === "floor" ? [] : [index]));
}
