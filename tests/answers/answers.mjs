// answers.mjs - holds what a test run was answered against the OpenAPI document: the operation is
// described, so are its status and content type, and the body satisfies the schema and has no member
// that the schema does not name. A request that was accepted satisfies the schema of its body.
// node answers.mjs openapi.json exchanges.jsonl; speaks TAP.
import { readFileSync } from 'node:fs';
import Ajv from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

const VERBS = ['get', 'post', 'put', 'patch', 'delete'];
const document = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const deref = (o) => (o?.$ref ? o.$ref.slice(2).split('/').reduce((at, key) => at[key.replaceAll('~1', '/')], document) : o);

// What an answer may hold is what its schema names: each object with properties is closed where it
// is used, unless the document opens it.
const NO_SCHEMAS = ['example', 'examples', 'enum', 'const', 'required'];
function close(schema, part) {
  if (Array.isArray(schema)) return schema.forEach((s) => close(s, part));
  if (schema === null || typeof schema !== 'object') return;
  for (const [key, value] of Object.entries(schema)) if (!NO_SCHEMAS.includes(key)) close(value, key === 'allOf');
  const names = schema.$ref?.startsWith('#/components/schemas/') || typeof schema.properties === 'object';
  if (names && !part && !('additionalProperties' in schema)) schema.unevaluatedProperties = false;
}
const closed = structuredClone(document);
for (const item of Object.values(closed.paths)) for (const verb of VERBS) close(item[verb]?.responses, false);
close(closed.components.responses, false);
for (const schema of Object.values(closed.components.schemas)) close(schema, true), delete schema.unevaluatedProperties;

const ajv = new Ajv({ strict: false, allErrors: false, validateFormats: true });
addFormats(ajv);
const compiled = new Map();
function validator(pointer) {
  if (!compiled.has(pointer)) compiled.set(pointer, ajv.compile({ $ref: `document#${pointer}` }));
  return compiled.get(pointer);
}
const escape = (key) => encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'));

// Requests are taken more leniently than they are described: texts of numbers and booleans, "" for null.
const lenient = new Ajv({ strict: false, verbose: true, validateFormats: false, coerceTypes: true });
lenient.addSchema(document, 'document');
const asked = new Map();
function accepts(pointer, value) {
  if (!asked.has(pointer)) asked.set(pointer, lenient.compile({ $ref: `document#${pointer}` }));
  const check = asked.get(pointer);
  if (check(value)) return null;
  // A list or an object in place of one value counts as left out in document 003's dialect.
  const several = (e) => e.data !== null && typeof e.data === 'object' && ![e.params.type].flat().some((t) => t === 'array' || t === 'object');
  const rest = check.errors.filter((e) => !(e.keyword === 'type' && several(e)));
  return rest.length ? rest : null;
}

