// Tables as CSV files that are safe to open in spreadsheets.

const FORMULA = /^[\s]*[=+\-@|%＝＋－＠]/;

// A cell: numbers are unchanged; text that a spreadsheet would treat as a formula gets a leading apostrophe.
export function cell(value) {
  if (typeof value === "number") return String(value);
  const text = String(value ?? "");
  const safe = FORMULA.test(text) || /^[\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

// The byte-order mark identifies UTF-8 to spreadsheets.
export const csv = (rows) => `\ufeff${rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("")}`;

export function download(name, rows) {
  const source = URL.createObjectURL(new Blob([csv(rows)], { type: "text/csv;charset=utf-8" }));
  const link = document.createElement("a");
  Object.assign(link, { href: source, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(source), 10_000);
}
