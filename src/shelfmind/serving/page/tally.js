// Counts of products on a shelf.

// Count names, most frequent first. Unnamed boxes (null) come last.
export function tally(names) {
  const counts = new Map();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].map(([name, count]) => ({ name, count })).sort((one, other) =>
    (one.name === null) - (other.name === null) || other.count - one.count || one.name.localeCompare(other.name, "zh-CN"));
}
