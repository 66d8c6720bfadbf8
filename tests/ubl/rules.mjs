// rules.mjs - the business rules of EN 16931-1 for the terms our documents have. A second reading of
// the standard, in exact decimals; only BR-CO-17 allows a cent, for a bill is rounded once, gross.

// Decimals as whole numbers of 10^-10.
const ONE = 10n ** 10n, CENT = ONE / 100n;
function number(text) {
    const match = /^([-+]?)(\d+)(?:\.(\d{1,10}))?$/.exec(text ?? '0');
    if (match === null) return 0n; // the schema says so
    const value = BigInt(match[2]) * ONE + BigInt((match[3] ?? '').padEnd(10, '0'));
    return match[1] === '-' ? -value : value;
}
const times = (a, b) => (a * b) / ONE;
const sum = (list, of) => list.reduce((total, each) => total + number(of(each)), 0n);
const far = (a, b, allowed) => (a > b ? a - b : b - a) > allowed;
const decimals = (text) => (text ?? '').split('.')[1]?.length ?? 0;
const vatOf = (party) =>
    (party['cac:PartyTaxScheme'] === undefined ? [] : [party['cac:PartyTaxScheme']].flat()).find(
        (each) => each['cac:TaxScheme']?.['cbc:ID'] === 'VAT')?.['cbc:CompanyID'];

function head(bill, isCredit, lists, say) {
    const wanted = [
        ['BR-01', 'cbc:CustomizationID'], ['BR-02', 'cbc:ID'], ['BR-03', 'cbc:IssueDate'],
        ['BR-04', 'cbc:InvoiceTypeCode'], ['BR-05', 'cbc:DocumentCurrencyCode'],
        ['BR-16', 'cac:InvoiceLine'],
    ];
    for (const [rule, name] of wanted) if (!bill[name]) say(rule, `no ${name}`);
    const types = lists[isCredit ? 'UNCL1001-cn' : 'UNCL1001-inv'].enum;
    if (!types.includes(bill['cbc:InvoiceTypeCode'])) say('BR-CL-01', bill['cbc:InvoiceTypeCode']);
    const period = bill['cac:InvoicePeriod'];
    if (period && !period['cbc:StartDate'] && !period['cbc:EndDate']) say('BR-CO-19', 'empty period');
    if (period?.['cbc:EndDate'] < period?.['cbc:StartDate']) say('BR-29', 'the period ends early');
    for (const each of bill['cac:BillingReference'] ?? [])
        if (!each['cac:InvoiceDocumentReference']?.['cbc:ID']) say('BR-55', 'unnamed former invoice');
}

function parties(bill, say) {
    const seller = bill['cac:AccountingSupplierParty']?.['cac:Party'] ?? {};
    const buyer = bill['cac:AccountingCustomerParty']?.['cac:Party'] ?? {};
    const both = [['BR-06', 'BR-08', 'BR-09', seller], ['BR-07', 'BR-10', 'BR-11', buyer]];
    for (const [name, address, country, party] of both) {
        if (!party['cac:PartyLegalEntity']?.['cbc:RegistrationName']) say(name, 'no name');
        if (!party['cac:PostalAddress']) say(address, 'no address');
        if (!party['cac:PostalAddress']?.['cac:Country']?.['cbc:IdentificationCode'])
            say(country, 'no country');
        const vat = vatOf(party);
        if (vat !== undefined && !/^[A-Z]{2}/.test(vat)) say('BR-CO-09', `VAT number ${vat}`);
    }
    const known = vatOf(seller) ?? seller['cac:PartyLegalEntity']?.['cbc:CompanyID'] ??
        seller['cac:PartyIdentification']?.[0]?.['cbc:ID'];
    if (known === undefined) say('BR-CO-26', 'the seller has no number of any kind');
    return { seller, buyer };
}

function adjustments(bill, lists, say) {
    for (const each of bill['cac:AllowanceCharge'] ?? []) {
        const charge = each['cbc:ChargeIndicator'] === 'true';
        const code = each['cbc:AllowanceChargeReasonCode'];
        if (!/^(true|false)$/.test(each['cbc:ChargeIndicator'])) say('schema', 'ChargeIndicator');
        if (!each['cbc:Amount']) say(charge ? 'BR-36' : 'BR-31', 'no amount');
        if (!each['cac:TaxCategory']?.['cbc:ID']) say(charge ? 'BR-37' : 'BR-32', 'no VAT category');
        if (!each['cbc:AllowanceChargeReason'] && !code) say(charge ? 'BR-38' : 'BR-33', 'no reason');
        if (code && !lists[charge ? 'UNCL7161' : 'UNCL5189'].enum.includes(code))
            say(charge ? 'BR-CL-20' : 'BR-CL-19', `reason ${code}`);
        if (decimals(each['cbc:Amount']) > 2) say(charge ? 'BR-DEC-05' : 'BR-DEC-01', 'decimals');
    }
}

