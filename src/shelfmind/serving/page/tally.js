// How often each product is on a shelf.

// Counts names, the most frequent first; a name of null is a box without one and comes last.
export function tally(names) {
  const counts = new Map();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].map(([name, count]) => ({ name, count })).sort((one, other) =>
    (one.name === null) - (other.name === null) || other.count - one.count || one.name.localeCompare(other.name, "zh-CN"));
}
