// check.mjs - rules for the manifests that kustomize printed, in the spirit of the well-known linters.
// node check.mjs FILE.yaml OVERLAY TYPES.ts RULES.yaml; speaks TAP, one line a rule, and counts asserts.
// Writes TYPES.ts (every built-in object as a typed literal, for tsc) and RULES.yaml (for promtool).
import { readFileSync, writeFileSync } from 'node:fs';
import { parseAllDocuments, stringify } from 'yaml';

const [file, overlay, typesFile, rulesFile] = process.argv.slice(2);
const objects = parseAllDocuments(readFileSync(file, 'utf8'), { merge: true }).map((d) => d.toJS());
const of = (...kinds) => objects.filter((o) => kinds.includes(o.kind));
const workloads = of('Deployment', 'Job', 'StatefulSet');
const pods = workloads.map((w) => ({ name: w.metadata.name, kind: w.kind, spec: w.spec.template.spec, labels: w.spec.template.metadata.labels }));
const containers = pods.flatMap((p) => [...(p.spec.initContainers ?? []), ...p.spec.containers].map((c) => ({ pod: p, name: `${p.name}/${c.name}`, ...c })));
const ours = (list) => list.filter((x) => x.metadata.name !== 'bureau-redis');
let asserts = 0;

function rule(name, list, judge) {
  const bad = [];
  if (list.length === 0) bad.push('nothing to judge');
  for (const one of list) {
    asserts++;
    if (!judge(one)) bad.push(one.name ?? one.metadata?.name);
  }
  console.log(`${bad.length ? 'not ok' : 'ok'} - ${overlay}: ${name}${bad.length ? `\n#   ${bad.join(', ')}` : ''}`);
}
const matches = (selector, labels) => Object.entries(selector.matchLabels ?? selector).every(([k, v]) => labels[k] === v);
const lasting = pods.filter((p) => p.kind !== 'Job');
const running = containers.filter((c) => c.pod.kind !== 'Job');

// what a container may do
rule('containers run as no root', pods, (p) => p.spec.securityContext?.runAsNonRoot === true && p.spec.securityContext.runAsUser > 0);
rule('the runtime\'s seccomp profile', pods, (p) => p.spec.securityContext?.seccompProfile?.type === 'RuntimeDefault');
rule('read-only root file systems', containers, (c) => c.securityContext?.readOnlyRootFilesystem === true);
rule('no privilege escalation', containers, (c) => c.securityContext?.allowPrivilegeEscalation === false);
rule('not privileged', containers, (c) => c.securityContext?.privileged === false);
rule('every capability dropped, none added', containers, (c) => c.securityContext?.capabilities?.drop?.includes('ALL') && !c.securityContext.capabilities.add);
rule('no host network, process or IPC namespace', pods, (p) => !p.spec.hostNetwork && !p.spec.hostPID && !p.spec.hostIPC);
rule('no host paths', pods, (p) => (p.spec.volumes ?? []).every((v) => !v.hostPath));
rule('no host ports', containers, (c) => (c.ports ?? []).every((p) => !p.hostPort));
rule('no default service account', pods, (p) => p.spec.serviceAccountName && p.spec.serviceAccountName !== 'default');
rule('the service account exists', pods, (p) => of('ServiceAccount').some((s) => s.metadata.name === p.spec.serviceAccountName));
rule('no token of an account is mounted', pods, (p) => p.spec.automountServiceAccountToken === false);
rule('accounts mount no token either', of('ServiceAccount'), (s) => s.automountServiceAccountToken === false);
rule('no environment of other services', pods, (p) => p.spec.enableServiceLinks === false);
// what it may use
rule('requests for processor and memory', containers, (c) => c.resources?.requests?.cpu && c.resources.requests.memory);
rule('limits for processor and memory', containers, (c) => c.resources?.limits?.cpu && c.resources.limits.memory);
rule('limits for scratch space', containers, (c) => c.resources?.limits?.['ephemeral-storage']);
rule('scratch volumes are bounded', pods.filter((p) => p.spec.volumes), (p) => p.spec.volumes.every((v) => !v.emptyDir || v.emptyDir.sizeLimit));
// whether it lives
rule('startup probes', running, (c) => c.startupProbe);
rule('readiness probes', running, (c) => c.readinessProbe);
rule('liveness probes', running, (c) => c.livenessProbe);
rule('readiness and liveness differ in patience', running, (c) => (c.livenessProbe.periodSeconds ?? 10) > (c.readinessProbe.periodSeconds ?? 10));
rule('time to leave is longer than the pause before', running.filter((c) => c.lifecycle), (c) => c.pod.spec.terminationGracePeriodSeconds > Number(c.lifecycle.preStop.exec.command[1]) + 10);
rule('named ports exist for probes', running.filter((c) => c.livenessProbe.httpGet), (c) => c.ports.some((p) => p.name === c.livenessProbe.httpGet.port));
// which image
rule('images have a tag that is not latest', containers, (c) => /:[^/]+$/.test(c.image) && !c.image.endsWith(':latest'));
rule('an image pull policy', containers, (c) => c.imagePullPolicy);
// secrets
rule('secrets are files, never environment', containers, (c) => (c.env ?? []).every((e) => !e.valueFrom?.secretKeyRef) && (c.envFrom ?? []).every((e) => !e.secretRef));
rule('no value looks like a secret', containers, (c) => (c.env ?? []).every((e) => !/(SECRET|PASSWORD|TOKEN|DATABASE_URL|REDIS_URL)$/.test(e.name)));
rule('the ConfigMap holds no secret', of('ConfigMap'), (m) => Object.keys(m.data).every((k) => !/(SECRET|PASSWORD|TOKEN|DATABASE_URL|REDIS_URL)/.test(k)));
rule('each NAME_FILE lies in a mounted secret', containers, (c) => (c.env ?? []).filter((e) => e.name.endsWith('_FILE')).every((e) => {
  const mount = c.volumeMounts.find((m) => e.value.startsWith(`${m.mountPath}/`));
  const volume = mount && c.pod.spec.volumes.find((v) => v.name === mount.name);
  return volume?.secret?.items.some((i) => `${mount.mountPath}/${i.path}` === e.value) && mount.readOnly;
}));
rule('secret files are for their group only', pods.filter((p) => p.spec.volumes?.some((v) => v.secret)), (p) => p.spec.volumes.every((v) => !v.secret || v.secret.defaultMode === 0o440));
rule('each mount has its volume', containers.filter((c) => c.volumeMounts), (c) => c.volumeMounts.every((m) => c.pod.spec.volumes.some((v) => v.name === m.name)));
// how it changes
const deployments = ours(of('Deployment'));
rule('rolling updates lose no copy', deployments, (d) => d.spec.strategy.rollingUpdate.maxUnavailable === 0 && d.spec.strategy.rollingUpdate.maxSurge >= 1);
rule('selectors match the pods', of('Deployment'), (d) => matches(d.spec.selector, d.spec.template.metadata.labels));
rule('copies are spread', lasting, (p) => p.spec.topologySpreadConstraints?.every((t) => matches(t.labelSelector, p.labels)));
rule('a disruption budget for each', deployments, (d) => of('PodDisruptionBudget').some((b) => matches(b.spec.selector, d.spec.template.metadata.labels)));
rule('budgets let sick pods go', of('PodDisruptionBudget'), (b) => b.spec.unhealthyPodEvictionPolicy === 'AlwaysAllow' && b.spec.maxUnavailable >= 1);
rule('jobs end, and are cleared away', of('Job'), (j) => j.spec.ttlSecondsAfterFinished > 0 && j.spec.activeDeadlineSeconds > 0 && j.spec.backoffLimit >= 0);
if (overlay === 'production') {
  rule('each is scaled by load', deployments, (d) => of('HorizontalPodAutoscaler').some((h) => h.spec.scaleTargetRef.name === d.metadata.name && h.spec.minReplicas >= 2 && h.spec.maxReplicas > h.spec.minReplicas));
  rule('the scaler alone says how many', deployments, (d) => d.spec.replicas === undefined);
  rule('PostgreSQL has standbys', of('Cluster'), (c) => c.spec.instances >= 3 && c.spec.minSyncReplicas >= 1);
  const rules = of('PrometheusRule');
  const alerts = rules.flatMap((r) => r.spec.groups.flatMap((g) => g.rules)).map((r) => ({ name: r.alert, ...r }));
  const runbook = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
  rule('each alert has an entry in docs/operations.md', alerts, (a) => runbook.includes(`### ${a.alert}\n`) && a.annotations.runbook_url.endsWith(`#${a.alert.toLowerCase()}`));
  writeFileSync(rulesFile, stringify({ groups: rules.flatMap((r) => r.spec.groups) }));
}
// who talks to whom
const policies = of('NetworkPolicy');
rule('each pod is under a policy for both ways', pods, (p) => ['Ingress', 'Egress'].every((way) => policies.some((n) => matches(n.spec.podSelector, p.labels) && n.spec.policyTypes.includes(way))));
rule('only sync and accounts go out', policies.filter((n) => n.spec.egress?.some((e) => !e.to || e.to.some((t) => t.ipBlock))), (n) => ['sync', 'accounts'].includes(n.spec.podSelector.matchLabels['app.kubernetes.io/component']));
rule('services are headless', ours(of('Service')).filter((s) => s.metadata.name !== 'bureau-gateway'), (s) => s.spec.clusterIP === 'None');
rule('services find their pods and ports', of('Service'), (s) => pods.some((p) => matches(s.spec.selector, p.labels) && s.spec.ports.every((port) => p.spec.containers.some((c) => c.ports.some((x) => x.name === port.targetPort)))));
rule('each address in BUREAU_SERVICES is a service', of('ConfigMap').flatMap((m) => m.data.BUREAU_SERVICES.split(',')).map((a) => ({ name: a })), (a) => {
  const [, host, port] = /=tcp:\/\/([^:]+):(\d+)$/.exec(a.name);
  return of('Service').some((s) => s.metadata.name === host && s.spec.ports.some((p) => p.port === Number(port)));
});
rule('everything is in one namespace', objects.filter((o) => o.kind !== 'Namespace'), (o) => o.metadata.namespace === 'bureau');
rule('the namespace enforces the restricted standard', of('Namespace'), (n) => n.metadata.labels['pod-security.kubernetes.io/enforce'] === 'restricted');
console.log(`# ${overlay}: ${objects.length} objects, ${asserts} asserts`);

const groups = { v1: 'core/v1', 'apps/v1': 'apps/v1', 'batch/v1': 'batch/v1', 'policy/v1': 'policy/v1', 'autoscaling/v2': 'autoscaling/v2', 'networking.k8s.io/v1': 'networking.k8s.io/v1' };
const typed = objects.filter((o) => groups[o.apiVersion]);
const lines = typed.map((o, i) => `const o${i}: import('kubernetes-types/${groups[o.apiVersion].replace('networking.k8s.io', 'networking')}').${o.kind} = ${JSON.stringify(o)};`);
writeFileSync(typesFile, `${lines.join('\n')}\nexport {};\n`);
console.log(`# ${overlay}: ${typed.length} objects for tsc, ${objects.length - typed.length} of operators`);
