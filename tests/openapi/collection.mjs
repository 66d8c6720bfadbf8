// collection.mjs - a Postman collection from the OpenAPI document: one request an operation, in folders
// by tag, with the example bodies; it signs up first and keeps its token.
// node collection.mjs openapi.json >collection.json
import { readFileSync } from 'node:fs';

const document = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const deref = (o) => (o?.$ref ? o.$ref.slice(2).split('/').reduce((at, key) => at[key.replaceAll('~1', '/')], document) : o);
const exampleOf = (content) => {
  const type = content && Object.keys(content)[0];
  if (!type) return null;
  const media = content[type];
  const example = media.example ?? deref(Object.values(media.examples ?? {})[0])?.value;
  return { type, text: typeof example === 'string' ? example : JSON.stringify(example ?? {}, null, 2) };
};
const script = (...exec) => ({ script: { type: 'text/javascript', exec } });

function requestOf(path, method, operation) {
  const parameters = (operation.parameters ?? []).map(deref);
  const statuses = Object.keys(operation.responses).map(Number).filter(Boolean);
  const body = exampleOf(deref(operation.requestBody)?.content);
  const query = parameters.filter((p) => p.in === 'query').map((p) => ({
    key: p.name, value: String(p.example ?? p.schema?.default ?? ''), description: p.description, disabled: !p.required,
  }));
  const variable = parameters.filter((p) => p.in === 'path').map((p) => ({ key: p.name, value: String(p.example ?? p.schema?.example ?? 1) }));
  return {
    name: operation.summary ?? `${method.toUpperCase()} ${path}`,
    event: [{ listen: 'test', ...script(
      `pm.test('the status is a documented one', () => pm.expect(${JSON.stringify(statuses)}).to.include(pm.response.code));`,
      "pm.test('it is no defect', () => pm.expect(pm.response.code).to.be.below(500));",
      "pm.test('it has a request id', () => pm.response.to.have.header('X-Request-Id'));",
    ) }],
    request: {
      method: method.toUpperCase(),
      description: operation.description,
      header: [{ key: 'Accept', value: 'application/json' }, ...(body ? [{ key: 'Content-Type', value: body.type }] : [])],
      url: { raw: `{{base}}${path}`, host: ['{{base}}'], path: path.slice(1).split('/').map((p) => p.replace(/^\{(.+)\}$/, ':$1')), query, variable },
      ...(body ? { body: { mode: 'raw', raw: body.text } } : {}),
      ...(operation.security?.length === 0 ? { auth: { type: 'noauth' } } : {}),
    },
  };
}

// What ends the token or the person comes last.
const ends = (path, method) => method === 'delete' || /logout|sign-?out|revoke|password|two-factor|organizations\/current/i.test(path);
const rank = ([path, method]) => (ends(path, method) ? 2 : method === 'get' ? 0 : 1);
const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).filter(([m]) => ['get', 'post', 'put', 'patch', 'delete'].includes(m)).map(([m, o]) => [path, m, o]));
const phases = ['Read', 'Write', 'End'];
const folders = phases.map((name, i) => {
  const tags = new Map();
  for (const one of operations.filter((o) => rank(o) === i)) {
    const tag = one[2].tags?.[0] ?? 'Other';
    if (!tags.has(tag)) tags.set(tag, { name: tag, item: [] });
    tags.get(tag).item.push(requestOf(...one));
  }
  return { name, item: [...tags.values()] };
});
const signUp = {
  name: 'Sign up',
  event: [
    { listen: 'prerequest', ...script("pm.collectionVariables.set('email', `postman.${Date.now()}@example.test`);") },
    { listen: 'test', ...script(
      "pm.test('an account is made', () => pm.response.to.have.status(201));",
      "pm.collectionVariables.set('token', pm.response.json().token);") },
  ],
  request: {
    method: 'POST', auth: { type: 'noauth' },
    header: [{ key: 'Content-Type', value: 'application/json' }, { key: 'Accept', value: 'application/json' }],
    url: { raw: '{{base}}/register', host: ['{{base}}'], path: ['register'] },
    body: { mode: 'raw', raw: JSON.stringify({ name: 'Postman', email: '{{email}}', password: 'Correct-horse9', password_confirmation: 'Correct-horse9', organization_name: 'Postman {{$randomInt}}' }) },
  },
};
console.log(JSON.stringify({
  info: { name: document.info.title, description: document.info.description, schema: 'https://schema.getpostman.com/json/collection/v2.1.0/collection.json' },
  auth: { type: 'bearer', bearer: [{ key: 'token', value: '{{token}}', type: 'string' }] },
  variable: [{ key: 'base', value: 'http://127.0.0.1:8080' }, { key: 'token', value: '' }, { key: 'email', value: '' }],
  item: [signUp, ...folders],
}, null, 1));