// Templates as expressions, the most concrete first.
const templates = Object.keys(document.paths)
  .map((path) => ({ path, names: (path.match(/\{/g) ?? []).length }))
  .sort((a, b) => a.names - b.names)
  .map(({ path }) => ({ path, fits: new RegExp(`^${path.replace(/[.]/g, '\\.').replace(/\{[^}]+\}/g, (p) => literal(path, p.slice(1, -1)))}$`) }));
// A parameter with a list of values fits these alone.
function literal(path, name) {
  const operation = VERBS.map((v) => document.paths[path][v]).find(Boolean);
  const values = (operation.parameters ?? []).map(deref).find((p) => p.in === 'path' && p.name === name)?.schema.enum;
  return values ? `(?:${values.join('|')})` : '[^/]+';
}

const counts = { answers: 0, described: 0, bodies: 0, requests: 0, nowhere: 0 };
const seen = new Map(); // operation → statuses
const faults = new Map(); // fault → [how often, an example]
function fault(kind, exchange, detail = '') {
  const known = faults.get(kind) ?? [0, `${exchange.verb} ${exchange.target} ${exchange.status} ${detail}`.slice(0, 700)];
  known[0]++;
  faults.set(kind, known);
}
const words = (errors) => errors.map((e) => `${e.instancePath} ${e.message} ${JSON.stringify(e.params)}`).join('; ');
const parse = (text) => { try { return [JSON.parse(text)]; } catch { return null; } };

// A whole number in JSON stays one for a client that keeps 64 bits, and no client gets a bigger one.
const wide = (text) => (text.replace(/"(?:[^"\\]|\\.)*"/g, '').match(/-?\d{19,}(?![\d.eE])/g) ?? [])
  .find((n) => BigInt(n) > 9223372036854775807n || BigInt(n) < -9223372036854775808n);

function checkBody(exchange, where, pointer, media) {
  const type = (exchange.type ?? '').split(';')[0].trim();
  if (!media[type]) return fault(`${where}: content type "${type}" is not described`, exchange, exchange.body);
  if (type !== 'application/json') return;
  const value = parse(exchange.body);
  if (!value) return fault(`${where}: the body is no JSON`, exchange, exchange.body);
  if (wide(exchange.body)) return fault(`${where}: a number is wider than 64 bits`, exchange, exchange.body);
  counts.bodies++;
  const check = validator(`${pointer}/content/${escape(type)}/schema`);
  if (!check(value[0])) {
    const e = check.errors[check.errors.length - 1];
    const name = e.params.unevaluatedProperty ?? '';
    fault(`${where}: ${e.instancePath.replace(/\/\d+/g, '/N')} ${e.message} ${name}`, exchange, `${words(check.errors)} ${exchange.body}`);
  }
}

function checkRequest(exchange, path, verb, operation) {
  const media = deref(operation.requestBody)?.content?.['application/json'];
  const value = media && exchange.sent ? parse(exchange.sent) : null;
  if (!value) return;
  counts.requests++;
  const faults = accepts(`/paths/${escape(path)}/${verb}/requestBody/content/application~1json/schema`, simple(value[0]));
  if (faults) fault(`${verb} ${path} request: ${faults[0].instancePath.replace(/\/\d+/g, '/N')} ${faults[0].message}`, exchange, exchange.sent);
}
// "" counts as left out, and "1" is true.
const simple = (value) =>
  Array.isArray(value) ? value.map(simple)
    : value && typeof value === 'object'
      ? Object.fromEntries(Object.entries(value).filter(([, v]) => v !== '').map(([k, v]) => [k, simple(v)]))
      : ['0', '1'].includes(value) ? Number(value) : value;

function checkExchange(exchange) {
  counts.answers++;
  const path = templates.find((t) => t.fits.test(exchange.target.split(/[?#]/)[0].replace(/(.)\/$/, '$1')))?.path;
  const verb = exchange.verb === 'HEAD' ? 'get' : exchange.verb.toLowerCase();
  const operation = path && document.paths[path][verb];
  if (!operation) { // what is described nowhere is refused
    counts.nowhere++;
    if (exchange.status < 400 && exchange.verb !== 'OPTIONS') fault(`${verb} ${path ?? exchange.target} is served and not described`, exchange, exchange.body);
    return;
  }
  const status = String(exchange.status);
  const said = operation.responses[status];
  if (!said) return fault(`${verb} ${path}: ${status} is not described`, exchange, exchange.body);
  if (!seen.has(operation.operationId)) seen.set(operation.operationId, new Set());
  seen.get(operation.operationId).add(status);
  counts.described++;
  if (exchange.status < 300) checkRequest(exchange, path, verb, operation);
  const pointer = said.$ref ? said.$ref.slice(1) : `/paths/${escape(path)}/${verb}/responses/${status}`;
  const media = deref(said).content;
  if (media && exchange.verb !== 'HEAD' && exchange.status !== 304) checkBody(exchange, `${verb} ${path} ${status}`, pointer, media);
  else if (!media && exchange.body) fault(`${verb} ${path} ${status}: it has a body`, exchange, exchange.body);
}

// Custom fields are the organization's own: those that were made are named.
const lines = readFileSync(process.argv[3], 'utf8').split('\n').filter(Boolean);
for (const line of lines) {
  if (!line.includes('/api/custom-fields')) continue;
  const made = [parse(JSON.parse(line).body)?.[0]?.data].flat().map((row) => row?.data ?? row);
  for (const field of made)
    if (field?.field_id && closed.components.schemas[`custom_${field.resource}`])
      closed.components.schemas[`custom_${field.resource}`].properties[field.field_id] = {};
}
ajv.addSchema(closed, 'document');

for (const line of lines) checkExchange(JSON.parse(line));

const operations = Object.values(document.paths).flatMap((item) => VERBS.map((v) => item[v]).filter(Boolean));
const succeeded = operations.filter((o) => [...(seen.get(o.operationId) ?? [])].some((s) => s < '400'));
const statuses = operations.reduce((n, o) => n + Object.keys(o.responses).length, 0);
const met = [...seen.values()].reduce((n, s) => n + s.size, 0);
const never = operations.filter((o) => !seen.has(o.operationId)).map((o) => o.operationId);
console.log(`# ${counts.answers} answers, ${counts.nowhere} of them to what is described nowhere (refused)`);
console.log(`# ${counts.bodies} bodies and ${counts.requests} accepted requests held against their schemas`);
console.log(`# ${seen.size} of ${operations.length} operations answered, ${succeeded.length} of them with success; ${met} of ${statuses} statuses`);
if (never.length) console.log(`# never asked: ${never.join(' ')}`);
const list = [...faults].sort((a, b) => b[1][0] - a[1][0]);
console.log(`${list.length === 0 && counts.described > 0 ? 'ok' : 'not ok'} - every answer is as the document says`);
for (const [kind, [n, example]] of list) console.log(`#   ${n} × ${kind}\n#       ${example.replaceAll('\n', ' ')}`);
process.exitCode = list.length === 0 && counts.described > 0 ? 0 : 1;
