// people.mjs - the pages that links in mails open, filled in by a real browser on a phone's screen.
// usage: people.mjs URL CHROMIUM; commands on stdin, one JSON array a line:
//   ["open", path]  ["type", field, text]  ["check", field]  ["send"]
// After "open" and "send" it prints what the page says, in one line, as JSON.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';

const [base, program] = process.argv.slice(2);
const home = mkdtempSync('/tmp/bureau-browser.');
const browser = spawn(program, ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage',
    '--no-first-run', '--disable-background-networking', '--remote-debugging-pipe',
    `--user-data-dir=${home}`, 'about:blank'], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
const waiting = new Map();
const foreign = [];
let number = 0, session, rest = '';

browser.stdio[4].on('data', (data) => {
    rest += data;
    for (let end; (end = rest.indexOf('\0')) >= 0; rest = rest.slice(end + 1)) {
        const message = JSON.parse(rest.slice(0, end));
        const url = message.method === 'Network.requestWillBeSent' ? message.params.request.url : base;
        if (!url.startsWith(base) && !url.startsWith('data:')) foreign.push(url);
        waiting.get(message.id)?.(message.result ?? {});
    }
});
function tell(method, params = {}) {
    browser.stdio[3].write(JSON.stringify({ id: ++number, method, params, sessionId: session }) + '\0');
    return new Promise((done) => waiting.set(number, done));
}
async function evaluate(expression) {
    const got = await tell('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
    return got.result?.value;
}
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

async function report() {
    const look = `(() => { const f = document.forms[0]; return f && document.readyState === 'complete' &&
        !f.querySelector('button').disabled && { title: document.title, lang: document.documentElement.lang,
        about: about.textContent, said: said.textContent, form: !f.hidden, email: f.elements.email.value,
        wide: document.documentElement.scrollWidth > innerWidth }; })()`;
    let seen;
    for (let i = 0; i < 100; i++) {
        await pause(100);
        const now = await evaluate(look);
        const settled = now && JSON.stringify(now) === JSON.stringify(seen);
        seen = now;
        if (settled && i > 4) break;
    }
    console.log(JSON.stringify({ ...seen, foreign }));
}

const { targetInfos } = await tell('Target.getTargets');
const { targetId } = targetInfos.find((target) => target.type === 'page');
({ sessionId: session } = await tell('Target.attachToTarget', { targetId, flatten: true }));
await tell('Network.enable');
await tell('Emulation.setDeviceMetricsOverride', { width: 320, height: 568, deviceScaleFactor: 2, mobile: true });
for await (const line of createInterface({ input: process.stdin })) {
    const [what, name, text] = JSON.parse(line);
    const field = `document.forms[0].elements[${JSON.stringify(name)}]`;
    if (what === 'open') await tell('Page.navigate', { url: base + name });
    if (what === 'type') await evaluate(`${field}.value = ${JSON.stringify(text)}`);
    if (what === 'check') await evaluate(`${field}.click()`);
    if (what === 'send') await evaluate(`document.querySelector('button').click()`);
    if (what === 'open' || what === 'send') await report();
}
browser.on('exit', () => { // its helpers write there a little longer
    rmSync(home, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    process.exit(0);
});
browser.kill();
