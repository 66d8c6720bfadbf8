// statements.mjs - the statements that Bureau itself ran for one GET and one POST, read from
// PostgreSQL's log, so that pgbench and the peer run exactly the same ones.
import { readFileSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from './measure.mjs';

async function sql(context, text) {
  return run('psql', ['-X', '-q', '-t', '-A', '-v', 'ON_ERROR_STOP=1', '-d', context.superuser, '-c', text]);
}

// "execute name: SELECT …" with its "parameters: $1 = '…'" line.
function executed(log) {
  const lines = log.split('\n');
  const found = [];
  for (let i = 0; i < lines.length; i++) {
    const start = /LOG: {2}(?:duration: [\d.]+ ms {2})?execute [^:]+: (.*)$/.exec(lines[i]);
    if (!start) continue;
    let text = start[1];
    while (i + 1 < lines.length && lines[i + 1].startsWith('\t')) text += `\n${lines[++i].slice(1)}`;
    const values = [];
    const detail = /DETAIL: {2}parameters: (.*)$/.exec(lines[i + 1] ?? '');
    if (detail)
      for (const match of detail[1].matchAll(/\$\d+ = (NULL|'((?:[^']|'')*)')/g))
        values.push(match[1] === 'NULL' ? null : match[2].replaceAll("''", "'"));
    found.push({ text, values });
  }
  return found;
}

// Runs `request` with statement logging on; the last statement that `wanted` accepts.
export async function capture(context, request, wanted) {
  await sql(context, "ALTER SYSTEM SET log_min_duration_statement = 0");
  await sql(context, 'ALTER SYSTEM SET log_parameter_max_length = -1');
  await sql(context, 'SELECT pg_reload_conf()');
  await sleep(500);
  const from = statSync(context.log).size;
  await request();
  await sleep(500);
  await sql(context, 'ALTER SYSTEM RESET log_min_duration_statement');
  await sql(context, 'SELECT pg_reload_conf()');
  await sleep(300);
  const log = readFileSync(context.log).subarray(from).toString();
  const statement = executed(log).filter((each) => wanted.test(each.text)).at(-1);
  if (!statement) throw new Error(`no statement like ${wanted} in ${context.log}`);
  return statement;
}

// For pgbench: $n becomes :pn, given with -D; `own` names the parameters that a script sets itself.
export function pgbenchScript(statement, own) {
  const defines = {};
  const text = statement.text.replace(/\$(\d+)/g, (_, number) => {
    const value = statement.values[number - 1];
    const variable = own[value];
    if (variable) return `:${variable}`;
    if (value === null) return 'NULL';
    defines[`p${number}`] = value;
    return `:p${number}`;
  });
  return { text: `${text.replaceAll('\n', ' ')};`, defines };
}
