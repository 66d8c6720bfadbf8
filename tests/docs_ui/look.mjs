// look.mjs - opens /docs as readers do, at two widths, light and dark: nothing on the console, no
// request elsewhere, no sideways scrolling, a token that "try it out" sends.
// node look.mjs BASE_URL TOKEN CHROMIUM [DIRECTORY for screenshots]; speaks TAP.
import puppeteer from 'puppeteer-core';

const [base, token, executablePath, pictures] = process.argv.slice(2);
const browser = await puppeteer.launch({
  executablePath,
  args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
});
const say = (good, name, seen) =>
  console.log(`${good ? 'ok' : 'not ok'} - ${name}${good ? '' : `\n#   ${seen}`}`);

async function open(width, scheme) {
  const page = await browser.newPage();
  const complaints = [], elsewhere = [];
  page.on('console', (m) => ['error', 'warning', 'warn'].includes(m.type()) && complaints.push(m.text()));
  page.on('pageerror', (e) => complaints.push(String(e)));
  page.on('requestfailed', (r) => complaints.push(`failed: ${r.url()}`));
  page.on('request', (r) => r.url().startsWith(base) || r.url().startsWith('data:') || elsewhere.push(r.url()));
  await page.setViewport({ width, height: 900 });
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
  await page.goto(`${base}/docs`, { waitUntil: 'networkidle0' });
  await page.waitForSelector('.opblock-tag-section', { timeout: 30000 });
  return { page, complaints, elsewhere };
}

const luminance = (page) =>
  page.evaluate(() => {
    const [r, g, b] = getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number);
    return (r * 2 + g * 5 + b) / 8;
  });
const overflows = (page) =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

async function tryIt(page) {
  await page.type('#token', token);
  await page.click('#sign-in button');
  const tag = await page.$('.opblock-tag[data-tag="Client"], .opblock-tag');
  await tag.evaluate((e) => e.scrollIntoView());
  await page.evaluate(() => {
    const all = [...document.querySelectorAll('.opblock-tag')];
    all.find((e) => /client/i.test(e.textContent)).click();
  });
  await page.waitForSelector('.opblock-get .opblock-summary-control');
  await page.evaluate(() => {
    const all = [...document.querySelectorAll('.opblock-get')];
    const list = all.find((e) => e.querySelector('.opblock-summary-path').textContent.replace(/\u200b/g, '') === '/api/clients');
    list.id = 'tried';
    list.querySelector('.opblock-summary-control').click();
  });
  await page.waitForSelector('#tried .try-out__btn');
  await page.click('#tried .try-out__btn');
  await page.waitForSelector('#tried .execute');
  await page.evaluate(() => document.querySelector('#tried .execute').click());
  await page.waitForSelector('#tried .live-responses-table .response-col_status', { timeout: 20000 });
  return page.evaluate(() => document.querySelector('#tried .live-responses-table tbody .response-col_status').textContent.trim());
}

for (const width of [360, 1280]) {
  for (const scheme of ['light', 'dark']) {
    const name = `${width} px, ${scheme}`;
    const { page, complaints, elsewhere } = await open(width, scheme);
    const light = await luminance(page);
    say(scheme === 'dark' ? light < 80 : light > 200, `${name}: the page is ${scheme}`, light);
    if (pictures) await page.screenshot({ path: `${pictures}/${width}-${scheme}.png` });
    const status = await tryIt(page);
    say(/^200/.test(status), `${name}: "try it out" is answered 200 with the token`, status);
    if (pictures) {
      await page.evaluate(() => document.querySelector('#tried').scrollIntoView());
      await page.screenshot({ path: `${pictures}/${width}-${scheme}-tried.png` });
      await page.evaluate(() => document.querySelector('#tried .live-responses-table').scrollIntoView());
      await page.screenshot({ path: `${pictures}/${width}-${scheme}-answer.png` });
    }
    const over = await overflows(page);
    say(over <= 0, `${name}: nothing scrolls sideways`, `${over} px too wide`);
    say(complaints.length === 0, `${name}: the console is silent`, complaints.join('\n#   '));
    say(elsewhere.length === 0, `${name}: no request goes elsewhere`, elsewhere.join(' '));
    await page.close();
  }
}
await browser.close();
