// measure.mjs - running one load for some seconds, and what the processes behind it used meanwhile.
import { spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';

const TICKS = 100; // CLK_TCK of Linux

export function run(command, args, env = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: { ...process.env, ...env } });
    let out = '';
    child.stdout.on('data', (data) => (out += data));
    child.stderr.on('data', (data) => (out += data));
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve(out) : reject(new Error(`${command} ended with ${code}: ${out.slice(-2000)}`)));
  });
}

function stat(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) };
  } catch {
    return null; // it ended meanwhile
  }
}

// A process and its children (PostgreSQL's backends).
function family(pid) {
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number);
  return [pid, ...all.filter((other) => stat(other)?.parent === pid)];
}

export function cpuUs(pids) {
  const seen = new Map();
  for (const pid of pids)
    for (const member of family(pid)) seen.set(member, (stat(member)?.ticks ?? 0) * (1e6 / TICKS));
  return seen;
}

export function cpuUsed(before, after) {
  let used = 0;
  for (const [pid, us] of after) used += Math.max(0, us - (before.get(pid) ?? 0));
  return used;
}

export function pssKb(pids) {
  let sum = 0;
  for (const pid of pids) {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    sum += Number(/^Pss:\s+(\d+)/m.exec(text)[1]);
  }
  return sum;
}

export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

// wrk against an HTTP server; rate in requests a second, times in µs.
export async function wrk(port, load, seconds, env) {
  const threads = load.connections > 16 ? 2 : 1;
  const out = await run('wrk', [`-t${threads}`, `-c${load.connections}`, `-d${seconds}s`, '--timeout', '10s',
    '-s', new URL('load.lua', import.meta.url).pathname, `http://127.0.0.1:${port}`],
  { ...env, BENCH_VERB: load.verb });
  const found = /RESULT requests=(\d+) duration_us=(\d+) p50_us=(\d+) p99_us=(\d+) refused=(\d+) broken=(\d+)/.exec(out);
  if (!found) throw new Error(`wrk printed no result: ${out}`);
  const [requests, duration, p50, p99, refused, broken] = found.slice(1).map(Number);
  if (refused + broken > 0) throw new Error(`port ${port}: ${refused} refused and ${broken} broken of ${requests}`);
  return { requests, rate: requests / (duration / 1e6), p50, p99 };
}

// pgbench with one script; its average latency stands for p50.
export async function pgbench(script, load, seconds, env, defines) {
  const args = ['-n', '-M', 'prepared', '-f', script, '-c', String(load.connections),
    '-j', load.connections > 16 ? '2' : '1', '-T', String(seconds)];
  for (const [name, value] of Object.entries(defines)) args.push('-D', `${name}=${value}`);
  const out = await run('pgbench', args, env);
  const rate = Number(/tps = ([\d.]+) \(without/.exec(out)?.[1]);
  const failed = Number(/number of failed transactions: (\d+)/.exec(out)?.[1] ?? 0);
  if (!rate || failed > 0) throw new Error(`pgbench: ${out}`);
  return { requests: Math.round(rate * seconds), rate, p50: (1e6 * load.connections) / rate, p99: null };
}