function linesOf(bill, say) {
    const lines = bill['cac:InvoiceLine'] ?? [], ids = new Set();
    for (const line of lines) {
        const at = `line ${line['cbc:ID']}`, price = number(line['cac:Price']?.['cbc:PriceAmount']);
        const net = number(line['cbc:LineExtensionAmount']);
        if (!line['cbc:ID'] || ids.has(line['cbc:ID'])) say('BR-21', `${at} has no id of its own`);
        ids.add(line['cbc:ID']);
        if (!line['cbc:InvoicedQuantity']) say('BR-22', `${at} has no quantity`);
        if (!line['cbc:InvoicedQuantity@unitCode']) say('BR-23', `${at} has no unit`);
        if (!line['cbc:LineExtensionAmount']) say('BR-24', `${at} has no amount`);
        if (!line['cac:Item']?.['cbc:Name']?.trim()) say('BR-25', `${at} has no name`);
        if (!line['cac:Price']?.['cbc:PriceAmount']) say('BR-26', `${at} has no price`);
        if (price < 0n) say('BR-27', `${at} has a negative price`);
        if (!line['cac:Item']?.['cac:ClassifiedTaxCategory']?.['cbc:ID']) say('BR-CO-04', at);
        if (decimals(line['cbc:LineExtensionAmount']) > 2) say('BR-DEC-23', at);
        if (far(times(price, number(line['cbc:InvoicedQuantity'])), net, 2n * CENT))
            say('line', `${at}: price times quantity is not its amount`);
    }
    return lines;
}

function totals(bill, lines, say) {
    const total = bill['cac:LegalMonetaryTotal'] ?? {}, parts = bill['cac:AllowanceCharge'] ?? [];
    const of = (name) => number(total[`cbc:${name}`]);
    const wanted = { LineExtensionAmount: 'BR-12', TaxExclusiveAmount: 'BR-13',
        TaxInclusiveAmount: 'BR-14', PayableAmount: 'BR-15' };
    for (const [name, rule] of Object.entries(wanted)) if (!total[`cbc:${name}`]) say(rule, name);
    const some = (flag) => sum(parts.filter((p) => p['cbc:ChargeIndicator'] === flag), (p) => p['cbc:Amount']);
    const vat = number(bill['cac:TaxTotal']?.[0]?.['cbc:TaxAmount']);
    const equal = (rule, a, b) => { if (a !== b) say(rule, `${a} is not ${b} (of 10^-10)`); };
    equal('BR-CO-10', of('LineExtensionAmount'), sum(lines, (l) => l['cbc:LineExtensionAmount']));
    equal('BR-CO-11', of('AllowanceTotalAmount'), some('false'));
    equal('BR-CO-12', of('ChargeTotalAmount'), some('true'));
    equal('BR-CO-13', of('TaxExclusiveAmount'),
        of('LineExtensionAmount') - of('AllowanceTotalAmount') + of('ChargeTotalAmount'));
    equal('BR-CO-15', of('TaxInclusiveAmount'), of('TaxExclusiveAmount') + vat);
    equal('BR-CO-16', of('PayableAmount'),
        of('TaxInclusiveAmount') - of('PrepaidAmount') + of('PayableRoundingAmount'));
    if (of('PayableAmount') > 0n && !bill['cbc:DueDate'] && !bill['cac:PaymentTerms']?.['cbc:Note'])
        say('BR-CO-25', 'neither a due date nor terms');
    for (const [name, value] of Object.entries(total))
        if (!name.includes('@') && decimals(value) > 2) say('BR-DEC', name);
}

// Each line, allowance and charge as [VAT category, rate, net amount].
function taxed(bill, lines) {
    const entry = (category, amount) =>
        [category?.['cbc:ID'], number(category?.['cbc:Percent']), amount, category];
    return [
        ...lines.map((l) => entry(l['cac:Item']?.['cac:ClassifiedTaxCategory'], number(l['cbc:LineExtensionAmount']))),
        ...(bill['cac:AllowanceCharge'] ?? []).map((a) => entry(a['cac:TaxCategory'],
            a['cbc:ChargeIndicator'] === 'true' ? number(a['cbc:Amount']) : -number(a['cbc:Amount']))),
    ];
}

