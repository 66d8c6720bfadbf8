// collection.mjs - a Postman collection from the OpenAPI document: every operation with its example
// bodies, in an order in which a fresh system accepts them. It signs up first, keeps the ids and
// tokens that it is given, and puts them where the examples have an id.
// node collection.mjs openapi.json >collection.json
import { readFileSync } from 'node:fs';

const document = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const VERBS = ['get', 'post', 'put', 'patch', 'delete'];
const deref = (o) => (o?.$ref ? o.$ref.slice(2).split('/').reduce((at, key) => at[key.replaceAll('~1', '/')], document) : o);
const script = (...exec) => ({ script: { type: 'text/javascript', exec } });
const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  VERBS.filter((verb) => item[verb]).map((verb) => ({ path, verb, id: item[verb].operationId, ...item[verb] })));

// What a fresh system cannot give an answer of success to, and why. Its example is refused as the
// document says.
const needsProvider = 'no provider is connected';
const needsSecret = 'its secret is in a mail';
const refused = {
  reset_password: needsSecret, invitation_get: needsSecret, invitation_accept: needsSecret,
  connect: needsProvider, callback: needsProvider, google_notified: needsProvider, disconnect: needsProvider,
  integration_calendars: needsProvider, integration_sync: needsProvider, calendar_update: needsProvider,
  patch_calendar_update: needsProvider, administration_list: needsProvider,
  administration_choose: needsProvider, patch_administration_choose: needsProvider, calendar_sync: needsProvider, job_retry: needsProvider,
  timer_discard: 'the timer was stopped', import_cancel: 'the import has ended',
  purge_custom_field: 'the field was not deleted',
  delete_bill: 'the bill is final', bulk_delete_bill: 'the bill is final', restore_bill: 'the bill is final',
};

// --- ids: each {{name}} is kept from the answer that made it ---------------------------------------

// "/api/clients" → "client": whose ids stand in a path or behind "Id of a client."
const nouns = Object.fromEntries(operations.filter((o) => /^create_/.test(o.id)).map((o) => [o.path, o.id.slice(7)]));
const roots = {
  ...nouns, '/api/users': 'user', '/api/team': 'user', '/api/tokens': 'token_row', '/api/organizations': 'second', '/api/bills': 'bill',
  '/api/locked-periods': 'period', '/api/planner-feeds': 'planner', '/api/calendar-feeds': 'feed', '/api/imports': 'import',
  '/api/webhooks': 'webhook', '/api/countries': 'country',
};
const makers = { signup: 'user', token_create: 'token_row', org_create: 'second', bill_create: 'bill', locked_create: 'period',
  planner_feed_create: 'planner', feed_create: 'feed', import_client: 'import', webhook_create: 'webhook' };
const spare = { login: 'spare_1', token_login: 'spare_2' }; // tokens to sign out with
const used = { logout: 'spare_1', token_revoke: 'spare_2' };

const nameOf = (path) => roots[path.slice(0, path.indexOf('/{'))] ?? null;
const place = (name) => `{{${name}_id}}`;

function keep(operation) {
  const noun = makers[operation.id] ?? nouns[operation.verb === 'post' ? operation.path : ''];
  const lines = [];
  if (noun) lines.push(`pm.collectionVariables.set('${noun}_id', (pm.response.json().data ?? pm.response.json()).id);`);
  if (spare[operation.id]) lines.push(`pm.collectionVariables.set('${spare[operation.id]}', pm.response.json().token);`);
  if (/feed_create$/.test(operation.id)) lines.push(`pm.collectionVariables.set('${noun}_secret', (pm.response.json().data ?? pm.response.json()).url.split('/').pop());`);
  if (operation.id === 'webhook_test') lines.push("pm.collectionVariables.set('delivery_id', pm.response.json().data.id);");
  if (operation.id === 'list_country') lines.push("pm.collectionVariables.set('country_id', pm.response.json().data[0].id);");
  return lines;
}

// --- bodies ------------------------------------------------------------------------------------------

const more = { // what the example of a body cannot say by itself
  create_event: { beneficiaries: ['§person'], materials: [{ id: '§material', quantity: 1 }], is_billable: true },
  departure_event: { materials: [{ id: '§material', quantity: 1 }] },
  return_event: { materials: [{ id: '§material', quantity: 1 }] },
  feed_create: { park_id: '§park' },
  bill_create: {},
};
const fresh = ['register', 'signup', 'team_invite', 'user_update']; // want an address nobody has

