// run.mjs - the benchmark itself: Bureau, the Fastify peer and pgbench take turns in one run, so that
// a noisy machine disturbs all alike; what counts are the medians of each cycle's ratios. tests/bench
// prepares everything and starts this.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { cpuUs, cpuUsed, median, pgbench, pssKb, run, wrk } from './measure.mjs';
import { capture, pgbenchScript } from './statements.mjs';

const context = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const { cycles, seconds } = context;
const bearer = { Authorization: `Bearer ${context.token}` };
const base = `http://127.0.0.1:${context.port}`;
const sample = {
  name: 'Captured Name', type: 'company', status: 'active', email: 'captured@example.test',
  phone: '+31 20 555 0100', notes: 'made by the benchmark',
};

async function ask(verb, path, body) {
  const headers = { ...bearer, ...(body && { 'Content-Type': 'application/json' }) };
  const answer = await fetch(base + path, { method: verb, headers, body: body && JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${verb} ${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

async function captureBoth() {
  const id = String(context.first);
  const get = await capture(context, () => ask('GET', `/api/clients/${id}`), /crm\.clients/);
  const post = await capture(context, () => ask('POST', '/api/clients', sample), /INSERT INTO crm\.clients/);
  return { get, post, id };
}

function scripts({ get, post, id }) {
  const first = context.first;
  const made = { get: pgbenchScript(get, { [id]: 'id' }), post: pgbenchScript(post, {}) };
  const random = `\\set id random(${first}, ${first + context.rows - 1})\n`;
  for (const verb of ['get', 'post']) {
    made[verb].file = `${context.work}/${verb}.pgbench`;
    writeFileSync(made[verb].file, `${verb === 'get' ? random : ''}${made[verb].text}\n`);
  }
  return made;
}

// The statements with the request's own values in their places.
function forPeer({ get, post, id }) {
  const names = Object.fromEntries(Object.entries(sample).map(([name, value]) => [value, `@${name}`]));
  return {
    get: { text: get.text, values: get.values.map((value) => (value === id ? '@id' : value)) },
    post: { text: post.text, values: post.values.map((value) => names[value] ?? value) },
  };
}

async function startPeer(statements) {
  const hash = createHash('sha256').update(context.token).digest('hex');
  const identity = JSON.stringify({ user: 1, organization: context.organization });
  await run('redis-cli', ['-s', context.redisSocket, 'set', `peer:tok:${hash}`, identity]);
  const peer = spawn(process.execPath, ['server.mjs'], {
    cwd: new URL('peer', import.meta.url).pathname,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      ...process.env, NODE_ENV: 'production', PEER_PORT: String(context.peerPort), PEER_REDIS: context.redisSocket,
      PEER_PGHOST: context.pgHost, PEER_PGDATABASE: context.pgDatabase, PEER_PGUSER: context.pgUser,
      PEER_PGOPTIONS: context.pgOptions, PEER_STATEMENTS: JSON.stringify(statements),
    },
  });
  for (let i = 0; i < 50; i++) {
    await sleep(100);
    const answer = await fetch(`http://127.0.0.1:${context.peerPort}/api/clients/${context.first}`, { headers: bearer })
      .catch(() => null);
    if (answer?.status === 200) return peer;
  }
  peer.kill();
  throw new Error('the peer does not answer');
}

function contenders(peer, scriptOf) {
  const env = { BENCH_TOKEN: context.token, BENCH_FIRST: String(context.first), BENCH_ROWS: String(context.rows) };
  const pgEnv = {
    PGHOST: context.pgHost, PGDATABASE: context.pgDatabase, PGUSER: context.pgUser, PGOPTIONS: context.pgOptions,
  };
  const servers = [context.pids.postgres, context.pids.redis];
  return [
    { name: 'bureau', pids: [...Object.values(context.pids)], run: (load) => wrk(context.port, load, seconds, env) },
    { name: 'fastify', pids: [peer.pid, ...servers], run: (load) => wrk(context.peerPort, load, seconds, env) },
    {
      name: 'pgbench', pids: [context.pids.postgres],
      run: (load) => pgbench(scriptOf[load.verb.toLowerCase()].file, load, seconds, pgEnv,
        scriptOf[load.verb.toLowerCase()].defines),
    },
  ];
}

const loads = [];
for (const verb of ['GET', 'POST']) for (const connections of [1, 16, 64]) loads.push({ verb, connections });

async function measure(contender, load) {
  const before = cpuUs(contender.pids);
  const result = await contender.run(load);
  const used = cpuUsed(before, cpuUs(contender.pids));
  return { ...result, cpu: used / result.requests };
}

async function all(list) {
  const results = {};
  for (let cycle = 0; cycle < cycles; cycle++)
    for (const load of loads) {
      const key = `${load.verb} ${load.connections}`;
      for (const contender of [...list].sort(() => Math.random() - 0.5)) {
        const result = await measure(contender, load);
        ((results[key] ??= {})[contender.name] ??= []).push(result);
      }
      process.stderr.write(`\rcycle ${cycle + 1} of ${cycles}: ${key.padEnd(8)}`);
    }
  process.stderr.write('\n');
  return results;
}

const of = (list, what) => (list[0][what] === null ? null : median(list.map((each) => each[what])));
const ratio = (a, b, what) => median(a.map((each, i) => each[what] / b[i][what]));
const show = (number, digits = 0) => (number === null ? '-' : number.toFixed(digits));

function summarise(results) {
  const rows = Object.entries(results).map(([load, by]) => ({
    load,
    ...Object.fromEntries(Object.entries(by).map(([name, list]) =>
      [name, { rate: of(list, 'rate'), p50: of(list, 'p50'), p99: of(list, 'p99'), cpu: of(list, 'cpu') }])),
    ratios: {
      rate_to_pgbench: ratio(by.bureau, by.pgbench, 'rate'),
      rate_to_fastify: ratio(by.bureau, by.fastify, 'rate'),
      p50_to_fastify: ratio(by.bureau, by.fastify, 'p50'),
      cpu_to_fastify: ratio(by.bureau, by.fastify, 'cpu'),
    },
  }));
  return rows;
}

function print(rows, memory) {
  const line = (cells) => console.log(cells.map((cell, i) => (i < 2 ? cell.padEnd(9) : cell.padStart(11))).join(' '));
  line(['load', 'who', 'req/s', 'p50 us', 'p99 us', 'cpu us/req']);
  for (const row of rows)
    for (const name of ['bureau', 'fastify', 'pgbench'])
      line([row.load, name, show(row[name].rate), show(row[name].p50), show(row[name].p99), show(row[name].cpu, 1)]);
  console.log();
  line(['load', '', '/pgbench', '/fastify', 'p50/fastify', 'cpu/fastify']);
  for (const row of rows)
    line([row.load, '', ...Object.values(row.ratios).map((each) => show(each, 2))]);
  console.log(`\nmemory: six programs idle ${show(memory.idle / 1024, 1)} MB, after the load ${show(memory.loaded / 1024, 1)} MB (PSS)`);
}

function goals(rows, memory) {
  const at = (load) => rows.find((row) => row.load === load).ratios;
  return [
    ['GET at 64 / pgbench', at('GET 64').rate_to_pgbench, '>=', 0.4],
    ['GET at 64 / Fastify', at('GET 64').rate_to_fastify, '>=', 2.5],
    ['GET at 1, p50 / Fastify', at('GET 1').p50_to_fastify, '<=', 1.1],
    ['POST at 16 / pgbench', at('POST 16').rate_to_pgbench, '>=', 0.4],
    ['idle memory, MB', memory.idle / 1024, '<=', 60],
  ].map(([name, value, sign, bound]) => ({ name, value, sign, bound, met: sign === '>=' ? value >= bound : value <= bound }));
}

const programs = Object.entries(context.pids).filter(([name]) => !['postgres', 'redis'].includes(name));
const idle = pssKb(programs.map(([, pid]) => pid));
const captured = await captureBoth();
const peer = await startPeer(forPeer(captured));
let results;
try {
  results = await all(contenders(peer, scripts(captured)));
} finally {
  peer.kill();
}
const memory = { idle, loaded: pssKb(programs.map(([, pid]) => pid)) };
const rows = summarise(results);
print(rows, memory);
const judged = goals(rows, memory);
console.log();
for (const goal of judged)
  console.log(`${goal.met ? 'met   ' : 'missed'}  ${goal.name}: ${goal.value.toFixed(2)} (goal ${goal.sign} ${goal.bound})`);
writeFileSync(context.out, JSON.stringify({ cycles, seconds, rows, memory_kb: memory, goals: judged, results }, null, 1));
