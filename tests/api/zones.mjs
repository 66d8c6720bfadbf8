// zones.mjs - totals of lists and reports against Intl's zone data: random blocks around clock changes,
// asked for by people of many zones. usage: BASE=… TOKEN=… node zones.mjs [seed]; TAP.
const base = process.env.BASE, token = process.env.TOKEN;
let seed = Number(process.argv[2] ?? Date.now() % 1e9) >>> 0;
const random = n => { // xorshift: a run can be repeated by its seed
    seed ^= seed << 13; seed >>>= 0; seed ^= seed >>> 17; seed ^= seed << 5; seed >>>= 0;
    return seed % n;
};
const started = seed;

// Days around a change of clocks; some at midnight, of half an hour, or with a day left out.
const places = [
    ['Europe/Amsterdam', '2024-03-31', '2024-10-27'], ['America/New_York', '2024-03-10', '2024-11-03'],
    ['America/Havana', '2024-03-10', '2024-11-03'], ['Africa/Cairo', '2024-04-26', '2024-10-31'],
    ['Asia/Beirut', '2024-03-31', '2024-10-27'], ['America/Santiago', '2024-04-06', '2024-09-08'],
    ['Australia/Lord_Howe', '2024-04-07', '2024-10-06'], ['Pacific/Apia', '2011-12-29', '2011-12-31'],
    ['Asia/Kathmandu', '2024-05-01', '2024-05-02'], ['UTC', '2024-05-01', '2024-05-02'],
];

const formats = new Map();
function localDay(ms, zone) { // "2024-03-31"
    if (!formats.has(zone))
        formats.set(zone, new Intl.DateTimeFormat('en-CA', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' }));
    return formats.get(zone).format(ms);
}
const shifted = (day, n) => new Date(Date.parse(day + 'T00:00:00Z') + n * 864e5).toISOString().slice(0, 10);

// Seconds of a block by local day, by looking at every half minute: the independent computation.
function secondsByDay(block, zone) {
    const days = new Map();
    for (let at = block.start; at < block.end; at += 30_000) {
        const day = localDay(at, zone);
        days.set(day, (days.get(day) ?? 0) + 30);
    }
    return days;
}
function within(list, first, last) {
    const sums = new Map();
    for (const days of list)
        for (const [day, seconds] of days)
            if (day >= first && day <= last) sums.set(day, (sums.get(day) ?? 0) + seconds);
    return sums;
}
const hours = seconds => Math.round(seconds / 3600 * 1e4) / 1e4;

async function call(verb, path, body) {
    const answer = await fetch(base + path, {
        method: verb, body: body && JSON.stringify(body),
        headers: { Authorization: 'Bearer ' + token, Accept: 'application/json', 'Content-Type': 'application/json' },
    });
    const json = await answer.json();
    if (!answer.ok) throw new Error(`${verb} ${path}: ${answer.status} ${JSON.stringify(json)}`);
    return json;
}

let n = 0;
const tell = (good, name, why) => console.log(`${good ? 'ok' : 'not ok'} - ${name}${good ? '' : '\n#   seed ' + started + ': ' + why}`);

const blocks = [];
for (const [, ...days] of places)
    for (const day of days)
        for (let i = 0; i < 4; i++) {
            const start = Date.parse(day + 'T00:00:00Z') + (random(2 * 2880) - 1440) * 30_000;
            blocks.push({ start, end: start + (1 + random(2 * 1440)) * 30_000, billable: random(3) > 0 });
        }
const made = await call('POST', '/api/time-blocks/bulk', {
    atomic: true,
    records: blocks.map(b => ({ title: 'b', start_time: new Date(b.start).toISOString(), end_time: new Date(b.end).toISOString(), timezone: places[n++ % places.length][0], is_billable: b.billable })),
});
tell(made.data?.length === blocks.length || made.results?.length === blocks.length, `${blocks.length} blocks around clock changes (seed ${started})`);

for (const [zone, ...days] of places) {
    await call('PUT', '/api/preferences', { timezone: zone });
    const mine = blocks.map(b => secondsByDay(b, zone));
    let wrong = '';
    for (const day of days) {
        const first = shifted(day, -random(2)), last = shifted(first, random(4));
        const all = within(mine, first, last), billable = within(mine.filter((_, i) => blocks[i].billable), first, last);
        const sum = map => hours([...map.values()].reduce((a, s) => a + s, 0));
        const wanted = JSON.stringify({ total: sum(all), billable: sum(billable), days: [...all].sort().map(([d, s]) => [d, hours(s)]) });
        const { meta } = await call('GET', `/api/time-blocks?start=${first}&end=${last}&per_page=1`);
        const got = JSON.stringify({ total: meta.total_hours, billable: meta.billable_hours, days: Object.entries(meta.by_day) });
        if (got !== wanted) wrong ||= `list ${first} to ${last}: expected ${wanted}, got ${got}`;
        const report = await call('GET', `/api/reports/time?start=${first}&end=${last}&group_by=day`);
        const reported = JSON.stringify(report.data.map(row => [row.key, row.hours]));
        if (reported !== JSON.stringify(JSON.parse(wanted).days)) wrong ||= `report ${first} to ${last}: expected ${wanted}, got ${reported}`;
    }
    tell(!wrong, `totals by day as ${zone} sees them`, wrong);
}
