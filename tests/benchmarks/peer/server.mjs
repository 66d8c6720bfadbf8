// The peer of the benchmarks: what a team would write instead, doing the same work for a request as
// Bureau does: token hash → one Redis pipeline (identity, limit) → the same prepared statement on
// the same server → JSON. One process, pool of 8. Settings come from the environment.
import { createHash } from 'node:crypto';
import Fastify from 'fastify';
import Redis from 'ioredis';
import pg from 'pg';

const statements = JSON.parse(process.env.PEER_STATEMENTS); // {get: {text, values}, post: …}
const redis = new Redis(process.env.PEER_REDIS);
const pool = new pg.Pool({
  host: process.env.PEER_PGHOST,
  database: process.env.PEER_PGDATABASE,
  user: process.env.PEER_PGUSER,
  options: process.env.PEER_PGOPTIONS,
  max: 8,
});
const limit = 10_000_000;
const asText = { getTypeParser: () => (text) => text }; // the JSON that PostgreSQL made goes on as it is
const app = Fastify({ logger: false });

app.addHook('onRequest', async (request, reply) => {
  const bearer = request.headers.authorization ?? '';
  const hash = createHash('sha256').update(bearer.slice(7)).digest('hex');
  const window = `peer:rl:${hash}:${Math.floor(Date.now() / 60000)}`;
  const [[, identity], [, used]] = await redis
    .pipeline().get(`peer:tok:${hash}`).incr(window).expire(window, 60).exec();
  if (identity === null) return reply.code(401).send({ message: 'Unauthenticated.' });
  reply.header('X-RateLimit-Limit', limit);
  reply.header('X-RateLimit-Remaining', Math.max(0, limit - used));
  if (used > limit) return reply.code(429).send({ message: 'Too Many Attempts.' });
  request.identity = JSON.parse(identity);
});

// Values of the captured statement; the functions put the request's own in their places.
function run(which, replace) {
  const { text, values } = statements[which];
  return pool.query({ name: which, text, values: values.map(replace), rowMode: 'array', types: asText })
    .then((result) => result.rows[0]?.find((column) => column?.startsWith?.('{')) ?? null);
}

app.get('/api/clients/:id', async (request, reply) => {
  const id = request.params.id;
  if (!/^\d{1,18}$/.test(id)) return reply.code(404).send({ message: 'Client not found.' });
  const row = await run('get', (value) => (value === '@id' ? id : value));
  if (row === null) return reply.code(404).send({ message: 'Client not found.' });
  reply.type('application/json');
  return `{"data":${row}}`;
});

const body = {
  type: 'object',
  required: ['name'],
  properties: {
    name: { type: 'string', minLength: 1, maxLength: 255 },
    type: { enum: ['company', 'individual', 'organisation', 'government', 'non_profit'] },
    status: { enum: ['prospect', 'active', 'inactive', 'archived'] },
    email: { type: 'string', maxLength: 255 },
    phone: { type: 'string', maxLength: 50 },
    notes: { type: 'string' },
  },
};

app.post('/api/clients', { schema: { body } }, async (request, reply) => {
  const row = await run('post', (value) =>
    typeof value === 'string' && value.startsWith('@') ? request.body[value.slice(1)] : value);
  reply.code(201).type('application/json');
  return `{"message":"Client created successfully.","data":${row}}`;
});

await app.listen({ host: '127.0.0.1', port: Number(process.env.PEER_PORT) });
process.on('SIGTERM', () => app.close().then(() => process.exit(0)));
