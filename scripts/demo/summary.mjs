// The lines of a run as a small table: what any script of a few lines can do with them.
import { readFileSync } from 'node:fs';

const lines = readFileSync(0, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line));
const rows = [['task', 'backend', 'model', 'sandbox', 'tokens', 'verdict', 'decision', 'changed']];
for (const task of lines.filter((line) => line.type === 'task')) {
  const attempt = task.result?.attempts?.at(-1) ?? {};
  rows.push([
    task.id,
    task.result?.backend ?? '-',
    task.result?.model ?? '-',
    attempt.sandbox ?? '-',
    String(task.result?.usage?.total ?? '-'),
    task.verdict?.status ?? '-',
    task.decisions?.at(-1)?.status ?? '-',
    (task.result?.changed ?? []).join(' ') || '-',
  ]);
}
const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
for (const row of rows) console.log(row.map((cell, column) => cell.padEnd(widths[column])).join('  ').trimEnd());
