// smuggle.mjs - HTTP whose end two readers may see in two places, sent through an edge over TLS.
// node smuggle.mjs NAME HOST:PORT METRICS_URL…; speaks TAP. What is smuggled is a request that reaches a
// gateway and whose answer no client is given: so gateways must never count more than clients got.
import tls from 'node:tls';
import http2 from 'node:http2';

const [name, where, ...metrics] = process.argv.slice(2);
const [host, port] = where.split(':');
const crlf = (...lines) => lines.join('\r\n');
const hidden = crlf('GET /api/openapi.json HTTP/1.1', 'Host: a', '', '');
const post = (...more) => crlf('POST /login HTTP/1.1', 'Host: a', 'Content-Type: application/json', ...more);
const long = hidden.length.toString(16);

const cases = [
  ['length, then chunks', post(`Content-Length: ${5 + hidden.length}`, 'Transfer-Encoding: chunked', '', '0', '', '') + hidden],
  ['chunks, then length', post('Transfer-Encoding: chunked', 'Content-Length: 4', '', long, hidden, '0', '', '')],
  ['length 0 and a body', post('Content-Length: 0', '', '') + hidden],
  ['two lengths', post('Content-Length: 0', `Content-Length: ${hidden.length}`, '', '') + hidden],
  ['a list of lengths', post(`Content-Length: 0, ${hidden.length}`, '', '') + hidden],
  ['a signed length', post(`Content-Length: +${hidden.length}`, '', '') + hidden],
  ['a hexadecimal length', post('Content-Length: 0x10', '', '') + hidden],
  ['two codings', post('Transfer-Encoding: chunked', 'Transfer-Encoding: identity', '', '0', '', '') + hidden],
  ['an unknown coding', post('Transfer-Encoding: xchunked', `Content-Length: ${hidden.length}`, '', '') + hidden],
  ['a coding with a tab', post('Transfer-Encoding:\tchunked', `Content-Length: ${5 + hidden.length}`, '', '0', '', '') + hidden],
  ['a blank before the colon', post('Transfer-Encoding : chunked', `Content-Length: ${5 + hidden.length}`, '', '0', '', '') + hidden],
  ['a folded coding', post('Transfer-Encoding:', ' chunked', `Content-Length: ${5 + hidden.length}`, '', '0', '', '') + hidden],
  ['a coding with a vertical tab', post('Transfer-Encoding: \x0bchunked', `Content-Length: ${5 + hidden.length}`, '', '0', '', '') + hidden],
  ['a bare LF in the head', post('X: a\nTransfer-Encoding: chunked', `Content-Length: ${5 + hidden.length}`, '', '0', '', '') + hidden],
  ['a bare CR in the head', post('X: a\rTransfer-Encoding: chunked', `Content-Length: ${5 + hidden.length}`, '', '0', '', '') + hidden],
  ['a chunk size with a sign', post('Transfer-Encoding: chunked', '', '+0', '', '') + hidden],
  ['a chunk size that overflows', post('Transfer-Encoding: chunked', '', '10000000000000000', 'x', '0', '', '') + hidden],
  ['a chunk extension with a bare LF', post('Transfer-Encoding: chunked', '', '0;a\n', '', '') + hidden],
  ['a GET with a body', crlf('GET /healthz HTTP/1.1', 'Host: a', `Content-Length: ${hidden.length}`, '', '') + hidden],
  ['a 1.0 request with chunks', crlf('POST /login HTTP/1.0', 'Host: a', 'Transfer-Encoding: chunked', '', '0', '', '') + hidden],
  ['a blank in the target', crlf('GET /healthz HTTP/1.1 HTTP/1.1', 'Host: a', '', '') + hidden],
  ['a connection header that hides the length', post('Connection: Content-Length', `Content-Length: ${hidden.length}`, '', '') + hidden],
];

async function counted() {
  let sum = 0;
  for (const url of metrics) {
    const text = await (await fetch(url, { headers: { connection: 'close' } })).text();
    for (const line of text.split('\n'))
      if (line.startsWith('bureau_http_requests_total{') && !/route="\/(metrics|healthz)"/.test(line)) sum += Number(line.split(' ').pop());
  }
  return sum;
}
const count = (text) => (text.match(/HTTP\/1\.[01] \d{3} /g) ?? []).length;

function exchange(bytes, quiet_ms) {
  return new Promise((resolve) => {
    let got = '';
    const socket = tls.connect({ host, port, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] }, () => socket.write(Buffer.from(bytes, 'latin1')));
    socket.setTimeout(quiet_ms, () => socket.destroy());
    socket.on('data', (d) => { got += d.toString('latin1'); });
    socket.on('error', () => {});
    socket.on('close', () => resolve(got));
  });
}
const say = (good, claim, seen) => console.log(`${good ? 'ok' : 'not ok'} - ${name}: ${claim}${good ? '' : `\n#   ${seen}`}`);

for (const [claim, bytes] of cases) {
  const before = await counted();
  const answer = await exchange(bytes, 400);
  const seen = (await counted()) - before, told = count(answer);
  // A bystander's answers are her own.
  const next = await exchange(crlf('GET /healthz HTTP/1.1', 'Host: a', 'Connection: close', '', ''), 3000);
  const own = count(next) === 1 && next.includes('"status":"ok"');
  say(seen <= told && own, claim, `gateways ${seen}, answers ${told}, bystander ${own ? 'well' : JSON.stringify(next.slice(0, 80))}: ${answer.slice(0, 40)}`);
}

// HTTP/2 to HTTP/1.1: a length that does not fit, and a forbidden coding.
for (const [claim, headers] of [
  ['h2: a length of 0 and a body', { 'content-length': '0' }],
  ['h2: a length too short', { 'content-length': '3' }],
  ['h2: a length too long', { 'content-length': String(hidden.length + 50) }],
]) {
  const before = await counted();
  let told = 0;
  await new Promise((resolve) => {
    const session = http2.connect(`https://${where}`, { rejectUnauthorized: false });
    session.on('error', resolve);
    const stream = session.request({ ':method': 'POST', ':path': '/login', ...headers });
    stream.on('response', () => told++);
    stream.on('error', () => {});
    stream.on('close', () => { session.destroy(); resolve(); });
    stream.setTimeout(1500, () => stream.close());
    stream.resume();
    stream.end(hidden);
  });
  const seen = (await counted()) - before;
  const next = await exchange(crlf('GET /healthz HTTP/1.1', 'Host: a', 'Connection: close', '', ''), 3000);
  const own = count(next) === 1 && next.includes('"status":"ok"');
  // A request that was cut short may be counted without an answer, never more than the one.
  say(seen <= Math.max(told, 1) && own, claim, `gateways ${seen}, answers ${told}`);
}
