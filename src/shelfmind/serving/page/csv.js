// Tables as CSV files that spreadsheets open without harm.

const FORMULA = /^[\s]*[=+\-@|%＝＋－＠]/;

// A cell: numbers as they are; text that a spreadsheet would take for a formula gets an apostrophe before it.
export function cell(value) {
  if (typeof value === "number") return String(value);
  const text = String(value ?? "");
  const safe = FORMULA.test(text) || /^[\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

// The mark at the start tells spreadsheets that it is UTF-8.
export const csv = (rows) => `\ufeff${rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("")}`;

export function download(name, rows) {
  const source = URL.createObjectURL(new Blob([csv(rows)], { type: "text/csv;charset=utf-8" }));
  const link = document.createElement("a");
  Object.assign(link, { href: source, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(source), 10_000);
}
