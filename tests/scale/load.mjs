// load.mjs - steady requests to several gateways, as an edge would pass them on: kept connections; a
// connection that was refused or closed before anything was sent on is another gateway's turn.
// BASES is a file with the gateways that are in turn, one a line. With AGAIN=1 what is told Retry-After
// (503, or 409 while a key's first request runs) asks once more, which is counted.
// TOKEN=… node load.mjs RATE STOPFILE BASES; prints one JSON object.
import http from 'node:http';
import { existsSync, readFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';

const [rate, stopFile, basesFile] = process.argv.slice(2);
const inTurn = () => readFileSync(basesFile, 'utf8').split('\n').filter(Boolean);
const agent = new http.Agent({ keepAlive: true, maxSockets: 64, timeout: 60000 });
const token = process.env.TOKEN, mark = `scale ${randomUUID()}`;
const kinds = {}, out = { asked: 0, failed: 0, passed_on: 0, again: 0, created: 0, found: 0, slowest_ms: 0, kinds };
let turn = 0, open = 0;

function once(base, method, path, body, key) {
  return new Promise((resolve) => {
    const headers = { authorization: `Bearer ${token}`, accept: 'application/json' };
    if (body) Object.assign(headers, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), 'idempotency-key': key });
    const request = http.request(base + path, { method, agent, headers }, (answer) => {
      let text = '';
      answer.on('data', (d) => { text += d; });
      answer.on('end', () => resolve({ status: answer.statusCode, text, wait: answer.headers['retry-after'] }));
      answer.on('error', (e) => resolve({ status: 0, text: e.code }));
    });
    request.setTimeout(20000, () => request.destroy(new Error('timeout')));
    request.on('error', (e) => resolve({ status: 0, text: e.code ?? e.message }));
    request.end(body);
  });
}

// What an edge does: the next gateway, when this one's connection gave no answer at all. Every write
// has an Idempotency-Key, so asking again is safe.
async function ask(method, path, body) {
  const key = randomUUID(), began = Date.now();
  let answer;
  open++;
  out.asked++;
  for (let i = 0, bases = inTurn(), again = process.env.AGAIN; i < bases.length; i++) {
    answer = await once(bases[turn++ % bases.length], method, path, body, key);
    if ([409, 503].includes(answer.status) && answer.wait && again) {
      again = undefined;
      await new Promise((r) => setTimeout(r, 1000 * answer.wait));
      out.again++;
      i--;
    } else if (answer.status !== 0) break;
    else out.passed_on++;
  }
  open--;
  out.slowest_ms = Math.max(out.slowest_ms, Date.now() - began);
  if (answer.status < 200 || answer.status > 299) {
    out.failed++;
    const kind = `${method} ${path.split('?')[0]} ${answer.status} ${answer.text.slice(0, 80)}`;
    kinds[kind] = (kinds[kind] ?? 0) + 1;
  }
  return answer;
}

const jobs = [
  () => ask('GET', '/api/clients'), () => ask('GET', '/api/materials'), () => ask('GET', '/api/projects'),
  () => ask('GET', '/api/settings'), () => ask('GET', '/api/integrations'),
  () => ask('GET', '/api/events?start=2030-01-01&end=2030-01-31'), () => ask('GET', `/api/search?q=${mark.slice(0, 9)}`),
  () => ask('POST', '/api/time-blocks', JSON.stringify({ title: mark, start_time: '2030-01-02T09:00:00Z', end_time: '2030-01-02T10:00:00Z' })),
  () => ask('POST', '/api/projects', JSON.stringify({ name: mark })),
  async () => { if ((await ask('POST', '/api/clients', JSON.stringify({ name: `${mark} ${out.asked}` }))).status === 201) out.created++; },
];
await new Promise((done) => {
  const timer = setInterval(() => {
    if (existsSync(stopFile)) { clearInterval(timer); done(); return; }
    jobs[out.asked % jobs.length]();
  }, 1000 / Number(rate));
});
while (open > 0) await new Promise((r) => setTimeout(r, 50));
let page = 1, last = 1;
do {
  const answer = await once(inTurn()[0], 'GET', `/api/clients?per_page=100&page=${page}`);
  const { data, meta } = JSON.parse(answer.text);
  out.found += data.filter((c) => c.name.startsWith(mark)).length;
  last = meta.last_page;
} while (page++ < last);
agent.destroy();
console.log(JSON.stringify(out));