function breakdown(sub, entries, lists, say) {
    const category = sub['cac:TaxCategory'] ?? {}, id = category['cbc:ID'];
    const rate = number(category['cbc:Percent']), vat = number(sub['cbc:TaxAmount']);
    const net = number(sub['cbc:TaxableAmount']);
    const own = entries.filter(([c, r]) => c === id && r === rate);
    const due = own.reduce((total, [, , amount]) => total + amount, 0n);
    if (!sub['cbc:TaxableAmount']) say('BR-45', 'no taxable amount');
    if (!sub['cbc:TaxAmount']) say('BR-46', 'no tax amount');
    if (!id) say('BR-47', 'no category');
    if (id !== 'O' && category['cbc:Percent'] === undefined) say('BR-48', 'no rate');
    if (net !== due) say(`BR-${id}-08`, `taxable ${net}, but lines give ${due} (of 10^-10)`);
    if (far(vat, times(net, rate) / 100n, CENT + CENT / 2n)) say('BR-CO-17', 'the tax is not the rate of the amount');
    const why = category['cbc:TaxExemptionReason'] ?? category['cbc:TaxExemptionReasonCode'];
    if (id === 'O' ? why === undefined : why !== undefined) say(`BR-${id}-10`, 'reason of exemption');
    const code = category['cbc:TaxExemptionReasonCode'];
    if (code !== undefined && !lists.vatex.enum.includes(code)) say('BR-CL-22', code);
    if (id !== 'S' && vat !== 0n) say(`BR-${id}-09`, 'tax where there is none');
}

function taxes(bill, lines, { seller, buyer }, lists, say) {
    const parts = (bill['cac:TaxTotal'] ?? []).flatMap((t) => t['cac:TaxSubtotal'] ?? []);
    const entries = taxed(bill, lines);
    if (parts.length === 0) say('BR-CO-18', 'no VAT breakdown');
    if (number(bill['cac:TaxTotal']?.[0]?.['cbc:TaxAmount']) !== sum(parts, (p) => p['cbc:TaxAmount']))
        say('BR-CO-14', 'the tax is not the sum of its parts');
    for (const sub of parts) breakdown(sub, entries, lists, say);
    const keys = parts.map((p) => `${p['cac:TaxCategory']?.['cbc:ID']} ${number(p['cac:TaxCategory']?.['cbc:Percent'])}`);
    for (const [id, rate, , category] of entries) {
        if (!keys.includes(`${id} ${rate}`)) say(`BR-${id}-01`, 'not in the VAT breakdown');
        if (id === 'S' && rate <= 0n) say('BR-S-05', 'a standard rate of nothing');
        if (id === 'Z' && rate !== 0n) say('BR-Z-05', 'a zero rate of something');
        if (id === 'O' && category['cbc:Percent'] !== undefined) say('BR-O-05', 'a rate outside VAT');
        if (id !== 'O' && category['cbc:Percent'] === undefined) say(`BR-${id}-05`, 'no rate');
        if (id === 'O' && parts.length > 1) say('BR-O-11', 'more than one part outside VAT');
    }
    const ids = new Set(entries.map(([id]) => id));
    for (const id of ['S', 'Z'])
        if (ids.has(id) && vatOf(seller) === undefined) say(`BR-${id}-02`, 'no VAT number of the seller');
    if (ids.has('O') && (vatOf(seller) ?? vatOf(buyer)) !== undefined) say('BR-O-02', 'a VAT number outside VAT');
    if (new Set(keys).size !== keys.length) say('breakdown', 'a category and rate twice');
}

function currencies(node, wanted, path, say) {
    for (const [name, value] of Object.entries(node)) {
        if (name.endsWith('@currencyID') && value !== wanted) say('BR-CL-03', `${path}/${name} ${value}`);
        if (/^cbc:.*Amount$/.test(name) && node[`${name}@currencyID`] === undefined) say('BR-CL-03', `${path}/${name}`);
        for (const each of [value].flat()) if (typeof each === 'object') currencies(each, wanted, `${path}/${name}`, say);
    }
}

export function rules(bill, isCredit, lists, say) {
    head(bill, isCredit, lists, say);
    const both = parties(bill, say), lines = linesOf(bill, say);
    adjustments(bill, lists, say);
    totals(bill, lines, say);
    taxes(bill, lines, both, lists, say);
    currencies(bill, bill['cbc:DocumentCurrencyCode'], '', say);
}