// Ids of records become those that were made; the addresses and names of people, fresh ones.
function fill(operation, schema, example) {
  const filled = { ...example, ...more[operation.id] };
  for (const [name, value] of Object.entries(filled)) {
    const noun = /^Id of a (\w+)\.$/.exec(schema?.properties?.[name]?.description ?? '')?.[1];
    if (noun) filled[name] = `§${noun}`;
    if (Array.isArray(value) && name === 'records') filled[name] = value.map((v) => fill(operation, schema.properties.records.items, v));
    if (name === 'records' && /^(patch_)?bulk_update/.test(operation.id)) filled[name] = filled[name].map((v) => ({ id: `§${nameOf(`${operation.path.replace('/bulk', '')}/{id}`)}`, ...v }));
    if (name === 'ids') filled[name] = [`§${nameOf(`${operation.path.replace('/bulk', '')}/{id}`)}`];
    if (value === 'ada@example.org') filled[name] = fresh.includes(operation.id) ? '{{$guid}}@example.org' : '{{email}}';
    if (name === 'pseudo') filled[name] = 'ada{{$timestamp}}{{$randomInt}}';
  }
  return filled;
}

function bodyOf(operation) {
  const body = deref(operation.requestBody)?.content;
  const type = body && Object.keys(body)[0];
  if (!type) return null;
  if (type !== 'application/json') return { type, text: body[type].example };
  let text = JSON.stringify(fill(operation, deref(body[type].schema), body[type].example), null, 2);
  if (/^bulk_create/.test(operation.id)) text = text.replace(/"(name|reference|serial_number|field_id|legal_name|label)": "(\w+)/g, '"$1": "$2b');
  return { type, text: text.replace(/"§(\w+)"/g, (_, noun) => place(noun)) };
}

// --- requests ------------------------------------------------------------------------------------------

const secrets = { '/planner/{feed}': '{{planner_secret}}', '/calendars/{feed}': '{{feed_secret}}' };
function valueOf(operation, p) {
  if (p.schema?.enum) return p.schema.enum[0];
  if (p.name === 'provider') return 'google_calendar';
  if (secrets[operation.path]) return secrets[operation.path];
  if (p.name === 'delivery') return '{{delivery_id}}';
  const noun = p.name === 'id' && nameOf(operation.path.replace('/{restore}/', '/'));
  return noun ? place(noun) : operation.path.startsWith('/bills/') ? place('bill') : String(p.example ?? '1');
}

function requestOf(operation) {
  const parameters = (operation.parameters ?? []).map(deref);
  const statuses = Object.keys(operation.responses).map(Number).filter(Boolean);
  const body = bodyOf(operation);
  const query = parameters.filter((p) => p.in === 'query').map((p) => ({
    key: p.name, value: String(p.example ?? p.schema?.default ?? ''), description: p.description, disabled: p.example === undefined,
  }));
  const variable = parameters.filter((p) => p.in === 'path').map((p) => ({ key: p.name, value: valueOf(operation, p) }));
  const auth = operation.security?.length === 0 && operation.id !== 'bill_pdf' && operation.id !== 'signup' ? { type: 'noauth' }
    : used[operation.id] ? { type: 'bearer', bearer: [{ key: 'token', value: `{{${used[operation.id]}}}`, type: 'string' }] } : null;
  return {
    name: operation.id,
    event: [{ listen: 'test', ...script(
      `pm.test('the status is a documented one', () => pm.expect(${JSON.stringify(statuses)}).to.include(pm.response.code));`,
      refused[operation.id]
        ? `pm.test('${refused[operation.id]}: it is refused', () => pm.expect(pm.response.code).to.be.below(500));`
        : "pm.test('the example is accepted', () => pm.expect(pm.response.code).to.be.below(300));",
      "pm.test('it has a request id', () => pm.response.to.have.header('X-Request-Id'));",
      ...(keep(operation).length ? ['if (pm.response.code < 300) {', ...keep(operation), '}'] : []),
    ) }],
    request: {
      method: operation.verb.toUpperCase(),
      description: `${operation.summary}\n\n${operation.description}`,
      header: [{ key: 'Accept', value: '*/*' }, ...(body ? [{ key: 'Content-Type', value: body.type }] : [])],
      url: { raw: `{{base}}${operation.path}`, host: ['{{base}}'], path: operation.path.slice(1).split('/').map((p) => p.replace(/^\{(.+)\}$/, ':$1')), query, variable },
      ...(body ? { body: { mode: 'raw', raw: body.text } } : {}),
      ...(auth ? { auth } : {}),
    },
  };
}

// --- order ---------------------------------------------------------------------------------------------

// Creates come first, what they refer to before them; deletes last, in the other direction, each
// followed by its restore; what ends a token or leaves an organization at the very end.
const isCreate = (o) => o.verb === 'post' && (nouns[o.path] || makers[o.id] || ['login', 'token_login', 'timer_start', 'webhook_test', 'signin'].includes(o.id));
const needs = (o) => [...(bodyOf(o)?.text ?? '').matchAll(/\{\{(\w+)_id\}\}/g)].map((m) => m[1])
  .concat(o.path.includes('{id}') ? [nameOf(o.path)] : []);
function creates() {
  const rest = operations.filter(isCreate), done = [], made = new Set(['owner', 'user', 'country']);
  rest.sort((a, b) => (a.id === 'signup' ? -1 : b.id === 'signup' ? 1 : 0));
  while (rest.length) {
    const at = Math.max(0, rest.findIndex((o) => needs(o).every((n) => made.has(n))));
    const [o] = rest.splice(at, 1);
    made.add(makers[o.id] ?? nouns[o.path]);
    done.push(o);
  }
  return done;
}
const created = creates();
const order = (o) => created.findIndex((c) => (makers[c.id] ?? nouns[c.path]) === nameOf(o.path.replace('/{restore}/', '/').replace('/bulk', '/{id}')));
const isLast = (o) => ['logout', 'token_revoke', 'org_switch', 'org_delete', 'team_remove', 'user_delete', 'user_restore'].includes(o.id);
const isEnd = (o) => o.verb === 'delete' || /^restore_/.test(o.id) || isLast(o);
const endRank = (o) => (isLast(o) ? 10 : /^bulk/.test(o.id) ? 1 : /^restore_/.test(o.id) ? 0.5 : 0);
const ends = operations.filter(isEnd).sort((a, b) =>
  (isLast(a) - isLast(b)) || (isLast(a) ? lastRank(a) - lastRank(b) : order(b) - order(a) || endRank(a) - endRank(b)));
function lastRank(o) {
  return ['user_delete', 'user_restore', 'team_remove', 'org_switch', 'org_delete', 'token_revoke', 'logout'].indexOf(o.id);
}
const reads = operations.filter((o) => o.verb === 'get');
const writes = operations.filter((o) => !isCreate(o) && !isEnd(o) && o.verb !== 'get')
  .sort((a, b) => writeRank(a) - writeRank(b));
function writeRank(o) {
  return o.id === 'finalize_bill' ? 1 : o.id === 'credit_note_bill' ? 2 : 0;
}

function folder(name, list) {
  const groups = [];
  for (const o of list) {
    const tag = o.tags?.[0] ?? 'Other';
    if (groups.at(-1)?.name !== tag) groups.push({ name: tag, item: [] });
    groups.at(-1).item.push(requestOf(o));
  }
  return { name, item: groups };
}

const signUp = {
  name: 'Sign up',
  event: [
    { listen: 'prerequest', ...script("pm.collectionVariables.set('email', `postman.${Date.now()}@example.org`);") },
    { listen: 'test', ...script(
      "pm.test('an account is made', () => pm.response.to.have.status(201));",
      "pm.collectionVariables.set('token', pm.response.json().token);",
      "pm.collectionVariables.set('user_id', pm.response.json().user.id);") },
  ],
  request: {
    method: 'POST', auth: { type: 'noauth' },
    header: [{ key: 'Content-Type', value: 'application/json' }, { key: 'Accept', value: 'application/json' }],
    url: { raw: '{{base}}/register', host: ['{{base}}'], path: ['register'] },
    body: { mode: 'raw', raw: JSON.stringify({ name: 'Postman', email: '{{email}}', password: 'Correct-horse9', password_confirmation: 'Correct-horse9', organization_name: 'Postman {{$randomInt}}' }) },
  },
};
const variables = ['token', 'email', 'spare_1', 'spare_2', 'planner_secret', 'feed_secret', 'delivery_id',
  ...new Set([...Object.values(roots)].map((noun) => `${noun}_id`))];
console.log(JSON.stringify({
  info: { name: document.info.title, description: document.info.description, schema: 'https://schema.getpostman.com/json/collection/v2.1.0/collection.json' },
  auth: { type: 'bearer', bearer: [{ key: 'token', value: '{{token}}', type: 'string' }] },
  variable: [{ key: 'base', value: 'http://127.0.0.1:8080' }, ...variables.map((key) => ({ key, value: '' }))],
  item: [signUp, folder('Create', created), folder('Read', reads), folder('Write', writes), folder('End', ends)],
}, null, 1));
