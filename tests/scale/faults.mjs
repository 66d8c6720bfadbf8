// faults.mjs - readers and writers of one gateway while something behind it is taken away. A writer
// with an Idempotency-Key repeats an answer that is transient (503, 504, 409) with the same key until
// it is acknowledged; one without never repeats. Afterwards every row is looked for.
// TOKEN=… node faults.mjs BASE STOPFILE [READERS 4] [WRITERS 4]; prints one JSON object.
import http from 'node:http';
import { existsSync } from 'node:fs';
import { randomUUID } from 'node:crypto';

const [base, stopFile, readers = '4', writers = '4'] = process.argv.slice(2);
const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
const token = process.env.TOKEN, mark = `faults ${randomUUID()}`;
const out = {
  reads: {}, writes: {}, keyed: {}, without_retry_after: 0, slowest_ms: 0, gap_ms: 0, odd: [],
  acknowledged: 0, lost: 0, doubled: 0, refused_but_there: 0, doubtful: 0, doubtful_there: 0,
};
const acknowledged = [], refused = [], doubtful = [];
let lastGood = Date.now(), measuring = true;

function ask(method, path, body, key) {
  return new Promise((resolve) => {
    const headers = { authorization: `Bearer ${token}`, accept: 'application/json' };
    if (body) Object.assign(headers, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
    if (key) headers['idempotency-key'] = key;
    const began = Date.now();
    const request = http.request(base + path, { method, agent, headers }, (answer) => {
      let text = '';
      answer.on('data', (d) => { text += d; });
      answer.on('end', () => {
        const now = Date.now();
        if (measuring) out.slowest_ms = Math.max(out.slowest_ms, now - began);
        if (measuring && answer.statusCode < 300 && method === 'POST') {
          out.gap_ms = Math.max(out.gap_ms, now - lastGood);
          lastGood = now;
        }
        if (answer.statusCode === 503 && !answer.headers['retry-after']) out.without_retry_after++;
        if (answer.statusCode >= 400 && ![409, 503, 504].includes(answer.statusCode) && out.odd.length < 5)
          out.odd.push(`${method} ${path} ${answer.statusCode} ${text.slice(0, 160)}`);
        resolve({ status: answer.statusCode, text });
      });
    });
    request.setTimeout(30000, () => request.destroy(new Error('timeout')));
    request.on('error', (e) => resolve({ status: e.code ?? e.message, text: '' }));
    request.end(body);
  });
}
const count = (into, status) => { into[status] = (into[status] ?? 0) + 1; };
const pause = (ms) => new Promise((r) => setTimeout(r, ms));
let giveUp = 0; // after the stop, what is not acknowledged is repeated a little longer
const stopped = () => { if (!giveUp && existsSync(stopFile)) giveUp = Date.now() + 15000; return giveUp > 0; };

const paths = ['/api/clients', '/api/materials', '/api/projects', '/api/settings', '/api/integrations', '/api/events'];
async function reader(i) {
  for (let n = i; !stopped(); n++) {
    const { status } = await ask('GET', paths[n % paths.length]);
    count(out.reads, status);
    await pause(status === 200 ? 15 : 200);
  }
}
async function writer(i) {
  for (let n = 0; !stopped(); n++) {
    const name = `${mark} ${i}.${n}`, keyed = i % 2 === 0, key = keyed ? randomUUID() : null;
    for (;;) {
      const { status } = await ask('POST', '/api/clients', JSON.stringify({ name }), key);
      count(keyed ? out.keyed : out.writes, status);
      if (status === 201) acknowledged.push(name);
      else if (keyed && !(giveUp && Date.now() > giveUp)) { await pause(300); continue; }
      else if (status === 503) refused.push(name);
      else doubtful.push(name);
      await pause(status === 201 ? 15 : 200);
      break;
    }
  }
}
await Promise.all([...Array(Number(readers)).keys()].map(reader).concat([...Array(Number(writers)).keys()].map(writer)));
measuring = false;
const there = new Map();
let page = 1, last = 1;
do {
  const answer = await ask('GET', `/api/clients?per_page=100&page=${page}`);
  if (answer.status !== 200) { await pause(300); continue; }
  const { data, meta } = JSON.parse(answer.text);
  for (const c of data) there.set(c.name, (there.get(c.name) ?? 0) + 1);
  last = meta.last_page;
  page++;
} while (page <= last);
agent.destroy();
out.acknowledged = acknowledged.length;
out.lost = acknowledged.filter((name) => !there.has(name)).length;
out.doubled = [...there].filter(([name, n]) => name.startsWith(mark) && n > 1).length;
out.refused_but_there = refused.filter((name) => there.has(name)).length;
out.doubtful = doubtful.length;
out.doubtful_there = doubtful.filter((name) => there.has(name)).length;
console.log(JSON.stringify(out));
